// RESIZE_NEAREST_NEIGHBOR by two tables that the compiler made (the reference computes them in float), RESIZE_BILINEAR in
// int8. Reference: TFLite reference_ops::ResizeNearestNeighbor, ResizeBilinearInteger.
#include "internal.h"

#define N(name) FLEET_RESIZE_NEAREST_NEIGHBOR_##name
#define B(name) FLEET_RESIZE_BILINEAR_##name

// n entries below `limit`, constant.
static int is_map(const step_t *s, uint32_t index, uint32_t n, uint32_t limit) {
  const uint8_t *op = operand(s, index);
  if (!fleet_is_tensor(op, FLEET_DTYPE_INT16, n, 2) || op[FLEET_OPERAND_SPACE] != FLEET_SPACE_CONST) return 0;
  const uint8_t *map = readable(s->rt, op);
  for (uint32_t i = 0; i < n; i++)
    if (load_i16(map + i * 2) < 0 || load_le16(map + i * 2) >= limit) return 0;
  return 1;
}

int32_t fleet_check_resize_nearest_neighbor(const step_t *s) {
  const uint64_t batches = param_u16(s, N(BATCHES)), pixel = param_u32(s, N(PIXEL_BYTES));
  const uint64_t in_h = param_u16(s, N(IN_H)), in_w = param_u16(s, N(IN_W));
  const uint64_t out_h = param_u16(s, N(OUT_H)), out_w = param_u16(s, N(OUT_W));
  const uint8_t *in = operand(s, 0), *out = output_operand(s, 0);
  const uint64_t in_pixels = batches * in_h * in_w, out_pixels = batches * out_h * out_w; // below 2^48
  if (!present(in) || dtype_of(in) != dtype_of(out) || in_pixels == 0 || out_pixels == 0 || pixel == 0 ||
      in_pixels > UINT32_MAX || out_pixels > UINT32_MAX || in_pixels * pixel != size_of(in) ||
      out_pixels * pixel != size_of(out) || (uint32_t)pixel % fleet_element_bytes(dtype_of(in)) != 0)
    return -fleet_err_bundle_shape_invalid;
  if (!is_map(s, 1, (uint32_t)out_h, (uint32_t)in_h) || !is_map(s, 2, (uint32_t)out_w, (uint32_t)in_w))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_resize_nearest_neighbor(const step_t *s) {
  const uint32_t batches = param_u16(s, N(BATCHES)), in_h = param_u16(s, N(IN_H)), in_w = param_u16(s, N(IN_W));
  const uint32_t out_h = param_u16(s, N(OUT_H)), out_w = param_u16(s, N(OUT_W)), pixel = param_u32(s, N(PIXEL_BYTES));
  const uint8_t *image = input_bytes(s, 0), *rows = input_bytes(s, 1), *columns = input_bytes(s, 2);
  uint8_t *to = writable(s->rt, output_operand(s, 0));
  for (uint32_t b = 0; b < batches; b++, image += (size_t)in_h * in_w * pixel)
    for (uint32_t y = 0; y < out_h; y++) {
      const uint8_t *row = image + (size_t)load_le16(rows + y * 2) * in_w * pixel;
      for (uint32_t x = 0; x < out_w; x++, to += pixel) memcpy(to, row + (size_t)load_le16(columns + x * 2) * pixel, pixel);
    }
  return fleet_ok;
}

// Coordinates have 10 fractional bits: the last one must stay inside an int32.
static int is_scale(int32_t scale, uint32_t out) {
  return scale >= 0 && (uint64_t)(out - 1) * (uint32_t)scale + (uint32_t)scale / 2 < (UINT32_C(1) << 30);
}

int32_t fleet_check_resize_bilinear(const step_t *s) {
  const uint64_t batches = param_u16(s, B(BATCHES)), channels = param_u16(s, B(CHANNELS));
  const uint64_t in_h = param_u16(s, B(IN_H)), in_w = param_u16(s, B(IN_W));
  const uint32_t out_h = param_u16(s, B(OUT_H)), out_w = param_u16(s, B(OUT_W));
  const uint64_t in = batches * in_h * in_w * channels, out = batches * out_h * out_w * channels; // below 2^64
  if (in == 0 || out == 0 || !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT8, in, 1) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT8, out, 1) || param_u8(s, B(HALF_PIXEL_CENTERS)) > 1 ||
      !is_scale(param_i32(s, B(HEIGHT_SCALE)), out_h) || !is_scale(param_i32(s, B(WIDTH_SCALE)), out_w))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

typedef struct {
  uint32_t low;  // pixels
  uint32_t high;
  int32_t weight; // of `high`, 10 fractional bits; of `low` 1024 - weight. -512..1023, negative only where low == high
} span_t;

static span_t span_at(uint32_t i, int32_t scale, int half_pixel, uint32_t n) {
  const int32_t at = (int32_t)i * scale + (half_pixel ? scale / 2 - 512 : 0);
  const int32_t low = at < 0 ? 0 : at >> 10, high = at < 0 ? 0 : (at + 1023) >> 10, last = (int32_t)n - 1;
  const span_t span = {(uint32_t)(low < last ? low : last), (uint32_t)(high < last ? high : last), at - low * 1024};
  return span;
}

int32_t fleet_run_resize_bilinear(const step_t *s) {
  const uint32_t batches = param_u16(s, B(BATCHES)), channels = param_u16(s, B(CHANNELS));
  const uint32_t in_h = param_u16(s, B(IN_H)), in_w = param_u16(s, B(IN_W));
  const uint32_t out_h = param_u16(s, B(OUT_H)), out_w = param_u16(s, B(OUT_W));
  const int32_t h_scale = param_i32(s, B(HEIGHT_SCALE)), w_scale = param_i32(s, B(WIDTH_SCALE));
  const int half = param_u8(s, B(HALF_PIXEL_CENTERS)) != 0;
  const int8_t *image = input_i8(s, 0);
  int8_t *to = output_i8(s, 0);
  for (uint32_t b = 0; b < batches; b++, image += (size_t)in_h * in_w * channels)
    for (uint32_t y = 0; y < out_h; y++) {
      const span_t v = span_at(y, h_scale, half, in_h);
      for (uint32_t x = 0; x < out_w; x++) {
        const span_t u = span_at(x, w_scale, half, in_w);
        const int8_t *p00 = image + ((size_t)v.low * in_w + u.low) * channels;
        const int8_t *p01 = image + ((size_t)v.low * in_w + u.high) * channels;
        const int8_t *p10 = image + ((size_t)v.high * in_w + u.low) * channels;
        const int8_t *p11 = image + ((size_t)v.high * in_w + u.high) * channels;
        // Each weight is at most 1536^2 in magnitude and |q| <= 128: the sum of four stays below 2^31.
        const int32_t w00 = (1024 - v.weight) * (1024 - u.weight), w01 = (1024 - v.weight) * u.weight;
        const int32_t w10 = v.weight * (1024 - u.weight), w11 = v.weight * u.weight;
        for (uint32_t c = 0; c < channels; c++) {
          const int32_t sum = p00[c] * w00 + p01[c] * w01 + p10[c] * w10 + p11[c] * w11;
          *to++ = (int8_t)clamp((sum + (sum > 0 ? INT32_C(1) << 19 : -(INT32_C(1) << 19))) / (INT32_C(1) << 20), -128, 127);
        }
      }
    }
  return fleet_ok;
}
