// The reduced agent's update: what desired means, chunks into flash pages, trial, commit, soak, going back. Every change that a
// cut must not lose is one record: slot states, active slot and update state change together or not at all. A page of the target
// slot is touched only after the record that calls it partial; the active slot's pages are never touched.
#include <stddef.h>

#include "manifest.h"
#include "reduced.h"

enum { most_s = 4000000 }; // of a window or a soak: 46 days, in milliseconds that wrap at 49

static fleet_reduced_slot_t *target_of(fleet_reduced_t *a) { return &a->persist.slots[a->persist.target_slot]; }

static const FLEET_CONST_MEMORY uint8_t *slot_at(const fleet_reduced_t *a, uint8_t slot) {
  return a->platform->flash_at(a->platform->base.user, (uint32_t)slot * FLEET_REDUCED_SLOT_BYTES);
}

static bool same32(const uint8_t *a, const uint8_t *b) { return memcmp(a, b, 32) == 0; }

// ---- hashes ----------------------------------------------------------------------------------------------------------

static FLEET_OUT_OF_LINE bool slot_matches(const fleet_reduced_t *a, uint8_t slot) {
  const fleet_platform_t *f = &a->platform->base;
  const FLEET_CONST_MEMORY uint8_t *from = slot_at(a, slot);
  fleet_sha256_t sha;
  fleet_sha256_init(&sha);
  for (uint16_t left = a->persist.slots[slot].bytes; left != 0;) {
    uint8_t piece[16];
    uint8_t n = 0;
    while (n < sizeof piece && left != 0) {
      piece[n++] = *from++;
      left--;
    }
    fleet_sha256_update(&sha, piece, n);
    f->watchdog(f->user);
  }
  uint8_t digest[32];
  fleet_sha256_final(&sha, digest);
  return same32(digest, a->persist.slots[slot].digest);
}

// COSE MAC_structure of RFC 9052 section 6.3: ["MAC0", protected, external, payload], its bytes hashed as they are made.
static FLEET_OUT_OF_LINE bool mac_matches(const fleet_reduced_t *a, const fleet_manifest_t *m) {
  static const FLEET_CONST_MEMORY uint8_t start[] = {0x84, 0x64, 'M', 'A', 'C', '0', 0x43, 0xa1, 0x01, 0x05};
  const fleet_reduced_config_t *c = a->config;
  fleet_sha256_t sha;
  uint8_t key[32];
  uint8_t bytes[sizeof start + 2 + FLEET_MQTT_NAME_BYTES + 2];
  fleet_cbor_writer_t w = {bytes, sizeof bytes, 0, false};
  fleet_cbor_raw_const(&w, start, sizeof start);
  fleet_cbor_head(&w, cbor_bytes, (uint32_t)c->project_bytes + 1 + c->device_bytes);
  fleet_cbor_raw_const(&w, c->project, c->project_bytes);
  fleet_cbor_byte(&w, '/');
  fleet_cbor_raw_const(&w, c->device, c->device_bytes);
  fleet_cbor_head(&w, cbor_bytes, m->signed_payload.n);
  for (uint8_t i = 0; i < 32; i++) key[i] = c->device_key[i];
  fleet_hmac_begin(&sha, key, 32);
  fleet_sha256_update(&sha, bytes, w.used);
  fleet_sha256_update(&sha, m->signed_payload.at, m->signed_payload.n);
  fleet_hmac_end(&sha, key, 32, bytes);
  uint8_t differ = 0; // as long for a MAC that differs in its first byte as in its last
  for (uint8_t i = 0; i < 32; i++) differ |= (uint8_t)(bytes[i] ^ m->signature[i]);
  return differ == 0;
}

// ---- deciding --------------------------------------------------------------------------------------------------------

typedef struct {
  uint32_t deployment, revision, window_s, method, payload_bytes;
  uint32_t keys;
  fleet_cbor_span_t manifest, transfer, payload_digest;
} desired_t;

