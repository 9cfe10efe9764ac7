// The reduced agent on an ATmega328P: clock, EEPROM, sensor, watchdog, and the loop. Identity comes from flash, the models go there.
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include <string.h>

#include "board.h"
#include "modem.h"

typedef char identity_is_two_pages[sizeof(board_identity_t) == 2 * board_page_bytes ? 1 : -1];
typedef char ram_is_enough[sizeof(fleet_reduced_t) <= 1300 ? 1 : -1]; // of 2,048; with ring, modem and libc 1,450; the rest is stack

static fleet_reduced_t agent;
static fleet_reduced_config_t config;
static volatile uint32_t milliseconds;
static uint32_t noise __attribute__((section(".noinit")));
static uint8_t mcusr __attribute__((section(".noinit")));

extern uint8_t _end; // of what the linker placed in RAM
enum { paint = 0xc5, ram_start = 0x100 };

// Before RAM is initialized: what it woke up with is noise; then the free part is painted, so that the stack's depth shows.
static BOARD_IN_BOOT void look_at_ram(void) {
  uint32_t hash = 0;
  for (const uint8_t *p = (const uint8_t *)ram_start; p < (const uint8_t *)RAMEND; p++) hash = hash * 33 + *p;
  noise = hash;
  mcusr = MCUSR;
  MCUSR = 0;
  wdt_reset(); // behind a watchdog's reset it runs with 16 ms, of which this takes 4
  for (uint8_t *p = &_end; p < (uint8_t *)(SP - 8); p++) *p = paint;
}

__attribute__((naked, used, section(".init3"))) void before_init(void) { __asm__ volatile("call look_at_ram"); }

ISR(TIMER0_COMPA_vect) { milliseconds++; }

static uint32_t now_ms(void *user) {
  (void)user;
  const uint8_t interrupts = SREG;
  cli();
  const uint32_t now = milliseconds;
  SREG = interrupts;
  return now;
}

static int32_t flash_erase(void *user, uint32_t offset) {
  (void)user;
  board_flash_erase((uint16_t)(board_slots_at + (uint16_t)offset));
  return 0;
}

static int32_t flash_program(void *user, uint32_t offset, const void *src, uint32_t n) {
  (void)user;
  board_flash_program((uint16_t)(board_slots_at + (uint16_t)offset), src, (uint8_t)n);
  return 0;
}

static const FLEET_CONST_MEMORY uint8_t *flash_at(void *user, uint32_t offset) {
  (void)user;
  return (const FLEET_CONST_MEMORY uint8_t *)(board_slots_at + (uint16_t)offset);
}

static void record_read(void *user, uint16_t offset, void *dst, uint8_t n) {
  (void)user;
  eeprom_read_block(dst, (const void *)offset, n);
}

// 3.4 ms for each byte that differs.
static void record_write(void *user, uint16_t offset, const void *src, uint8_t n) {
  (void)user;
  const uint8_t *from = src;
  for (; n != 0; n--) {
    eeprom_update_byte((uint8_t *)offset++, *from++);
    wdt_reset();
  }
}

static int32_t net_open(void *user) {
  (void)user;
  return modem_open();
}

static int32_t net_send(void *user, const void *src, uint32_t n) {
  (void)user;
  return modem_send(src, (fleet_size_t)n);
}

static int32_t net_receive(void *user, void *dst, uint32_t n) {
  (void)user;
  return modem_receive(dst, (fleet_size_t)n);
}

static void net_close(void *user) {
  (void)user;
  modem_close();
}

// The RAM's noise of this power-up, and how often it was asked.
static void entropy(void *user, void *dst, uint32_t n) {
  (void)user;
  noise = noise * UINT32_C(1664525) + UINT32_C(1013904223) + milliseconds;
  memcpy(dst, &noise, (fleet_size_t)n); // 4 at most, by this agent
}

