#include "reset.h"

#include "fleet_wire.h"
#include "mps2.h"

// A cause and its complement: RAM after power-on is anything.
static struct {
  uint32_t cause, check;
} note __attribute__((section(".noinit")));

static void keep(uint32_t cause) {
  note.cause = cause;
  note.check = ~cause;
}

uint32_t reset_read_cause(void) {
  const uint32_t cause = note.check == ~note.cause ? note.cause : FLEET_RESET_CAUSE_POWER_ON;
  // Whatever resets without saying so from here on is the watchdog's second end.
  keep(FLEET_RESET_CAUSE_WATCHDOG);
  return cause;
}

_Noreturn void reset_system(uint32_t cause) {
  keep(cause);
  __asm__ volatile("dsb" ::: "memory");
  MPS2_REGISTER(scb_aircr, 0) = aircr_system_reset;
  for (;;) __asm__ volatile("dsb" ::: "memory");
}

static void set_watchdog(uint32_t offset, uint32_t value) {
  MPS2_REGISTER(mps2_watchdog, watchdog_lock) = watchdog_unlock;
  MPS2_REGISTER(mps2_watchdog, offset) = value;
  MPS2_REGISTER(mps2_watchdog, watchdog_lock) = 0;
}

// At most 171 s.
void watchdog_start(uint32_t ms) {
  set_watchdog(watchdog_load, ms * (mps2_clock_hz / 1000));
  set_watchdog(watchdog_ctrl, watchdog_interrupt | watchdog_reset);
}

// Clearing the interrupt reloads the count, pending or not.
void watchdog_feed(void) { set_watchdog(watchdog_interrupt_clear, 1); }
