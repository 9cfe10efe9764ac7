// The record log, see fleet_records.h and docs/spec/flash.md.
//
// A snapshot record (generation of its sector, whole state) may stand at every 32nd byte of a record sector; patch records
// (offset, bytes) follow it without a gap. The state is the newest snapshot that reads well, by generation and then by
// place, with the patches behind it. The operation that power was cut in may have left bytes that read differently each
// time, so what reads well at a boot may not at the next, and what reads erased may not be. Hence nothing is appended to
// what a boot has found: its first save is a snapshot behind all that a cut may have touched, its second one too, for the
// first may stand where an earlier boot was cut without a trace; from then on patches are safe. The other sector is
// erased when this one is full, and holds the last good state until then.
//
// A newer firmware that was tried may have left longer records than this one knows: what it has appended is passed over, for
// what else they say (sequences, keys, slots) must outlive the way back.
#include "fleet_records.h"

#include <stddef.h>
#include <string.h>

#include "fleet_runtime.h"
#include "fleet_wire.h"

enum {
  kind_snapshot = 0x01a5,
  kind_patch = 0x02a5,
  grid = fleet_flash_piece,
  record_max = (fleet_record_bytes + (int)sizeof(fleet_persist_t) + grid - 1) / grid * grid,
  sector_min = 1024,
};

#ifdef FLEET_WITHOUT_FIRMWARE
enum { firmware_slots = 0 };
#else
enum { firmware_slots = 2 };
#endif
enum { persist_fields = 15 * 4 + (2 + firmware_slots) * 44 + 8 + FLEET_REFUSED_DIGESTS * 16 + 12 + 12 + 2 * 68 };
typedef char persist_has_no_padding[sizeof(fleet_persist_t) ==
                                  persist_fields ? 1 : -1];
// A sector has room for the snapshot it starts with and one more: the only copy of the state is never erased.
typedef char sector_holds_two[2 * record_max + grid <= sector_min ? 1 : -1];

uint32_t fleet_records_sector_bytes(const fleet_flash_geometry_t *g) {
  return g->sector_bytes < sector_min ? 2 * g->sector_bytes : g->sector_bytes;
}

// Writes and reads back; after a failure too the bytes count as used.
static bool write_record(fleet_records_t *r, uint32_t at, uint32_t kind, uint32_t number, const uint8_t *state, uint32_t n) {
  r->used = at + fleet_record_size(r->flash, n);
  return fleet_record_write(r->flash, r->sector * r->bytes + at, kind, number, state, n) == 0;
}

// Where the next snapshot, of `size` bytes, goes: on the grid, in bytes that read erased, behind what the last cut may have touched. That is
// the first piece behind the records found, and a whole record where any byte of it shows. The sector's end = nowhere.
static uint32_t place(const fleet_records_t *r, uint32_t size) {
  const uint32_t base = r->sector * r->bytes;
  uint32_t at = fleet_round_up(r->used, grid) + (r->loose == 2 ? (uint32_t)grid : 0);
  for (uint32_t i = r->used; i < at + size;) {
    if (at + size > r->bytes) return r->bytes;
    const uint32_t next = (i & ~(uint32_t)(grid - 1)) + grid;
    if (fleet_flash_erased(r->flash, base + i, base + next) <= 0) at = fleet_round_up(i, grid) + record_max;
    i = next;
  }
  return at;
}

static bool erase(const fleet_records_t *r, uint32_t sector) {
  for (uint32_t at = 0; at < r->bytes; at += r->flash->geometry.sector_bytes) {
    if (fleet_flash_erase(r->flash, sector * r->bytes + at) != 0) return false;
  }
  return true;
}

static uint32_t cold_crc(const fleet_persist_t *state) {
  return fleet_crc32(0, (const uint8_t *)state + FLEET_PERSIST_WARM_BYTES, sizeof *state - FLEET_PERSIST_WARM_BYTES);
}

