// DEPTHWISE_CONV_2D, int8 and int16 activations, per channel, any depth multiplier and dilation. Reference: TFLite
// reference_integer_ops::DepthwiseConvPerChannel. Output channels are worked in blocks whose sums stay in registers.
#include "dot.h"

enum { block = 16 };

int32_t fleet_check_depthwise_conv_2d(const step_t *s) {
  const uint32_t in_c = param_u16(s, FLEET_DEPTHWISE_CONV_2D_IN_C);
  const uint32_t multiplier = param_u16(s, FLEET_DEPTHWISE_CONV_2D_MULTIPLIER);
  const uint32_t fh = param_u16(s, FLEET_DEPTHWISE_CONV_2D_FILTER_H), fw = param_u16(s, FLEET_DEPTHWISE_CONV_2D_FILTER_W);
  const uint32_t in_h = param_u16(s, FLEET_DEPTHWISE_CONV_2D_IN_H), in_w = param_u16(s, FLEET_DEPTHWISE_CONV_2D_IN_W);
  const uint32_t out_h = param_u16(s, FLEET_DEPTHWISE_CONV_2D_OUT_H), out_w = param_u16(s, FLEET_DEPTHWISE_CONV_2D_OUT_W);
  const uint64_t batches = param_u16(s, FLEET_DEPTHWISE_CONV_2D_BATCHES);
  if (batches == 0 || in_h == 0 || in_w == 0 || in_c == 0 || multiplier == 0 || in_c * multiplier > 0xffffu ||
      !fleet_is_window(out_h, param_u16(s, FLEET_DEPTHWISE_CONV_2D_STRIDE_H), fh, param_u16(s, FLEET_DEPTHWISE_CONV_2D_DILATION_H)) ||
      !fleet_is_window(out_w, param_u16(s, FLEET_DEPTHWISE_CONV_2D_STRIDE_W), fw, param_u16(s, FLEET_DEPTHWISE_CONV_2D_DILATION_W)))
    return -fleet_err_bundle_shape_invalid;
  const uint32_t out_c = in_c * multiplier, dtype = fleet_activation_type(s), width = bytes_of(dtype);
  if (dtype == 0 || !fleet_is_tensor(operand(s, 0), dtype, batches * in_h * in_w * in_c, width) ||
      !fleet_is_tensor(operand(s, 1), FLEET_DTYPE_INT8, (uint64_t)fh * fw * out_c, 1) ||
      !fleet_is_tensor(output_operand(s, 0), dtype, batches * out_h * out_w * out_c, width))
    return -fleet_err_bundle_shape_invalid;
  const int32_t offsets[3] = {param_i16(s, FLEET_DEPTHWISE_CONV_2D_INPUT_OFFSET), param_i16(s, FLEET_DEPTHWISE_CONV_2D_WEIGHTS_OFFSET),
                              param_i16(s, FLEET_DEPTHWISE_CONV_2D_OUTPUT_OFFSET)};
  if (!fleet_is_layer_range(dtype, offsets, param_i16(s, FLEET_DEPTHWISE_CONV_2D_ACTIVATION_MIN),
                            param_i16(s, FLEET_DEPTHWISE_CONV_2D_ACTIVATION_MAX)))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_check_requantization(s, 2, dtype, (uint64_t)fh * fw, out_c, out_c);
}

// acc[i] += (x[i] + x_offset) * (w[i] + w_offset) for a full block: constant length, so compilers use vectors.
static inline void add_block(uint32_t acc[block], const int8_t *x, int32_t x_offset, const int8_t *w, int32_t w_offset) {
#if defined(__wasm_simd128__)
  const v128_t vx = wasm_v128_load(x), vw = wasm_v128_load(w);
  const v128_t xo = wasm_i16x8_splat((int16_t)x_offset), wo = wasm_i16x8_splat((int16_t)w_offset);
  const v128_t x0 = wasm_i16x8_add(wasm_i16x8_extend_low_i8x16(vx), xo), x1 = wasm_i16x8_add(wasm_i16x8_extend_high_i8x16(vx), xo);
  const v128_t w0 = wasm_i16x8_add(wasm_i16x8_extend_low_i8x16(vw), wo), w1 = wasm_i16x8_add(wasm_i16x8_extend_high_i8x16(vw), wo);
  wasm_v128_store(acc, wasm_i32x4_add(wasm_v128_load(acc), wasm_i32x4_extmul_low_i16x8(x0, w0)));
  wasm_v128_store(acc + 4, wasm_i32x4_add(wasm_v128_load(acc + 4), wasm_i32x4_extmul_high_i16x8(x0, w0)));
  wasm_v128_store(acc + 8, wasm_i32x4_add(wasm_v128_load(acc + 8), wasm_i32x4_extmul_low_i16x8(x1, w1)));
  wasm_v128_store(acc + 12, wasm_i32x4_add(wasm_v128_load(acc + 12), wasm_i32x4_extmul_high_i16x8(x1, w1)));
#else
  for (uint32_t i = 0; i < block; i++) acc[i] += (uint32_t)((x[i] + x_offset) * (w[i] + w_offset));
#endif
}

