// CONV_2D, int8 and int16 activations, per channel, with groups and dilation. Reference: TFLite
// reference_integer_ops::ConvPerChannel.
#include "dot.h"

// Patches up to this size are gathered on the stack when their rows are short, with padding written as the zero
// point: a channel is then one dot product. Longer rows are read in place.
enum { patch_bytes = 256, short_row = 32 };

typedef struct {
  uint32_t in_h, in_w, in_c, filter_h, filter_w, dilation_h, dilation_w, group_c;
} shape_t;

typedef struct {
  uint32_t first, end;
} span_t;

// Where a filter lies on the image: its first row and column, and the taps that hit it.
typedef struct {
  int32_t y, x;
  span_t rows, cols;
} position_t;

// Filter taps f with 0 <= origin + f * dilation < size, as [first, end).
static span_t taps(int32_t origin, uint32_t dilation, uint32_t filter, uint32_t size) {
  span_t span = {0, 0};
  if (origin < 0) span.first = ((uint32_t)-origin + dilation - 1) / dilation;
  if (origin < (int32_t)size) {
    span.end = (uint32_t)((int32_t)size - 1 - origin) / dilation + 1;
    if (span.end > filter) span.end = filter;
  }
  if (span.first > span.end) span.first = span.end;
  return span;
}

int32_t fleet_check_conv_2d(const step_t *s) {
  const uint32_t in_c = param_u16(s, FLEET_CONV_2D_IN_C), out_c = param_u16(s, FLEET_CONV_2D_OUT_C);
  const uint32_t groups = param_u16(s, FLEET_CONV_2D_GROUPS);
  const uint32_t fh = param_u16(s, FLEET_CONV_2D_FILTER_H), fw = param_u16(s, FLEET_CONV_2D_FILTER_W);
  const uint32_t in_h = param_u16(s, FLEET_CONV_2D_IN_H), in_w = param_u16(s, FLEET_CONV_2D_IN_W);
  const uint32_t out_h = param_u16(s, FLEET_CONV_2D_OUT_H), out_w = param_u16(s, FLEET_CONV_2D_OUT_W);
  const uint64_t batches = param_u16(s, FLEET_CONV_2D_BATCHES); // four 16-bit factors stay below 2^64
  const uint32_t dtype = fleet_activation_type(s), width = bytes_of(dtype);
  if (dtype == 0 || batches == 0 || in_h == 0 || in_w == 0 || in_c == 0 || out_c == 0 || groups == 0 || in_c % groups != 0 ||
      out_c % groups != 0 ||
      !fleet_is_window(out_h, param_u16(s, FLEET_CONV_2D_STRIDE_H), fh, param_u16(s, FLEET_CONV_2D_DILATION_H)) ||
      !fleet_is_window(out_w, param_u16(s, FLEET_CONV_2D_STRIDE_W), fw, param_u16(s, FLEET_CONV_2D_DILATION_W)) ||
      !fleet_is_tensor(operand(s, 0), dtype, batches * in_h * in_w * in_c, width) ||
      !fleet_is_tensor(operand(s, 1), FLEET_DTYPE_INT8, (uint64_t)out_c * fh * fw * (in_c / groups), 1) ||
      !fleet_is_tensor(output_operand(s, 0), dtype, batches * out_h * out_w * out_c, width))
    return -fleet_err_bundle_shape_invalid;
  const int32_t offsets[3] = {param_i16(s, FLEET_CONV_2D_INPUT_OFFSET), param_i16(s, FLEET_CONV_2D_WEIGHTS_OFFSET),
                              param_i16(s, FLEET_CONV_2D_OUTPUT_OFFSET)};
  if (!fleet_is_layer_range(dtype, offsets, param_i16(s, FLEET_CONV_2D_ACTIVATION_MIN), param_i16(s, FLEET_CONV_2D_ACTIVATION_MAX)))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_check_requantization(s, 2, dtype, (uint64_t)fh * fw * (in_c / groups), out_c, out_c);
}