static int32_t is_saved(fleet_records_t *r, const fleet_persist_t *state) {
  memcpy(r->saved, state, sizeof r->saved);
  r->saved_crc = cold_crc(state);
  return 0;
}

void fleet_records_open(fleet_records_t *r, fleet_flash_t *flash, fleet_persist_t *state) {
  const uint32_t bytes = fleet_records_sector_bytes(&flash->geometry);
  fleet_persist_t found;
  fleet_record_t record = {.kind = kind_snapshot, .dst = (uint8_t *)&found, .capacity = sizeof found};
  uint32_t size;
  r->flash = flash;
  r->bytes = bytes;
  r->sector = 1;
  r->generation = 0;
  memset(state, 0, sizeof *state);
  for (uint32_t at = 0; at < 2 * bytes; at += grid) {
    const uint32_t sector = at >= bytes;
    memset(&found, 0, sizeof found); // what a snapshot leaves out is zero
    size = fleet_record_read(flash, at, (sector + 1) * bytes, &record);
    // No flash lives long enough for a generation above 2^31, and none may come round to 0.
    if (size == 0 || (int32_t)record.number <= 0 || record.number < r->generation) continue;
    r->sector = sector;
    r->generation = record.number;
    r->used = at + size - sector * bytes;
    *state = found;
  }
  if (r->generation == 0) {
    // The first save starts sector 0. What is left of older records in sector 1 must not come back.
    state->layout = FLEET_PERSIST_LAYOUT;
    state->update.active_slot = FLEET_NO_SLOT;
    if (fleet_flash_erased(flash, 0, 2 * bytes) <= 0) {
      flash->errors++;
      (void)erase(r, 1);
    }
    r->used = bytes;
  }
  const uint32_t base = r->sector * bytes;
  record.kind = kind_patch;
  for (; (size = fleet_record_read(flash, base + r->used, base + bytes, &record)) != 0; r->used += size) {
    if (record.number >= sizeof *state) continue; // of fields that a newer firmware has
    const uint32_t room = (uint32_t)sizeof *state - record.number;
    memcpy((uint8_t *)state + record.number, &found, record.n < room ? record.n : room);
  }
  r->loose = 2;
  (void)is_saved(r, state);
}

int32_t fleet_records_save(fleet_records_t *r, const fleet_persist_t *state) {
  const uint8_t *now = (const uint8_t *)state;
  const uint8_t *before = r->saved;
  uint32_t first = 0;
  uint32_t end = FLEET_PERSIST_WARM_BYTES;
  while (first < end && now[first] == before[first]) first++;
  const bool cold = cold_crc(state) != r->saved_crc;
  if (first == end && !cold && r->generation != 0) return 0;
  if (r->loose == 0) {
    while (!cold && now[end - 1] == before[end - 1]) end--;
    if (cold) end = sizeof *state;
    if (r->bytes - r->used >= fleet_record_size(r->flash, end - first)) {
      if (write_record(r, r->used, kind_patch, first, now + first, end - first)) {
        return is_saved(r, state);
      }
      r->loose = 1;
    }
  }
  // A snapshot is read with zeros behind it: those at its end are left out.
  for (end = sizeof *state; now[end - 1] == 0;) end--;
  for (uint32_t at; (at = place(r, fleet_record_size(r->flash, end))) < r->bytes;) {
    if (write_record(r, at, kind_snapshot, r->generation, now, end)) {
      if (r->loose != 0) r->loose--;
      return is_saved(r, state);
    }
  }
  r->sector ^= 1;
  if (erase(r, r->sector) && write_record(r, 0, kind_snapshot, r->generation + 1, now, end)) {
    r->generation++;
    r->loose = 0;
    return is_saved(r, state);
  }
  r->sector ^= 1; // full, yet the only one
  r->used = r->bytes;
  return -(int32_t)fleet_err_flash_write_failed;
}
