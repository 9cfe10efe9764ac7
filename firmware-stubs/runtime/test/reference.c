// See reference.h.
#include "reference.h"

// gemmlowp's definitions, literally: SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT.
int32_t reference_requantize(int32_t x, int32_t multiplier, int shift) {
  const int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const int32_t a = (int32_t)((uint32_t)x << left);
  const int64_t ab = (int64_t)a * multiplier;
  const int64_t nudge = ab >= 0 ? (INT64_C(1) << 30) : (1 - (INT64_C(1) << 30));
  const int32_t high = (int32_t)((ab + nudge) / (INT64_C(1) << 31));
  const int64_t mask = (INT64_C(1) << right) - 1;
  const int64_t remainder = high & mask;
  const int64_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (int32_t)(((int64_t)high >> right) + (remainder > threshold ? 1 : 0));
}

static int8_t finish(int64_t acc, int32_t multiplier, int shift, const window_t *p) {
  int64_t value = reference_requantize((int32_t)(uint32_t)acc, multiplier, shift);
  value += p->output_offset;
  if (value < p->low) value = p->low;
  if (value > p->high) value = p->high;
  return (int8_t)value;
}

static int64_t at4(int b, int y, int x, int c, int h, int w, int n) { return (((int64_t)b * h + y) * w + x) * n + c; }

void reference_conv(const window_t *p, const int8_t *x, const int8_t *w, const int32_t *bias, const int32_t *multipliers,
                    const int8_t *shifts, int8_t *y) {
  const int group_in = p->in_c / p->groups, group_out = p->out_c / p->groups;
  for (int b = 0; b < p->batches; b++)
    for (int oy = 0; oy < p->out_h; oy++)
      for (int ox = 0; ox < p->out_w; ox++)
        for (int o = 0; o < p->out_c; o++) {
          int64_t acc = bias ? bias[o] : 0;
          for (int fy = 0; fy < p->filter_h; fy++)
            for (int fx = 0; fx < p->filter_w; fx++) {
              const int iy = oy * p->stride_h - p->pad_top + fy * p->dilation_h;
              const int ix = ox * p->stride_w - p->pad_left + fx * p->dilation_w;
              if (iy < 0 || iy >= p->in_h || ix < 0 || ix >= p->in_w) continue;
              for (int c = 0; c < group_in; c++)
                acc += (int64_t)(x[at4(b, iy, ix, o / group_out * group_in + c, p->in_h, p->in_w, p->in_c)] + p->input_offset) *
                       (w[at4(o, fy, fx, c, p->filter_h, p->filter_w, group_in)] + p->weights_offset);
            }
          y[at4(b, oy, ox, o, p->out_h, p->out_w, p->out_c)] = finish(acc, multipliers[o], shifts[o], p);
        }
}

void reference_depthwise(const window_t *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                         const int32_t *multipliers, const int8_t *shifts, int8_t *y) {
  for (int b = 0; b < p->batches; b++)
    for (int oy = 0; oy < p->out_h; oy++)
      for (int ox = 0; ox < p->out_w; ox++)
        for (int c = 0; c < p->in_c; c++)
          for (int m = 0; m < p->multiplier; m++) {
            const int o = c * p->multiplier + m;
            int64_t acc = bias ? bias[o] : 0;
            for (int fy = 0; fy < p->filter_h; fy++)
              for (int fx = 0; fx < p->filter_w; fx++) {
                const int iy = oy * p->stride_h - p->pad_top + fy * p->dilation_h;
                const int ix = ox * p->stride_w - p->pad_left + fx * p->dilation_w;
                if (iy < 0 || iy >= p->in_h || ix < 0 || ix >= p->in_w) continue;
                acc += (int64_t)(x[at4(b, iy, ix, c, p->in_h, p->in_w, p->in_c)] + p->input_offset) *
                       (w[at4(0, fy, fx, o, p->filter_h, p->filter_w, p->out_c)] + p->weights_offset);
              }
            y[at4(b, oy, ox, o, p->out_h, p->out_w, p->out_c)] = finish(acc, multipliers[o], shifts[o], p);
          }
}

void reference_pool(const window_t *p, int average, const int8_t *x, int8_t *y) {
  for (int b = 0; b < p->batches; b++)
    for (int oy = 0; oy < p->out_h; oy++)
      for (int ox = 0; ox < p->out_w; ox++)
        for (int c = 0; c < p->in_c; c++) {
          int sum = 0, count = 0, max = -128;
          for (int fy = 0; fy < p->filter_h; fy++)
            for (int fx = 0; fx < p->filter_w; fx++) {
              const int iy = oy * p->stride_h - p->pad_top + fy, ix = ox * p->stride_w - p->pad_left + fx;
              if (iy < 0 || iy >= p->in_h || ix < 0 || ix >= p->in_w) continue;
              const int v = x[at4(b, iy, ix, c, p->in_h, p->in_w, p->in_c)];
              sum += v;
              count++;
              if (v > max) max = v;
            }
          int value = max;
          if (average) value = sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
          if (value < p->low) value = p->low;
          if (value > p->high) value = p->high;
          y[at4(b, oy, ox, c, p->out_h, p->out_w, p->in_c)] = (int8_t)value;
        }
}
