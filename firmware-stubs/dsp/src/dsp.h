// What the stages of the front end share. Private to dsp/; the runtime sees fleet_find_stage only (fleet_kernel.h).
#ifndef FLEET_DSP_H
#define FLEET_DSP_H

#include "fleet_kernel.h"

#define FLEET_DECLARE_STAGE(name)                          \
  int32_t fleet_check_stage_##name(const step_t *stage);   \
  int32_t fleet_run_stage_##name(const step_t *stage);
FLEET_DECLARE_STAGE(scale)
FLEET_DECLARE_STAGE(window)
FLEET_DECLARE_STAGE(fft)
FLEET_DECLARE_STAGE(energy)
FLEET_DECLARE_STAGE(filter_bank)
FLEET_DECLARE_STAGE(noise_reduction)
FLEET_DECLARE_STAGE(pcan)
FLEET_DECLARE_STAGE(log)
FLEET_DECLARE_STAGE(dct)
FLEET_DECLARE_STAGE(stack)
FLEET_DECLARE_STAGE(statistics)
FLEET_DECLARE_STAGE(spectral_power)
FLEET_DECLARE_STAGE(copy)

static inline int16_t to_int16(int64_t x) { return (int16_t)(x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x); }

#endif
