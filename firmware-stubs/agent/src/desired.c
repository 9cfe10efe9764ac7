// down/desired: parsing it, and deciding what it means in the present state of the update.
#include <stddef.h>
#include <string.h>

#include "firmware.h"
#include "shadow.h"

static bool parse_desired(fleet_cbor_span_t message, fleet_desired_t *d) {
  static const FLEET_CONST_MEMORY fleet_cbor_row_t rows[] = {
      {FLEET_DESIRED_SERVER_TIME_MS, cbor_row_u64, 0, 0, offsetof(fleet_desired_t, server_time_ms)},
      {FLEET_DESIRED_REVISION, cbor_row_u32, 0, 0, offsetof(fleet_desired_t, revision)},
      {FLEET_DESIRED_DEPLOYMENT, cbor_row_u32, 0, 0, offsetof(fleet_desired_t, deployment)},
      {FLEET_DESIRED_MANIFEST, cbor_row_bytes, 1, 0, offsetof(fleet_desired_t, manifest)},
      {FLEET_DESIRED_TRANSFER, cbor_row_item, 0, 0, offsetof(fleet_desired_t, transfer)},
      {FLEET_DESIRED_WINDOW_S, cbor_row_u32, 0, 0, offsetof(fleet_desired_t, window_s)},
      {FLEET_DESIRED_NEXT_CONTACT_S, cbor_row_u32, 0, 0, offsetof(fleet_desired_t, next_contact_s)},
      {FLEET_DESIRED_PICK_EVERY, cbor_row_u32, 0, 0, offsetof(fleet_desired_t, pick_every)},
      {FLEET_DESIRED_SHADOW_EVERY, cbor_row_u32, 0, 0, offsetof(fleet_desired_t, shadow_every)},
  };
  static const FLEET_CONST_MEMORY fleet_cbor_row_t transfer_rows[] = {
      {FLEET_TRANSFER_METHOD, cbor_row_u32, 0, 0, offsetof(fleet_desired_t, method)},
      {FLEET_TRANSFER_PAYLOAD_BYTES, cbor_row_u32, 0, 0, offsetof(fleet_desired_t, payload_bytes)},
      {FLEET_TRANSFER_PAYLOAD_DIGEST, cbor_row_bytes, 32, 32, offsetof(fleet_desired_t, payload_digest)},
      {FLEET_TRANSFER_RESULT_DIGEST, cbor_row_bytes, 32, 32, offsetof(fleet_desired_t, result_digest)},
      {FLEET_TRANSFER_BASE_DIGEST, cbor_row_bytes, 32, 32, offsetof(fleet_desired_t, base_digest)},
      {FLEET_TRANSFER_CHUNK_BYTES, cbor_row_u32, 0, 0, offsetof(fleet_desired_t, chunk_bytes)},
  };
  const uint32_t required =
      1u << FLEET_DESIRED_SERVER_TIME_MS | 1u << FLEET_DESIRED_REVISION | 1u << FLEET_DESIRED_DEPLOYMENT;
  memset(d, 0, sizeof *d);
  d->keys = fleet_cbor_read_map(message, FLEET_CBOR_ROWS(rows), d);
  if ((d->keys & required) != required) return false;
  return d->transfer.n == 0 || (fleet_cbor_read_map(d->transfer, FLEET_CBOR_ROWS(transfer_rows), d) != 0 &&
                                d->payload_digest.n != 0);
}

static bool has(const fleet_desired_t *d, uint32_t key) { return (d->keys >> key & 1) != 0; }

// Remembers which key has signed it: the next one follows when the bundle is committed.
static int32_t verify(const fleet_agent_t *a, fleet_manifest_t *m) {
  const fleet_cose_t cose = {.protected_header = m->protected_header, .payload = m->signed_payload,
                             .algorithm = m->cose_algorithm, .key_id = m->key_id, .signature = m->signature};
  const int32_t key = fleet_accept_signature(a, &cose, 2);
  m->by_next_key = key == 1;
  return key < 0 ? key : 0;
}

void fleet_update_adopt(fleet_agent_t *a, const fleet_desired_t *d, const fleet_manifest_t *m, fleet_slot_record_t *slot) {
  fleet_persist_t *p = &a->persist;
  if (m->sequence > slot->sequence) slot->sequence = m->sequence;
  p->deployment = d->deployment;
  p->revision = d->revision;
  if (m->sequence >= p->highest_sequence) {
    p->highest_sequence = m->sequence;
    p->floor = m->floor;
  }
  p->soak_s = m->soak_s; // that of `desired` is not signed
  p->latency_limit_us = m->latency_us;
  a->update.error = 0;
  p->by_next_key = m->by_next_key;
  p->shadow_every = (uint16_t)(d->shadow_every > UINT16_MAX ? UINT16_MAX : d->shadow_every);
}

