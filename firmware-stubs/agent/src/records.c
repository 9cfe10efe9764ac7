// The record log, see fleet_records.h and docs/spec/flash.md.
//
// A snapshot record (generation of its sector, whole state) may stand at every 32nd byte of a record sector; patch records
// (offset, bytes) follow it without a gap. The state is the newest snapshot that reads well, by generation and then by
// place, with the patches behind it. The operation that power was cut in may have left bytes that read differently each
// time, so what reads well at a boot may not at the next, and what reads erased may not be. Hence nothing is appended to
// what a boot has found: its first save is a snapshot behind all that a cut may have touched, its second one too, for the
// first may stand where an earlier boot was cut without a trace; from then on patches are safe. The other sector is
// erased when this one is full, and holds the last good state until then.
#include "fleet_records.h"

#include <stddef.h>
#include <string.h>

#include "fleet_runtime.h"
#include "fleet_wire.h"
#include "flash.h"

enum {
  record_magic = 0xa5,
  type_snapshot = 1,
  type_patch = 2,
  head_bytes = 12,
  grid = fleet_flash_piece,
  record_max = (head_bytes + (int)sizeof(fleet_persist_t) + grid - 1) / grid * grid,
  sector_min = 1024,
};

typedef char persist_has_no_padding[sizeof(fleet_persist_t) ==
                                  15 * 4 + 2 * 44 + 8 + FLEET_REFUSED_DIGESTS * 16 + 12 + 12 + 2 * 68 ? 1 : -1];
// A sector has room for the snapshot it starts with and one more: the only copy of the state is never erased.
typedef char sector_holds_two[2 * record_max + grid <= sector_min ? 1 : -1];

uint32_t fleet_records_sector_bytes(const fleet_flash_geometry_t *g) {
  return g->sector_bytes < sector_min ? 2 * g->sector_bytes : g->sector_bytes;
}

