// ADD, int8, with broadcasting over five collapsed dimensions. Reference: TFLite reference_integer_ops::AddFunc.
#include "internal.h"

enum { rank = 5 };

static uint32_t dim(const step_t *s, uint32_t i) { return param_u32(s, FLEET_ADD_DIMS + i * 4); }

// 1 + the largest element index that these strides reach; UINT64_MAX when that is beyond 2^32.
static uint64_t reach(const step_t *s, uint32_t strides) {
  uint64_t last = 0;
  for (uint32_t i = 0; i < rank; i++) {
    last += (uint64_t)(dim(s, i) - 1) * param_u32(s, strides + i * 4);
    if (last > UINT32_MAX) return UINT64_MAX;
  }
  return last + 1;
}

static int is_input(const uint8_t *op, uint64_t elements) {
  return present(op) && dtype_of(op) == FLEET_DTYPE_INT8 && size_of(op) >= elements;
}

int32_t fleet_check_add(const step_t *s) {
  uint64_t elements = 1;
  for (uint32_t i = 0; i < rank; i++) {
    if (dim(s, i) == 0) return -fleet_err_bundle_shape_invalid;
    elements *= dim(s, i);
    if (elements > UINT32_MAX) return -fleet_err_bundle_shape_invalid;
  }
  if (!is_input(operand(s, 0), reach(s, FLEET_ADD_A_STRIDES)) || !is_input(operand(s, 1), reach(s, FLEET_ADD_B_STRIDES)) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT8, elements, 1))
    return -fleet_err_bundle_shape_invalid;
  const int32_t left = param_i8(s, FLEET_ADD_LEFT_SHIFT);
  const int32_t shift_a = param_i8(s, FLEET_ADD_A_SHIFT), shift_b = param_i8(s, FLEET_ADD_B_SHIFT);
  const int32_t shift_y = param_i8(s, FLEET_ADD_OUTPUT_SHIFT);
  // |x + offset| <= 256 and left <= 20: the scaled inputs stay below 2^28, their sum below 2^29.
  if (left < 0 || left > 20 || shift_a < -31 || shift_a > 0 || shift_b < -31 || shift_b > 0 || shift_y < -31 ||
      shift_y > 0 || param_i32(s, FLEET_ADD_A_MULTIPLIER) < 0 || param_i32(s, FLEET_ADD_B_MULTIPLIER) < 0 ||
      param_i32(s, FLEET_ADD_OUTPUT_MULTIPLIER) < 0 ||
      !fleet_is_int8_range(param_i16(s, FLEET_ADD_A_OFFSET), param_i16(s, FLEET_ADD_OUTPUT_OFFSET),
                           param_i16(s, FLEET_ADD_ACTIVATION_MIN), param_i16(s, FLEET_ADD_ACTIVATION_MAX)) ||
      !fleet_is_int8_range(param_i16(s, FLEET_ADD_B_OFFSET), 0, -128, 127))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

int32_t fleet_run_add(const step_t *s) {
  const int32_t a_offset = param_i16(s, FLEET_ADD_A_OFFSET), b_offset = param_i16(s, FLEET_ADD_B_OFFSET);
  const int32_t y_offset = param_i16(s, FLEET_ADD_OUTPUT_OFFSET);
  const int32_t low = param_i16(s, FLEET_ADD_ACTIVATION_MIN), high = param_i16(s, FLEET_ADD_ACTIVATION_MAX);
  const int32_t unit = INT32_C(1) << param_i8(s, FLEET_ADD_LEFT_SHIFT);
  const int32_t a_multiplier = param_i32(s, FLEET_ADD_A_MULTIPLIER), b_multiplier = param_i32(s, FLEET_ADD_B_MULTIPLIER);
  const int32_t y_multiplier = param_i32(s, FLEET_ADD_OUTPUT_MULTIPLIER);
  const int32_t a_shift = -param_i8(s, FLEET_ADD_A_SHIFT), b_shift = -param_i8(s, FLEET_ADD_B_SHIFT);
  const int32_t y_shift = -param_i8(s, FLEET_ADD_OUTPUT_SHIFT);
  const uint32_t inner = dim(s, rank - 1);
  const uint32_t a_step = param_u32(s, FLEET_ADD_A_STRIDES + (rank - 1) * 4);
  const uint32_t b_step = param_u32(s, FLEET_ADD_B_STRIDES + (rank - 1) * 4);
  const int8_t *a = input_i8(s, 0), *b = input_i8(s, 1);
  int8_t *y = output_i8(s, 0);
  uint32_t index[rank - 1] = {0, 0, 0, 0};
  for (;;) {
    uint32_t a_at = 0, b_at = 0;
    for (uint32_t i = 0; i < rank - 1; i++) {
      a_at += index[i] * param_u32(s, FLEET_ADD_A_STRIDES + i * 4);
      b_at += index[i] * param_u32(s, FLEET_ADD_B_STRIDES + i * 4);
    }
    for (uint32_t i = 0; i < inner; i++) {
      const int32_t va = rounding_shift(high_mul((a[a_at + i * a_step] + a_offset) * unit, a_multiplier), a_shift);
      const int32_t vb = rounding_shift(high_mul((b[b_at + i * b_step] + b_offset) * unit, b_multiplier), b_shift);
      const int32_t sum = rounding_shift(high_mul(va + vb, y_multiplier), y_shift); // |sum| < 2^29
      *y++ = (int8_t)clamp(sum + y_offset, low, high);
    }
    uint32_t i = rank - 1;
    while (i > 0 && ++index[i - 1] == dim(s, i - 1)) index[--i] = 0;
    if (i == 0) return fleet_ok;
  }
}
