// The runtime's functions as WebAssembly exports `rt_*`, for the compiler, the simulator's tests and the browser.
// Pointers are offsets in the exported memory, all memory is the host's: it lies above __heap_base.
#include "fleet_runtime.h"

#define EXPORT(name) __attribute__((export_name(#name)))

// (major << 16 | minor) of the bundle ABI.
EXPORT(rt_abi) uint32_t rt_abi(void) { return (uint32_t)FLEET_ABI_MAJOR << 16 | FLEET_ABI_MINOR; }

EXPORT(rt_context_bytes) uint32_t rt_context_bytes(void) { return sizeof(fleet_runtime_t); }

EXPORT(rt_self_test_bytes) uint32_t rt_self_test_bytes(void) { return sizeof(fleet_self_test_t); }

EXPORT(rt_op_set) void rt_op_set(uint8_t *op_set, uint8_t *own_op_set) { fleet_op_set(op_set, own_op_set); }

EXPORT(rt_op_version) uint32_t rt_op_version(uint32_t op) { return op <= UINT16_MAX ? fleet_op_version((uint16_t)op) : 0; }

// 0 or a negative error; the header's numbers are then valid in the bundle itself.
EXPORT(rt_inspect) int32_t rt_inspect(const void *bundle, uint32_t bytes) {
  fleet_bundle_info_t info;
  return fleet_inspect(bundle, bytes, &info);
}

EXPORT(rt_load)
int32_t rt_load(fleet_runtime_t *rt, const void *bundle, uint32_t bundle_bytes, void *arena, uint32_t arena_bytes,
                void *state, uint32_t state_bytes, uint32_t *failed_step) {
  const fleet_memory_t memory = {bundle, bundle_bytes, arena, arena_bytes, state, state_bytes};
  return fleet_load(rt, &memory, failed_step);
}

EXPORT(rt_rebind) int32_t rt_rebind(fleet_runtime_t *rt, const void *bundle, void *arena, void *state) {
  return fleet_rebind(rt, bundle, arena, state);
}

EXPORT(rt_reset_state) int32_t rt_reset_state(fleet_runtime_t *rt) { return fleet_reset_state(rt); }

// Address of input or output `index`, 0 when there is none.
EXPORT(rt_input) void *rt_input(const fleet_runtime_t *rt, uint32_t index) {
  fleet_tensor_t tensor;
  return fleet_input(rt, index, &tensor) == 0 ? tensor.data : 0;
}

EXPORT(rt_output) void *rt_output(const fleet_runtime_t *rt, uint32_t index) {
  fleet_tensor_t tensor;
  return fleet_output(rt, index, &tensor) == 0 ? tensor.data : 0;
}

// out: address of the next raw samples, sensor frames wanted, passes until the inputs are complete, axes.
EXPORT(rt_raw) int32_t rt_raw(const fleet_runtime_t *rt, uint32_t *out) {
  fleet_raw_t raw;
  const int32_t error = fleet_raw(rt, &raw);
  if (error != 0) return error;
  out[0] = (uint32_t)(uintptr_t)raw.data;
  out[1] = raw.frames;
  out[2] = raw.passes;
  out[3] = raw.axes;
  return 0;
}

EXPORT(rt_feed) int32_t rt_feed(fleet_runtime_t *rt) { return fleet_feed(rt); }

EXPORT(rt_begin) int32_t rt_begin(fleet_runtime_t *rt) { return fleet_begin(rt); }

EXPORT(rt_run) int32_t rt_run(fleet_runtime_t *rt, uint32_t max_steps) { return fleet_run(rt, max_steps); }

EXPORT(rt_step) uint32_t rt_step(const fleet_runtime_t *rt) { return fleet_step(rt); }

EXPORT(rt_last_step_crc) uint32_t rt_last_step_crc(const fleet_runtime_t *rt) { return fleet_last_step_crc(rt); }

EXPORT(rt_outputs_crc) uint32_t rt_outputs_crc(const fleet_runtime_t *rt, uint32_t crc) { return fleet_outputs_crc(rt, crc); }

EXPORT(rt_last_step_output)
int32_t rt_last_step_output(const fleet_runtime_t *rt, uint32_t output, void *dst, uint32_t capacity) {
  return fleet_last_step_output(rt, output, dst, capacity);
}

// Monitored values as pairs (monitor, value) behind a head of two words (pairs stored, pairs lost).
typedef struct {
  uint32_t stored;
  uint32_t lost;
  uint32_t capacity;
  uint32_t reserved;
  int32_t pairs[][2];
} values_t;

static void keep(void *user, uint32_t monitor, int32_t value) {
  values_t *values = user;
  if (values->stored == values->capacity) {
    values->lost++;
    return;
  }
  values->pairs[values->stored][0] = (int32_t)monitor;
  values->pairs[values->stored++][1] = value;
}

// 16 bytes + 8 per pair of caller memory; NULL switches monitors off.
EXPORT(rt_keep_values) void rt_keep_values(fleet_runtime_t *rt, values_t *values, uint32_t capacity) {
  if (values != 0) {
    values->stored = 0;
    values->lost = 0;
    values->capacity = capacity;
  }
  fleet_set_monitor_sink(rt, values != 0 ? keep : 0, values);
}

EXPORT(rt_monitors_crc) uint32_t rt_monitors_crc(const fleet_runtime_t *rt) { return fleet_monitors_crc(rt); }

EXPORT(rt_self_test_begin) int32_t rt_self_test_begin(fleet_runtime_t *rt, fleet_self_test_t *test, uint32_t vector) {
  return fleet_self_test_begin(rt, test, vector);
}

EXPORT(rt_self_test) int32_t rt_self_test(fleet_runtime_t *rt, fleet_self_test_t *test, uint32_t max_steps) {
  return fleet_self_test(rt, test, max_steps);
}

EXPORT(rt_self_test_failed_step) uint32_t rt_self_test_failed_step(const fleet_self_test_t *test) { return test->failed_step; }

EXPORT(rt_crc32) uint32_t rt_crc32(uint32_t crc, const void *data, uint32_t n) { return fleet_crc32(crc, data, n); }

// Fills and returns the generator's new state.
EXPORT(rt_fill_random) uint32_t rt_fill_random(uint32_t state, void *dst, uint32_t n) {
  fleet_fill_random(&state, dst, n);
  return state;
}

EXPORT(rt_requantize) int32_t rt_requantize(int32_t x, int32_t multiplier, int32_t shift) {
  return fleet_requantize(x, multiplier, shift);
}

EXPORT(rt_requantize64) int32_t rt_requantize64(int64_t x, int32_t multiplier, int32_t shift) {
  return fleet_requantize64(x, multiplier, shift);
}

EXPORT(rt_exp_q31) int32_t rt_exp_q31(int32_t x) { return fleet_exp_q31(x); }