// One reading of the sensor per element, 10 bits to 8.
static int32_t sample(void *user, uint32_t sensor, void *dst, uint32_t count) {
  (void)user;
  (void)sensor;
  int8_t *to = dst;
  for (uint8_t left = (uint8_t)count; left != 0; left--) {
    ADCSRA = 1 << ADEN | 1 << ADSC | 7; // 125 kHz
    while ((ADCSRA & 1 << ADSC) != 0) {
    }
    *to++ = (int8_t)((ADC >> 2) - 128);
  }
  return (int32_t)count;
}

static void predicted(void *user, uint8_t class_index, uint8_t confidence) {
  (void)user;
  (void)confidence;
  PORTB = (uint8_t)(((PORTB & 1 << 5) ^ 1 << 5) | (class_index & 15));
}

static void reset(void *user) {
  (void)user;
  for (;;) {
  }
}

static void watchdog(void *user) {
  (void)user;
  wdt_reset();
}

static uint32_t stack_bytes(void *user) {
  (void)user;
  const uint8_t *p = &_end;
  while (*p == paint) p++;
  return (uint32_t)(RAMEND + 1 - (uint16_t)p);
}

static const fleet_reduced_platform_t platform = {
    {.flash_erase = flash_erase, .flash_program = flash_program, .net_open = net_open, .net_send = net_send,
     .net_receive = net_receive, .net_close = net_close, .entropy = entropy, .sample = sample, .reset = reset,
     .watchdog = watchdog, .stack_bytes = stack_bytes},
    now_ms, flash_at, record_read, record_write, predicted};

static BOARD_IN_BOOT bool read_identity(void) {
  const FLEET_CONST_MEMORY board_identity_t *id = (const FLEET_CONST_MEMORY board_identity_t *)board_identity_at;
  const FLEET_CONST_MEMORY uint8_t *bytes = (const FLEET_CONST_MEMORY uint8_t *)board_identity_at;
  uint32_t crc = 0;
  for (uint16_t i = 0; i < sizeof *id - 4; i++) {
    const uint8_t byte = bytes[i];
    crc = fleet_crc32(crc, &byte, 1);
  }
  if (id->magic[0] != 'T' || id->magic[1] != 'F' || id->magic[2] != 1 || crc != id->crc) return false;
  const FLEET_CONST_MEMORY char *at = id->text;
  config.project = at;
  at += config.project_bytes = id->project_bytes;
  config.device = at;
  at += config.device_bytes = id->device_bytes;
  config.device_type = at;
  at += config.device_type_bytes = id->device_type_bytes;
  config.token = at;
  at += config.token_bytes = id->token_bytes;
  config.device_key = (const FLEET_CONST_MEMORY uint8_t *)at;
  config.period_ms = (uint16_t)(id->period_s * 1000u);
  return true;
}

int main(void) {
  wdt_disable(); // what a reset by the watchdog has left running
  wdt_enable(WDTO_2S);
  DDRB = 0x2f;
  DDRD = 1 << board_rts;
  ADMUX = 1 << REFS0;
  TCCR0A = 1 << WGM01; // 1 kHz: 16 MHz / 64 / 250
  TCCR0B = 1 << CS01 | 1 << CS00;
  OCR0A = 249;
  TIMSK0 = 1 << OCIE0A;
  // Power that rises slowly sets BORF beside PORF: that is no brown-out.
  config.reset_cause = mcusr & 1 << PORF    ? FLEET_RESET_CAUSE_POWER_ON
                       : mcusr & 1 << WDRF  ? FLEET_RESET_CAUSE_WATCHDOG
                       : mcusr & 1 << BORF  ? FLEET_RESET_CAUSE_BROWN_OUT
                       : mcusr & 1 << EXTRF ? FLEET_RESET_CAUSE_EXTERNAL
                                            : FLEET_RESET_CAUSE_POWER_ON;
  config.early_windows = board_early_windows;
  modem_start(noise >> 8);
  sei();
  if (!read_identity() || fleet_reduced_init(&agent, &platform, &config) < 0) {
    // Not made yet, or EEPROM that keeps nothing: nothing can be done but show it. The watchdog tries again.
    PORTB = 0x2f;
    for (;;) {
    }
  }
  for (;;) {
    fleet_reduced_step(&agent);
    sleep_mode(); // idle: a millisecond at most, or until a byte comes
  }
}
