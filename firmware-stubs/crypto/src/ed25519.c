// Ed25519 verification, see fleet_ed25519.h: encode(S B - k A) is compared with R, k = SHA-512(R, A, message) mod L.
//
// Points are in extended coordinates (X : Y : Z : T), x = X/Z, y = Y/Z, T = XY/Z on -x^2 + y^2 = 1 + d x^2 y^2; the formulas
// are those of Hisil, Wong, Carter and Dawson, "Twisted Edwards Curves Revisited" (2008), complete on this curve, so no
// case is special. S B - k A is one run of 253 doublings with both scalars in non-adjacent form of width 4 (digits 0, +-1, +-3,
// +-5, +-7; every fifth is not 0 on average). A wider window for B would save 1 % of the time and cost 430 bytes.
#include "fleet_ed25519.h"

#include <stdbool.h>
#include <string.h>

#include "field25519.h"
#include "sha512.h"

typedef struct {
  field_t x, y, z, t;
} point_t;

// What an addition reads of its second operand: Y + X, Y - X, 2 d T, and Z where that is not 1.
enum { addend_sum, addend_difference, addend_t2d, addend_z, addend_fields };

enum { odd_multiples = 4, scalar_words = 8, digit_count = 254 };

static const field_t curve_d = {
    {0x135978a3, 0x0f5a6e50, 0x10762add, 0x00149a82, 0x1e898007, 0x003cbbbc, 0x19ce331d, 0x1dc56dff, 0x0052036c}};
// 2^((p - 1) / 4)
static const field_t root_of_minus_one = {
    {0x0a0ea0b0, 0x0770d93a, 0x0bf91e31, 0x06300d5a, 0x1d7a72f4, 0x004c9efd, 0x1c2cad34, 0x1009f83b, 0x002b8324}};

// B, 3 B, 5 B, 7 B with Z = 1. B is the point with y = 4/5 and even x.
static const field_t base_multiples[odd_multiples][3] = {
    {{{0x158c3b85, 0x1de49e37, 0x0303864b, 0x065b8df7, 0x142c2cf9, 0x044c321e, 0x09949c2d, 0x07467a97, 0x0007cf9d}},
     {{0x1740913e, 0x0881c82e, 0x102face7, 0x133e0ba2, 0x18a09fd3, 0x021a3447, 0x099e9706, 0x12531f02, 0x0044fd2f}},
     {{0x077aaa68, 0x1e48902c, 0x0ab127aa, 0x13d04799, 0x1598c26d, 0x1ee5eea1, 0x16a1686d, 0x0d13e18c, 0x006f117b}}},
    {{{0x0cee9730, 0x192d8542, 0x0192e2ab, 0x150861d1, 0x16732025, 0x08014f80, 0x03d3046d, 0x0373501f, 0x007a164e}},
     {{0x04fcd265, 0x1308ff45, 0x106e9f55, 0x06a7fbcb, 0x1d6bd3bd, 0x198d10a5, 0x098a04c7, 0x10eaab7b, 0x002ab915}},
     {{0x0dd0d889, 0x057499f8, 0x0d769885, 0x08464438, 0x0db4c589, 0x12a2c679, 0x131b45c3, 0x15e25736, 0x005a2826}}},
    {{{0x08a5bb33, 0x1095e220, 0x17bb40a8, 0x0091878e, 0x1ec448d5, 0x15862d5f, 0x1baf746f, 0x1e28dc40, 0x002945cc}},
     {{0x0447d6ba, 0x1c8c161d, 0x09ca6ddf, 0x0029a296, 0x0a087d50, 0x188e5c32, 0x17cf8cf3, 0x0e7d636a, 0x00154a7e}},
     {{0x012a8285, 0x05dedf8c, 0x0f747f2f, 0x1c100fa1, 0x1a72d270, 0x13858dde, 0x1a6ad06d, 0x0d2d6776, 0x0043aabe}}},
    {{{0x144ea3bf, 0x18d2e684, 0x0770349a, 0x006a7567, 0x02e49747, 0x0941142a, 0x09f9c6c9, 0x0d250792, 0x00461bea}},
     {{0x0a3221b1, 0x137964d5, 0x0e88e9ee, 0x0042a677, 0x12c3a6ca, 0x1b27c90c, 0x1f8277a9, 0x0ba5ca62, 0x001d6edd}},
     {{0x01b8b3a2, 0x0c1b6e40, 0x0fa926bc, 0x06be8e0a, 0x1adf3b30, 0x00dd2c3b, 0x029d4a71, 0x038d41f2, 0x007a9fbb}}}};

