// Arithmetic modulo 2^255 - 19 on 9 limbs of 29 bits, see field25519.h.
//
// Why 29 bits: a product is a sum of at most 9 products of limbs per column, 9 * (2^29 + 2^21)^2 < 2^61.2, so a column and its
// carry fit 64 bits and every product is one multiply-accumulate; 81 of them, against 100 with the usual 10 limbs of 25.5 bits.
// 2^261 = 64 * 2^255, so what lies above limb 8 comes back into limb 0 times 64 * 19 = 1216.
#include "field25519.h"

#define limb_mask ((UINT32_C(1) << limb_bits) - 1)
#define top_mask ((UINT32_C(1) << 23) - 1) // of limb 8: bits 232 to 254

enum { fold = 1216 };

void fleet_field_add(field_t *out, const field_t *a, const field_t *b) {
  uint32_t carry = 0;
  for (uint32_t i = 0; i < field_limbs; i++) {
    carry += a->limb[i] + b->limb[i]; // < 2^31
    out->limb[i] = carry & limb_mask;
    carry >>= limb_bits;
  }
  out->limb[0] += carry * fold; // carry <= 2
}

// a - b + 128 p. 128 p = 2 * (2^261 - 1216) has the limbs 2^30 - 2432, 2^30 - 2, ..., each above any limb of b.
void fleet_field_subtract(field_t *out, const field_t *a, const field_t *b) {
  uint32_t carry = UINT32_C(0) - 2430; // the sum of limb 0 is positive again
  for (uint32_t i = 0; i < field_limbs; i++) {
    carry += a->limb[i] + 2 * limb_mask - b->limb[i]; // < 2^31
    out->limb[i] = carry & limb_mask;
    carry >>= limb_bits;
  }
  out->limb[0] += carry * fold; // carry <= 3
}

#define MUL(i, j) ((uint64_t)a->limb[i] * b->limb[j])

// Moves the lowest 29 bits of column c to a limb; the rest is the next column's. A macro because gcc -Os does not inline
// it as a function: 400,000 instructions of a verification.
#define TAKE(limb)                  \
  do {                              \
    (limb) = (uint32_t)c & limb_mask; \
    c >>= limb_bits;                \
  } while (0)

// A product is made from column 9 upwards, so that the columns 0 to 8 can take in 1216 times what lies 9 limbs above. What
// then leaves the top (below 2^34) goes round to limbs 0 and 1 here.
static void wrap(field_t *out, uint64_t column, field_t *r) {
  column = column * fold + r->limb[0]; // < 2^45
  r->limb[0] = (uint32_t)column & limb_mask;
  r->limb[1] += (uint32_t)(column >> limb_bits); // < 2^16
  *out = *r;
}

void fleet_field_multiply(field_t *out, const field_t *a, const field_t *b) {
  uint32_t high[field_limbs];
  field_t r;
  uint64_t c = MUL(1, 8) + MUL(2, 7) + MUL(3, 6) + MUL(4, 5) + MUL(5, 4) + MUL(6, 3) + MUL(7, 2) + MUL(8, 1);
  TAKE(high[0]);
  c += MUL(2, 8) + MUL(3, 7) + MUL(4, 6) + MUL(5, 5) + MUL(6, 4) + MUL(7, 3) + MUL(8, 2);
  TAKE(high[1]);
  c += MUL(3, 8) + MUL(4, 7) + MUL(5, 6) + MUL(6, 5) + MUL(7, 4) + MUL(8, 3);
  TAKE(high[2]);
  c += MUL(4, 8) + MUL(5, 7) + MUL(6, 6) + MUL(7, 5) + MUL(8, 4);
  TAKE(high[3]);
  c += MUL(5, 8) + MUL(6, 7) + MUL(7, 6) + MUL(8, 5);
  TAKE(high[4]);
  c += MUL(6, 8) + MUL(7, 7) + MUL(8, 6);
  TAKE(high[5]);
  c += MUL(7, 8) + MUL(8, 7);
  TAKE(high[6]);
  c += MUL(8, 8);
  TAKE(high[7]);
  high[8] = (uint32_t)c; // < 2^30

  c = (uint64_t)high[0] * fold + MUL(0, 0);
  TAKE(r.limb[0]);
  c += (uint64_t)high[1] * fold + MUL(0, 1) + MUL(1, 0);
  TAKE(r.limb[1]);
  c += (uint64_t)high[2] * fold + MUL(0, 2) + MUL(1, 1) + MUL(2, 0);
  TAKE(r.limb[2]);
  c += (uint64_t)high[3] * fold + MUL(0, 3) + MUL(1, 2) + MUL(2, 1) + MUL(3, 0);
  TAKE(r.limb[3]);
  c += (uint64_t)high[4] * fold + MUL(0, 4) + MUL(1, 3) + MUL(2, 2) + MUL(3, 1) + MUL(4, 0);
  TAKE(r.limb[4]);
  c += (uint64_t)high[5] * fold + MUL(0, 5) + MUL(1, 4) + MUL(2, 3) + MUL(3, 2) + MUL(4, 1) + MUL(5, 0);
  TAKE(r.limb[5]);
  c += (uint64_t)high[6] * fold + MUL(0, 6) + MUL(1, 5) + MUL(2, 4) + MUL(3, 3) + MUL(4, 2) + MUL(5, 1) + MUL(6, 0);
  TAKE(r.limb[6]);
  c += (uint64_t)high[7] * fold + MUL(0, 7) + MUL(1, 6) + MUL(2, 5) + MUL(3, 4) + MUL(4, 3) + MUL(5, 2) + MUL(6, 1) +
       MUL(7, 0);
  TAKE(r.limb[7]);
  c += (uint64_t)high[8] * fold + MUL(0, 8) + MUL(1, 7) + MUL(2, 6) + MUL(3, 5) + MUL(4, 4) + MUL(5, 3) + MUL(6, 2) +
       MUL(7, 1) + MUL(8, 0);
  TAKE(r.limb[8]);
  wrap(out, c, &r);
}

