// Fetching a bundle into the target slot: wants, chunks in order, decoding, storing, progress, completion. Resumes after a
// reboot at the progress on record: a sector of the full payload, a block of another one.
#include <stddef.h>
#include <string.h>

#include "fleet_payload.h"
#include "firmware.h"

enum {
  progress_grain_bytes = 4096, // of the persisted progress; a sector when sectors are larger
  want_chunks = 8,
  want_patience_ms = 5000, // doubled up to 2^4 while nothing arrives
  chunk_default_bytes = 1024,
  chunk_max_bytes = 1280, // with topic and heads below FLEET_MQTT_RX_BYTES
};

// The inactive slot; without an active one, the slot that holds nothing worth keeping. A one-slot device has RAM for it when
// its model runs in place.
uint32_t fleet_transfer_slot(const fleet_agent_t *a, uint32_t bytes) {
  const fleet_persist_t *p = &a->persist;
  const fleet_platform_t *f = a->platform;
  if (fleet_agent_slots(a->config) == 1) {
    return a->update.active_slot != FLEET_NO_SLOT && bytes <= a->config->bundle_ram_bytes && f->flash_map != NULL &&
           f->flash_map(f->user, fleet_agent_slot_offset(a->config, 0), p->slots[0].bytes) != NULL;
  }
  if (a->update.active_slot != FLEET_NO_SLOT) return a->update.active_slot ^ 1u;
  const bool keep_0 = p->slots[0].state == FLEET_SLOT_STATE_RETAINED || p->slots[0].state == FLEET_SLOT_STATE_STAGED;
  return keep_0 || p->slots[1].state == FLEET_SLOT_STATE_PARTIAL ? 1 : 0;
}

static bool can_decode(const fleet_agent_t *a) { return a->config->patch_scratch_bytes >= sizeof(fleet_payload_t); }

uint32_t fleet_transfer_methods(const fleet_agent_t *a) {
  if (!can_decode(a)) return FLEET_TRANSFER_METHOD_FULL + 1u;
  // With one slot, and no RAM beside it, the fetch destroys what a delta would be made against.
  const bool keeps_base = fleet_agent_slots(a->config) == 2 || fleet_transfer_slot(a, 1) != 0;
  return keeps_base ? FLEET_TRANSFER_METHOD_DELTA + 1u : FLEET_TRANSFER_METHOD_COMPRESSED + 1u;
}

int32_t fleet_transfer_judge(const fleet_agent_t *a, const fleet_desired_t *d, const fleet_manifest_t *m) {
  if (d->transfer.n == 0) return 0;
  const bool full = d->method == FLEET_TRANSFER_METHOD_FULL;
  const fleet_cbor_span_t digest = full ? d->payload_digest : d->result_digest;
  if (digest.n == 0 || memcmp(digest.at, m->digest, 32) != 0 || d->payload_bytes == 0 ||
      (full && d->payload_bytes != m->size)) {
    return -(int32_t)fleet_err_manifest_digest_mismatch;
  }
  if (full) return 0;
  if (m->component == FLEET_COMPONENT_FIRMWARE || d->method > FLEET_TRANSFER_METHOD_DELTA || !can_decode(a)) return -(int32_t)fleet_err_wire_method_unsupported;
  const fleet_slot_record_t *base = &a->persist.slots[fleet_transfer_slot(a, m->size) ^ 1u];
  const bool has_base = (base->state == FLEET_SLOT_STATE_ACTIVE || base->state == FLEET_SLOT_STATE_RETAINED) &&
                        d->base_digest.n != 0 && memcmp(d->base_digest.at, base->digest, 32) == 0;
  return has_base || d->method == FLEET_TRANSFER_METHOD_COMPRESSED ? 0 : -(int32_t)fleet_err_wire_base_missing;
}

