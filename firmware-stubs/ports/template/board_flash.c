// Where the agent's region and the parameter block lie. The region starts at an erase sector, is aligned to 16 bytes, and
// nothing else writes there; its size and geometry are the parameters' (flash-geometry), which come from the device type.
#include <stddef.h>

#include "board.h"

const uint8_t *board_parameters(uint32_t *bytes) {
  // A sector of its own, flashed with the firmware or after it, that the linker script and the updater of the firmware
  // leave alone. A pointer into mapped flash will do; else copy it into a static buffer of 1 KB (16 KB with certificates).
  //   Zephyr: a fixed partition, FIXED_PARTITION_OFFSET     ESP-IDF: a data partition, esp_partition_mmap
  //   STM32Cube: the address of a sector that the .ld file does not use     Arduino: as the core below it
  *bytes = 0;
  return NULL;
}

int32_t board_flash_read(void *user, uint32_t offset, void *dst, uint32_t n) {
  // flash_area_read, esp_partition_read, memcpy from mapped flash.
  (void)user;
  (void)offset;
  (void)dst;
  (void)n;
  return -1;
}

int32_t board_flash_program(void *user, uint32_t offset, const void *src, uint32_t n) {
  // Whole units, erased before: the agent sees to both. `src` is aligned to nothing: copy it where the driver wants words.
  // Wait until the controller is ready, with the watchdog's period in mind, and answer its error flags as failure.
  //   Zephyr: flash_area_write     ESP-IDF: esp_partition_write     STM32Cube: HAL_FLASH_Unlock, HAL_FLASH_Program, _Lock
  (void)user;
  (void)offset;
  (void)src;
  (void)n;
  return -1;
}

int32_t board_flash_erase(void *user, uint32_t offset) {
  // One sector of the size the parameters say. Where caches lie before the flash, invalidate them here and in program.
  //   Zephyr: flash_area_flatten or _erase     ESP-IDF: esp_partition_erase_range     STM32Cube: HAL_FLASHEx_Erase
  (void)user;
  (void)offset;
  return -1;
}

const void *board_flash_map(void *user, uint32_t offset, uint32_t n) {
  // The address at which the region can be read like memory (internal flash, XIP, esp_partition_mmap). NULL where it cannot:
  // then give config.bundle_ram in main.c, the size of a slot.
  (void)user;
  (void)offset;
  (void)n;
  return NULL;
}
