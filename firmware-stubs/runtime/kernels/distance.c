// Models of distances over int8 features: k nearest prototypes, and anomaly scores by k-means, Gaussians and Mahalanobis
// distance. Features and centres have the same zero point, so differences need none; they are below 2^9.
#include "internal.h"

enum { most_neighbours = 16 };

static int32_t to_score(int32_t x, const step_t *s, uint32_t multiplier, uint32_t shift, uint32_t offset) {
  const int32_t zero = param_i16(s, offset);
  return clamp(requantize(x, param_i32(s, multiplier), param_i8(s, shift)), INT16_MIN - zero, INT16_MAX - zero) + zero;
}

// Features, and `rows` constant rows of as many int8 beside them.
static int are_rows(const step_t *s, uint32_t features, uint32_t rows) {
  return features != 0 && rows != 0 && fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT8, features, 1) &&
         fleet_is_const(operand(s, 1), FLEET_DTYPE_INT8, (uint64_t)features * rows, 1);
}

// Sum of squares, or of magnitudes: below 2^16 * 255^2 < 2^32.
static uint32_t distance(const int8_t *x, const int8_t *centre, uint32_t n, int magnitudes) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    const int32_t d = x[i] - centre[i];
    sum += (uint32_t)(magnitudes ? (d < 0 ? -d : d) : d * d);
  }
  return sum;
}

// ---- k nearest -----------------------------------------------------------------------------------------------------

int32_t fleet_check_prototypes(const step_t *s) {
  const uint32_t features = param_u16(s, FLEET_PROTOTYPES_FEATURES_N), n = param_u16(s, FLEET_PROTOTYPES_PROTOTYPES_N);
  const uint32_t classes = param_u16(s, FLEET_PROTOTYPES_CLASSES), k = param_u8(s, FLEET_PROTOTYPES_K);
  const uint8_t *labels_op = operand(s, 2);
  if (!are_rows(s, features, n) || classes == 0 || k == 0 || k > most_neighbours || k > n ||
      param_u8(s, FLEET_PROTOTYPES_METRIC) > 1 || !fleet_is_const(labels_op, FLEET_DTYPE_INT16, n, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT8, classes, 1))
    return -fleet_err_bundle_shape_invalid;
  const uint8_t *labels = readable(s->rt, labels_op);
  for (uint32_t i = 0; i < n; i++)
    if (load_le16(labels + i * 2) >= classes) return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

// Scores are shares of the k nearest in 1/256 from -128. Of classes with equally many, that of the nearest neighbour among
// them is the largest: the others are set one lower. Among equal distances the earlier prototype is nearer.
int32_t fleet_run_prototypes(const step_t *s) {
  const uint32_t features = param_u16(s, FLEET_PROTOTYPES_FEATURES_N), n = param_u16(s, FLEET_PROTOTYPES_PROTOTYPES_N);
  const uint32_t classes = param_u16(s, FLEET_PROTOTYPES_CLASSES), k = param_u8(s, FLEET_PROTOTYPES_K);
  const int8_t *x = input_i8(s, 0), *prototypes = input_i8(s, 1);
  const uint8_t *labels = input_bytes(s, 2);
  int8_t *out = output_i8(s, 0);
  uint32_t near[most_neighbours], of[most_neighbours], found = 0;
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t d = distance(x, prototypes + (size_t)i * features, features, param_u8(s, FLEET_PROTOTYPES_METRIC) == 1);
    if (found == k && d >= near[k - 1]) continue;
    uint32_t at = found < k ? found++ : k - 1;
    for (; at > 0 && near[at - 1] > d; at--) {
      near[at] = near[at - 1];
      of[at] = of[at - 1];
    }
    near[at] = d;
    of[at] = load_le16(labels + i * 2);
  }
  memset(out, INT8_MIN & 0xff, classes);
  uint32_t best = 0, most = 0;
  for (uint32_t i = 0; i < k; i++) {
    uint32_t votes = 0;
    for (uint32_t j = 0; j < k; j++) votes += of[j] == of[i];
    const int32_t share = (int32_t)((votes * 256 + k / 2) / k) + INT8_MIN;
    if (votes > most) {
      most = votes;
      best = of[i];
    }
    out[of[i]] = (int8_t)clamp(votes == most && of[i] != best ? share - 1 : share, INT8_MIN, INT8_MAX);
  }
  return fleet_ok;
}

// ---- anomaly scores ------------------------------------------------------------------------------------------------

int32_t fleet_check_k_means_score(const step_t *s) {
  const uint32_t centres = param_u16(s, FLEET_K_MEANS_SCORE_CENTRES_N);
  if (!are_rows(s, param_u16(s, FLEET_K_MEANS_SCORE_FEATURES_N), centres) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT16, 1, 2) || !fleet_is_const(operand(s, 2), FLEET_DTYPE_INT32, centres, 4) ||
      !fleet_is_const(operand(s, 3), FLEET_DTYPE_INT8, centres, 1))
    return -fleet_err_bundle_shape_invalid;
  const uint8_t *multipliers = readable(s->rt, operand(s, 2)), *shifts = readable(s->rt, operand(s, 3));
  for (uint32_t i = 0; i < centres; i++)
    if (load_i32(multipliers + i * 4) < 0 || !fleet_is_shift((int8_t)shifts[i])) return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

