// The telemetry ring, see fleet_ring.h.
//
// A sector begins with a record of its generation and holds records of data, each followed by one program unit that stays
// erased until the record was delivered and is then programmed: a unit is programmed once between erases on every flash. The
// sector with the highest generation is the head; the one behind it in ring order is the oldest. A torn record that shows
// ends its sector: the next push starts a new one. One that does not show began in the 32 bytes behind the last record, so
// a boot leaves those out; readers look for the next record at every 32nd byte.
//
// When the head is half full and the sector behind it holds records that wait, merge.c carries them over: merged ones are written
// with that sector's generation as their number, and a record of kind `done` with the same number makes them stand for
// what they were made of. A boot that finds no such record while the sector is there counts them as delivered, and they are made
// again; one that finds it takes the sector as empty. Both are the same until the sector is erased, so a cut anywhere loses nothing and
// doubles nothing.
//
// An operation that answers an error has done what the next boot will read: a record that reads well counts, another does not. A sector
// that cannot be erased uses up its generation, and is known by its old one, `sectors` below the head's, as one whose content was given up.
#include "ring.h"

#include <string.h>

enum { kind_sector = 0x52, kind_done = 0x53, kind_data = 0x57, data_limit = 0xff00 };

static uint32_t sector_offset(const fleet_ring_t *r, uint32_t sector) { return r->base + sector * r->sector_bytes; }

static bool write_record(fleet_ring_t *r, uint32_t at, uint32_t kind, uint32_t number, const uint8_t *payload, uint32_t n) {
  const uint32_t offset = sector_offset(r, r->head);
  if (fleet_record_write(r->flash, offset + at, kind, number, payload, n) == 0) return true;
  fleet_record_t stands = {.kind = kind};
  return fleet_record_read(r->flash, offset + at, offset + r->sector_bytes, &stands) != 0 && stands.number == number;
}

uint32_t fleet_ring_oldest(const fleet_ring_t *r) { return (r->head + 1) % r->sectors; }

uint32_t fleet_ring_generation(fleet_ring_t *r, uint32_t sector) {
  const uint32_t at = sector_offset(r, sector);
  fleet_record_t record = {.kind = kind_sector};
  return fleet_record_read(r->flash, at, at + r->sector_bytes, &record) == 0 ? 0 : record.number;
}

static bool is_live(fleet_ring_t *r, uint32_t sector) {
  const uint32_t generation = fleet_ring_generation(r, sector);
  return generation != 0 && r->head_count - generation < r->sectors;
}

// Size of the record of data at `at` of a sector, its mark included; 0 when there is none.
static uint32_t read_data(fleet_ring_t *r, uint32_t sector, uint32_t at, fleet_record_t *record) {
  const uint32_t unit = r->flash->geometry.unit_bytes;
  const uint32_t offset = sector_offset(r, sector);
  record->kind = kind_data;
  const uint32_t size = fleet_record_read(r->flash, offset + at, offset + r->sector_bytes - unit, record);
  return size == 0 || record->n - 1 >= record->capacity ? 0 : size + unit; // empty or too long
}

bool fleet_ring_read(fleet_ring_t *r, uint32_t sector, uint32_t *at, fleet_record_t *record, bool *unsent) {
  const uint32_t size = read_data(r, sector, *at, record);
  if (size == 0) {
    fleet_record_t done = {.kind = kind_done};
    const uint32_t offset = sector_offset(r, sector);
    if (sector == r->head && fleet_record_read(r->flash, offset + *at, offset + r->sector_bytes, &done) != 0 &&
        done.number == fleet_ring_generation(r, fleet_ring_oldest(r))) {
      r->replaced = true;
    }
    *at = fleet_round_up(*at + 1, fleet_flash_piece);
    return false;
  }
  *at += size;
  // A mark that cannot be read is none: a window sent twice counts once.
  const uint32_t end = sector_offset(r, sector) + *at;
  *unsent = fleet_flash_erased(r->flash, end - r->flash->geometry.unit_bytes, end) != 0;
  return true;
}

static bool next_record(fleet_ring_t *r, uint32_t sector, uint32_t *at, bool *unsent) {
  fleet_record_t record = {.capacity = data_limit};
  return fleet_ring_read(r, sector, at, &record, unsent);
}

