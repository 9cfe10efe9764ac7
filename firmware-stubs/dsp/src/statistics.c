// Time-domain features of each axis with 8 fraction bits, in integers throughout.
//
// n samples x, S = sum of x, Q = sum of x^2 (n < 2^16, so |S| < 2^31 and Q < 2^46):
//   mean            S / n                                    rounded to nearest
//   rms, std        sqrt(Q / n), sqrt((n Q - S^2) / n^2)     roots of 16 fraction bits, population variance
//   min, max, range                                          exact
//   zero_crossings  neighbours on different sides of the mean
//   kurtosis        m4 / m2^2 (3 for a normal distribution) of deviations scaled to 11 bits: relative error below 1 %
//   crest           largest |x| / rms
//   mad             median of |x - median|                   exact; the mean of both middle values where n is even
// A constant axis has kurtosis 0, an all-zero axis crest 0. Medians are found by bisection on the value, without a copy:
// at most 18 passes over the axis for each.
#include "dsp.h"

typedef struct {
  const int16_t *x;
  uint32_t n;
  uint32_t axes; // elements from one sample to the next
} axis_t;

static int32_t at(const axis_t *a, uint32_t i) { return a->x[i * a->axes]; }

// Floor of x / n to nearest; n > 0.
static int64_t divide(int64_t x, int64_t n) {
  const int64_t twice = 2 * x + n, whole = 2 * n;
  return twice / whole - (twice % whole < 0);
}

// Distance of a sample from the doubled centre, doubled: < 2^18. Without a centre (INT32_MIN) the sample itself.
static int32_t measure(const axis_t *a, uint32_t i, int32_t centre2) {
  if (centre2 == INT32_MIN) return at(a, i);
  const int32_t d = 2 * at(a, i) - centre2;
  return d < 0 ? -d : d;
}

// Twice the median of measure(): both middle values added.
static int32_t median2(const axis_t *a, int32_t centre2) {
  const uint32_t rank = (a->n - 1) / 2; // of the lower middle value, from 0
  int32_t low = centre2 == INT32_MIN ? INT16_MIN : 0, high = centre2 == INT32_MIN ? INT16_MAX : INT32_C(1) << 18;
  uint32_t below_high = 0;
  while (low < high) { // the smallest v with more than `rank` values <= v
    const int32_t middle = low + (high - low) / 2;
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->n; i++) count += measure(a, i, centre2) <= middle;
    if (count > rank) high = middle;
    else low = middle + 1;
  }
  int32_t next = INT32_MAX;
  for (uint32_t i = 0; i < a->n; i++) {
    const int32_t v = measure(a, i, centre2);
    if (v <= low) below_high++;
    else if (v < next) next = v;
  }
  return a->n % 2 != 0 || below_high > rank + 1 ? 2 * low : low + next;
}

static int32_t mean_q8(const axis_t *a, int64_t sum) { return (int32_t)divide(sum * 256, a->n); }

static uint32_t crossings(const axis_t *a, int64_t sum) {
  uint32_t count = 0;
  int above = at(a, 0) * (int64_t)a->n >= sum;
  for (uint32_t i = 1; i < a->n; i++) {
    const int now = at(a, i) * (int64_t)a->n >= sum;
    count += now != above;
    above = now;
  }
  return count;
}

// Deviations d from the mean with 8 fraction bits, scaled so that the largest has 11 bits: d^4 < 2^44, sums < 2^60.
static uint32_t kurtosis_q8(const axis_t *a, int32_t mean) {
  uint32_t largest = 0;
  for (uint32_t i = 0; i < a->n; i++) {
    const int32_t d = at(a, i) * 256 - mean;
    const uint32_t magnitude = (uint32_t)(d < 0 ? -d : d);
    if (magnitude > largest) largest = magnitude;
  }
  const uint32_t bits = fleet_bit_length(largest); // up to 25
  const uint32_t left = bits < 11 ? 11 - bits : 0, right = bits > 11 ? bits - 11 : 0;
  uint64_t squares = 0, fourths = 0;
  for (uint32_t i = 0; i < a->n; i++) {
    const int32_t d = (at(a, i) * 256 - mean) * (INT32_C(1) << left);
    const int32_t scaled = right != 0 ? (int32_t)round_shift64(d, right) : d;
    const uint64_t square = (uint64_t)((int64_t)scaled * scaled);
    squares += square;
    fourths += square * square;
  }
  const uint64_t m2 = (squares << 8) / a->n, m4 = fourths / a->n; // below 2^31, 2^45
  // The mean's own rounding aside, the largest deviation makes m2 >= 2^20 / n with 8 fraction bits: at least 2^12.
  return largest == 0 || m2 < 16 ? 0 : (uint32_t)((m4 << 16) / (m2 * m2 >> 8));
}

