// The line to the developer: UART0, polled, and the words of the command line that the host passes by semihosting.
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdint.h>

void console_start(void);
void console_text(const char *text);
void console_number(int64_t value);

// Value of the word `name=number` of the command line, 0 when there is none.
uint32_t console_option(const char *name);

#endif
