// Time and sleep: a free-running timer read as microseconds since boot, and a one-shot alarm that ends a sleep.
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

void clock_start(void);
// Never goes back. Must be called at least once in 171 s (2^32 ticks); clock_sleep sees to that.
uint64_t clock_now_us(void);
// The timer itself: 25 MHz, wraps. Under QEMU's -icount shift=0 a tick is 40 instructions.
uint32_t clock_ticks(void);
// Sleeps until the time, or until any interrupt; at once when `ready` says so, which is asked with interrupts masked.
void clock_sleep_until(uint64_t us, int (*ready)(void));
// Sleeps all of it, whatever interrupts come.
void clock_delay_us(uint32_t us);
void clock_interrupt(void);

#endif
