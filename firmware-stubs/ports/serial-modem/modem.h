// The device's end of a serial line to a modem that dials TCP: one byte stream at a time. The line itself is the
// port's: serial.h.
//
// The line has data wires only, so calls are signalled in the stream. The escape byte 0x10 starts a pair:
//   10 10      the data byte 0x10
//   10 'D' n   device: dial the broker, call number n; a call that is open ends
//   10 'H' n   device: hang up; modem: call n is over, or could not be made
//   10 'C' n   modem: call n is connected, its bytes follow
// n is 0x20 to 0x7e and differs from the one before, so that what the modem still says of an old call (the device was
// reset meanwhile) is not taken for the new one. The device drops data until its own call is connected. Flow control is
// the line's: a byte that is not read holds the next ones back.
#ifndef MODEM_H
#define MODEM_H

#include <stdint.h>

#include "fleet_const.h"

// `first_call`: any number, different from boot to boot.
void modem_start(uint32_t first_call);
// As fleet_platform_t's net_*.
int32_t modem_open(void);
int32_t modem_send(const uint8_t *src, fleet_size_t n);
int32_t modem_receive(uint8_t *dst, fleet_size_t n);
void modem_close(void);
#endif
