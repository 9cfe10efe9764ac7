// Decision trees, random forests and gradient boosting over quantized features.
//
// A node is 8 bytes: feature u16, threshold i16, left u16, right u16. The walk goes left where feature <= threshold; children
// are counted from the tree's first node and lie behind their parent, so every walk ends. A leaf has feature 0xffff and, in
// place of the children, 32 bits: the value that is added to the tree's class, or the number of a row of `leaves`.
//
// Sums are in fixed point of `fraction_bits`. The output is the sum requantized, or the softmax over all sums. Rounding to
// few bits can make two classes equal that were not: the first class with the largest sum stays the first with the largest
// output (its equals before it are lowered by one), so a decision is that of the sums.
#include "internal.h"

enum { node_bytes = 8, leaf_feature = 0xffff };

static int32_t check_tree(const uint8_t *nodes, uint32_t n, uint32_t features, uint32_t rows) {
  for (uint32_t i = 0; i < n; i++) {
    const uint8_t *node = nodes + i * node_bytes;
    const uint32_t feature = load_le16(node), left = load_le16(node + 4), right = load_le16(node + 6);
    const int ok = feature == leaf_feature ? rows == 0 || load_le32(node + 4) < rows
                                           : feature < features && left > i && left < n && right > i && right < n;
    if (!ok) return -fleet_err_bundle_shape_invalid;
  }
  return fleet_ok;
}

int32_t fleet_check_tree_ensemble(const step_t *s) {
  const uint32_t features = param_u16(s, FLEET_TREE_ENSEMBLE_FEATURES_N), classes = param_u16(s, FLEET_TREE_ENSEMBLE_CLASSES);
  const uint32_t trees = param_u16(s, FLEET_TREE_ENSEMBLE_TREES), nodes = param_u32(s, FLEET_TREE_ENSEMBLE_NODES);
  const uint8_t *in = operand(s, 0), *out = output_operand(s, 0), *sums = output_operand(s, 1);
  const uint8_t *roots_op = operand(s, 2), *leaves_op = operand(s, 4);
  const uint32_t in_width = dtype_of(in) == FLEET_DTYPE_INT16 ? 2 : 1, out_width = dtype_of(out) == FLEET_DTYPE_INT16 ? 2 : 1;
  if (features == 0 || features == leaf_feature || classes == 0 || trees == 0 ||
      !fleet_is_tensor(in, in_width == 2 ? FLEET_DTYPE_INT16 : FLEET_DTYPE_INT8, features, in_width) ||
      !fleet_is_tensor(out, out_width == 2 ? FLEET_DTYPE_INT16 : FLEET_DTYPE_INT8, classes, out_width) ||
      !fleet_is_const(operand(s, 1), FLEET_DTYPE_UINT8, (uint64_t)nodes * node_bytes, 1) ||
      !fleet_is_const(roots_op, FLEET_DTYPE_INT32, (uint64_t)trees + 1, 4) || !fleet_is_const(operand(s, 3), FLEET_DTYPE_INT32, classes, 4) ||
      param_u8(s, FLEET_TREE_ENSEMBLE_LEAF_ROWS) > 1 || size_of(sums) != classes * 4u)
    return -fleet_err_bundle_shape_invalid;
  if (load_le32(sums + FLEET_OPERAND_OFFSET) % 4 != 0) return -fleet_err_bundle_misaligned;
  if (param_u8(s, FLEET_TREE_ENSEMBLE_TRANSFORM) > 1 || param_u8(s, FLEET_TREE_ENSEMBLE_FRACTION_BITS) > 26 ||
      param_i32(s, FLEET_TREE_ENSEMBLE_MULTIPLIER) < 0 || !fleet_is_shift(param_i8(s, FLEET_TREE_ENSEMBLE_SHIFT)))
    return -fleet_err_bundle_quantization_invalid;
  uint32_t rows = 0;
  if (param_u8(s, FLEET_TREE_ENSEMBLE_LEAF_ROWS) == 1) {
    rows = size_of(leaves_op) / 2 / classes;
    if (rows == 0 || !fleet_is_const(leaves_op, FLEET_DTYPE_INT16, (uint64_t)rows * classes, 2)) return -fleet_err_bundle_shape_invalid;
  } else {
    if (!fleet_is_const(leaves_op, FLEET_DTYPE_INT16, trees, 2)) return -fleet_err_bundle_shape_invalid;
    const uint8_t *of = readable(s->rt, leaves_op);
    for (uint32_t t = 0; t < trees; t++)
      if (load_le16(of + t * 2) >= classes) return -fleet_err_bundle_shape_invalid;
  }
  const uint8_t *table = readable(s->rt, operand(s, 1)), *roots = readable(s->rt, roots_op);
  if (load_le32(roots) != 0 || load_le32(roots + trees * 4) != nodes) return -fleet_err_bundle_shape_invalid;
  for (uint32_t t = 0; t < trees; t++) {
    const uint32_t from = load_le32(roots + t * 4), to = load_le32(roots + t * 4 + 4);
    if (from >= to || to > nodes || to - from > 0x10000u) return -fleet_err_bundle_shape_invalid;
    const int32_t error = check_tree(table + from * node_bytes, to - from, features, rows);
    if (error != 0) return error;
  }
  return fleet_ok;
}

