// Integers that the kernels, the compiler, the agent and the tests share. No state, no tables but the CRC's 64 bytes.
#include "internal.h"
#ifdef __wasm_simd128__
#include "crc_tables.h"
#endif

// CRC-32, ISO 3309, reflected polynomial 0xEDB88320, four bits at a time: 64 bytes of table instead of 1 KiB.
static const FLEET_CONST_MEMORY uint32_t crc_nibbles[16] = {
    0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
    0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
};

uint32_t fleet_crc32(uint32_t crc, const void *data, fleet_size_t n) {
  const uint8_t *p = data;
  fleet_size_t i = 0;
  crc = ~crc;
#ifdef __wasm_simd128__
  for (; i + 8 <= n; i += 8) {
    const uint32_t low = crc ^ load_le32(p + i), high = load_le32(p + i + 4);
    crc = crc_tables[7][low & 0xffu] ^ crc_tables[6][low >> 8 & 0xffu] ^ crc_tables[5][low >> 16 & 0xffu] ^ crc_tables[4][low >> 24] ^
          crc_tables[3][high & 0xffu] ^ crc_tables[2][high >> 8 & 0xffu] ^ crc_tables[1][high >> 16 & 0xffu] ^ crc_tables[0][high >> 24];
  }
#endif
  for (; i < n; i++) {
    crc ^= p[i];
    crc = crc >> 4 ^ crc_nibbles[crc & 15u];
    crc = crc >> 4 ^ crc_nibbles[crc & 15u];
  }
  return ~crc;
}

uint32_t fleet_xorshift32(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  *state = x;
  return x;
}

void fleet_fill_random(uint32_t *state, void *dst, fleet_size_t n) {
  uint8_t *p = dst;
  for (fleet_size_t i = 0; i < n; i++) p[i] = (uint8_t)(fleet_xorshift32(state) >> 24);
}

int32_t fleet_requantize(int32_t x, int32_t multiplier, int32_t shift) { return requantize(x, multiplier, shift); }

int32_t fleet_requantize64(int64_t x, int32_t multiplier, int32_t shift) {
  const int32_t reduced = multiplier < 0x7fff0000 ? (multiplier + (INT32_C(1) << 15)) >> 16 : 0x7fff;
  const int32_t total = 15 - shift; // 8..46; |x| < 2^47 and reduced < 2^15, so the sum stays below 2^63
  return (int32_t)((x * reduced + (INT64_C(1) << (total - 1))) >> total);
}

// exp(-1/8) * (1 + y + y^2/2 + y^3/6 + y^4/24) with y = x + 1/8, for x in [-1/4, 0) in Q0.31: gemmlowp's
// polynomial, in its order of roundings.
static int32_t exp_quarter(int32_t x) {
  const int32_t exp_minus_eighth = 1895147668;
  const int32_t third = 715827883;
  const int32_t y = x + (INT32_C(1) << 28);
  const int32_t y2 = high_mul(y, y);
  const int32_t y3 = high_mul(y2, y);
  const int32_t y4 = high_mul(y2, y2);
  const int32_t tail = rounding_shift(high_mul(rounding_shift(y4, 2) + y3, third) + y2, 1);
  return exp_minus_eighth + high_mul(exp_minus_eighth, y + tail);
}

