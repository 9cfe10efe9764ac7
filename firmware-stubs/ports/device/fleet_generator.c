#include "fleet_generator.h"

enum { amplitude = 12000, noise_bits = 11 };

static uint32_t next(fleet_generator_t *g) {
  g->random ^= g->random << 13;
  g->random ^= g->random >> 17;
  g->random ^= g->random << 5;
  return g->random;
}

void fleet_generator_init(fleet_generator_t *g, uint32_t seed) {
  g->random = seed == 0 ? 1 : seed;
  for (int i = 0; i < FLEET_GENERATOR_AXES; i++) {
    g->x[i] = amplitude;
    g->y[i] = 0;
    g->rate[i] = 400 + (int32_t)(next(g) >> 20);
  }
}

// Minsky's circle: of the two updates the second uses the first one's result, which keeps the ellipse closed. |x| and |y| stay
// under 1.2 times the amplitude, so products fit 27 bits and the sum with the noise 16.
static int32_t sample(fleet_generator_t *g, uint32_t axis) {
  g->x[axis] -= g->y[axis] * g->rate[axis] / 16384;
  g->y[axis] += g->x[axis] * g->rate[axis] / 16384;
  return g->y[axis] + (int32_t)(next(g) >> (32 - noise_bits)) - (1 << (noise_bits - 1));
}

void fleet_generator_frames(fleet_generator_t *g, int16_t *dst, uint32_t frames, uint32_t axes) {
  for (uint32_t frame = 0; frame < frames; frame++)
    for (uint32_t axis = 0; axis < axes; axis++) *dst++ = (int16_t)sample(g, axis % FLEET_GENERATOR_AXES);
}

void fleet_generator_bytes(fleet_generator_t *g, uint8_t *dst, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) dst[i] = (uint8_t)(sample(g, 0) / 256);
}
