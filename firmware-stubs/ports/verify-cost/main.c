// Instructions and stack of one Ed25519 verification on QEMU's MPS2 boards: "key signature message" in hexadecimal on the
// command line, one line "result instructions stack-bytes" back. The clock is that of fleet_run_cortex_m.c.
#include <stdint.h>
#include <string.h>

#include "fleet_ed25519.h"

#include "../cortex-m/semihosting.h"

extern uint8_t link_stack_limit[];

int fleet_run_port(void);

enum { paint = 0xa5, instructions_per_tick = 40 };

static volatile uint32_t *const timer = (volatile uint32_t *)FLEET_RUN_TIMER; // control, value, reload

static uint32_t unhex(uint8_t *out, const char **text) {
  uint32_t n = 0;
  for (; **text != ' ' && **text != 0; *text += 2, n++) {
    uint32_t byte = 0;
    for (uint32_t i = 0; i < 2; i++) {
      const uint32_t c = (uint8_t)(*text)[i];
      byte = byte << 4 | (c > '9' ? c - 'a' + 10 : c - '0');
    }
    out[n] = (uint8_t)byte;
  }
  while (**text == ' ') (*text)++;
  return n;
}

static void append(char *line, uint32_t value) {
  char digits[12];
  uint32_t n = sizeof digits;
  digits[--n] = 0;
  do digits[--n] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  memcpy(line + strlen(line), digits + n, sizeof digits - n);
}

__attribute__((noinline)) static void paint_stack(void) {
  uint8_t *sp;
  __asm__ volatile("mov %0, sp" : "=r"(sp));
  for (volatile uint8_t *p = link_stack_limit; p < sp - 16; p++) *p = paint;
}

int fleet_run_port(void) {
  static char text[512];
  static uint8_t key[32], signature[64], message[160];
  char line[64] = "";
  uint8_t *sp;
  if (!semihosting_command_line(text, sizeof text)) return 2;
  const char *at = text;
  const uint32_t key_bytes = unhex(key, &at);
  const uint32_t signature_bytes = unhex(signature, &at);
  const uint32_t n = unhex(message, &at);
  if (key_bytes != sizeof key || signature_bytes != sizeof signature) return 2;
  timer[2] = timer[1] = UINT32_MAX;
  timer[0] = 1;
  paint_stack();
  __asm__ volatile("mov %0, sp" : "=r"(sp));
  const uint32_t started = timer[1];
  const int32_t result = fleet_ed25519_verify(key, message, n, signature);
  const uint32_t ticks = started - timer[1];
  const uint8_t *used = link_stack_limit;
  while (*used == paint) used++;
  append(line, result == 0);
  strcat(line, " ");
  append(line, ticks * instructions_per_tick);
  strcat(line, " ");
  append(line, (uint32_t)(sp - used));
  strcat(line, "\n");
  const int32_t console = semihosting_open(SEMIHOSTING_CONSOLE, semihosting_write_mode);
  return semihosting_write(console, line, (uint32_t)strlen(line)) ? 0 : 2;
}