// L = 2^252 + 27742317777372353535851937790883648493, the order of B.
static const uint32_t order[scalar_words] = {0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de, 0, 0, 0, 0x10000000};

// ---- scalars ---------------------------------------------------------------------------------------------------------

// r -= q * L; answers the borrow out of the top word.
static uint32_t subtract_order(uint32_t r[scalar_words], uint32_t q) {
  uint64_t borrow = 0;
  for (uint32_t i = 0; i < scalar_words; i++) {
    const uint64_t product = (uint64_t)q * order[i] + borrow;
    borrow = (product >> 32) + (r[i] < (uint32_t)product);
    r[i] -= (uint32_t)product;
  }
  return (uint32_t)borrow;
}

static bool load_below_order(uint32_t s[scalar_words], const uint8_t bytes[32]) {
  uint32_t copy[scalar_words];
  for (uint32_t i = 0; i < scalar_words; i++) {
    s[i] = (uint32_t)bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 | (uint32_t)bytes[4 * i + 2] << 16 |
           (uint32_t)bytes[4 * i + 3] << 24;
  }
  memcpy(copy, s, sizeof copy);
  return subtract_order(copy, 1) != 0;
}

// 512 bits modulo L, a byte at a time from the top: r < L before and after each step.
static void reduce(uint32_t r[scalar_words], const uint8_t bytes[64]) {
  memset(r, 0, scalar_words * sizeof *r);
  for (uint32_t k = 64; k-- != 0;) {
    uint32_t carry = bytes[k];
    for (uint32_t i = 0; i < scalar_words; i++) {
      const uint32_t word = r[i];
      r[i] = word << 8 | carry;
      carry = word >> 24;
    }
    // r < 2^261. q = r >> 252 is the quotient by L or one more; too much shows as a borrow that the word above 2^256
    // does not cover.
    const uint32_t q = carry << 4 | r[7] >> 28;
    if (subtract_order(r, q) != carry) {
      uint64_t sum = 0;
      for (uint32_t i = 0; i < scalar_words; i++) {
        sum += (uint64_t)r[i] + order[i];
        r[i] = (uint32_t)sum;
        sum >>= 32;
      }
    }
  }
}

// Width-4 non-adjacent form of s < 2^253, least digit first, into the lower or upper nibble of one byte per bit: a digit is odd and
// -7 to 7 in two's complement, and 0 where there is none.
static void recode(uint8_t digits[digit_count], const uint32_t s[scalar_words], uint32_t shift) {
  uint32_t carry = 0;
  for (uint32_t at = 0; at < digit_count;) {
    const uint32_t word = at / 32;
    const uint64_t pair = (uint64_t)(word + 1 < scalar_words ? s[word + 1] : 0) << 32 | s[word];
    const uint32_t window = ((uint32_t)(pair >> at % 32) & 15) + carry;
    if ((window & 1) == 0) { // a carry waits for the next bit that is 0
      at++;
      continue;
    }
    digits[at] |= (uint8_t)(window << shift); // 9, 11, 13, 15 stand for -7, -5, -3, -1 and a carry
    carry = window >> 3;
    at += 4;
  }
}

// ---- points ----------------------------------------------------------------------------------------------------------

