// Self-programming (SPM). These functions lie in the boot section and call nothing outside it: while a page is written the rest of
// the flash cannot be read. Interrupts wait (4 ms), and the modem is told to send nothing meanwhile, for the UART holds two bytes.
#include <avr/boot.h>
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>

#include "board.h"

// After RTS the modem may finish the byte it is sending, and one more: both find room in the UART.
static BOARD_IN_BOOT void finish(uint8_t interrupts) {
  boot_spm_busy_wait();
  boot_rww_enable();
  PORTD &= (uint8_t) ~(1 << board_rts);
  SREG = interrupts;
}

BOARD_IN_BOOT void board_flash_erase(uint16_t address) {
  const uint8_t interrupts = SREG;
  cli();
  PORTD |= 1 << board_rts;
  eeprom_busy_wait(); // SPM must not start while EEPROM is written
  boot_page_erase(address);
  finish(interrupts);
}

BOARD_IN_BOOT void board_flash_program(uint16_t address, const uint8_t *src, uint8_t n) {
  const uint8_t interrupts = SREG;
  cli();
  PORTD |= 1 << board_rts;
  eeprom_busy_wait();
  for (uint8_t i = 0; i < board_page_bytes; i += 2) {
    const uint16_t word = i < n ? (uint16_t)(src[i] | (uint16_t)src[i + 1] << 8) : UINT16_MAX;
    boot_page_fill(address + i, word);
  }
  boot_page_write(address);
  finish(interrupts);
}
