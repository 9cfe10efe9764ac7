// Noise reduction and gain control of the bands, as in TFLite Micro's micro_speech.
//
// Spectral subtraction: a slow average of each band is taken for noise and subtracted; a share of the band always stays.
// PCAN (per-channel amplitude normalization, Lyon's automatic gain control): the band is multiplied by a gain that falls
// with its noise estimate, then compressed: x^2 / 4 below 2, x - 1 above.
#include "dsp.h"

enum { weight_bits = 14, snr_bits = 12, compressed_bits = 6, gain_entries = 125 };

int32_t fleet_check_stage_noise_reduction(const step_t *s) {
  const uint32_t channels = param_u16(s, FLEET_STAGE_NOISE_REDUCTION_CHANNELS), one = 1u << weight_bits;
  if (channels == 0 || !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_UINT32, channels, 4) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_UINT32, channels, 4) ||
      !fleet_is_tensor(output_operand(s, 1), FLEET_DTYPE_UINT32, channels, 4))
    return -fleet_err_bundle_shape_invalid;
  if (param_u8(s, FLEET_STAGE_NOISE_REDUCTION_SMOOTHING_BITS) > 31 || param_u8(s, FLEET_STAGE_NOISE_REDUCTION_CLAMPING) > 1 ||
      param_u16(s, FLEET_STAGE_NOISE_REDUCTION_EVEN_SMOOTHING) > one || param_u16(s, FLEET_STAGE_NOISE_REDUCTION_ODD_SMOOTHING) > one ||
      param_u16(s, FLEET_STAGE_NOISE_REDUCTION_MIN_SIGNAL) > one)
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

int32_t fleet_run_stage_noise_reduction(const step_t *s) {
  const uint32_t channels = param_u16(s, FLEET_STAGE_NOISE_REDUCTION_CHANNELS);
  const uint32_t bits = param_u8(s, FLEET_STAGE_NOISE_REDUCTION_SMOOTHING_BITS);
  const uint32_t smoothing[2] = {param_u16(s, FLEET_STAGE_NOISE_REDUCTION_EVEN_SMOOTHING),
                                 param_u16(s, FLEET_STAGE_NOISE_REDUCTION_ODD_SMOOTHING)};
  const uint32_t *bands = input_u32(s, 0);
  uint32_t *out = output_u32(s, 0), *noise = output_u32(s, 1);
  for (uint32_t i = 0; i < channels; i++) {
    const uint32_t band = bands[i], scaled = band << bits, share = smoothing[i & 1u];
    const uint64_t mixed = (uint64_t)scaled * share + (uint64_t)noise[i] * ((1u << weight_bits) - share); // below 2^47
    uint32_t estimate = (uint32_t)(mixed >> weight_bits);
    const uint32_t taken = estimate < scaled ? estimate : scaled;
    if (param_u8(s, FLEET_STAGE_NOISE_REDUCTION_CLAMPING) != 0) estimate = taken;
    noise[i] = estimate;
    const uint32_t least = (uint32_t)(((uint64_t)band * param_u16(s, FLEET_STAGE_NOISE_REDUCTION_MIN_SIGNAL)) >> weight_bits);
    const uint32_t left = (scaled - taken) >> bits;
    out[i] = left > least ? left : least;
  }
  return fleet_ok;
}

int32_t fleet_check_stage_pcan(const step_t *s) {
  const uint32_t channels = param_u16(s, FLEET_STAGE_PCAN_CHANNELS);
  if (channels == 0 || param_u8(s, FLEET_STAGE_PCAN_SNR_SHIFT) > 63 || !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_UINT32, channels, 4) ||
      !fleet_is_tensor(operand(s, 1), FLEET_DTYPE_UINT32, channels, 4) ||
      !fleet_is_const(operand(s, 2), FLEET_DTYPE_INT16, gain_entries, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_UINT32, channels, 4))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

// Entries 0, 1, 2 hold the gain there; from 2 on each power of two has a parabola in four entries (value, slope and
// curvature over the interval, unused), the first over 2. Fraction in Q10; the table is the compiler's, so that its
// values may be anything: products are made modulo 2^32.
static int32_t gain_at(uint32_t x, const uint8_t *table) {
  if (x <= 2) return load_i16(table + x * 2);
  const uint32_t interval = fleet_bit_length(x); // 2..32
  const uint8_t *entry = table + (4 * interval - 6) * 2;
  const uint32_t fraction = (interval < 11 ? x << (11 - interval) : x >> (interval - 11)) & 0x3ffu;
  const int32_t curve = (load_i16(entry + 4) * (int32_t)fraction) >> 5; // below 2^21
  const int32_t slope = (int32_t)((uint32_t)(curve + load_i16(entry + 2) * 32) * fraction); // below 2^32: wraps
  return (int16_t)(((int32_t)((uint32_t)slope + (1u << 14)) >> 15) + load_i16(entry));
}

int32_t fleet_run_stage_pcan(const step_t *s) {
  const uint32_t channels = param_u16(s, FLEET_STAGE_PCAN_CHANNELS), shift = param_u8(s, FLEET_STAGE_PCAN_SNR_SHIFT);
  const uint32_t *bands = input_u32(s, 0), *noise = input_u32(s, 1);
  const uint8_t *gains = input_bytes(s, 2);
  uint32_t *out = output_u32(s, 0);
  for (uint32_t i = 0; i < channels; i++) {
    const uint32_t gain = (uint32_t)gain_at(noise[i], gains);
    const uint32_t snr = (uint32_t)((uint64_t)bands[i] * gain >> shift);
    // Below 2 the square fits: snr < 2^13.
    out[i] = snr < 2u << snr_bits ? (snr * snr) >> (2 + 2 * snr_bits - compressed_bits)
                                  : (snr >> (snr_bits - compressed_bits)) - (1u << compressed_bits);
  }
  return fleet_ok;
}
