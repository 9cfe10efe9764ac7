// UNIDIRECTIONAL_SEQUENCE_LSTM, activations int8 or int16, cell state int16, no peephole, projection or layer norm.
// Reference: TFLM lstm_eval. Per unit and time step, gates i f c o (sums saturate in Q3.12, gates are Q0.15):
//   gate = activation(input part + recurrent part), tanh for c, sigmoid else
//   cell = clip(f * cell + i * c), hidden = o * tanh(cell)
// The four rows of a unit lie together, so one dot4 makes its gates; the new hidden state is written to the output first, as the
// old one is read by every unit.
#include "dot.h"

#define P(name) FLEET_UNIDIRECTIONAL_SEQUENCE_LSTM_##name
enum { gates = 4 };

static int32_t clamp_16(int32_t x) { return clamp(x, INT16_MIN, INT16_MAX); }

static void store_i16(uint8_t *p, int32_t x) {
  p[0] = (uint8_t)((uint32_t)x & 255u);
  p[1] = (uint8_t)((uint32_t)x >> 8 & 255u);
}

typedef struct {
  int32_t value;
  int32_t shift;
} multiplier_t;

static multiplier_t multiplier(const step_t *s, uint32_t value, uint32_t shift) {
  const multiplier_t m = {param_i32(s, value), param_i8(s, shift)};
  return m;
}

static int is_multiplier(const step_t *s, uint32_t value, uint32_t shift, int32_t most) {
  return param_i32(s, value) >= 0 && fleet_is_shift(param_i8(s, shift)) && param_i8(s, shift) <= most;
}

