// Load-time checks that several ops share. They look at numbers only and never touch an operand's arena memory.
#include "internal.h"

uint32_t fleet_element_bytes(uint32_t dtype) {
  switch (dtype) {
    case FLEET_DTYPE_INT8:
    case FLEET_DTYPE_UINT8:
    case FLEET_DTYPE_BOOL:
    case FLEET_DTYPE_INT4: return 1; // int4 is packed
    case FLEET_DTYPE_INT16:
    case FLEET_DTYPE_UINT16: return 2;
    case FLEET_DTYPE_INT32:
    case FLEET_DTYPE_UINT32: return 4;
    case FLEET_DTYPE_INT64: return 8;
    default: return 0;
  }
}

uint32_t fleet_product(const step_t *s, uint32_t offset, uint32_t n) {
  uint64_t product = 1;
  for (uint32_t i = 0; i < n && product <= UINT32_MAX; i++) product *= param_u32(s, offset + i * 4);
  return product <= UINT32_MAX ? (uint32_t)product : 0;
}

int fleet_is_tensor(const uint8_t *op, uint32_t dtype, uint64_t elements, uint32_t width) {
  return present(op) && dtype_of(op) == dtype && elements <= UINT32_MAX / width && size_of(op) == elements * width;
}

int fleet_is_const(const uint8_t *op, uint32_t dtype, uint64_t elements, uint32_t width) {
  return op[FLEET_OPERAND_SPACE] == FLEET_SPACE_CONST && fleet_is_tensor(op, dtype, elements, width);
}

int fleet_is_state(const uint8_t *op, uint32_t dtype, uint64_t elements, uint32_t width) {
  return op[FLEET_OPERAND_SPACE] == FLEET_SPACE_STATE && fleet_is_tensor(op, dtype, elements, width);
}

int fleet_is_shift(int32_t shift) { return shift >= -31 && shift <= 30; }

uint32_t fleet_activation_type(const step_t *s) {
  const uint32_t dtype = dtype_of(operand(s, 0));
  return dtype == FLEET_DTYPE_INT8 || dtype == FLEET_DTYPE_INT16 ? dtype : 0;
}

static int is_bias_in_range(const uint8_t *bias, uint32_t channels) {
  for (uint32_t i = 0; i < channels; i++) {
    const int64_t value = (int64_t)((uint64_t)load_le32(bias + i * 8 + 4) << 32 | load_le32(bias + i * 8));
    if (value <= -(INT64_C(1) << 46) || value >= INT64_C(1) << 46) return 0;
  }
  return 1;
}

int32_t fleet_check_requantization(const step_t *s, uint32_t bias, uint32_t dtype, uint64_t terms, uint32_t channels, uint32_t n) {
  const uint8_t *bias_op = operand(s, bias);
  const uint8_t *multipliers = operand(s, bias + 1);
  const uint8_t *shifts = operand(s, bias + 2);
  const int wide = dtype == FLEET_DTYPE_INT16 && !(present(bias_op) && dtype_of(bias_op) == FLEET_DTYPE_INT32);
  if (!fleet_is_tensor(multipliers, FLEET_DTYPE_INT32, n, 4) || !fleet_is_tensor(shifts, FLEET_DTYPE_INT8, n, 1) ||
      (present(bias_op) && !fleet_is_tensor(bias_op, wide ? FLEET_DTYPE_INT64 : FLEET_DTYPE_INT32, channels, wide ? 8 : 4)) ||
      (dtype == FLEET_DTYPE_INT16 && terms > UINT32_C(1) << 23)) // 2^23 products of at most 2^22, and a bias below 2^46
    return -fleet_err_bundle_shape_invalid;
  // Only constants can be checked once and for all.
  if (multipliers[FLEET_OPERAND_SPACE] != FLEET_SPACE_CONST || shifts[FLEET_OPERAND_SPACE] != FLEET_SPACE_CONST ||
      (present(bias_op) && bias_op[FLEET_OPERAND_SPACE] != FLEET_SPACE_CONST))
    return -fleet_err_bundle_plan_invalid;
  const uint8_t *m = readable(s->rt, multipliers);
  const int8_t *shift = (const int8_t *)readable(s->rt, shifts);
  for (uint32_t i = 0; i < n; i++)
    if (load_i32(m + i * 4) < 0 || !fleet_is_shift(shift[i]) || (wide && shift[i] > 7))
      return -fleet_err_bundle_quantization_invalid;
  if (wide && present(bias_op) && !is_bias_in_range(readable(s->rt, bias_op), channels))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

int fleet_is_int8_range(int32_t input_offset, int32_t output_offset, int32_t low, int32_t high) {
  return input_offset >= -127 && input_offset <= 128 && output_offset >= -128 && output_offset <= 127 && low >= -128 &&
         low <= high && high <= 127;
}

int fleet_is_layer_range(uint32_t dtype, const int32_t offsets[3], int32_t low, int32_t high) {
  const int32_t input = offsets[0], weights = offsets[1], output = offsets[2];
  if (dtype == FLEET_DTYPE_INT16) return input == 0 && weights == 0 && output == 0 && low <= high;
  return weights >= -128 && weights <= 128 && fleet_is_int8_range(input, output, low, high);
}

int fleet_is_window(uint32_t out, uint32_t stride, uint32_t filter, uint32_t dilation) {
  if (out == 0 || stride == 0 || filter == 0 || dilation == 0) return 0;
  return (uint64_t)(out - 1) * stride + (uint64_t)(filter - 1) * dilation < (UINT32_C(1) << 30);
}
