// Ops of one operand, element by element: RELU, RELU6, RELU_N1_TO_1, LEAKY_RELU, HARD_SWISH, LOGISTIC, TANH, QUANTIZE with one
// record of parameters; ELU by a table; CAST. References: TFLite Micro's ReluQuantized, QuantizeLeakyRelu and HardSwish,
// reference_integer_ops::Logistic and Tanh, reference_ops::Requantize.
#include "internal.h"

enum { bytes_values = 256 };

typedef struct {
  uint32_t op;
  int32_t zero_point, output_offset, low, high, radius;
  int32_t multiplier, shift, second_multiplier, second_shift;
  const uint8_t *table; // of int16 LOGISTIC and TANH, else NULL
} unary_t;

static uint32_t op_of(const step_t *s) { return load_le16(s->record + FLEET_STEP_OP); }

static uint32_t width_of(uint32_t dtype) {
  switch (dtype) {
    case FLEET_DTYPE_INT8:
    case FLEET_DTYPE_UINT8: return 1;
    case FLEET_DTYPE_INT16: return 2;
    case FLEET_DTYPE_INT32: return 4;
    default: return 0;
  }
}

static int32_t load(const uint8_t *x, uint32_t dtype) {
  switch (dtype) {
    case FLEET_DTYPE_INT8: return (int8_t)*x;
    case FLEET_DTYPE_INT16: return load_i16(x);
    case FLEET_DTYPE_INT32: return load_i32(x);
    default: return *x;
  }
}

static void store(uint8_t *y, uint32_t width, uint32_t value) {
  for (uint32_t i = 0; i < width; i++) y[i] = (uint8_t)(value >> (8 * i));
}

// Both operands are there with the stated number of elements of a type known here.
static int are_tensors(const step_t *s) {
  const uint8_t *x = operand(s, 0), *y = output_operand(s, 0);
  const uint32_t elements = param_u32(s, FLEET_RELU_ELEMENTS), from = width_of(dtype_of(x)), to = width_of(dtype_of(y));
  return elements != 0 && from != 0 && to != 0 && fleet_is_tensor(x, dtype_of(x), elements, from) &&
         fleet_is_tensor(y, dtype_of(y), elements, to);
}

// What a zero point can be: any value of the type; int32 has none.
static int is_zero_point(int32_t zero_point, uint32_t dtype) {
  switch (dtype) {
    case FLEET_DTYPE_INT8: return zero_point >= -128 && zero_point <= 127;
    case FLEET_DTYPE_UINT8: return zero_point >= 0 && zero_point <= 255;
    case FLEET_DTYPE_INT16: return 1;
    default: return zero_point == 0;
  }
}

static int is_range(const step_t *s, uint32_t dtype) {
  const int32_t low = param_i16(s, FLEET_RELU_ACTIVATION_MIN), high = param_i16(s, FLEET_RELU_ACTIVATION_MAX);
  switch (dtype) {
    case FLEET_DTYPE_INT8: return low >= -128 && low <= high && high <= 127;
    case FLEET_DTYPE_UINT8: return low >= 0 && low <= high && high <= 255;
    case FLEET_DTYPE_INT16: return low <= high;
    default: return low == 0 && high == 0; // int32: all of it
  }
}