// A complete bundle in the other slot: no download, straight to the trial. One that runs as shadow already goes on.
static void begin_switch(fleet_agent_t *a, const fleet_desired_t *d, const fleet_manifest_t *m, uint32_t slot) {
  fleet_persist_t *p = &a->persist;
  const bool retained = p->slots[slot].state == FLEET_SLOT_STATE_RETAINED;
  const bool soaks = a->update.state == FLEET_UPDATE_STATE_SOAK;
  const bool is_shadow = a->update.state == FLEET_UPDATE_STATE_SHADOW && a->update.target_slot == slot;
  fleet_update_adopt(a, d, m, &p->slots[slot]);
  if (is_shadow && p->shadow_every != 0) {
    fleet_agent_save(a);
    fleet_shadow_tell(a);
    return;
  }
  a->update.target_slot = (uint8_t)slot;
  a->update.attempts = 0;
  a->update.quick = (uint8_t)(retained + (retained && soaks));
  a->fetching = false;
  fleet_update_proceed(a);
}

// Only a clock that the board vouches for may refuse; what runs already may go on.
static bool has_expired(const fleet_agent_t *a, const fleet_manifest_t *m) {
  const fleet_platform_t *f = a->platform;
  return m->not_after != 0 && f->unix_ms != NULL && f->unix_ms(f->user) / 1000 > m->not_after;
}

bool fleet_update_holds(const fleet_slot_record_t *slot, const fleet_manifest_t *m) { return memcmp(slot->digest, m->digest, 32) == 0; }

// Complete, and not what runs.
static bool is_left(const fleet_slot_record_t *slot) {
  return ((1u << FLEET_SLOT_STATE_RETAINED | 1u << FLEET_SLOT_STATE_STAGED) >> slot->state & 1) != 0;
}

void fleet_update_answer_again(fleet_agent_t *a, const fleet_desired_t *d) {
  a->persist.revision = d->revision;
  (void)fleet_report_note(a);
}

// A soak that is open gives way to a release that says so. 0: none is open any more. 1: it is waited for, or firmware goes back by
// a reset, and the hello behind that is answered with the release.
static int32_t supersede(fleet_agent_t *a, fleet_manifest_t *m) {
  if (m->supersede == 0) return 1;
  if (m->supersede == FLEET_CONDITIONS_SUPERSEDE_COMMIT) {
    fleet_update_finish_soak(a);
  } else {
    fleet_update_revert(a, fleet_err_agent_reverted, FLEET_SLOT_STATE_STAGED);
  }
  return fleet_firmware_able(a) && a->reset_due ? 1 : verify(a, m); // a key may have gone with it
}

