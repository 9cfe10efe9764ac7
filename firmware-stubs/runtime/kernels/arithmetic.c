// ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM and PRELU over int8 or int16 operands, broadcast over five collapsed dimensions.
// Reference: TFLite's AddElementwise, SubElementwise, MulElementwise, DivElementwise, MaximumMinimumBroadcastSlow and
// BroadcastPrelu4DSlow. One record of parameters serves all; the ops differ in `combine` only. A row is done in blocks: both
// operands are widened to int32 and scaled, combined by the op, then clamped and stored.
#include "internal.h"

enum { rank = 5, block = 32 };

typedef struct {
  uint32_t width; // bytes of an element
  uint32_t step;  // elements between neighbours of a row; 0 = broadcast
  int32_t offset;
  int32_t left; // left shift of `scale`, or -1 when the operand is not scaled
  int32_t multiplier;
  int32_t right;
} side_t;

static uint32_t dim(const step_t *s, uint32_t i) { return param_u32(s, FLEET_ADD_DIMS + i * 4); }

static uint32_t op_of(const step_t *s) { return load_le16(s->record + FLEET_STEP_OP); }

static uint32_t width_of(const uint8_t *op) {
  return dtype_of(op) == FLEET_DTYPE_INT8 ? 1 : dtype_of(op) == FLEET_DTYPE_INT16 ? 2 : 0;
}

// 1 + the largest element index that these strides reach; UINT64_MAX when that is beyond 2^32.
static uint64_t reach(const step_t *s, uint32_t strides) {
  uint64_t last = 0;
  for (uint32_t i = 0; i < rank; i++) {
    last += (uint64_t)(dim(s, i) - 1) * param_u32(s, strides + i * 4);
    if (last > UINT32_MAX) return UINT64_MAX;
  }
  return last + 1;
}