static int32_t feature(const axis_t *a, uint32_t which, int64_t sum, uint64_t squares) {
  int32_t low = INT16_MAX, high = INT16_MIN;
  for (uint32_t i = 0; i < a->n; i++) {
    if (at(a, i) < low) low = at(a, i);
    if (at(a, i) > high) high = at(a, i);
  }
  const uint64_t n = a->n, n2 = n * n;
  switch (which) {
    case FLEET_STATISTIC_MEAN: return mean_q8(a, sum);
    case FLEET_STATISTIC_RMS: return (int32_t)fleet_square_root((squares << 16) / n);
    case FLEET_STATISTIC_STD: {
      const uint64_t v = n * squares - (uint64_t)(sum * sum); // exact, below 2^62
      return (int32_t)fleet_square_root((v / n2 << 16) + ((v % n2 << 16) / n2));
    }
    case FLEET_STATISTIC_MIN: return low * 256;
    case FLEET_STATISTIC_MAX: return high * 256;
    case FLEET_STATISTIC_RANGE: return (high - low) * 256;
    case FLEET_STATISTIC_ZERO_CROSSINGS: return (int32_t)(crossings(a, sum) * 256);
    case FLEET_STATISTIC_KURTOSIS: return (int32_t)kurtosis_q8(a, mean_q8(a, sum));
    case FLEET_STATISTIC_CREST: {
      const uint32_t peak = (uint32_t)(-low > high ? -low : high), rms = fleet_square_root((squares << 16) / n);
      return rms == 0 ? 0 : (int32_t)(((uint64_t)peak << 16) / rms); // at most 256 sqrt(n) of an all but constant axis
    }
    default: return median2(a, median2(a, INT32_MIN)) * 64; // mad: four times the value, so 64 for 8 fraction bits
  }
}

int32_t fleet_check_stage_statistics(const step_t *s) {
  const uint32_t frame = param_u32(s, FLEET_STAGE_STATISTICS_FRAME), axes = param_u8(s, FLEET_STAGE_STATISTICS_AXES);
  const uint32_t features = param_u16(s, FLEET_STAGE_STATISTICS_FEATURES);
  uint32_t count = 0;
  for (uint32_t bit = 1; bit <= FLEET_STATISTIC_MAD; bit *= 2) count += (features & bit) != 0;
  if (frame == 0 || frame > UINT16_MAX || axes == 0 || count == 0 || features >= 2 * FLEET_STATISTIC_MAD ||
      !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT16, (uint64_t)frame * axes, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT32, (uint64_t)count * axes, 4))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_stage_statistics(const step_t *s) {
  const uint32_t axes = param_u8(s, FLEET_STAGE_STATISTICS_AXES), features = param_u16(s, FLEET_STAGE_STATISTICS_FEATURES);
  int32_t *out = (int32_t *)(void *)output_u32(s, 0);
  for (uint32_t axis = 0; axis < axes; axis++) {
    const axis_t a = {input_i16(s, 0) + axis, param_u32(s, FLEET_STAGE_STATISTICS_FRAME), axes};
    int64_t sum = 0;
    uint64_t squares = 0;
    for (uint32_t i = 0; i < a.n; i++) {
      sum += at(&a, i);
      squares += (uint32_t)(at(&a, i) * at(&a, i));
    }
    for (uint32_t bit = 1; bit <= FLEET_STATISTIC_MAD; bit *= 2)
      if ((features & bit) != 0) *out++ = feature(&a, bit, sum, squares);
  }
  return fleet_ok;
}
