// What the device does with a desired release: judge the manifest, fetch into the inactive slot, prove the bundle, make it
// active, soak, go back. Not the parsing of manifests (manifest.c) and not the record log (records.c).
//
// States (persist.update_state): idle -> fetching -> verified -> staged -> trial -> soak -> active, with failed and
// reverted as other ends. Every transition that a power cut must not lose is one fleet_agent_save, i.e. one record:
// the slot states, the active slot and the update state change together or not at all. Flash of the target slot
// is touched only after the record that calls it partial; the active slot's flash is never touched.
#include <string.h>

#include "agent.h"
#include "manifest.h"

enum {
  hash_slice_bytes = 4096,
  hash_piece_bytes = 256,
  progress_grain_bytes = 4096, // of the persisted progress; a sector when sectors are larger
  want_chunks = 8,
  want_patience_us = 5000000, // doubled up to 2^4 while nothing arrives
  chunk_default_bytes = 1024,
  chunk_max_bytes = 1280, // with topic and heads below FLEET_MQTT_RX_BYTES
};

typedef struct {
  uint32_t deployment;
  uint32_t revision;
  uint64_t server_time_ms;
  const uint8_t *manifest;
  uint32_t manifest_bytes;
  uint32_t method;
  uint32_t payload_bytes;
  const uint8_t *payload_digest;
  uint32_t chunk_bytes;
  uint32_t window_s;
  uint32_t pick_every;
  uint32_t soak_s;
  bool has_transfer;
  bool has_window;
  bool has_pick;
  bool has_soak;
  bool has_time;
  bool has_revision;
  bool has_deployment;
} desired_t;

static fleet_slot_record_t *target_of(fleet_agent_t *a) { return &a->persist.slots[a->persist.target_slot]; }

// ---- reporting -----------------------------------------------------------------------------------------------------

static fleet_note_t *new_note(fleet_agent_t *a) {
  // A full queue gives up the last but one: the oldest may be in flight, the newest tells the outcome. The platform sees
  // the gap in the sequence.
  if (a->note_count == FLEET_NOTES) {
    const uint32_t last = (a->note_first + FLEET_NOTES - 1u) % FLEET_NOTES;
    a->notes[(last + FLEET_NOTES - 1u) % FLEET_NOTES] = a->notes[last];
    a->note_count--;
  }
  fleet_note_t *note = &a->notes[(a->note_first + a->note_count) % FLEET_NOTES];
  a->note_count++;
  memset(note, 0, sizeof *note);
  note->sequence = a->sequence++;
  note->uptime_ms = fleet_agent_uptime_ms(a);
  note->failed_step = UINT16_MAX;
  return note;
}

static fleet_note_t *note_current(fleet_agent_t *a, uint32_t update_state, uint32_t error) {
  fleet_note_t *note = new_note(a);
  note->deployment = a->persist.deployment;
  note->revision = a->persist.revision;
  note->update_state = (uint8_t)update_state;
  note->error = (uint16_t)error;
  note->attempts = a->persist.attempts;
  memcpy(note->digest, target_of(a)->digest, 32);
  note->has_digest = true;
  if (update_state == FLEET_UPDATE_STATE_FETCHING) note->offset = a->next_offset;
  return note;
}

void fleet_update_note(fleet_agent_t *a, uint32_t update_state, uint32_t error) {
  (void)note_current(a, update_state, error);
}

static void add_self_test(fleet_agent_t *a, fleet_note_t *note, uint32_t vectors, bool passed) {
  note->self_test = passed ? 2 : 1;
  note->vectors = (uint8_t)vectors;
  note->cycles = a->test_runs == 0 ? 0 : a->test_cycles / a->test_runs;
  note->latency_us = a->test_latency_us;
  note->arena_bytes = a->runtime.arena_bytes;
}

// Answers a desired message that changes nothing on the device.
static void answer(fleet_agent_t *a, const desired_t *d, const uint8_t *digest, uint32_t update_state, uint32_t error) {
  fleet_note_t *note = new_note(a);
  note->deployment = d->deployment;
  note->revision = d->revision;
  note->update_state = (uint8_t)update_state;
  note->error = (uint16_t)error;
  if (digest != NULL) {
    memcpy(note->digest, digest, 32);
    note->has_digest = true;
  }
  if (error != 0) {
    fleet_agent_log(a, FLEET_LOG_WARN, "desired release refused", (int32_t)error);
    fleet_agent_count(a, FLEET_LOSS_COUNTER_MANIFEST_REFUSED, 1);
  }
}

// ---- refused digests -------------------------------------------------------------------------------------------------

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

static bool is_refused(const fleet_agent_t *a, const uint8_t *digest, uint32_t sequence) {
  for (uint32_t i = 0; i < FLEET_REFUSED_DIGESTS; i++) {
    const fleet_refused_t *r = &a->persist.refused[i];
    if (r->error != 0 && memcmp(r->digest_prefix, digest, 8) == 0 && sequence <= r->sequence) return true;
  }
  return false;
}

// ---- slots ---------------------------------------------------------------------------------------------------------

static void start_job(fleet_agent_t *a, uint32_t job, uint32_t slot) {
  a->job = (uint8_t)job;
  a->job_slot = (uint8_t)slot;
  a->job_offset = 0;
  a->test_vector = 0;
  fleet_sha256_init(&a->sha);
}

// The model in the active slot takes over, after its digest was checked; without one the device waits.
static void start_active(fleet_agent_t *a) {
  fleet_model_unload(a);
  if (a->persist.active_slot == FLEET_NO_SLOT) {
    a->job = job_none;
    return;
  }
  start_job(a, job_check_active, a->persist.active_slot);
}

