// Arithmetic modulo p = 2^255 - 19. Private to this layer.
//
// An element is 9 limbs of 29 bits, value = sum of limb[i] * 2^(29 i), an integer below 2^261 + 2^22 that stands for its
// residue. Every function takes and gives limb[0] < 2^29 + 2^21, limb[1] < 2^29 + 2^16 and the others < 2^29, so nothing
// between two operations has to be reduced further. Outputs may be inputs, except of the two powers.
#ifndef FLEET_FIELD25519_H
#define FLEET_FIELD25519_H

#include <stdbool.h>
#include <stdint.h>

enum { field_limbs = 9, limb_bits = 29 };

typedef struct {
  uint32_t limb[field_limbs];
} field_t;

void fleet_field_add(field_t *out, const field_t *a, const field_t *b);
void fleet_field_subtract(field_t *out, const field_t *a, const field_t *b);
void fleet_field_multiply(field_t *out, const field_t *a, const field_t *b);
void fleet_field_square(field_t *out, const field_t *a);
// a^(2^n), n >= 1.
void fleet_field_square_times(field_t *out, const field_t *a, uint32_t n);
// 1 / a, and 0 for 0.
void fleet_field_invert(field_t *out, const field_t *a);
// a^((p - 5) / 8), the heart of a square root.
void fleet_field_power_p58(field_t *out, const field_t *a);

// 255 bits, little-endian; bit 255 is ignored. Values from p to 2^255 - 1 are taken as they are.
void fleet_field_load(field_t *out, const uint8_t bytes[32]);
// The one residue below p.
void fleet_field_store(uint8_t bytes[32], const field_t *a);
bool fleet_field_is_zero(const field_t *a);

#endif
