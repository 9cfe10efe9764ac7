// Bonsai trees (Kumar et al., ICML 2017): features are projected to a few rows z; every node on the path from the root adds
// (W z) * tanh(V z) to the scores, and theta of the node says where the path goes on: left (2 k + 1) above 0, else right.
// All in fixed point whose bits the compiler chose; sigma lies in V, a mean over the rows in the projection.
#include "internal.h"

enum { most_depth = 8, most_shift = 62 };
static const int32_t most_projected = INT32_C(1) << 30; // so that 2^16 products with int16 stay below 2^61
static const int32_t most_weight = INT32_C(1) << 27;    // so that most_depth + 1 of them stay below 2^31

static int is_right_shift(uint32_t shift) { return shift >= 1 && shift <= most_shift; }

int32_t fleet_check_bonsai(const step_t *s) {
  const uint32_t features = param_u16(s, FLEET_BONSAI_FEATURES_N), rows = param_u16(s, FLEET_BONSAI_PROJECTED);
  const uint32_t classes = param_u16(s, FLEET_BONSAI_CLASSES), depth = param_u8(s, FLEET_BONSAI_DEPTH);
  if (features == 0 || rows == 0 || classes == 0 || depth == 0 || depth > most_depth) return -fleet_err_bundle_shape_invalid;
  const uint64_t inner = (UINT64_C(1) << depth) - 1, weights = (2 * inner + 1) * classes * rows; // below 2^41
  const uint8_t *projected = output_operand(s, 1), *sums = output_operand(s, 2);
  if (!fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT16, features, 2) ||
      !fleet_is_const(operand(s, 1), FLEET_DTYPE_INT16, (uint64_t)features * rows, 2) || !fleet_is_const(operand(s, 2), FLEET_DTYPE_INT32, rows, 4) ||
      !fleet_is_const(operand(s, 3), FLEET_DTYPE_INT16, inner * rows, 2) || !fleet_is_const(operand(s, 4), FLEET_DTYPE_INT16, weights, 2) ||
      !fleet_is_const(operand(s, 5), FLEET_DTYPE_INT16, weights, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT16, classes, 2) || size_of(projected) != rows * 4u ||
      size_of(sums) != classes * 4u)
    return -fleet_err_bundle_shape_invalid;
  if (load_le32(projected + FLEET_OPERAND_OFFSET) % 4 != 0 || load_le32(sums + FLEET_OPERAND_OFFSET) % 4 != 0)
    return -fleet_err_bundle_misaligned;
  if (param_u8(s, FLEET_BONSAI_BIAS_SHIFT) > 30 || !is_right_shift(param_u8(s, FLEET_BONSAI_PROJECTION_SHIFT)) ||
      !is_right_shift(param_u8(s, FLEET_BONSAI_V_SHIFT)) || !is_right_shift(param_u8(s, FLEET_BONSAI_W_SHIFT)) ||
      param_i32(s, FLEET_BONSAI_MULTIPLIER) < 0 || !fleet_is_shift(param_i8(s, FLEET_BONSAI_SHIFT)))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

// |x| < 2^62, as round_shift64 wants it.
static int32_t shifted(int64_t x, uint32_t shift, int32_t bound) {
  const int64_t y = round_shift64(x, shift);
  return (int32_t)(y < -bound ? -bound : y > bound ? bound : y);
}

static int64_t product(const uint8_t *row, const int32_t *z, uint32_t n) {
  int64_t sum = 0;
  for (uint32_t i = 0; i < n; i++) sum += (int64_t)load_i16(row + i * 2) * z[i];
  return sum;
}

// A sum over features is below 2^46, its bias below 2^61.
static void project(const step_t *s, int32_t *z) {
  const uint32_t features = param_u16(s, FLEET_BONSAI_FEATURES_N), rows = param_u16(s, FLEET_BONSAI_PROJECTED);
  const int64_t bias_unit = INT64_C(1) << param_u8(s, FLEET_BONSAI_BIAS_SHIFT);
  const int16_t *x = input_i16(s, 0);
  const uint8_t *row = input_bytes(s, 1), *bias = input_bytes(s, 2);
  for (uint32_t r = 0; r < rows; r++, bias += 4) {
    int64_t sum = load_i32(bias) * bias_unit;
    for (uint32_t i = 0; i < features; i++, row += 2) sum += load_i16(row) * x[i];
    z[r] = shifted(sum, param_u8(s, FLEET_BONSAI_PROJECTION_SHIFT), most_projected);
  }
}

int32_t fleet_run_bonsai(const step_t *s) {
  const uint32_t rows = param_u16(s, FLEET_BONSAI_PROJECTED), classes = param_u16(s, FLEET_BONSAI_CLASSES);
  const uint32_t depth = param_u8(s, FLEET_BONSAI_DEPTH);
  const uint32_t v_shift = param_u8(s, FLEET_BONSAI_V_SHIFT), w_shift = param_u8(s, FLEET_BONSAI_W_SHIFT);
  const uint8_t *thetas = input_bytes(s, 3), *w = input_bytes(s, 4), *v = input_bytes(s, 5);
  int32_t *z = (int32_t *)(void *)writable(s->rt, output_operand(s, 1));
  int32_t *sums = (int32_t *)(void *)writable(s->rt, output_operand(s, 2));
  project(s, z);
  memset(sums, 0, classes * sizeof *sums);
  uint32_t node = 0;
  for (uint32_t level = 0;; level++) {
    for (uint32_t c = 0; c < classes; c++) {
      const size_t at = ((size_t)node * classes + c) * rows * 2;
      const int32_t weight = shifted(product(w + at, z, rows), w_shift, most_weight);
      sums[c] += high_mul(weight, fleet_tanh_q31(shifted(product(v + at, z, rows), v_shift, INT32_MAX)));
    }
    if (level == depth) break;
    node = 2 * node + (product(thetas + (size_t)node * rows * 2, z, rows) > 0 ? 1 : 2);
  }
  const int32_t zero = param_i16(s, FLEET_BONSAI_OUTPUT_OFFSET);
  int16_t *out = output_i16(s, 0);
  for (uint32_t c = 0; c < classes; c++) {
    const int32_t score = requantize(sums[c], param_i32(s, FLEET_BONSAI_MULTIPLIER), param_i8(s, FLEET_BONSAI_SHIFT));
    out[c] = (int16_t)(clamp(score, INT16_MIN - zero, INT16_MAX - zero) + zero);
  }
  return fleet_ok;
}