static bool parse(fleet_cbor_span_t message, desired_t *d) {
  static const FLEET_CONST_MEMORY fleet_cbor_row_t rows[] = {
      {FLEET_DESIRED_REVISION, cbor_row_u32, 0, 0, offsetof(desired_t, revision)},
      {FLEET_DESIRED_DEPLOYMENT, cbor_row_u32, 0, 0, offsetof(desired_t, deployment)},
      {FLEET_DESIRED_MANIFEST, cbor_row_bytes, 1, 0, offsetof(desired_t, manifest)},
      {FLEET_DESIRED_TRANSFER, cbor_row_item, 0, 0, offsetof(desired_t, transfer)},
      {FLEET_DESIRED_WINDOW_S, cbor_row_u32, 0, 0, offsetof(desired_t, window_s)},
  };
  static const FLEET_CONST_MEMORY fleet_cbor_row_t transfer_rows[] = {
      {FLEET_TRANSFER_METHOD, cbor_row_u32, 0, 0, offsetof(desired_t, method)},
      {FLEET_TRANSFER_PAYLOAD_BYTES, cbor_row_u32, 0, 0, offsetof(desired_t, payload_bytes)},
      {FLEET_TRANSFER_PAYLOAD_DIGEST, cbor_row_bytes, 32, 32, offsetof(desired_t, payload_digest)},
  };
  const uint32_t required =
      UINT32_C(1) << FLEET_DESIRED_SERVER_TIME_MS | UINT32_C(1) << FLEET_DESIRED_REVISION | UINT32_C(1) << FLEET_DESIRED_DEPLOYMENT;
  memset(d, 0, sizeof *d);
  d->keys = fleet_cbor_read_map(message, FLEET_CBOR_ROWS(rows), d);
  if ((d->keys & required) != required) return false;
  return d->transfer.n == 0 ||
         (fleet_cbor_read_map(d->transfer, FLEET_CBOR_ROWS(transfer_rows), d) != 0 && d->payload_digest.n != 0);
}

// Answers a desired message that changes nothing on the device.
static void answer(fleet_reduced_t *a, const desired_t *d, uint8_t update_state, uint16_t error) {
  fleet_reduced_note_t *note = reduced_note(a, update_state, error);
  note->deployment = d->deployment;
  note->revision = d->revision;
  note->self_test = 0;
  if (error != 0) reduced_count(a, FLEET_LOSS_COUNTER_MANIFEST_REFUSED);
}

static void adopt(fleet_reduced_t *a, const desired_t *d, const fleet_manifest_t *m) {
  fleet_reduced_persist_t *p = &a->persist;
  p->deployment = d->deployment;
  p->revision = d->revision;
  if (m->sequence >= p->highest_sequence) {
    p->highest_sequence = m->sequence;
    p->floor = m->floor;
  }
  p->soak_s = m->soak_s > most_s ? (uint32_t)most_s : m->soak_s; // that of `desired` is not signed
  p->error = 0;
}

static bool is_refused(const fleet_reduced_persist_t *p, const fleet_manifest_t *m) {
  return memcmp(p->refused, m->digest, sizeof p->refused) == 0 && m->sequence <= p->refused_sequence;
}

// ABI, ops, arena, state and firmware version of the conditions were checked by whoever made the manifest for this device, from the
// hello that it answers; the bundle itself is checked when it is loaded.
static uint16_t judge(const fleet_reduced_t *a, const desired_t *d, const fleet_manifest_t *m) {
  const fleet_reduced_persist_t *p = &a->persist;
  if (m->sequence < p->floor || m->sequence < m->floor) return fleet_err_manifest_below_floor;
  if (m->sequence < p->highest_sequence && !m->allow_downgrade) return fleet_err_manifest_downgrade;
  if (is_refused(p, m)) return fleet_err_manifest_digest_refused;
  if (m->size > FLEET_REDUCED_SLOT_BYTES) return fleet_err_manifest_slot_too_small;
  if (d->transfer.n == 0) return 0;
  if (d->method != FLEET_TRANSFER_METHOD_FULL) return fleet_err_wire_method_unsupported;
  return same32(d->payload_digest.at, m->digest) && d->payload_bytes == m->size ? 0 : fleet_err_manifest_digest_mismatch;
}

static FLEET_OUT_OF_LINE uint16_t verify(const fleet_reduced_t *a, fleet_cbor_span_t envelope, fleet_manifest_t *m) {
  const int32_t parsed = fleet_manifest_parse(envelope.at, envelope.n, m);
  if (parsed < 0) return (uint16_t)-parsed;
  if (!mac_matches(a, m)) return fleet_err_manifest_signature_invalid;
  return m->component == FLEET_COMPONENT_MODEL ? 0 : fleet_err_manifest_component_unknown;
}

