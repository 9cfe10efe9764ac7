// Fuzz target: any bytes as a delta or compressed payload, fed in pieces of any size. The CRC of a block, which a mutation would
// nearly always break, is set right and the run repeated, so that what follows a block is reached too.
#include "fuzz.h"

#include "fleet_payload.h"

enum { base_bytes = 6000, result_max = 16384, crc_at = 7, tries = 6 };

typedef struct {
  const uint8_t *base;
  uint8_t *result; // in a block of its own size
  uint32_t base_bytes;
  uint32_t result_bytes;
  uint32_t written;
  uint32_t reads;
} memory_t;

static int32_t read_from(void *user, bool own, uint32_t offset, void *dst, uint32_t n) {
  memory_t *m = user;
  const uint32_t limit = own ? m->written : m->base_bytes;
  HOLDS(n <= 64 && offset <= limit && n <= limit - offset);
  m->reads++;
  if (n != 0) memcpy(dst, (own ? m->result : m->base) + offset, n);
  return 0;
}

static int32_t write_to(void *user, uint32_t offset, const uint8_t *src, uint32_t n) {
  memory_t *m = user;
  HOLDS(offset == m->written && n != 0 && n <= 256 && n <= m->result_bytes - offset);
  HOLDS(n % 32 == 0 || offset + n == m->result_bytes);
  memcpy(m->result + offset, src, n);
  m->written += n;
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t base[base_bytes];
  static fleet_payload_t payload;
  if (size < 4 || size > 4096) return 0;
  for (uint32_t i = 0; base[1] == 0 && i < base_bytes; i++) base[i] = (uint8_t)((i * 2654435761u) >> 13);
  memory_t memory = {base, NULL, (data[0] & 1) != 0 ? base_bytes : 0, ((uint32_t)data[1] | (uint32_t)data[2] << 8) % (result_max + 1), 0, 0};
  const uint32_t sector = 512u << (data[0] >> 1 & 3);
  const uint32_t piece = 1 + data[3];
  const uint32_t n = (uint32_t)size - 4;
  uint8_t *coded = copy_of(data + 4, n);
  memory.result = malloc(memory.result_bytes + 1);
  HOLDS(memory.result != NULL);
  static const fleet_payload_io_t io = {read_from, write_to};
  for (uint32_t i = 0; i < tries; i++) {
    const fleet_payload_start_t start = {memory.base_bytes, memory.result_bytes, sector, 0, 0};
    int32_t result = 0;
    memory.written = memory.reads = 0;
    memset(&payload, 0xa5, sizeof payload);
    fleet_payload_init(&payload, &io, &memory, &start);
    for (uint32_t at = 0; at < n && result == 0; at += piece) {
      result = fleet_payload_feed(&payload, coded + at, n - at < piece ? n - at : piece);
      HOLDS(payload.block_start <= memory.written && payload.block_taken <= n);
    }
    HOLDS(result <= 0);
    HOLDS(memory.reads <= 64 + 2 * (memory.result_bytes + 1)); // work is bounded by what is made
    if (result != 0) {
      const uint32_t made = memory.written;
      HOLDS(fleet_payload_feed(&payload, coded, n) < 0 && memory.written == made); // an error is final
    }
    const uint32_t head = payload.block_taken;
    if (result != -(int32_t)fleet_err_wire_payload_crc || head + FLEET_PAYLOAD_HEAD_BYTES > n) break;
    for (uint32_t k = 0; k < 4; k++) coded[head + crc_at + k] = (uint8_t)(payload.crc >> (8 * k));
  }
  free(memory.result);
  free(coded);
  return 0;
}