// x = -(k/4 + r), r in (0, 1/4], with `integer_bits` bits before the point, 4 or 5: exp(-r) by the polynomial, then a
// product of exp(-2^i) over the bits of k. Sums are made in uint32: a wrong input (x > 0) gives a wrong value, never
// undefined behaviour.
static int32_t exp_of_negative(int32_t x, uint32_t integer_bits) {
  static const FLEET_CONST_MEMORY int32_t powers[7] = {// exp(-1/4), exp(-1/2), ... exp(-16) in Q0.31
                                    1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  if (x == 0) return INT32_MAX;
  const uint32_t first = 29 - integer_bits; // the bit of 1/4
  const int32_t quarter = INT32_C(1) << first;
  const int32_t mod = (x & (quarter - 1)) - quarter; // [-quarter, -1]
  const uint32_t rest = (uint32_t)mod - (uint32_t)x;
  int32_t result = exp_quarter(mod * (INT32_C(1) << integer_bits));
  for (uint32_t i = 0; i < integer_bits + 2; i++)
    if (rest & UINT32_C(1) << (first + i)) result = high_mul(result, powers[i]);
  return result;
}

int32_t fleet_exp_q31(int32_t x) { return exp_of_negative(x, 5); }

// 2 / (1 + x) in Q2.29 for x in [0, 1) in Q0.31: Newton's iteration from 48/17 - 32/17 d, with d = (1 + x) / 2.
static int32_t two_over_1_plus(int32_t x) {
  const int32_t one = INT32_C(1) << 29;
  const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2); // d, rounded; x >= 0
  int32_t r = 1515870810 + high_mul(half, -1010580540);
  for (int i = 0; i < 3; i++) {
    const int32_t error = one - high_mul(half, r);
    r += high_mul(r, error) * 4;
  }
  return r;
}

static int32_t saturate(int64_t x) { return x > INT32_MAX ? INT32_MAX : (int32_t)x; }

int32_t fleet_reciprocal_1_plus(int32_t x) { return saturate((int64_t)two_over_1_plus(x) * 2); }

int32_t fleet_logistic_q31(int32_t x) {
  if (x == 0) return INT32_C(1) << 30;
  const int32_t positive = fleet_reciprocal_1_plus(exp_of_negative(x > 0 ? -x : x, 4));
  return x > 0 ? positive : INT32_MAX - positive;
}

// tanh(x) = (1 - e^-2x) / (1 + e^-2x); reading Q4.27 as Q5.26 doubles x.
int32_t fleet_tanh_q31(int32_t x) {
  if (x == 0) return 0;
  const int32_t positive = saturate(((int64_t)two_over_1_plus(exp_of_negative(x > 0 ? -x : x, 5)) - (INT32_C(1) << 29)) * 4);
  return x > 0 ? positive : -positive;
}

// x * multiplier / 2^shift, rounded; |x| <= 2^15, multiplier < 2^15, shift <= 31.
static int32_t rescale_16(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t round = shift > 0 ? INT32_C(1) << (shift - 1) : 0;
  return (x * multiplier + round) >> shift;
}

// 2^16 / (1 + e^-x) between two entries of the table, `bits` bits of the position being the fraction.
static uint32_t sigmoid_16(const uint8_t *table, uint32_t position, uint32_t bits) {
  const uint8_t *entry = table + (position >> bits) * 2; // int16, 2^15 less
  const uint32_t low = (uint32_t)(load_i16(entry) + 32768), slope = (uint32_t)(load_i16(entry + 2) + 32768) - low;
  return (low << bits) + (position & ((UINT32_C(1) << bits) - 1u)) * slope;
}

int32_t fleet_logistic_16(int32_t x, int32_t multiplier, int32_t shift, const uint8_t *table) {
  const int32_t scaled = rescale_16(x, multiplier, shift);
  const uint32_t position = (uint32_t)(scaled < 0 ? -scaled : scaled);
  const uint32_t value = position >> 9 >= 255 ? UINT32_C(0x7fff) << 10 : sigmoid_16(table, position, 9);
  const uint32_t rounded = scaled >= 0 ? value + (1u << 9) : (UINT32_C(1) << 25) - value + (1u << 9) - 1u;
  return (int16_t)(uint16_t)(rounded >> 10);
}

int32_t fleet_tanh_16(int32_t x, int32_t multiplier, int32_t shift, const uint8_t *table) {
  const int32_t scaled = rescale_16(x, multiplier, shift);
  const uint32_t position = (uint32_t)(scaled < 0 ? -scaled : scaled);
  // Below 2^24 with a table that ascends; the mask is for others.
  const int32_t value = (int32_t)(position >> 8 >= 255 ? UINT32_C(0xffff) << 8 : sigmoid_16(table, position, 8) & 0x1ffffff);
  const int32_t one = INT32_C(1) << 23, half = 1 << 7;
  return (int16_t)(uint16_t)((scaled >= 0 ? value - one + half : one - value + half - 1) >> 8);
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
