// SHA-256 (FIPS 180-4), streaming. Not HMAC, not constant-time relevant: only public bundle bytes pass here.
#ifndef FLEET_SHA256_H
#define FLEET_SHA256_H

#include <stdint.h>

typedef struct {
  uint32_t state[8];
  uint64_t bytes; // hashed so far
  uint8_t block[64];
} fleet_sha256_t;

void fleet_sha256_init(fleet_sha256_t *sha);
void fleet_sha256_update(fleet_sha256_t *sha, const void *data, uint32_t n);
// Ends the stream; the context must be initialized again before further use.
void fleet_sha256_final(fleet_sha256_t *sha, uint8_t digest[32]);

#endif