static void finish_queued(fleet_agent_t *a) {
  if (!a->queued_hello) return;
  a->queued_hello = false;
  a->hello_due = true; // its answer names the release that waited
}

// The target slot's bundle is given up before it became active.
static void fail_target(fleet_agent_t *a, int32_t result, bool refuse) {
  fleet_persist_t *p = &a->persist;
  fleet_slot_record_t *slot = target_of(a);
  const uint32_t error = (uint32_t)-result;
  const bool was_trial = p->update_state == FLEET_UPDATE_STATE_TRIAL;
  a->fetching = false;
  a->job = job_none;
  if (refuse) {
    remember_refused(a, slot, error);
    slot->state = FLEET_SLOT_STATE_REJECTED;
    slot->error = (uint16_t)error;
  } else if (slot->state != FLEET_SLOT_STATE_PARTIAL) {
    slot->state = FLEET_SLOT_STATE_CORRUPT;
    slot->error = (uint16_t)error;
  }
  p->update_state =
      was_trial && p->active_slot != FLEET_NO_SLOT ? FLEET_UPDATE_STATE_REVERTED : FLEET_UPDATE_STATE_FAILED;
  p->update_error = (uint16_t)error;
  p->attempt_open = 0;
  p->quick = 0;
  fleet_agent_save(a);
  fleet_agent_log(a, FLEET_LOG_ERROR, "bundle rejected", (int32_t)error);
  if (was_trial) start_active(a);
  finish_queued(a);
}

static void begin_trial(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  target_of(a)->state = p->quick ? FLEET_SLOT_STATE_RETAINED : FLEET_SLOT_STATE_TRIAL;
  p->update_state = FLEET_UPDATE_STATE_TRIAL;
  p->attempt_open = 1;
  fleet_agent_save(a); // the attempt is on record before the first run
  fleet_update_note(a, FLEET_UPDATE_STATE_TRIAL, 0);
  fleet_model_unload(a);
  start_job(a, job_check_target, p->target_slot);
}

// Makes the proven target slot active: one record.
static void commit(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  const uint32_t vectors = a->test_vector;
  const bool soaks = !p->quick && p->soak_s != 0;
  if (p->active_slot != FLEET_NO_SLOT && p->active_slot != p->target_slot) {
    p->slots[p->active_slot].state = FLEET_SLOT_STATE_RETAINED;
  }
  p->active_slot = p->target_slot;
  target_of(a)->state = FLEET_SLOT_STATE_ACTIVE;
  target_of(a)->error = 0;
  p->update_state = soaks ? FLEET_UPDATE_STATE_SOAK : FLEET_UPDATE_STATE_ACTIVE;
  p->update_error = 0;
  p->attempts = 0;
  p->attempt_open = soaks;
  p->soaked_s = 0;
  p->quick = 0;
  a->job = job_none;
  fleet_agent_save(a);
  add_self_test(a, note_current(a, p->update_state, 0), vectors, true);
  fleet_agent_log(a, FLEET_LOG_INFO, "model active, slot", p->active_slot);
  fleet_model_start(a);
  a->healthy_since_us = a->soak_counted_us = a->now_us;
  if (!soaks) finish_queued(a);
}

// From soak (or a rotten active slot) back to the retained slot: one record.
static void revert(fleet_agent_t *a, uint32_t error, uint32_t slot_state) {
  fleet_persist_t *p = &a->persist;
  const uint32_t other = p->active_slot ^ 1u;
  fleet_slot_record_t *bad = &p->slots[p->active_slot];
  const uint32_t attempts = p->attempts;
  if (a->fetching) {
    a->fetching = false;
    a->hello_due = true; // its answer starts the transfer again
  }
  if (slot_state == FLEET_SLOT_STATE_REJECTED) remember_refused(a, bad, error);
  bad->state = (uint8_t)slot_state;
  bad->error = (uint16_t)error;
  p->target_slot = p->active_slot;
  const bool has_other =
      p->slots[other].state == FLEET_SLOT_STATE_RETAINED && p->slots[other].sequence >= p->floor;
  p->active_slot = has_other ? (uint8_t)other : FLEET_NO_SLOT;
  if (has_other) p->slots[other].state = FLEET_SLOT_STATE_ACTIVE;
  p->update_state = has_other ? FLEET_UPDATE_STATE_REVERTED : FLEET_UPDATE_STATE_FAILED;
  p->update_error = (uint16_t)error;
  p->attempt_open = 0;
  p->attempts = 0;
  fleet_agent_save(a);
  fleet_agent_log(a, FLEET_LOG_ERROR, "active model given up", (int32_t)error);
  fleet_note_t *note = note_current(a, p->update_state, error);
  note->attempts = (uint8_t)attempts;
  start_active(a);
  finish_queued(a);
}

void fleet_update_active_corrupt(fleet_agent_t *a) {
  revert(a, fleet_err_agent_slot_corrupt, FLEET_SLOT_STATE_CORRUPT);
}

static void finish_soak(fleet_agent_t *a) {
  a->persist.update_state = FLEET_UPDATE_STATE_ACTIVE;
  a->persist.attempt_open = 0;
  a->persist.attempts = 0;
  fleet_agent_save(a);
  fleet_update_note(a, FLEET_UPDATE_STATE_ACTIVE, 0);
  finish_queued(a);
}

