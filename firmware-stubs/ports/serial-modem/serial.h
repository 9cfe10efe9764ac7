// The serial line that a port gives to modem.c.
#ifndef SERIAL_H
#define SERIAL_H

#include <stdbool.h>
#include <stdint.h>

void serial_start(void);
// The next byte that has come in; false: none has.
bool serial_take(uint8_t *byte);
// False: the transmitter takes none now.
bool serial_put(uint8_t byte);

#endif