int32_t fleet_check_unidirectional_sequence_lstm(const step_t *s) {
  const uint64_t batches = param_u16(s, P(BATCHES)), steps = param_u16(s, P(STEPS));
  const uint64_t in = param_u16(s, P(IN_N)), units = param_u16(s, P(UNITS));
  const uint32_t dtype = dtype_of(operand(s, 0));
  const int wide = dtype == FLEET_DTYPE_INT16;
  const uint32_t width = wide ? 2 : 1;
  const uint8_t *biases = operand(s, 5);
  // Products stay below 2^63: batches * steps * n < 2^48.
  if (batches == 0 || steps == 0 || in == 0 || units == 0 || (!wide && dtype != FLEET_DTYPE_INT8) ||
      !fleet_is_tensor(operand(s, 0), dtype, batches * steps * in, width) ||
      !fleet_is_state(operand(s, 1), dtype, batches * units, width) ||
      !fleet_is_state(operand(s, 2), FLEET_DTYPE_INT16, batches * units, 2) ||
      !fleet_is_tensor(operand(s, 3), FLEET_DTYPE_INT8, gates * units * in, 1) ||
      !fleet_is_tensor(operand(s, 4), FLEET_DTYPE_INT8, gates * units * units, 1) ||
      !fleet_is_tensor(biases, wide ? FLEET_DTYPE_INT64 : FLEET_DTYPE_INT32, gates * units, wide ? 8 : 4) ||
      !fleet_is_tensor(operand(s, 6), FLEET_DTYPE_INT16, 256, 2) ||
      !fleet_is_tensor(output_operand(s, 0), dtype, batches * steps * units, width) || param_u8(s, P(TIME_MAJOR)) > 1)
    return -fleet_err_bundle_shape_invalid;
  // The 64-bit requantization of int16 needs |sum| < 2^47 and shifts up to 7: 65,535 products are below 2^38.
  if (wide) {
    if (biases[FLEET_OPERAND_SPACE] != FLEET_SPACE_CONST) return -fleet_err_bundle_plan_invalid;
    for (uint32_t i = 0; i < gates * units; i++) {
      const int32_t high = load_i32(readable(s->rt, biases) + (size_t)i * 8 + 4);
      if (high < -(1 << 14) || high >= 1 << 14) return -fleet_err_bundle_quantization_invalid;
    }
  }
  for (uint32_t g = 0; g < gates; g++)
    if (!is_multiplier(s, P(INPUT_MULTIPLIERS) + g * 4, P(INPUT_SHIFTS) + g, wide ? 7 : 30) ||
        !is_multiplier(s, P(RECURRENT_MULTIPLIERS) + g * 4, P(RECURRENT_SHIFTS) + g, wide ? 7 : 30))
      return -fleet_err_bundle_quantization_invalid;
  const int32_t power = param_i8(s, P(CELL_SCALE_POWER)), offset = param_i16(s, P(OUTPUT_OFFSET));
  // tanh multiplies the cell state by 3 * 2^(power + 12): at most 32767 up to power 1, a shift below 31 from -42 on.
  if (power < -42 || power > 1 || !is_multiplier(s, P(FORGET_MULTIPLIER), P(FORGET_SHIFT), 30) ||
      !is_multiplier(s, P(UPDATE_MULTIPLIER), P(UPDATE_SHIFT), 30) ||
      !is_multiplier(s, P(OUTPUT_MULTIPLIER), P(OUTPUT_SHIFT), 30) ||
      (!wide && (!fleet_is_int8_range(param_i16(s, P(INPUT_OFFSET)), offset, -128, 127) ||
                 !fleet_is_int8_range(param_i16(s, P(HIDDEN_OFFSET)), 0, -128, 127))))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

// Weights times x, in Q3.12, of the four gates of one unit; `bias` may be NULL.
static void gates_8(const step_t *s, const int8_t *x, int32_t offset, const int8_t *w, uint32_t n, const uint8_t *bias,
                    uint32_t multipliers, uint32_t shifts, int32_t out[gates]) {
  uint32_t acc[gates] = {0, 0, 0, 0};
  dot4(x, offset, w, n, n, acc);
  for (uint32_t g = 0; g < gates; g++) {
    const multiplier_t m = multiplier(s, multipliers + g * 4, shifts + g);
    out[g] = clamp_16(requantize((int32_t)(acc[g] + (bias != NULL ? load_le32(bias + g * 4) : 0)), m.value, m.shift));
  }
}

static void gates_16(const step_t *s, const uint8_t *x, const int8_t *w, uint32_t n, const uint8_t *bias,
                     uint32_t multipliers, uint32_t shifts, int32_t out[gates]) {
  for (uint32_t g = 0; g < gates; g++, w += n) {
    int64_t acc = 0;
    if (bias != NULL) acc = (int64_t)((uint64_t)load_le32(bias + g * 8) | (uint64_t)load_le32(bias + g * 8 + 4) << 32);
    for (uint32_t i = 0; i < n; i++) acc += load_i16(x + (size_t)i * 2) * w[i];
    const multiplier_t m = multiplier(s, multipliers + g * 4, shifts + g);
    out[g] = clamp_16(fleet_requantize64(acc, m.value, m.shift));
  }
}

static int32_t tanh_of_cell(int32_t cell, int32_t power, const uint8_t *table) {
  const int32_t shift = power + 12;
  return shift >= 0 ? fleet_tanh_16(cell, 3 << shift, 0, table) : fleet_tanh_16(cell, 3, -shift, table);
}

static int32_t update_cell(const step_t *s, const int32_t gate[gates], int32_t cell) {
  const multiplier_t forget = multiplier(s, P(FORGET_MULTIPLIER), P(FORGET_SHIFT));
  const multiplier_t update = multiplier(s, P(UPDATE_MULTIPLIER), P(UPDATE_SHIFT));
  const int32_t clip = param_i16(s, P(CELL_CLIP));
  const int32_t kept = clamp_16(requantize(gate[1] * cell, forget.value, forget.shift));
  const int32_t sum = clamp_16(kept + clamp_16(requantize(gate[0] * gate[2], update.value, update.shift)));
  return clip < 0 ? sum : clamp(sum, -clip, clip);
}

int32_t fleet_run_unidirectional_sequence_lstm(const step_t *s) {
  const uint32_t batches = param_u16(s, P(BATCHES)), steps = param_u16(s, P(STEPS));
  const uint32_t in = param_u16(s, P(IN_N)), units = param_u16(s, P(UNITS));
  const int32_t x_offset = param_i16(s, P(INPUT_OFFSET)), h_offset = param_i16(s, P(HIDDEN_OFFSET));
  const int32_t y_offset = param_i16(s, P(OUTPUT_OFFSET)), power = param_i8(s, P(CELL_SCALE_POWER));
  const int wide = dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16;
  const uint32_t width = wide ? 2 : 1;
  const int32_t low = wide ? INT16_MIN : INT8_MIN, high = wide ? INT16_MAX : INT8_MAX;
  const multiplier_t m = multiplier(s, P(OUTPUT_MULTIPLIER), P(OUTPUT_SHIFT));
  for (uint32_t i = 0; i < batches * steps; i++) {
    const uint32_t b = param_u8(s, P(TIME_MAJOR)) ? i % batches : i / steps;
    const uint8_t *x = input_bytes(s, 0) + (size_t)i * in * width;
    uint8_t *y = writable(s->rt, output_operand(s, 0)) + (size_t)i * units * width;
    uint8_t *hidden = writable(s->rt, operand(s, 1)) + (size_t)b * units * width;
    uint8_t *cell = writable(s->rt, operand(s, 2)) + (size_t)b * units * 2;
    const int8_t *w = input_i8(s, 3), *v = input_i8(s, 4);
    const uint8_t *bias = input_bytes(s, 5), *table = input_bytes(s, 6);
    for (uint32_t u = 0; u < units; u++, cell += 2) {
      int32_t from_x[gates], from_hidden[gates], gate[gates];
      if (wide) {
        gates_16(s, x, w, in, bias, P(INPUT_MULTIPLIERS), P(INPUT_SHIFTS), from_x);
        gates_16(s, hidden, v, units, NULL, P(RECURRENT_MULTIPLIERS), P(RECURRENT_SHIFTS), from_hidden);
      } else {
        gates_8(s, (const int8_t *)x, x_offset, w, in, bias, P(INPUT_MULTIPLIERS), P(INPUT_SHIFTS), from_x);
        gates_8(s, (const int8_t *)hidden, h_offset, v, units, NULL, P(RECURRENT_MULTIPLIERS), P(RECURRENT_SHIFTS), from_hidden);
      }
      w += (size_t)gates * in;
      v += (size_t)gates * units;
      bias += gates * (wide ? 8 : 4);
      for (uint32_t g = 0; g < gates; g++) {
        const int32_t sum = clamp_16(from_x[g] + from_hidden[g]);
        gate[g] = g == 2 ? fleet_tanh_16(sum, 3, 0, table) : fleet_logistic_16(sum, 3, 0, table);
      }
      const int32_t state = update_cell(s, gate, load_i16(cell));
      store_i16(cell, state);
      const int32_t out = requantize(tanh_of_cell(state, power, table) * gate[3], m.value, m.shift);
      const int32_t q = clamp(out, low - y_offset, high - y_offset) + y_offset;
      if (wide) store_i16(y + (size_t)u * 2, q);
      else y[u] = (uint8_t)((uint32_t)q & 255u);
    }
    memcpy(hidden, y, (size_t)units * width);
  }
  return fleet_ok;
}
