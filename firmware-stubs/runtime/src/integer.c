// Integers that the kernels, the compiler, the agent and the tests share. No state, no tables but the CRC's 64 bytes.
#include "internal.h"

// CRC-32, ISO 3309, reflected polynomial 0xEDB88320, four bits at a time: 64 bytes of table instead of 1 KiB.
static const uint32_t crc_nibbles[16] = {
    0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
    0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
};

uint32_t fleet_crc32(uint32_t crc, const void *data, uint32_t n) {
  const uint8_t *p = data;
  crc = ~crc;
  for (uint32_t i = 0; i < n; i++) {
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

void fleet_fill_random(uint32_t *state, void *dst, uint32_t n) {
  uint8_t *p = dst;
  for (uint32_t i = 0; i < n; i++) p[i] = (uint8_t)(fleet_xorshift32(state) >> 24);
}

int32_t fleet_requantize(int32_t x, int32_t multiplier, int32_t shift) { return requantize(x, multiplier, shift); }

int32_t fleet_requantize64(int64_t x, int32_t multiplier, int32_t shift) {
  const int32_t reduced = multiplier < 0x7fff0000 ? (multiplier + (1 << 15)) >> 16 : 0x7fff;
  const int32_t total = 15 - shift; // 8..46; |x| < 2^47 and reduced < 2^15, so the sum stays below 2^63
  return (int32_t)((x * reduced + (INT64_C(1) << (total - 1))) >> total);
}

// exp(-1/8) * (1 + y + y^2/2 + y^3/6 + y^4/24) with y = x + 1/8, for x in [-1/4, 0) in Q0.31: gemmlowp's
// polynomial, in its order of roundings.
static int32_t exp_quarter(int32_t x) {
  const int32_t exp_minus_eighth = 1895147668;
  const int32_t third = 715827883;
  const int32_t y = x + (1 << 28);
  const int32_t y2 = high_mul(y, y);
  const int32_t y3 = high_mul(y2, y);
  const int32_t y4 = high_mul(y2, y2);
  const int32_t tail = rounding_shift(high_mul(rounding_shift(y4, 2) + y3, third) + y2, 1);
  return exp_minus_eighth + high_mul(exp_minus_eighth, y + tail);
}

// x = -(k/4 + r), r in (0, 1/4]: exp(-r) by the polynomial, then a product of exp(-2^i) over the bits of k.
// Sums are made in uint32: a wrong input (x > 0) gives a wrong value, never undefined behaviour.
int32_t fleet_exp_q31(int32_t x) {
  static const int32_t powers[7] = {// exp(-1/4), exp(-1/2), ... exp(-16) in Q0.31
                                    1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  if (x == 0) return INT32_MAX;
  const int32_t quarter = 1 << 24; // 1/4 in Q5.26
  const int32_t mod = (x & (quarter - 1)) - quarter; // [-2^24, -1]
  const uint32_t rest = (uint32_t)mod - (uint32_t)x;
  int32_t result = exp_quarter(mod * 32);
  for (uint32_t i = 0; i < 7; i++)
    if (rest & UINT32_C(1) << (24 + i)) result = high_mul(result, powers[i]);
  return result;
}
