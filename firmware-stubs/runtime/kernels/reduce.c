// MEAN, SUM, REDUCE_MAX and REDUCE_MIN, int8 and int16, over any axes: at most three groups of dimensions are kept and three
// reduced once neighbours are collapsed. ARG_MAX and ARG_MIN. Reference: TFLite reference_ops::QuantizedMeanOrSum, ReduceGeneric,
// ArgMinMax.
#include "internal.h"

#define P(name) FLEET_MEAN_##name // the four ops share one layout
#define A(name) FLEET_ARG_MAX_##name

enum { groups = 3, sum = 0, largest = 1, smallest = 2 };

static int is_wide(const uint8_t *op) { return dtype_of(op) == FLEET_DTYPE_INT16; }

static int is_activation(const uint8_t *op) {
  return present(op) && (dtype_of(op) == FLEET_DTYPE_INT8 || dtype_of(op) == FLEET_DTYPE_INT16);
}

static int32_t value_at(const uint8_t *p, size_t at, int wide) { return wide ? load_i16(p + at * 2) : (int8_t)p[at]; }

static void put_at(uint8_t *p, size_t at, int32_t value, int wide) {
  if (!wide) {
    p[at] = (uint8_t)value;
    return;
  }
  p[at * 2] = (uint8_t)value;
  p[at * 2 + 1] = (uint8_t)((uint32_t)value >> 8);
}

