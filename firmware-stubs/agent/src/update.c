// The state machine of an update: trial, commit, soak, going back, and what a boot makes of an open one. What leads to a trial
// is desired.c (deciding), accept.c (judging) and transfer.c (fetching); trial.c proves the bundle.
//
// States (persist.update_state): idle -> fetching -> verified -> staged -> trial -> soak -> active, with failed and
// reverted as other ends. Every transition that a power cut must not lose is one fleet_agent_save, i.e. one record:
// the slot states, the active slot and the update state change together or not at all. Flash of the target slot
// is touched only after the record that calls it partial; the active slot's flash is never touched.
#include <string.h>

#include "firmware.h"
#include "shadow.h"

fleet_slot_record_t *fleet_update_target(fleet_agent_t *a) {
  return fleet_firmware_is_target(a) ? fleet_firmware_target(a) : &a->persist.slots[a->update.target_slot];
}

static void remember_refused(fleet_agent_t *a, const fleet_slot_record_t *slot, uint32_t error) {
  fleet_refused_t *list = a->persist.refused;
  uint32_t at = FLEET_REFUSED_DIGESTS - 1;
  for (uint32_t i = 0; i < FLEET_REFUSED_DIGESTS; i++) {
    if (list[i].error == 0 || memcmp(list[i].digest_prefix, slot->digest, 8) == 0) {
      at = i;
      break;
    }
  }
  memmove(list + 1, list, at * sizeof *list); // newest first; a full list forgets the oldest
  memset(list, 0, sizeof *list);
  memcpy(list->digest_prefix, slot->digest, 8);
  list->sequence = slot->sequence;
  list->error = (uint16_t)error;
}

bool fleet_update_refused(const fleet_agent_t *a, const uint8_t *digest, uint32_t sequence) {
  for (uint32_t i = 0; i < FLEET_REFUSED_DIGESTS; i++) {
    const fleet_refused_t *r = &a->persist.refused[i];
    if (r->error != 0 && memcmp(r->digest_prefix, digest, 8) == 0 && sequence <= r->sequence) return true;
  }
  return false;
}

// The model in the active slot takes over, after its digest was checked; without one the device waits.
static void start_active(fleet_agent_t *a) {
  fleet_model_unload(a);
  if (a->update.active_slot == FLEET_NO_SLOT) {
    a->job = job_none;
    return;
  }
  fleet_trial_job(a, job_check_active, a->update.active_slot);
}

static void finish_queued(fleet_agent_t *a) {
  if (!a->queued_hello) return;
  a->queued_hello = false;
  a->hello_due = true; // its answer names the release that waited
}

fleet_note_t *fleet_update_enter(fleet_agent_t *a, uint32_t state, uint32_t error) {
  a->update.state = (uint8_t)state;
  a->update.error = (uint16_t)error;
  fleet_agent_save(a);
  return fleet_report_note(a);
}

fleet_note_t *fleet_update_fail(fleet_agent_t *a, int32_t result, bool refuse) {
  fleet_slot_record_t *slot = fleet_update_target(a);
  const uint32_t error = (uint32_t)-result;
  const bool was_trial = a->update.state == FLEET_UPDATE_STATE_TRIAL;
  a->fetching = false;
  a->job = job_none;
  if (refuse) remember_refused(a, slot, error);
  if (refuse || slot->state != FLEET_SLOT_STATE_PARTIAL) {
    slot->state = refuse ? FLEET_SLOT_STATE_REJECTED : FLEET_SLOT_STATE_CORRUPT;
    slot->error = (uint16_t)error;
  }
  a->update.attempt_open = 0;
  a->update.quick = 0;
  a->persist.by_next_key = 0;
  const bool reverted = was_trial && (a->update.active_slot != FLEET_NO_SLOT || fleet_firmware_is_target(a));
  fleet_note_t *note = fleet_update_enter(a, reverted ? FLEET_UPDATE_STATE_REVERTED : FLEET_UPDATE_STATE_FAILED, error);
  if (was_trial) start_active(a);
  finish_queued(a);
  return note;
}

void fleet_update_begin_trial(fleet_agent_t *a) {
  fleet_update_target(a)->state = a->update.quick ? FLEET_SLOT_STATE_RETAINED : FLEET_SLOT_STATE_TRIAL;
  a->update.attempt_open = 1;
  (void)fleet_update_enter(a, FLEET_UPDATE_STATE_TRIAL, 0); // the attempt is on record before the first run
  fleet_model_unload(a);
  fleet_trial_job(a, job_check_target, a->update.target_slot);
}

