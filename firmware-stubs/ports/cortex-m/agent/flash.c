#include "flash.h"

#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "device.h"
#include "fleet_device.h"
#include "mps2.h"

// An erase works its way through the sector in so many parts, so that a cut inside it leaves some erased and some not.
enum { erase_parts = 16, program_pause_bytes = 64 };

extern volatile flash_probe_t link_psram_probe;

static bool inside(const flash_t *flash, uint32_t offset, uint32_t n) {
  return offset <= flash->geometry.bytes && n <= flash->geometry.bytes - offset;
}

// True in the middle of the operation in which power is to fail.
static bool begins(flash_t *flash, uint32_t operation, uint32_t offset) {
  link_psram_probe.offset = offset;
  link_psram_probe.operation = operation;
  link_psram_probe.operations++;
  flash->operations++;
  return flash->cut_at != 0 && flash->operations == flash->cut_at;
}

static void ends(void) { link_psram_probe.operation = 0; }

int32_t flash_read(const flash_t *flash, uint32_t offset, void *dst, uint32_t n) {
  if (!inside(flash, offset, n)) return -1;
  memcpy(dst, flash->base + offset, n);
  return 0;
}

int32_t flash_program(flash_t *flash, uint32_t offset, const void *src, uint32_t n) {
  if (fleet_nor_check_program(&flash->geometry, flash->base, offset, n) != 0) return -1;
  const uint32_t unit = flash->geometry.unit_bytes;
  const bool cut = begins(flash, flash_operation_program, offset);
  for (uint32_t done = 0; done < n; done += unit) {
    link_psram_probe.offset = offset + done;
    if (cut && done >= n / 2) device_power_fails();
    memcpy(flash->base + offset + done, (const uint8_t *)src + done, unit);
    if (flash->program_us_per_256 != 0 && (done + unit) % program_pause_bytes == 0)
      clock_delay_us(flash->program_us_per_256 * program_pause_bytes / 256);
  }
  ends();
  return 0;
}

int32_t flash_erase(flash_t *flash, uint32_t offset) {
  if (fleet_nor_check_erase(&flash->geometry, offset) != 0) return -1;
  const uint32_t bytes = flash->geometry.sector_bytes;
  const bool cut = begins(flash, flash_operation_erase, offset);
  for (uint32_t done = 0; done < bytes; done += bytes / erase_parts) {
    link_psram_probe.offset = offset + done;
    if (cut && done >= bytes / 2) device_power_fails();
    memset(flash->base + offset + done, (int)flash->geometry.erased, bytes / erase_parts);
    if (flash->erase_us != 0) clock_delay_us(flash->erase_us / erase_parts);
  }
  ends();
  return 0;
}

const void *flash_map(const flash_t *flash, uint32_t offset, uint32_t n) {
  return inside(flash, offset, n) ? flash->base + offset : NULL;
}