void fleet_transfer_begin(fleet_agent_t *a, const fleet_desired_t *d, const fleet_manifest_t *m) {
  fleet_persist_t *p = &a->persist;
  const uint32_t target = a->update.target_slot;
  fleet_slot_record_t *slot = fleet_update_target(a);
  const uint8_t *payload = d->transfer.n == 0 ? m->digest : d->payload_digest.at;
  fleet_firmware_forget(a);
  const bool same = slot->state == FLEET_SLOT_STATE_PARTIAL && memcmp(slot->digest, m->digest, 32) == 0 &&
                    slot->bytes == m->size;
  const bool same_payload = memcmp(p->transfer, payload, 8) == 0;
  const bool running = same && same_payload && a->fetching;
  if (target == a->update.active_slot) { // the only slot: from this record on the device has no model
    a->update.active_slot = FLEET_NO_SLOT;
    fleet_model_unload(a);
    if (a->job == job_check_active) a->job = job_none;
  }
  if (!same) {
    a->update.attempts = 0;
    memset(slot, 0, sizeof *slot);
    slot->state = FLEET_SLOT_STATE_PARTIAL;
    memcpy(slot->digest, m->digest, 32);
    slot->bytes = m->size;
  }
  // What is stored is of the bundle whatever it was made from, but only the full payload goes on behind any of it.
  const bool goes_on = d->method == FLEET_TRANSFER_METHOD_FULL || (same_payload && p->payload_taken < d->payload_bytes);
  if (!same || !goes_on) p->fetched = 0;
  memcpy(p->transfer, payload, 8);
  slot->sequence = m->sequence;
  a->update.state = FLEET_UPDATE_STATE_FETCHING;
  a->update.quick = 0;
  a->update.attempt_open = 0;
  fleet_agent_save(a); // the slot is partial on record before its flash is touched

  uint32_t chunk = d->chunk_bytes == 0 ? (uint32_t)chunk_default_bytes : d->chunk_bytes;
  if (chunk > chunk_max_bytes) chunk = chunk_max_bytes;
  chunk -= chunk % 32; // whole program units, whatever the unit
  a->chunk_bytes = (uint16_t)(chunk == 0 ? 32 : chunk);
  a->timeouts = 0;
  a->want_due = true;
  if (!running) {
    a->method = (uint8_t)d->method;
    a->payload_bytes = d->transfer.n == 0 ? m->size : d->payload_bytes;
    a->fetching = true;
    if (a->job == job_none || a->job == job_rehash) fleet_transfer_resume(a);
  }
  (void)fleet_report_note(a);
}

static uint32_t target_sector(const fleet_agent_t *a) {
  return fleet_firmware_is_target(a) ? fleet_firmware_sector(a) : a->config->flash.sector_bytes;
}

// Writes n bytes at `offset` of the target slot, erasing every sector whose start it reaches, and reads them back.
// offset is a multiple of 32. Nothing is touched before the record is durable that gives the slot up.
static int32_t store(fleet_agent_t *a, uint32_t offset, const uint8_t *data, uint32_t n) {
  const fleet_platform_t *f = a->platform;
  const uint32_t sector = target_sector(a);
  const uint32_t base = fleet_agent_slot_offset(a->config, a->update.target_slot);
  if (fleet_slot_is_ram(a, a->update.target_slot)) {
    memcpy((uint8_t *)a->config->bundle_ram + offset, data, n); // the bundle fits, and its bytes end with it
    return 0;
  }
  int32_t result = fleet_agent_save(a) ? 0 : -(int32_t)fleet_err_flash_write_failed;
  for (uint32_t done = 0, take; done < n && result == 0; done += take) {
    const uint32_t at = offset + done;
    const uint32_t in_sector = at % sector;
    take = sector - in_sector;
    if (take > n - done) take = n - done;
    if (fleet_firmware_is_target(a)) {
      result = fleet_firmware_write(a, at, data + done, take);
    } else {
      if (in_sector == 0) result = fleet_flash_erase(&a->flash, base + at);
      if (result == 0) result = fleet_flash_write(&a->flash, base + at, data + done, take);
    }
    if (f->watchdog != NULL) f->watchdog(f->user); // one chunk of a delta may make a whole slot
  }
  return result;
}

// The next bytes of the bundle, at `offset`.
static int32_t take(void *user, uint32_t offset, const uint8_t *data, uint32_t n) {
  fleet_agent_t *a = user;
  const int32_t result = store(a, offset, data, n);
  if (result < 0) {
    a->persist.fetched = 0; // a sector that was half written is erased again
  } else {
    fleet_sha256_update(&a->sha, data, n);
  }
  return result;
}