// The mark that ends before `end`.
static void mark_sent(fleet_ring_t *r, uint32_t sector, uint32_t end) {
  uint8_t mark[fleet_flash_piece];
  const fleet_flash_geometry_t *g = &r->flash->geometry;
  const uint32_t at = sector_offset(r, sector) + end - g->unit_bytes;
  memset(mark, (int)(g->erased ^ 0xff), sizeof mark);
  for (uint32_t tries = 0; tries < 2; tries++) {
    if (fleet_flash_program(r->flash, at, mark, g->unit_bytes) == 0 || fleet_flash_erased(r->flash, at, at + g->unit_bytes) == 0) return;
  }
}

// Counts the unsent records of a sector from `from` on and gives the end of the last record.
static uint32_t walk(fleet_ring_t *r, uint32_t sector, uint32_t from, uint32_t *unsent) {
  uint32_t end = from;
  bool waits;
  *unsent = 0;
  for (uint32_t at = end; at < r->sector_bytes;) {
    if (!next_record(r, sector, &at, &waits)) continue;
    *unsent += waits;
    end = at;
  }
  return end;
}

// Where the records of a sector end that are to be read.
static uint32_t end_of(fleet_ring_t *r, uint32_t sector) {
  if (!is_live(r, sector)) return 0;
  const uint32_t voided = r->voided - sector_offset(r, sector);
  if (voided < r->sector_bytes) return voided;
  return sector == r->head ? r->head_used : r->sector_bytes;
}

// Moves the tail to the next unsent record, or to the head's end.
static void settle_tail(fleet_ring_t *r) {
  for (;;) {
    const uint32_t end = end_of(r, r->tail);
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
      r->lost += r->pending; // whatever was counted does not read well any more
      r->pending = 0;
      return;
    }
    r->tail = (r->tail + 1) % r->sectors;
    r->tail_at = r->first;
  }
}

// What the head has of the oldest sector while that still stands for itself.
static void drop_carried(fleet_ring_t *r) {
  const uint32_t generation = fleet_ring_generation(r, fleet_ring_oldest(r));
  bool waits;
  if (generation == 0) return;
  for (uint32_t at = r->first; at < r->sector_bytes;) {
    fleet_record_t record = {.capacity = data_limit};
    if (fleet_ring_read(r, r->head, &at, &record, &waits) && waits && (record.number & INT32_MAX) == generation) {
      mark_sent(r, r->head, at);
    }
  }
}

