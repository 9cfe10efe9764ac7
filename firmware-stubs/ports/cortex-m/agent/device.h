// tinyfleet-device on QEMU's MPS2 boards: the agent with everything around it, from reset on.
#ifndef DEVICE_H
#define DEVICE_H

#include <stdint.h>

_Noreturn void device_main(void);

// Power is gone in the middle of a flash operation (a test asked for it): says so and stands still until the host kills it.
_Noreturn void device_power_fails(void);

#endif
