// The payload decoder as WebAssembly exports `payload_*`: the platform proves each payload with the very code that devices run
// before it offers it. Pointers are offsets in the exported memory, all memory is the host's: it lies above __heap_base.
#include <string.h>

#include "fleet_payload.h"

#define EXPORT(name) __attribute__((export_name(#name)))

typedef struct {
  fleet_payload_t payload;
  const uint8_t *base;
  uint8_t *result;
} opened_t;

static int32_t copy_out(void *user, bool own, uint32_t offset, void *dst, uint32_t n) {
  const opened_t *opened = user;
  memcpy(dst, (own ? opened->result : opened->base) + offset, n);
  return 0;
}

static int32_t keep(void *user, uint32_t offset, const uint8_t *src, uint32_t n) {
  memcpy(((opened_t *)user)->result + offset, src, n);
  return 0;
}

// Bytes of context, caller's memory.
EXPORT(payload_context_bytes) uint32_t payload_context_bytes(void) { return sizeof(opened_t); }

// result: result_bytes of room. A context stays where it is.
EXPORT(payload_open)
void payload_open(opened_t *opened, const uint8_t *base, uint32_t base_bytes, uint8_t *result, uint32_t result_bytes,
                  uint32_t sector_bytes) {
  static const fleet_payload_io_t io = {copy_out, keep};
  const fleet_payload_start_t start = {base_bytes, result_bytes, sector_bytes, 0, 0};
  opened->base = base;
  opened->result = result;
  fleet_payload_init(&opened->payload, &io, opened, &start);
}

// 0 or a negative error.
EXPORT(payload_feed) int32_t payload_feed(opened_t *opened, const uint8_t *data, uint32_t n) {
  return fleet_payload_feed(&opened->payload, data, n);
}

// Bytes of the result in whole, checked blocks.
EXPORT(payload_made) uint32_t payload_made(const opened_t *opened) { return opened->payload.block_start; }