// acc[i] += v * (w[i] + w_offset), i < n <= block: one input channel for all outputs of the block.
static inline void add_scaled(uint32_t acc[block], int32_t v, const int8_t *w, int32_t w_offset, uint32_t n) {
  uint32_t i = 0;
#if defined(__wasm_simd128__)
  const v128_t vx = wasm_i16x8_splat((int16_t)v), wo = wasm_i16x8_splat((int16_t)w_offset);
  for (; i + 8 <= n; i += 8) {
    const v128_t row = wasm_i16x8_add(wasm_i16x8_load8x8(w + i), wo);
    wasm_v128_store(acc + i, wasm_i32x4_add(wasm_v128_load(acc + i), wasm_i32x4_extmul_low_i16x8(vx, row)));
    wasm_v128_store(acc + i + 4, wasm_i32x4_add(wasm_v128_load(acc + i + 4), wasm_i32x4_extmul_high_i16x8(vx, row)));
  }
#endif
  for (; i < n; i++) acc[i] += (uint32_t)(v * (w[i] + w_offset));
}

// 16-bit activations: one output channel after the other.
static int32_t run_wide(const step_t *s) {
  const uint32_t batches = param_u16(s, FLEET_DEPTHWISE_CONV_2D_BATCHES);
  const uint32_t in_h = param_u16(s, FLEET_DEPTHWISE_CONV_2D_IN_H), in_w = param_u16(s, FLEET_DEPTHWISE_CONV_2D_IN_W);
  const uint32_t in_c = param_u16(s, FLEET_DEPTHWISE_CONV_2D_IN_C);
  const uint32_t multiplier = param_u16(s, FLEET_DEPTHWISE_CONV_2D_MULTIPLIER), out_c = in_c * multiplier;
  const uint32_t out_h = param_u16(s, FLEET_DEPTHWISE_CONV_2D_OUT_H), out_w = param_u16(s, FLEET_DEPTHWISE_CONV_2D_OUT_W);
  const uint32_t fh = param_u16(s, FLEET_DEPTHWISE_CONV_2D_FILTER_H), fw = param_u16(s, FLEET_DEPTHWISE_CONV_2D_FILTER_W);
  const int32_t stride_h = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_STRIDE_H);
  const int32_t stride_w = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_STRIDE_W);
  const int32_t dilation_h = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_DILATION_H);
  const int32_t dilation_w = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_DILATION_W);
  const wide_end_t end = wide_end(s, param_i16(s, FLEET_DEPTHWISE_CONV_2D_ACTIVATION_MIN), param_i16(s, FLEET_DEPTHWISE_CONV_2D_ACTIVATION_MAX));
  const int8_t *weights = input_i8(s, 1);
  int16_t *y = output_i16(s, 0);
  for (uint32_t b = 0; b < batches; b++) {
    const int16_t *image = input_i16(s, 0) + (size_t)b * in_h * in_w * in_c;
    for (uint32_t oy = 0; oy < out_h; oy++)
      for (uint32_t ox = 0; ox < out_w; ox++) {
        const int32_t y0 = (int32_t)oy * stride_h - (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_PAD_TOP);
        const int32_t x0 = (int32_t)ox * stride_w - (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_PAD_LEFT);
        for (uint32_t o = 0; o < out_c; o++) {
          int64_t sum = 0;
          for (uint32_t fy = 0; fy < fh; fy++) {
            const int32_t iy = y0 + (int32_t)fy * dilation_h;
            if (iy < 0 || iy >= (int32_t)in_h) continue;
            for (uint32_t fx = 0; fx < fw; fx++) {
              const int32_t ix = x0 + (int32_t)fx * dilation_w;
              if (ix < 0 || ix >= (int32_t)in_w) continue;
              const size_t at = ((size_t)iy * in_w + (size_t)ix) * in_c + o / multiplier;
              sum += image[at] * weights[((size_t)fy * fw + fx) * out_c + o];
            }
          }
          *y++ = wide_finish(&end, sum, o, o);
        }
      }
  }
  return fleet_ok;
}

