// Window: one axis of the raw samples, its mean removed if wanted, times Q coefficients. Without coefficients the
// samples are only picked.
#include "dsp.h"

int32_t fleet_check_stage_window(const step_t *s) {
  const uint32_t frame = param_u16(s, FLEET_STAGE_WINDOW_FRAME), axes = param_u8(s, FLEET_STAGE_WINDOW_AXES);
  const uint8_t *coefficients = operand(s, 1);
  if (frame == 0 || axes == 0 || param_u8(s, FLEET_STAGE_WINDOW_AXIS) >= axes || param_u8(s, FLEET_STAGE_WINDOW_SHIFT) > 15 ||
      param_u8(s, FLEET_STAGE_WINDOW_CENTRE) > 1 || !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT16, (uint64_t)frame * axes, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT16, frame, 2) ||
      (present(coefficients) && !fleet_is_const(coefficients, FLEET_DTYPE_INT16, frame, 2)))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_stage_window(const step_t *s) {
  const uint32_t frame = param_u16(s, FLEET_STAGE_WINDOW_FRAME), axes = param_u8(s, FLEET_STAGE_WINDOW_AXES);
  const uint32_t shift = param_u8(s, FLEET_STAGE_WINDOW_SHIFT);
  const int16_t *in = input_i16(s, 0) + param_u8(s, FLEET_STAGE_WINDOW_AXIS);
  const uint8_t *coefficients = input_bytes(s, 1);
  int16_t *out = output_i16(s, 0);
  int32_t mean = 0;
  if (param_u8(s, FLEET_STAGE_WINDOW_CENTRE) != 0) {
    int64_t sum = 0; // below 2^31 in magnitude
    for (uint32_t i = 0; i < frame; i++) sum += in[i * axes];
    const int64_t twice = 2 * sum + frame, whole = 2 * (int64_t)frame;
    mean = (int32_t)(twice / whole - (twice % whole < 0)); // to nearest, halves up
  }
  for (uint32_t i = 0; i < frame; i++) {
    const int32_t x = clamp(in[i * axes] - mean, INT16_MIN, INT16_MAX);
    out[i] = coefficients == NULL ? (int16_t)x : to_int16((x * load_i16(coefficients + i * 2)) >> shift);
  }
  return fleet_ok;
}
