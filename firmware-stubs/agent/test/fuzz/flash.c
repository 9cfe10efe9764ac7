// Fuzz target: a boot on any bytes of flash: record log, slots and ring. The input is pieces (place, length, bytes) laid over the flash
// of an installed device; half of the time the checksums of records are then set right, so that their contents are read.
#include "fuzz.h"

enum { sector_bytes = 1024, head_bytes = 12, ring_base = 2 * sector_bytes + 2 * world_slot_bytes };

static void store_le32(uint8_t *p, uint32_t v) {
  for (uint32_t i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

// Whatever looks like the head of a record gets its CRC (docs/spec/flash.md).
static void set_record_sums(void) {
  for (uint32_t at = 0; at + head_bytes <= 2 * sector_bytes; at += 4) {
    uint8_t *p = world.flash + at;
    const uint32_t n = (uint32_t)p[2] | (uint32_t)p[3] << 8;
    if (p[0] != 0xa5 || n < 4 || n > sector_bytes || at + 8 + n > 2 * sector_bytes) continue;
    store_le32(p + 4, fleet_crc32(fleet_crc32(0, p, 4), p + 8, n));
  }
}

static void set_ring_sums(void) {
  for (uint32_t at = ring_base; at + 8 <= world_flash_bytes; at += 4) {
    uint8_t *p = world.flash + at;
    const uint32_t n = (uint32_t)p[2] | (uint32_t)p[3] << 8;
    if ((p[0] != 0x52 && p[0] != 0x57) || at + 8 + n > world_flash_bytes) continue;
    store_le32(p + 4, fleet_crc32(fleet_crc32(0, p, 4), p + 8, n));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input_t input = {data, (uint32_t)size};
  const uint32_t flags = take_u8(&input);
  start_at(flags & 3);
  if ((flags & 4) != 0) memset(world.flash, 0xff, sizeof world.flash);
  while (input.left != 0) {
    const uint8_t *bytes;
    const uint32_t places[4] = {take_u32(&input, 2) % (2 * sector_bytes), ring_base, 2 * sector_bytes, 2 * sector_bytes + world_slot_bytes};
    const uint32_t which = take_u8(&input) & 3;
    uint32_t at = places[which] + (which == 0 ? 0 : places[0]);
    const uint32_t n = take_bytes(&input, &bytes, take_u32(&input, 2) % 2048);
    if (at + n > world_flash_bytes) at = 0;
    memcpy(world.flash + at, bytes, n);
  }
  if ((flags & 8) != 0) set_record_sums();
  if ((flags & 16) != 0) set_ring_sums();
  world.any_payload = true;
  memset(world.written, 0, sizeof world.written);
  world.bundle = bundle_of(1);
  world.release = release_of(200);
  world.deployment = 7;
  world.message_count = 0;
  HOLDS(world_boot(&world, (flags & 32) != 0 ? FLEET_RESET_CAUSE_WATCHDOG : FLEET_RESET_CAUSE_POWER_ON));
  (void)world_run(&world, 30);
  check_world();
  world.message_count = 0;
  HOLDS(world_boot(&world, FLEET_RESET_CAUSE_POWER_ON));
  (void)world_run(&world, 30);
  check_world();
  return 0;
}
