// The device: reads its parameters, gives the agent this board, and runs it for ever. Nothing here is the board's; a port
// changes the name of main at most (ESP-IDF: app_main) and the memory that it gives.
#include <stddef.h>

#include "board.h"
#include "fleet_ed25519.h"
#include "fleet_payload.h"

// All of the device's RAM but the stack. The alignment is what the runtime asks for.
static struct {
  uint8_t arena[BOARD_ARENA_BYTES] __attribute__((aligned(16)));
  uint8_t state[BOARD_STATE_BYTES] __attribute__((aligned(16)));
  uint8_t sample[BOARD_SAMPLE_BYTES];
  fleet_payload_t patch_scratch; // of compressed and delta updates; without it they come in full
  fleet_agent_t agent;
  fleet_agent_config_t config;
  fleet_device_parameters_t parameters;
} device;

// Software Ed25519, which every board can have: 6.6 KB of code. Where the chip or its library verifies faster, or the
// project signs with P-256, put that here.
static int32_t verify(void *user, uint32_t alg, const uint8_t *key, uint32_t key_bytes, const uint8_t *msg,
                      uint32_t msg_bytes, const uint8_t *sig, uint32_t sig_bytes) {
  (void)user;
  if (alg != FLEET_SIGNATURE_ALGORITHM_ED25519 || key_bytes != 32 || sig_bytes != 64) return -1;
  return fleet_ed25519_verify(key, msg, msg_bytes, sig);
}

// Set to NULL what the board does not have: board_cycles, board_flash_map, board_battery, board_watchdog.
static const fleet_platform_t platform = {
    .user = &device.parameters,
    .now_us = board_now_us,
    .cycles = board_cycles,
    .flash_read = board_flash_read,
    .flash_program = board_flash_program,
    .flash_erase = board_flash_erase,
    .flash_map = board_flash_map,
    .net_open = board_net_open,
    .net_send = board_net_send,
    .net_receive = board_net_receive,
    .net_close = board_net_close,
    .verify = verify,
    .entropy = board_entropy,
    .sample = board_sample,
    .result = board_result,
    .reset = board_reset,
    .battery = board_battery,
    .watchdog = board_watchdog,
    .log = board_log,
};

int main(void) {
  uint32_t bytes = 0;
  board_start();
  const uint8_t *block = board_parameters(&bytes);
  int32_t result = fleet_device_parameters(&device.parameters, block, block == NULL ? 0 : bytes);
  if (result == 0) {
    fleet_agent_config_t *c = &device.config;
    fleet_device_configure(&device.parameters, c);
    // What is told to the platform is what there is, whatever the device type says.
    c->arena = device.arena;
    c->arena_bytes = sizeof device.arena;
    c->state = device.state;
    c->state_bytes = sizeof device.state;
    c->sample_ram = device.sample;
    c->sample_ram_bytes = sizeof device.sample;
    c->patch_scratch = &device.patch_scratch;
    c->patch_scratch_bytes = sizeof device.patch_scratch;
    c->clock_khz = BOARD_CLOCK_KHZ;
    c->reset_cause = board_reset_cause();
    result = fleet_device_run(&device.agent, &platform, c, board_wait);
  }
  // A number of docs/errors, negated: no parameters (721, 722), a geometry that cannot be (flash), a missing function.
  if (result < 0) board_log(&device.parameters, FLEET_LOG_ERROR, "the device does not start, error", -result);
  return result < 0;
}
