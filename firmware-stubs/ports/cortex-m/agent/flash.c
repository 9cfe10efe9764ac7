#include "flash.h"

#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "device.h"
#include "mps2.h"

// An erase works its way through the sector in so many parts, so that a cut inside it leaves some erased and some not.
enum { erase_parts = 16, program_pause_bytes = 64 };

extern uint8_t link_psram_end[];

static volatile flash_probe_t *probe(void) {
  return (volatile flash_probe_t *)(uintptr_t)(link_psram_end - flash_probe_bytes);
}

static bool inside(const flash_t *flash, uint32_t offset, uint32_t n) {
  return offset <= flash->bytes && n <= flash->bytes - offset;
}

// True in the middle of the operation in which power is to fail.
static bool begins(flash_t *flash, uint32_t operation, uint32_t offset) {
  probe()->offset = offset;
  probe()->operation = operation;
  probe()->operations++;
  flash->operations++;
  return flash->cut_at != 0 && flash->operations == flash->cut_at;
}

static void ends(void) { probe()->operation = 0; }

int32_t flash_read(const flash_t *flash, uint32_t offset, void *dst, uint32_t n) {
  if (!inside(flash, offset, n)) return -1;
  memcpy(dst, flash->base + offset, n);
  return 0;
}

int32_t flash_program(flash_t *flash, uint32_t offset, const void *src, uint32_t n) {
  const uint32_t unit = flash->unit_bytes;
  if (!inside(flash, offset, n) || offset % unit != 0 || n % unit != 0) return -1;
  uint8_t *at = flash->base + offset;
  for (uint32_t i = 0; i < n; i++)
    if (at[i] != flash->erased) return -1;
  const bool cut = begins(flash, flash_operation_program, offset);
  for (uint32_t done = 0; done < n; done += unit) {
    probe()->offset = offset + done;
    if (cut && done >= n / 2) device_power_fails();
    memcpy(at + done, (const uint8_t *)src + done, unit);
    if (flash->program_us_per_256 != 0 && done % program_pause_bytes == 0)
      clock_delay_us(flash->program_us_per_256 * program_pause_bytes / 256);
  }
  ends();
  return 0;
}

int32_t flash_erase(flash_t *flash, uint32_t offset) {
  if (!inside(flash, offset, flash->sector_bytes) || offset % flash->sector_bytes != 0) return -1;
  const bool cut = begins(flash, flash_operation_erase, offset);
  const uint32_t part = flash->sector_bytes / erase_parts;
  for (uint32_t done = 0; done < flash->sector_bytes; done += part) {
    probe()->offset = offset + done;
    if (cut && done >= flash->sector_bytes / 2) device_power_fails();
    memset(flash->base + offset + done, flash->erased, part);
    if (flash->erase_us != 0) clock_delay_us(flash->erase_us / erase_parts);
  }
  ends();
  return 0;
}

const void *flash_map(const flash_t *flash, uint32_t offset, uint32_t n) {
  return inside(flash, offset, n) ? flash->base + offset : NULL;
}
