// The telemetry ring, see fleet_ring.h.
//
// A sector begins with a header record (magic, generation, CRC) and holds data records: head (magic, length, CRC), payload,
// then one program unit that stays erased until the record was delivered and is then programmed: a unit is programmed once
// between erases on every flash. The sector with the highest generation is the head; the one behind it in ring order is the
// oldest. A torn record ends its sector: the next push starts a new one.
#include "fleet_ring.h"

#include <string.h>

#include "fleet_runtime.h"

enum { sector_magic = 0x52, data_magic = 0x57, head_bytes = 8, stage_bytes = 32 };

static uint32_t load_le32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store_le32(uint8_t *p, uint32_t v) {
  for (uint32_t i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t up(const fleet_ring_t *r, uint32_t n) {
  return (n + r->geometry.unit_bytes - 1) & ~(r->geometry.unit_bytes - 1); // a power of two
}

static uint32_t sector_offset(const fleet_ring_t *r, uint32_t sector) {
  return r->base + sector * r->geometry.sector_bytes;
}

static bool read(fleet_ring_t *r, uint32_t offset, void *dst, uint32_t n) {
  if (r->platform->flash_read(r->platform->user, offset, dst, n) >= 0) return true;
  r->errors++;
  return false;
}

static bool program(fleet_ring_t *r, uint32_t offset, const void *src, uint32_t n) {
  if (r->platform->flash_program(r->platform->user, offset, src, n) >= 0) return true;
  r->errors++;
  return false;
}

// head + payload of a record, padded to the unit, through a stage that is a multiple of every unit.
static bool write_record(fleet_ring_t *r, uint32_t offset, uint32_t magic, uint32_t low, const uint8_t *payload,
                         uint32_t n) {
  uint8_t stage[stage_bytes];
  stage[0] = (uint8_t)magic;
  stage[1] = 0;
  stage[2] = (uint8_t)low;
  stage[3] = (uint8_t)(low >> 8);
  uint32_t crc = fleet_crc32(0, stage, 4);
  crc = fleet_crc32(crc, payload, n);
  store_le32(stage + 4, crc);
  uint32_t used = head_bytes;
  uint32_t at = 0;
  for (;;) {
    const uint32_t room = (uint32_t)sizeof stage - used;
    const uint32_t take = n - at < room ? n - at : room;
    if (take != 0) memcpy(stage + used, payload + at, take);
    used += take;
    at += take;
    const uint32_t padded = up(r, used);
    memset(stage + used, (int)r->geometry.erased, padded - used);
    if (!program(r, offset, stage, padded)) return false;
    if (at == n) return true;
    offset += padded;
    used = 0;
  }
}

static bool unit_erased(fleet_ring_t *r, uint32_t offset, uint32_t n) {
  uint8_t piece[stage_bytes];
  while (n != 0) {
    const uint32_t take = n < sizeof piece ? n : (uint32_t)sizeof piece;
    if (!read(r, offset, piece, take)) return false;
    for (uint32_t i = 0; i < take; i++) {
      if (piece[i] != r->geometry.erased) return false;
    }
    offset += take;
    n -= take;
  }
  return true;
}

static uint32_t crc_of_flash(fleet_ring_t *r, uint32_t crc, uint32_t offset, uint32_t n) {
  uint8_t piece[64];
  while (n != 0) {
    const uint32_t take = n < sizeof piece ? n : (uint32_t)sizeof piece;
    if (!read(r, offset, piece, take)) return ~crc;
    crc = fleet_crc32(crc, piece, take);
    offset += take;
    n -= take;
  }
  return crc;
}

// Payload size of the record with this magic at `at` of a sector; false when there is no valid one.
static bool check_record(fleet_ring_t *r, uint32_t sector, uint32_t at, uint32_t magic, uint32_t *low, uint32_t *n) {
  uint8_t head[head_bytes];
  const uint32_t room = r->geometry.sector_bytes - at;
  if (room < head_bytes || !read(r, sector_offset(r, sector) + at, head, sizeof head)) return false;
  if (head[0] != magic || head[1] != 0) return false;
  *low = (uint32_t)head[2] | (uint32_t)head[3] << 8;
  *n = magic == sector_magic ? 4 : *low;
  if (room < up(r, head_bytes + *n)) return false;
  uint32_t crc = fleet_crc32(0, head, 4);
  crc = crc_of_flash(r, crc, sector_offset(r, sector) + at + head_bytes, *n);
  return crc == load_le32(head + 4);
}

static uint32_t generation_of(fleet_ring_t *r, uint32_t sector) {
  uint32_t low;
  uint32_t n;
  uint8_t bytes[4];
  if (!check_record(r, sector, 0, sector_magic, &low, &n)) return 0;
  if (!read(r, sector_offset(r, sector) + head_bytes, bytes, 4)) return 0;
  return load_le32(bytes);
}

static uint32_t first_record(const fleet_ring_t *r) { return up(r, head_bytes + 4); }

static uint32_t record_bytes(const fleet_ring_t *r, uint32_t n) { return up(r, head_bytes + n) + r->geometry.unit_bytes; }

static bool delivered(fleet_ring_t *r, uint32_t sector, uint32_t at, uint32_t n) {
  return !unit_erased(r, sector_offset(r, sector) + at + up(r, head_bytes + n), r->geometry.unit_bytes);
}

// Walks a sector's records from `at`; counts the unsent ones and gives the end of the valid part.
static uint32_t walk(fleet_ring_t *r, uint32_t sector, uint32_t at, uint32_t *unsent) {
  uint32_t low;
  uint32_t n;
  *unsent = 0;
  while (at + head_bytes <= r->geometry.sector_bytes && check_record(r, sector, at, data_magic, &low, &n) &&
         at + record_bytes(r, n) <= r->geometry.sector_bytes) {
    if (!delivered(r, sector, at, n)) (*unsent)++;
    at += record_bytes(r, n);
  }
  return at;
}

// Moves the tail to the next unsent record, or to the head's end.
static void settle_tail(fleet_ring_t *r) {
  uint32_t low;
  uint32_t n;
  for (;;) {
    while (r->tail_at + head_bytes <= r->geometry.sector_bytes && !(r->tail == r->head && r->tail_at >= r->head_used) &&
           check_record(r, r->tail, r->tail_at, data_magic, &low, &n)) {
      if (!delivered(r, r->tail, r->tail_at, n)) return;
      r->tail_at += record_bytes(r, n);
    }
    if (r->tail == r->head) return;
    r->tail = (r->tail + 1) % r->sectors;
    r->tail_at = first_record(r);
  }
}

void fleet_ring_open(fleet_ring_t *r, uint32_t base, uint32_t bytes) {
  r->base = base;
  r->sectors = bytes / r->geometry.sector_bytes;
  if (r->sectors < 2) r->sectors = 0;
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
    const uint32_t end = walk(r, s, first_record(r), &unsent);
    if (unsent != 0 && r->pending == 0) {
      r->tail = s;
      r->tail_at = first_record(r);
    }
    r->pending += unsent;
    if (s == r->head) {
      r->head_used = end;
      if (!unit_erased(r, sector_offset(r, s) + end, r->geometry.sector_bytes - end)) {
        r->head_used = r->geometry.sector_bytes;
      }
      if (r->pending == 0) {
        r->tail = s;
        r->tail_at = end;
      }
    }
  }
  settle_tail(r);
}

static bool start_sector(fleet_ring_t *r) {
  const uint32_t next = (r->head + 1) % r->sectors;
  if (generation_of(r, next) != 0) {
    uint32_t unsent;
    (void)walk(r, next, first_record(r), &unsent);
    r->lost += unsent;
    r->pending -= unsent < r->pending ? unsent : r->pending;
  }
  const bool tail_was_here = r->tail == next || r->pending == 0;
  if (r->platform->flash_erase(r->platform->user, sector_offset(r, next)) < 0) {
    r->errors++;
    return false;
  }
  uint8_t generation[4];
  store_le32(generation, r->head_count + 1);
  if (!write_record(r, sector_offset(r, next), sector_magic, 0, generation, 4)) return false;
  r->head_count++;
  r->head = next;
  r->head_used = first_record(r);
  if (tail_was_here) {
    r->tail = r->pending == 0 ? next : (next + 1) % r->sectors;
    r->tail_at = first_record(r);
    settle_tail(r);
  }
  return true;
}

bool fleet_ring_push(fleet_ring_t *r, const uint8_t *data, uint32_t n) {
  if (r->sectors == 0 || n == 0 || n > 0xffff || first_record(r) + record_bytes(r, n) > r->geometry.sector_bytes) {
    return false;
  }
  if (r->head_used + record_bytes(r, n) > r->geometry.sector_bytes && !start_sector(r)) return false;
  const uint32_t at = r->head_used;
  r->head_used += record_bytes(r, n);
  uint32_t low;
  uint32_t found;
  if (!write_record(r, sector_offset(r, r->head) + at, data_magic, n, data, n) ||
      !check_record(r, r->head, at, data_magic, &low, &found)) {
    r->head_used = r->geometry.sector_bytes;
    return false;
  }
  r->pending++;
  settle_tail(r);
  return true;
}

uint32_t fleet_ring_peek(fleet_ring_t *r, uint8_t *dst, uint32_t capacity) {
  if (r->pending == 0) return 0;
  uint32_t low;
  uint32_t n;
  if (!check_record(r, r->tail, r->tail_at, data_magic, &low, &n) || n > capacity ||
      !read(r, sector_offset(r, r->tail) + r->tail_at + head_bytes, dst, n)) {
    // Rotted since it was counted: give it up.
    r->pending = 0;
    for (uint32_t i = 1; i <= r->sectors; i++) {
      uint32_t unsent;
      (void)walk(r, (r->head + i) % r->sectors, first_record(r), &unsent);
      r->pending += unsent;
    }
    r->lost++;
    r->tail_at = r->geometry.sector_bytes;
    settle_tail(r);
    return 0;
  }
  return n;
}

void fleet_ring_pop(fleet_ring_t *r) {
  uint32_t low;
  uint32_t n;
  if (r->pending == 0 || !check_record(r, r->tail, r->tail_at, data_magic, &low, &n)) return;
  uint8_t mark[stage_bytes];
  memset(mark, (int)(r->geometry.erased ^ 0xff), sizeof mark);
  (void)program(r, sector_offset(r, r->tail) + r->tail_at + up(r, head_bytes + n), mark, r->geometry.unit_bytes);
  r->tail_at += record_bytes(r, n);
  r->pending--;
  settle_tail(r);
}