void fleet_update_boot(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  const uint32_t cause = a->config->reset_cause;
  const bool faulty = cause == FLEET_RESET_CAUSE_WATCHDOG || cause == FLEET_RESET_CAUSE_FAULT ||
                      cause == FLEET_RESET_CAUSE_BROWN_OUT;
  if (p->attempt_open && faulty && p->attempts < UINT8_MAX) p->attempts++;
  const bool given_up = p->attempts >= FLEET_ATTEMPTS;
  switch (p->update_state) {
    case FLEET_UPDATE_STATE_STAGED:
    case FLEET_UPDATE_STATE_VERIFIED:
      begin_trial(a);
      return;
    case FLEET_UPDATE_STATE_TRIAL:
      if (given_up) {
        fail_target(a, -(int32_t)fleet_err_agent_trial_resets, true);
        fleet_update_note(a, p->update_state, p->update_error);
        p->attempts = 0;
        return;
      }
      begin_trial(a);
      return;
    case FLEET_UPDATE_STATE_SOAK:
      if (given_up) {
        revert(a, fleet_err_agent_trial_resets, FLEET_SLOT_STATE_REJECTED);
        return;
      }
      p->attempt_open = 1;
      break;
    default:
      p->attempt_open = 0;
      p->attempts = 0;
      break;
  }
  fleet_agent_save(a);
  start_active(a);
}

// ---- desired -------------------------------------------------------------------------------------------------------

static bool parse_transfer(fleet_cbor_reader_t *r, desired_t *d) {
  uint32_t count;
  uint32_t key = 0;
  if (!fleet_cbor_read_count(r, cbor_map, &count)) return false;
  d->has_transfer = true;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t n;
    if (!fleet_cbor_read_key(r, i == 0, &key)) return false;
    bool ok;
    switch (key) {
      case FLEET_TRANSFER_METHOD:
        ok = fleet_cbor_read_u32(r, &d->method);
        break;
      case FLEET_TRANSFER_PAYLOAD_BYTES:
        ok = fleet_cbor_read_u32(r, &d->payload_bytes);
        break;
      case FLEET_TRANSFER_PAYLOAD_DIGEST:
        ok = fleet_cbor_read_string(r, cbor_bytes, &d->payload_digest, &n) && n == 32;
        break;
      case FLEET_TRANSFER_CHUNK_BYTES:
        ok = fleet_cbor_read_u32(r, &d->chunk_bytes);
        break;
      default:
        ok = fleet_cbor_skip(r);
        break;
    }
    if (!ok) return false;
  }
  return d->payload_digest != NULL;
}

static bool parse_desired(const uint8_t *payload, uint32_t n, desired_t *d) {
  fleet_cbor_reader_t r;
  uint32_t count;
  uint32_t key = 0;
  memset(d, 0, sizeof *d);
  fleet_cbor_reader_init(&r, payload, n);
  if (!fleet_cbor_read_count(&r, cbor_map, &count)) return false;
  for (uint32_t i = 0; i < count; i++) {
    if (!fleet_cbor_read_key(&r, i == 0, &key)) return false;
    bool ok;
    switch (key) {
      case FLEET_DESIRED_SERVER_TIME_MS:
        ok = d->has_time = fleet_cbor_read_uint(&r, INT64_MAX / 2, &d->server_time_ms);
        break;
      case FLEET_DESIRED_REVISION:
        ok = d->has_revision = fleet_cbor_read_u32(&r, &d->revision);
        break;
      case FLEET_DESIRED_DEPLOYMENT:
        ok = d->has_deployment = fleet_cbor_read_u32(&r, &d->deployment);
        break;
      case FLEET_DESIRED_MANIFEST:
        ok = fleet_cbor_read_string(&r, cbor_bytes, &d->manifest, &d->manifest_bytes) &&
             d->manifest_bytes != 0;
        break;
      case FLEET_DESIRED_TRANSFER:
        ok = parse_transfer(&r, d);
        break;
      case FLEET_DESIRED_WINDOW_S:
        ok = d->has_window = fleet_cbor_read_u32(&r, &d->window_s);
        break;
      case FLEET_DESIRED_PICK_EVERY:
        ok = d->has_pick = fleet_cbor_read_u32(&r, &d->pick_every);
        break;
      case FLEET_DESIRED_SOAK_S:
        ok = d->has_soak = fleet_cbor_read_u32(&r, &d->soak_s);
        break;
      default:
        ok = fleet_cbor_skip(&r);
        break;
    }
    if (!ok) return false;
  }
  return r.at == r.end && d->has_time && d->has_revision && d->has_deployment;
}

// COSE_Sign1 (RFC 9052 section 4.4): the signature covers ["Signature1", protected, h'', payload].
static int32_t verify_signature(const fleet_agent_t *a, const fleet_manifest_t *m) {
  const uint32_t alg = m->cose_algorithm == -8   ? FLEET_SIGNATURE_ALGORITHM_ED25519
                       : m->cose_algorithm == -7 ? FLEET_SIGNATURE_ALGORITHM_P256
                                                 : 0;
  if (alg == 0 || a->platform->verify == NULL) return -(int32_t)fleet_err_manifest_algorithm_unsupported;
  const fleet_key_t *key = NULL;
  for (uint32_t i = 0; i < FLEET_AGENT_KEY_MAX; i++) {
    const fleet_key_t *candidate = &a->config->keys[i];
    if (candidate->alg != alg) continue;
    fleet_sha256_t sha;
    uint8_t id[32];
    fleet_sha256_init(&sha);
    fleet_sha256_update(&sha, candidate->bytes, candidate->n);
    fleet_sha256_final(&sha, id);
    if (memcmp(id, m->key_id, 8) == 0) {
      key = candidate;
      break;
    }
  }
  if (key == NULL) return -(int32_t)fleet_err_manifest_key_unknown;
  uint8_t buffer[192];
  fleet_cbor_writer_t w = {buffer, sizeof buffer, 0, false};
  fleet_cbor_head(&w, cbor_array, 4);
  fleet_cbor_string(&w, cbor_text, "Signature1", 10);
  fleet_cbor_string(&w, cbor_bytes, m->protected_header, m->protected_bytes);
  fleet_cbor_string(&w, cbor_bytes, NULL, 0);
  fleet_cbor_string(&w, cbor_bytes, m->signed_payload, m->signed_bytes);
  if (w.overflow) return -(int32_t)fleet_err_manifest_outside_template;
  const int32_t result =
      a->platform->verify(a->platform->user, alg, key->bytes, key->n, buffer, w.used, m->signature, 64);
  return result == 0 ? 0 : -(int32_t)fleet_err_manifest_signature_invalid;
}

