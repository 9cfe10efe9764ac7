// TinyFleet inference runtime: loads a bundle (docs/spec/bundle.md) and runs its plan, a few steps at a time.
// This header is the manual. It is not the agent: it knows no flash, no network and no signature.
//
// One context (fleet_runtime_t) belongs to one thread; contexts share nothing, so any number may live in one
// program. Nothing is allocated, nothing is global, no function blocks, none is re-entrant on the same context,
// none may be called from an interrupt. No floating point, no recursion, no libc but memcpy, memset and memcmp.
//
// Memory is the caller's. Everything the runtime reads or writes lies in four regions that outlive their use:
//   bundle  read only, 16-byte aligned, unchanged from fleet_load to the last use (flash, executed in place)
//   arena   scratch of one inference, 16-byte aligned; may be shared by contexts that never run at the same time;
//           holds nothing between two inferences except outputs until somebody else uses it
//   state   what outlives an inference, 16-byte aligned, one per context
//   context fleet_runtime_t, FLEET_RUNTIME_BYTES at most; its fields are private
//
// Results: 0 is success, a negative number is a registered error (fleet_error.h, docs/errors), a positive number is
// what the function says. Checks come before effects: after an error nothing was changed unless stated.
#ifndef FLEET_RUNTIME_H
#define FLEET_RUNTIME_H

#include <stdint.h>

#include "fleet_bundle.h"
#include "fleet_const.h"
#include "fleet_error.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- what a bundle needs -------------------------------------------------------------------------------------

typedef struct {
  uint32_t total_bytes;
  uint32_t arena_bytes;
  uint32_t state_bytes;
  uint32_t stack_bytes; // 0 = not measured
  uint32_t step_count;
  uint32_t abi;         // major << 16 | minor
  uint8_t input_count;
  uint8_t output_count;
  uint8_t monitor_count;
  uint8_t golden_count;
  uint32_t flags;         // FLEET_HEADER_FLAG_*
  const uint8_t *digest;  // 32 bytes in the bundle: SHA-256 of hashed[0 .. hashed_bytes)
  const uint8_t *hashed;
  uint32_t hashed_bytes;
} fleet_bundle_info_t;

// Reads the header of a bundle of `bytes` bytes and checks magic, ABI, sizes and the op set against this build. It
// does not hash: the caller compares `digest` with the platform's SHA-256 of `hashed`. O(1). `info` is written on
// success only, and points into the bundle.
// Errors: bundle.misaligned, truncated, not-a-bundle, abi-unsupported, header-invalid, op-unsupported.
int32_t fleet_inspect(const void *bundle, uint32_t bytes, fleet_bundle_info_t *info);

// The ops this build has: bit n of byte n/8 of op_set = TFLite builtin code n, of own_op_set = op 1024 + n. O(ops).
void fleet_op_set(uint8_t op_set[32], uint8_t own_op_set[8]);

// The version of an op in this build, 0 = absent. O(ops).
uint8_t fleet_op_version(uint16_t op);

// The versions of the front end's stages in this build: versions[n] of stage n, 0 = absent. Returns the number of bytes up
// to the last stage there is, 0 = no front end. O(stages).
enum { fleet_stage_max = 32 };
uint32_t fleet_stage_versions(uint8_t versions[fleet_stage_max]);

// ---- loading ---------------------------------------------------------------------------------------------------

typedef struct {
  const void *bundle;
  uint32_t bundle_bytes; // of the region; the bundle may be shorter
  void *arena;
  uint32_t arena_bytes;
  void *state; // may be NULL when the bundle needs none
  uint32_t state_bytes;
} fleet_memory_t;

// Receives the values of one monitor, see fleet_set_monitor_sink.
typedef void (*fleet_monitor_sink_t)(void *user, uint32_t monitor, int32_t value);

#ifdef FLEET_PROFILE_REDUCED // what kernels use; the rest is agent/reduced's own
typedef struct {
  const FLEET_CONST_MEMORY uint8_t *bundle;
  uint8_t *arena;
  uint8_t *state;
  fleet_size_t constants;
} fleet_runtime_t;
#else
typedef struct {
  const FLEET_CONST_MEMORY uint8_t *bundle;
  uint8_t *arena;
  uint8_t *state;
  fleet_monitor_sink_t sink;
  void *sink_user;
  uint32_t total_bytes;
  uint32_t arena_bytes;
  uint32_t state_bytes;
  uint32_t plan; // offsets from the bundle's start; 0 = section absent
  uint32_t plan_end;
  uint32_t constants;
  uint32_t constants_bytes;
  uint32_t contract;
  uint32_t monitors;
  uint32_t golden;
  uint32_t step_crcs;
  uint32_t samples;
  uint32_t state_init;
  uint32_t front_end;
  uint32_t monitors_crc;
  uint32_t cursor;    // offset of the next step's record
  uint32_t last;      // offset of the last executed step's record, 0 = none
  uint16_t step;      // index of the next step
  uint16_t steps;
  uint16_t passes;    // of the front end before the next inference
  uint8_t inputs;
  uint8_t outputs;
  uint8_t monitor_count;
  uint8_t golden_count;
  uint8_t phase;      // 0 not loaded, 1 idle, 2 running
  uint8_t fresh;      // no sample was taken since the reset
} fleet_runtime_t;
#endif

