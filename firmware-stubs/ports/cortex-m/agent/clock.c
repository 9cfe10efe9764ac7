#include "clock.h"

#include "mps2.h"

// The alarm counts 32 bits too, so a sleep is cut at 60 s and the caller sleeps again.
enum { longest_sleep_us = 60000000 };

static struct {
  uint64_t ticks;
  uint32_t last;
} now;

uint32_t clock_ticks(void) { return UINT32_MAX - MPS2_REGISTER(mps2_timer0, timer_value); }

void clock_start(void) {
  MPS2_REGISTER(mps2_timer0, timer_ctrl) = 0;
  MPS2_REGISTER(mps2_timer0, timer_reload) = UINT32_MAX;
  MPS2_REGISTER(mps2_timer0, timer_value) = UINT32_MAX;
  MPS2_REGISTER(mps2_timer0, timer_ctrl) = timer_enable;
  MPS2_REGISTER(mps2_timer1, timer_ctrl) = 0;
  MPS2_REGISTER(nvic_enable_0, 0) = 1u << mps2_irq_timer1;
  now.ticks = 0;
  now.last = clock_ticks();
}

uint64_t clock_now_us(void) {
  const uint32_t ticks = clock_ticks();
  now.ticks += ticks - now.last;
  now.last = ticks;
  return now.ticks / mps2_ticks_per_us;
}

static void set_alarm(uint32_t us) {
  MPS2_REGISTER(mps2_timer1, timer_ctrl) = 0;
  MPS2_REGISTER(mps2_timer1, timer_interrupt_clear) = 1;
  MPS2_REGISTER(mps2_timer1, timer_reload) = 0; // stops at 0
  MPS2_REGISTER(mps2_timer1, timer_value) = us * mps2_ticks_per_us;
  MPS2_REGISTER(mps2_timer1, timer_ctrl) = timer_enable | timer_interrupt;
}

void clock_sleep_until(uint64_t us, int (*ready)(void)) {
  const uint32_t was = mps2_mask_interrupts();
  const uint64_t time = clock_now_us();
  if (us > time && !ready()) {
    const uint64_t left = us - time;
    set_alarm(left > longest_sleep_us ? longest_sleep_us : (uint32_t)left);
    mps2_wait_for_interrupt();
  }
  mps2_restore_interrupts(was);
}

static int never(void) { return 0; }

void clock_delay_us(uint32_t us) {
  const uint64_t end = clock_now_us() + us;
  while (clock_now_us() < end) clock_sleep_until(end, never);
}

void clock_interrupt(void) {
  MPS2_REGISTER(mps2_timer1, timer_ctrl) = 0;
  MPS2_REGISTER(mps2_timer1, timer_interrupt_clear) = 1;
}