void fleet_update_proceed(fleet_agent_t *a) {
  if (fleet_firmware_is_target(a)) return; // its tick goes on
  if (a->persist.shadow_every != 0 && a->update.active_slot != FLEET_NO_SLOT) {
    fleet_shadow_enter(a);
  } else {
    fleet_update_begin_trial(a);
  }
}

// Makes the proven target slot active: one record.
void fleet_update_commit(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  if (fleet_firmware_open(a)) { // the model of now has passed its vectors on it
    a->job = job_none;
    fleet_model_start(a);
    return;
  }
  if (fleet_slot_is_ram(a, a->update.target_slot)) {
    // Proven in RAM. From this record on the device has no model until the copy is complete and has passed the same trial.
    fleet_model_unload(a);
    p->slots[0] = p->slots[1];
    p->slots[0].state = FLEET_SLOT_STATE_PARTIAL;
    memset(&p->slots[1], 0, sizeof p->slots[1]);
    a->update.active_slot = FLEET_NO_SLOT;
    a->update.target_slot = 0;
    (void)fleet_update_enter(a, FLEET_UPDATE_STATE_VERIFIED, 0);
    fleet_trial_job(a, job_copy, 0);
    return;
  }
  const uint32_t vectors = a->test_vector;
  const bool soaks = !a->update.quick && p->soak_s != 0;
  if (a->update.active_slot != FLEET_NO_SLOT && a->update.active_slot != a->update.target_slot) {
    p->slots[a->update.active_slot].state = a->update.quick == 2 ? FLEET_SLOT_STATE_STAGED : FLEET_SLOT_STATE_RETAINED;
  }
  a->update.active_slot = a->update.target_slot;
  fleet_update_target(a)->state = FLEET_SLOT_STATE_ACTIVE;
  fleet_update_target(a)->error = 0;
  a->update.attempts = 0;
  a->update.attempt_open = soaks;
  p->soaked_s = 0;
  a->update.quick = 0;
  a->job = job_none;
  if (!soaks) fleet_accept_rotate(a);
  fleet_report_self_test(a, fleet_update_enter(a, soaks ? FLEET_UPDATE_STATE_SOAK : FLEET_UPDATE_STATE_ACTIVE, 0), vectors, true);
  fleet_model_start(a);
  a->healthy_since_ms = a->soak_counted_ms = now_ms(a);
  finish_queued(a); // what waited may supersede a soak
}

static bool has_retained(const fleet_agent_t *a) {
  const fleet_slot_record_t *other = &a->persist.slots[a->update.active_slot ^ 1u];
  return other->state == FLEET_SLOT_STATE_RETAINED && other->sequence >= a->persist.floor;
}

// From soak (or a rotten active slot) back to the retained slot: one record.
void fleet_update_revert(fleet_agent_t *a, uint32_t error, uint32_t slot_state) {
  fleet_persist_t *p = &a->persist;
  if (fleet_firmware_on_trial(a)) {
    fleet_firmware_go_back(a, error);
    return;
  }
  const uint32_t other = a->update.active_slot ^ 1u;
  fleet_slot_record_t *bad = &p->slots[a->update.active_slot];
  const uint32_t attempts = a->update.attempts;
  a->fetching = false;
  a->hello_due = true; // tells the slots as they are now; its answer starts a transfer again
  if (slot_state == FLEET_SLOT_STATE_REJECTED) remember_refused(a, bad, error);
  bad->state = (uint8_t)slot_state;
  bad->error = (uint16_t)error;
  a->update.target_slot = a->update.active_slot;
  const bool has_other = has_retained(a);
  a->update.active_slot = has_other ? (uint8_t)other : FLEET_NO_SLOT;
  if (has_other) p->slots[other].state = FLEET_SLOT_STATE_ACTIVE;
  a->update.attempt_open = 0;
  a->update.attempts = 0;
  p->by_next_key = 0;
  const uint32_t state = error == fleet_err_agent_aborted ? FLEET_UPDATE_STATE_ABORTED
                         : has_other                      ? FLEET_UPDATE_STATE_REVERTED
                                                          : FLEET_UPDATE_STATE_FAILED;
  fleet_update_enter(a, state, error)->attempts = (uint8_t)attempts;
  start_active(a);
  finish_queued(a);
}