#if defined(__wasm_simd128__)
typedef struct {
  uint32_t in_h, in_w, in_c, filter_h, filter_w;
  int32_t dilation_h, dilation_w, x_offset, w_offset;
} window_t;

// One block of outputs for multiplier 1, its sums in registers; `image` and `w` begin at its first channel, which is `channel`.
static void run_block(const window_t *p, const int8_t *image, const int8_t *w, const int32_t at[2], const lanes_end_t *end,
                     uint32_t channel, int8_t *y) {
  const v128_t xo = wasm_i16x8_splat((int16_t)p->x_offset), wo = wasm_i16x8_splat((int16_t)p->w_offset);
  v128_t a0 = wasm_i32x4_splat(0), a1 = a0, a2 = a0, a3 = a0;
  for (uint32_t fy = 0; fy < p->filter_h; fy++) {
    const int32_t iy = at[0] + (int32_t)fy * p->dilation_h;
    if (iy < 0 || iy >= (int32_t)p->in_h) continue;
    for (uint32_t fx = 0; fx < p->filter_w; fx++) {
      const int32_t ix = at[1] + (int32_t)fx * p->dilation_w;
      if (ix < 0 || ix >= (int32_t)p->in_w) continue;
      const v128_t vx = wasm_v128_load(image + ((size_t)iy * p->in_w + (size_t)ix) * p->in_c);
      const v128_t vw = wasm_v128_load(w + ((size_t)fy * p->filter_w + fx) * p->in_c);
      const v128_t x0 = wasm_i16x8_add(wasm_i16x8_extend_low_i8x16(vx), xo), x1 = wasm_i16x8_add(wasm_i16x8_extend_high_i8x16(vx), xo);
      const v128_t w0 = wasm_i16x8_add(wasm_i16x8_extend_low_i8x16(vw), wo), w1 = wasm_i16x8_add(wasm_i16x8_extend_high_i8x16(vw), wo);
      a0 = wasm_i32x4_add(a0, wasm_i32x4_extmul_low_i16x8(x0, w0));
      a1 = wasm_i32x4_add(a1, wasm_i32x4_extmul_high_i16x8(x0, w0));
      a2 = wasm_i32x4_add(a2, wasm_i32x4_extmul_low_i16x8(x1, w1));
      a3 = wasm_i32x4_add(a3, wasm_i32x4_extmul_high_i16x8(x1, w1));
    }
  }
  lanes_finish(end, a0, channel, y);
  lanes_finish(end, a1, channel + 4, y + 4);
  lanes_finish(end, a2, channel + 8, y + 8);
  lanes_finish(end, a3, channel + 12, y + 12);
}
#endif