// Upper bound of sizeof(fleet_runtime_t), for callers that reserve memory without seeing the type.
#define FLEET_RUNTIME_BYTES 160u

// Checks the whole bundle once (sections, every operand, shape, multiplier and shift of every step, contract, front
// end, monitors, golden vectors) and binds it to the memory. After it no function reads or writes outside the four
// regions, whatever the bytes of the bundle were. State is reset. On failure the context is 'not loaded'.
// O(steps + channels + monitors x edges + bytes of the monitors section). Calls nothing.
// Errors: those of fleet_inspect; bundle.section-*, tensor-out-of-bounds, arena-too-small, state-too-small, misaligned,
// plan-invalid, op-version-unsupported, quantization-invalid, shape-invalid, layout-unsupported, contract-invalid,
// monitors-invalid, golden-invalid, front-end-unsupported, front-end-invalid; runtime.argument-invalid.
// `failed_step` (may be NULL) is set to the step (or stage of the front end) an error is about, 65535 = none.
int32_t fleet_load(fleet_runtime_t *rt, const fleet_memory_t *memory, uint32_t *failed_step);

// Moves a loaded, idle context to other addresses of the SAME bytes, an arena of at least the same size and the same
// state bytes (an emulated flash may map a slot elsewhere each time). O(1), trusts the caller: when the bytes may
// differ, use fleet_load. A NULL keeps the old address.
// Errors: runtime.not-loaded, runtime.busy, bundle.misaligned.
int32_t fleet_rebind(fleet_runtime_t *rt, const void *bundle, void *arena, void *state);

// Sets the state to its initial bytes (section state_init, else zero); the front end waits for a whole frame again. O(state). Errors: runtime.not-loaded, busy.
int32_t fleet_reset_state(fleet_runtime_t *rt);

// ---- contract ----------------------------------------------------------------------------------------------------

typedef struct {
  void *data;      // in the arena; inputs: write before fleet_begin; outputs: valid after the last step
  uint32_t bytes;
  uint8_t dtype;   // FLEET_DTYPE_*
  uint8_t rank;
  uint8_t role;    // FLEET_ROLE_*
  uint8_t sensor;  // wire.cddl
  uint8_t axes;
  uint8_t unit;
  uint8_t axis_order;
  uint16_t classes;
  int32_t zero_point;
  uint32_t scale_bits; // binary32, for reports only
  uint32_t full_scale;
  uint32_t sample_rate_mhz;
  uint32_t frame;
  uint32_t hop;
  uint32_t dims[FLEET_MAX_RANK];
} fleet_tensor_t;

// Describes input or output `index`. O(1). Errors: runtime.not-loaded, runtime.argument-invalid.
int32_t fleet_input(const fleet_runtime_t *rt, uint32_t index, fleet_tensor_t *tensor);
int32_t fleet_output(const fleet_runtime_t *rt, uint32_t index, fleet_tensor_t *tensor);

// ---- front end: raw samples to inputs ------------------------------------------------------------------------------

typedef struct {
  int16_t *data;   // in the state: where the next samples go, axes interleaved
  uint32_t frames; // sensor frames wanted there, 0 = the bundle takes its inputs directly
  uint16_t passes; // passes until the inputs are complete, this one included
  uint8_t axes;
  uint8_t sensor;  // wire.cddl
} fleet_raw_t;

// Where the next raw samples go. A bundle with a front end is fed like this: write raw.frames frames to raw.data, call
// fleet_feed, again until it returns 0; then fleet_begin. After a reset of the state the first inference takes `frame`
// of the contract, later ones take `hop`. O(1). Errors: runtime.not-loaded, runtime.argument-invalid.
int32_t fleet_raw(const fleet_runtime_t *rt, fleet_raw_t *raw);

// The samples are there: runs the stages once. Returns passes left, 0 = the inputs are in the arena, which then belongs
// to this context until the inference is over; between two passes it does not. O(stages).
// Errors: runtime.not-loaded, runtime.busy, runtime.argument-invalid (no front end), runtime.kernel-failed (never).
int32_t fleet_feed(fleet_runtime_t *rt);

// ---- inference -----------------------------------------------------------------------------------------------------

// Starts an inference on the inputs in the arena; samples the monitors of inputs. An inference that was running is
// abandoned. O(input monitors). Errors: runtime.not-loaded.
int32_t fleet_begin(fleet_runtime_t *rt);

// Executes up to max_steps plan steps. Returns the number of steps left, 0 = the outputs are valid. The longest time
// between two returns is that of the longest step, so feed the watchdog between calls. Worst stack: stack_bytes of the
// bundle. Errors: runtime.not-loaded, runtime.argument-invalid (max_steps 0), runtime.kernel-failed (never after a
// successful load; the inference is over).
int32_t fleet_run(fleet_runtime_t *rt, uint32_t max_steps);