// Bytes of the base, which is in the other slot, or of the target slot.
static int32_t read_slot(void *user, bool own, uint32_t offset, void *dst, uint32_t n) {
  fleet_agent_t *a = user;
  const uint32_t slot = a->update.target_slot ^ (own ? 0u : 1u);
  return fleet_slot_read(a, slot, offset, dst, n);
}

// Brings the running hash to what the slot already holds; wants are sent when that is done.
void fleet_transfer_resume(fleet_agent_t *a) {
  static const fleet_payload_io_t io = {read_slot, take};
  const fleet_persist_t *p = &a->persist;
  const uint32_t base_bytes = a->method == FLEET_TRANSFER_METHOD_DELTA ? p->slots[a->update.target_slot ^ 1u].bytes : 0;
  a->next_offset = p->fetched;
  if (a->method != FLEET_TRANSFER_METHOD_FULL) {
    if (p->fetched != 0) a->next_offset = p->payload_taken;
    const fleet_payload_start_t start = {base_bytes, fleet_update_target(a)->bytes, a->config->flash.sector_bytes,
                                         p->fetched, a->next_offset};
    fleet_payload_init(a->config->patch_scratch, &io, a, &start);
  }
  a->window_end = a->next_offset;
  if (p->fetched != 0) {
    fleet_trial_job(a, job_rehash, a->update.target_slot);
  } else {
    fleet_sha256_init(&a->sha);
    a->job = job_none;
  }
}

static void staged(fleet_agent_t *a) {
  fleet_slot_record_t *slot = fleet_update_target(a);
  slot->state = FLEET_SLOT_STATE_STAGED;
  a->persist.fetched = slot->bytes;
  (void)fleet_update_enter(a, FLEET_UPDATE_STATE_STAGED, 0);
  fleet_update_proceed(a);
}

void fleet_transfer_copy(fleet_agent_t *a) {
  const uint32_t sector = a->config->flash.sector_bytes;
  const uint32_t left = fleet_update_target(a)->bytes - a->job_offset;
  const uint32_t n = left < sector ? left : sector;
  const int32_t result = store(a, a->job_offset, (const uint8_t *)a->config->bundle_ram + a->job_offset, n);
  if (result < 0) {
    (void)fleet_update_fail(a, result, false);
    return;
  }
  a->job_offset += n;
  if (n == left) staged(a);
}

static void fetch_complete(fleet_agent_t *a) {
  fleet_slot_record_t *slot = fleet_update_target(a);
  uint8_t digest[32];
  a->fetching = false;
  fleet_sha256_final(&a->sha, digest);
  if (memcmp(digest, slot->digest, 32) != 0) {
    // Every chunk had its CRC, so the server sent other bytes than the manifest names: start from nothing next time.
    slot->state = FLEET_SLOT_STATE_EMPTY;
    a->persist.fetched = 0;
    (void)fleet_update_enter(a, FLEET_UPDATE_STATE_FAILED, fleet_err_manifest_digest_mismatch);
    return;
  }
  a->update.state = FLEET_UPDATE_STATE_VERIFIED;
  (void)fleet_report_note(a);
  staged(a);
}

typedef struct {
  fleet_cbor_span_t transfer;
  fleet_cbor_span_t data;
  uint32_t offset;
  uint32_t crc;
} chunk_t;

