// HMAC-SHA256 (RFC 2104, FIPS 198-1) of a message that lies in memory.
#include <string.h>

#include "fleet_sha256.h"

void fleet_hmac_sha256(const uint8_t *key, uint32_t key_bytes, const void *message, uint32_t n, uint8_t mac[32]) {
  fleet_sha256_t sha;
  uint8_t block[64] = {0};
  if (key_bytes > sizeof block) {
    fleet_sha256_init(&sha);
    fleet_sha256_update(&sha, key, key_bytes);
    fleet_sha256_final(&sha, block);
  } else if (key_bytes != 0) {
    memcpy(block, key, key_bytes);
  }
  for (uint32_t outer = 0; outer < 2; outer++) {
    for (uint32_t i = 0; i < sizeof block; i++) block[i] ^= outer != 0 ? 0x36 ^ 0x5c : 0x36;
    fleet_sha256_init(&sha);
    fleet_sha256_update(&sha, block, sizeof block);
    fleet_sha256_update(&sha, outer != 0 ? mac : message, outer != 0 ? 32 : n);
    fleet_sha256_final(&sha, mac);
  }
}
