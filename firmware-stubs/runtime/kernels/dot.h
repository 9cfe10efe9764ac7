// Dot products of int8 rows, the inner loop of dense and convolution kernels: one file per-core code may replace.
// The result is the exact sum modulo 2^32 in every implementation.
#ifndef FLEET_DOT_H
#define FLEET_DOT_H

#include "internal.h"

#ifdef FLEET_PROFILE_REDUCED
enum { rows_at_once = 1 }; // half the code
#else
enum { rows_at_once = 4 };
#endif

// acc[j] += sum over i < n of (x[i] + x_offset) * w[j * w_stride + i], j = 0..3.
// -127 <= x_offset <= 128, so x + x_offset is within +-255 and a product within 2^15.
#if defined(__wasm_simd128__)

// The four sums of the lanes of a, b, c and d, as one vector.
static inline v128_t sum_lanes(v128_t a, v128_t b, v128_t c, v128_t d) {
  const v128_t ab = wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), wasm_i32x4_shuffle(a, b, 2, 6, 3, 7));
  const v128_t cd = wasm_i32x4_add(wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), wasm_i32x4_shuffle(c, d, 2, 6, 3, 7));
  return wasm_i32x4_add(wasm_i32x4_shuffle(ab, cd, 0, 1, 4, 5), wasm_i32x4_shuffle(ab, cd, 2, 3, 6, 7));
}

static inline void dot4(const int8_t *x, int32_t x_offset, const FLEET_CONST_MEMORY int8_t *w, uint32_t w_stride, uint32_t n,
                        uint32_t acc[4]) {
  const FLEET_CONST_MEMORY int8_t *w0 = w, *w1 = w + w_stride, *w2 = w1 + w_stride, *w3 = w2 + w_stride;
  const v128_t offset = wasm_i16x8_splat((int16_t)x_offset);
  v128_t a0 = wasm_i32x4_splat(0), a1 = a0, a2 = a0, a3 = a0;
  uint32_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const v128_t v = wasm_v128_load(x + i);
    const v128_t low = wasm_i16x8_add(wasm_i16x8_extend_low_i8x16(v), offset);
    const v128_t high = wasm_i16x8_add(wasm_i16x8_extend_high_i8x16(v), offset);
#define ROW(a, row)                                                                                     \
  {                                                                                                     \
    const v128_t r = wasm_v128_load((row) + i);                                                         \
    a = wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(low, wasm_i16x8_extend_low_i8x16(r)));                   \
    a = wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(high, wasm_i16x8_extend_high_i8x16(r)));                 \
  }
    ROW(a0, w0) ROW(a1, w1) ROW(a2, w2) ROW(a3, w3)
#undef ROW
  }
  if (i + 8 <= n) {
    const v128_t v = wasm_i16x8_add(wasm_i16x8_load8x8(x + i), offset);
    a0 = wasm_i32x4_add(a0, wasm_i32x4_dot_i16x8(v, wasm_i16x8_load8x8(w0 + i)));
    a1 = wasm_i32x4_add(a1, wasm_i32x4_dot_i16x8(v, wasm_i16x8_load8x8(w1 + i)));
    a2 = wasm_i32x4_add(a2, wasm_i32x4_dot_i16x8(v, wasm_i16x8_load8x8(w2 + i)));
    a3 = wasm_i32x4_add(a3, wasm_i32x4_dot_i16x8(v, wasm_i16x8_load8x8(w3 + i)));
    i += 8;
  }
  wasm_v128_store(acc, wasm_i32x4_add(wasm_v128_load(acc), sum_lanes(a0, a1, a2, a3)));
  for (; i < n; i++) {
    const int32_t v = x[i] + x_offset;
    acc[0] += (uint32_t)(v * w0[i]);
    acc[1] += (uint32_t)(v * w1[i]);
    acc[2] += (uint32_t)(v * w2[i]);
    acc[3] += (uint32_t)(v * w3[i]);
  }
}

#else

static inline void dot4(const int8_t *x, int32_t x_offset, const FLEET_CONST_MEMORY int8_t *w, uint32_t w_stride, uint32_t n,
                        uint32_t acc[4]) {
  const FLEET_CONST_MEMORY int8_t *w0 = w, *w1 = w + w_stride, *w2 = w1 + w_stride, *w3 = w2 + w_stride;
  uint32_t s0 = acc[0], s1 = acc[1], s2 = acc[2], s3 = acc[3];
  for (uint32_t i = 0; i < n; i++) {
    const int32_t v = x[i] + x_offset;
    s0 += (uint32_t)(v * w0[i]);
    s1 += (uint32_t)(v * w1[i]);
    s2 += (uint32_t)(v * w2[i]);
    s3 += (uint32_t)(v * w3[i]);
  }
  acc[0] = s0;
  acc[1] = s1;
  acc[2] = s2;
  acc[3] = s3;
}

