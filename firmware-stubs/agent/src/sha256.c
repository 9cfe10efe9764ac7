// SHA-256, see fleet_sha256.h. Small on purpose: one round loop, the schedule in a ring. WebAssembly, where a fleet hashes in one
// process and bytes of code cost nothing, has the rounds written out.
#include "fleet_sha256.h"

#include <string.h>

static const FLEET_CONST_MEMORY uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

#ifdef __wasm__

static inline uint32_t rotate_right(uint32_t x, uint32_t n) { return (x >> n) | (x << (32 - n)); }

static inline uint32_t load_be32(const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return __builtin_bswap32(word);
}

// The eight working variables change places from round to round instead of being moved.
#define ROUND(a, b, c, d, e, f, g, h, i, word)                                                                          \
  {                                                                                                                     \
    const uint32_t t1 = h + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) + (g ^ (e & (f ^ g))) +    \
                        round_constants[i] + (word);                                                                    \
    d += t1;                                                                                                            \
    h = t1 + (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) + ((a & b) | (c & (a | b)));              \
  }
#define ROUNDS(i, WORD)                                                                                            \
  ROUND(a, b, c, d, e, f, g, h, i, WORD(i)) ROUND(h, a, b, c, d, e, f, g, i + 1, WORD(i + 1))                      \
  ROUND(g, h, a, b, c, d, e, f, i + 2, WORD(i + 2)) ROUND(f, g, h, a, b, c, d, e, i + 3, WORD(i + 3))              \
  ROUND(e, f, g, h, a, b, c, d, i + 4, WORD(i + 4)) ROUND(d, e, f, g, h, a, b, c, i + 5, WORD(i + 5))              \
  ROUND(c, d, e, f, g, h, a, b, i + 6, WORD(i + 6)) ROUND(b, c, d, e, f, g, h, a, i + 7, WORD(i + 7))
#define FIRST(i) (w[(i) & 15] = load_be32(byte + 4 * (i)))
#define NEXT(i)                                                                                                         \
  (w[(i) & 15] += (rotate_right(w[((i) + 1) & 15], 7) ^ rotate_right(w[((i) + 1) & 15], 18) ^ (w[((i) + 1) & 15] >> 3)) + \
                  w[((i) + 9) & 15] +                                                                                   \
                  (rotate_right(w[((i) + 14) & 15], 17) ^ rotate_right(w[((i) + 14) & 15], 19) ^ (w[((i) + 14) & 15] >> 10)))

static void compress(fleet_sha256_t *sha) {
  const uint8_t *byte = sha->block.bytes;
  uint32_t w[16];
  uint32_t *s = sha->state;
  uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
  ROUNDS(0, FIRST) ROUNDS(8, FIRST)
  ROUNDS(16, NEXT) ROUNDS(24, NEXT) ROUNDS(32, NEXT) ROUNDS(40, NEXT) ROUNDS(48, NEXT) ROUNDS(56, NEXT)
  s[0] += a, s[1] += b, s[2] += c, s[3] += d, s[4] += e, s[5] += f, s[6] += g, s[7] += h;
}

#else

static FLEET_OUT_OF_LINE uint32_t rotate_right(uint32_t x, fleet_size_t n) { return (x >> n) | (x << (32 - n)); }

// The message schedule is kept as a ring of 16 words where the block's bytes were: no stack at all instead of 256 bytes.
static void compress(fleet_sha256_t *sha) {
  uint32_t *w = sha->block.words;
  const uint8_t *byte = sha->block.bytes;
  uint32_t s[8];
  memcpy(s, sha->state, sizeof s);
  for (fleet_size_t i = 0; i < 64; i++) {
    uint32_t word = 0;
    if (i < 16) {
      for (fleet_size_t k = 0; k < 4; k++) word = word << 8 | *byte++;
    } else {
      const uint32_t w15 = w[(i + 1) & 15];
      const uint32_t w2 = w[(i + 14) & 15];
      word = w[i & 15] + (rotate_right(w15, 7) ^ rotate_right(w15, 18) ^ (w15 >> 3)) + w[(i + 9) & 15] +
             (rotate_right(w2, 17) ^ rotate_right(w2, 19) ^ (w2 >> 10));
    }
    w[i & 15] = word;
    const uint32_t sum1 = rotate_right(s[4], 6) ^ rotate_right(s[4], 11) ^ rotate_right(s[4], 25);
    const uint32_t choice = s[6] ^ (s[4] & (s[5] ^ s[6]));
    const uint32_t t1 = s[7] + sum1 + choice + round_constants[i] + word;
    const uint32_t sum0 = rotate_right(s[0], 2) ^ rotate_right(s[0], 13) ^ rotate_right(s[0], 22);
    const uint32_t majority = (s[0] & s[1]) | (s[2] & (s[0] | s[1]));
    for (fleet_size_t k = 7; k != 0; k--) s[k] = s[k - 1];
    s[4] += t1;
    s[0] = t1 + sum0 + majority;
  }
  for (fleet_size_t i = 0; i < 8; i++) sha->state[i] += s[i];
}

#endif

void fleet_sha256_init(fleet_sha256_t *sha) {
  static const FLEET_CONST_MEMORY uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (fleet_size_t i = 0; i < 8; i++) sha->state[i] = start[i];
  sha->bytes = 0;
}

void fleet_sha256_update(fleet_sha256_t *sha, const void *data, fleet_size_t n) {
  const uint8_t *p = data;
  while (n != 0) {
    const fleet_size_t used = sha->bytes & 63;
    const fleet_size_t take = n < 64 - used ? n : 64 - used;
    memcpy(sha->block.bytes + used, p, take);
    sha->bytes += take;
    p += take;
    n -= take;
    if (used + take == 64) compress(sha);
  }
}

void fleet_sha256_final(fleet_sha256_t *sha, uint8_t digest[32]) {
  uint8_t length[8];
  uint32_t bits = sha->bytes << 3;
  memset(length, 0, sizeof length);
  length[3] = (uint8_t)(sha->bytes >> 29);
  for (fleet_size_t i = 8; i != 4; i--, bits >>= 8) length[i - 1] = (uint8_t)bits;
  uint8_t padding = 0x80;
  do {
    fleet_sha256_update(sha, &padding, 1);
    padding = 0;
  } while ((sha->bytes & 63) != 56);
  fleet_sha256_update(sha, length, sizeof length);
  for (fleet_size_t i = 0; i < 32; i++) digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i & 3)));
}
