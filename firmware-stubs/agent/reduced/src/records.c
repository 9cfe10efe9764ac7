// Records of the reduced agent: cells of [generation, state, CRC-32] written in turn, each a whole state. The newest cell whose CRC is
// right counts. A save never touches the cell that a boot has read, and the first save of a boot precedes everything that follows
// from what was read: so a cell that a cut left uncertain (reading well now and badly later) is either newer than anything
// that was acted on, or older than one that is certain.
#include "reduced.h"

enum { cell_bytes = 4 + (int)sizeof(fleet_reduced_persist_t) + 4, cells = FLEET_REDUCED_RECORD_BYTES / cell_bytes };

typedef char persist_has_no_padding[sizeof(fleet_reduced_persist_t) == 7 * 4 + 2 * 40 + 8 + 12 ? 1 : -1];
typedef char enough_cells_for_cuts_in_a_row[cells >= 5 ? 1 : -1];

static void read_record(const fleet_reduced_t *a, uint16_t offset, void *dst, uint8_t n) {
  a->platform->record_read(a->platform->base.user, offset, dst, n);
}

static uint32_t crc_of(const fleet_reduced_t *a, uint32_t generation) {
  return fleet_crc32(fleet_crc32(0, &generation, 4), &a->persist, sizeof a->persist);
}

// Reads a cell into the state; its generation, 0 when it is none.
static uint32_t load_cell(fleet_reduced_t *a, uint8_t cell) {
  const uint16_t at = (uint16_t)(cell * cell_bytes);
  uint32_t generation, crc;
  read_record(a, at, &generation, 4);
  read_record(a, at + 4, &a->persist, sizeof a->persist);
  read_record(a, at + cell_bytes - 4, &crc, 4);
  return crc_of(a, generation) == crc ? generation : 0;
}

void reduced_records_open(fleet_reduced_t *a) {
  // A cell may read well once and badly the next time: then what is left is looked at again.
  for (uint8_t tries = 0; tries < 3; tries++) {
    uint32_t newest = 0;
    for (uint8_t i = 0; i < cells; i++) {
      const uint32_t generation = load_cell(a, i);
      if (generation <= newest) continue;
      newest = generation;
      a->cell = i;
    }
    a->generation = newest;
    if (newest != 0 && load_cell(a, a->cell) == newest) return;
  }
  memset(&a->persist, 0, sizeof a->persist);
  a->generation = 0;
  a->cell = cells - 1;
  a->persist.active_slot = FLEET_REDUCED_NO_SLOT;
}

static bool write_verified(fleet_reduced_t *a, uint16_t offset, const void *src, uint8_t n) {
  const uint8_t *from = src;
  a->platform->record_write(a->platform->base.user, offset, src, n);
  for (; n != 0; n--, offset++) {
    uint8_t back;
    read_record(a, offset, &back, 1);
    if (back != *from++) return false;
  }
  return true;
}

bool reduced_save(fleet_reduced_t *a) {
  const uint32_t generation = a->generation + 1;
  const uint32_t crc = crc_of(a, generation);
  uint8_t cell = a->cell;
  for (uint8_t tries = 1; tries < cells; tries++) {
    cell = (uint8_t)(cell + 1 == cells ? 0 : cell + 1);
    const uint16_t at = (uint16_t)(cell * cell_bytes);
    if (write_verified(a, at, &generation, 4) && write_verified(a, at + 4, &a->persist, sizeof a->persist) &&
        write_verified(a, at + cell_bytes - 4, &crc, 4)) {
      a->cell = cell;
      a->generation = generation;
      return true;
    }
    reduced_count(a, FLEET_LOSS_COUNTER_FLASH_ERROR);
  }
  return false;
}