#endif

#if defined(__wasm_simd128__)

// requantize() of four channels; shifts in [-30, 0]. A lane cannot be shifted by a number of its own: it is multiplied by
// 2^(30 + shift) and all are shifted by 30. Half away from zero is half up of the magnitude, which is at most 2^31, so sums
// stay below 2^62. The powers of two are written as the exponents of binary32, from which the conversion is exact.
static inline v128_t requantize4(v128_t x, v128_t multipliers, v128_t shifts) {
  const v128_t half = wasm_i64x2_splat(INT64_C(1) << 30);
  const v128_t low = wasm_u64x2_shr(wasm_i64x2_add(wasm_i64x2_extmul_low_i32x4(x, multipliers), half), 31);
  const v128_t high = wasm_u64x2_shr(wasm_i64x2_add(wasm_i64x2_extmul_high_i32x4(x, multipliers), half), 31);
  const v128_t product = wasm_i32x4_shuffle(low, high, 0, 2, 4, 6);
  const v128_t size = wasm_i32x4_abs(product), sign = wasm_i32x4_shr(product, 31);
  const v128_t powers = wasm_i32x4_trunc_sat_f32x4(wasm_i32x4_shl(wasm_i32x4_add(shifts, wasm_i32x4_splat(127 + 30)), 23));
  const v128_t rest = wasm_i64x2_splat(INT64_C(1) << 29);
  const v128_t a = wasm_u64x2_shr(wasm_i64x2_add(wasm_u64x2_extmul_low_u32x4(size, powers), rest), 30);
  const v128_t b = wasm_u64x2_shr(wasm_i64x2_add(wasm_u64x2_extmul_high_u32x4(size, powers), rest), 30);
  return wasm_i32x4_sub(wasm_v128_xor(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6), sign), sign);
}

// What follows the sum of a layer with int8 activations, four channels at a time.
typedef struct {
  const uint8_t *bias, *multipliers;
  const int8_t *shifts;
  v128_t offset, low, high; // low and high before the offset
  int usable;               // every shift of the layer is one of requantize4
} lanes_end_t;

static inline lanes_end_t lanes_end(const step_t *s, uint32_t channels, const int32_t range[3]) {
  const int32_t offset = range[0];
  lanes_end_t e = {input_bytes(s, 2), input_bytes(s, 3), input_i8(s, 4), wasm_i32x4_splat(offset),
                   wasm_i32x4_splat(range[1] - offset), wasm_i32x4_splat(range[2] - offset), 1};
  for (uint32_t i = 0; i < channels; i++) e.usable &= e.shifts[i] <= 0 && e.shifts[i] >= -30;
  return e;
}

// y[0..4) = to_int8 of the sums of four channels from `channel` on.
static inline void lanes_finish(const lanes_end_t *e, v128_t sums, uint32_t channel, int8_t *y) {
  const v128_t shifts = wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(e->shifts + channel)));
  if (e->bias != NULL) sums = wasm_i32x4_add(sums, wasm_v128_load(e->bias + (size_t)channel * 4));
  v128_t q = requantize4(sums, wasm_v128_load(e->multipliers + (size_t)channel * 4), shifts);
  q = wasm_i32x4_add(wasm_i32x4_max(wasm_i32x4_min(q, e->high), e->low), e->offset);
  q = wasm_i16x8_narrow_i32x4(q, q);
  wasm_v128_store32_lane(y, wasm_i8x16_narrow_i16x8(q, q), 0);
}

// dot4 of two rows: the weights are widened once for both.
static inline void dot4_pair(const int8_t *const x[2], int32_t x_offset, const int8_t *w, uint32_t n, v128_t sums[2]) {
  const int8_t *x0 = x[0], *x1 = x[1], *w0 = w, *w1 = w + n, *w2 = w1 + n, *w3 = w2 + n;
  const v128_t offset = wasm_i16x8_splat((int16_t)x_offset);
  v128_t a0 = wasm_i32x4_splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  uint32_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const v128_t v0 = wasm_i16x8_add(wasm_i16x8_load8x8(x0 + i), offset), v1 = wasm_i16x8_add(wasm_i16x8_load8x8(x1 + i), offset);
#define ROW(a, b, row)                                         \
  {                                                            \
    const v128_t r = wasm_i16x8_load8x8((row) + i);            \
    a = wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(v0, r));        \
    b = wasm_i32x4_add(b, wasm_i32x4_dot_i16x8(v1, r));        \
  }
    ROW(a0, b0, w0) ROW(a1, b1, w1) ROW(a2, b2, w2) ROW(a3, b3, w3)
