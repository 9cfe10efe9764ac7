// Reset, reset cause and watchdog of a process: it reboots by executing itself again. What ended the last boot stands in a
// one-byte side file, written before the end by whoever causes it. SIGKILL and a power cut write nothing: they are a power-on.
#ifndef POWER_H
#define POWER_H

#include <stdint.h>

// Reads the cause of this boot (FLEET_RESET_CAUSE_*), arms the handlers of faults, SIGALRM, SIGTERM and SIGINT. argv is what
// a reboot starts with. NULL, or what went wrong.
const char *power_init(const char *cause_path, char *const *argv, uint32_t watchdog_s);
uint32_t power_reset_cause(void);

// The watchdog bites when it is not fed for its period: a reboot with cause watchdog.
void power_watchdog_feed(void);
void power_watchdog_pause(void);

// Reboots with this cause. Does not return.
_Noreturn void power_reboot(uint32_t cause);

// Readable once SIGTERM or SIGINT came, for poll; and whether it did.
int power_stop_fd(void);
int power_stop_asked(void);

#endif