static bool bits_covered(const uint8_t *need, uint32_t n, const uint8_t *have, uint32_t have_n) {
  for (uint32_t i = 0; i < n; i++) {
    if ((need[i] & ~(i < have_n ? have[i] : 0)) != 0) return false;
  }
  return true;
}

// Whether this device may and can run the bundle that the (verified) manifest names. No side effect.
static int32_t judge(const fleet_agent_t *a, const fleet_manifest_t *m) {
  const fleet_agent_config_t *c = a->config;
  const fleet_persist_t *p = &a->persist;
  if (c->vendor_id != NULL && memcmp(c->vendor_id, m->vendor_id, 16) != 0) {
    return -(int32_t)fleet_err_manifest_vendor_mismatch;
  }
  if (c->class_id != NULL && memcmp(c->class_id, m->class_id, 16) != 0) {
    return -(int32_t)fleet_err_manifest_class_mismatch;
  }
  if (m->component != FLEET_COMPONENT_MODEL) return -(int32_t)fleet_err_manifest_component_unknown;
  if (m->sequence < p->floor || m->sequence < m->floor) return -(int32_t)fleet_err_manifest_below_floor;
  if (m->sequence < p->highest_sequence && !m->allow_downgrade) return -(int32_t)fleet_err_manifest_downgrade;
  if (is_refused(a, m->digest, m->sequence)) return -(int32_t)fleet_err_manifest_digest_refused;
  // ABI: the same major, at most this minor.
  if (m->abi >> 16 != FLEET_ABI_MAJOR || (m->abi & 0xffff) > FLEET_ABI_MINOR) {
    return -(int32_t)fleet_err_manifest_abi_unsupported;
  }
  uint8_t op_set[32];
  uint8_t own_op_set[8];
  fleet_op_set(op_set, own_op_set);
  if (!bits_covered(m->op_set, m->op_set_bytes, op_set, sizeof op_set) ||
      !bits_covered(m->own_op_set, m->own_op_set_bytes, own_op_set, sizeof own_op_set)) {
    return -(int32_t)fleet_err_manifest_ops_missing;
  }
  if (m->arena_bytes > c->arena_bytes) return -(int32_t)fleet_err_manifest_arena_too_small;
  if (m->state_bytes > c->state_bytes) return -(int32_t)fleet_err_manifest_state_too_small;
  if (m->size > c->slot_bytes) return -(int32_t)fleet_err_manifest_slot_too_small;
  if (m->firmware_min != NULL) {
    const fleet_text_t own = {FLEET_FIRMWARE_VERSION, sizeof FLEET_FIRMWARE_VERSION - 1};
    const fleet_text_t version = c->firmware_version.bytes != 0 ? c->firmware_version : own;
    if (fleet_version_compare((const uint8_t *)version.at, version.bytes, m->firmware_min, m->firmware_min_bytes) < 0) {
      return -(int32_t)fleet_err_manifest_firmware_too_old;
    }
  }
  return 0;
}

static void adopt(fleet_agent_t *a, const desired_t *d, const fleet_manifest_t *m) {
  fleet_persist_t *p = &a->persist;
  p->deployment = d->deployment;
  p->revision = d->revision;
  if (m->sequence >= p->highest_sequence) {
    p->highest_sequence = m->sequence;
    p->floor = m->floor;
  }
  p->soak_s = d->has_soak ? d->soak_s : m->has_soak ? m->soak_s : 0;
  p->latency_limit_us = m->latency_us;
  p->update_error = 0;
}

// Brings the running hash to what the slot already holds; wants are sent when that is done.
static void resume_fetch(fleet_agent_t *a) {
  a->next_offset = a->window_end = a->persist.fetched;
  if (a->persist.fetched != 0) {
    start_job(a, job_rehash, a->persist.target_slot);
  } else {
    fleet_sha256_init(&a->sha);
    a->job = job_none;
  }
}

// The inactive slot; without an active one, the slot that holds nothing worth keeping.
uint32_t fleet_update_fetch_slot(const fleet_agent_t *a) {
  const fleet_persist_t *p = &a->persist;
  if (p->active_slot != FLEET_NO_SLOT) return p->active_slot ^ 1u;
  const bool keep_0 = p->slots[0].state == FLEET_SLOT_STATE_RETAINED || p->slots[0].state == FLEET_SLOT_STATE_STAGED;
  return keep_0 || p->slots[1].state == FLEET_SLOT_STATE_PARTIAL ? 1 : 0;
}