static void begin_trial(fleet_reduced_t *a, bool quick) {
  fleet_reduced_persist_t *p = &a->persist;
  p->quick = quick;
  p->attempts = 0;
  p->slot_state[p->target_slot] = quick ? FLEET_SLOT_STATE_RETAINED : FLEET_SLOT_STATE_TRIAL;
  p->update_state = FLEET_UPDATE_STATE_TRIAL;
  a->fetching = false;
  a->trial_due = reduced_save(a); // the attempt is on record before the first run; without it the next boot goes on
  (void)reduced_note(a, FLEET_UPDATE_STATE_TRIAL, 0);
}

static void begin_transfer(fleet_reduced_t *a, const fleet_manifest_t *m) {
  fleet_reduced_persist_t *p = &a->persist;
  const uint8_t keep = p->active_slot != FLEET_REDUCED_NO_SLOT ? p->active_slot
                       : p->slot_state[0] == FLEET_SLOT_STATE_RETAINED || p->slot_state[1] == FLEET_SLOT_STATE_PARTIAL ? 0
                                                                                                                       : 1;
  const uint8_t slot = keep ^ 1u;
  fleet_reduced_slot_t *into = &p->slots[slot];
  const bool same = p->slot_state[slot] == FLEET_SLOT_STATE_PARTIAL && same32(into->digest, m->digest) && into->bytes == m->size;
  if (!same) {
    memcpy(into->digest, m->digest, 32);
    into->bytes = (uint16_t)m->size;
    into->error = 0;
    p->fetched = 0;
  }
  into->sequence = m->sequence;
  p->slot_state[slot] = FLEET_SLOT_STATE_PARTIAL;
  p->target_slot = slot;
  p->update_state = FLEET_UPDATE_STATE_FETCHING;
  a->fetching = a->want_due = reduced_save(a); // the slot is partial on record before a page of it goes
  a->timeouts = 0;
  (void)reduced_note(a, FLEET_UPDATE_STATE_FETCHING, 0);
}

static FLEET_OUT_OF_LINE void apply(fleet_reduced_t *a, const desired_t *d) {
  fleet_reduced_persist_t *p = &a->persist;
  fleet_manifest_t m;
  uint16_t error = d->manifest.n == 0 ? (uint16_t)fleet_err_agent_manifest_missing : verify(a, d->manifest, &m);
  if (error != 0) {
    answer(a, d, FLEET_UPDATE_STATE_FAILED, error);
    return;
  }
  if (p->active_slot != FLEET_REDUCED_NO_SLOT && same32(p->slots[p->active_slot].digest, m.digest)) {
    if (m.sequence < p->floor) {
      answer(a, d, FLEET_UPDATE_STATE_FAILED, fleet_err_manifest_below_floor);
      return;
    }
    a->fetching = a->trial_due = false;
    adopt(a, d, &m);
    p->target_slot = p->active_slot;
    if (m.sequence > p->slots[p->active_slot].sequence) p->slots[p->active_slot].sequence = m.sequence;
    if (p->update_state != FLEET_UPDATE_STATE_SOAK) p->update_state = FLEET_UPDATE_STATE_ACTIVE;
    (void)reduced_save(a);
    (void)reduced_note(a, p->update_state, 0);
    return;
  }
  const bool is_target = same32(target_of(a)->digest, m.digest);
  if (p->update_state == FLEET_UPDATE_STATE_TRIAL) { // ends by itself, with the next step
    a->queued_hello = true;
    answer(a, d, is_target ? FLEET_UPDATE_STATE_TRIAL : FLEET_UPDATE_STATE_QUEUED, 0);
    return;
  }
  if (d->deployment == p->deployment && is_target && is_refused(p, &m)) { // it asks again for what has ended: the same answer
    p->revision = d->revision;
    (void)reduced_note(a, p->update_state, p->error);
    return;
  }
  const uint8_t other = p->active_slot == 0 ? 1 : 0;
  // Sequence numbers guard installs, not the way back to a slot whose manifest was verified when it was installed.
  if (p->slot_state[other] == FLEET_SLOT_STATE_RETAINED && same32(p->slots[other].digest, m.digest) &&
      p->slots[other].sequence >= p->floor && m.sequence >= p->floor && !is_refused(p, &m)) {
    adopt(a, d, &m);
    if (m.sequence > p->slots[other].sequence) p->slots[other].sequence = m.sequence;
    p->target_slot = other;
    begin_trial(a, true);
    return;
  }
  error = judge(a, d, &m);
  if (error != 0) {
    answer(a, d, FLEET_UPDATE_STATE_FAILED, error);
  } else if (p->update_state == FLEET_UPDATE_STATE_SOAK) {
    a->queued_hello = true;
    answer(a, d, FLEET_UPDATE_STATE_QUEUED, 0);
  } else {
    adopt(a, d, &m);
    begin_transfer(a, &m);
  }
}