// The taps of one output position, all input channels of a single group, as one row; taps outside are `zero`.
static void gather(const shape_t *p, const int8_t *image, const position_t *at, int8_t zero, int8_t *patch) {
  const span_t rows = at->rows, cols = at->cols;
  const int32_t y0 = at->y, x0 = at->x;
  const uint32_t row_bytes = p->filter_w * p->in_c;
  if (rows.end - rows.first < p->filter_h || cols.end - cols.first < p->filter_w)
    memset(patch, zero, (size_t)p->filter_h * row_bytes);
  for (uint32_t fy = rows.first; fy < rows.end; fy++) {
    const size_t y = (size_t)(y0 + (int32_t)(fy * p->dilation_h));
    if (p->dilation_w == 1) {
      if (cols.first < cols.end)
        memcpy(patch + fy * row_bytes + cols.first * p->in_c,
               image + (y * p->in_w + (size_t)(x0 + (int32_t)cols.first)) * p->in_c, (cols.end - cols.first) * p->in_c);
      continue;
    }
    for (uint32_t fx = cols.first; fx < cols.end; fx++)
      memcpy(patch + fy * row_bytes + fx * p->in_c,
             image + (y * p->in_w + (size_t)(x0 + (int32_t)(fx * p->dilation_w))) * p->in_c, p->in_c);
  }
}

// acc[0..n) = sums of n output channels (n <= 4, one group) at a position. Returns the sum of the inputs seen, for
// weights_offset.
static uint32_t accumulate(const shape_t *p, const int8_t *image, const int8_t *w, const position_t *at, int32_t x_offset,
                           uint32_t n, int with_sum, uint32_t acc[4]) {
  const uint32_t channel = p->filter_h * p->filter_w * p->group_c; // weights of one output channel
  const span_t rows = at->rows, cols = at->cols;
  const int contiguous = p->dilation_w == 1 && p->group_c == p->in_c;
  uint32_t sum = 0;
  if (cols.first >= cols.end) return 0;
  for (uint32_t fy = rows.first; fy < rows.end; fy++) {
    const size_t y = (size_t)(at->y + (int32_t)(fy * p->dilation_h));
    const uint32_t step = contiguous ? cols.end - cols.first : 1;
    for (uint32_t fx = cols.first; fx < cols.end; fx += step) {
      const int8_t *x = image + (y * p->in_w + (size_t)(at->x + (int32_t)(fx * p->dilation_w))) * p->in_c;
      const int8_t *row = w + ((size_t)fy * p->filter_w + fx) * p->group_c;
      const uint32_t length = step * p->group_c;
      if (n == 4) dot4(x, x_offset, row, channel, length, acc);
      else
        for (uint32_t j = 0; j < n; j++) acc[j] += dot1(x, x_offset, row + (size_t)j * channel, length);
      if (with_sum) sum += sum_row(x, x_offset, length);
    }
  }
  return sum;
}

static shape_t shape_of(const step_t *s) {
  const shape_t p = {
      param_u16(s, FLEET_CONV_2D_IN_H),       param_u16(s, FLEET_CONV_2D_IN_W),
      param_u16(s, FLEET_CONV_2D_IN_C),       param_u16(s, FLEET_CONV_2D_FILTER_H),
      param_u16(s, FLEET_CONV_2D_FILTER_W),   param_u16(s, FLEET_CONV_2D_DILATION_H),
      param_u16(s, FLEET_CONV_2D_DILATION_W), param_u16(s, FLEET_CONV_2D_IN_C) / param_u16(s, FLEET_CONV_2D_GROUPS),
  };
  return p;
}

// The sum of one output channel at a position, 16-bit activations.
static int64_t accumulate_wide(const shape_t *p, const int16_t *image, const int8_t *w, const position_t *at) {
  const int contiguous = p->dilation_w == 1 && p->group_c == p->in_c;
  int64_t sum = 0;
  for (uint32_t fy = at->rows.first; fy < at->rows.end; fy++) {
    const size_t y = (size_t)(at->y + (int32_t)(fy * p->dilation_h));
    const uint32_t step = contiguous ? at->cols.end - at->cols.first : 1;
    for (uint32_t fx = at->cols.first; fx < at->cols.end; fx += step) {
      const int16_t *x = image + (y * p->in_w + (size_t)(at->x + (int32_t)(fx * p->dilation_w))) * p->in_c;
      sum += dot_wide(x, w + ((size_t)fy * p->filter_w + fx) * p->group_c, step * p->group_c);
    }
  }
  return sum;
}

