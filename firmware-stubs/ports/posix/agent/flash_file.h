// A file as NOR flash: what a chip would refuse is refused, reads are in place, and what has been programmed survives SIGKILL
// at once and a power cut of the machine from the next flash_file_settle or erase on.
#ifndef FLASH_FILE_H
#define FLASH_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_platform.h"

typedef struct {
  fleet_flash_geometry_t geometry;
  const uint8_t *content; // the whole region, mapped read-only
  int fd;
  bool dirty; // programmed since the last sync
} flash_file_t;

// Opens the file, or makes an erased one. It is locked: one process is one device. NULL, or what went wrong.
const char *flash_file_open(flash_file_t *flash, const char *path, const fleet_flash_geometry_t *geometry);
void flash_file_close(flash_file_t *flash);

// As in fleet_platform.h.
int32_t flash_file_read(const flash_file_t *flash, uint32_t offset, void *dst, uint32_t n);
int32_t flash_file_program(flash_file_t *flash, uint32_t offset, const void *src, uint32_t n);
int32_t flash_file_erase(flash_file_t *flash, uint32_t offset);
const void *flash_file_map(const flash_file_t *flash, uint32_t offset, uint32_t n);

// Brings what was programmed to the disk.
void flash_file_settle(flash_file_t *flash);

#endif
