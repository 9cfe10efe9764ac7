// The table of front end stages of this build; a port that leaves dsp/ out has none (runtime/src/front_end.c).
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
