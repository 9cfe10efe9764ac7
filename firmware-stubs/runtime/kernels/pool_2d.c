// AVERAGE_POOL_2D and MAX_POOL_2D, int8 and int16. Reference: TFLite reference_integer_ops::AveragePool, MaxPool: only elements
// inside the input count. The two ops share parameters, so one table of offsets serves both.
#include "internal.h"

enum { block = 16 };

#define P(name) FLEET_AVERAGE_POOL_2D_##name

static int32_t check(const step_t *s) {
  const uint32_t in_h = param_u16(s, P(IN_H)), in_w = param_u16(s, P(IN_W)), channels = param_u16(s, P(CHANNELS));
  const uint32_t out_h = param_u16(s, P(OUT_H)), out_w = param_u16(s, P(OUT_W));
  const uint32_t fh = param_u16(s, P(FILTER_H)), fw = param_u16(s, P(FILTER_W));
  const uint32_t sh = param_u16(s, P(STRIDE_H)), sw = param_u16(s, P(STRIDE_W));
  const uint32_t top = param_u16(s, P(PAD_TOP)), left = param_u16(s, P(PAD_LEFT));
  const uint64_t batches = param_u16(s, P(BATCHES));
  const uint32_t dtype = fleet_activation_type(s), width = bytes_of(dtype);
  const int32_t low = param_i16(s, P(ACTIVATION_MIN)), high = param_i16(s, P(ACTIVATION_MAX));
  if (dtype == 0 || batches == 0 || in_h == 0 || in_w == 0 || channels == 0 || !fleet_is_window(out_h, sh, fh, 1) ||
      !fleet_is_window(out_w, sw, fw, 1) ||
      !fleet_is_tensor(operand(s, 0), dtype, batches * in_h * in_w * channels, width) ||
      !fleet_is_tensor(output_operand(s, 0), dtype, batches * out_h * out_w * channels, width))
    return -fleet_err_bundle_shape_invalid;
  // The first and the last window see at least one element, so every window does; the sum of a window stays in 32 bits.
  if (top >= fh || left >= fw || (uint64_t)(out_h - 1) * sh >= (uint64_t)in_h + top ||
      (uint64_t)(out_w - 1) * sw >= (uint64_t)in_w + left || (uint64_t)fh * fw > (dtype == FLEET_DTYPE_INT16 ? UINT32_C(1) << 15 : UINT32_C(1) << 23))
    return -fleet_err_bundle_shape_invalid;
  const int32_t offsets[3] = {0, 0, 0};
  if (!fleet_is_layer_range(dtype, offsets, low, high))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

int32_t fleet_check_average_pool_2d(const step_t *s) { return check(s); }
int32_t fleet_check_max_pool_2d(const step_t *s) { return check(s); }

// acc[i] = the sum or the larger of acc[i] and x[i].
static inline void pool_narrow(int32_t acc[block], const int8_t *x, uint32_t n, int average) {
  if (average)
    for (uint32_t i = 0; i < n; i++) acc[i] += x[i];
  else
    for (uint32_t i = 0; i < n; i++) acc[i] = x[i] > acc[i] ? x[i] : acc[i];
}

static inline void pool_wide(int32_t acc[block], const int16_t *x, uint32_t n, int average) {
  if (average)
    for (uint32_t i = 0; i < n; i++) acc[i] += x[i];
  else
    for (uint32_t i = 0; i < n; i++) acc[i] = x[i] > acc[i] ? x[i] : acc[i];
}

static int32_t run(const step_t *s, int average) {
  const int32_t in_h = (int32_t)param_u16(s, P(IN_H)), in_w = (int32_t)param_u16(s, P(IN_W));
  const uint32_t channels = param_u16(s, P(CHANNELS)), batches = param_u16(s, P(BATCHES));
  const int32_t out_h = (int32_t)param_u16(s, P(OUT_H)), out_w = (int32_t)param_u16(s, P(OUT_W));
  const int32_t fh = (int32_t)param_u16(s, P(FILTER_H)), fw = (int32_t)param_u16(s, P(FILTER_W));
  const int32_t sh = (int32_t)param_u16(s, P(STRIDE_H)), sw = (int32_t)param_u16(s, P(STRIDE_W));
  const int32_t top = (int32_t)param_u16(s, P(PAD_TOP)), left = (int32_t)param_u16(s, P(PAD_LEFT));
  const int32_t low = param_i16(s, P(ACTIVATION_MIN)), high = param_i16(s, P(ACTIVATION_MAX));
  const int wide = dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16;
  const size_t image_elements = (size_t)in_h * (size_t)in_w * channels;
  size_t at = 0; // of the next output, in elements
  for (uint32_t b = 0; b < batches; b++) {
    for (int32_t oy = 0; oy < out_h; oy++)
      for (int32_t ox = 0; ox < out_w; ox++, at += channels) {
        const int32_t y0 = oy * sh - top, x0 = ox * sw - left;
        const int32_t y1 = y0 < 0 ? 0 : y0, y2 = y0 + fh < in_h ? y0 + fh : in_h;
        const int32_t x1 = x0 < 0 ? 0 : x0, x2 = x0 + fw < in_w ? x0 + fw : in_w;
        const int32_t count = (y2 - y1) * (x2 - x1);
        for (uint32_t c = 0; c < channels; c += block) {
          const uint32_t n = channels - c < block ? channels - c : block;
          int32_t acc[block];
          for (uint32_t i = 0; i < n; i++) acc[i] = average ? 0 : INT32_MIN;
          for (int32_t iy = y1; iy < y2; iy++)
            for (int32_t ix = x1; ix < x2; ix++) {
              const size_t from = b * image_elements + ((size_t)iy * (size_t)in_w + (size_t)ix) * channels + c;
              if (wide) pool_wide(acc, input_i16(s, 0) + from, n, average);
              else pool_narrow(acc, input_i8(s, 0) + from, n, average);
            }
          for (uint32_t i = 0; i < n; i++) {
            int32_t value = acc[i];
            if (average) value = (value > 0 ? value + count / 2 : value - count / 2) / count;
            value = clamp(value, low, high);
            if (wide) output_i16(s, 0)[at + c + i] = (int16_t)value;
            else output_i8(s, 0)[at + c + i] = (int8_t)value;
          }
        }
      }
  }
  return fleet_ok;
}

int32_t fleet_run_average_pool_2d(const step_t *s) { return run(s, 1); }
int32_t fleet_run_max_pool_2d(const step_t *s) { return run(s, 0); }