void reduced_desired(fleet_reduced_t *a, fleet_cbor_span_t message) {
  desired_t d;
  if (!parse(message, &d)) {
    reduced_count(a, FLEET_LOSS_COUNTER_CBOR_INVALID);
    return;
  }
  if (d.window_s != 0) a->window_ms = (d.window_s > most_s ? (uint32_t)most_s : d.window_s) * 1000;
  if (d.deployment != 0) {
    apply(a, &d);
    return;
  }
  a->fetching = false; // what was stored stays for a later resume
  if (a->persist.update_state == FLEET_UPDATE_STATE_FETCHING) {
    a->persist.update_state = FLEET_UPDATE_STATE_IDLE;
    a->persist.deployment = 0;
    (void)reduced_save(a);
  }
}

// ---- ends ------------------------------------------------------------------------------------------------------------

static void finish_queued(fleet_reduced_t *a) {
  if (a->queued_hello) a->hello_due = true; // its answer names the release that waited
  a->queued_hello = false;
}

static void remember_refused(fleet_reduced_t *a, const fleet_reduced_slot_t *slot) {
  memcpy(a->persist.refused, slot->digest, sizeof a->persist.refused);
  a->persist.refused_sequence = slot->sequence;
}

// The target slot's bundle is given up before it became active.
static fleet_reduced_note_t *fail(fleet_reduced_t *a, uint16_t error, uint8_t slot_state) {
  fleet_reduced_persist_t *p = &a->persist;
  const bool was_trial = p->update_state == FLEET_UPDATE_STATE_TRIAL;
  if (slot_state == FLEET_SLOT_STATE_REJECTED) remember_refused(a, target_of(a));
  p->slot_state[p->target_slot] = slot_state;
  target_of(a)->error = error;
  p->update_state = was_trial && p->active_slot != FLEET_REDUCED_NO_SLOT ? FLEET_UPDATE_STATE_REVERTED : FLEET_UPDATE_STATE_FAILED;
  p->error = error;
  a->fetching = false;
  (void)reduced_save(a);
  fleet_reduced_note_t *note = reduced_note(a, p->update_state, error);
  p->attempts = 0;
  finish_queued(a);
  return note;
}

// From a soak, or a rotten active slot, back to the retained one: one record.
static void revert(fleet_reduced_t *a, uint16_t error, uint8_t slot_state) {
  fleet_reduced_persist_t *p = &a->persist;
  const uint8_t bad = p->active_slot, other = bad ^ 1u;
  if (slot_state == FLEET_SLOT_STATE_REJECTED) remember_refused(a, &p->slots[bad]);
  p->slot_state[bad] = slot_state;
  p->slots[bad].error = error;
  p->target_slot = bad;
  const bool back = p->slot_state[other] == FLEET_SLOT_STATE_RETAINED && p->slots[other].sequence >= p->floor;
  p->active_slot = back ? other : FLEET_REDUCED_NO_SLOT;
  if (back) p->slot_state[other] = FLEET_SLOT_STATE_ACTIVE;
  p->update_state = back ? FLEET_UPDATE_STATE_REVERTED : FLEET_UPDATE_STATE_FAILED;
  p->error = error;
  (void)reduced_save(a);
  (void)reduced_note(a, p->update_state, error);
  p->attempts = 0;
  a->running = a->fetching = false;
  a->check_due = back;
  a->hello_due = true; // tells the slots as they are now
  finish_queued(a);
}

static void start_running(fleet_reduced_t *a) {
  a->running = true;
  a->proven = false;
  a->window.state = 0;
  if (a->in_flight == in_flight_window) a->in_flight = in_flight_none; // its acknowledgement is not the next one's
  a->inference_ms = a->soak_ms = a->now_ms;
}

