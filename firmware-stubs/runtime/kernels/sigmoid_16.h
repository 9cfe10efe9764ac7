// Sigmoid and tanh of 16-bit layers by one table, and 16-bit stores. Reference: the int16 Logistic and Tanh of TFLite's
// reference_integer_ops.
#ifndef FLEET_SIGMOID_16_H
#define FLEET_SIGMOID_16_H

#include "internal.h"

// sigmoid(x / 2^9 / 24) in Q0.15, x any int32: a Q3.12 value has been multiplied by 3 before. 0..32767.
int32_t fleet_sigmoid_16(int32_t x);
// tanh(x / 2^8 / 48) in Q0.15, x as above. -32768..32767.
int32_t fleet_tanh_16(int32_t x);

static inline int32_t clamp_16(int32_t x) { return clamp(x, INT16_MIN, INT16_MAX); }

static inline void store_i16(uint8_t *p, int32_t x) {
  p[0] = (uint8_t)((uint32_t)x & 255u);
  p[1] = (uint8_t)((uint32_t)x >> 8 & 255u);
}

#endif
