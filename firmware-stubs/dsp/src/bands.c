// From spectrum to bands: squared magnitudes, triangular (mel) filters and plain bands. All sums are exact in 64 bits; the
// root undoes the block scaling of the FFT, so bands are magnitudes in raw counts / length.
#include "dsp.h"

int32_t fleet_check_stage_energy(const step_t *s) {
  const uint32_t bins = param_u16(s, FLEET_STAGE_ENERGY_BINS);
  const uint32_t start = param_u16(s, FLEET_STAGE_ENERGY_START), end = param_u16(s, FLEET_STAGE_ENERGY_END);
  if (bins == 0 || start > end || end > bins || !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT16, 2 * bins, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_UINT32, bins, 4))
    return -fleet_err_bundle_shape_invalid;
  // int16 pairs may stand on 2 bytes where a uint32 may not.
  return load_le32(operand(s, 0) + FLEET_OPERAND_OFFSET) % 4 != 0 ? -fleet_err_bundle_misaligned : fleet_ok;
}

int32_t fleet_run_stage_energy(const step_t *s) {
  const uint32_t bins = param_u16(s, FLEET_STAGE_ENERGY_BINS);
  const uint32_t start = param_u16(s, FLEET_STAGE_ENERGY_START), end = param_u16(s, FLEET_STAGE_ENERGY_END);
  const uint32_t *in = input_u32(s, 0); // a bin is read as one word, so in place is safe
  uint32_t *out = output_u32(s, 0);
  for (uint32_t i = 0; i < bins; i++) {
    const int32_t re = (int16_t)(uint16_t)in[i], im = (int16_t)(uint16_t)(in[i] >> 16);
    out[i] = i >= start && i < end ? (uint32_t)(re * re) + (uint32_t)(im * im) : 0;
  }
  return fleet_ok;
}

// Root of a band, at most 32 bits, without the block scaling. A shift that no FFT made is taken modulo 32.
static uint32_t magnitude(uint64_t energy, const step_t *s, uint32_t shift_operand) {
  return fleet_square_root(energy) >> (input_u32(s, shift_operand)[0] & 31u);
}

int32_t fleet_check_stage_filter_bank(const step_t *s) {
  const uint32_t channels = param_u16(s, FLEET_STAGE_FILTER_BANK_CHANNELS);
  const uint32_t start = param_u16(s, FLEET_STAGE_FILTER_BANK_START), bins = param_u16(s, FLEET_STAGE_FILTER_BANK_BINS);
  const uint8_t *energy = operand(s, 0), *widths_op = operand(s, 2);
  if (channels == 0 || bins == 0 || !present(energy) || dtype_of(energy) != FLEET_DTYPE_UINT32 ||
      start + bins > size_of(energy) / 4 || !fleet_is_const(operand(s, 1), FLEET_DTYPE_INT16, 2 * bins, 2) ||
      !fleet_is_const(widths_op, FLEET_DTYPE_UINT16, channels + 1, 2) || !fleet_is_tensor(operand(s, 3), FLEET_DTYPE_INT32, 1, 4) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_UINT32, channels, 4))
    return -fleet_err_bundle_shape_invalid;
  const uint8_t *widths = readable(s->rt, widths_op);
  uint32_t sum = 0;
  for (uint32_t i = 0; i <= channels; i++) sum += load_le16(widths + i * 2);
  return sum == bins ? fleet_ok : -fleet_err_bundle_shape_invalid;
}

int32_t fleet_run_stage_filter_bank(const step_t *s) {
  const uint32_t channels = param_u16(s, FLEET_STAGE_FILTER_BANK_CHANNELS);
  const uint32_t *energy = input_u32(s, 0) + param_u16(s, FLEET_STAGE_FILTER_BANK_START);
  const uint8_t *weights = input_bytes(s, 1), *widths = input_bytes(s, 2);
  uint32_t *out = output_u32(s, 0);
  uint64_t rising = 0; // what the interval before left for this band
  for (uint32_t i = 0; i <= channels; i++) {
    uint64_t falling = rising;
    rising = 0;
    for (uint32_t n = load_le16(widths + i * 2); n != 0; n--, energy++, weights += 4) {
      // Weights are below 2^15, energies below 2^32, widths below 2^16: sums stay below 2^63.
      falling += (uint64_t)(uint32_t)(load_i16(weights) & 0x7fff) * *energy;
      rising += (uint64_t)(uint32_t)(load_i16(weights + 2) & 0x7fff) * *energy;
    }
    if (i != 0) out[i - 1] = magnitude(falling, s, 3);
  }
  return fleet_ok;
}

int32_t fleet_check_stage_spectral_power(const step_t *s) {
  const uint32_t bands = param_u16(s, FLEET_STAGE_SPECTRAL_POWER_BANDS);
  const uint8_t *energy = operand(s, 0), *edges_op = operand(s, 1);
  if (bands == 0 || param_u8(s, FLEET_STAGE_SPECTRAL_POWER_FRACTION_BITS) > 8 || !present(energy) ||
      dtype_of(energy) != FLEET_DTYPE_UINT32 || !fleet_is_const(edges_op, FLEET_DTYPE_UINT16, bands + 1, 2) ||
      !fleet_is_tensor(operand(s, 2), FLEET_DTYPE_INT32, 1, 4) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_UINT32, bands, 4))
    return -fleet_err_bundle_shape_invalid;
  const uint8_t *edges = readable(s->rt, edges_op);
  for (uint32_t i = 1; i <= bands; i++)
    if (load_le16(edges + i * 2) < load_le16(edges + (i - 1) * 2)) return -fleet_err_bundle_shape_invalid;
  return load_le16(edges + bands * 2) <= size_of(energy) / 4 ? fleet_ok : -fleet_err_bundle_shape_invalid;
}

int32_t fleet_run_stage_spectral_power(const step_t *s) {
  const uint32_t bands = param_u16(s, FLEET_STAGE_SPECTRAL_POWER_BANDS);
  const uint32_t fraction = 2 * param_u8(s, FLEET_STAGE_SPECTRAL_POWER_FRACTION_BITS);
  const uint32_t *energy = input_u32(s, 0);
  const uint8_t *edges = input_bytes(s, 1);
  uint32_t *out = output_u32(s, 0);
  for (uint32_t i = 0; i < bands; i++) {
    uint64_t sum = 0; // below 2^48
    for (uint32_t bin = load_le16(edges + i * 2); bin < load_le16(edges + i * 2 + 2); bin++) sum += energy[bin];
    out[i] = magnitude(sum << fraction, s, 2);
  }
  return fleet_ok;
}
