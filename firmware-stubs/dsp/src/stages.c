// The table of front end stages of this build; a port that leaves dsp/ out has none (runtime/src/front_end.c). Small
// integer functions that several stages share.
#include "dsp.h"

#define STAGE(NAME, name, inputs, outputs, in_place)                                                         \
  {FLEET_STAGE_##NAME, FLEET_STAGE_##NAME##_VERSION, inputs, outputs, 0, in_place, FLEET_STAGE_##NAME##_PARAM_BYTES, \
   fleet_check_stage_##name, fleet_run_stage_##name}

static const op_t stages[] = {
    STAGE(SCALE, scale, 4, 1, 0),
    STAGE(WINDOW, window, 2, 1, 0),
    STAGE(FFT, fft, 2, 2, 0),
    STAGE(ENERGY, energy, 1, 1, 1),
    STAGE(FILTER_BANK, filter_bank, 4, 1, 0),
    STAGE(NOISE_REDUCTION, noise_reduction, 1, 2, 1),
    STAGE(PCAN, pcan, 3, 1, 1),
    STAGE(LOG, log, 2, 1, 0),
    STAGE(DCT, dct, 2, 1, 0),
    STAGE(STACK, stack, 1, 1, 0),
    STAGE(STATISTICS, statistics, 1, 1, 0),
    STAGE(SPECTRAL_POWER, spectral_power, 3, 1, 0),
    STAGE(COPY, copy, 1, 1, 0),
};

const op_t *fleet_find_stage(uint32_t number) {
  for (uint32_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
    if (stages[i].number == number) return &stages[i];
  return NULL;
}

uint32_t fleet_bit_length(uint32_t x) {
  uint32_t n = 0;
  for (uint32_t half = 16; half != 0; half /= 2)
    if (x >> half != 0) {
      x >>= half;
      n += half;
    }
  return n + (x != 0);
}

// Digit by digit in base 4. The reference rounds up where the rest exceeds the root, and keeps roots of numbers below
// 2^32 in 16 bits.
uint32_t fleet_square_root(uint64_t x) {
  const uint32_t high = (uint32_t)(x >> 32);
  const uint32_t top = high != 0 ? 32 + fleet_bit_length(high) : fleet_bit_length((uint32_t)x);
  uint64_t rest = x, root = 0;
  if (top == 0) return 0;
  for (uint64_t bit = UINT64_C(1) << ((top - 1) & ~1u); bit != 0; bit >>= 2) {
    if (rest >= root + bit) {
      rest -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return (uint32_t)(root + (rest > root && root != (high != 0 ? UINT32_MAX : UINT16_MAX)));
}