static uint32_t load_le32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store_le32(uint8_t *p, uint32_t v) {
  for (uint32_t i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static bool flash_read(fleet_records_t *r, uint32_t offset, void *dst, uint32_t n) {
  if (fleet_flash_read(r->platform, offset, dst, n) == 0) return true;
  r->errors++;
  return false;
}

static bool erased(const fleet_records_t *r, uint32_t offset, uint32_t end) {
  return fleet_flash_erased(r->platform, &r->geometry, offset, end);
}

static uint32_t record_crc(const uint8_t *head, const uint8_t *state, uint32_t n) {
  return fleet_crc32(fleet_crc32(fleet_crc32(0, head, 4), head + 8, 4), state, n);
}

// Size of the record at `offset` with n bytes of state, padded to the unit.
static uint32_t size_of(const fleet_records_t *r, uint32_t n) {
  return fleet_round_up(head_bytes + n, r->geometry.unit_bytes);
}

// Size of the valid record of this type at `offset`, which ends before `end`; 0 when there is none. Applies it to `state`.
// A snapshot may be shorter: what it leaves out is zero.
static uint32_t read_record(fleet_records_t *r, uint32_t offset, uint32_t end, uint32_t type, uint32_t *generation,
                            fleet_persist_t *state) {
  uint8_t head[head_bytes];
  fleet_persist_t copy = *state;
  if (end - offset < sizeof head || !flash_read(r, offset, head, sizeof head)) return 0;
  const uint32_t prefix = load_le32(head + 8);
  const uint32_t n = ((uint32_t)head[2] | (uint32_t)head[3] << 8) - 4;
  if (head[0] != record_magic || head[1] != type || n > sizeof copy || end - offset < size_of(r, n)) return 0;
  uint8_t *at = (uint8_t *)&copy;
  if (type == type_snapshot) {
    memset(&copy, 0, sizeof copy);
    *generation = prefix;
  } else if (prefix > sizeof copy - n) {
    return 0;
  } else {
    at += prefix;
  }
  if (!flash_read(r, offset + head_bytes, at, n) || record_crc(head, at, n) != load_le32(head + 4)) return 0;
  *state = copy;
  return size_of(r, n);
}

// Writes and reads back; after a failure too the bytes count as used.
static bool write_record(fleet_records_t *r, uint32_t at, uint32_t type, uint32_t prefix, const uint8_t *state, uint32_t n) {
  uint8_t head[head_bytes] = {record_magic, (uint8_t)type, (uint8_t)(n + 4), (uint8_t)((n + 4) >> 8)};
  store_le32(head + 8, prefix);
  store_le32(head + 4, record_crc(head, state, n));
  r->used = at + size_of(r, n);
  const uint32_t offset = r->sector * fleet_records_sector_bytes(&r->geometry) + at;
  if (fleet_flash_record(r->platform, &r->geometry, offset, head, sizeof head, state, n) == 0) return true;
  r->errors++;
  return false;
}

// Where the next snapshot, of `size` bytes, goes: on the grid, in bytes that read erased, behind what the last cut may have touched. That is
// the first piece behind the records found, and a whole record where any byte of it shows. The sector's end = nowhere.
static uint32_t place(const fleet_records_t *r, uint32_t size) {
  const uint32_t bytes = fleet_records_sector_bytes(&r->geometry);
  const uint32_t base = r->sector * bytes;
  uint32_t at = fleet_round_up(r->used, grid) + (r->loose == 2 ? (uint32_t)grid : 0);
  for (uint32_t i = r->used; i < at + size;) {
    if (at + size > bytes) return bytes;
    const uint32_t next = (i & ~(uint32_t)(grid - 1)) + grid;
    if (!erased(r, base + i, base + next)) at = fleet_round_up(i, grid) + record_max;
    i = next;
  }
  return at;
}

static bool erase(fleet_records_t *r, uint32_t sector) {
  const uint32_t bytes = fleet_records_sector_bytes(&r->geometry);
  for (uint32_t at = 0; at < bytes; at += r->geometry.sector_bytes) {
    if (r->platform->flash_erase(r->platform->user, sector * bytes + at) < 0) {
      r->errors++;
      return false;
    }
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

void fleet_records_open(fleet_records_t *r, fleet_persist_t *state) {
  const uint32_t bytes = fleet_records_sector_bytes(&r->geometry);
  fleet_persist_t found;
  memset(&found, 0, sizeof found);
  memset(state, 0, sizeof *state);
  r->sector = 1;
  r->generation = 0;
  for (uint32_t at = 0; at < 2 * bytes; at += grid) {
    const uint32_t sector = at >= bytes;
    uint32_t generation = 0;
    const uint32_t n = read_record(r, at, (sector + 1) * bytes, type_snapshot, &generation, &found);
    // No flash lives long enough for a generation above 2^31, and none may come round to 0.
    if (n == 0 || (int32_t)generation <= 0 || generation < r->generation) continue;
    r->sector = sector;
    r->generation = generation;
    r->used = at + n - sector * bytes;
    *state = found;
  }
  if (r->generation == 0) {
    // The first save starts sector 0. What is left of older records in sector 1 must not come back.
    state->layout = FLEET_PERSIST_LAYOUT;
    state->active_slot = FLEET_NO_SLOT;
    r->found_damage = !erased(r, 0, 2 * bytes);
    if (r->found_damage) (void)erase(r, 1);
    r->used = bytes;
  }
  const uint32_t base = r->sector * bytes;
  uint32_t n;
  while ((n = read_record(r, base + r->used, base + bytes, type_patch, NULL, state)) != 0) r->used += n;
  r->loose = 2;
  (void)is_saved(r, state);
}

int32_t fleet_records_save(fleet_records_t *r, const fleet_persist_t *state) {
  const uint8_t *now = (const uint8_t *)state;
  const uint8_t *before = r->saved;
  const uint32_t bytes = fleet_records_sector_bytes(&r->geometry);
  uint32_t first = 0;
  uint32_t end = FLEET_PERSIST_WARM_BYTES;
  while (first < end && now[first] == before[first]) first++;
  const bool cold = cold_crc(state) != r->saved_crc;
  if (first == end && !cold && r->generation != 0) return 0;
  if (r->loose == 0) {
    while (!cold && now[end - 1] == before[end - 1]) end--;
    if (cold) end = sizeof *state;
    if (bytes - r->used >= size_of(r, end - first)) {
      if (write_record(r, r->used, type_patch, first, now + first, end - first)) {
        return is_saved(r, state);
      }
      r->loose = 1;
    }
  }
  // A snapshot is read with zeros behind it: those at its end are left out.
  for (end = sizeof *state; now[end - 1] == 0;) end--;
  for (uint32_t at; (at = place(r, size_of(r, end))) < bytes;) {
    if (write_record(r, at, type_snapshot, r->generation, now, end)) {
      if (r->loose != 0) r->loose--;
      return is_saved(r, state);
    }
  }
  r->sector ^= 1;
  if (erase(r, r->sector) && write_record(r, 0, type_snapshot, r->generation + 1, now, end)) {
    r->generation++;
    r->loose = 0;
    return is_saved(r, state);
  }
  r->sector ^= 1; // full, yet the only one
  r->used = bytes;
  return -(int32_t)fleet_err_flash_write_failed;
}