static int32_t run_wide(const step_t *s) {
  const shape_t p = shape_of(s);
  const uint32_t batches = param_u16(s, FLEET_CONV_2D_BATCHES), groups = param_u16(s, FLEET_CONV_2D_GROUPS);
  const uint32_t out_h = param_u16(s, FLEET_CONV_2D_OUT_H), out_w = param_u16(s, FLEET_CONV_2D_OUT_W);
  const uint32_t out_c = param_u16(s, FLEET_CONV_2D_OUT_C), group_out = out_c / groups;
  const int32_t stride_h = (int32_t)param_u16(s, FLEET_CONV_2D_STRIDE_H);
  const int32_t stride_w = (int32_t)param_u16(s, FLEET_CONV_2D_STRIDE_W);
  const wide_end_t end = wide_end(s, param_i16(s, FLEET_CONV_2D_ACTIVATION_MIN), param_i16(s, FLEET_CONV_2D_ACTIVATION_MAX));
  const int8_t *weights = input_i8(s, 1);
  const size_t channel = (size_t)p.filter_h * p.filter_w * p.group_c;
  int16_t *y = output_i16(s, 0);
  for (uint32_t b = 0; b < batches; b++) {
    const int16_t *image = input_i16(s, 0) + (size_t)b * p.in_h * p.in_w * p.in_c;
    for (uint32_t oy = 0; oy < out_h; oy++) {
      position_t at;
      at.y = (int32_t)oy * stride_h - (int32_t)param_u16(s, FLEET_CONV_2D_PAD_TOP);
      at.rows = taps(at.y, p.dilation_h, p.filter_h, p.in_h);
      for (uint32_t ox = 0; ox < out_w; ox++) {
        at.x = (int32_t)ox * stride_w - (int32_t)param_u16(s, FLEET_CONV_2D_PAD_LEFT);
        at.cols = taps(at.x, p.dilation_w, p.filter_w, p.in_w);
        for (uint32_t o = 0; o < out_c; o++) {
          const int64_t sum = accumulate_wide(&p, image + o / group_out * p.group_c, weights + o * channel, &at);
          *y++ = wide_finish(&end, sum, o, o);
        }
      }
    }
  }
  return fleet_ok;
}