static void commit(fleet_reduced_t *a, uint8_t vectors) {
  fleet_reduced_persist_t *p = &a->persist;
  const bool soaks = !p->quick && p->soak_s != 0;
  if (p->active_slot != FLEET_REDUCED_NO_SLOT && p->active_slot != p->target_slot)
    p->slot_state[p->active_slot] = FLEET_SLOT_STATE_RETAINED;
  p->active_slot = p->target_slot;
  p->slot_state[p->active_slot] = FLEET_SLOT_STATE_ACTIVE;
  p->slots[p->active_slot].error = 0;
  p->update_state = soaks ? FLEET_UPDATE_STATE_SOAK : FLEET_UPDATE_STATE_ACTIVE;
  p->attempts = p->quick = 0;
  p->error = 0;
  if (!reduced_save(a)) return; // the trial is on record: the next boot goes on with it
  fleet_reduced_note_t *note = reduced_note(a, p->update_state, 0);
  note->self_test = 2;
  note->vectors = vectors;
  a->check_due = false;
  start_running(a);
  finish_queued(a);
}

// The slot is hashed, loaded and runs its golden vectors; the arena and the loaded plan live for this call only.
static FLEET_OUT_OF_LINE void run_trial(fleet_reduced_t *a) {
  a->trial_due = false;
  if (!slot_matches(a, a->persist.target_slot)) {
    (void)fail(a, fleet_err_agent_slot_corrupt, FLEET_SLOT_STATE_CORRUPT);
    return;
  }
  int8_t arena[FLEET_REDUCED_ARENA_BYTES];
  reduced_model_t model;
  uint8_t vector = 0xff, step = 0xff;
  int32_t result = reduced_load(&model, slot_at(a, a->persist.target_slot), target_of(a)->bytes, arena);
  if (result == 0) result = reduced_self_test(a, &model, &vector, &step);
  if (result == 0) {
    commit(a, vector);
    return;
  }
  fleet_reduced_note_t *note = fail(a, (uint16_t)-result, FLEET_SLOT_STATE_REJECTED);
  if (vector == 0xff) return; // it did not load
  note->self_test = 1;
  note->vectors = (uint8_t)(vector + 1);
  note->failed_step = step;
}

static void check_active(fleet_reduced_t *a) {
  a->check_due = false;
  if (slot_matches(a, a->persist.active_slot)) start_running(a);
  else revert(a, fleet_err_agent_slot_corrupt, FLEET_SLOT_STATE_CORRUPT);
}

void reduced_work(fleet_reduced_t *a) {
  fleet_reduced_persist_t *p = &a->persist;
  // The trial comes first: when the active slot has rotted meanwhile, the bundle on trial is what is left.
  if (a->trial_due) {
    run_trial(a);
  } else if (a->check_due) {
    check_active(a);
  } else if (p->update_state == FLEET_UPDATE_STATE_SOAK && a->running && a->proven && a->now_ms - a->soak_ms >= p->soak_s * 1000) {
    p->update_state = FLEET_UPDATE_STATE_ACTIVE;
    p->attempts = 0;
    (void)reduced_save(a);
    (void)reduced_note(a, FLEET_UPDATE_STATE_ACTIVE, 0);
    finish_queued(a);
  }
}

void reduced_boot(fleet_reduced_t *a) {
  fleet_reduced_persist_t *p = &a->persist;
  const uint8_t cause = a->config->reset_cause;
  const bool open = p->update_state == FLEET_UPDATE_STATE_TRIAL || p->update_state == FLEET_UPDATE_STATE_SOAK;
  const bool faulty = cause == FLEET_RESET_CAUSE_WATCHDOG || cause == FLEET_RESET_CAUSE_FAULT || cause == FLEET_RESET_CAUSE_BROWN_OUT;
  if (open && faulty && p->attempts < UINT8_MAX) p->attempts++;
  const bool given_up = open && p->attempts >= FLEET_REDUCED_ATTEMPTS;
  a->check_due = p->active_slot != FLEET_REDUCED_NO_SLOT;
  a->trial_due = p->update_state == FLEET_UPDATE_STATE_TRIAL && !given_up;
  if (!given_up) return;
  if (p->update_state == FLEET_UPDATE_STATE_TRIAL) (void)fail(a, fleet_err_agent_trial_resets, FLEET_SLOT_STATE_REJECTED);
  else revert(a, fleet_err_agent_trial_resets, FLEET_SLOT_STATE_REJECTED);
}

