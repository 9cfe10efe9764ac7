// Windows that wait for the broker over a power cut: a ring of records over the flash behind the slots. Oldest first out; when
// it is full the windows of the oldest sector are merged (merge.c), and what cannot be is counted as lost.
#ifndef FLEET_RING_H
#define FLEET_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_flash.h"

typedef struct {
  fleet_flash_t *flash;
  uint32_t sector_bytes;
  uint32_t base;       // offset of the first sector
  uint32_t sectors;    // 0 or >= 2
  uint32_t head;       // sector being written
  uint32_t head_used;  // bytes of it in use
  uint32_t head_count; // its generation
  uint32_t tail;       // sector of the oldest unsent record
  uint32_t tail_at;    // its offset in that sector
  uint32_t tail_end;   // and where it ends, its mark included
  uint32_t first;      // offset of a sector's first record
  uint32_t pending;    // unsent records
  uint32_t voided;     // flash offset from which on its sector's records count nothing; 0 = none
  uint32_t lost;       // records given up since init
  uint16_t merged;     // windows that were added to others since init
  uint16_t epoch;      // counts when the oldest record has become another one without being delivered
  bool replaced;       // what waits in the sector behind the head stands in the head, too, and counts there
  bool unmerged;       // it was tried in this head
  bool peeked;         // the oldest unsent record may have been delivered without our hearing of it
} fleet_ring_t;

// Reads what is there. `bytes` from `base`; fewer than two sectors make a ring that takes nothing.
void fleet_ring_open(fleet_ring_t *ring, fleet_flash_t *flash, uint32_t base, uint32_t bytes);
// Appends n bytes; false when the ring cannot take it.
bool fleet_ring_push(fleet_ring_t *ring, const uint8_t *data, uint32_t n);
// Copies the oldest unsent record; its size, or 0 when there is none.
uint32_t fleet_ring_peek(fleet_ring_t *ring, uint8_t *dst, uint32_t capacity);
// The record peeked was delivered.
void fleet_ring_pop(fleet_ring_t *ring);

#endif
