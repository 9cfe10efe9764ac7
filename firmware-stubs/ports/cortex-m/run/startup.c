// Reset of a bare-metal Cortex-M image: vector table, data and bss, then fleet_run_port. Faults end the run with an exit
// code instead of hanging it. No interrupt is enabled.
#include "../semihosting.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern uint32_t link_stack_top[], link_data_load[], link_data[], link_data_end[], link_bss[], link_bss_end[];

int fleet_run_port(void);
void reset_handler(void);

static void fault_handler(void) {
  semihosting_print("fleet-run: the processor took a fault\n");
  semihosting_exit(3);
}

void reset_handler(void) {
  memcpy(link_data, link_data_load, (size_t)((uintptr_t)link_data_end - (uintptr_t)link_data));
  memset(link_bss, 0, (size_t)((uintptr_t)link_bss_end - (uintptr_t)link_bss));
  semihosting_exit(fleet_run_port());
}

typedef void (*handler_t)(void);

// Initial stack pointer, reset, and the fourteen other exceptions of the core.
__attribute__((section(".vectors"), used)) static const struct {
  uint32_t *stack;
  handler_t reset, faults[14];
} vectors = {
    link_stack_top,
    reset_handler,
    {fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
     fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler},
};