int32_t fleet_check_activation(const step_t *s) {
  if (!are_tensors(s)) return -fleet_err_bundle_shape_invalid;
  const uint32_t op = op_of(s), from = dtype_of(operand(s, 0)), to = dtype_of(output_operand(s, 0));
  const int curve = op == FLEET_OP_LOGISTIC || op == FLEET_OP_TANH, wide = from == FLEET_DTYPE_INT16;
  if (op != FLEET_OP_QUANTIZE && (from != to || (from != FLEET_DTYPE_INT8 && (!wide || op == FLEET_OP_HARD_SWISH))))
    return -fleet_err_bundle_shape_invalid;
  if (curve) {
    const uint8_t *table = operand(s, 1);
    if (wide ? !fleet_is_tensor(table, FLEET_DTYPE_INT16, 256, 2) : present(table)) return -fleet_err_bundle_shape_invalid;
  }
  const int32_t multiplier = param_i32(s, FLEET_RELU_MULTIPLIER), second = param_i32(s, FLEET_RELU_SECOND_MULTIPLIER);
  const int32_t shift = param_i8(s, FLEET_RELU_SHIFT), second_shift = param_i8(s, FLEET_RELU_SECOND_SHIFT);
  int ok = multiplier >= 0 && fleet_is_shift(second_shift) && is_zero_point(param_i16(s, FLEET_RELU_INPUT_ZERO_POINT), from) &&
           is_zero_point(param_i16(s, FLEET_RELU_OUTPUT_OFFSET), to) && is_range(s, to) && second != INT32_MIN;
  // |x * multiplier| < 2^30, and rounding adds at most 2^30.
  if (curve && wide) ok = ok && param_i16(s, FLEET_RELU_INPUT_ZERO_POINT) == 0 && multiplier <= 32767 && shift >= 0 && shift <= 31;
  else ok = ok && fleet_is_shift(shift);
  if (op == FLEET_OP_HARD_SWISH)
    ok = ok && multiplier <= 32767 && second >= 0 && second <= 32767 && shift >= -15 && shift <= 0 && second_shift >= -15;
  return ok ? fleet_ok : -fleet_err_bundle_quantization_invalid;
}

static int32_t saturate_16(int64_t x) { return x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : (int32_t)x; }

// SQRDMULH of 16 bits, b >= 0: nearest, halves up.
static int32_t high_mul_16(int32_t a, int32_t b) { return (a * b + (1 << 14)) >> 15; }

// x * relu6(x + 3) / 6 with x = (q - zero point) * 128 on 16 bits: the factor is x rescaled so that [-3, 3] is [-2^15, 2^15],
// saturated, then moved to [0, 2^15). Left shifts keep one bit back: what saturates early saturates again at the end.
static int32_t hard_swish(const unary_t *u, int32_t x) {
  const int32_t wide = x * 128; // |x| <= 255
  const int32_t unshifted = high_mul_16(wide, u->multiplier);
  const int32_t left = u->second_shift;
  int32_t factor = wide;
  if (left > 0) factor = saturate_16((int64_t)factor * (INT64_C(1) << (left - 1)));
  factor = high_mul_16(factor, u->second_multiplier);
  if (left > 0) factor = saturate_16((int64_t)factor * 2);
  if (left < 0) factor = rounding_shift(factor, -left);
  factor = (factor + (INT32_C(1) << 15)) >> 1;
  return rounding_shift(factor * unshifted / (INT32_C(1) << 15), -u->shift); // the product is rounded towards zero
}

static int32_t apply(const unary_t *u, int32_t q) {
  const int32_t x = (int32_t)((uint32_t)q - (uint32_t)u->zero_point);
  int32_t value;
  switch (u->op) {
    case FLEET_OP_LEAKY_RELU:
      value = x >= 0 ? requantize(x, u->multiplier, u->shift) : requantize(x, u->second_multiplier, u->second_shift);
      break;
    case FLEET_OP_HARD_SWISH: value = hard_swish(u, x); break;
    case FLEET_OP_LOGISTIC:
    case FLEET_OP_TANH: {
      const int logistic = u->op == FLEET_OP_LOGISTIC;
      if (u->table != NULL)
        value = logistic ? fleet_logistic_16(x, u->multiplier, u->shift, u->table) : fleet_tanh_16(x, u->multiplier, u->shift, u->table);
      else if (x <= -u->radius) value = INT32_MIN;
      else if (x >= u->radius) value = INT32_MAX;
      else {
        const int32_t scaled = requantize(x, u->multiplier, u->shift);
        value = logistic ? rounding_shift(fleet_logistic_q31(scaled), 23) : rounding_shift(fleet_tanh_q31(scaled), 24);
      }
      break;
    }
    default: value = requantize(x, u->multiplier, u->shift); break;
  }
  return clamp(value, u->low - u->output_offset, u->high - u->output_offset) + u->output_offset;
}