static void begin_fetch(fleet_agent_t *a, const desired_t *d, const fleet_manifest_t *m) {
  fleet_persist_t *p = &a->persist;
  const uint32_t target = fleet_update_fetch_slot(a);
  fleet_slot_record_t *slot = &p->slots[target];
  const bool same = slot->state == FLEET_SLOT_STATE_PARTIAL && memcmp(slot->digest, m->digest, 32) == 0 &&
                    slot->bytes == m->size;
  const bool running = same && a->fetching && p->target_slot == target;
  adopt(a, d, m);
  if (!same) {
    memset(slot, 0, sizeof *slot);
    slot->state = FLEET_SLOT_STATE_PARTIAL;
    memcpy(slot->digest, m->digest, 32);
    slot->bytes = m->size;
    p->fetched = 0;
  }
  slot->sequence = m->sequence;
  p->target_slot = (uint8_t)target;
  p->update_state = FLEET_UPDATE_STATE_FETCHING;
  p->quick = 0;
  p->attempts = 0;
  p->attempt_open = 0;
  fleet_agent_save(a); // the slot is partial on record before its flash is touched

  uint32_t chunk = d->chunk_bytes == 0 ? (uint32_t)chunk_default_bytes : d->chunk_bytes;
  if (chunk > chunk_max_bytes) chunk = chunk_max_bytes;
  chunk -= chunk % 32; // whole program units, whatever the unit
  a->chunk_bytes = (uint16_t)(chunk == 0 ? 32 : chunk);
  a->timeouts = 0;
  a->want_due = true;
  if (!running) {
    a->fetching = true;
    a->next_offset = a->window_end = p->fetched;
    if (a->job == job_none || a->job == job_rehash) resume_fetch(a);
  }
  fleet_update_note(a, FLEET_UPDATE_STATE_FETCHING, 0);
}

// A complete bundle in the other slot: no download, straight to the trial.
static void begin_switch(fleet_agent_t *a, const desired_t *d, const fleet_manifest_t *m, uint32_t slot) {
  fleet_persist_t *p = &a->persist;
  const bool retained = p->slots[slot].state == FLEET_SLOT_STATE_RETAINED;
  adopt(a, d, m);
  if (m->sequence > p->slots[slot].sequence) p->slots[slot].sequence = m->sequence;
  p->target_slot = (uint8_t)slot;
  p->attempts = 0;
  p->quick = retained;
  a->fetching = false;
  begin_trial(a);
}

static bool update_is_open(const fleet_agent_t *a) {
  const uint32_t state = a->persist.update_state;
  return state == FLEET_UPDATE_STATE_VERIFIED || state == FLEET_UPDATE_STATE_STAGED ||
         state == FLEET_UPDATE_STATE_TRIAL || state == FLEET_UPDATE_STATE_SOAK;
}

static void apply(fleet_agent_t *a, const desired_t *d) {
  fleet_persist_t *p = &a->persist;
  fleet_manifest_t m;
  if (d->manifest == NULL) {
    answer(a, d, NULL, FLEET_UPDATE_STATE_FAILED, fleet_err_agent_manifest_missing);
    return;
  }
  int32_t result = fleet_manifest_parse(d->manifest, d->manifest_bytes, &m);
  if (result == 0) result = verify_signature(a, &m);
  if (result < 0) {
    answer(a, d, NULL, FLEET_UPDATE_STATE_FAILED, (uint32_t)-result);
    return;
  }
  const bool is_active = p->active_slot != FLEET_NO_SLOT && memcmp(p->slots[p->active_slot].digest, m.digest, 32) == 0;
  const bool is_target = memcmp(target_of(a)->digest, m.digest, 32) == 0;
  const bool same_deployment = d->deployment == p->deployment;
  const uint32_t other = p->active_slot == 0 ? 1 : 0;
  const uint32_t other_state = p->slots[other].state;
  const bool in_other = memcmp(p->slots[other].digest, m.digest, 32) == 0 && p->slots[other].bytes == m.size &&
                        (other_state == FLEET_SLOT_STATE_RETAINED || other_state == FLEET_SLOT_STATE_STAGED);

  if (update_is_open(a) && p->update_state != FLEET_UPDATE_STATE_SOAK) {
    // Staged or in trial: this ends by itself within seconds.
    if (same_deployment && is_target) {
      p->revision = d->revision;
      fleet_update_note(a, p->update_state, 0);
    } else {
      a->queued_hello = true;
      answer(a, d, m.digest, FLEET_UPDATE_STATE_QUEUED, 0);
    }
    return;
  }
  if (is_active) {
    if (m.sequence < p->floor) {
      answer(a, d, m.digest, FLEET_UPDATE_STATE_FAILED, fleet_err_manifest_below_floor);
      return;
    }
    a->fetching = false;
    adopt(a, d, &m);
    p->target_slot = p->active_slot;
    if (m.sequence > p->slots[p->active_slot].sequence) p->slots[p->active_slot].sequence = m.sequence;
    if (p->update_state != FLEET_UPDATE_STATE_SOAK) p->update_state = FLEET_UPDATE_STATE_ACTIVE;
    fleet_agent_save(a);
    fleet_update_note(a, p->update_state, 0);
    return;
  }
  if (same_deployment && is_target &&
      (p->update_state == FLEET_UPDATE_STATE_REVERTED || p->update_state == FLEET_UPDATE_STATE_FAILED) &&
      is_refused(a, m.digest, m.sequence)) {
    // It asks again for what has ended: the same answer again.
    p->revision = d->revision;
    fleet_update_note(a, p->update_state, p->update_error);
    return;
  }
  // Sequence numbers guard installs, not the way back to a slot whose manifest was verified when it was installed.
  if (in_other && p->slots[other].sequence >= p->floor && m.sequence >= p->floor &&
      !is_refused(a, m.digest, m.sequence)) {
    begin_switch(a, d, &m, other);
    return;
  }
  result = judge(a, &m);
  if (result == 0 && d->has_transfer) {
    if (d->method != FLEET_TRANSFER_METHOD_FULL) {
      result = -(int32_t)fleet_err_wire_method_unsupported;
    } else if (d->payload_bytes != m.size || memcmp(d->payload_digest, m.digest, 32) != 0) {
      result = -(int32_t)fleet_err_manifest_digest_mismatch;
    }
  }
  if (result < 0) {
    answer(a, d, m.digest, FLEET_UPDATE_STATE_FAILED, (uint32_t)-result);
    return;
  }
  if (p->update_state == FLEET_UPDATE_STATE_SOAK) {
    if (m.supersede == 0) {
      a->queued_hello = true;
      answer(a, d, m.digest, FLEET_UPDATE_STATE_QUEUED, 0);
      return;
    }
    if (m.supersede == FLEET_CONDITIONS_SUPERSEDE_COMMIT) {
      finish_soak(a);
    } else {
      revert(a, fleet_err_agent_reverted, FLEET_SLOT_STATE_RETAINED);
    }
  }
  begin_fetch(a, d, &m);
}