// p = 2 p in 7 multiplications and 1 for T, which is left as it was unless it is wanted: doubling does not read it.
static void point_double(point_t *p, bool want_t) {
  field_t e, f, g, h;
  fleet_field_square(&e, &p->x);
  fleet_field_square(&f, &p->y);
  fleet_field_subtract(&g, &e, &f);
  fleet_field_add(&h, &e, &f);
  fleet_field_square(&f, &p->z);
  fleet_field_add(&f, &f, &f);
  fleet_field_add(&f, &f, &g);
  fleet_field_add(&e, &p->x, &p->y);
  fleet_field_square(&e, &e);
  fleet_field_subtract(&e, &h, &e);
  fleet_field_multiply(&p->x, &e, &f);
  fleet_field_multiply(&p->y, &g, &h);
  fleet_field_multiply(&p->z, &f, &g);
  if (want_t) fleet_field_multiply(&p->t, &e, &h);
}

// p = p + q, or p - q; T of the result only when it is wanted. 7 or 8 multiplications, 1 less without z.
static void point_add(point_t *p, const field_t *q, const field_t *z, bool negative, bool want_t) {
  field_t a, b, e, f, g;
  fleet_field_subtract(&a, &p->y, &p->x);
  fleet_field_multiply(&a, &a, &q[negative ? addend_sum : addend_difference]);
  fleet_field_add(&b, &p->y, &p->x);
  fleet_field_multiply(&b, &b, &q[negative ? addend_difference : addend_sum]);
  fleet_field_subtract(&e, &b, &a);
  fleet_field_add(&b, &b, &a);
  fleet_field_multiply(&a, &p->t, &q[addend_t2d]);
  fleet_field_add(&f, &p->z, &p->z);
  if (z != NULL) fleet_field_multiply(&f, &f, z);
  // -q has the T of the other sign: F and G change places.
  fleet_field_add(negative ? &p->z : &g, &f, &a);
  fleet_field_subtract(negative ? &g : &p->z, &f, &a);
  f = p->z;
  fleet_field_multiply(&p->x, &e, &f);
  fleet_field_multiply(&p->y, &g, &b);
  fleet_field_multiply(&p->z, &f, &g);
  if (want_t) fleet_field_multiply(&p->t, &e, &b);
}

static void make_addend(field_t q[addend_fields], const point_t *p) {
  fleet_field_add(&q[addend_sum], &p->y, &p->x);
  fleet_field_subtract(&q[addend_difference], &p->y, &p->x);
  fleet_field_multiply(&q[addend_t2d], &p->t, &curve_d);
  fleet_field_add(&q[addend_t2d], &q[addend_t2d], &q[addend_t2d]);
  q[addend_z] = p->z;
}

static uint32_t lowest_bit(const field_t *a) {
  uint8_t bytes[32];
  fleet_field_store(bytes, a);
  return bytes[0] & 1;
}

// -A of the encoded A (RFC 8032 section 5.1.3, with the other sign); false when the bytes are no canonical point.
// x = sqrt(u / v) = u v^3 (u v^7)^((p - 5) / 8), times sqrt(-1) when that squares to -u / v.
static bool load_negative(point_t *p, const uint8_t bytes[32]) {
  field_t u, v, w;
  uint8_t back[32];
  fleet_field_load(&p->y, bytes);
  fleet_field_store(back, &p->y);
  back[31] |= bytes[31] & 128;
  if (memcmp(back, bytes, 32) != 0) return false;
  memset(&p->z, 0, sizeof p->z);
  p->z.limb[0] = 1;
  fleet_field_square(&u, &p->y);
  fleet_field_multiply(&v, &u, &curve_d);
  fleet_field_subtract(&u, &u, &p->z);
  fleet_field_add(&v, &v, &p->z);
  fleet_field_square(&w, &v);
  fleet_field_multiply(&w, &w, &v);
  fleet_field_multiply(&p->t, &w, &u); // u v^3
  fleet_field_square(&w, &w);
  fleet_field_multiply(&w, &w, &v);
  fleet_field_multiply(&w, &w, &u);
  fleet_field_power_p58(&p->x, &w);
  fleet_field_multiply(&p->x, &p->x, &p->t);
  fleet_field_square(&w, &p->x);
  fleet_field_multiply(&w, &w, &v);
  fleet_field_subtract(&v, &w, &u);
  if (!fleet_field_is_zero(&v)) {
    fleet_field_add(&v, &w, &u);
    if (!fleet_field_is_zero(&v)) return false;
    fleet_field_multiply(&p->x, &p->x, &root_of_minus_one);
  }
  // x = 0 with a sign is not canonical either, but both points with x = 0 are refused for their order.
  if (lowest_bit(&p->x) == bytes[31] >> 7) {
    memset(&v, 0, sizeof v);
    fleet_field_subtract(&p->x, &v, &p->x);
  }
  fleet_field_multiply(&p->t, &p->x, &p->y);
  return true;
}

