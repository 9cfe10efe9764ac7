// The stages that only move or scale numbers: scale to the quantized input, cosine transform, rows kept in the state.
#include "dsp.h"

static int64_t value_at(const uint8_t *data, uint32_t dtype, uint32_t i) {
  switch (dtype) {
    case FLEET_DTYPE_INT16: return ((const int16_t *)(const void *)data)[i];
    case FLEET_DTYPE_INT32: return ((const int32_t *)(const void *)data)[i];
    default: return ((const uint32_t *)(const void *)data)[i];
  }
}

int32_t fleet_check_stage_scale(const step_t *s) {
  const uint32_t elements = param_u32(s, FLEET_STAGE_SCALE_ELEMENTS), period = param_u32(s, FLEET_STAGE_SCALE_PERIOD);
  const uint32_t axes = param_u16(s, FLEET_STAGE_SCALE_AXES);
  const int32_t low = param_i16(s, FLEET_STAGE_SCALE_OUTPUT_MIN), high = param_i16(s, FLEET_STAGE_SCALE_OUTPUT_MAX);
  const uint8_t *in = operand(s, 0), *out = output_operand(s, 0);
  const uint32_t from = dtype_of(in), to = dtype_of(out), bytes = to == FLEET_DTYPE_INT16 ? 2 : 1;
  if (elements == 0 || period == 0 || period > elements || axes > elements || (axes != 0 && elements % axes != 0) ||
      (from != FLEET_DTYPE_INT16 && from != FLEET_DTYPE_INT32 && from != FLEET_DTYPE_UINT32) ||
      !fleet_is_tensor(in, from, elements, from == FLEET_DTYPE_INT16 ? 2 : 4) ||
      (to != FLEET_DTYPE_INT8 && to != FLEET_DTYPE_UINT8 && to != FLEET_DTYPE_INT16) || !fleet_is_tensor(out, to, elements, bytes) ||
      !fleet_is_const(operand(s, 1), FLEET_DTYPE_INT32, period, 4) || !fleet_is_const(operand(s, 2), FLEET_DTYPE_UINT8, period, 1) ||
      !fleet_is_const(operand(s, 3), FLEET_DTYPE_INT32, period, 4))
    return -fleet_err_bundle_shape_invalid;
  const int32_t least = to == FLEET_DTYPE_INT8 ? INT8_MIN : to == FLEET_DTYPE_UINT8 ? 0 : INT16_MIN;
  const int32_t most = to == FLEET_DTYPE_INT8 ? INT8_MAX : to == FLEET_DTYPE_UINT8 ? UINT8_MAX : INT16_MAX;
  if (low > high || low < least || high > most) return -fleet_err_bundle_quantization_invalid;
  const uint8_t *shifts = readable(s->rt, operand(s, 2));
  for (uint32_t i = 0; i < period; i++)
    if (shifts[i] == 0 || shifts[i] > 62) return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

int32_t fleet_run_stage_scale(const step_t *s) {
  const uint32_t elements = param_u32(s, FLEET_STAGE_SCALE_ELEMENTS), period = param_u32(s, FLEET_STAGE_SCALE_PERIOD);
  const uint32_t axes = param_u16(s, FLEET_STAGE_SCALE_AXES) > 1 ? param_u16(s, FLEET_STAGE_SCALE_AXES) : 1;
  const int32_t offset = param_i16(s, FLEET_STAGE_SCALE_OUTPUT_OFFSET);
  const int32_t low = param_i16(s, FLEET_STAGE_SCALE_OUTPUT_MIN), high = param_i16(s, FLEET_STAGE_SCALE_OUTPUT_MAX);
  const uint32_t from = dtype_of(operand(s, 0)), wide = dtype_of(output_operand(s, 0)) == FLEET_DTYPE_INT16;
  const uint8_t *in = input_bytes(s, 0), *multipliers = input_bytes(s, 1), *shifts = input_bytes(s, 2), *centres = input_bytes(s, 3);
  const uint32_t frames = elements / axes;
  for (uint32_t i = 0, entry = 0, axis = 0, frame = 0; i < elements; i++) {
    int64_t x = value_at(in, from, i) - load_i32(centres + entry * 4);
    x = x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : x; // so that the product stays below 2^62
    const int64_t scaled = round_shift64(x * load_i32(multipliers + entry * 4), shifts[entry]) + offset;
    const int32_t q = (int32_t)(scaled < low ? low : scaled > high ? high : scaled);
    const uint32_t at = axis * frames + frame;
    if (wide) output_i16(s, 0)[at] = (int16_t)q;
    else output_i8(s, 0)[at] = (int8_t)q;
    if (++entry == period) entry = 0;
    if (++axis == axes) axis = 0, frame++;
  }
  return fleet_ok;
}

int32_t fleet_check_stage_dct(const step_t *s) {
  const uint32_t n = param_u16(s, FLEET_STAGE_DCT_INPUTS_N), m = param_u16(s, FLEET_STAGE_DCT_OUTPUTS_N);
  const uint32_t shift = param_u8(s, FLEET_STAGE_DCT_SHIFT);
  if (n == 0 || m == 0 || shift == 0 || shift > 31 || !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT16, n, 2) ||
      !fleet_is_const(operand(s, 1), FLEET_DTYPE_INT16, (uint64_t)n * m, 2) || !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT16, m, 2))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_stage_dct(const step_t *s) {
  const uint32_t n = param_u16(s, FLEET_STAGE_DCT_INPUTS_N), m = param_u16(s, FLEET_STAGE_DCT_OUTPUTS_N);
  const int16_t *in = input_i16(s, 0);
  const uint8_t *table = input_bytes(s, 1);
  int16_t *out = output_i16(s, 0);
  for (uint32_t k = 0; k < m; k++) {
    int64_t sum = 0; // below 2^46
    for (uint32_t i = 0; i < n; i++, table += 2) sum += in[i] * load_i16(table);
    out[k] = to_int16(round_shift64(sum, param_u8(s, FLEET_STAGE_DCT_SHIFT)));
  }
  return fleet_ok;
}

int32_t fleet_check_stage_stack(const step_t *s) {
  const uint32_t row = param_u32(s, FLEET_STAGE_STACK_ROW_BYTES);
  const uint64_t rows = param_u32(s, FLEET_STAGE_STACK_ROWS);
  if (rows == 0 || row == 0 || size_of(operand(s, 0)) != row || size_of(output_operand(s, 0)) != rows * row)
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_stage_stack(const step_t *s) {
  const uint32_t row = param_u32(s, FLEET_STAGE_STACK_ROW_BYTES), kept = param_u32(s, FLEET_STAGE_STACK_ROWS) * row - row;
  uint8_t *rows = writable(s->rt, output_operand(s, 0));
  move_down(rows, row, kept);
  memcpy(rows + kept, input_bytes(s, 0), row);
  return fleet_ok;
}

int32_t fleet_check_stage_copy(const step_t *s) {
  const uint32_t bytes = param_u32(s, FLEET_STAGE_COPY_BYTES);
  return size_of(operand(s, 0)) == bytes && size_of(output_operand(s, 0)) == bytes && bytes != 0 ? fleet_ok
                                                                                                : -fleet_err_bundle_shape_invalid;
}

int32_t fleet_run_stage_copy(const step_t *s) {
  memcpy(writable(s->rt, output_operand(s, 0)), input_bytes(s, 0), param_u32(s, FLEET_STAGE_COPY_BYTES));
  return fleet_ok;
}