static int32_t check(const step_t *s, int requantizes) {
  const uint8_t *in = operand(s, 0), *out = output_operand(s, 0);
  const uint32_t outputs = fleet_product(s, P(KEPT), groups), each = fleet_product(s, P(REDUCED), groups);
  const uint32_t width = is_wide(in) ? 2 : 1;
  // Each element is read once: this bounds the time, strides of 0 included; the strides are checked below.
  if (!is_activation(in) || outputs == 0 || each == 0 || (uint64_t)outputs * each != size_of(in) / width)
    return -fleet_err_bundle_shape_invalid;
  uint64_t last = 0;
  for (uint32_t i = 0; i < groups; i++) {
    last += (uint64_t)(param_u32(s, P(KEPT) + i * 4) - 1) * param_u32(s, P(KEPT_STRIDES) + i * 4);
    if (last > UINT32_MAX) return -fleet_err_bundle_shape_invalid;
    last += (uint64_t)(param_u32(s, P(REDUCED) + i * 4) - 1) * param_u32(s, P(REDUCED_STRIDES) + i * 4);
    if (last > UINT32_MAX) return -fleet_err_bundle_shape_invalid;
  }
  if (last >= size_of(in) / width || !fleet_is_tensor(out, dtype_of(in), outputs, width))
    return -fleet_err_bundle_shape_invalid;
  if (requantizes && (param_i32(s, P(MULTIPLIER)) < 0 || !fleet_is_shift(param_i8(s, P(SHIFT)))))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

int32_t fleet_check_mean(const step_t *s) { return check(s, 1); }
int32_t fleet_check_sum(const step_t *s) { return check(s, 1); }
int32_t fleet_check_reduce_max(const step_t *s) { return check(s, 0); }
int32_t fleet_check_reduce_min(const step_t *s) { return check(s, 0); }

// All reduced elements from element `at` on; sums wrap modulo 2^32 as the reference's int32.
static int32_t reduce(const uint8_t *in, uint32_t at, const uint32_t n[groups], const uint32_t strides[groups], int what, int wide) {
  uint32_t total = 0;
  int32_t best = value_at(in, at, wide);
  for (uint32_t i = 0; i < n[0]; i++)
    for (uint32_t j = 0; j < n[1]; j++)
      for (uint32_t k = 0; k < n[2]; k++) {
        const int32_t x = value_at(in, at + i * strides[0] + j * strides[1] + k * strides[2], wide);
        total += (uint32_t)x;
        if (what == largest ? x > best : x < best) best = x;
      }
  return what == sum ? (int32_t)total : best;
}

static int32_t run(const step_t *s, int what) {
  const int wide = is_wide(operand(s, 0));
  const uint8_t *in = input_bytes(s, 0);
  uint8_t *out = writable(s->rt, output_operand(s, 0));
  uint32_t kept[groups], kept_strides[groups], reduced[groups], strides[groups];
  for (uint32_t i = 0; i < groups; i++) {
    kept[i] = param_u32(s, P(KEPT) + i * 4);
    kept_strides[i] = param_u32(s, P(KEPT_STRIDES) + i * 4);
    reduced[i] = param_u32(s, P(REDUCED) + i * 4);
    strides[i] = param_u32(s, P(REDUCED_STRIDES) + i * 4);
  }
  const int32_t multiplier = param_i32(s, P(MULTIPLIER)), shift = param_i8(s, P(SHIFT));
  const int32_t offset = param_i16(s, P(OUTPUT_OFFSET)), low = wide ? -32768 : -128, high = wide ? 32767 : 127;
  const uint32_t zero_sum = param_u32(s, P(ZERO_SUM));
  size_t at = 0;
  for (uint32_t i = 0; i < kept[0]; i++)
    for (uint32_t j = 0; j < kept[1]; j++)
      for (uint32_t k = 0; k < kept[2]; k++, at++) {
        int32_t y = reduce(in, i * kept_strides[0] + j * kept_strides[1] + k * kept_strides[2], reduced, strides, what, wide);
        if (what == sum)
          y = clamp(requantize((int32_t)((uint32_t)y - zero_sum), multiplier, shift), low - offset, high - offset) + offset;
        put_at(out, at, y, wide);
      }
  return fleet_ok;
}

int32_t fleet_run_mean(const step_t *s) { return run(s, sum); }
int32_t fleet_run_sum(const step_t *s) { return run(s, sum); }
int32_t fleet_run_reduce_max(const step_t *s) { return run(s, largest); }
int32_t fleet_run_reduce_min(const step_t *s) { return run(s, smallest); }

static int32_t check_arg(const step_t *s) {
  const uint8_t *in = operand(s, 0);
  const uint64_t outer = param_u32(s, A(OUTER)), axis = param_u32(s, A(AXIS_N)), inner = param_u32(s, A(INNER));
  const uint64_t outputs = outer * inner;
  if (!is_activation(in) || outputs == 0 || outputs > UINT32_MAX || axis == 0 || axis > INT32_MAX ||
      !fleet_is_tensor(in, dtype_of(in), outputs * axis, is_wide(in) ? 2 : 1) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT32, outputs, 4))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_check_arg_max(const step_t *s) { return check_arg(s); }
int32_t fleet_check_arg_min(const step_t *s) { return check_arg(s); }

// The first of equals.
static int32_t run_arg(const step_t *s, int what) {
  const int wide = is_wide(operand(s, 0));
  const uint32_t outer = param_u32(s, A(OUTER)), axis = param_u32(s, A(AXIS_N)), inner = param_u32(s, A(INNER));
  const uint8_t *in = input_bytes(s, 0);
  uint8_t *to = writable(s->rt, output_operand(s, 0));
  for (uint32_t o = 0; o < outer; o++, in += (size_t)axis * inner * (wide ? 2u : 1u))
    for (uint32_t i = 0; i < inner; i++, to += 4) {
      int32_t best = value_at(in, i, wide);
      uint32_t best_at = 0;
      for (uint32_t a = 1; a < axis; a++) {
        const int32_t x = value_at(in, (size_t)a * inner + i, wide);
        if (what == largest ? x <= best : x >= best) continue;
        best = x;
        best_at = a;
      }
      for (uint32_t b = 0; b < 4; b++) to[b] = (uint8_t)(best_at >> (8 * b));
    }
  return fleet_ok;
}

int32_t fleet_run_arg_max(const step_t *s) { return run_arg(s, largest); }
int32_t fleet_run_arg_min(const step_t *s) { return run_arg(s, smallest); }