// What a release that is desired means now: 0 when it was taken up, 1 when it has to wait, or why it is refused.
static int32_t decide(fleet_agent_t *a, fleet_desired_t *d) {
  fleet_persist_t *p = &a->persist;
  fleet_manifest_t m;
  if (d->manifest.n == 0) return -(int32_t)fleet_err_agent_manifest_missing;
  int32_t result = fleet_manifest_parse(d->manifest.at, d->manifest.n, &m);
  d->component = m.component;
  if (result == 0) result = verify(a, &m);
  if (result == 0) result = fleet_accept_address(a, &m);
  if (result < 0) return result;
  d->digest = m.digest;
  const uint32_t active = a->update.active_slot;
  const bool firmware = fleet_firmware_able(a) && m.component == FLEET_COMPONENT_FIRMWARE;
  const uint8_t *running = firmware ? fleet_firmware_running(a) : active != FLEET_NO_SLOT ? p->slots[active].digest : NULL;
  const bool is_active = running != NULL && memcmp(running, m.digest, 32) == 0;
  if (!is_active && has_expired(a, &m)) return -(int32_t)fleet_err_manifest_expired;
  const bool waits = a->update.state == FLEET_UPDATE_STATE_SOAK && !is_active;
  if (firmware) {
    if (waits && m.supersede != 0 && !fleet_update_holds(fleet_update_target(a), &m) && fleet_firmware_judge(a, &m) == 0 &&
        fleet_transfer_judge(a, d, &m) == 0) {
      result = supersede(a, &m);
    }
    return result == 0 ? fleet_firmware_decide(a, d, &m, is_active) : result;
  }
  if (fleet_firmware_open(a)) {
    // What is wrong with it is told when its turn comes.
    result = waits && fleet_accept_judge(a, &m) == 0 && fleet_transfer_judge(a, d, &m) == 0 ? supersede(a, &m) : 1;
    if (result != 0) return result;
  }

  const fleet_slot_record_t *target = fleet_update_target(a);
  const uint32_t state = a->update.state;
  const bool again = d->deployment == p->deployment && fleet_update_holds(target, &m);
  if (state >= FLEET_UPDATE_STATE_VERIFIED && state <= FLEET_UPDATE_STATE_TRIAL) { // this ends by itself within seconds
    if (!again) return 1;
    fleet_update_answer_again(a, d);
    return 0;
  }
  if (is_active) {
    if (m.sequence < p->floor) return -(int32_t)fleet_err_manifest_below_floor;
    a->fetching = false;
    fleet_update_adopt(a, d, &m, &p->slots[active]);
    a->update.target_slot = (uint8_t)active;
    const bool soaks = state == FLEET_UPDATE_STATE_SOAK;
    if (!soaks) fleet_accept_rotate(a);
    (void)fleet_update_enter(a, soaks ? FLEET_UPDATE_STATE_SOAK : FLEET_UPDATE_STATE_ACTIVE, 0);
    return 0;
  }
  const bool refused = fleet_update_refused(a, m.digest, m.sequence);
  if (again && (state == FLEET_UPDATE_STATE_ABORTED ||
                ((a->update.error != fleet_err_agent_shadow_unavailable || d->shadow_every != 0) &&
                 (state == FLEET_UPDATE_STATE_REVERTED || state == FLEET_UPDATE_STATE_FAILED) &&
                 (is_left(target) || refused)))) {
    // It asks again for what has ended, by itself or by command.
    fleet_update_answer_again(a, d);
    return 0;
  }
  if (d->shadow_every != 0 &&
      (state == FLEET_UPDATE_STATE_SOAK || active == FLEET_NO_SLOT || !fleet_shadow_able(a))) {
    return -(int32_t)fleet_err_agent_shadow_unavailable;
  }
  // Sequence numbers guard installs, not the way back to a slot whose manifest was verified when it was installed.
  const uint32_t other = active == 0;
  const fleet_slot_record_t *slot = &p->slots[other];
  if (fleet_update_holds(slot, &m) && slot->bytes == m.size && is_left(slot) && slot->sequence >= p->floor && m.sequence >= p->floor &&
      !refused) {
    begin_switch(a, d, &m, other);
    return 0;
  }
  result = fleet_accept_judge(a, &m);
  if (result == 0) result = fleet_transfer_judge(a, d, &m);
  if (result == 0 && state == FLEET_UPDATE_STATE_SOAK) {
    result = supersede(a, &m);
    if (result == 0) result = fleet_transfer_judge(a, d, &m); // the slots have changed their parts
  }
  if (result != 0) return result;
  const uint32_t into = fleet_transfer_slot(a, m.size);
  fleet_update_adopt(a, d, &m, &p->slots[into]);
  a->update.target_slot = (uint8_t)into;
  fleet_transfer_begin(a, d, &m);
  return 0;
}

void fleet_update_desired(fleet_agent_t *a, const uint8_t *payload, uint32_t n) {
  fleet_desired_t d;
  if (!parse_desired((fleet_cbor_span_t){payload, n}, &d)) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_CBOR_INVALID);
    return;
  }
  a->unix_offset_ms = (int64_t)d.server_time_ms - (int64_t)a->uptime_ms;
  a->time_known = a->unix_offset_ms >= 0; // a server whose clock is behind the uptime has none
  a->next_contact_s = d.next_contact_s;
  fleet_sleep_heard(a, true);
  if (d.window_s != 0 && (a->config->flags & FLEET_AGENT_FIXED_WINDOW) == 0) {
    a->window_s = d.window_s < FLEET_WINDOW_MAX_MS / 1000 ? d.window_s : FLEET_WINDOW_MAX_MS / 1000;
  }
  if (has(&d, FLEET_DESIRED_PICK_EVERY)) a->pick_every = (uint16_t)(d.pick_every > UINT16_MAX ? UINT16_MAX : d.pick_every);
  if (d.deployment != 0) {
    const int32_t result = decide(a, &d);
    if (result > 0) a->queued_hello = true;
    if (result != 0) fleet_report_answer(a, &d, result);
    return;
  }
  // Nothing to do: a transfer that nobody wants any more stops; what was stored stays for a later resume.
  if (a->fetching) {
    a->fetching = false;
    if (a->job == job_rehash) a->job = job_none;
  }
  if (a->update.state == FLEET_UPDATE_STATE_FETCHING || a->update.state == FLEET_UPDATE_STATE_SHADOW) {
    a->update.state = FLEET_UPDATE_STATE_IDLE;
    a->persist.deployment = 0;
    fleet_agent_save(a);
  }
}