// p, 3 p, 5 p, 7 p as addends; false when p has small order, which it has when 4 p is (0, 1) or (0, -1). p is lost.
static bool make_multiples(field_t multiples[odd_multiples][addend_fields], point_t *p) {
  point_t twice = *p;
  field_t step[addend_fields];
  point_double(&twice, true);
  make_addend(step, &twice);
  point_double(&twice, false);
  if (fleet_field_is_zero(&twice.x)) return false;
  for (uint32_t i = 0;; i++) {
    make_addend(multiples[i], p);
    if (i + 1 == odd_multiples) return true;
    point_add(p, step, &step[addend_z], false, true);
  }
}

// ---- the signature -----------------------------------------------------------------------------------------------------

static void hash(uint32_t k[scalar_words], const uint8_t key[32], const uint8_t *message, uint32_t n, const uint8_t r[32]) {
  fleet_sha512_t sha;
  uint8_t digest[64];
  fleet_sha512_init(&sha);
  fleet_sha512_update(&sha, r, 32);
  fleet_sha512_update(&sha, key, 32);
  fleet_sha512_update(&sha, message, n);
  fleet_sha512_final(&sha, digest);
  reduce(k, digest);
}

int32_t fleet_ed25519_verify(const uint8_t key[32], const uint8_t *message, uint32_t n, const uint8_t signature[64]) {
  uint32_t scalar[scalar_words];
  uint8_t digits[digit_count]; // lower nibble: of k for -A, upper: of S for B
  field_t multiples[odd_multiples][addend_fields];
  point_t p;
  uint8_t encoded[32];
  memset(digits, 0, sizeof digits);
  if (!load_below_order(scalar, signature + 32)) return -1;
  recode(digits, scalar, 4);
  if (!load_negative(&p, key) || !make_multiples(multiples, &p)) return -1;
  hash(scalar, key, message, n, signature);
  recode(digits, scalar, 0);

  memset(&p, 0, sizeof p); // (0 : 1 : 1 : 0)
  p.y.limb[0] = p.z.limb[0] = 1;
  for (uint32_t i = digit_count; i-- != 0;) {
    const uint32_t a = digits[i] & 15;
    const uint32_t b = digits[i] >> 4;
    point_double(&p, digits[i] != 0);
    if (a != 0) {
      const field_t *multiple = multiples[(a < 8 ? a : 15 - a) >> 1];
      point_add(&p, multiple, multiple + addend_z, a > 8, b != 0);
    }
    if (b != 0) point_add(&p, base_multiples[(b < 8 ? b : 15 - b) >> 1], NULL, b > 8, false);
  }

  field_t *inverse = &multiples[0][0];
  fleet_field_invert(inverse, &p.z);
  fleet_field_multiply(&p.x, &p.x, inverse);
  fleet_field_multiply(&p.y, &p.y, inverse);
  fleet_field_store(encoded, &p.y);
  encoded[31] |= (uint8_t)(lowest_bit(&p.x) << 7);
  return memcmp(encoded, signature, 32) == 0 ? 0 : -1;
}
