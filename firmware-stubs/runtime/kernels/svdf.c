// SVDF, int8, with int8 or int16 state: each filter keeps the last `memory` values of its feature dot product and sums
// them weighted by time; `rank` filters make an output. Reference: TFLM EvalIntegerSvdfReference, which has no
// activation but the clamp to int8.
#include "dot.h"

int32_t fleet_check_svdf(const step_t *s) {
  const uint32_t batches = param_u16(s, FLEET_SVDF_BATCHES), in = param_u16(s, FLEET_SVDF_IN_N);
  const uint32_t filters = param_u16(s, FLEET_SVDF_FILTERS), rank = param_u16(s, FLEET_SVDF_RANK);
  const uint64_t memory = param_u16(s, FLEET_SVDF_MEMORY);
  if (batches == 0 || in == 0 || filters == 0 || rank == 0 || memory == 0 || filters % rank != 0)
    return -fleet_err_bundle_shape_invalid;
  const uint8_t *state = operand(s, 1), *bias = operand(s, 4);
  const uint32_t dtype = dtype_of(state), width = dtype == FLEET_DTYPE_INT16 ? 2 : 1;
  const uint32_t units = filters / rank;
  if ((dtype != FLEET_DTYPE_INT8 && dtype != FLEET_DTYPE_INT16) ||
      !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT8, (uint64_t)batches * in, 1) ||
      !fleet_is_tensor(operand(s, 2), FLEET_DTYPE_INT8, (uint64_t)filters * in, 1) ||
      !fleet_is_tensor(operand(s, 3), dtype, filters * memory, width) ||
      (present(bias) && !fleet_is_tensor(bias, FLEET_DTYPE_INT32, units, 4)) ||
      !fleet_is_state(state, dtype, (uint64_t)batches * filters * memory, width) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT8, (uint64_t)batches * units, 1))
    return -fleet_err_bundle_shape_invalid;
  const int32_t zero = param_i16(s, FLEET_SVDF_STATE_ZERO_POINT);
  if (!fleet_is_int8_range(param_i16(s, FLEET_SVDF_INPUT_OFFSET), param_i16(s, FLEET_SVDF_OUTPUT_OFFSET), -128, 127) ||
      (width == 1 && (zero < -128 || zero > 127)) || param_i32(s, FLEET_SVDF_FEATURE_MULTIPLIER) < 0 ||
      param_i32(s, FLEET_SVDF_OUTPUT_MULTIPLIER) < 0 || !fleet_is_shift(param_i8(s, FLEET_SVDF_FEATURE_SHIFT)) ||
      !fleet_is_shift(param_i8(s, FLEET_SVDF_OUTPUT_SHIFT)))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

// Drops the oldest value of a filter's memory, appends the newest, and returns the sum weighted by time. The zero point comes
// behind the clamp and wraps, as in the reference the vectors are from; later ones clamp the sum.
static uint32_t remember_8(int8_t *row, uint32_t memory, int32_t value, int32_t zero, const int8_t *weights) {
  memmove(row, row + 1, memory - 1);
  row[memory - 1] = (int8_t)(uint8_t)((uint32_t)(clamp(value, INT8_MIN, INT8_MAX) + zero) & 255u);
  return dot1(row, -zero, weights, memory);
}

static uint32_t remember_16(uint8_t *row, uint32_t memory, int32_t value, int32_t zero, const uint8_t *weights) {
  memmove(row, row + 2, (memory - 1) * 2);
  const uint32_t newest = (uint32_t)(clamp(value, INT16_MIN, INT16_MAX) + zero);
  row[memory * 2 - 2] = (uint8_t)(newest & 255u);
  row[memory * 2 - 1] = (uint8_t)(newest >> 8 & 255u);
  uint32_t sum = 0; // a product may exceed int32 where the zero point is not 0: modulo 2^32, as everywhere
  for (uint32_t i = 0; i < memory; i++) sum += (uint32_t)load_i16(weights + i * 2) * (uint32_t)(load_i16(row + i * 2) - zero);
  return sum;
}

int32_t fleet_run_svdf(const step_t *s) {
  const uint32_t batches = param_u16(s, FLEET_SVDF_BATCHES), in = param_u16(s, FLEET_SVDF_IN_N);
  const uint32_t filters = param_u16(s, FLEET_SVDF_FILTERS), rank = param_u16(s, FLEET_SVDF_RANK);
  const uint32_t memory = param_u16(s, FLEET_SVDF_MEMORY);
  const int32_t x_offset = param_i16(s, FLEET_SVDF_INPUT_OFFSET), zero = param_i16(s, FLEET_SVDF_STATE_ZERO_POINT);
  const int32_t feature_multiplier = param_i32(s, FLEET_SVDF_FEATURE_MULTIPLIER);
  const int32_t feature_shift = param_i8(s, FLEET_SVDF_FEATURE_SHIFT);
  const uint32_t width = dtype_of(operand(s, 1)) == FLEET_DTYPE_INT16 ? 2 : 1;
  const uint8_t *bias = input_bytes(s, 4);
  uint8_t *state = writable(s->rt, operand(s, 1));
  int8_t *y = output_i8(s, 0);
  for (uint32_t b = 0; b < batches; b++) {
    const int8_t *x = input_i8(s, 0) + (size_t)b * in, *w = input_i8(s, 2);
    const uint8_t *time = input_bytes(s, 3);
    uint32_t acc = 0;
    for (uint32_t f = 0; f < filters; f++, w += in, time += memory * width, state += memory * width) {
      if (f % rank == 0) acc = bias != NULL ? load_le32(bias + f / rank * 4) : 0;
      const int32_t value = requantize((int32_t)dot1(x, x_offset, w, in), feature_multiplier, feature_shift);
      acc += width == 1 ? remember_8((int8_t *)state, memory, value, zero, (const int8_t *)time)
                        : remember_16(state, memory, value, zero, time);
      if (f % rank == rank - 1)
        *y++ = to_int8(acc, param_i32(s, FLEET_SVDF_OUTPUT_MULTIPLIER), param_i8(s, FLEET_SVDF_OUTPUT_SHIFT),
                       param_i16(s, FLEET_SVDF_OUTPUT_OFFSET), INT8_MIN, INT8_MAX);
    }
  }
  return fleet_ok;
}
