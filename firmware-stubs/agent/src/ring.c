// The telemetry ring, see fleet_ring.h.
//
// A sector begins with a record of its generation and holds records of data, each followed by one program unit that stays
// erased until the record was delivered and is then programmed: a unit is programmed once between erases on every flash. The
// sector with the highest generation is the head; the one behind it in ring order is the oldest. A torn record that shows
// ends its sector: the next push starts a new one. One that does not show began in the 32 bytes behind the last record, so
// a boot leaves those out; readers look for the next record at every 32nd byte.
#include "fleet_ring.h"

#include <string.h>

enum { kind_sector = 0x52, kind_data = 0x57, data_limit = 0xff00 };

static uint32_t sector_offset(const fleet_ring_t *r, uint32_t sector) { return r->base + sector * r->sector_bytes; }

static bool write_record(fleet_ring_t *r, uint32_t at, uint32_t kind, uint32_t number, const uint8_t *payload, uint32_t n) {
  return fleet_record_write(r->flash, sector_offset(r, r->head) + at, kind, number, payload, n) == 0;
}

static uint32_t generation_of(fleet_ring_t *r, uint32_t sector) {
  const uint32_t at = sector_offset(r, sector);
  fleet_record_t record = {.kind = kind_sector};
  return fleet_record_read(r->flash, at, at + r->sector_bytes, &record) == 0 ? 0 : record.number;
}

// Size of the record of data at `at` of a sector, its mark included; 0 when there is none.
static uint32_t read_data(fleet_ring_t *r, uint32_t sector, uint32_t at, fleet_record_t *record) {
  const uint32_t unit = r->flash->geometry.unit_bytes;
  const uint32_t offset = sector_offset(r, sector);
  record->kind = kind_data;
  const uint32_t size = fleet_record_read(r->flash, offset + at, offset + r->sector_bytes - unit, record);
  return size == 0 || record->n == 0 ? 0 : size + unit;
}

// False when there is no record at `at`; `at` moves to where the next one may begin.
static bool next_record(fleet_ring_t *r, uint32_t sector, uint32_t *at, bool *unsent) {
  fleet_record_t record = {.capacity = data_limit};
  const uint32_t size = read_data(r, sector, *at, &record);
  if (size == 0) {
    *at = fleet_round_up(*at + 1, fleet_flash_piece);
    return false;
  }
  *at += size;
  // A mark that cannot be read is none: a window sent twice counts once.
  const uint32_t end = sector_offset(r, sector) + *at;
  *unsent = fleet_flash_erased(r->flash, end - r->flash->geometry.unit_bytes, end) != 0;
  return true;
}

// Counts a sector's unsent records and gives the end of the last record.
static uint32_t walk(fleet_ring_t *r, uint32_t sector, uint32_t *unsent) {
  uint32_t end = r->first;
  bool waits;
  *unsent = 0;
  for (uint32_t at = end; at < r->sector_bytes;) {
    if (!next_record(r, sector, &at, &waits)) continue;
    *unsent += waits;
    end = at;
  }
  return end;
}

// Moves the tail to the next unsent record, or to the head's end.
static void settle_tail(fleet_ring_t *r) {
  for (;;) {
    const uint32_t end = r->tail == r->head ? r->head_used : r->sector_bytes;
    while (r->tail_at < end) {
      uint32_t at = r->tail_at;
      bool waits;
      if (next_record(r, r->tail, &at, &waits) && waits) {
        r->tail_end = at;
        return;
      }
      r->tail_at = at;
    }
    if (r->tail == r->head) {
      r->pending = 0; // whatever was counted does not read well any more
      return;
    }
    r->tail = (r->tail + 1) % r->sectors;
    r->tail_at = r->first;
  }
}

