// The telemetry ring, see fleet_ring.h.
//
// A sector begins with a header record (magic, generation, CRC) and holds data records: head (magic, length, CRC), payload,
// then one program unit that stays erased until the record was delivered and is then programmed: a unit is programmed once
// between erases on every flash. The sector with the highest generation is the head; the one behind it in ring order is the
// oldest. A torn record that shows ends its sector: the next push starts a new one. One that does not show began in the 32
// bytes behind the last record, so a boot leaves those out; readers look for the next record at every 32nd byte.
#include "fleet_ring.h"

#include <string.h>

#include "fleet_runtime.h"
#include "flash.h"

enum { sector_magic = 0x52, data_magic = 0x57, head_bytes = 8 };

static uint32_t load_le32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store_le32(uint8_t *p, uint32_t v) {
  for (uint32_t i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t up(const fleet_ring_t *r, uint32_t n) { return fleet_round_up(n, r->geometry.unit_bytes); }

static uint32_t sector_offset(const fleet_ring_t *r, uint32_t sector) {
  return r->base + sector * r->geometry.sector_bytes;
}

static bool read(fleet_ring_t *r, uint32_t offset, void *dst, uint32_t n) {
  if (fleet_flash_read(r->platform, offset, dst, n) == 0) return true;
  r->errors++;
  return false;
}

// head + payload of a record, padded to the unit and read back.
static bool write_record(fleet_ring_t *r, uint32_t sector, uint32_t at, uint32_t magic, const uint8_t *payload, uint32_t n) {
  const uint32_t low = magic == sector_magic ? 0 : n;
  const uint32_t offset = sector_offset(r, sector) + at;
  uint8_t head[head_bytes] = {(uint8_t)magic, 0, (uint8_t)low, (uint8_t)(low >> 8)};
  store_le32(head + 4, fleet_crc32(fleet_crc32(0, head, 4), payload, n));
  if (fleet_flash_record(r->platform, &r->geometry, offset, head, sizeof head, payload, n) == 0) return true;
  r->errors++;
  return false;
}

// Payload bytes of the record with this magic at `at` of a sector, 0 when there is none. Copies the payload to `dst`, if
// any, and then sums what it copied: a cell that a cut left in between may read differently the next time.
static uint32_t check_record(fleet_ring_t *r, uint32_t sector, uint32_t at, uint32_t magic, uint8_t *dst,
                             uint32_t capacity) {
  uint8_t head[head_bytes];
  uint8_t piece[fleet_flash_piece];
  const uint32_t room = r->geometry.sector_bytes - at;
  uint32_t offset = sector_offset(r, sector) + at;
  if (room < head_bytes || !read(r, offset, head, sizeof head) || head[0] != magic || head[1] != 0) return 0;
  const uint32_t n = magic == sector_magic ? 4 : (uint32_t)head[2] | (uint32_t)head[3] << 8;
  if (room < up(r, head_bytes + n) || n > capacity) return 0;
  uint32_t crc = fleet_crc32(0, head, 4);
  offset += head_bytes;
  for (uint32_t done = 0; done < n; done += sizeof piece) {
    const uint32_t take = n - done < sizeof piece ? n - done : (uint32_t)sizeof piece;
    if (!read(r, offset + done, piece, take)) return 0;
    crc = fleet_crc32(crc, piece, take);
    if (dst != NULL) memcpy(dst + done, piece, take);
  }
  return crc == load_le32(head + 4) ? n : 0;
}

static uint32_t generation_of(fleet_ring_t *r, uint32_t sector) {
  uint8_t bytes[4];
  return check_record(r, sector, 0, sector_magic, bytes, sizeof bytes) == 0 ? 0 : load_le32(bytes);
}

static uint32_t record_bytes(const fleet_ring_t *r, uint32_t n) { return up(r, head_bytes + n) + r->geometry.unit_bytes; }

// False when there is no record at `at`; `at` moves to where the next one may begin.
static bool next_record(fleet_ring_t *r, uint32_t sector, uint32_t *at, bool *unsent) {
  const uint32_t n = check_record(r, sector, *at, data_magic, NULL, UINT32_MAX);
  const uint32_t end = *at + record_bytes(r, n);
  if (n == 0 || end > r->geometry.sector_bytes) {
    *at = fleet_round_up(*at + 1, fleet_flash_piece);
    return false;
  }
  // A mark that cannot be read is none: a window sent twice counts once.
  uint8_t mark[fleet_flash_piece];
  const uint32_t unit = r->geometry.unit_bytes;
  *unsent = true;
  if (read(r, sector_offset(r, sector) + end - unit, mark, unit)) {
    for (uint32_t i = 0; i < unit; i++) *unsent = *unsent && mark[i] == r->geometry.erased;
  }
  *at = end;
  return true;
}

// Counts a sector's unsent records and gives the end of the last record.
static uint32_t walk(fleet_ring_t *r, uint32_t sector, uint32_t *unsent) {
  uint32_t end = r->first;
  bool waits;
  *unsent = 0;
  for (uint32_t at = end; at < r->geometry.sector_bytes;) {
    if (!next_record(r, sector, &at, &waits)) continue;
    *unsent += waits;
    end = at;
  }
  return end;
}

// Moves the tail to the next unsent record, or to the head's end.
static void settle_tail(fleet_ring_t *r) {
  for (;;) {
    const uint32_t end = r->tail == r->head ? r->head_used : r->geometry.sector_bytes;
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

void fleet_ring_open(fleet_ring_t *r, uint32_t base, uint32_t bytes) {
  r->base = base;
  r->sectors = bytes / r->geometry.sector_bytes;
  if (r->sectors < 2) r->sectors = 0;
  r->first = up(r, head_bytes + 4);
  r->pending = 0;
  r->head_count = 0;
  r->head = r->tail = 0;
  // No valid sector yet: a "full" head makes the first push start sector 0.
  r->head_used = r->tail_at = r->geometry.sector_bytes;
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
      r->head_used = end != r->first && fleet_flash_erased(r->platform, &r->geometry, from + end,
                                                                  from + r->geometry.sector_bytes)
                         ? fleet_round_up(end, fleet_flash_piece) + fleet_flash_piece
                         : r->geometry.sector_bytes;
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
  uint8_t generation[4];
  store_le32(generation, r->head_count + 1);
  const bool erased = r->platform->flash_erase(r->platform->user, sector_offset(r, next)) >= 0;
  if (!erased) r->errors++;
  const bool started = erased && write_record(r, next, 0, sector_magic, generation, 4);
  // A sector that fails is left behind: the next push tries the one after it.
  r->head_count += started;
  r->head = next;
  r->head_used = started ? r->first : r->geometry.sector_bytes;
  if (tail_was_here) {
    r->tail = r->pending == 0 ? next : (next + 1) % r->sectors;
    r->tail_at = r->pending == 0 ? r->head_used : r->first;
    settle_tail(r);
  }
  return started;
}

bool fleet_ring_push(fleet_ring_t *r, const uint8_t *data, uint32_t n) {
  const uint32_t bytes = record_bytes(r, n);
  if (r->sectors == 0 || n == 0 || n > 0xffff || r->first + bytes > r->geometry.sector_bytes) return false;
  if (r->head_used + bytes > r->geometry.sector_bytes && !start_sector(r)) return false;
  const uint32_t at = r->head_used;
  r->head_used += bytes;
  if (!write_record(r, r->head, at, data_magic, data, n)) {
    r->head_used = r->geometry.sector_bytes;
    return false;
  }
  r->pending++;
  settle_tail(r);
  return true;
}

uint32_t fleet_ring_peek(fleet_ring_t *r, uint8_t *dst, uint32_t capacity) {
  if (r->pending == 0) return 0;
  const uint32_t n = check_record(r, r->tail, r->tail_at, data_magic, dst, capacity);
  if (n == 0) {
    // Rotted since it was counted: give it up.
    r->lost++;
    r->pending--;
    r->tail_at = fleet_round_up(r->tail_at + 1, fleet_flash_piece);
    settle_tail(r);
  }
  return n;
}

void fleet_ring_pop(fleet_ring_t *r) {
  if (r->pending == 0) return;
  uint8_t mark[fleet_flash_piece];
  memset(mark, (int)(r->geometry.erased ^ 0xff), sizeof mark);
  const uint32_t at = sector_offset(r, r->tail) + r->tail_end - r->geometry.unit_bytes;
  if (r->platform->flash_program(r->platform->user, at, mark, r->geometry.unit_bytes) < 0) r->errors++;
  r->tail_at = r->tail_end;
  r->pending--;
  settle_tail(r);
}
