// SHA-256 (FIPS 180-4), streaming, and HMAC of it. Their time depends on lengths only.
#ifndef FLEET_SHA256_H
#define FLEET_SHA256_H

#include <stdint.h>

#include "fleet_const.h"

typedef struct {
  uint32_t state[8];
  uint32_t bytes; // hashed so far, below 2^32
  union {
    uint8_t bytes[64];
    uint32_t words[16];
  } block;
} fleet_sha256_t;

void fleet_sha256_init(fleet_sha256_t *sha);
void fleet_sha256_update(fleet_sha256_t *sha, const void *data, fleet_size_t n);
// Ends the stream; the context must be initialized again before further use.
void fleet_sha256_final(fleet_sha256_t *sha, uint8_t digest[32]);

// mac = HMAC-SHA256(key, message) (RFC 2104). Keys of any length.
void fleet_hmac_sha256(const uint8_t *key, fleet_size_t key_bytes, const void *message, fleet_size_t n, uint8_t mac[32]);

// The same for a message in parts: begin, fleet_sha256_update for each, end.
void fleet_hmac_begin(fleet_sha256_t *sha, const uint8_t *key, fleet_size_t key_bytes);
void fleet_hmac_end(fleet_sha256_t *sha, const uint8_t *key, fleet_size_t key_bytes, uint8_t mac[32]);

#endif
