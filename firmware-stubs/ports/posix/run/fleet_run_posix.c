// fleet-run on a POSIX host. Regions are separate exact allocations, so that a sanitized build sees every byte beyond them.
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../run/fleet_run.h"

const char port_clock_unit[] = "ns";

// Freed at the end, for the leak checker's sake.
static struct {
  void *regions[8];
  size_t count;
} port;

void *port_memory(uint32_t bytes) {
  void *memory = NULL;
  if (port.count == sizeof port.regions / sizeof port.regions[0]) return NULL;
  if (posix_memalign(&memory, 16, bytes != 0 ? bytes : 1) != 0) return NULL;
  memset(memory, 0xa5, bytes);
  port.regions[port.count++] = memory;
  return memory;
}

int port_guards_hold(void) { return 1; } // AddressSanitizer's work

const uint8_t *port_read(const char *path, uint32_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  uint8_t *data = NULL;
  long size = -1;
  if (fseek(file, 0, SEEK_END) == 0) size = ftell(file);
  if (size > 0 && (unsigned long)size <= UINT32_MAX && fseek(file, 0, SEEK_SET) == 0) data = port_memory((uint32_t)size);
  if (data != NULL && fread(data, 1, (size_t)size, file) != (size_t)size) data = NULL;
  (void)fclose(file);
  *bytes = data != NULL ? (uint32_t)size : 0;
  return data;
}

void port_print(const char *text) { (void)fputs(text, stdout); }

int port_write(const char *path, const void *data, uint32_t n) {
  static FILE *file = NULL;
  if (file == NULL) file = fopen(path, "wb");
  return file != NULL && fwrite(data, 1, n, file) == n && fflush(file) == 0;
}

uint64_t port_clock(void) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void port_paint_stack(void) {}

uint32_t port_stack_used(void) { return 0; }

int main(int argc, char **argv) {
  const int code = fleet_run_main(argc, (const char *const *)argv);
  while (port.count > 0) free(port.regions[--port.count]);
  return code;
}
