// Order on the disk: an erase is brought there alone, after all that was programmed before it and before all that follows,
// so a crash of the machine never shows an erase ahead of the record that made it allowed. Programs between two syncs may
// reach the disk in any order; the agent takes a damaged record or slot for what it is.
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE // flock
#include "flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet_device.h"

enum { block_bytes = 4096 };

static bool write_all(int fd, const uint8_t *data, uint32_t n, uint32_t offset) {
  while (n != 0) {
    const ssize_t done = pwrite(fd, data, n, (off_t)offset);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    data += done;
    n -= (uint32_t)done;
    offset += (uint32_t)done;
  }
  return true;
}

static bool fill(int fd, uint32_t offset, uint32_t n, uint32_t value) {
  uint8_t block[block_bytes];
  memset(block, (int)value, sizeof block);
  for (uint32_t done = 0; done < n; done += block_bytes) {
    const uint32_t part = n - done < block_bytes ? n - done : block_bytes;
    if (!write_all(fd, block, part, offset + done)) return false;
  }
  return true;
}

// Under another name first: a file that is there is whole.
static bool create(const char *path, const fleet_flash_geometry_t *g) {
  char name[1024];
  const int length = snprintf(name, sizeof name, "%s.new", path);
  if (length < 0 || (size_t)length >= sizeof name) return false;
  const int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool made = fill(fd, 0, g->bytes, g->erased) && fsync(fd) == 0;
  return close(fd) == 0 && made && rename(name, path) == 0;
}

const char *flash_file_open(flash_file_t *flash, const char *path, const fleet_flash_geometry_t *geometry) {
  struct stat about;
  flash->geometry = *geometry;
  flash->content = NULL;
  flash->dirty = false;
  if (geometry->bytes == 0) return "the parameters give the flash no size";
  if (stat(path, &about) != 0 && !create(path, geometry)) return "the flash file cannot be made";
  flash->fd = open(path, O_RDWR | O_CLOEXEC);
  if (flash->fd < 0 || fstat(flash->fd, &about) != 0) return "the flash file cannot be opened";
  if (about.st_size != (off_t)geometry->bytes) return "the flash file has another size than the parameters say";
  if (flock(flash->fd, LOCK_EX | LOCK_NB) != 0) return "the flash file is in use: the device runs already";
  void *mapped = mmap(NULL, geometry->bytes, PROT_READ, MAP_SHARED, flash->fd, 0);
  if (mapped == MAP_FAILED) return "the flash file cannot be mapped";
  flash->content = mapped;
  return NULL;
}

void flash_file_close(flash_file_t *flash) {
  flash_file_settle(flash);
  if (flash->content != NULL) (void)munmap((void *)(uintptr_t)flash->content, flash->geometry.bytes);
  flash->content = NULL;
  (void)close(flash->fd);
}

static bool inside(const flash_file_t *flash, uint32_t offset, uint32_t n) {
  return offset <= flash->geometry.bytes && n <= flash->geometry.bytes - offset;
}

int32_t flash_file_read(const flash_file_t *flash, uint32_t offset, void *dst, uint32_t n) {
  if (!inside(flash, offset, n)) return -1;
  memcpy(dst, flash->content + offset, n);
  return 0;
}

int32_t flash_file_program(flash_file_t *flash, uint32_t offset, const void *src, uint32_t n) {
  if (fleet_nor_check_program(&flash->geometry, flash->content, offset, n) != 0) return -1;
  flash->dirty = true;
  return write_all(flash->fd, src, n, offset) ? 0 : -1;
}

int32_t flash_file_erase(flash_file_t *flash, uint32_t offset) {
  if (fleet_nor_check_erase(&flash->geometry, offset) != 0) return -1;
  flash_file_settle(flash);
  if (flash->dirty) return -1; // what came before may not be on the disk
  if (!fill(flash->fd, offset, flash->geometry.sector_bytes, flash->geometry.erased)) return -1;
  return fsync(flash->fd) == 0 ? 0 : -1;
}

const void *flash_file_map(const flash_file_t *flash, uint32_t offset, uint32_t n) {
  return inside(flash, offset, n) ? flash->content + offset : NULL;
}

void flash_file_settle(flash_file_t *flash) {
  if (flash->dirty && fsync(flash->fd) == 0) flash->dirty = false;
}
