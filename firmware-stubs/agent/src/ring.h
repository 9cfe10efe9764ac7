// What merge.c needs of the ring. Not for ports.
#ifndef FLEET_RING_PRIVATE_H
#define FLEET_RING_PRIVATE_H

#include "fleet_ring.h"

// The sector that the head would take next, and its generation: 0 = nothing stands there.
uint32_t fleet_ring_oldest(const fleet_ring_t *ring);
uint32_t fleet_ring_generation(fleet_ring_t *ring, uint32_t sector);
// Reads the record at `*at`, which moves to where the next one may begin. False when there is none.
bool fleet_ring_read(fleet_ring_t *ring, uint32_t sector, uint32_t *at, fleet_record_t *record, bool *unsent);
// Writes behind the head's last record; false when the head has no room or flash fails.
bool fleet_ring_append(fleet_ring_t *ring, uint32_t number, const uint8_t *data, uint32_t n);
// From here on the head's records that bear the generation of the oldest sector, the first one at `from`, stand for all that waits there:
// `written` of them. False when flash fails: they stand for nothing then.
bool fleet_ring_replace(fleet_ring_t *ring, uint32_t from, uint32_t written);

// merge.c: carries what waits in the oldest sector over into the head, merged. Nothing when it cannot.
void fleet_ring_rescue(fleet_ring_t *ring);
// Windows in the `records` of a sector that wait, from the tail on: a merged one is several.
uint32_t fleet_ring_windows(fleet_ring_t *ring, uint32_t sector, uint32_t records);

#endif
