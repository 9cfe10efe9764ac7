// The MPS2 boards as QEMU has them (AN385, AN386, AN500 alike): CMSDK peripherals and the core's own registers.
// Arm DUI 0479 (CMSDK), DDI 0403 (ARMv7-M).
#ifndef MPS2_H
#define MPS2_H

#include <stdint.h>

enum {
  mps2_timer0 = 0x40000000, // free running, the clock
  mps2_timer1 = 0x40001000, // one shot, the alarm
  mps2_uart0 = 0x40004000,  // log
  mps2_uart1 = 0x40005000,  // modem
  mps2_watchdog = 0x40008000,
};

enum { mps2_clock_hz = 25000000, mps2_ticks_per_us = 25 };

enum { mps2_irq_uart1_receive = 2, mps2_irq_uart1_transmit = 3, mps2_irq_timer1 = 9 };

#define MPS2_REGISTER(base, offset) (*(volatile uint32_t *)(uintptr_t)((uint32_t)(base) + (uint32_t)(offset)))

// CMSDK timer: counts down at 25 MHz, reloads at 0.
enum { timer_ctrl = 0x00, timer_value = 0x04, timer_reload = 0x08, timer_interrupt_clear = 0x0c };
enum { timer_enable = 1, timer_interrupt = 8 };

// CMSDK UART: one byte each way, no lines but data.
enum { uart_data = 0x00, uart_state = 0x04, uart_ctrl = 0x08, uart_interrupt_clear = 0x0c, uart_baud = 0x10 };
enum { uart_transmit_full = 1, uart_receive_full = 2 };
enum { uart_transmit_enable = 1, uart_receive_enable = 2, uart_transmit_interrupt = 4, uart_receive_interrupt = 8 };
enum { uart_transmit_pending = 1, uart_receive_pending = 2 };

// CMSDK watchdog: the first end of the count is an NMI, the second one a reset.
enum { watchdog_load = 0x00, watchdog_ctrl = 0x08, watchdog_interrupt_clear = 0x0c, watchdog_lock = 0xc00 };
enum { watchdog_interrupt = 1, watchdog_reset = 2, watchdog_unlock = 0x1acce551 };

enum { nvic_enable_0 = 0xe000e100, scb_aircr = 0xe000ed0c, aircr_system_reset = 0x05fa0004 };

static inline uint32_t mps2_mask_interrupts(void) {
  uint32_t was;
  __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(was)::"memory");
  return was;
}

static inline void mps2_restore_interrupts(uint32_t was) { __asm__ volatile("msr primask, %0" ::"r"(was) : "memory"); }

// Also ends on an interrupt that is pending while interrupts are masked, so a check before it cannot miss one.
static inline void mps2_wait_for_interrupt(void) { __asm__ volatile("dsb\n\twfi" ::: "memory"); }

#endif