void fleet_ring_open(fleet_ring_t *r, fleet_flash_t *flash, uint32_t base, uint32_t bytes) {
  r->flash = flash;
  r->sector_bytes = flash->geometry.sector_bytes;
  r->base = base;
  r->sectors = bytes / r->sector_bytes;
  if (r->sectors < 2) r->sectors = 0;
  r->first = fleet_record_size(flash, 0);
  r->pending = r->voided = 0;
  r->replaced = false;
  r->peeked = true; // by the boot before
  r->head_count = 0;
  r->head = r->tail = 0;
  // No valid sector yet: a "full" head makes the first push start sector 0.
  r->head_used = r->tail_at = r->sector_bytes;
  for (uint32_t s = 0; s < r->sectors; s++) {
    const uint32_t generation = fleet_ring_generation(r, s);
    if (generation > r->head_count) {
      r->head_count = generation;
      r->head = s;
    }
  }
  if (r->head_count == 0) {
    r->head = r->tail = r->sectors == 0 ? 0 : r->sectors - 1;
    return;
  }
  uint32_t unsent;
  (void)walk(r, r->head, r->first, &unsent); // sees whether the oldest sector is replaced
  if (!r->replaced) drop_carried(r);
  for (uint32_t i = 1; i <= r->sectors; i++) {
    const uint32_t s = (r->head + i) % r->sectors;
    if (!is_live(r, s) || (i == 1 && r->replaced)) continue;
    const uint32_t end = walk(r, s, r->first, &unsent);
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
  const uint32_t next = fleet_ring_oldest(r);
  // What waits there, waits behind the tail: what lies before it was delivered, also where its mark could not be programmed.
  if (r->tail == next && r->pending != 0) {
    uint32_t unsent;
    (void)walk(r, next, r->tail_at, &unsent);
    if (unsent != 0) r->lost += fleet_ring_windows(r, next, unsent);
    r->epoch = (uint16_t)(r->epoch + (unsent != 0));
    r->peeked = r->peeked && unsent == 0;
    r->pending -= unsent < r->pending ? unsent : r->pending;
  }
  const bool tail_was_here = r->tail == next || r->pending == 0;
  r->replaced = r->unmerged = false;
  // A sector that fails is left behind: the next push tries the one after it.
  r->head = next;
  r->head_count++;
  const uint32_t offset = sector_offset(r, next);
  if (r->voided - offset < r->sector_bytes) r->voided = 0;
  const bool started = (fleet_flash_erase(r->flash, offset) == 0 || fleet_flash_erase(r->flash, offset) == 0) &&
                       write_record(r, 0, kind_sector, r->head_count, NULL, 0);
  r->head_used = started ? r->first : r->sector_bytes;
  if (tail_was_here) {
    r->tail = r->pending == 0 ? next : (next + 1) % r->sectors;
    r->tail_at = r->pending == 0 ? r->head_used : r->first;
    settle_tail(r);
  }
  return started;
}

bool fleet_ring_append(fleet_ring_t *r, uint32_t number, const uint8_t *data, uint32_t n) {
  const uint32_t bytes = fleet_record_size(r->flash, n) + r->flash->geometry.unit_bytes;
  if (r->head_used + bytes > r->sector_bytes) return false;
  const uint32_t at = r->head_used;
  r->head_used += bytes;
  if (write_record(r, at, kind_data, number, data, n)) return true;
  r->head_used = r->sector_bytes;
  return false;
}

bool fleet_ring_replace(fleet_ring_t *r, uint32_t from, uint32_t written) {
  const uint32_t oldest = fleet_ring_oldest(r);
  uint32_t unsent;
  (void)walk(r, oldest, r->tail_at, &unsent);
  const uint32_t bytes = fleet_record_size(r->flash, 0);
  if (r->head_used + bytes > r->sector_bytes ||
      !write_record(r, r->head_used, kind_done, fleet_ring_generation(r, oldest), NULL, 0)) {
    r->head_used = r->sector_bytes;
    r->voided = sector_offset(r, r->head) + from;
    drop_carried(r);
    return false;
  }
  r->head_used = fleet_round_up(r->head_used + bytes, fleet_flash_piece);
  r->replaced = true;
  r->peeked = false;
  r->epoch++;
  r->pending += written;
  r->pending -= unsent < r->pending ? unsent : r->pending;
  if (r->tail == oldest) {
    r->tail = (oldest + 1) % r->sectors;
    r->tail_at = r->first;
  }
  settle_tail(r);
  return true;
}

bool fleet_ring_push(fleet_ring_t *r, const uint8_t *data, uint32_t n) {
  const uint32_t bytes = fleet_record_size(r->flash, n) + r->flash->geometry.unit_bytes;
  if (r->sectors == 0 || n == 0 || n > data_limit || r->first + bytes > r->sector_bytes) return false;
  if (r->pending != 0 && !r->replaced && !r->unmerged && r->head_used + bytes > r->sector_bytes / 2) {
    r->unmerged = true; // unless it can
    fleet_ring_rescue(r);
  }
  if (r->head_used + bytes > r->sector_bytes && !start_sector(r)) return false;
  if (!fleet_ring_append(r, 0, data, n)) return false;
  if (r->pending == 0) r->peeked = false;
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
    r->epoch++;
    r->peeked = false;
    r->pending--;
    r->tail_at = fleet_round_up(r->tail_at + 1, fleet_flash_piece);
    settle_tail(r);
    return 0;
  }
  r->peeked = true;
  return record.n;
}

void fleet_ring_pop(fleet_ring_t *r) {
  if (r->pending == 0) return;
  mark_sent(r, r->tail, r->tail_end);
  r->tail_at = r->tail_end;
  r->pending--;
  r->peeked = false;
  settle_tail(r);
}
