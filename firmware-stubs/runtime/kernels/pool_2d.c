// AVERAGE_POOL_2D and MAX_POOL_2D, int8. Reference: TFLite reference_integer_ops::AveragePool, MaxPool: only elements
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
  if (batches == 0 || in_h == 0 || in_w == 0 || channels == 0 || !fleet_is_window(out_h, sh, fh, 1) ||
      !fleet_is_window(out_w, sw, fw, 1) ||
      !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT8, batches * in_h * in_w * channels, 1) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT8, batches * out_h * out_w * channels, 1))
    return -fleet_err_bundle_shape_invalid;
  // The first and the last window see at least one element, so every window does; the sum of a window stays in 32 bits.
  if (top >= fh || left >= fw || (uint64_t)(out_h - 1) * sh >= (uint64_t)in_h + top ||
      (uint64_t)(out_w - 1) * sw >= (uint64_t)in_w + left || (uint64_t)fh * fw > (UINT32_C(1) << 23))
    return -fleet_err_bundle_shape_invalid;
  if (!fleet_is_int8_range(0, 0, param_i16(s, P(ACTIVATION_MIN)), param_i16(s, P(ACTIVATION_MAX))))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

int32_t fleet_check_average_pool_2d(const step_t *s) { return check(s); }
int32_t fleet_check_max_pool_2d(const step_t *s) { return check(s); }

static int32_t run(const step_t *s, int average) {
  const int32_t in_h = (int32_t)param_u16(s, P(IN_H)), in_w = (int32_t)param_u16(s, P(IN_W));
  const uint32_t channels = param_u16(s, P(CHANNELS)), batches = param_u16(s, P(BATCHES));
  const int32_t out_h = (int32_t)param_u16(s, P(OUT_H)), out_w = (int32_t)param_u16(s, P(OUT_W));
  const int32_t fh = (int32_t)param_u16(s, P(FILTER_H)), fw = (int32_t)param_u16(s, P(FILTER_W));
  const int32_t sh = (int32_t)param_u16(s, P(STRIDE_H)), sw = (int32_t)param_u16(s, P(STRIDE_W));
  const int32_t top = (int32_t)param_u16(s, P(PAD_TOP)), left = (int32_t)param_u16(s, P(PAD_LEFT));
  const int32_t low = param_i16(s, P(ACTIVATION_MIN)), high = param_i16(s, P(ACTIVATION_MAX));
  int8_t *y = output_i8(s, 0);
  for (uint32_t b = 0; b < batches; b++) {
    const int8_t *image = input_i8(s, 0) + (size_t)b * (size_t)in_h * (size_t)in_w * channels;
    for (int32_t oy = 0; oy < out_h; oy++)
      for (int32_t ox = 0; ox < out_w; ox++, y += channels) {
        const int32_t y0 = oy * sh - top, x0 = ox * sw - left;
        const int32_t y1 = y0 < 0 ? 0 : y0, y2 = y0 + fh < in_h ? y0 + fh : in_h;
        const int32_t x1 = x0 < 0 ? 0 : x0, x2 = x0 + fw < in_w ? x0 + fw : in_w;
        const int32_t count = (y2 - y1) * (x2 - x1);
        for (uint32_t c = 0; c < channels; c += block) {
          const uint32_t n = channels - c < block ? channels - c : block;
          int32_t acc[block];
          for (uint32_t i = 0; i < n; i++) acc[i] = average ? 0 : -128;
          for (int32_t iy = y1; iy < y2; iy++)
            for (int32_t ix = x1; ix < x2; ix++) {
              const int8_t *x = image + ((size_t)iy * (size_t)in_w + (size_t)ix) * channels + c;
              if (average)
                for (uint32_t i = 0; i < n; i++) acc[i] += x[i];
              else
                for (uint32_t i = 0; i < n; i++) acc[i] = x[i] > acc[i] ? x[i] : acc[i];
            }
          for (uint32_t i = 0; i < n; i++) {
            int32_t value = acc[i];
            if (average) value = (value > 0 ? value + count / 2 : value - count / 2) / count;
            y[c + i] = (int8_t)clamp(value, low, high);
          }
        }
      }
  }
  return fleet_ok;
}

int32_t fleet_run_average_pool_2d(const step_t *s) { return run(s, 1); }
int32_t fleet_run_max_pool_2d(const step_t *s) { return run(s, 0); }