static int32_t check_shape(const step_t *s) {
  uint64_t elements = 1;
  for (uint32_t i = 0; i < rank; i++) {
    if (dim(s, i) == 0) return -fleet_err_bundle_shape_invalid;
    elements *= dim(s, i);
    if (elements > UINT32_MAX) return -fleet_err_bundle_shape_invalid;
  }
  const uint8_t *a = operand(s, 0), *b = operand(s, 1), *y = output_operand(s, 0);
  const uint32_t wide = width_of(y);
  const uint32_t second = op_of(s) == FLEET_OP_PRELU ? 1 : wide; // alpha is always int8
  if (wide == 0 || !present(a) || !present(b) || width_of(a) != wide || width_of(b) != second ||
      reach(s, FLEET_ADD_A_STRIDES) > size_of(a) / wide || reach(s, FLEET_ADD_B_STRIDES) > size_of(b) / second ||
      !fleet_is_tensor(y, dtype_of(y), elements, wide))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

// |x + offset| <= 256 for int8, <= 65536 for int16. Bounds that follow:
// - ADD, SUB: shifted left by at most 20 or 15 it stays within 2^28 or 2^31 - 2^15; sums are made in uint32.
// - MUL: 2^16 for int8; int16 has no offsets, 2^30. PRELU: 65536 * 256 = 2^24.
int32_t fleet_check_arithmetic(const step_t *s) {
  const int32_t error = check_shape(s);
  if (error != fleet_ok) return error;
  const uint32_t op = op_of(s);
  const int wide = width_of(output_operand(s, 0)) == 2;
  const int32_t a_offset = param_i16(s, FLEET_ADD_A_OFFSET), b_offset = param_i16(s, FLEET_ADD_B_OFFSET);
  const int32_t y_offset = param_i16(s, FLEET_ADD_OUTPUT_OFFSET);
  const int32_t low = param_i16(s, FLEET_ADD_ACTIVATION_MIN), high = param_i16(s, FLEET_ADD_ACTIVATION_MAX);
  const int32_t left = param_i8(s, FLEET_ADD_LEFT_SHIFT);
  const int32_t shifts[3] = {param_i8(s, FLEET_ADD_A_SHIFT), param_i8(s, FLEET_ADD_B_SHIFT), param_i8(s, FLEET_ADD_OUTPUT_SHIFT)};
  const int sum = op == FLEET_OP_ADD || op == FLEET_OP_SUB;
  int ok = wide ? low <= high : fleet_is_int8_range(a_offset, y_offset, low, high) && fleet_is_int8_range(b_offset, 0, -128, 127);
  if (op == FLEET_OP_PRELU) ok = ok && fleet_is_int8_range(b_offset, 0, -128, 127);
  if (op == FLEET_OP_MUL && wide) ok = ok && a_offset == 0 && b_offset == 0;
  if (op == FLEET_OP_DIV) ok = ok && !wide;
  ok = ok && left >= 0 && left <= (wide ? 15 : 20);
  for (uint32_t i = 0; i < 3; i++) ok = ok && fleet_is_shift(shifts[i]) && (!sum || shifts[i] <= 0);
  ok = ok && param_i32(s, FLEET_ADD_A_MULTIPLIER) >= 0 && param_i32(s, FLEET_ADD_B_MULTIPLIER) >= 0 &&
       param_i32(s, FLEET_ADD_OUTPUT_MULTIPLIER) >= 0;
  return ok ? fleet_ok : -fleet_err_bundle_quantization_invalid;
}

static side_t side_of(const step_t *s, uint32_t index, int scaled) {
  const uint32_t at = index * 4 * rank;
  side_t side = {
      .width = width_of(operand(s, index)),
      .step = param_u32(s, FLEET_ADD_A_STRIDES + at + (rank - 1) * 4),
      .offset = param_i16(s, index == 0 ? FLEET_ADD_A_OFFSET : FLEET_ADD_B_OFFSET),
      .left = scaled ? param_i8(s, FLEET_ADD_LEFT_SHIFT) : -1,
      .multiplier = param_i32(s, index == 0 ? FLEET_ADD_A_MULTIPLIER : FLEET_ADD_B_MULTIPLIER),
      .right = -param_i8(s, index == 0 ? FLEET_ADD_A_SHIFT : FLEET_ADD_B_SHIFT),
  };
  return side;
}

static void widen(int32_t v[block], const side_t *side, const uint8_t *x, uint32_t n) {
  const uint32_t count = side->step == 0 ? 1 : n, step = side->step * side->width;
  const int32_t offset = side->offset, left = side->left, multiplier = side->multiplier, right = side->right;
  const int narrow = side->width == 1;
  for (uint32_t i = 0; i < count; i++, x += step) v[i] = (narrow ? (int8_t)*x : load_i16(x)) + offset;
  if (left >= 0)
    for (uint32_t i = 0; i < count; i++) v[i] = rounding_shift(high_mul(v[i] * (INT32_C(1) << left), multiplier), right);
  for (uint32_t i = count; i < n; i++) v[i] = v[0];
}

// a / b through the reciprocal of b, three roundings as in the reference. It leaves two cases undefined, here they are the
// limits: a quotient by zero saturates, one that a shift beyond 31 makes vanish is 0.
static int32_t divide(int32_t a, int32_t b, int32_t multiplier, int32_t shift) {
  if (b < 0) a = -a, b = -b;
  if (a == 0) return 0;
  if (b == 0) return a > 0 ? INT32_MAX : INT32_MIN;
  const int32_t zeros = (int32_t)leading_zeros((uint32_t)b), headroom = (int32_t)leading_zeros((uint32_t)(a < 0 ? ~a : a)) - 1;
  const int32_t inverse = fleet_reciprocal_1_plus((int32_t)((uint32_t)b << zeros & INT32_MAX));
  const int32_t value = high_mul(high_mul((int32_t)((uint32_t)a << headroom), inverse), multiplier);
  const int32_t right = 31 - zeros + headroom - shift;
  if (right < 0) return value > 0 ? INT32_MAX : value < 0 ? INT32_MIN : 0;
  return right > 31 ? 0 : rounding_shift(value, right);
}

static int32_t rescale(uint32_t sum, int32_t multiplier, int32_t right) {
  return rounding_shift(high_mul((int32_t)sum, multiplier), right);
}

// v = v op w, before the output's offset.
static void combine(const step_t *s, int32_t v[block], const int32_t w[block], uint32_t n) {
  const int32_t multiplier = param_i32(s, FLEET_ADD_OUTPUT_MULTIPLIER), shift = param_i8(s, FLEET_ADD_OUTPUT_SHIFT);
  const uint32_t op = op_of(s);
  switch (op) {
    case FLEET_OP_ADD:
      for (uint32_t i = 0; i < n; i++) v[i] = rescale((uint32_t)v[i] + (uint32_t)w[i], multiplier, -shift);
      return;
    case FLEET_OP_SUB:
      for (uint32_t i = 0; i < n; i++) v[i] = rescale((uint32_t)v[i] - (uint32_t)w[i], multiplier, -shift);
      return;
    case FLEET_OP_MUL:
      for (uint32_t i = 0; i < n; i++) v[i] = requantize(v[i] * w[i], multiplier, shift);
      return;
    case FLEET_OP_DIV:
      for (uint32_t i = 0; i < n; i++) v[i] = divide(v[i], w[i], multiplier, shift);
      return;
    case FLEET_OP_MAXIMUM:
      for (uint32_t i = 0; i < n; i++) v[i] = v[i] > w[i] ? v[i] : w[i];
      return;
    case FLEET_OP_MINIMUM:
      for (uint32_t i = 0; i < n; i++) v[i] = v[i] < w[i] ? v[i] : w[i];
      return;
    default: { // PRELU
      const int32_t positive = param_i32(s, FLEET_ADD_A_MULTIPLIER), positive_shift = param_i8(s, FLEET_ADD_A_SHIFT);
      const int32_t negative = param_i32(s, FLEET_ADD_B_MULTIPLIER), negative_shift = param_i8(s, FLEET_ADD_B_SHIFT);
      for (uint32_t i = 0; i < n; i++)
        v[i] = v[i] >= 0 ? requantize(v[i], positive, positive_shift) : requantize(v[i] * w[i], negative, negative_shift);
      return;
    }
  }
}

// Q31 multiplier and rounding shift of a number that is doubled, so that the product's upper half is what is wanted: one
// instruction less than high_mul. The sign makes halves go away from zero, as rounding_shift does; without a shift there are none.
typedef struct {
  int32_t multiplier, right, half, sign;
} scale_t;

static scale_t scale_of(int32_t multiplier, int32_t shift) {
  const scale_t scale = {multiplier, -shift, shift == 0 ? 0 : INT32_C(1) << (-shift - 1), shift == 0 ? 0 : -1};
  return scale;
}

// |doubled| <= 2^30: the product is at most 2^29, its sum with the half below 2^31.
static inline int32_t scale_doubled(int32_t doubled, const scale_t *by) {
  const int32_t product = (int32_t)(((int64_t)doubled * by->multiplier + INT64_C(0x80000000)) >> 32);
  return (product + by->half + (product >> 31 & by->sign)) >> by->right;
}

// A row of int8 ADD, by far the most frequent: the same numbers in one pass. Doubled inputs are at most 2^29, scaled ones 2^28.
static void add_row(const step_t *s, const int8_t *a, const int8_t *b, int8_t *y) {
  const int32_t unit = INT32_C(2) << param_i8(s, FLEET_ADD_LEFT_SHIFT);
  const int32_t a_offset = param_i16(s, FLEET_ADD_A_OFFSET) * unit, b_offset = param_i16(s, FLEET_ADD_B_OFFSET) * unit;
  const scale_t a_scale = scale_of(param_i32(s, FLEET_ADD_A_MULTIPLIER), param_i8(s, FLEET_ADD_A_SHIFT));
  const scale_t b_scale = scale_of(param_i32(s, FLEET_ADD_B_MULTIPLIER), param_i8(s, FLEET_ADD_B_SHIFT));
  const scale_t y_scale = scale_of(param_i32(s, FLEET_ADD_OUTPUT_MULTIPLIER), param_i8(s, FLEET_ADD_OUTPUT_SHIFT));
  const int32_t y_offset = param_i16(s, FLEET_ADD_OUTPUT_OFFSET);
  const int32_t low = param_i16(s, FLEET_ADD_ACTIVATION_MIN), high = param_i16(s, FLEET_ADD_ACTIVATION_MAX);
  const uint32_t a_step = param_u32(s, FLEET_ADD_A_STRIDES + (rank - 1) * 4), b_step = param_u32(s, FLEET_ADD_B_STRIDES + (rank - 1) * 4);
  for (uint32_t i = dim(s, rank - 1); i > 0; i--, a += a_step, b += b_step) {
    const int32_t sum = scale_doubled(*a * unit + a_offset, &a_scale) + scale_doubled(*b * unit + b_offset, &b_scale);
    *y++ = (int8_t)clamp(scale_doubled(sum * 2, &y_scale) + y_offset, low, high);
  }
}

static void run_row(const step_t *s, const side_t sides[2], const uint8_t *a, const uint8_t *b, uint8_t *y) {
  const int32_t y_offset = param_i16(s, FLEET_ADD_OUTPUT_OFFSET);
  const int32_t low = param_i16(s, FLEET_ADD_ACTIVATION_MIN) - y_offset, high = param_i16(s, FLEET_ADD_ACTIVATION_MAX) - y_offset;
  const uint32_t inner = dim(s, rank - 1);
  const int wide = sides[0].width == 2;
  int32_t v[block], w[block];
  for (uint32_t done = 0; done < inner; done += block) {
    const uint32_t n = inner - done < block ? inner - done : block;
    widen(v, &sides[0], a + done * sides[0].step * sides[0].width, n);
    widen(w, &sides[1], b + done * sides[1].step * sides[1].width, n);
    combine(s, v, w, n);
    for (uint32_t i = 0; i < n; i++) {
      const uint32_t value = (uint32_t)(clamp(v[i], low, high) + y_offset);
      *y++ = (uint8_t)value;
      if (wide) *y++ = (uint8_t)(value >> 8);
    }
  }
}

int32_t fleet_run_arithmetic(const step_t *s) {
  const int scaled = op_of(s) == FLEET_OP_ADD || op_of(s) == FLEET_OP_SUB;
  const side_t sides[2] = {side_of(s, 0, scaled), side_of(s, 1, scaled)};
  const int fast = op_of(s) == FLEET_OP_ADD && sides[0].width == 1;
  const uint8_t *a = input_bytes(s, 0), *b = input_bytes(s, 1);
  uint8_t *y = writable(s->rt, output_operand(s, 0));
  uint32_t index[rank - 1] = {0, 0, 0, 0};
  for (;;) {
    uint32_t a_at = 0, b_at = 0;
    for (uint32_t i = 0; i < rank - 1; i++) {
      a_at += index[i] * param_u32(s, FLEET_ADD_A_STRIDES + i * 4);
      b_at += index[i] * param_u32(s, FLEET_ADD_B_STRIDES + i * 4);
    }
    const uint8_t *row_a = a + a_at * sides[0].width, *row_b = b + b_at * sides[1].width;
    if (fast) add_row(s, (const int8_t *)row_a, (const int8_t *)row_b, (int8_t *)y);
    else run_row(s, sides, row_a, row_b, y);
    y += dim(s, rank - 1) * sides[0].width;
    uint32_t i = rank - 1;
    while (i > 0 && ++index[i - 1] == dim(s, i - 1)) index[--i] = 0;
    if (i == 0) return fleet_ok;
  }
}
