// A stand-in for sensors on ports that have none: for each axis a tone of its own and noise, the same for the same seed.
// Integers only; not a model of anything real.
#ifndef FLEET_GENERATOR_H
#define FLEET_GENERATOR_H

#include <stdint.h>

enum { FLEET_GENERATOR_AXES = 8 };

typedef struct {
  uint32_t random;                   // xorshift32, never 0
  int32_t x[FLEET_GENERATOR_AXES];   // oscillator: (x, y) turns by about rate / 2^14 radians a sample
  int32_t y[FLEET_GENERATOR_AXES];
  int32_t rate[FLEET_GENERATOR_AXES];
} fleet_generator_t;

void fleet_generator_init(fleet_generator_t *g, uint32_t seed);
// Interleaved counts of full scale int16; axes beyond FLEET_GENERATOR_AXES repeat the first ones.
void fleet_generator_frames(fleet_generator_t *g, int16_t *dst, uint32_t frames, uint32_t axes);
// A quantized input: one axis, eight bits.
void fleet_generator_bytes(fleet_generator_t *g, uint8_t *dst, uint32_t n);

#endif