void fleet_ring_open(fleet_ring_t *r, fleet_flash_t *flash, uint32_t base, uint32_t bytes) {
  r->flash = flash;
  r->sector_bytes = flash->geometry.sector_bytes;
  r->base = base;
  r->sectors = bytes / r->sector_bytes;
  if (r->sectors < 2) r->sectors = 0;
  r->first = fleet_record_size(flash, 0);
  r->pending = 0;
  r->head_count = 0;
  r->head = r->tail = 0;
  // No valid sector yet: a "full" head makes the first push start sector 0.
  r->head_used = r->tail_at = r->sector_bytes;
  for (uint32_t s = 0; s < r->sectors; s++) {
    const uint32_t generation = generation_of(r, s);
    if (generation > r->head_count) {
      r->head_count = generation;
      r->head = s;
    }
  }
  if (r->head_count == 0) {
    r->head = r->tail = r->sectors == 0 ? 0 : r->sectors - 1;
    return;
  }
  for (uint32_t i = 1; i <= r->sectors; i++) {
    const uint32_t s = (r->head + i) % r->sectors;
    if (generation_of(r, s) == 0) continue;
    uint32_t unsent;
    const uint32_t end = walk(r, s, &unsent);
    if (unsent != 0 && r->pending == 0) {
      r->tail = s;
      r->tail_at = r->first;
    }
    r->pending += unsent;
    if (s == r->head) {
      // A sector without a record may have been cut in its head.
      const uint32_t from = sector_offset(r, s);
      r->head_used = end != r->first && fleet_flash_erased(flash, from + end, from + r->sector_bytes) > 0
                         ? fleet_round_up(end, fleet_flash_piece) + fleet_flash_piece
                         : r->sector_bytes;
      if (r->pending == 0) {
        r->tail = s;
        r->tail_at = r->head_used;
      }
    }
  }
  settle_tail(r);
}

static bool start_sector(fleet_ring_t *r) {
  const uint32_t next = (r->head + 1) % r->sectors;
  if (generation_of(r, next) != 0) {
    uint32_t unsent;
    (void)walk(r, next, &unsent);
    r->lost += unsent;
    r->pending -= unsent < r->pending ? unsent : r->pending;
  }
  const bool tail_was_here = r->tail == next || r->pending == 0;
  // A sector that fails is left behind: the next push tries the one after it.
  r->head = next;
  const bool started = fleet_flash_erase(r->flash, sector_offset(r, next)) == 0 &&
                       write_record(r, 0, kind_sector, r->head_count + 1, NULL, 0);
  r->head_count += started;
  r->head_used = started ? r->first : r->sector_bytes;
  if (tail_was_here) {
    r->tail = r->pending == 0 ? next : (next + 1) % r->sectors;
    r->tail_at = r->pending == 0 ? r->head_used : r->first;
    settle_tail(r);
  }
  return started;
}

bool fleet_ring_push(fleet_ring_t *r, const uint8_t *data, uint32_t n) {
  const uint32_t bytes = fleet_record_size(r->flash, n) + r->flash->geometry.unit_bytes;
  if (r->sectors == 0 || n == 0 || n > data_limit || r->first + bytes > r->sector_bytes) return false;
  if (r->head_used + bytes > r->sector_bytes && !start_sector(r)) return false;
  const uint32_t at = r->head_used;
  r->head_used += bytes;
  if (!write_record(r, at, kind_data, 0, data, n)) {
    r->head_used = r->sector_bytes;
    return false;
  }
  r->pending++;
  settle_tail(r);
  return true;
}

uint32_t fleet_ring_peek(fleet_ring_t *r, uint8_t *dst, uint32_t capacity) {
  if (r->pending == 0) return 0;
  fleet_record_t record = {.dst = dst, .capacity = capacity};
  if (read_data(r, r->tail, r->tail_at, &record) == 0) {
    // Rotted since it was counted: give it up.
    r->lost++;
    r->pending--;
    r->tail_at = fleet_round_up(r->tail_at + 1, fleet_flash_piece);
    settle_tail(r);
    return 0;
  }
  return record.n;
}

void fleet_ring_pop(fleet_ring_t *r) {
  if (r->pending == 0) return;
  uint8_t mark[fleet_flash_piece];
  const fleet_flash_geometry_t *g = &r->flash->geometry;
  memset(mark, (int)(g->erased ^ 0xff), sizeof mark);
  (void)fleet_flash_program(r->flash, sector_offset(r, r->tail) + r->tail_end - g->unit_bytes, mark, g->unit_bytes);
  r->tail_at = r->tail_end;
  r->pending--;
  settle_tail(r);
}