void fleet_update_desired(fleet_agent_t *a, const uint8_t *payload, uint32_t n) {
  desired_t d;
  if (!parse_desired(payload, n, &d)) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_CBOR_INVALID, 1);
    return;
  }
  a->unix_offset_ms = (int64_t)d.server_time_ms - (int64_t)fleet_agent_uptime_ms(a);
  a->time_known = true;
  if (d.has_window && d.window_s != 0 && (a->config->flags & FLEET_AGENT_FIXED_WINDOW) == 0) {
    a->window_s = d.window_s;
  }
  if (d.has_pick) a->pick_every = (uint16_t)(d.pick_every > UINT16_MAX ? UINT16_MAX : d.pick_every);
  if (d.deployment != 0) {
    apply(a, &d);
    return;
  }
  // Nothing to do: a transfer that nobody wants any more stops; what was stored stays for a later resume.
  if (a->fetching) {
    a->fetching = false;
    if (a->job == job_rehash) a->job = job_none;
  }
  if (a->persist.update_state == FLEET_UPDATE_STATE_FETCHING) {
    a->persist.update_state = FLEET_UPDATE_STATE_IDLE;
    a->persist.deployment = 0;
    fleet_agent_save(a);
  }
}

// ---- transfer ------------------------------------------------------------------------------------------------------

// Writes n bytes at `offset` of the target slot, erasing every sector whose start it reaches, and reads them back.
// offset is a multiple of 32; the end is padded with erased bytes to the unit.
static int32_t store(fleet_agent_t *a, uint32_t offset, const uint8_t *data, uint32_t n) {
  const fleet_platform_t *f = a->platform;
  const fleet_flash_geometry_t *g = &a->config->flash;
  const uint32_t base = fleet_agent_slot_offset(a->config, a->persist.target_slot);
  uint32_t done = 0;
  while (done < n) {
    const uint32_t at = offset + done;
    const uint32_t in_sector = at % g->sector_bytes;
    if (in_sector == 0 && f->flash_erase(f->user, base + at) < 0) return -(int32_t)fleet_err_flash_erase_failed;
    uint32_t take = g->sector_bytes - in_sector;
    if (take > n - done) take = n - done;
    const uint32_t whole = take - take % g->unit_bytes;
    if (whole != 0 && f->flash_program(f->user, base + at, data + done, whole) < 0) {
      return -(int32_t)fleet_err_flash_write_failed;
    }
    if (whole < take) {
      uint8_t unit[32];
      memset(unit, (int)g->erased, sizeof unit);
      memcpy(unit, data + done + whole, take - whole);
      if (f->flash_program(f->user, base + at + whole, unit, g->unit_bytes) < 0) {
        return -(int32_t)fleet_err_flash_write_failed;
      }
    }
    for (uint32_t checked = 0; checked < take;) {
      uint8_t back[64];
      const uint32_t piece = take - checked < sizeof back ? take - checked : (uint32_t)sizeof back;
      if (f->flash_read(f->user, base + at + checked, back, piece) < 0) return -(int32_t)fleet_err_flash_read_failed;
      if (memcmp(back, data + done + checked, piece) != 0) return -(int32_t)fleet_err_flash_verify_failed;
      checked += piece;
    }
    done += take;
  }
  return 0;
}

static void fetch_complete(fleet_agent_t *a) {
  fleet_slot_record_t *slot = target_of(a);
  uint8_t digest[32];
  a->fetching = false;
  fleet_sha256_final(&a->sha, digest);
  if (memcmp(digest, slot->digest, 32) != 0) {
    // Every chunk had its CRC, so the server sent other bytes than the manifest names: start from nothing next time.
    slot->state = FLEET_SLOT_STATE_EMPTY;
    a->persist.fetched = 0;
    a->persist.update_state = FLEET_UPDATE_STATE_FAILED;
    a->persist.update_error = fleet_err_manifest_digest_mismatch;
    fleet_agent_save(a);
    fleet_update_note(a, FLEET_UPDATE_STATE_FAILED, fleet_err_manifest_digest_mismatch);
    return;
  }
  fleet_update_note(a, FLEET_UPDATE_STATE_VERIFIED, 0);
  slot->state = FLEET_SLOT_STATE_STAGED;
  a->persist.fetched = slot->bytes;
  a->persist.update_state = FLEET_UPDATE_STATE_STAGED;
  fleet_agent_save(a);
  fleet_update_note(a, FLEET_UPDATE_STATE_STAGED, 0);
  begin_trial(a);
}

