#include "console.h"

#include <string.h>

#include "../semihosting.h"
#include "mps2.h"

enum { line_bytes = 256 };

static char line[line_bytes];

static void put(char c) {
  while ((MPS2_REGISTER(mps2_uart0, uart_state) & uart_transmit_full) != 0) {
  }
  MPS2_REGISTER(mps2_uart0, uart_data) = (uint8_t)c;
}

void console_start(void) {
  MPS2_REGISTER(mps2_uart0, uart_baud) = 16;
  MPS2_REGISTER(mps2_uart0, uart_ctrl) = uart_transmit_enable;
  // A board without a host that serves semihosting takes a fault here: build without this line for one.
  if (!semihosting_command_line(line, sizeof line)) line[0] = '\0';
}

void console_text(const char *text) {
  for (; *text != '\0'; text++) put(*text);
}

void console_number(int64_t value) {
  char digits[20];
  uint32_t n = 0;
  uint64_t rest = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
  do digits[n++] = (char)('0' + rest % 10);
  while ((rest /= 10) != 0);
  if (value < 0) put('-');
  while (n != 0) put(digits[--n]);
}

uint32_t console_option(const char *name) {
  const uint32_t n = (uint32_t)strlen(name);
  for (const char *word = line; *word != '\0';) {
    while (*word == ' ') word++;
    if (strncmp(word, name, n) == 0 && word[n] == '=') {
      uint32_t value = 0;
      for (const char *c = word + n + 1; *c >= '0' && *c <= '9'; c++) value = value * 10 + (uint32_t)(*c - '0');
      return value;
    }
    while (*word != ' ' && *word != '\0') word++;
  }
  return 0;
}
