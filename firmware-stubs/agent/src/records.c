// The record log, see fleet_records.h.
//
// A sector begins with a snapshot record (generation, whole state); patch records (offset, bytes) follow. The state is the
// newest valid snapshot with its patches applied in order. A record that would not fit, or that would follow a torn one,
// starts the other sector: erase, then one snapshot with the next generation. The old sector stays untouched until
// the one after that, so a cut at any operation leaves one readable sector, and a record counts only as a whole (CRC).
#include "fleet_records.h"

#include <stddef.h>
#include <string.h>

#include "fleet_wire.h"
#include "fleet_runtime.h"

enum { record_magic = 0xa5, type_snapshot = 1, type_patch = 2, record_head = 8 };

typedef char persist_has_no_padding[sizeof(fleet_persist_t) == 15 * 4 + 2 * 44 + 8 + FLEET_REFUSED_DIGESTS * 16 ? 1 : -1];

static uint32_t load_le32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store_le32(uint8_t *p, uint32_t v) {
  for (uint32_t i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t round_up(uint32_t n, uint32_t unit) { return (n + unit - 1) & ~(unit - 1); } // a power of two

static int32_t flash_read(fleet_records_t *r, uint32_t offset, void *dst, uint32_t n) {
  const int32_t result = r->platform->flash_read(r->platform->user, offset, dst, n);
  if (result < 0) r->errors++;
  return result;
}

// Programs a record unit-aligned through a 32-byte stage; 32 is a multiple of every unit.
typedef struct {
  fleet_records_t *records;
  uint32_t offset;
  uint32_t used;
  int32_t result;
  uint8_t bytes[32];
} stage_t;

static void stage_flush(stage_t *s) {
  if (s->used == 0 || s->result < 0) return;
  fleet_records_t *r = s->records;
  const uint32_t n = round_up(s->used, r->geometry.unit_bytes);
  memset(s->bytes + s->used, (int)r->geometry.erased, n - s->used);
  if (r->platform->flash_program(r->platform->user, s->offset, s->bytes, n) < 0) {
    r->errors++;
    s->result = -(int32_t)fleet_err_flash_write_failed;
  }
  s->offset += n;
  s->used = 0;
}

static void stage_put(stage_t *s, const uint8_t *p, uint32_t n) {
  for (uint32_t i = 0; i < n && s->result == 0; i++) {
    s->bytes[s->used++] = p[i];
    if (s->used == sizeof s->bytes) stage_flush(s);
  }
}

// Payload = prefix (4 bytes: generation, or offset and 0) + n bytes of state.
static int32_t write_record(fleet_records_t *r, uint32_t offset, uint32_t type, uint32_t prefix, const uint8_t *state,
                            uint32_t n) {
  uint8_t head[record_head + 4];
  head[0] = record_magic;
  head[1] = (uint8_t)type;
  head[2] = (uint8_t)(n + 4);
  head[3] = (uint8_t)((n + 4) >> 8);
  store_le32(head + 8, prefix);
  uint32_t crc = fleet_crc32(0, head, 4);
  crc = fleet_crc32(crc, head + 8, 4);
  crc = fleet_crc32(crc, state, n);
  store_le32(head + 4, crc);
  stage_t s = {.records = r, .offset = offset, .used = 0, .result = 0};
  stage_put(&s, head, sizeof head);
  stage_put(&s, state, n);
  stage_flush(&s);
  return s.result;
}

// Size of the valid record at `offset` within the sector, 0 when there is none. Applies it to `state`.
static uint32_t read_record(fleet_records_t *r, uint32_t base, uint32_t offset, uint32_t *generation,
                            fleet_persist_t *state) {
  uint8_t head[record_head + 4];
  if (r->geometry.sector_bytes - offset < sizeof head) return 0;
  if (flash_read(r, base + offset, head, sizeof head) < 0) return 0;
  const uint32_t n = (uint32_t)head[2] | (uint32_t)head[3] << 8;
  const uint32_t type = head[1];
  if (head[0] != record_magic || n < 4 || n - 4 > sizeof *state) return 0;
  if ((type != type_snapshot && type != type_patch) || (type == type_snapshot) != (offset == 0)) return 0;
  if (r->geometry.sector_bytes - offset < record_head + n) return 0;
  const uint32_t prefix = load_le32(head + 8);
  const uint32_t at = type == type_snapshot ? 0 : prefix;
  if (at > sizeof *state || n - 4 > sizeof *state - at) return 0;
  if (type == type_snapshot && (n - 4 != sizeof *state || prefix == 0)) return 0;
  fleet_persist_t copy = *state;
  if (flash_read(r, base + offset + sizeof head, (uint8_t *)&copy + at, n - 4) < 0) return 0;
  uint32_t crc = fleet_crc32(0, head, 4);
  crc = fleet_crc32(crc, head + 8, 4);
  crc = fleet_crc32(crc, (uint8_t *)&copy + at, n - 4);
  if (crc != load_le32(head + 4)) return 0;
  *state = copy;
  if (type == type_snapshot) *generation = prefix;
  return round_up(record_head + n, r->geometry.unit_bytes);
}

static bool is_erased(fleet_records_t *r, uint32_t offset, uint32_t end) {
  uint8_t piece[32];
  while (offset < end) {
    const uint32_t n = end - offset < sizeof piece ? end - offset : (uint32_t)sizeof piece;
    if (flash_read(r, offset, piece, n) < 0) return false;
    for (uint32_t i = 0; i < n; i++) {
      if (piece[i] != r->geometry.erased) return false;
    }
    offset += n;
  }
  return true;
}

static int32_t start_sector(fleet_records_t *r, uint32_t sector, const fleet_persist_t *state) {
  const uint32_t base = sector * r->geometry.sector_bytes;
  const uint32_t generation = r->generation + 1;
  if (r->platform->flash_erase(r->platform->user, base) < 0) {
    r->errors++;
    return -(int32_t)fleet_err_flash_erase_failed;
  }
  const int32_t result = write_record(r, base, type_snapshot, generation, (const uint8_t *)state, sizeof *state);
  if (result < 0) return result;
  // Read back before the old sector is given up: a worn cell must not cost the whole state.
  fleet_persist_t check;
  uint32_t found = 0;
  if (read_record(r, base, 0, &found, &check) == 0 || memcmp(&check, state, sizeof check) != 0) {
    r->errors++;
    return -(int32_t)fleet_err_flash_verify_failed;
  }
  r->sector = sector;
  r->generation = generation;
  r->used = round_up(record_head + 4 + (uint32_t)sizeof *state, r->geometry.unit_bytes);
  r->torn = false;
  r->saved = *state;
  return 0;
}

int32_t fleet_records_open(fleet_records_t *r, fleet_persist_t *state) {
  memset(state, 0, sizeof *state);
  uint32_t generations[2] = {0, 0};
  for (uint32_t sector = 0; sector < 2; sector++) {
    (void)read_record(r, sector * r->geometry.sector_bytes, 0, &generations[sector], state);
  }
  r->sector = (int32_t)(generations[1] - generations[0]) > 0 && generations[1] != 0 ? 1 : 0;
  if (generations[r->sector] == 0) r->sector ^= 1;
  r->generation = generations[r->sector];
  if (r->generation == 0) {
    const uint32_t end = 2 * r->geometry.sector_bytes;
    r->found_damage = !is_erased(r, 0, end);
    memset(state, 0, sizeof *state);
    state->layout = FLEET_PERSIST_LAYOUT;
    state->active_slot = FLEET_NO_SLOT;
    return start_sector(r, 0, state);
  }
  const uint32_t base = r->sector * r->geometry.sector_bytes;
  uint32_t generation = 0;
  uint32_t used = 0;
  for (;;) {
    const uint32_t n = read_record(r, base, used, &generation, state);
    if (n == 0) break;
    used += n;
    if (used >= r->geometry.sector_bytes) break;
  }
  r->used = used;
  r->torn = used < r->geometry.sector_bytes && !is_erased(r, base + used, base + r->geometry.sector_bytes);
  r->saved = *state;
  return 0;
}

int32_t fleet_records_save(fleet_records_t *r, const fleet_persist_t *state) {
  const uint8_t *now = (const uint8_t *)state;
  const uint8_t *before = (const uint8_t *)&r->saved;
  uint32_t first = 0;
  uint32_t end = sizeof *state;
  while (first < end && now[first] == before[first]) first++;
  if (first == end) return 0;
  while (now[end - 1] == before[end - 1]) end--;
  const uint32_t n = end - first;
  const uint32_t bytes = round_up(record_head + 4 + n, r->geometry.unit_bytes);
  if (!r->torn && r->geometry.sector_bytes - r->used >= bytes) {
    const uint32_t base = r->sector * r->geometry.sector_bytes;
    uint32_t generation = 0;
    fleet_persist_t check = r->saved;
    if (write_record(r, base + r->used, type_patch, first, now + first, n) == 0 &&
        read_record(r, base, r->used, &generation, &check) == bytes && memcmp(&check, state, sizeof check) == 0) {
      r->used += bytes;
      r->saved = *state;
      return 0;
    }
    r->torn = true;
  }
  return start_sector(r, r->sector ^ 1, state);
}