void fleet_update_active_corrupt(fleet_agent_t *a) {
  fleet_update_revert(a, fleet_err_agent_slot_corrupt, FLEET_SLOT_STATE_CORRUPT);
}

void fleet_update_finish_soak(fleet_agent_t *a) {
  if (fleet_firmware_is_target(a) && !fleet_firmware_finish(a)) return;
  a->update.attempt_open = 0;
  a->update.attempts = 0;
  fleet_accept_rotate(a);
  (void)fleet_update_enter(a, FLEET_UPDATE_STATE_ACTIVE, 0);
  finish_queued(a);
}

// ---- commands ----------------------------------------------------------------------------------------------------------

// A bundle that has not soaked goes through trial and soak again when it is wanted again; one that has is retained.
static uint32_t left_state(const fleet_agent_t *a) {
  return a->update.state == FLEET_UPDATE_STATE_SOAK ? FLEET_SLOT_STATE_STAGED : FLEET_SLOT_STATE_RETAINED;
}

bool fleet_update_abort(fleet_agent_t *a) {
  const uint32_t state = a->update.state;
  if (state == FLEET_UPDATE_STATE_SOAK || fleet_firmware_on_trial(a)) {
    fleet_update_revert(a, fleet_err_agent_aborted, FLEET_SLOT_STATE_STAGED);
    return true;
  }
  if ((state < FLEET_UPDATE_STATE_FETCHING || state > FLEET_UPDATE_STATE_TRIAL) && state != FLEET_UPDATE_STATE_SHADOW) {
    return false;
  }
  a->fetching = false;
  if (a->job != job_check_active) a->job = job_none;
  if (fleet_update_target(a)->state == FLEET_SLOT_STATE_TRIAL) fleet_update_target(a)->state = FLEET_SLOT_STATE_STAGED;
  a->update.attempt_open = a->update.attempts = a->update.quick = a->persist.by_next_key = 0;
  (void)fleet_update_enter(a, FLEET_UPDATE_STATE_ABORTED, fleet_err_agent_aborted);
  if (state == FLEET_UPDATE_STATE_TRIAL) start_active(a);
  finish_queued(a);
  return true;
}

bool fleet_update_erase(fleet_agent_t *a, uint32_t slot) {
  fleet_persist_t *p = &a->persist;
  const bool fetched = a->update.state == FLEET_UPDATE_STATE_FETCHING;
  if (slot >= fleet_agent_slots(a->config) || slot == a->update.active_slot || (a->job != job_none && a->job != job_rehash) ||
      a->update.state == FLEET_UPDATE_STATE_SHADOW ||
      (a->update.state >= FLEET_UPDATE_STATE_VERIFIED && a->update.state <= FLEET_UPDATE_STATE_SOAK)) {
    return false;
  }
  a->fetching = false;
  if (fetched) a->update.state = FLEET_UPDATE_STATE_IDLE;
  memset(&p->slots[slot], 0, sizeof p->slots[slot]);
  p->fetched = 0;
  fleet_agent_save(a); // nothing points at the bytes before the first of them goes
  fleet_trial_job(a, job_erase, slot);
  return true;
}

bool fleet_update_go_back(fleet_agent_t *a, uint32_t error) {
  if (a->update.active_slot == FLEET_NO_SLOT || fleet_firmware_open(a) || (a->job != job_none && a->job != job_rehash)) return false;
  if (!has_retained(a)) {
    fleet_report_note(a)->error = fleet_err_agent_retained_missing;
    return false;
  }
  fleet_update_revert(a, error, left_state(a));
  return true;
}

