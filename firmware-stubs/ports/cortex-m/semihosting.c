// Every operation is one breakpoint 0xAB: number in r0, address of the parameter block in r1, result in r0.
#include "semihosting.h"

#include <stddef.h>
#include <string.h>

// Operation numbers, IHI 0074 section 2.2.
enum {
  sys_open = 0x01,
  sys_close = 0x02,
  sys_write0 = 0x04,
  sys_write = 0x05,
  sys_read = 0x06,
  sys_flen = 0x0c,
  sys_time = 0x11,
  sys_get_cmdline = 0x15,
  sys_exit_extended = 0x20,
};

enum { stopped_application_exit = 0x20026 };

static int32_t call(uint32_t operation, const void *block) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return (int32_t)r0;
}

int32_t semihosting_open(const char *path, semihosting_mode_t mode) {
  const uint32_t block[3] = {(uint32_t)(uintptr_t)path, mode, (uint32_t)strlen(path)};
  return call(sys_open, block);
}

void semihosting_close(int32_t file) {
  const uint32_t block[1] = {(uint32_t)file};
  (void)call(sys_close, block);
}

int32_t semihosting_length(int32_t file) {
  const uint32_t block[1] = {(uint32_t)file};
  return call(sys_flen, block);
}

// SYS_READ and SYS_WRITE return the bytes that were not transferred.
int semihosting_read(int32_t file, void *dst, uint32_t n) {
  const uint32_t block[3] = {(uint32_t)file, (uint32_t)(uintptr_t)dst, n};
  return call(sys_read, block) == 0;
}

int semihosting_write(int32_t file, const void *src, uint32_t n) {
  const uint32_t block[3] = {(uint32_t)file, (uint32_t)(uintptr_t)src, n};
  return call(sys_write, block) == 0;
}

void semihosting_print(const char *text) { (void)call(sys_write0, text); }

uint32_t semihosting_time(void) { return (uint32_t)call(sys_time, NULL); }

int semihosting_command_line(char *dst, uint32_t n) {
  uint32_t block[2] = {(uint32_t)(uintptr_t)dst, n};
  return call(sys_get_cmdline, block) == 0;
}

void semihosting_exit(int code) {
  const uint32_t block[2] = {stopped_application_exit, (uint32_t)code};
  for (;;) (void)call(sys_exit_extended, block);
}
