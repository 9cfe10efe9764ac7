// What everything that writes flash shares: programming with read back, erased bytes, records. The rules of a program unit
// (once between two erases, padded with erased bytes) are kept here and nowhere else. Not a file system.
#ifndef FLEET_FLASH_H
#define FLEET_FLASH_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_platform.h"

enum {
  fleet_flash_piece = 32,   // bytes of one program operation of a record, a multiple of every unit
  fleet_record_bytes = 12, // of a record's head
};

typedef struct {
  const fleet_platform_t *platform;
  fleet_flash_geometry_t geometry;
  uint32_t errors; // operations that failed; the owner takes them
} fleet_flash_t;

// n rounded up to whole units of `unit` bytes, a power of two.
uint32_t fleet_round_up(uint32_t n, uint32_t unit);

// Reads n bytes; an error may be a passing one, so it is tried three times. 0 or flash.read-failed.
int32_t fleet_flash_read(fleet_flash_t *flash, uint32_t offset, void *dst, uint32_t n);
// Whole units, not read back. 0 or flash.write-failed.
int32_t fleet_flash_program(fleet_flash_t *flash, uint32_t offset, const void *src, uint32_t n);
// The sector at `offset`. 0 or flash.erase-failed.
int32_t fleet_flash_erase(fleet_flash_t *flash, uint32_t offset);

// Programs n bytes at `offset`, a multiple of the unit, pads the last unit with erased bytes and reads everything back.
// 0, flash.write-failed, flash.read-failed or flash.verify-failed; after an error all units may be in any state.
int32_t fleet_flash_write(fleet_flash_t *flash, uint32_t offset, const void *src, uint32_t n);

// Whether the bytes from `offset` to before `end` are all erased: 1, 0, or flash.read-failed.
int32_t fleet_flash_erased(fleet_flash_t *flash, uint32_t offset, uint32_t end);

// A record of n bytes: a head (kind, n, CRC, a number), the bytes, padded to the unit (docs/spec/flash.md). `kind` is the head's
// first two bytes. It is programmed in pieces of 32 bytes so that a cut touches no more than one piece. Results as fleet_flash_write.
int32_t fleet_record_write(fleet_flash_t *flash, uint32_t offset, uint32_t kind, uint32_t number, const void *src,
                           uint32_t n);

typedef struct {
  uint32_t kind; // that is looked for
  uint8_t *dst;  // takes the bytes, NULL = they are only checked
  uint32_t capacity; // of `dst`; what a longer record has behind it is only checked
  uint32_t number; // of the record found
  uint32_t n;      // below 2^16
} fleet_record_t;

// Looks for a record at `offset` that ends before `end`: its size in flash, 0 when there is none. What is copied is what was
// summed: a cell that a cut left in between may read differently the next time.
uint32_t fleet_record_read(fleet_flash_t *flash, uint32_t offset, uint32_t end, fleet_record_t *record);

// Size in flash of a record of n bytes.
uint32_t fleet_record_size(const fleet_flash_t *flash, uint32_t n);

#endif