void fleet_update_boot(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  const uint32_t cause = a->config->reset_cause;
  const bool faulty = cause == FLEET_RESET_CAUSE_WATCHDOG || cause == FLEET_RESET_CAUSE_FAULT ||
                      cause == FLEET_RESET_CAUSE_BROWN_OUT;
  fleet_firmware_boot(a);
  if (fleet_firmware_open(a)) {
    fleet_agent_save(a);
    start_active(a);
    return;
  }
  if (a->update.attempt_open && faulty && a->update.attempts < UINT8_MAX) a->update.attempts++;
  const bool given_up = a->update.attempts >= FLEET_ATTEMPTS;
  const bool in_trial = a->update.state == FLEET_UPDATE_STATE_TRIAL;
  const bool was_ram = fleet_slot_is_ram(a, a->update.target_slot) && !(in_trial && given_up);
  if (was_ram || a->update.state == FLEET_UPDATE_STATE_VERIFIED) {
    // What RAM held is gone, or its copy is not complete: the answer to the hello starts it again.
    fleet_update_target(a)->state = FLEET_SLOT_STATE_PARTIAL;
    p->fetched = 0;
    a->update.attempt_open = 0;
    if (a->update.state >= FLEET_UPDATE_STATE_VERIFIED && a->update.state <= FLEET_UPDATE_STATE_TRIAL) {
      a->update.state = FLEET_UPDATE_STATE_FETCHING;
      fleet_agent_save(a);
      start_active(a);
      return;
    }
  }
  switch (a->update.state) {
    case FLEET_UPDATE_STATE_STAGED:
      fleet_update_proceed(a);
      if (a->update.state == FLEET_UPDATE_STATE_TRIAL) return;
      break;
    case FLEET_UPDATE_STATE_TRIAL:
    case FLEET_UPDATE_STATE_SHADOW:
      if (given_up) {
        (void)fleet_update_fail(a, -(int32_t)fleet_err_agent_trial_resets, true);
        a->update.attempts = 0;
      } else if (a->update.state == FLEET_UPDATE_STATE_TRIAL) {
        fleet_update_begin_trial(a);
        return;
      }
      break;
    case FLEET_UPDATE_STATE_SOAK:
      if (given_up) {
        fleet_update_revert(a, fleet_err_agent_trial_resets, FLEET_SLOT_STATE_REJECTED);
        return;
      }
      a->update.attempt_open = 1;
      break;
    default:
      a->update.attempt_open = 0;
      a->update.attempts = 0;
      break;
  }
  fleet_agent_save(a);
  start_active(a);
}

static uint32_t tick_soak(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  const bool bare = fleet_firmware_is_target(a) && a->update.active_slot == FLEET_NO_SLOT; // firmware that has no model to run
  if (a->update.state != FLEET_UPDATE_STATE_SOAK || !(a->running || bare)) return never_ms;
  const uint32_t healthy_ms = (a->config->healthy_s == 0 ? 60 : a->config->healthy_s) * 1000;
  const uint32_t left_s = p->soak_s > p->soaked_s ? p->soak_s - p->soaked_s : 0;
  const uint32_t counted_ms = now_ms(a) - a->soak_counted_ms;
  const uint32_t more_s = counted_ms / 1000;
  if (more_s >= left_s) {
    if (a->model_runs != 0 || bare) {
      fleet_update_finish_soak(a);
      return 0;
    }
    // No inference ended since the model took over (or since boot): nothing speaks for it. One that is made of many rows of a
    // slow sensor is waited for while rows come, until its samples could have come twice.
    const uint32_t periods_ms = 3 * (uint32_t)(a->period_us / 1000);
    const uint32_t patience_ms = periods_ms > healthy_ms ? periods_ms : healthy_ms;
    const uint32_t end = fleet_agent_until(a, a->started_ms + patience_ms + 2 * a->first_input_ms);
    const uint32_t stall = fleet_agent_until(a, a->progress_ms + patience_ms);
    const uint32_t wait_ms = end < stall ? end : stall;
    if (wait_ms == 0) fleet_update_revert(a, fleet_err_agent_health_failed, FLEET_SLOT_STATE_REJECTED);
    return wait_ms;
  }
  uint32_t wait_ms = fleet_agent_until(a, a->healthy_since_ms + healthy_ms);
  if (wait_ms == 0 && (a->model_runs != 0 || bare)) {
    p->soaked_s += more_s;
    a->soak_counted_ms += more_s * 1000;
    a->update.attempt_open = 0;
    a->update.attempts = 0;
    a->healthy_since_ms = now_ms(a);
    fleet_agent_save(a);
  }
  if (wait_ms == 0) wait_ms = healthy_ms;
  if (left_s - more_s > healthy_ms / 1000) return wait_ms;
  const uint32_t left_ms = left_s * 1000 - counted_ms; // wraps around to what it is
  return left_ms < wait_ms ? left_ms : wait_ms;
}

uint32_t fleet_update_tick(fleet_agent_t *a) {
  fleet_shadow_tick(a);
  const uint32_t transfer = fleet_transfer_tick(a);
  const uint32_t firmware = fleet_firmware_tick(a);
  const uint32_t soak = tick_soak(a);
  const uint32_t update = transfer < soak ? transfer : soak;
  return update < firmware ? update : firmware;
}