// The least distance to a centre, each requantized by its own radius. Roots have 8 fraction bits: below 2^24.
int32_t fleet_run_k_means_score(const step_t *s) {
  const uint32_t features = param_u16(s, FLEET_K_MEANS_SCORE_FEATURES_N), centres = param_u16(s, FLEET_K_MEANS_SCORE_CENTRES_N);
  const uint8_t *multipliers = input_bytes(s, 2), *shifts = input_bytes(s, 3);
  const int32_t zero = param_i16(s, FLEET_K_MEANS_SCORE_OUTPUT_OFFSET);
  int32_t least = INT16_MAX - zero;
  for (uint32_t i = 0; i < centres; i++) {
    const uint32_t d2 = distance(input_i8(s, 0), input_i8(s, 1) + (size_t)i * features, features, 0);
    const int32_t d = (int32_t)fleet_square_root((uint64_t)d2 << 16);
    const int32_t score = requantize(d, load_i32(multipliers + i * 4), (int8_t)shifts[i]);
    if (score < least) least = score;
  }
  *output_i16(s, 0) = (int16_t)(clamp(least, INT16_MIN - zero, INT16_MAX - zero) + zero);
  return fleet_ok;
}

int32_t fleet_check_gaussian_score(const step_t *s) {
  const uint32_t features = param_u16(s, FLEET_GAUSSIAN_SCORE_FEATURES_N), n = param_u16(s, FLEET_GAUSSIAN_SCORE_COMPONENTS);
  if (!are_rows(s, features, n) || !fleet_is_const(operand(s, 2), FLEET_DTYPE_INT16, (uint64_t)features * n, 2) ||
      !fleet_is_const(operand(s, 3), FLEET_DTYPE_INT32, n, 4) || !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT16, 1, 2))
    return -fleet_err_bundle_shape_invalid;
  if (param_i32(s, FLEET_GAUSSIAN_SCORE_MULTIPLIER) < 0 || !fleet_is_shift(param_i8(s, FLEET_GAUSSIAN_SCORE_SHIFT)) ||
      param_u8(s, FLEET_GAUSSIAN_SCORE_SUM_SHIFT) > 31)
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

// The least of (sum of squared differences times inverse variances) + offset: a mixture's negative log-likelihood by its
// likeliest component. Sums are below 2^16 * 2^31.
int32_t fleet_run_gaussian_score(const step_t *s) {
  const uint32_t features = param_u16(s, FLEET_GAUSSIAN_SCORE_FEATURES_N), n = param_u16(s, FLEET_GAUSSIAN_SCORE_COMPONENTS);
  const int8_t *x = input_i8(s, 0), *means = input_i8(s, 1);
  const uint8_t *inverse = input_bytes(s, 2), *offsets = input_bytes(s, 3);
  int64_t least = INT32_MAX;
  for (uint32_t c = 0; c < n; c++) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < features; i++, means++, inverse += 2) {
      const int32_t d = x[i] - *means;
      sum += (uint64_t)(uint32_t)(d * d) * (load_le16(inverse) & 0x7fffu);
    }
    const int64_t score = (int64_t)(sum >> param_u8(s, FLEET_GAUSSIAN_SCORE_SUM_SHIFT)) + load_i32(offsets + c * 4);
    if (score < least) least = score;
  }
  *output_i16(s, 0) = (int16_t)to_score((int32_t)(least < INT32_MIN ? INT32_MIN : least), s, FLEET_GAUSSIAN_SCORE_MULTIPLIER,
                                        FLEET_GAUSSIAN_SCORE_SHIFT, FLEET_GAUSSIAN_SCORE_OUTPUT_OFFSET);
  return fleet_ok;
}

int32_t fleet_check_mahalanobis_score(const step_t *s) {
  const uint32_t features = param_u16(s, FLEET_MAHALANOBIS_SCORE_FEATURES_N), rows = param_u16(s, FLEET_MAHALANOBIS_SCORE_ROWS);
  if (!are_rows(s, features, 1) || rows == 0 || !fleet_is_const(operand(s, 2), FLEET_DTYPE_INT16, (uint64_t)features * rows, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT16, 1, 2))
    return -fleet_err_bundle_shape_invalid;
  if (param_i32(s, FLEET_MAHALANOBIS_SCORE_MULTIPLIER) < 0 || !fleet_is_shift(param_i8(s, FLEET_MAHALANOBIS_SCORE_SHIFT)) ||
      param_u8(s, FLEET_MAHALANOBIS_SCORE_ROW_SHIFT) == 0 || param_u8(s, FLEET_MAHALANOBIS_SCORE_ROW_SHIFT) > 31)
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

// Length of whitening * (x - mean). A row's sum is below 2^16 * 2^24; its shifted value is kept within 2^23, so that 2^16
// squares stay below 2^62.
int32_t fleet_run_mahalanobis_score(const step_t *s) {
  const uint32_t features = param_u16(s, FLEET_MAHALANOBIS_SCORE_FEATURES_N), rows = param_u16(s, FLEET_MAHALANOBIS_SCORE_ROWS);
  const int8_t *x = input_i8(s, 0), *means = input_i8(s, 1);
  const uint8_t *whitening = input_bytes(s, 2);
  const int32_t most = INT32_C(1) << 23;
  uint64_t sum = 0;
  for (uint32_t r = 0; r < rows; r++) {
    int64_t row = 0;
    for (uint32_t i = 0; i < features; i++, whitening += 2) row += load_i16(whitening) * (x[i] - means[i]);
    row = round_shift64(row, param_u8(s, FLEET_MAHALANOBIS_SCORE_ROW_SHIFT));
    const int64_t bounded = row < -most ? -most : row > most ? most : row;
    sum += (uint64_t)(bounded * bounded);
  }
  *output_i16(s, 0) = (int16_t)to_score((int32_t)fleet_square_root(sum), s, FLEET_MAHALANOBIS_SCORE_MULTIPLIER,
                                        FLEET_MAHALANOBIS_SCORE_SHIFT, FLEET_MAHALANOBIS_SCORE_OUTPUT_OFFSET);
  return fleet_ok;
}
