// FULLY_CONNECTED, int8 and int16 activations. Reference: TFLite reference_integer_ops::FullyConnected[PerChannel].
#include "dot.h"

int32_t fleet_check_fully_connected(const step_t *s) {
  const uint64_t batches = param_u32(s, FLEET_FULLY_CONNECTED_BATCHES);
  const uint64_t in = param_u32(s, FLEET_FULLY_CONNECTED_IN_N);
  const uint64_t out = param_u32(s, FLEET_FULLY_CONNECTED_OUT_N);
  const uint32_t dtype = fleet_activation_type(s), width = bytes_of(dtype);
  if (dtype == 0 || batches == 0 || in == 0 || out == 0 || !fleet_is_tensor(operand(s, 0), dtype, batches * in, width) ||
      !fleet_is_tensor(operand(s, 1), FLEET_DTYPE_INT8, in * out, 1) ||
      !fleet_is_tensor(output_operand(s, 0), dtype, batches * out, width))
    return -fleet_err_bundle_shape_invalid;
  const uint32_t per_channel = param_u8(s, FLEET_FULLY_CONNECTED_PER_CHANNEL);
  const int32_t offsets[3] = {param_i16(s, FLEET_FULLY_CONNECTED_INPUT_OFFSET), param_i16(s, FLEET_FULLY_CONNECTED_WEIGHTS_OFFSET),
                              param_i16(s, FLEET_FULLY_CONNECTED_OUTPUT_OFFSET)};
  if (per_channel > 1 || !fleet_is_layer_range(dtype, offsets, param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MIN),
                                               param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MAX)))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_check_requantization(s, 2, dtype, in, (uint32_t)out, per_channel ? (uint32_t)out : 1);
}

static int32_t run_wide(const step_t *s) {
  const uint32_t batches = param_u32(s, FLEET_FULLY_CONNECTED_BATCHES);
  const uint32_t in = param_u32(s, FLEET_FULLY_CONNECTED_IN_N), out = param_u32(s, FLEET_FULLY_CONNECTED_OUT_N);
  const uint32_t per_channel = param_u8(s, FLEET_FULLY_CONNECTED_PER_CHANNEL);
  const wide_end_t end = wide_end(s, param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MIN), param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MAX));
  int16_t *y = output_i16(s, 0);
  for (uint32_t b = 0; b < batches; b++)
    for (uint32_t o = 0; o < out; o++) {
      const int64_t sum = dot_wide(input_i16(s, 0) + (size_t)b * in, input_i8(s, 1) + (size_t)o * in, in);
      *y++ = wide_finish(&end, sum, o, per_channel * o);
    }
  return fleet_ok;
}

int32_t fleet_run_fully_connected(const step_t *s) {
  if (has_int16 && dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16) return run_wide(s);
  const fleet_size_t batches = (fleet_size_t)param_u32(s, FLEET_FULLY_CONNECTED_BATCHES);
  const fleet_size_t in = (fleet_size_t)param_u32(s, FLEET_FULLY_CONNECTED_IN_N);
  const fleet_size_t out = (fleet_size_t)param_u32(s, FLEET_FULLY_CONNECTED_OUT_N);
  const int32_t x_offset = param_i16(s, FLEET_FULLY_CONNECTED_INPUT_OFFSET);
  const int32_t w_offset = param_i16(s, FLEET_FULLY_CONNECTED_WEIGHTS_OFFSET);
  const int32_t y_offset = param_i16(s, FLEET_FULLY_CONNECTED_OUTPUT_OFFSET);
  const int32_t low = param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MIN);
  const int32_t high = param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MAX);
  const fleet_size_t per_channel = (fleet_size_t)param_u8(s, FLEET_FULLY_CONNECTED_PER_CHANNEL);
  const FLEET_CONST_MEMORY int8_t *weights = const_i8(s, 1);
  const FLEET_CONST_MEMORY uint8_t *bias = const_bytes(s, 2);
  const FLEET_CONST_MEMORY uint8_t *multipliers = const_bytes(s, 3);
  const FLEET_CONST_MEMORY int8_t *shifts = const_i8(s, 4);
  for (fleet_size_t b = 0; b < batches; b++) {
    const int8_t *x = input_i8(s, 0) + (size_t)b * in;
    int8_t *y = output_i8(s, 0) + (size_t)b * out;
    const uint32_t common = w_offset != 0 ? (uint32_t)w_offset * sum_row(x, x_offset, in) : 0;
    for (fleet_size_t o = 0; o < out; o += rows_at_once) {
      const fleet_size_t n = out - o < rows_at_once ? out - o : (fleet_size_t)rows_at_once;
      uint32_t acc[rows_at_once] = {0};
      const FLEET_CONST_MEMORY int8_t *w = weights + (size_t)o * in;
      if (rows_at_once == 4 && n == 4) dot4(x, x_offset, w, in, in, acc);
      else
        for (fleet_size_t j = 0; j < n; j++) acc[j] = dot1(x, x_offset, w + (size_t)j * in, in);
      for (fleet_size_t j = 0; j < n; j++) {
        const fleet_size_t c = per_channel * (o + j);
        const uint32_t sum = acc[j] + common + (bias != NULL ? load_const_le32(bias + (size_t)(o + j) * 4) : 0);
        y[o + j] = to_int8(sum, (int32_t)load_const_le32(multipliers + (size_t)c * 4), shifts[c], y_offset, low, high);
      }
    }
  }
  return fleet_ok;
}
