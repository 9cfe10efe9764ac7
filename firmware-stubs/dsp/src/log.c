// Natural logarithm of bands: log2 by the position of the highest bit and a correction table of 128 segments (linear
// between), times ln 2 in Q16, times the output scale. The roundings are those of TFLite Micro's signal library.
#include "dsp.h"

enum { segment_bits = 7, log_bits = 16, ln2_q16 = 45426 };

int32_t fleet_check_stage_log(const step_t *s) {
  const uint32_t channels = param_u16(s, FLEET_STAGE_LOG_CHANNELS);
  if (channels == 0 || param_u8(s, FLEET_STAGE_LOG_CORRECTION_BITS) > 31 ||
      !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_UINT32, channels, 4) ||
      !fleet_is_const(operand(s, 1), FLEET_DTYPE_UINT16, (1u << segment_bits) + 1, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT16, channels, 2))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

// log2(x) in Q16 for x > 0; below 2^21 + 2^16.
static uint32_t log2_q16(uint32_t x, const uint8_t *table) {
  const uint32_t whole = fleet_bit_length(x) - 1, rest = x - (UINT32_C(1) << whole);
  const uint32_t fraction = whole < log_bits ? rest << (log_bits - whole) : rest >> (whole - log_bits);
  const uint32_t segment = fraction >> (log_bits - segment_bits), unit = 1u << (log_bits - segment_bits);
  const int32_t low = (int32_t)load_le16(table + segment * 2), high = (int32_t)load_le16(table + segment * 2 + 2);
  const int32_t between = ((high - low) * (int32_t)(fraction - segment * unit)) >> log_bits; // 17 bits times 9
  return (whole << log_bits) + fraction + (uint32_t)(low + between);
}

int32_t fleet_run_stage_log(const step_t *s) {
  const uint32_t channels = param_u16(s, FLEET_STAGE_LOG_CHANNELS), scale = param_u16(s, FLEET_STAGE_LOG_OUTPUT_SCALE);
  const uint32_t bits = param_u8(s, FLEET_STAGE_LOG_CORRECTION_BITS), half = 1u << (log_bits - 1);
  const uint32_t *bands = input_u32(s, 0);
  const uint8_t *table = input_bytes(s, 1);
  int16_t *out = output_i16(s, 0);
  for (uint32_t i = 0; i < channels; i++) {
    const uint32_t x = bands[i] << bits;
    uint32_t value = 0;
    if (x > 1) {
      const uint32_t natural = (uint32_t)(((uint64_t)ln2_q16 * log2_q16(x, table) + half) >> log_bits);
      value = (scale * natural + half) >> log_bits; // modulo 2^32, as the reference
    }
    out[i] = (int16_t)(value < INT16_MAX ? value : INT16_MAX);
  }
  return fleet_ok;
}
