// SHA-512 (FIPS 180-4), streaming: the hash inside Ed25519. Private to this layer.
#ifndef FLEET_SHA512_H
#define FLEET_SHA512_H

#include <stdint.h>

typedef struct {
  uint64_t state[8];
  uint64_t bytes; // hashed so far, below 2^61
  uint8_t block[128];
} fleet_sha512_t;

void fleet_sha512_init(fleet_sha512_t *sha);
void fleet_sha512_update(fleet_sha512_t *sha, const void *data, uint32_t n);
// Ends the stream; the context must be initialized again before further use.
void fleet_sha512_final(fleet_sha512_t *sha, uint8_t digest[64]);

#endif