int32_t fleet_run_conv_2d(const step_t *s) {
  if (dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16) return run_wide(s);
  const uint32_t groups = param_u16(s, FLEET_CONV_2D_GROUPS);
  const shape_t p = shape_of(s);
  const uint32_t batches = param_u16(s, FLEET_CONV_2D_BATCHES);
  const uint32_t out_h = param_u16(s, FLEET_CONV_2D_OUT_H), out_w = param_u16(s, FLEET_CONV_2D_OUT_W);
  const uint32_t out_c = param_u16(s, FLEET_CONV_2D_OUT_C), group_out = out_c / groups;
  const int32_t stride_h = (int32_t)param_u16(s, FLEET_CONV_2D_STRIDE_H);
  const int32_t stride_w = (int32_t)param_u16(s, FLEET_CONV_2D_STRIDE_W);
  const int32_t pad_top = (int32_t)param_u16(s, FLEET_CONV_2D_PAD_TOP);
  const int32_t pad_left = (int32_t)param_u16(s, FLEET_CONV_2D_PAD_LEFT);
  const int32_t x_offset = param_i16(s, FLEET_CONV_2D_INPUT_OFFSET);
  const int32_t w_offset = param_i16(s, FLEET_CONV_2D_WEIGHTS_OFFSET);
  const int32_t y_offset = param_i16(s, FLEET_CONV_2D_OUTPUT_OFFSET);
  const int32_t low = param_i16(s, FLEET_CONV_2D_ACTIVATION_MIN), high = param_i16(s, FLEET_CONV_2D_ACTIVATION_MAX);
  const int8_t *weights = input_i8(s, 1);
  const uint8_t *bias = input_bytes(s, 2);
  const uint8_t *multipliers = input_bytes(s, 3);
  const int8_t *shifts = input_i8(s, 4);
  const uint64_t channel = (uint64_t)p.filter_h * p.filter_w * p.group_c;
  const int gathers = groups == 1 && w_offset == 0 && channel <= patch_bytes && p.filter_w * p.in_c < short_row &&
                      p.filter_h * p.filter_w > 1;
#if defined(__wasm_simd128__)
  const int32_t range[3] = {y_offset, low, high};
  const lanes_end_t lanes = lanes_end(s, out_c, range);
  // Positions whose taps are one row: two of them are worked together.
  const int is_point = p.filter_h * p.filter_w == 1 && groups == 1 && w_offset == 0 && pad_top == 0 && pad_left == 0 &&
                       (out_h - 1) * (uint32_t)stride_h < p.in_h && (out_w - 1) * (uint32_t)stride_w < p.in_w;
  const int pairs = (gathers || is_point) && out_c % 4 == 0 && lanes.usable;
  int8_t second[patch_bytes];
#endif
  int8_t patch[patch_bytes];
  int8_t *y = output_i8(s, 0);

  for (uint32_t b = 0; b < batches; b++) {
    const int8_t *image = input_i8(s, 0) + (size_t)b * p.in_h * p.in_w * p.in_c;
    for (uint32_t oy = 0; oy < out_h; oy++) {
      position_t at;
      at.y = (int32_t)oy * stride_h - pad_top;
      at.rows = taps(at.y, p.dilation_h, p.filter_h, p.in_h);
      for (uint32_t ox = 0; ox < out_w; ox++, y += out_c) {
        at.x = (int32_t)ox * stride_w - pad_left;
        at.cols = taps(at.x, p.dilation_w, p.filter_w, p.in_w);
        if (gathers) gather(&p, image, &at, (int8_t)-x_offset, patch);
#if defined(__wasm_simd128__)
        if (pairs && ox + 1 < out_w) {
          const int8_t *rows[2] = {patch, second};
          if (gathers) {
            at.x += stride_w;
            at.cols = taps(at.x, p.dilation_w, p.filter_w, p.in_w);
            gather(&p, image, &at, (int8_t)-x_offset, second);
          } else {
            rows[0] = image + ((size_t)at.y * p.in_w + (size_t)at.x) * p.in_c;
            rows[1] = rows[0] + (size_t)stride_w * p.in_c;
          }
          for (uint32_t o = 0; o < out_c; o += 4) {
            v128_t sums[2];
            dot4_pair(rows, x_offset, weights + (size_t)o * (size_t)channel, (uint32_t)channel, sums);
            lanes_finish(&lanes, sums[0], o, y + o);
            lanes_finish(&lanes, sums[1], o, y + out_c + o);
          }
          ox++;
          y += out_c;
          continue;
        }
#endif
        for (uint32_t g = 0; g < groups; g++)
          for (uint32_t c = 0; c < group_out; c += 4) {
            const uint32_t first = g * group_out + c;
            const uint32_t n = group_out - c < 4 ? group_out - c : 4;
            const int8_t *w = weights + (size_t)first * (size_t)channel;
            uint32_t acc[4] = {0, 0, 0, 0};
            uint32_t sum = 0;
            if (!gathers) {
              sum = accumulate(&p, image + g * p.group_c, w, &at, x_offset, n, w_offset != 0, acc);
            } else if (n == 4) {
              dot4(patch, x_offset, w, (uint32_t)channel, (uint32_t)channel, acc);
            } else {
              for (uint32_t j = 0; j < n; j++) acc[j] = dot1(patch, x_offset, w + j * (size_t)channel, (uint32_t)channel);
            }
#if defined(__wasm_simd128__)
            if (n == 4 && lanes.usable) {
              lanes_finish(&lanes, wasm_i32x4_add(wasm_v128_load(acc), wasm_u32x4_splat((uint32_t)w_offset * sum)), first, y + first);
              continue;
            }
#endif
            for (uint32_t j = 0; j < n; j++) {
              const uint32_t o = first + j;
              const uint32_t total = acc[j] + (uint32_t)w_offset * sum + (bias != NULL ? load_le32(bias + (size_t)o * 4) : 0);
              y[o] = to_int8(total, load_i32(multipliers + (size_t)o * 4), shifts[o], y_offset, low, high);
            }
          }
      }
    }
  }
  return fleet_ok;
}