int32_t fleet_run_activation(const step_t *s) {
  const uint32_t from = dtype_of(operand(s, 0)), to = dtype_of(output_operand(s, 0)), op = op_of(s);
  unary_t u = {
      .op = op,
      .zero_point = param_i16(s, FLEET_RELU_INPUT_ZERO_POINT),
      .output_offset = param_i16(s, FLEET_RELU_OUTPUT_OFFSET),
      .low = param_i16(s, FLEET_RELU_ACTIVATION_MIN),
      .high = param_i16(s, FLEET_RELU_ACTIVATION_MAX),
      .radius = param_i16(s, FLEET_RELU_RADIUS),
      .multiplier = param_i32(s, FLEET_RELU_MULTIPLIER),
      .shift = param_i8(s, FLEET_RELU_SHIFT),
      .second_multiplier = param_i32(s, FLEET_RELU_SECOND_MULTIPLIER),
      .second_shift = param_i8(s, FLEET_RELU_SECOND_SHIFT),
      .table = op == FLEET_OP_LOGISTIC || op == FLEET_OP_TANH ? input_bytes(s, 1) : NULL,
  };
  if (to == FLEET_DTYPE_INT32) u.low = INT32_MIN, u.high = INT32_MAX;
  const uint32_t elements = param_u32(s, FLEET_RELU_ELEMENTS), step_x = width_of(from), step_y = width_of(to);
  const uint8_t *x = input_bytes(s, 0);
  uint8_t *y = writable(s->rt, output_operand(s, 0));
  if (step_x == 1 && step_y == 1 && elements > bytes_values) {
    // From here on it is cheaper to compute every value once.
    uint8_t table[bytes_values];
    for (uint32_t i = 0; i < bytes_values; i++) {
      const uint8_t value[4] = {(uint8_t)i, 0, 0, 0}; // as wide as any load, which compilers cannot rule out here
      table[i] = (uint8_t)apply(&u, load(value, from));
    }
    for (uint32_t i = 0; i < elements; i++) y[i] = table[x[i]];
    return fleet_ok;
  }
  for (uint32_t i = 0; i < elements; i++) store(y + i * step_y, step_y, (uint32_t)apply(&u, load(x + i * step_x, from)));
  return fleet_ok;
}

int32_t fleet_check_elu(const step_t *s) {
  if (!are_tensors(s) || dtype_of(operand(s, 0)) != FLEET_DTYPE_INT8 || dtype_of(output_operand(s, 0)) != FLEET_DTYPE_INT8 ||
      !fleet_is_tensor(operand(s, 1), FLEET_DTYPE_INT8, bytes_values, 1))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_elu(const step_t *s) {
  const uint32_t elements = param_u32(s, FLEET_ELU_ELEMENTS);
  const int8_t *x = input_i8(s, 0), *table = input_i8(s, 1);
  int8_t *y = output_i8(s, 0);
  for (uint32_t i = 0; i < elements; i++) y[i] = table[x[i] + 128];
  return fleet_ok;
}

int32_t fleet_check_cast(const step_t *s) { return are_tensors(s) ? fleet_ok : -fleet_err_bundle_shape_invalid; }

int32_t fleet_run_cast(const step_t *s) {
  const uint32_t elements = param_u32(s, FLEET_CAST_ELEMENTS), from = dtype_of(operand(s, 0));
  const uint32_t step_x = width_of(from), step_y = width_of(dtype_of(output_operand(s, 0)));
  const uint8_t *x = input_bytes(s, 0);
  uint8_t *y = writable(s->rt, output_operand(s, 0));
  for (uint32_t i = 0; i < elements; i++) store(y + i * step_y, step_y, (uint32_t)load(x + i * step_x, from));
  return fleet_ok;
}
