// What everything that writes flash shares: program and read back, look for erased bytes. The rules of a program unit
// (once between two erases, padded with erased bytes) are kept here and nowhere else. Not a file system.
#ifndef FLEET_FLASH_H
#define FLEET_FLASH_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_platform.h"

enum { fleet_flash_piece = 32 }; // bytes of one program operation of a record, a multiple of every unit

// n rounded up to whole units of `unit` bytes, a power of two.
uint32_t fleet_round_up(uint32_t n, uint32_t unit);

// Reads n bytes; an error may be a passing one, so it is tried three times. 0 or flash.read-failed.
int32_t fleet_flash_read(const fleet_platform_t *platform, uint32_t offset, void *dst, uint32_t n);

// Programs n bytes at `offset`, a multiple of the unit, pads the last unit with erased bytes and reads everything back.
// 0, flash.write-failed, flash.read-failed or flash.verify-failed; after an error all units may be in any state.
int32_t fleet_flash_write(const fleet_platform_t *platform, const fleet_flash_geometry_t *geometry, uint32_t offset,
                          const void *src, uint32_t n);

// Programs a head of at most 32 bytes and n bytes behind it as one record, in pieces of 32 bytes so that a cut touches no
// more than one piece. Results as fleet_flash_write.
int32_t fleet_flash_record(const fleet_platform_t *platform, const fleet_flash_geometry_t *geometry, uint32_t offset,
                           const uint8_t *head, uint32_t head_bytes, const uint8_t *src, uint32_t n);

// True when the bytes from `offset` to before `end` could be read and are all erased.
bool fleet_flash_erased(const fleet_platform_t *platform, const fleet_flash_geometry_t *geometry, uint32_t offset,
                        uint32_t end);

#endif
