// NOR flash made of the board's PSRAM, which QEMU maps from a file: contents survive the process, and models are read in
// place. Keeps the rules of real flash: a program operation takes whole erased units, an erase one sector.
#ifndef FLASH_H
#define FLASH_H

#include <stdint.h>

#include "fleet_platform.h"

typedef struct {
  uint8_t *base;
  fleet_flash_geometry_t geometry;
  // Time that operations take, 0 = none. NOR of the serial kind needs about 45,000 us a sector and 700 us for 256 bytes.
  uint32_t erase_us;
  uint32_t program_us_per_256;
  uint32_t cut_at; // operation since boot inside which power fails, from 1; 0 = none
  uint32_t operations;
} flash_t;

// As fleet_platform_t's flash_*; a breach of the rules is an error.
int32_t flash_read(const flash_t *flash, uint32_t offset, void *dst, uint32_t n);
int32_t flash_program(flash_t *flash, uint32_t offset, const void *src, uint32_t n);
int32_t flash_erase(flash_t *flash, uint32_t offset);
const void *flash_map(const flash_t *flash, uint32_t offset, uint32_t n);

// Behind the flash, at the end of the PSRAM, for whoever looks into the file after a kill: which operation was under way.
typedef struct {
  uint32_t operation; // 0 = none
  uint32_t offset;    // of the unit or of the sector's part that comes next
  uint32_t operations; // since the file was made
} flash_probe_t;
enum { flash_operation_program = 1, flash_operation_erase = 2, flash_probe_bytes = 64 };

#endif
