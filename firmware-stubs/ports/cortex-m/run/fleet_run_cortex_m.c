// fleet-run on QEMU's MPS2 boards: files and arguments by semihosting, instructions by the CMSDK timer, the stack's
// high-water mark by painting. The model is a file, so one image serves all and no compiler can specialize for one.
#include "../semihosting.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../run/fleet_run.h"

extern uint8_t link_stack_limit[], link_sram_free[], link_sram_end[], link_psram[], link_psram_end[];

int fleet_run_port(void);

enum { guard_bytes = 64, guard_value = 0x5a, paint_value = 0xa5, max_regions = 8, max_args = 16 };

// What is not on the stack: allocation marks, the mark of the last paint, the files.
static struct {
  uint8_t *guards[max_regions];
  uint32_t regions;
  uint8_t *sram, *psram, *painted_to;
  int32_t console, output;
  int writing;
} port;

static uint8_t *take(uint8_t **next, uint8_t *end, uint32_t bytes) {
  if (bytes > UINT32_MAX - 15u) return NULL;
  const uint32_t rounded = (bytes + 15u) & ~15u;
  if (rounded > (uint32_t)(end - *next)) return NULL;
  uint8_t *memory = *next;
  *next += rounded;
  return memory;
}

// Static RAM while it lasts, as on a board; PSRAM for what would not fit one.
void *port_memory(uint32_t bytes) {
  if (port.regions == max_regions || bytes > UINT32_MAX - guard_bytes) return NULL;
  uint8_t *memory = take(&port.sram, link_sram_end, bytes + guard_bytes);
  if (memory == NULL) memory = take(&port.psram, link_psram_end, bytes + guard_bytes);
  if (memory == NULL) return NULL;
  memset(memory, paint_value, bytes);
  memset(memory + bytes, guard_value, guard_bytes);
  port.guards[port.regions++] = memory + bytes;
  return memory;
}

int port_guards_hold(void) {
  for (uint32_t region = 0; region < port.regions; region++)
    for (uint32_t i = 0; i < guard_bytes; i++)
      if (port.guards[region][i] != guard_value) return 0;
  return 1;
}

const uint8_t *port_read(const char *path, uint32_t *bytes) {
  *bytes = 0;
  const int32_t file = semihosting_open(path, semihosting_read_mode);
  if (file < 0) return NULL;
  const int32_t size = semihosting_length(file);
  uint8_t *data = size > 0 ? take(&port.psram, link_psram_end, (uint32_t)size) : NULL;
  if (data != NULL && !semihosting_read(file, data, (uint32_t)size)) data = NULL;
  semihosting_close(file);
  if (data != NULL) *bytes = (uint32_t)size;
  return data;
}

void port_print(const char *text) { (void)semihosting_write(port.console, text, (uint32_t)strlen(text)); }

// Kept open: QEMU 7.2 takes the append mode for a plain write at the start.
int port_write(const char *path, const void *data, uint32_t n) {
  if (!port.writing) {
    port.output = semihosting_open(path, semihosting_write_mode);
    port.writing = port.output >= 0;
  }
  return port.writing && semihosting_write(port.output, data, n);
}

// ---- instructions ------------------------------------------------------------------------------------------------

// CMSDK APB timer 0 of the board, counting down at 25 MHz. Under QEMU's -icount shift=0 one instruction takes 1 ns of
// virtual time, so a tick is 40 instructions, and a measure is right to within 40.
enum { timer_base = FLEET_RUN_TIMER, timer_ctrl = 0, timer_value = 1, timer_reload = 2, instructions_per_tick = 40 };

static volatile uint32_t *timer(uint32_t reg) { return (volatile uint32_t *)(uintptr_t)(timer_base + reg * 4u); }

const char port_clock_unit[] = "instructions";

// Down from 2^32 - 1: good for 1.7 * 10^11 instructions since reset.
uint64_t port_clock(void) { return (uint64_t)(UINT32_MAX - *timer(timer_value)) * instructions_per_tick; }

static void start_timer(void) {
  *timer(timer_reload) = UINT32_MAX;
  *timer(timer_value) = UINT32_MAX;
  *timer(timer_ctrl) = 1;
}

// ---- stack -------------------------------------------------------------------------------------------------------

static uint8_t *stack_pointer(void) {
  uint8_t *sp;
  __asm__ volatile("mov %0, sp" : "=r"(sp));
  return sp;
}

// From the limit up to the frame of this function, whose caller is measured from there: what memset itself used lies
// below and is painted over by the loop, which calls nothing.
__attribute__((noinline)) void port_paint_stack(void) {
  uint8_t *const end = stack_pointer();
  for (volatile uint8_t *p = link_stack_limit; p < end; p++) *p = paint_value;
  port.painted_to = end;
}

__attribute__((noinline)) uint32_t port_stack_used(void) {
  const uint8_t *p = link_stack_limit;
  while (p < port.painted_to && *p == paint_value) p++;
  return (uint32_t)(port.painted_to - p);
}

// ---- main ----------------------------------------------------------------------------------------------------------

// Splits at blanks; the runner passes names without any.
static int split(char *line, const char *args[max_args]) {
  int n = 0;
  while (n < max_args) {
    while (*line == ' ') line++;
    if (*line == '\0') break;
    args[n++] = line;
    while (*line != ' ' && *line != '\0') line++;
    if (*line == ' ') *line++ = '\0';
  }
  return n;
}

int fleet_run_port(void) {
  static char line[512];
  const char *args[max_args];
  port.sram = link_sram_free;
  port.psram = link_psram;
  start_timer();
  port.console = semihosting_open(SEMIHOSTING_CONSOLE, semihosting_write_mode);
  if (!semihosting_command_line(line, sizeof line)) return 2;
  return fleet_run_main(split(line, args), args);
}