static uint32_t leaf_of(const uint8_t *tree, const void *features, int wide) {
  const uint8_t *node = tree;
  for (uint32_t feature; (feature = load_le16(node)) != leaf_feature;) {
    const int32_t x = wide ? ((const int16_t *)features)[feature] : ((const int8_t *)features)[feature];
    node = tree + load_le16(node + (x <= load_i16(node + 2) ? 4 : 6)) * (uint32_t)node_bytes;
  }
  return load_le32(node + 4);
}

// exp(difference), difference <= 0 in fixed point: Q0.31, 0 below -32.
static uint32_t weight(int64_t difference, uint32_t fraction_bits) {
  const int64_t x = difference * (INT64_C(1) << (26 - fraction_bits)); // |difference| < 2^32
  return x <= -(INT64_C(1) << 31) ? 0 : (uint32_t)fleet_exp_q31((int32_t)x);
}

int32_t fleet_run_tree_ensemble(const step_t *s) {
  const uint32_t classes = param_u16(s, FLEET_TREE_ENSEMBLE_CLASSES), trees = param_u16(s, FLEET_TREE_ENSEMBLE_TREES);
  const uint32_t bits = param_u8(s, FLEET_TREE_ENSEMBLE_FRACTION_BITS);
  const int wide = dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16, wide_out = dtype_of(output_operand(s, 0)) == FLEET_DTYPE_INT16;
  const uint8_t *features = input_bytes(s, 0), *nodes = input_bytes(s, 1), *roots = input_bytes(s, 2);
  const uint8_t *base = input_bytes(s, 3), *leaves = input_bytes(s, 4);
  const int rows = param_u8(s, FLEET_TREE_ENSEMBLE_LEAF_ROWS) == 1;
  uint32_t *sums = (uint32_t *)(void *)writable(s->rt, output_operand(s, 1)); // modulo 2^32; the compiler leaves room
  for (uint32_t c = 0; c < classes; c++) sums[c] = load_le32(base + c * 4);
  for (uint32_t t = 0; t < trees; t++) {
    const uint32_t leaf = leaf_of(nodes + load_le32(roots + t * 4) * (uint32_t)node_bytes, features, wide);
    if (!rows) sums[load_le16(leaves + t * 2)] += leaf;
    else
      for (uint32_t c = 0; c < classes; c++) sums[c] += (uint32_t)load_i16(leaves + (leaf * classes + c) * 2);
  }

  uint32_t best = 0;
  for (uint32_t c = 1; c < classes; c++)
    if ((int32_t)sums[c] > (int32_t)sums[best]) best = c;
  const int64_t most = (int32_t)sums[best];
  const int softmax = param_u8(s, FLEET_TREE_ENSEMBLE_TRANSFORM) == 1;
  uint64_t total = 0; // at most 2^16 weights of 31 bits
  for (uint32_t c = 0; softmax && c < classes; c++) total += weight((int32_t)sums[c] - most, bits);
  const int32_t low = wide_out ? INT16_MIN : INT8_MIN, high = wide_out ? INT16_MAX : INT8_MAX;
  const int32_t offset = param_i16(s, FLEET_TREE_ENSEMBLE_OUTPUT_OFFSET);
  int32_t best_q = 0;
  for (uint32_t turn = 0; turn <= classes; turn++) {
    const uint32_t c = turn == 0 ? best : turn - 1; // the best first: the others are held against it
    if (turn != 0 && c == best) continue;
    int32_t q;
    if (softmax) { // 1/256 from -128 for int8, 1/32768 for int16
      const uint64_t share = ((uint64_t)weight((int32_t)sums[c] - most, bits) * (wide_out ? 32768u : 256u) + total / 2) / total;
      q = clamp((int32_t)share + (wide_out ? 0 : INT8_MIN), low, high);
    } else {
      const int32_t scaled = requantize((int32_t)sums[c], param_i32(s, FLEET_TREE_ENSEMBLE_MULTIPLIER), param_i8(s, FLEET_TREE_ENSEMBLE_SHIFT));
      q = clamp(scaled, low - offset, high - offset) + offset;
    }
    if (turn == 0) best_q = q = classes > 1 && q == low ? low + 1 : q;
    else if (q >= best_q) q = c < best ? best_q - 1 : best_q;
    if (wide_out) output_i16(s, 0)[c] = (int16_t)q;
    else output_i8(s, 0)[c] = (int8_t)q;
  }
  return fleet_ok;
}
