// Verifying Ed25519 signatures (RFC 8032 section 5.1.7) on a device: what a port without a crypto library answers its
// `verify` hook with. It signs nothing and holds no secret, so it is written for size and speed, not for constant time:
// key, message and signature are public. SHA-512 comes with it and is not offered on its own.
//
// Use, in a port:  if (alg == FLEET_SIGNATURE_ALGORITHM_ED25519 && key_bytes == 32 && sig_bytes == 64)
//                    return fleet_ed25519_verify(key, msg, msg_bytes, sig);
//
// Freestanding C99: no allocation, no globals, no recursion, no library but mem*. Reentrant. On a Cortex-M4 (gcc 12, -Os):
// 6.5 KB of code and constants, 1.8 KB of stack, 1.4 million instructions (`npm run bench -- size`, ports/verify-cost).
// Rejected: ref10's table of B (23 KB for 1.3 million instructions), TweetNaCl's shape (6 KB, 62 million).
#ifndef FLEET_ED25519_H
#define FLEET_ED25519_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// 0 when `signature` (R, then S) is that of the n bytes at `message` under the raw public key, else -1. `message` may be
// NULL when n is 0. Time depends on the arguments; O(n) hashing and one double scalar multiplication.
//
// Strict where implementations differ: S must be below the group's order (no second S for a signature); key and R must be
// encoded canonically (y below 2^255 - 19, no sign on x = 0); a key of small order, under which anybody can sign,
// is refused. The equation is the one without the cofactor, R = S B - k A, as in OpenSSL and libsodium.
int32_t fleet_ed25519_verify(const uint8_t key[32], const uint8_t *message, uint32_t n, const uint8_t signature[64]);

#ifdef __cplusplus
}
#endif

#endif
