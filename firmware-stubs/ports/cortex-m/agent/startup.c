// Reset of the agent's bare-metal image: vectors, data and bss, then device_main. A fault resets the device and is
// remembered as the cause; so is the watchdog's warning.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "device.h"
#include "fleet_wire.h"
#include "uart.h"
#include "reset.h"

extern uint32_t link_stack_top[], link_data_load[], link_data[], link_data_end[], link_bss[], link_bss_end[];

void reset_handler(void);

static void fault_handler(void) { reset_system(FLEET_RESET_CAUSE_FAULT); }

static void nmi_handler(void) { reset_system(FLEET_RESET_CAUSE_WATCHDOG); }

// One for all lines: each source looks for itself whether there is something to do.
static void interrupt_handler(void) {
  uart_interrupt();
  clock_interrupt();
}

void reset_handler(void) {
  memcpy(link_data, link_data_load, (size_t)((uintptr_t)link_data_end - (uintptr_t)link_data));
  memset(link_bss, 0, (size_t)((uintptr_t)link_bss_end - (uintptr_t)link_bss));
  device_main();
}

typedef void (*handler_t)(void);

// Initial stack pointer, reset, the fourteen other exceptions of the core, the board's first 32 lines.
__attribute__((section(".vectors"), used)) static const struct {
  uint32_t *stack;
  handler_t reset, nmi, faults[13], lines[32];
} vectors = {
    link_stack_top,
    reset_handler,
    nmi_handler,
    {fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
     fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler},
    {interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler,
     interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler,
     interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler,
     interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler,
     interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler, interrupt_handler,
     interrupt_handler, interrupt_handler},
};
