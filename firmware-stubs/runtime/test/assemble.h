// Builds bundles by hand for the runtime's tests: one or more steps over an arena and constants. Test code: it uses
// malloc and aborts on misuse.
#ifndef FLEET_TEST_ASSEMBLE_H
#define FLEET_TEST_ASSEMBLE_H

#include <stdint.h>

#include "fleet_runtime.h"

typedef struct {
  uint8_t space;
  uint8_t dtype;
  uint32_t offset;
  uint32_t bytes;
} place_t;

typedef struct {
  uint8_t *plan;
  uint32_t plan_bytes;
  uint32_t steps;
  uint8_t *constants;
  uint32_t constants_bytes;
  uint32_t arena_bytes;
  uint32_t state_bytes;
  uint16_t ops[8];
  uint32_t op_count;
  place_t inputs[FLEET_MAX_INPUTS];
  place_t outputs[FLEET_MAX_OUTPUTS];
  uint32_t input_count;
  uint32_t output_count;
  uint8_t monitors[FLEET_MAX_MONITORS][FLEET_MONITOR_RECORD_BYTES];
  uint32_t monitor_count;
  struct {
    uint32_t seed; // 0 = stored
    uint32_t frames;
    uint32_t outputs_crc;
    uint32_t step_crcs[16];
    uint8_t sample[64];
    uint32_t sample_bytes;
  } golden[FLEET_MAX_GOLDEN_VECTORS];
  uint32_t golden_count;
} assembly_t;

typedef struct {
  uint8_t *bytes; // exactly `size` bytes, so a sanitizer sees the first byte read too far
  uint32_t size;
  void *block;
} bundle_t;

void put16(uint8_t *at, uint32_t value);
void put32(uint8_t *at, uint32_t value);

place_t arena(assembly_t *a, uint32_t dtype, uint32_t bytes); // the next 16-byte aligned part of the arena
place_t constant(assembly_t *a, uint32_t dtype, const void *data, uint32_t bytes);
place_t none(void);

// Appends a step and returns its parameters (zeroed) to be filled at once.
uint8_t *step(assembly_t *a, uint16_t op, const place_t *inputs, uint32_t n_inputs, const place_t *outputs,
              uint32_t n_outputs, uint32_t param_bytes);
bundle_t assemble(const assembly_t *a);
void release_assembly(assembly_t *a);
void release_bundle(bundle_t *b);

#endif
