// Work in slices: hashing a slot, running the golden vectors of the bundle in it. What follows from the outcome is update.c's.
#include <string.h>

#include "firmware.h"
#include "shadow.h"

#ifdef __wasm__
enum { hash_slice_bytes = 4096, hash_piece_bytes = 4096 }; // each read leaves the module
#else
enum { hash_slice_bytes = 4096, hash_piece_bytes = 256 };
#endif

void fleet_trial_job(fleet_agent_t *a, uint32_t job, uint32_t slot) {
  a->job = (uint8_t)job;
  a->job_slot = (uint8_t)slot;
  a->job_offset = 0;
  a->test_vector = 0;
  fleet_sha256_init(&a->sha);
}

// Hashes up to a slice of the job's slot; true when `end` is reached.
static bool hash_slice(fleet_agent_t *a, uint32_t end, bool *failed) {
  const uint32_t stop = end - a->job_offset < hash_slice_bytes ? end : a->job_offset + hash_slice_bytes;
  while (a->job_offset < stop) {
    uint8_t piece[hash_piece_bytes];
    const uint32_t n = stop - a->job_offset < sizeof piece ? stop - a->job_offset : (uint32_t)sizeof piece;
    if (fleet_slot_read(a, a->job_slot, a->job_offset, piece, n) < 0) {
      *failed = true;
      return true;
    }
    fleet_sha256_update(&a->sha, piece, n);
    a->job_offset += n;
  }
  return a->job_offset >= end;
}

// What the job hashes, as it is on record.
static const fleet_slot_record_t *hashed(fleet_agent_t *a) {
  return fleet_firmware_able(a) && a->job_slot == FLEET_FIRMWARE_SLOT ? fleet_firmware_target(a) : &a->persist.slots[a->job_slot];
}

static bool slot_matches(fleet_agent_t *a, bool failed) {
  uint8_t digest[32];
  fleet_sha256_final(&a->sha, digest);
  return !failed && memcmp(digest, hashed(a)->digest, 32) == 0;
}

static void self_test_failed(fleet_agent_t *a, int32_t result) {
  if (fleet_firmware_on_trial(a)) {
    fleet_firmware_go_back(a, (uint32_t)-result);
    return;
  }
  const uint32_t vector = a->test_vector;
  const uint32_t step = a->test.failed_step;
  fleet_note_t *note = fleet_update_fail(a, result, true);
  fleet_report_self_test(a, note, vector + 1, false);
  note->failed_vector = (uint8_t)vector;
  if (result == -(int32_t)fleet_err_runtime_step_mismatch) note->failed_step = (uint16_t)step;
}

// One golden vector, to completion: the arena may belong to another agent before the next step.
static void self_test_slice(fleet_agent_t *a) {
  const fleet_platform_t *f = a->platform;
  const bool is_shadow = a->job == job_test_shadow;
  fleet_runtime_t *runtime = is_shadow ? &fleet_shadow_of(a)->runtime : &a->runtime;
  if (a->test_vector >= runtime->golden_count) {
    fleet_reset_state(runtime);
    if (is_shadow) {
      fleet_shadow_start(a);
    } else {
      fleet_update_commit(a);
    }
    return;
  }
  a->test.failed_step = UINT16_MAX;
  int32_t result = fleet_self_test_begin(runtime, &a->test, a->test_vector);
  fleet_model_started(a);
  if (result == 0) {
    do {
      result = fleet_self_test(runtime, &a->test, 1);
      if (f->watchdog != NULL) f->watchdog(f->user);
    } while (result > 0);
  }
  if (result < 0) {
    self_test_failed(a, result);
    return;
  }
  if (f->cycles != NULL) {
    const uint32_t frames = a->test.frames == 0 ? 1 : a->test.frames;
    const uint32_t us = fleet_model_elapsed_us(a) / frames;
    a->test_cycles += (f->cycles(f->user) - a->started_cycles) / frames;
    a->test_runs++;
    if (us > a->test_latency_us) a->test_latency_us = us;
    if (a->persist.latency_limit_us != 0 && a->test_latency_us > a->persist.latency_limit_us) {
      self_test_failed(a, -(int32_t)fleet_err_runtime_latency_exceeded);
      return;
    }
  }
  a->test_vector++;
}

