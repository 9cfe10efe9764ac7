// Signatures of manifests and commands: the platform's verify hook.
#ifndef VERIFY_H
#define VERIFY_H

#include <stdint.h>

// As fleet_platform_t.verify: 0 = good. Ed25519 with a raw key of 32 bytes; P-256 with a key of 65 bytes (04, x, y) and r, s.
int32_t verify_signature(void *user, uint32_t alg, const uint8_t *key, uint32_t key_bytes, const uint8_t *msg,
                         uint32_t msg_bytes, const uint8_t *sig, uint32_t sig_bytes);

// Answers a file of lines `ALGORITHM KEY SIGNATURE MESSAGE` (number, then hexadecimal, - for no bytes) with a line 1 (good) or 0
// each on stdout, so that published test vectors can be run against this very hook. Exit code: 0, or 2 for a bad file.
int verify_answer(const char *path);

#endif
