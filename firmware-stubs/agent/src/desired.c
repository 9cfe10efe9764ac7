// down/desired: parsing it, and deciding what it means in the present state of the update.
#include <string.h>

#include "update.h"

static bool parse_transfer(fleet_cbor_reader_t *r, fleet_desired_t *d) {
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

static bool parse_desired(const uint8_t *payload, uint32_t n, fleet_desired_t *d) {
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

static void adopt(fleet_agent_t *a, const fleet_desired_t *d, const fleet_manifest_t *m) {
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

// A complete bundle in the other slot: no download, straight to the trial.
static void begin_switch(fleet_agent_t *a, const fleet_desired_t *d, const fleet_manifest_t *m, uint32_t slot) {
  fleet_persist_t *p = &a->persist;
  const bool retained = p->slots[slot].state == FLEET_SLOT_STATE_RETAINED;
  adopt(a, d, m);
  if (m->sequence > p->slots[slot].sequence) p->slots[slot].sequence = m->sequence;
  p->target_slot = (uint8_t)slot;
  p->attempts = 0;
  p->quick = retained;
  a->fetching = false;
  fleet_update_begin_trial(a);
}

static bool update_is_open(const fleet_agent_t *a) {
  const uint32_t state = a->persist.update_state;
  return state == FLEET_UPDATE_STATE_VERIFIED || state == FLEET_UPDATE_STATE_STAGED ||
         state == FLEET_UPDATE_STATE_TRIAL || state == FLEET_UPDATE_STATE_SOAK;
}

static void apply(fleet_agent_t *a, const fleet_desired_t *d) {
  fleet_persist_t *p = &a->persist;
  fleet_manifest_t m;
  if (d->manifest == NULL) {
    fleet_report_answer(a, d, NULL, FLEET_UPDATE_STATE_FAILED, fleet_err_agent_manifest_missing);
    return;
  }
  int32_t result = fleet_manifest_parse(d->manifest, d->manifest_bytes, &m);
  if (result == 0) result = fleet_accept_signature(a, &m);
  if (result < 0) {
    fleet_report_answer(a, d, NULL, FLEET_UPDATE_STATE_FAILED, (uint32_t)-result);
    return;
  }
  const bool is_active = p->active_slot != FLEET_NO_SLOT && memcmp(p->slots[p->active_slot].digest, m.digest, 32) == 0;
  const bool is_target = memcmp(fleet_update_target(a)->digest, m.digest, 32) == 0;
  const bool same_deployment = d->deployment == p->deployment;
  const uint32_t other = p->active_slot == 0 ? 1 : 0;
  const uint32_t other_state = p->slots[other].state;
  const bool in_other = memcmp(p->slots[other].digest, m.digest, 32) == 0 && p->slots[other].bytes == m.size &&
                        (other_state == FLEET_SLOT_STATE_RETAINED || other_state == FLEET_SLOT_STATE_STAGED);

  if (update_is_open(a) && p->update_state != FLEET_UPDATE_STATE_SOAK) {
    // Staged or in trial: this ends by itself within seconds.
    if (same_deployment && is_target) {
      p->revision = d->revision;
      fleet_report_note(a, p->update_state, 0);
    } else {
      a->queued_hello = true;
      fleet_report_answer(a, d, m.digest, FLEET_UPDATE_STATE_QUEUED, 0);
    }
    return;
  }
  if (is_active) {
    if (m.sequence < p->floor) {
      fleet_report_answer(a, d, m.digest, FLEET_UPDATE_STATE_FAILED, fleet_err_manifest_below_floor);
      return;
    }
    a->fetching = false;
    adopt(a, d, &m);
    p->target_slot = p->active_slot;
    if (m.sequence > p->slots[p->active_slot].sequence) p->slots[p->active_slot].sequence = m.sequence;
    if (p->update_state != FLEET_UPDATE_STATE_SOAK) p->update_state = FLEET_UPDATE_STATE_ACTIVE;
    fleet_agent_save(a);
    fleet_report_note(a, p->update_state, 0);
    return;
  }
  if (same_deployment && is_target &&
      (p->update_state == FLEET_UPDATE_STATE_REVERTED || p->update_state == FLEET_UPDATE_STATE_FAILED) &&
      fleet_update_refused(a, m.digest, m.sequence)) {
    // It asks again for what has ended: the same answer again.
    p->revision = d->revision;
    fleet_report_note(a, p->update_state, p->update_error);
    return;
  }
  // Sequence numbers guard installs, not the way back to a slot whose manifest was verified when it was installed.
  if (in_other && p->slots[other].sequence >= p->floor && m.sequence >= p->floor &&
      !fleet_update_refused(a, m.digest, m.sequence)) {
    begin_switch(a, d, &m, other);
    return;
  }
  result = fleet_accept_judge(a, &m);
  if (result == 0 && d->has_transfer) {
    if (d->method != FLEET_TRANSFER_METHOD_FULL) {
      result = -(int32_t)fleet_err_wire_method_unsupported;
    } else if (d->payload_bytes != m.size || memcmp(d->payload_digest, m.digest, 32) != 0) {
      result = -(int32_t)fleet_err_manifest_digest_mismatch;
    }
  }
  if (result < 0) {
    fleet_report_answer(a, d, m.digest, FLEET_UPDATE_STATE_FAILED, (uint32_t)-result);
    return;
  }
  if (p->update_state == FLEET_UPDATE_STATE_SOAK) {
    if (m.supersede == 0) {
      a->queued_hello = true;
      fleet_report_answer(a, d, m.digest, FLEET_UPDATE_STATE_QUEUED, 0);
      return;
    }
    if (m.supersede == FLEET_CONDITIONS_SUPERSEDE_COMMIT) {
      fleet_update_finish_soak(a);
    } else {
      fleet_update_revert(a, fleet_err_agent_reverted, FLEET_SLOT_STATE_RETAINED);
    }
  }
  adopt(a, d, &m);
  fleet_transfer_begin(a, d, &m);
}

void fleet_update_desired(fleet_agent_t *a, const uint8_t *payload, uint32_t n) {
  fleet_desired_t d;
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
