// A port of the inference runtime alone, for tools and tests: what fleet_run.c asks of the machine it runs on. The
// agent's platform is another vtable (fleet_platform.h); a port may bring both.
#ifndef FLEET_RUN_H
#define FLEET_RUN_H

#include <stdint.h>

// A whole file, 16-byte aligned, or NULL. Never freed.
const uint8_t *port_read(const char *path, uint32_t *bytes);

// Memory for arena, state or context: 16-byte aligned, NULL when there is none left. Never freed. What lies behind it
// is guarded as well as the port can.
void *port_memory(uint32_t bytes);

// 0 when something behind a region of port_memory was written.
int port_guards_hold(void);

// Appends to standard output.
void port_print(const char *text);

// Writes n bytes to the output file. The first call creates it; it stays open to the end. 0 = failed.
int port_write(const char *path, const void *data, uint32_t n);

// A clock for one inference, and what it counts ("instructions", "ns").
uint64_t port_clock(void);
extern const char port_clock_unit[];

// Marks the unused stack below the caller; then the bytes of it that were used since. 0 = this port cannot tell.
void port_paint_stack(void);
uint32_t port_stack_used(void);

// The program: see fleet_run.c. Its result is the process's exit code.
int fleet_run_main(int argc, const char *const *argv);

#endif
