// RAM as flash, with the rules of a real one; the parameter block from the file that PARAMETERS names.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"

static uint8_t region[1 << 22];
static uint8_t block[FLEET_DEVICE_BLOCK_MAX];

static const fleet_flash_geometry_t *geometry(void *user) {
  return &((const fleet_device_parameters_t *)user)->flash;
}

const uint8_t *board_parameters(uint32_t *bytes) {
  const char *path = getenv("PARAMETERS");
  FILE *file = path == NULL ? NULL : fopen(path, "rb");
  *bytes = file == NULL ? 0 : (uint32_t)fread(block, 1, sizeof block, file);
  if (file != NULL) (void)fclose(file);
  memset(region, 0xff, sizeof region);
  return block;
}

static int inside(uint32_t offset, uint32_t n) { return offset <= sizeof region && n <= sizeof region - offset; }

int32_t board_flash_read(void *user, uint32_t offset, void *dst, uint32_t n) {
  (void)user;
  if (!inside(offset, n)) return -1;
  memcpy(dst, region + offset, n);
  return 0;
}

int32_t board_flash_program(void *user, uint32_t offset, const void *src, uint32_t n) {
  if (!inside(offset, n) || fleet_nor_check_program(geometry(user), region, offset, n) != 0) return -1;
  memcpy(region + offset, src, n);
  return 0;
}

int32_t board_flash_erase(void *user, uint32_t offset) {
  const fleet_flash_geometry_t *g = geometry(user);
  if (!inside(offset, g->sector_bytes) || fleet_nor_check_erase(g, offset) != 0) return -1;
  memset(region + offset, (int)g->erased, g->sector_bytes);
  return 0;
}

const void *board_flash_map(void *user, uint32_t offset, uint32_t n) {
  (void)user;
  return inside(offset, n) ? region + offset : NULL;
}
