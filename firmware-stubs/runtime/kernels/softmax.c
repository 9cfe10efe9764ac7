// SOFTMAX. int8 input, int8 or int16 output: TFLite reference_ops::Softmax, gemmlowp fixed point: exponentials in Q0.31,
// their sum in Q12.19, its reciprocal by three Newton steps. int16 to int16: SoftmaxInt16, exponentials and the
// reciprocal from interpolated tables in Q0.15.
#include "internal.h"

enum { sum_integer_bits = 12 };

static int32_t check_wide(const step_t *s) {
  const uint64_t rows = param_u32(s, FLEET_SOFTMAX_ROWS), depth = param_u32(s, FLEET_SOFTMAX_DEPTH);
  // depth < 2^16: the sum of exponentials, each below 2^15, stays below 2^31.
  if (rows == 0 || depth == 0 || depth > 65535 || !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT16, rows * depth, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT16, rows * depth, 2) ||
      !fleet_is_tensor(operand(s, 1), FLEET_DTYPE_INT16, 513, 2) || !fleet_is_tensor(operand(s, 2), FLEET_DTYPE_INT16, 513, 2))
    return -fleet_err_bundle_shape_invalid;
  if (param_i32(s, FLEET_SOFTMAX_MULTIPLIER) < 0 || !fleet_is_shift(param_i8(s, FLEET_SOFTMAX_SHIFT)))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

int32_t fleet_check_softmax(const step_t *s) {
  if (dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16) return check_wide(s);
  const uint64_t rows = param_u32(s, FLEET_SOFTMAX_ROWS), depth = param_u32(s, FLEET_SOFTMAX_DEPTH);
  const uint8_t *output = output_operand(s, 0);
  const uint32_t wide = dtype_of(output) == FLEET_DTYPE_INT16;
  // depth < 2^12: the sum of exponentials, each at most 1.0 = 2^19, stays below 2^31.
  if (rows == 0 || depth == 0 || depth > 4095 || !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT8, rows * depth, 1) ||
      !fleet_is_tensor(output, wide ? FLEET_DTYPE_INT16 : FLEET_DTYPE_INT8, rows * depth, wide ? 2 : 1))
    return -fleet_err_bundle_shape_invalid;
  if (present(operand(s, 1)) || present(operand(s, 2))) return -fleet_err_bundle_plan_invalid;
  const int32_t shift = param_i8(s, FLEET_SOFTMAX_SHIFT);
  if (param_i32(s, FLEET_SOFTMAX_MULTIPLIER) < 0 || shift < 0 || shift > 30)
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

// e^(scale * difference) in Q0.31 for a difference <= 0 to the row's maximum.
static int32_t exponential(int32_t difference, int32_t multiplier, int32_t shift) {
  return fleet_exp_q31(high_mul((int32_t)((uint32_t)difference << shift), multiplier));
}

static int32_t run_wide(const step_t *s) {
  const uint32_t rows = param_u32(s, FLEET_SOFTMAX_ROWS), depth = param_u32(s, FLEET_SOFTMAX_DEPTH);
  const int32_t multiplier = param_i32(s, FLEET_SOFTMAX_MULTIPLIER), shift = param_i8(s, FLEET_SOFTMAX_SHIFT);
  const uint8_t *exponentials = input_bytes(s, 1), *reciprocals = input_bytes(s, 2);
  const int16_t *x = input_i16(s, 0);
  int16_t *y = output_i16(s, 0);
  for (uint32_t row = 0; row < rows; row++, x += depth, y += depth) {
    int32_t max = x[0];
    for (uint32_t c = 1; c < depth; c++) max = x[c] > max ? x[c] : max;
    // Differences of -10 to 0 become -65535 to 0, then the table's -32768 to 32767.
    int32_t sum = 0;
    for (uint32_t c = 0; c < depth; c++) {
      const int32_t scaled = requantize(x[c] - max, multiplier, shift);
      y[c] = (int16_t)table_16(exponentials, clamp(scaled, -65535, 0) + 32767);
      sum += y[c];
    }
    if (sum < 2) sum = 2; // the maximum alone gives 32767; only a hostile table gets here
    uint32_t zeros = 1;
    while (!((uint32_t)sum & UINT32_C(0x80000000) >> zeros)) zeros++; // 1..30
    // 1 <= sum * 2^(zeros - 31) < 2; what is above 1, as 16 bits, is where the table of 1 / (1 + x) is read.
    const int32_t above = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14) - (INT32_C(1) << 16);
    const int32_t reciprocal = table_16(reciprocals, clamp(above - (INT32_C(1) << 15), -32768, 32767));
    const uint32_t right = 31 - zeros;
    for (uint32_t c = 0; c < depth; c++)
      y[c] = (int16_t)clamp((int32_t)(((int64_t)y[c] * reciprocal + (INT64_C(1) << (right - 1))) >> right), 0, 32767);
  }
  return fleet_ok;
}

int32_t fleet_run_softmax(const step_t *s) {
  if (has_int16 && dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16) return run_wide(s);
  const fleet_size_t rows = (fleet_size_t)param_u32(s, FLEET_SOFTMAX_ROWS), depth = (fleet_size_t)param_u32(s, FLEET_SOFTMAX_DEPTH);
  const int32_t multiplier = param_i32(s, FLEET_SOFTMAX_MULTIPLIER), shift = param_i8(s, FLEET_SOFTMAX_SHIFT);
  const int32_t diff_min = param_i16(s, FLEET_SOFTMAX_DIFF_MIN);
  const int wide = has_int16 && dtype_of(output_operand(s, 0)) == FLEET_DTYPE_INT16;
  const int32_t lowest = wide ? -32768 : -128, highest = wide ? 32767 : 127;
  const int8_t *x = input_i8(s, 0);
  uint8_t *y = writable(s->rt, output_operand(s, 0));
  for (fleet_size_t row = 0; row < rows; row++, x += depth) {
    int32_t max = -128;
    for (fleet_size_t c = 0; c < depth; c++) max = x[c] > max ? x[c] : max;
    uint32_t sum = 0;
    for (fleet_size_t c = 0; c < depth; c++)
      if (x[c] - max >= diff_min)
        sum += (uint32_t)rounding_shift(exponential(x[c] - max, multiplier, shift), sum_integer_bits);
    // sum = 2^bits * (1 + fraction); hostile parameters may make it 0 or wrap: then the values are meaningless.
    const uint32_t zeros = leading_zeros(sum | 1u);
    const int32_t fraction = (int32_t)((sum << zeros) & INT32_MAX);
    const int32_t scale = fleet_reciprocal_1_plus(fraction);
    const int32_t exponent = sum_integer_bits - (int32_t)(zeros < sum_integer_bits ? zeros : sum_integer_bits) + 31 - (wide ? 16 : 8);
    for (fleet_size_t c = 0; c < depth; c++) {
      int32_t value = lowest;
      // Above 31 the reference stops the program; the exact result rounds to 0.
      if (x[c] - max >= diff_min && exponent <= 31)
        value = clamp(rounding_shift(high_mul(scale, exponential(x[c] - max, multiplier, shift)), exponent) + lowest, lowest, highest);
      *y++ = (uint8_t)value;
      if (wide) *y++ = (uint8_t)((uint32_t)value >> 8);
    }
  }
  return fleet_ok;
}