#undef ROW
  }
  sums[0] = sum_lanes(a0, a1, a2, a3);
  sums[1] = sum_lanes(b0, b1, b2, b3);
  for (; i < n; i++) {
    const v128_t r = wasm_i32x4_make(w0[i], w1[i], w2[i], w3[i]);
    sums[0] = wasm_i32x4_add(sums[0], wasm_i32x4_mul(r, wasm_i32x4_splat(x0[i] + x_offset)));
    sums[1] = wasm_i32x4_add(sums[1], wasm_i32x4_mul(r, wasm_i32x4_splat(x1[i] + x_offset)));
  }
}

#endif

// As dot4, of one row.
static inline uint32_t dot1(const int8_t *x, int32_t x_offset, const FLEET_CONST_MEMORY int8_t *w, fleet_size_t n) {
  uint32_t sum = 0;
  for (fleet_size_t i = 0; i < n; i++) sum += (uint32_t)((x[i] + x_offset) * w[i]);
  return sum;
}

// sum over i < n of (x[i] + x_offset): what a weights_offset is multiplied by.
static inline uint32_t sum_row(const int8_t *x, int32_t x_offset, fleet_size_t n) {
  uint32_t sum = 0;
  for (fleet_size_t i = 0; i < n; i++) sum += (uint32_t)(x[i] + x_offset);
  return sum;
}

// sum over i < n of x[i] * w[i], 16 by 8 bits: products are at most 2^22, so 256 of them fit in 31 bits before they are
// carried to 64.
static inline int64_t dot_wide(const int16_t *x, const int8_t *w, uint32_t n) {
  int64_t total = 0;
  uint32_t i = 0;
#if defined(__wasm_simd128__)
  while (i + 8 <= n) {
    v128_t sum = wasm_i32x4_splat(0);
    for (uint32_t rounds = 0; rounds < 128 && i + 8 <= n; rounds++, i += 8) // a lane grows by 2 products each
      sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_v128_load(x + i), wasm_i16x8_load8x8(w + i)));
    const v128_t pair = wasm_i64x2_add(wasm_i64x2_extend_low_i32x4(sum), wasm_i64x2_extend_high_i32x4(sum));
    total += wasm_i64x2_extract_lane(pair, 0) + wasm_i64x2_extract_lane(pair, 1);
  }
#endif
  while (i < n) {
    const uint32_t end = n - i < 256 ? n : i + 256;
    int32_t sum = 0;
    for (; i < end; i++) sum += (int32_t)x[i] * w[i];
    total += sum;
  }
  return total;
}

// What follows the sum of a layer with int16 activations. The bias's type says how wide the accumulators are.
typedef struct {
  const uint8_t *bias, *multipliers;
  const int8_t *shifts;
  int32_t low, high;
  int narrow;
} wide_end_t;

// Operands 2, 3 and 4 are bias, multipliers and shifts.
static inline wide_end_t wide_end(const step_t *s, int32_t low, int32_t high) {
  const wide_end_t e = {input_bytes(s, 2), input_bytes(s, 3), input_i8(s, 4), low, high,
                        present(operand(s, 2)) && dtype_of(operand(s, 2)) == FLEET_DTYPE_INT32};
  return e;
}

// `table` is the channel's index into multipliers and shifts.
static inline int16_t wide_finish(const wide_end_t *e, int64_t sum, uint32_t channel, uint32_t table) {
  const int32_t multiplier = load_i32(e->multipliers + (size_t)table * 4), shift = e->shifts[table];
  if (e->narrow) {
    const uint32_t acc = (uint32_t)(uint64_t)sum + load_le32(e->bias + (size_t)channel * 4);
    return (int16_t)clamp(requantize((int32_t)acc, multiplier, shift), e->low, e->high);
  }
  const uint8_t *bias = e->bias != NULL ? e->bias + (size_t)channel * 8 : NULL;
  if (bias != NULL) sum += (int64_t)((uint64_t)load_le32(bias + 4) << 32 | load_le32(bias));
  return (int16_t)clamp(fleet_requantize64(sum, multiplier, shift), e->low, e->high);
}

#endif