void fleet_update_chunk(fleet_agent_t *a, const uint8_t *payload, uint32_t n) {
  fleet_cbor_reader_t r;
  uint32_t count;
  uint32_t key = 0;
  const uint8_t *transfer = NULL;
  const uint8_t *data = NULL;
  uint32_t data_bytes = 0;
  uint32_t offset = 0;
  uint32_t crc = 0;
  uint32_t seen = 0;
  fleet_cbor_reader_init(&r, payload, n);
  if (!fleet_cbor_read_count(&r, cbor_map, &count)) count = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t bytes;
    if (!fleet_cbor_read_key(&r, i == 0, &key)) break;
    bool ok;
    switch (key) {
      case FLEET_CHUNK_TRANSFER:
        ok = fleet_cbor_read_string(&r, cbor_bytes, &transfer, &bytes) && bytes == 8;
        break;
      case FLEET_CHUNK_OFFSET:
        ok = fleet_cbor_read_u32(&r, &offset);
        break;
      case FLEET_CHUNK_DATA:
        ok = fleet_cbor_read_string(&r, cbor_bytes, &data, &data_bytes);
        break;
      case FLEET_CHUNK_CRC32:
        ok = fleet_cbor_read_u32(&r, &crc);
        break;
      default:
        ok = fleet_cbor_skip(&r);
        break;
    }
    if (!ok) {
      r.failed = true;
      break;
    }
    if (key < 32) seen |= UINT32_C(1) << key;
  }
  const uint32_t required = UINT32_C(1) << FLEET_CHUNK_TRANSFER | UINT32_C(1) << FLEET_CHUNK_OFFSET |
                            UINT32_C(1) << FLEET_CHUNK_DATA | UINT32_C(1) << FLEET_CHUNK_CRC32;
  if (r.failed || r.at != r.end || (seen & required) != required) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_CBOR_INVALID, 1);
    return;
  }
  const fleet_slot_record_t *slot = target_of(a);
  // Chunks are taken in order only: TCP keeps the order, and what is missing is asked for again.
  const uint32_t left = slot->bytes - a->next_offset;
  const uint32_t expected = left < a->chunk_bytes ? left : a->chunk_bytes;
  if (!a->fetching || a->job == job_rehash || memcmp(transfer, slot->digest, 8) != 0 || offset != a->next_offset ||
      data_bytes != expected) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_CHUNK_STALE, 1);
    return;
  }
  if (fleet_crc32(0, data, data_bytes) != crc) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_CHUNK_CRC, 1);
    a->want_due = true;
    return;
  }
  const int32_t result = store(a, offset, data, data_bytes);
  if (result < 0) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_FLASH_ERROR, 1);
    a->persist.fetched = 0; // a sector that was half written is erased again
    fail_target(a, result, false);
    fleet_update_note(a, FLEET_UPDATE_STATE_FAILED, (uint32_t)-result);
    return;
  }
  fleet_sha256_update(&a->sha, data, data_bytes);
  a->next_offset += data_bytes;
  a->timeouts = 0;
  a->want_due_us = a->now_us + want_patience_us;
  if (a->next_offset >= a->window_end) a->want_due = true;
  if (a->next_offset == slot->bytes) {
    fetch_complete(a);
    return;
  }
  const uint32_t grain = a->config->flash.sector_bytes > progress_grain_bytes ? a->config->flash.sector_bytes
                                                                              : (uint32_t)progress_grain_bytes;
  const uint32_t stored = a->next_offset - a->next_offset % a->config->flash.sector_bytes;
  if (stored >= a->persist.fetched + grain) {
    a->persist.fetched = stored;
    fleet_agent_save(a);
  }
}

void fleet_update_connected(fleet_agent_t *a) {
  a->timeouts = 0;
  a->want_due = true;
}

// ---- work in slices --------------------------------------------------------------------------------------------------

// Hashes up to a slice of the job's slot; true when `end` is reached.
static bool hash_slice(fleet_agent_t *a, uint32_t end, bool *failed) {
  const uint32_t base = fleet_agent_slot_offset(a->config, a->job_slot);
  const uint32_t stop = end - a->job_offset < hash_slice_bytes ? end : a->job_offset + hash_slice_bytes;
  while (a->job_offset < stop) {
    uint8_t piece[hash_piece_bytes];
    const uint32_t n = stop - a->job_offset < sizeof piece ? stop - a->job_offset : (uint32_t)sizeof piece;
    if (a->platform->flash_read(a->platform->user, base + a->job_offset, piece, n) < 0) {
      fleet_agent_count(a, FLEET_LOSS_COUNTER_FLASH_ERROR, 1);
      *failed = true;
      return true;
    }
    fleet_sha256_update(&a->sha, piece, n);
    a->job_offset += n;
  }
  return a->job_offset >= end;
}

static bool slot_matches(fleet_agent_t *a, bool failed) {
  uint8_t digest[32];
  fleet_sha256_final(&a->sha, digest);
  return !failed && memcmp(digest, a->persist.slots[a->job_slot].digest, 32) == 0;
}

static void self_test_failed(fleet_agent_t *a, int32_t result) {
  const uint32_t vector = a->test_vector;
  const uint32_t step = a->test.failed_step;
  fail_target(a, result, true);
  fleet_note_t *note = note_current(a, a->persist.update_state, (uint32_t)-result);
  add_self_test(a, note, vector + 1, false);
  note->failed_vector = (uint8_t)vector;
  if (result == -(int32_t)fleet_err_runtime_step_mismatch) note->failed_step = (uint16_t)step;
}

// One golden vector, to completion: the arena may belong to another agent before the next step.
static void self_test_slice(fleet_agent_t *a) {
  const fleet_platform_t *f = a->platform;
  if (a->test_vector >= a->runtime.golden_count) {
    fleet_reset_state(&a->runtime);
    commit(a);
    return;
  }
  a->test.failed_step = UINT16_MAX;
  int32_t result = fleet_self_test_begin(&a->runtime, &a->test, a->test_vector);
  const uint64_t started_us = f->now_us(f->user);
  const uint32_t started = f->cycles != NULL ? f->cycles(f->user) : 0;
  if (result == 0) {
    do {
      result = fleet_self_test(&a->runtime, &a->test, 1);
      if (f->watchdog != NULL) f->watchdog(f->user);
    } while (result > 0);
  }
  if (result < 0) {
    self_test_failed(a, result);
    return;
  }
  if (f->cycles != NULL) {
    const uint32_t frames = a->test.frames == 0 ? 1 : a->test.frames;
    const uint32_t cycles = (f->cycles(f->user) - started) / frames;
    const uint64_t us = a->config->clock_khz != 0 ? (uint64_t)cycles * 1000 / a->config->clock_khz
                                                  : (f->now_us(f->user) - started_us) / frames;
    a->test_cycles += cycles;
    a->test_runs++;
    if (us > a->test_latency_us) a->test_latency_us = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    if (a->persist.latency_limit_us != 0 && a->test_latency_us > a->persist.latency_limit_us) {
      self_test_failed(a, -(int32_t)fleet_err_runtime_latency_exceeded);
      return;
    }
  }
  a->test_vector++;
}

