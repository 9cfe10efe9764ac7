// Resets and why they happened: the cause is kept in RAM that start-up does not clear, so it survives every reset but not
// a power cut. The watchdog's first end is an NMI that notes the cause; its second resets by itself.
#ifndef RESET_H
#define RESET_H

#include <stdint.h>

// FLEET_RESET_CAUSE_* of this boot. Once, first thing.
uint32_t reset_read_cause(void);
_Noreturn void reset_system(uint32_t cause);

void watchdog_start(uint32_t ms);
void watchdog_feed(void);

#endif
