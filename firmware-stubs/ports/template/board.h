// What this port brings: one function per need of the agent, each in the file that is named above it. Copy the folder, fill in
// the four files, leave main.c. The rules that hold for all of them: nothing blocks, nothing calls the agent, 0 or
// a count is success and a negative number is failure. `user` is the parameters of the device in every call.
#ifndef BOARD_H
#define BOARD_H

#include "fleet_device.h"

// ---- sizes: what this board has for a model, as its device type says ------------------------------------------------

#define BOARD_ARENA_BYTES (64u * 1024u) // scratch of one inference
#define BOARD_STATE_BYTES (4u * 1024u)  // what a model keeps between two inferences
#define BOARD_SAMPLE_BYTES 1024u        // holds one input of the model that the platform may ask for
#define BOARD_CLOCK_KHZ 64000u          // of board_cycles; 0 = latency is read from board_now_us
#define BOARD_WATCHDOG_MS 8000u         // longer than the longest step of a plan

// ---- board_system.c: start, clocks, randomness, reset, waiting -------------------------------------------------------------

// Clocks, pins, console, network stack, watchdog of BOARD_WATCHDOG_MS. Called once, first.
void board_start(void);
// Why the board has booted: FLEET_RESET_CAUSE_*, from its reset status register. Read it once and clear it.
uint32_t board_reset_cause(void);
uint64_t board_now_us(void *user);
uint32_t board_cycles(void *user);
void board_entropy(void *user, void *dst, uint32_t n);
void board_reset(void *user);
void board_watchdog(void *user);
int32_t board_battery(void *user);
void board_log(void *user, uint32_t level, const char *text, int32_t value);
// Sleeps until `due_us` or until the network has something; returns 0, or not 0 to end the program.
int32_t board_wait(void *user, uint64_t due_us);

// ---- board_flash.c ---------------------------------------------------------------------------------------------------------

// The parameter block that `npx tinyfleet flash` has made, in a sector of its own, and how much can be read there.
const uint8_t *board_parameters(uint32_t *bytes);
int32_t board_flash_read(void *user, uint32_t offset, void *dst, uint32_t n);
int32_t board_flash_program(void *user, uint32_t offset, const void *src, uint32_t n);
int32_t board_flash_erase(void *user, uint32_t offset);
const void *board_flash_map(void *user, uint32_t offset, uint32_t n);

// ---- board_network.c -------------------------------------------------------------------------------------------------------

int32_t board_net_open(void *user);
int32_t board_net_send(void *user, const void *src, uint32_t n);
int32_t board_net_receive(void *user, void *dst, uint32_t n);
void board_net_close(void *user);

// ---- board_sensor.c --------------------------------------------------------------------------------------------------------

int32_t board_sample(void *user, uint32_t sensor, void *dst, uint32_t count);
// What the application does with a result.
void board_result(void *user, const fleet_inference_t *inference);

#endif