int32_t fleet_run_depthwise_conv_2d(const step_t *s) {
  if (dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16) return run_wide(s);
  const uint32_t batches = param_u16(s, FLEET_DEPTHWISE_CONV_2D_BATCHES);
  const uint32_t in_h = param_u16(s, FLEET_DEPTHWISE_CONV_2D_IN_H), in_w = param_u16(s, FLEET_DEPTHWISE_CONV_2D_IN_W);
  const uint32_t in_c = param_u16(s, FLEET_DEPTHWISE_CONV_2D_IN_C);
  const uint32_t multiplier = param_u16(s, FLEET_DEPTHWISE_CONV_2D_MULTIPLIER);
  const uint32_t out_h = param_u16(s, FLEET_DEPTHWISE_CONV_2D_OUT_H), out_w = param_u16(s, FLEET_DEPTHWISE_CONV_2D_OUT_W);
  const uint32_t fh = param_u16(s, FLEET_DEPTHWISE_CONV_2D_FILTER_H), fw = param_u16(s, FLEET_DEPTHWISE_CONV_2D_FILTER_W);
  const int32_t stride_h = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_STRIDE_H);
  const int32_t stride_w = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_STRIDE_W);
  const int32_t dilation_h = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_DILATION_H);
  const int32_t dilation_w = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_DILATION_W);
  const int32_t pad_top = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_PAD_TOP);
  const int32_t pad_left = (int32_t)param_u16(s, FLEET_DEPTHWISE_CONV_2D_PAD_LEFT);
  const int32_t x_offset = param_i16(s, FLEET_DEPTHWISE_CONV_2D_INPUT_OFFSET);
  const int32_t w_offset = param_i16(s, FLEET_DEPTHWISE_CONV_2D_WEIGHTS_OFFSET);
  const int32_t y_offset = param_i16(s, FLEET_DEPTHWISE_CONV_2D_OUTPUT_OFFSET);
  const int32_t low = param_i16(s, FLEET_DEPTHWISE_CONV_2D_ACTIVATION_MIN), high = param_i16(s, FLEET_DEPTHWISE_CONV_2D_ACTIVATION_MAX);
  const int8_t *weights = input_i8(s, 1);
  const uint8_t *bias = input_bytes(s, 2);
  const uint8_t *multipliers = input_bytes(s, 3);
  const int8_t *shifts = input_i8(s, 4);
  const uint32_t out_c = in_c * multiplier;
#if defined(__wasm_simd128__)
  const int32_t range[3] = {y_offset, low, high};
  const window_t window = {in_h, in_w, in_c, fh, fw, dilation_h, dilation_w, x_offset, w_offset};
  const lanes_end_t lanes = lanes_end(s, out_c, range);
#endif
  int8_t *y = output_i8(s, 0);

  for (uint32_t b = 0; b < batches; b++) {
    const int8_t *image = input_i8(s, 0) + (size_t)b * in_h * in_w * in_c;
    for (uint32_t oy = 0; oy < out_h; oy++)
      for (uint32_t ox = 0; ox < out_w; ox++, y += out_c) {
        const int32_t y0 = (int32_t)oy * stride_h - pad_top, x0 = (int32_t)ox * stride_w - pad_left;
        for (uint32_t c = 0; c < out_c; c += block) {
          const uint32_t n = out_c - c < block ? out_c - c : block;
          uint32_t acc[block] = {0};
#if defined(__wasm_simd128__)
          if (multiplier == 1 && n == block && lanes.usable) {
            const int32_t at[2] = {y0, x0};
            run_block(&window, image + c, weights + c, at, &lanes, c, y + c);
            continue;
          }
#endif
          for (uint32_t fy = 0; fy < fh; fy++) {
            const int32_t iy = y0 + (int32_t)fy * dilation_h;
            if (iy < 0 || iy >= (int32_t)in_h) continue;
            for (uint32_t fx = 0; fx < fw; fx++) {
              const int32_t ix = x0 + (int32_t)fx * dilation_w;
              if (ix < 0 || ix >= (int32_t)in_w) continue;
              const int8_t *x = image + ((size_t)iy * in_w + (size_t)ix) * in_c;
              const int8_t *w = weights + ((size_t)fy * fw + fx) * out_c + c;
              if (multiplier == 1 && n == block) {
                add_block(acc, x + c, x_offset, w, w_offset);
              } else if (multiplier == 1) {
                for (uint32_t i = 0; i < n; i++) acc[i] += (uint32_t)((x[c + i] + x_offset) * (w[i] + w_offset));
              } else if (in_c == 1) {
                add_scaled(acc, x[0] + x_offset, w, w_offset, n);
              } else {
                uint32_t channel = c / multiplier, rest = c % multiplier;
                for (uint32_t i = 0; i < n; i++) {
                  acc[i] += (uint32_t)((x[channel] + x_offset) * (w[i] + w_offset));
                  if (++rest == multiplier) {
                    rest = 0;
                    channel++;
                  }
                }
              }
            }
          }
          for (uint32_t i = 0; i < n; i++) {
            const uint32_t o = c + i;
            const uint32_t sum = acc[i] + (bias != NULL ? load_le32(bias + (size_t)o * 4) : 0);
            y[o] = to_int8(sum, load_i32(multipliers + (size_t)o * 4), shifts[o], y_offset, low, high);
          }
        }
      }
  }
  return fleet_ok;
}