void fleet_transfer_chunk(fleet_agent_t *a, const uint8_t *payload, uint32_t n) {
  static const FLEET_CONST_MEMORY fleet_cbor_row_t rows[] = {
      {FLEET_CHUNK_TRANSFER, cbor_row_bytes, 8, 8, offsetof(chunk_t, transfer)},
      {FLEET_CHUNK_OFFSET, cbor_row_u32, 0, 0, offsetof(chunk_t, offset)},
      {FLEET_CHUNK_DATA, cbor_row_bytes, 0, 0, offsetof(chunk_t, data)},
      {FLEET_CHUNK_CRC32, cbor_row_u32, 0, 0, offsetof(chunk_t, crc)},
  };
  const uint32_t required =
      1u << FLEET_CHUNK_TRANSFER | 1u << FLEET_CHUNK_OFFSET | 1u << FLEET_CHUNK_DATA | 1u << FLEET_CHUNK_CRC32;
  chunk_t chunk;
  const uint32_t keys = fleet_cbor_read_map((fleet_cbor_span_t){payload, n}, FLEET_CBOR_ROWS(rows), &chunk);
  if ((keys & required) != required) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_CBOR_INVALID);
    return;
  }
  const uint8_t *data = chunk.data.at;
  const uint32_t data_bytes = chunk.data.n;
  const fleet_slot_record_t *slot = fleet_update_target(a);
  // Chunks are taken in order only: TCP keeps the order, and what is missing is asked for again.
  const uint32_t left = a->payload_bytes - a->next_offset;
  const uint32_t expected = left < a->chunk_bytes ? left : a->chunk_bytes;
  const bool ours = a->fetching && a->job == job_none && memcmp(chunk.transfer.at, a->persist.transfer, 8) == 0;
  const bool whole = ours && chunk.offset == a->next_offset && data_bytes == expected;
  if (!whole || fleet_crc32(0, data, data_bytes) != chunk.crc) {
    fleet_agent_count(a, whole ? FLEET_LOSS_COUNTER_CHUNK_CRC : FLEET_LOSS_COUNTER_CHUNK_STALE);
    // One that is missing before this one is asked for again at once, but once only, for those behind it still come.
    const bool gap = ours && chunk.offset > a->next_offset && a->timeouts == 0;
    if (gap) a->timeouts = 1;
    if (gap || whole) a->want_due = true;
    return;
  }
  fleet_payload_t *coded = a->method == FLEET_TRANSFER_METHOD_FULL ? NULL : a->config->patch_scratch;
  int32_t result = coded != NULL ? fleet_payload_feed(coded, data, data_bytes) : take(a, chunk.offset, data, data_bytes);
  a->next_offset += data_bytes;
  uint32_t made = a->next_offset;
  uint32_t taken = made;
  if (coded != NULL) {
    made = coded->block_start;
    taken = coded->block_taken;
    if (result == 0 && a->next_offset == a->payload_bytes && made != slot->bytes) {
      result = -(int32_t)fleet_err_wire_payload_invalid;
    }
  }
  if (result < 0) {
    (void)fleet_update_fail(a, result, false);
    return;
  }
  a->timeouts = 0;
  a->want_due_ms = now_ms(a) + want_patience_ms;
  if (a->next_offset >= a->window_end) a->want_due = true;
  if (a->next_offset == a->payload_bytes) {
    fetch_complete(a);
    return;
  }
  const uint32_t sector = target_sector(a);
  const uint32_t grain = sector > progress_grain_bytes ? sector : (uint32_t)progress_grain_bytes;
  const uint32_t stored = made - made % sector;
  if (stored >= a->persist.fetched + grain && !fleet_slot_is_ram(a, a->update.target_slot)) {
    a->persist.fetched = stored;
    a->persist.payload_taken = taken;
    fleet_agent_save(a);
  }
}

void fleet_transfer_connected(fleet_agent_t *a) {
  a->timeouts = 0;
  a->want_due = true;
}

uint32_t fleet_transfer_tick(fleet_agent_t *a) {
  if (!a->fetching || !a->session || a->job != job_none) return never_ms;
  const uint32_t wait_ms = fleet_agent_until(a, a->want_due_ms);
  if (!a->want_due) {
    if (wait_ms != 0) return wait_ms;
    if (a->timeouts < 4) a->timeouts++;
  }
  const uint32_t left = a->payload_bytes - a->next_offset;
  uint32_t chunks = (left + a->chunk_bytes - 1) / a->chunk_bytes;
  if (chunks > want_chunks) chunks = want_chunks;
  a->want_due = true;
  if (!fleet_messages_want(a, chunks)) return 20; // control buffer full: the stream is slow
  a->window_end = a->next_offset + chunks * a->chunk_bytes;
  a->want_due = false;
  const uint32_t patience_ms = (uint32_t)want_patience_ms << a->timeouts;
  a->want_due_ms = now_ms(a) + patience_ms;
  return patience_ms;
}