#undef MUL
#define MUL(i, j) ((uint64_t)a->limb[i] * a->limb[j])

// As a product, with what stands on both sides of the diagonal counted once and doubled.
void fleet_field_square(field_t *out, const field_t *a) {
  uint32_t high[field_limbs];
  field_t r;
  uint64_t c = 2 * (MUL(1, 8) + MUL(2, 7) + MUL(3, 6) + MUL(4, 5));
  TAKE(high[0]);
  c += 2 * (MUL(2, 8) + MUL(3, 7) + MUL(4, 6)) + MUL(5, 5);
  TAKE(high[1]);
  c += 2 * (MUL(3, 8) + MUL(4, 7) + MUL(5, 6));
  TAKE(high[2]);
  c += 2 * (MUL(4, 8) + MUL(5, 7)) + MUL(6, 6);
  TAKE(high[3]);
  c += 2 * (MUL(5, 8) + MUL(6, 7));
  TAKE(high[4]);
  c += 2 * MUL(6, 8) + MUL(7, 7);
  TAKE(high[5]);
  c += 2 * MUL(7, 8);
  TAKE(high[6]);
  c += MUL(8, 8);
  TAKE(high[7]);
  high[8] = (uint32_t)c;

  c = (uint64_t)high[0] * fold + MUL(0, 0);
  TAKE(r.limb[0]);
  c += (uint64_t)high[1] * fold + 2 * MUL(0, 1);
  TAKE(r.limb[1]);
  c += (uint64_t)high[2] * fold + 2 * MUL(0, 2) + MUL(1, 1);
  TAKE(r.limb[2]);
  c += (uint64_t)high[3] * fold + 2 * (MUL(0, 3) + MUL(1, 2));
  TAKE(r.limb[3]);
  c += (uint64_t)high[4] * fold + 2 * (MUL(0, 4) + MUL(1, 3)) + MUL(2, 2);
  TAKE(r.limb[4]);
  c += (uint64_t)high[5] * fold + 2 * (MUL(0, 5) + MUL(1, 4) + MUL(2, 3));
  TAKE(r.limb[5]);
  c += (uint64_t)high[6] * fold + 2 * (MUL(0, 6) + MUL(1, 5) + MUL(2, 4)) + MUL(3, 3);
  TAKE(r.limb[6]);
  c += (uint64_t)high[7] * fold + 2 * (MUL(0, 7) + MUL(1, 6) + MUL(2, 5) + MUL(3, 4));
  TAKE(r.limb[7]);
  c += (uint64_t)high[8] * fold + 2 * (MUL(0, 8) + MUL(1, 7) + MUL(2, 6) + MUL(3, 5)) + MUL(4, 4);
  TAKE(r.limb[8]);
  wrap(out, c, &r);
}

void fleet_field_square_times(field_t *out, const field_t *a, uint32_t n) {
  fleet_field_square(out, a);
  while (--n != 0) fleet_field_square(out, out);
}