// The target slot was hashed: its bundle is loaded for the trial, or to be a shadow.
static void target_checked(fleet_agent_t *a, bool matches) {
  const bool is_shadow = a->job == job_check_shadow;
  if (fleet_firmware_able(a) && a->job_slot == FLEET_FIRMWARE_SLOT) {
    fleet_firmware_checked(a, matches);
    return;
  }
  int32_t result = -(int32_t)fleet_err_agent_slot_corrupt;
  if (matches) result = is_shadow ? fleet_shadow_load(a) : fleet_model_load(a, a->job_slot);
  const fleet_runtime_t *runtime = is_shadow ? &fleet_shadow_of(a)->runtime : &a->runtime;
  if (result == 0 && runtime->golden_count == 0) result = -(int32_t)fleet_err_bundle_golden_invalid;
  if (result < 0) {
    (void)fleet_update_fail(a, result, matches);
  } else if (result == 0) {
    a->test_cycles = a->test_runs = a->test_latency_us = 0;
    a->test_vector = 0;
    a->job = is_shadow ? job_test_shadow : job_self_test;
  }
}

static void active_checked(fleet_agent_t *a, bool matches) {
  const bool proves = fleet_firmware_on_trial(a) && a->update.state == FLEET_UPDATE_STATE_TRIAL;
  a->job = job_none;
  int32_t result = matches ? fleet_model_load(a, a->job_slot) : -(int32_t)fleet_err_agent_slot_corrupt;
  if (result < 0) {
    fleet_update_revert(a, (uint32_t)-result, FLEET_SLOT_STATE_CORRUPT);
    return;
  }
  if (proves) { // of the firmware: the model there is computes what it did
    a->test_cycles = a->test_runs = a->test_latency_us = 0;
    a->job = job_self_test;
    return;
  }
  fleet_model_start(a);
  a->healthy_since_ms = a->soak_counted_ms = now_ms(a);
  if (a->fetching) fleet_transfer_resume(a); // it was asked for while the slot was being checked
}

static void erase_slice(fleet_agent_t *a) {
  const uint32_t base = fleet_agent_slot_offset(a->config, a->job_slot);
  // As in a transfer: nothing goes before the record is durable that gives the slot up.
  if (fleet_agent_save(a)) (void)fleet_flash_erase(&a->flash, base + a->job_offset);
  a->job_offset += a->config->flash.sector_bytes;
  if (a->job_offset < a->config->slot_bytes) return;
  a->job = job_none;
  if (a->fetching) fleet_transfer_resume(a);
}

bool fleet_trial_work(fleet_agent_t *a) {
  const uint32_t job = a->job;
  bool failed = false;
  if ((job == job_check_shadow || job == job_test_shadow) && a->update.state != FLEET_UPDATE_STATE_SHADOW) {
    a->job = job_none; // it was given up meanwhile, maybe for a transfer, whose hash is the job's
    if (a->fetching) fleet_transfer_resume(a);
    return true;
  }
  switch (job) {
    case job_check_active:
      if (hash_slice(a, hashed(a)->bytes, &failed)) active_checked(a, slot_matches(a, failed));
      return true;
    case job_check_target:
    case job_check_shadow:
      if (hash_slice(a, hashed(a)->bytes, &failed)) target_checked(a, slot_matches(a, failed));
      return true;
    case job_rehash:
      if (!hash_slice(a, a->persist.fetched, &failed)) return true;
      a->job = job_none;
      if (failed) {
        a->persist.fetched = 0;
        fleet_transfer_resume(a);
      }
      return true;
    case job_self_test:
    case job_test_shadow:
      self_test_slice(a);
      return true;
    case job_copy:
      fleet_transfer_copy(a);
      return true;
    case job_erase:
      erase_slice(a);
      return true;
    default:
      return false;
  }
}
