// FULLY_CONNECTED, int8. Reference: TFLite reference_integer_ops::FullyConnected[PerChannel].
#include "dot.h"

int32_t fleet_check_fully_connected(const step_t *s) {
  const uint64_t batches = param_u32(s, FLEET_FULLY_CONNECTED_BATCHES);
  const uint64_t in = param_u32(s, FLEET_FULLY_CONNECTED_IN_N);
  const uint64_t out = param_u32(s, FLEET_FULLY_CONNECTED_OUT_N);
  if (batches == 0 || in == 0 || out == 0 || !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT8, batches * in, 1) ||
      !fleet_is_tensor(operand(s, 1), FLEET_DTYPE_INT8, in * out, 1) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT8, batches * out, 1))
    return -fleet_err_bundle_shape_invalid;
  const uint8_t *bias = operand(s, 2);
  if (present(bias) && !fleet_is_tensor(bias, FLEET_DTYPE_INT32, out, 4)) return -fleet_err_bundle_shape_invalid;
  const int32_t weights_offset = param_i16(s, FLEET_FULLY_CONNECTED_WEIGHTS_OFFSET);
  if (param_u8(s, FLEET_FULLY_CONNECTED_PER_CHANNEL) > 1 || weights_offset < -128 || weights_offset > 128 ||
      !fleet_is_int8_range(param_i16(s, FLEET_FULLY_CONNECTED_INPUT_OFFSET),
                           param_i16(s, FLEET_FULLY_CONNECTED_OUTPUT_OFFSET),
                           param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MIN),
                           param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MAX)))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_check_requantization(s, 2, param_u8(s, FLEET_FULLY_CONNECTED_PER_CHANNEL) ? (uint32_t)out : 1);
}

int32_t fleet_run_fully_connected(const step_t *s) {
  const uint32_t batches = param_u32(s, FLEET_FULLY_CONNECTED_BATCHES);
  const uint32_t in = param_u32(s, FLEET_FULLY_CONNECTED_IN_N);
  const uint32_t out = param_u32(s, FLEET_FULLY_CONNECTED_OUT_N);
  const int32_t x_offset = param_i16(s, FLEET_FULLY_CONNECTED_INPUT_OFFSET);
  const int32_t w_offset = param_i16(s, FLEET_FULLY_CONNECTED_WEIGHTS_OFFSET);
  const int32_t y_offset = param_i16(s, FLEET_FULLY_CONNECTED_OUTPUT_OFFSET);
  const int32_t low = param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MIN);
  const int32_t high = param_i16(s, FLEET_FULLY_CONNECTED_ACTIVATION_MAX);
  const uint32_t per_channel = param_u8(s, FLEET_FULLY_CONNECTED_PER_CHANNEL);
  const int8_t *weights = input_i8(s, 1);
  const uint8_t *bias = input_bytes(s, 2);
  const uint8_t *multipliers = input_bytes(s, 3);
  const int8_t *shifts = input_i8(s, 4);
  for (uint32_t b = 0; b < batches; b++) {
    const int8_t *x = input_i8(s, 0) + (size_t)b * in;
    int8_t *y = output_i8(s, 0) + (size_t)b * out;
    const uint32_t common = w_offset != 0 ? (uint32_t)w_offset * sum_row(x, x_offset, in) : 0;
    for (uint32_t o = 0; o < out; o += 4) {
      const uint32_t n = out - o < 4 ? out - o : 4;
      uint32_t acc[4] = {0, 0, 0, 0};
      const int8_t *w = weights + (size_t)o * in;
      if (n == 4) dot4(x, x_offset, w, in, in, acc);
      else
        for (uint32_t j = 0; j < n; j++) acc[j] = dot1(x, x_offset, w + (size_t)j * in, in);
      for (uint32_t j = 0; j < n; j++) {
        const uint32_t c = per_channel * (o + j);
        const uint32_t sum = acc[j] + common + (bias != NULL ? load_le32(bias + (size_t)(o + j) * 4) : 0);
        y[o + j] = to_int8(sum, load_i32(multipliers + (size_t)c * 4), shifts[c], y_offset, low, high);
      }
    }
  }
  return fleet_ok;
}