static void target_checked(fleet_agent_t *a, bool matches) {
  if (!matches) {
    fail_target(a, -(int32_t)fleet_err_agent_slot_corrupt, false);
    fleet_update_note(a, a->persist.update_state, a->persist.update_error);
    return;
  }
  int32_t result = fleet_model_load(a, a->job_slot);
  if (result == 0 && a->runtime.golden_count == 0) result = -(int32_t)fleet_err_bundle_golden_invalid;
  if (result < 0) {
    fail_target(a, result, true);
    fleet_update_note(a, a->persist.update_state, a->persist.update_error);
    return;
  }
  a->test_cycles = a->test_runs = a->test_latency_us = 0;
  a->test_vector = 0;
  a->job = job_self_test;
}

static void active_checked(fleet_agent_t *a, bool matches) {
  a->job = job_none;
  int32_t result = matches ? fleet_model_load(a, a->job_slot) : -(int32_t)fleet_err_agent_slot_corrupt;
  if (result < 0) {
    revert(a, (uint32_t)-result, FLEET_SLOT_STATE_CORRUPT);
    return;
  }
  fleet_model_start(a);
  a->healthy_since_us = a->soak_counted_us = a->now_us;
  if (a->fetching) resume_fetch(a); // it was asked for while the slot was being checked
}

bool fleet_update_work(fleet_agent_t *a) {
  const uint32_t job = a->job;
  bool failed = false;
  switch (job) {
    case job_check_active:
      if (hash_slice(a, a->persist.slots[a->job_slot].bytes, &failed)) active_checked(a, slot_matches(a, failed));
      return true;
    case job_check_target:
      if (hash_slice(a, a->persist.slots[a->job_slot].bytes, &failed)) target_checked(a, slot_matches(a, failed));
      return true;
    case job_rehash:
      if (!hash_slice(a, a->persist.fetched, &failed)) return true;
      a->job = job_none;
      if (failed) {
        a->persist.fetched = a->next_offset = a->window_end = 0;
        fleet_sha256_init(&a->sha);
      }
      return true;
    case job_self_test:
      self_test_slice(a);
      return true;
    default:
      return false;
  }
}

static uint64_t tick_transfer(fleet_agent_t *a) {
  if (!a->fetching || !a->session || a->job != job_none) return UINT64_MAX;
  if (!a->want_due && a->now_us >= a->want_due_us) {
    a->want_due = true;
    if (a->timeouts < 4) a->timeouts++;
  }
  if (!a->want_due) return a->want_due_us;
  const uint32_t left = target_of(a)->bytes - a->next_offset;
  uint32_t chunks = (left + a->chunk_bytes - 1) / a->chunk_bytes;
  if (chunks > want_chunks) chunks = want_chunks;
  if (!fleet_messages_want(a, chunks)) return a->now_us + 20000; // control buffer full: the stream is slow
  a->window_end = a->next_offset + chunks * a->chunk_bytes;
  a->want_due = false;
  a->want_due_us = a->now_us + ((uint64_t)want_patience_us << a->timeouts);
  return a->want_due_us;
}

static uint64_t tick_soak(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  if (p->update_state != FLEET_UPDATE_STATE_SOAK || !a->running) return UINT64_MAX;
  const uint64_t healthy_us = (uint64_t)(a->config->healthy_s == 0 ? 60 : a->config->healthy_s) * 1000000;
  const uint64_t soaked_us = (uint64_t)p->soaked_s * 1000000 + (a->now_us - a->soak_counted_us);
  const uint64_t soak_us = (uint64_t)p->soak_s * 1000000;
  if (soaked_us >= soak_us) {
    if (a->model_runs != 0) {
      finish_soak(a);
      return a->now_us;
    }
    // No inference ended since the model took over (or since boot): nothing speaks for it.
    const uint64_t period_us = a->period_us;
    const uint64_t patience_us = 3 * period_us > healthy_us ? 3 * period_us : healthy_us;
    if (a->now_us < a->healthy_since_us + patience_us) return a->healthy_since_us + patience_us;
    revert(a, fleet_err_agent_health_failed, FLEET_SLOT_STATE_REJECTED);
    return a->now_us;
  }
  const uint64_t healthy_at = a->healthy_since_us + healthy_us;
  if (a->now_us >= healthy_at && a->model_runs != 0) {
    p->soaked_s = (uint32_t)(soaked_us / 1000000);
    a->soak_counted_us = a->now_us - soaked_us % 1000000;
    p->attempt_open = 0;
    p->attempts = 0;
    a->healthy_since_us = a->now_us;
    fleet_agent_save(a);
  }
  const uint64_t end = a->now_us + (soak_us - soaked_us);
  const uint64_t next = a->healthy_since_us + healthy_us;
  if (next <= a->now_us) return end;
  return end < next ? end : next;
}

uint64_t fleet_update_tick(fleet_agent_t *a) {
  const uint64_t transfer = tick_transfer(a);
  const uint64_t soak = tick_soak(a);
  return transfer < soak ? transfer : soak;
}
