// What every port of the agent shares: the parameters a device is flashed with, rules of NOR flash for ports that emulate
// it, and the loop around fleet_agent_step. Freestanding; a port adds its platform functions (fleet_platform.h) and waits.
// Nothing here is needed in firmware that has its own store of identity and its own scheduler.
#ifndef FLEET_DEVICE_H
#define FLEET_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_agent.h"

// ---- parameters ----------------------------------------------------------------------------------------------------

// The parameter block: one file, or one flash sector of its own that neither the agent nor an update ever writes. All
// bytes behind the block are ignored, so a whole sector may be given. docs/spec/device.md fixes the bytes.
enum {
  FLEET_DEVICE_BLOCK_HEAD = 16,
  FLEET_DEVICE_BLOCK_MAX = 16384, // head and CBOR; without certificates about 400 bytes
  FLEET_DEVICE_SENSORS_MAX = 8,
};

// What a block says. Texts, keys and ids point into the block, which must outlive this; what is absent is empty or 0.
typedef struct {
  fleet_text_t project;
  fleet_text_t device;
  fleet_text_t device_type;
  fleet_text_t token;
  fleet_text_t broker_host;
  uint32_t broker_port;
  bool tls;
  fleet_text_t authority;   // PEM
  fleet_text_t certificate; // PEM
  fleet_text_t private_key; // PEM
  const uint8_t *vendor_id; // 16 bytes
  const uint8_t *class_id;  // 16 bytes
  fleet_key_t keys[FLEET_AGENT_KEY_MAX];
  const uint8_t *device_key; // 32 bytes, or NULL
  fleet_flash_geometry_t flash;
  uint32_t slot_bytes;
  uint32_t slots;
  uint32_t arena_bytes;
  uint32_t state_bytes;
  fleet_sensor_t sensors[FLEET_DEVICE_SENSORS_MAX];
  uint32_t sensor_count;
  uint32_t inference_period_ms;
  uint32_t window_s;
  uint32_t pick_every;
  uint32_t duty_cycle_s;
  uint32_t seed;
} fleet_device_parameters_t;

// Reads a block of at most n bytes. 0, or a negative error: agent.parameters-missing when there is none (an erased
// sector), agent.parameters-invalid when it is damaged, of another version, or says something impossible. `p` is whole
// after 0 and meaningless else. O(n).
int32_t fleet_device_parameters(fleet_device_parameters_t *p, const uint8_t *block, uint32_t n);

// Writes what the parameters say into the agent's configuration; the rest of it stays as it is. The port adds
// memory (arena, state, bundle_ram), clock_khz and reset_cause. `p` must outlive the configuration.
void fleet_device_configure(const fleet_device_parameters_t *p, fleet_agent_config_t *config);

// ---- flash ---------------------------------------------------------------------------------------------------------

// For ports whose flash is memory or a file: what a NOR chip would refuse. `flash` is the region's content. 0 = allowed.
// A program covers whole units, all of them erased; an erase starts at a sector.
int32_t fleet_nor_check_program(const fleet_flash_geometry_t *geometry, const uint8_t *flash, uint32_t offset, uint32_t n);
int32_t fleet_nor_check_erase(const fleet_flash_geometry_t *geometry, uint32_t offset);

// ---- the loop ------------------------------------------------------------------------------------------------------

// Sleeps until platform time `due_us`, or until the stream has bytes or takes them again; returning early is harmless.
// UINT64_MAX: nothing is due. Not 0: the loop ends with this value, as it must once platform.reset was called.
typedef int32_t (*fleet_device_wait_t)(void *user, uint64_t due_us);

// Boots the agent and steps it until `wait` ends the loop. A negative error of fleet_agent_init, or what wait returned.
// `user` of the platform is handed to wait.
int32_t fleet_device_run(fleet_agent_t *agent, const fleet_platform_t *platform, const fleet_agent_config_t *config,
                         fleet_device_wait_t wait);

#endif