// Index of the next step, = step_count when finished. O(1).
uint32_t fleet_step(const fleet_runtime_t *rt);

// Ends an inference early. Outputs are then undefined. O(1).
void fleet_abandon(fleet_runtime_t *rt);

// CRC-32 of the outputs of the step that fleet_run executed last, in order, 0 when none was. O(bytes).
uint32_t fleet_last_step_crc(const fleet_runtime_t *rt);

// CRC-32 of all outputs in contract order, continued from `crc` (0 to start). O(bytes).
uint32_t fleet_outputs_crc(const fleet_runtime_t *rt, uint32_t crc);

// Copies one output of the step executed last. Writes min(bytes, capacity), returns the output's bytes.
// For tools and tests. Errors: runtime.not-loaded, runtime.argument-invalid.
int32_t fleet_last_step_output(const fleet_runtime_t *rt, uint32_t output, void *dst, uint32_t capacity);

// ---- monitors ------------------------------------------------------------------------------------------------------

typedef struct {
  uint8_t kind;      // FLEET_MONITOR_KIND_*
  uint8_t bins;      // 1..16
  uint8_t reduction; // FLEET_REDUCTION_*
  int16_t centre;
  uint32_t count;    // elements; classes for kind classes
  const uint8_t *edges; // bins - 1 int16, little-endian, in the bundle
} fleet_monitor_t;

// Sets who receives monitored values. The sink is called inside fleet_begin and fleet_run, right after the monitored
// step: for kind feature and ood once per value (q, or the reduction over the elements), for kind classes once, with
// class << 8 | confidence (confidence = q + 128 for int8 outputs, q >> 7 for int16, 0..255). It must not call into
// this context. NULL switches monitors off. O(1).
void fleet_set_monitor_sink(fleet_runtime_t *rt, fleet_monitor_sink_t sink, void *user);

// Describes a monitor. O(1). Errors: runtime.not-loaded, runtime.argument-invalid.
int32_t fleet_monitor(const fleet_runtime_t *rt, uint32_t index, fleet_monitor_t *monitor);

// Bin of value q: the number of edges <= q. O(bins).
uint32_t fleet_monitor_bin(const fleet_monitor_t *monitor, int32_t q);

// CRC-32 of the monitors section: the telemetry schema. 0 without monitors. O(1).
uint32_t fleet_monitors_crc(const fleet_runtime_t *rt);

// ---- self-test -----------------------------------------------------------------------------------------------------

typedef struct {
  uint32_t outputs_crc; // so far
  uint32_t prng;
  uint32_t vector;
  uint32_t taken;       // bytes of the stored sample
  uint16_t failed_step; // 65535 = none, or the outputs themselves
  uint16_t passes;      // of the front end before this frame's inference, kind raw
  uint8_t frame;
  uint8_t frames;
} fleet_self_test_t;

// Starts golden vector `vector`: resets the state and fills the inputs. O(state + inputs).
// Errors: runtime.not-loaded, runtime.argument-invalid, runtime.busy.
int32_t fleet_self_test_begin(fleet_runtime_t *rt, fleet_self_test_t *test, uint32_t vector);

// Runs up to max_steps steps of the vector (a pass of the front end counts as one) and compares CRCs. Returns steps left
// (of all frames), 0 = passed.
// Errors: as fleet_run; runtime.step-mismatch (test->failed_step), runtime.golden-mismatch. State is left as the
// vector made it: call fleet_reset_state before real inputs. The monitor sink is not called.
int32_t fleet_self_test(fleet_runtime_t *rt, fleet_self_test_t *test, uint32_t max_steps);

// ---- integers the compiler, the agent and the tests share ------------------------------------------------------------

// CRC-32 of ISO 3309 (zlib, reflected 0xEDB88320) of n bytes, continued from crc (0 to start). O(n).
uint32_t fleet_crc32(uint32_t crc, const void *data, fleet_size_t n);

// One step of xorshift32 (shifts 13, 17, 5); *state must not be 0. Returns the new state.
uint32_t fleet_xorshift32(uint32_t *state);

// Fills n bytes with bits 31..24 of successive xorshift32 values; 16-bit elements take two, low byte first.
void fleet_fill_random(uint32_t *state, void *dst, fleet_size_t n);

// TensorFlow Lite's MultiplyByQuantizedMultiplier with double rounding: x * multiplier / 2^31 * 2^shift, rounded to
// nearest by SQRDMULH (halves up), then by a rounding shift (halves away from zero). multiplier >= 0, -31 <= shift <= 30; x << shift
// wraps as on the reference.
int32_t fleet_requantize(int32_t x, int32_t multiplier, int32_t shift);

// The 64-bit variant of int16 layers (multiplier reduced to 16 bits, single rounding); -31 <= shift <= 7, |x| < 2^47.
int32_t fleet_requantize64(int64_t x, int32_t multiplier, int32_t shift);

// exp(x / 2^26) for x <= 0 in Q5.26, result in Q0.31 (2^31 - 1 for 0): the exponential of the int8 softmax.
int32_t fleet_exp_q31(int32_t x);

#ifdef __cplusplus
}
#endif

#endif
