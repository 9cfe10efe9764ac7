// TRANSPOSE_CONV, int8 and int16 activations, per channel. Reference: TFLite reference_integer_ops::TransposeConv. The
// reference scatters every input over a buffer of accumulators; here each output gathers the taps that reach it, which adds
// the same products and needs no buffer.
#include "dot.h"

#define P(name) FLEET_TRANSPOSE_CONV_##name

int32_t fleet_check_transpose_conv(const step_t *s) {
  const uint32_t in_h = param_u16(s, P(IN_H)), in_w = param_u16(s, P(IN_W)), in_c = param_u16(s, P(IN_C));
  const uint32_t out_h = param_u16(s, P(OUT_H)), out_w = param_u16(s, P(OUT_W)), out_c = param_u16(s, P(OUT_C));
  const uint32_t fh = param_u16(s, P(FILTER_H)), fw = param_u16(s, P(FILTER_W));
  const uint32_t sh = param_u16(s, P(STRIDE_H)), sw = param_u16(s, P(STRIDE_W));
  const uint64_t batches = param_u16(s, P(BATCHES));
  const uint32_t dtype = fleet_activation_type(s), width = bytes_of(dtype);
  if (dtype == 0 || batches == 0 || in_h == 0 || in_w == 0 || in_c == 0 || out_h == 0 || out_w == 0 || out_c == 0 || fh == 0 ||
      fw == 0 || sh == 0 || sw == 0 || !fleet_is_tensor(operand(s, 0), dtype, batches * in_h * in_w * in_c, width) ||
      !fleet_is_tensor(operand(s, 1), FLEET_DTYPE_INT8, (uint64_t)out_c * fh * fw * in_c, 1) ||
      !fleet_is_tensor(output_operand(s, 0), dtype, batches * out_h * out_w * out_c, width))
    return -fleet_err_bundle_shape_invalid;
  const int32_t offsets[3] = {param_i16(s, P(INPUT_OFFSET)), param_i16(s, P(WEIGHTS_OFFSET)), param_i16(s, P(OUTPUT_OFFSET))};
  if (!fleet_is_layer_range(dtype, offsets, param_i16(s, P(ACTIVATION_MIN)), param_i16(s, P(ACTIVATION_MAX))))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_check_requantization(s, 2, dtype, (uint64_t)fh * fw * in_c, out_c, out_c);
}

// One axis: output o reaches input i through tap f where i * stride + f = o + pad. The first tap that hits an input is
// `first`, the next ones follow at `stride`, each one input earlier.
typedef struct {
  uint32_t first, taps, input;
} reach_t;

static reach_t reach(uint32_t padded, uint32_t stride, uint32_t filter, uint32_t size) {
  reach_t r = {padded % stride, 0, padded / stride};
  if (r.input >= size) { // taps before this one would read behind the input
    r.first += (r.input - size + 1) * stride;
    r.input = size - 1;
  }
  if (r.first < filter) r.taps = (filter - 1 - r.first) / stride + 1;
  if (r.taps > r.input + 1) r.taps = r.input + 1;
  return r;
}

int32_t fleet_run_transpose_conv(const step_t *s) {
  const uint32_t in_h = param_u16(s, P(IN_H)), in_w = param_u16(s, P(IN_W)), in_c = param_u16(s, P(IN_C));
  const uint32_t out_h = param_u16(s, P(OUT_H)), out_w = param_u16(s, P(OUT_W)), out_c = param_u16(s, P(OUT_C));
  const uint32_t fh = param_u16(s, P(FILTER_H)), fw = param_u16(s, P(FILTER_W));
  const uint32_t sh = param_u16(s, P(STRIDE_H)), sw = param_u16(s, P(STRIDE_W));
  const uint32_t batches = param_u16(s, P(BATCHES));
  const int32_t x_offset = param_i16(s, P(INPUT_OFFSET)), w_offset = param_i16(s, P(WEIGHTS_OFFSET));
  const int32_t y_offset = param_i16(s, P(OUTPUT_OFFSET));
  const int32_t low = param_i16(s, P(ACTIVATION_MIN)), high = param_i16(s, P(ACTIVATION_MAX));
  const int wide = dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16;
  const wide_end_t end = wide_end(s, low, high);
  const uint8_t *bias = input_bytes(s, 2);
  const uint8_t *multipliers = input_bytes(s, 3);
  const int8_t *shifts = input_i8(s, 4);
  size_t at = 0; // of the next output, in elements
  for (uint32_t b = 0; b < batches; b++)
    for (uint32_t oy = 0; oy < out_h; oy++) {
      const reach_t rows = reach(oy + param_u16(s, P(PAD_TOP)), sh, fh, in_h);
      for (uint32_t ox = 0; ox < out_w; ox++) {
        const reach_t cols = reach(ox + param_u16(s, P(PAD_LEFT)), sw, fw, in_w);
        for (uint32_t o = 0; o < out_c; o++, at++) {
          uint32_t acc = bias != NULL && !wide ? load_le32(bias + (size_t)o * 4) : 0;
          int64_t sum = 0;
          for (uint32_t ty = 0; ty < rows.taps; ty++)
            for (uint32_t tx = 0; tx < cols.taps; tx++) {
              const size_t x = (((size_t)b * in_h + rows.input - ty) * in_w + cols.input - tx) * in_c;
              const size_t fy = rows.first + (size_t)ty * sh, fx = cols.first + (size_t)tx * sw;
              const int8_t *w = input_i8(s, 1) + (((size_t)o * fh + fy) * fw + fx) * in_c;
              if (wide) {
                sum += dot_wide(input_i16(s, 0) + x, w, in_c);
                continue;
              }
              acc += dot1(input_i8(s, 0) + x, x_offset, w, in_c);
              if (w_offset != 0) acc += (uint32_t)w_offset * sum_row(input_i8(s, 0) + x, x_offset, in_c);
            }
          if (wide) output_i16(s, 0)[at] = wide_finish(&end, sum, o, o);
          else output_i8(s, 0)[at] = to_int8(acc, load_i32(multipliers + (size_t)o * 4), shifts[o], y_offset, low, high);
        }
      }
    }
  return fleet_ok;
}
