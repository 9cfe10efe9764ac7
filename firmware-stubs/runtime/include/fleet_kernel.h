// What kernels and the stages of the front end are written against: little-endian loads, a view of one record of a plan, checks
// that several of them share, integer arithmetic. For their .c files only (names have no prefix); applications include
// fleet_runtime.h.
#ifndef FLEET_KERNEL_H
#define FLEET_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fleet_runtime.h"

// Bundles are read byte by byte, but kernels and stages use int16 and int32 tensors in the machine's order.
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the runtime needs a little-endian machine"
#endif

enum { step_head_bytes = FLEET_STEP_RECORD_BYTES, operand_bytes = FLEET_OPERAND_RECORD_BYTES };

static inline uint32_t load_le16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }

static FLEET_OUT_OF_LINE uint32_t load_le32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint32_t load_const_le32(const FLEET_CONST_MEMORY uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline int32_t load_i16(const uint8_t *p) { return (int16_t)(uint16_t)load_le16(p); }

static inline int32_t load_i32(const uint8_t *p) { return (int32_t)load_le32(p); }

static inline int32_t clamp(int32_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : x; }

// One record of the plan, and the memory its operands point into. Valid while the context is.
typedef struct {
  const fleet_runtime_t *rt;
  const uint8_t *record;
  const uint8_t *params;
} step_t;

#ifdef FLEET_PROFILE_REDUCED
enum { has_int16 = 0 }; // activations of int16
#else
enum { has_int16 = 1 };
#endif

#ifndef FLEET_CONST_APART
static inline step_t step_at(const fleet_runtime_t *rt, uint32_t offset) {
  const uint8_t *record = rt->bundle + offset;
  const uint32_t operands = (uint32_t)record[FLEET_STEP_INPUTS] + record[FLEET_STEP_OUTPUTS] + record[FLEET_STEP_SCRATCH];
  const step_t step = {rt, record, record + step_head_bytes + operands * operand_bytes};
  return step;
}
#endif

static inline const uint8_t *operand(const step_t *s, uint32_t index) {
  return s->record + step_head_bytes + index * operand_bytes;
}

static inline const uint8_t *output_operand(const step_t *s, uint32_t index) {
  return operand(s, s->record[FLEET_STEP_INPUTS] + index);
}

static inline uint32_t size_of(const uint8_t *op) { return load_le32(op + FLEET_OPERAND_BYTES); }

static inline uint32_t dtype_of(const uint8_t *op) { return op[FLEET_OPERAND_DTYPE]; }

static inline int present(const uint8_t *op) { return op[FLEET_OPERAND_SPACE] != FLEET_SPACE_NONE; }

// Address of a readable operand, NULL for space none. Bounds were checked at load. Where constants are memory of another kind,
// they are reached by `const_bytes` only.
static inline const uint8_t *readable(const fleet_runtime_t *rt, const uint8_t *op) {
  const uint32_t offset = load_le32(op + FLEET_OPERAND_OFFSET);
  switch (op[FLEET_OPERAND_SPACE]) {
    case FLEET_SPACE_ARENA: return rt->arena + offset;
#ifndef FLEET_CONST_APART
    case FLEET_SPACE_CONST: return rt->bundle + rt->constants + offset;
#endif
    case FLEET_SPACE_STATE: return rt->state + offset;
    default: return NULL;
  }
}

// The same for what a device keeps in flash: weights, biases, multipliers, shifts.
static inline const FLEET_CONST_MEMORY uint8_t *const_bytes(const step_t *s, uint32_t index) {
  const uint8_t *op = operand(s, index);
#ifdef FLEET_CONST_APART
  return present(op) ? s->rt->bundle + s->rt->constants + load_le32(op + FLEET_OPERAND_OFFSET) : NULL;
#else
  return readable(s->rt, op);
#endif
}

static inline const FLEET_CONST_MEMORY int8_t *const_i8(const step_t *s, uint32_t index) {
  return (const FLEET_CONST_MEMORY int8_t *)const_bytes(s, index);
}

static inline uint8_t *writable(const fleet_runtime_t *rt, const uint8_t *op) {
  return (op[FLEET_OPERAND_SPACE] == FLEET_SPACE_STATE ? rt->state : rt->arena) + load_le32(op + FLEET_OPERAND_OFFSET);
}

static inline const int8_t *input_i8(const step_t *s, uint32_t index) {
  return (const int8_t *)readable(s->rt, operand(s, index));
}

// int32 tables are 4-byte aligned by the load-time check, but the host may be big-endian or strict: bytes only.
static inline const uint8_t *input_bytes(const step_t *s, uint32_t index) { return readable(s->rt, operand(s, index)); }

static inline int8_t *output_i8(const step_t *s, uint32_t index) {
  return (int8_t *)writable(s->rt, output_operand(s, index));
}

static inline uint32_t param_u8(const step_t *s, uint32_t offset) { return s->params[offset]; }
static inline int32_t param_i8(const step_t *s, uint32_t offset) { return (int8_t)s->params[offset]; }
static inline uint32_t param_u16(const step_t *s, uint32_t offset) { return load_le16(s->params + offset); }
static inline int32_t param_i16(const step_t *s, uint32_t offset) { return load_i16(s->params + offset); }
static inline uint32_t param_u32(const step_t *s, uint32_t offset) { return load_le32(s->params + offset); }
static inline int32_t param_i32(const step_t *s, uint32_t offset) { return load_i32(s->params + offset); }

// The same as fleet_requantize, inline for kernels. ab < 2^62, so the rounding addition cannot overflow.
static FLEET_OUT_OF_LINE int32_t high_mul(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

// Halves away from zero; 0 <= n <= 31.
static inline int32_t rounding_shift(int32_t x, int32_t n) {
  const int32_t mask = (int32_t)((UINT32_C(1) << n) - 1u);
  const int32_t threshold = (mask >> 1) + (x < 0);
  return (x >> n) + ((x & mask) > threshold);
}

static inline int32_t requantize(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0;
  return rounding_shift(high_mul((int32_t)((uint32_t)x << left), multiplier), left - shift);
}

// Requantized, moved to the output's zero point and clamped. Clamped first: a requantized value may be any int32.
static inline int8_t to_int8(uint32_t acc, int32_t multiplier, int32_t shift, int32_t offset, int32_t low, int32_t high) {
  return (int8_t)(clamp(requantize((int32_t)acc, multiplier, shift), low - offset, high - offset) + offset);
}

// Floor of (x / 2^n) after adding a half; 1 <= n <= 62 and |x| < 2^62.
static inline int64_t round_shift64(int64_t x, uint32_t n) { return (x + (INT64_C(1) << (n - 1))) >> n; }

// Index of the highest set bit plus one, 0 for 0.
uint32_t fleet_bit_length(uint32_t x);
// Square root rounded to nearest; below 2^32 the result saturates at 65535, as in TFLite Micro's signal library.
uint32_t fleet_square_root(uint64_t x);

// Moves `keep` bytes down by `distance`; memcpy of parts that do not overlap.
static inline void move_down(uint8_t *p, uint32_t distance, uint32_t keep) {
  for (uint32_t done = 0; done < keep; done += distance)
    memcpy(p + done, p + done + distance, keep - done < distance ? keep - done : distance);
}

static inline const int16_t *input_i16(const step_t *s, uint32_t index) {
  return (const int16_t *)(const void *)readable(s->rt, operand(s, index));
}
static inline const uint32_t *input_u32(const step_t *s, uint32_t index) {
  return (const uint32_t *)(const void *)readable(s->rt, operand(s, index));
}
static inline int16_t *output_i16(const step_t *s, uint32_t index) {
  return (int16_t *)(void *)writable(s->rt, output_operand(s, index));
}
static inline uint32_t *output_u32(const step_t *s, uint32_t index) {
  return (uint32_t *)(void *)writable(s->rt, output_operand(s, index));
}

// An entry of a 513-entry int16 table over all int16 values, interpolated linearly: 9 bits index, 7 bits between.
static inline int32_t table_16(const uint8_t *table, int32_t x) {
  const uint32_t index = (uint32_t)((x >> 7) + 256);
  const int32_t base = load_i16(table + index * 2);
  const int32_t slope = (int16_t)(uint16_t)(load_i16(table + index * 2 + 2) - base);
  return (int16_t)(uint16_t)(base + ((slope * (x & 127) + 64) >> 7));
}

static inline uint32_t leading_zeros(uint32_t x) {
  uint32_t n = 0;
  if (x == 0) return 32;
  for (uint32_t half = 16; half > 0; half /= 2)
    if (x >> (32 - half) == 0) x <<= half, n += half;
  return n;
}

enum { any_number = 0xff }; // of operands, in a row of the op table: at least one

// A row of the op table. `check` sees a step whose operands are known to lie inside their spaces; it must make sure
// that `run` stays inside those operands and divides by nothing that is 0. Both return 0 or a negative error.
typedef struct {
  uint16_t number;
  uint8_t version;
  uint8_t inputs;
  uint8_t outputs;
  uint8_t scratch;
  uint8_t in_place; // an output may be exactly an input
  uint8_t param_bytes;
  int32_t (*check)(const step_t *step);
  int32_t (*run)(const step_t *step);
} op_t;

// ---- checks that several ops share (check.c) ---------------------------------------------------------------------

// Bytes of an element, 0 for no element type. int4 counts 1: it is packed, and the ops that read it know.
uint32_t fleet_element_bytes(uint32_t dtype);
// Product of n parameters of type u32, 0 when it is 0 or needs more than 32 bits.
uint32_t fleet_product(const step_t *s, uint32_t offset, uint32_t n);
// The operand is there, of this type, and has exactly `elements` elements of `width` bytes.
int fleet_is_tensor(const uint8_t *op, uint32_t dtype, uint64_t elements, uint32_t width);
// The same among the constants: what is checked once stays so.
int fleet_is_const(const uint8_t *op, uint32_t dtype, uint64_t elements, uint32_t width);
// The same in the state: an input that the kernel writes.
int fleet_is_state(const uint8_t *op, uint32_t dtype, uint64_t elements, uint32_t width);
// bias (optional, of `channels` elements), multipliers and shifts for n channels; operands bias, bias + 1, bias + 2.
// dtype is that of the activations. int8: int32 biases. int16: int64 biases below 2^46, shifts of fleet_requantize64, and
// `terms` products of 16 by 8 bits, so that accumulators stay below 2^47; or int32 biases, which mean 32-bit accumulators.
int32_t fleet_check_requantization(const step_t *s, uint32_t bias, uint32_t dtype, uint64_t terms, uint32_t channels, uint32_t n);
int fleet_is_shift(int32_t shift);
// Element type of operand 0 when it is one of activations, int8 or int16; else 0.
uint32_t fleet_activation_type(const step_t *s);
static inline uint32_t bytes_of(uint32_t dtype) { return dtype == FLEET_DTYPE_INT16 ? 2 : 1; }
// Offsets of zero points and activation bounds of an int8 op.
int fleet_is_int8_range(int32_t input_offset, int32_t output_offset, int32_t low, int32_t high);
// The same for either type of activations; int16 ones have zero point 0. weights_offset is 0 but for int8 made of uint8.
int fleet_is_layer_range(uint32_t dtype, const int32_t offsets[3], int32_t low, int32_t high);
// Filter positions cannot overflow: every coordinate of the window fits in 30 bits.
int fleet_is_window(uint32_t out, uint32_t stride, uint32_t filter, uint32_t dilation);

// ---- front end -------------------------------------------------------------------------------------------------------

// A stage of the front end is a row like an op and its record is laid out like a step's. NULL = not in this build. Defined in
// dsp/; a port without dsp/ links the weak fallback of front_end.c and refuses bundles with a front end.
const op_t *fleet_find_stage(uint32_t number);

#endif
