// ATmega328P at 16 MHz, as on an Arduino Uno: where things lie in its 32 KB of flash, and the wiring.
//   0x0000  program
//   0x6d00  identity (board_identity_t), two pages written when the device is made
//   0x6e00  slot 0, slot 1, 2 KB each
//   0x7e00  boot section: the only place from which flash can be written
// PD0, PD1: serial line of the modem, 38,400 baud; PD2: RTS, low = may send. PC0: the sensor. PB5: toggles with each inference, PB0
// to PB3: the class it gave.
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#include "fleet_reduced.h"

enum { board_identity_at = 0x6d00, board_slots_at = 0x6e00, board_page_bytes = 128 };
enum { board_rts = 2 };
// Full windows that are sent for each one that lasts its length; fewer save bytes where the line is dear.
enum { board_early_windows = 255 };

// Texts follow one another: project, device, type, token, then the device key. CRC-32 of what lies before it.
typedef struct {
  uint8_t magic[3]; // 'T' 'F' 1
  uint8_t project_bytes, device_bytes, device_type_bytes, token_bytes;
  uint8_t period_s; // between two inferences, 0 = 1
  char text[244];
  uint32_t crc;
} board_identity_t;

// The boot section has room to spare: what runs at start lies there too.
#define BOARD_IN_BOOT __attribute__((section(".bootloader"), noinline, used))

// flash.c, in the boot section. `address` is that of a page; n bytes of it, even.
void board_flash_erase(uint16_t address);
void board_flash_program(uint16_t address, const uint8_t *src, uint8_t n);

#endif