// a^(2^250 - 1) by doubling the number of ones in the exponent; eleven = a^11 falls off on the way.
static void power_250_ones(field_t *out, field_t *eleven, const field_t *a) {
  field_t ten_ones;
  field_t fifty_ones;
  field_t t;
  fleet_field_square(out, a);                // 2
  fleet_field_square_times(&t, out, 2);      // 8
  fleet_field_multiply(&t, &t, a);           // 9
  fleet_field_multiply(eleven, &t, out);     // 11
  fleet_field_square(out, eleven);           // 22
  fleet_field_multiply(out, out, &t);        // 31: 5 ones
  fleet_field_square_times(&t, out, 5);
  fleet_field_multiply(&ten_ones, &t, out);
  fleet_field_square_times(&t, &ten_ones, 10);
  fleet_field_multiply(out, &t, &ten_ones);  // 20
  fleet_field_square_times(&t, out, 20);
  fleet_field_multiply(out, &t, out);        // 40
  fleet_field_square_times(&t, out, 10);
  fleet_field_multiply(&fifty_ones, &t, &ten_ones);
  fleet_field_square_times(&t, &fifty_ones, 50);
  fleet_field_multiply(out, &t, &fifty_ones); // 100
  fleet_field_square_times(&t, out, 100);
  fleet_field_multiply(out, &t, out);         // 200
  fleet_field_square_times(&t, out, 50);
  fleet_field_multiply(out, &t, &fifty_ones);
}

// Fermat: the exponent is p - 2 = 2^255 - 21 = (2^250 - 1) * 2^5 + 11.
void fleet_field_invert(field_t *out, const field_t *a) {
  field_t eleven;
  power_250_ones(out, &eleven, a);
  fleet_field_square_times(out, out, 5);
  fleet_field_multiply(out, out, &eleven);
}

// (p - 5) / 8 = 2^252 - 3 = (2^250 - 1) * 2^2 + 1.
void fleet_field_power_p58(field_t *out, const field_t *a) {
  field_t eleven;
  power_250_ones(out, &eleven, a);
  fleet_field_square_times(out, out, 2);
  fleet_field_multiply(out, out, a);
}

void fleet_field_load(field_t *out, const uint8_t bytes[32]) {
  uint64_t c = 0;
  uint32_t bits = 0;
  uint32_t i = 0;
  for (uint32_t k = 0; k < 32; k++) {
    c |= (uint64_t)bytes[k] << bits;
    bits += 8;
    if (bits >= limb_bits) {
      TAKE(out->limb[i++]);
      bits -= limb_bits;
    }
  }
  out->limb[8] = (uint32_t)c & top_mask;
}

// Carries all limbs and brings what stands at 2^255 and above back with its factor 19.
static void settle(field_t *r) {
  uint32_t carry = 0;
  for (uint32_t i = 0; i < field_limbs; i++) {
    carry += r->limb[i];
    r->limb[i] = carry & limb_mask;
    carry >>= limb_bits;
  }
  // 2^255 is bit 23 of limb 8.
  r->limb[0] += 19 * (r->limb[8] >> 23) + fold * carry;
  r->limb[8] &= top_mask;
}

void fleet_field_store(uint8_t bytes[32], const field_t *a) {
  field_t r = *a;
  settle(&r); // below 2^255 + 2^12
  settle(&r); // below 2^255: where the second one folds, the rest is below 2^12
  // r >= p exactly when r + 19 reaches 2^255, and r - p is then r + 19 without that bit.
  uint32_t carry = 19;
  for (uint32_t i = 0; i < field_limbs - 1; i++) carry = (carry + r.limb[i]) >> limb_bits;
  carry = 19 * ((carry + r.limb[8]) >> 23);
  uint64_t window = 0;
  uint32_t bits = 0;
  uint32_t i = 0;
  for (uint32_t k = 0; k < 32; k++) {
    if (bits < 8 && i < field_limbs) {
      carry += r.limb[i++];
      window |= (uint64_t)(carry & limb_mask) << bits;
      carry >>= limb_bits;
      bits += limb_bits;
    }
    bytes[k] = (uint8_t)window;
    window >>= 8;
    bits -= 8;
  }
  bytes[31] &= 127;
}

bool fleet_field_is_zero(const field_t *a) {
  uint8_t bytes[32];
  uint8_t any = 0;
  fleet_field_store(bytes, a);
  for (uint32_t i = 0; i < 32; i++) any |= bytes[i];
  return any == 0;
}