// ---- chunks ----------------------------------------------------------------------------------------------------------

// Writes whole pages and reads them back.
static uint16_t store(fleet_reduced_t *a, uint16_t offset, const uint8_t *data, uint16_t n) {
  const fleet_platform_t *f = &a->platform->base;
  const uint32_t base = (uint32_t)a->persist.target_slot * FLEET_REDUCED_SLOT_BYTES;
  while (n != 0) {
    const uint16_t take = n < FLEET_REDUCED_PAGE_BYTES ? n : (uint16_t)FLEET_REDUCED_PAGE_BYTES;
    if (f->flash_erase(f->user, base + offset) < 0) return fleet_err_flash_erase_failed;
    if (f->flash_program(f->user, base + offset, data, take) < 0) return fleet_err_flash_write_failed;
    const FLEET_CONST_MEMORY uint8_t *back = a->platform->flash_at(f->user, base + offset);
    for (uint16_t i = 0; i < take; i++)
      if (back[i] != data[i]) return fleet_err_flash_verify_failed;
    offset = (uint16_t)(offset + take);
    data += take;
    n = (uint16_t)(n - take);
  }
  return 0;
}

void reduced_chunk(fleet_reduced_t *a, fleet_cbor_span_t message) {
  typedef struct {
    fleet_cbor_span_t transfer, data;
    uint32_t offset, crc;
  } chunk_t;
  static const FLEET_CONST_MEMORY fleet_cbor_row_t rows[] = {
      {FLEET_CHUNK_TRANSFER, cbor_row_bytes, 8, 8, offsetof(chunk_t, transfer)},
      {FLEET_CHUNK_OFFSET, cbor_row_u32, 0, 0, offsetof(chunk_t, offset)},
      {FLEET_CHUNK_DATA, cbor_row_bytes, 0, 0, offsetof(chunk_t, data)},
      {FLEET_CHUNK_CRC32, cbor_row_u32, 0, 0, offsetof(chunk_t, crc)},
  };
  const uint32_t required = UINT32_C(1) << FLEET_CHUNK_TRANSFER | UINT32_C(1) << FLEET_CHUNK_OFFSET |
                            UINT32_C(1) << FLEET_CHUNK_DATA | UINT32_C(1) << FLEET_CHUNK_CRC32;
  fleet_reduced_persist_t *p = &a->persist;
  chunk_t c;
  if ((fleet_cbor_read_map(message, FLEET_CBOR_ROWS(rows), &c) & required) != required) {
    reduced_count(a, FLEET_LOSS_COUNTER_CBOR_INVALID);
    return;
  }
  const uint16_t left = (uint16_t)(target_of(a)->bytes - p->fetched);
  const uint16_t expected = left < FLEET_REDUCED_CHUNK_BYTES ? left : (uint16_t)FLEET_REDUCED_CHUNK_BYTES;
  if (!a->fetching || memcmp(c.transfer.at, target_of(a)->digest, 8) != 0 || c.offset != p->fetched || c.data.n != expected) {
    reduced_count(a, FLEET_LOSS_COUNTER_CHUNK_STALE);
    return;
  }
  if (fleet_crc32(0, c.data.at, c.data.n) != c.crc) {
    reduced_count(a, FLEET_LOSS_COUNTER_CHUNK_CRC);
    a->want_due = true;
    return;
  }
  const uint16_t error = store(a, p->fetched, c.data.at, expected);
  if (error != 0) {
    reduced_count(a, FLEET_LOSS_COUNTER_FLASH_ERROR);
    p->fetched = 0;
    (void)fail(a, error, FLEET_SLOT_STATE_PARTIAL);
    return;
  }
  p->fetched = (uint16_t)(p->fetched + expected);
  a->timeouts = 0;
  if (p->fetched < target_of(a)->bytes) {
    (void)reduced_save(a); // what is not recorded is fetched again after a cut
    a->want_due = true;
    return;
  }
  if (slot_matches(a, p->target_slot)) {
    begin_trial(a, false);
    return;
  }
  // Every chunk had its CRC, so the server sent other bytes than the manifest names: start from nothing next time.
  p->fetched = 0;
  (void)fail(a, fleet_err_manifest_digest_mismatch, FLEET_SLOT_STATE_EMPTY);
}
