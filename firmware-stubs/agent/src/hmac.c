// HMAC-SHA256 (RFC 2104, FIPS 198-1).
#include <string.h>

#include "fleet_sha256.h"

// Starts a hash with the key, padded to a block and combined with `pad`. Byte by byte: no block on the stack.
static void start(fleet_sha256_t *sha, const uint8_t *key, fleet_size_t key_bytes, uint8_t pad) {
#ifndef FLEET_PROFILE_REDUCED // whose keys have 32 bytes
  uint8_t hashed[32];
  if (key_bytes > 64) {
    fleet_sha256_init(sha);
    fleet_sha256_update(sha, key, key_bytes);
    fleet_sha256_final(sha, hashed);
    key = hashed;
    key_bytes = sizeof hashed;
  }
#endif
  fleet_sha256_init(sha);
  for (fleet_size_t i = 0; i < 64; i++) {
    const uint8_t byte = (uint8_t)((i < key_bytes ? key[i] : 0) ^ pad);
    fleet_sha256_update(sha, &byte, 1);
  }
}

void fleet_hmac_begin(fleet_sha256_t *sha, const uint8_t *key, fleet_size_t key_bytes) { start(sha, key, key_bytes, 0x36); }

void fleet_hmac_end(fleet_sha256_t *sha, const uint8_t *key, fleet_size_t key_bytes, uint8_t mac[32]) {
  fleet_sha256_final(sha, mac);
  start(sha, key, key_bytes, 0x5c);
  fleet_sha256_update(sha, mac, 32);
  fleet_sha256_final(sha, mac);
}

void fleet_hmac_sha256(const uint8_t *key, fleet_size_t key_bytes, const void *message, fleet_size_t n, uint8_t mac[32]) {
  fleet_sha256_t sha;
  fleet_hmac_begin(&sha, key, key_bytes);
  fleet_sha256_update(&sha, message, n);
  fleet_hmac_end(&sha, key, key_bytes, mac);
}
