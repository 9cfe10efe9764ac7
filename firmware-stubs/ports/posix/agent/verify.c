// OpenSSL where the program is built with it, for both algorithms; else Ed25519 only, by the firmware's own code.
#include "verify.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_wire.h"

enum { ed25519_key_bytes = 32, p256_key_bytes = 65, coordinate_bytes = 32, signature_bytes = 64 };

#ifdef FLEET_POSIX_TLS

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

// SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point (RFC 5480): decoding it checks that the point is on
// the curve, the same way in every version of OpenSSL.
static const uint8_t p256_info[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

static EVP_PKEY *p256_key(const uint8_t *key) {
  uint8_t info[sizeof p256_info + p256_key_bytes];
  const uint8_t *at = info;
  memcpy(info, p256_info, sizeof p256_info);
  memcpy(info + sizeof p256_info, key, p256_key_bytes);
  return d2i_PUBKEY(NULL, &at, sizeof info);
}

// r and s of COSE (RFC 9053 section 2.1) as the DER that EVP takes. The caller frees it; 0 = no memory.
static int p256_signature(const uint8_t *sig, uint8_t **der) {
  int length = 0;
  ECDSA_SIG *pair = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn(sig, coordinate_bytes, NULL);
  BIGNUM *s = BN_bin2bn(sig + coordinate_bytes, coordinate_bytes, NULL);
  *der = NULL;
  if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
    length = i2d_ECDSA_SIG(pair, der);
  } else {
    BN_free(r);
    BN_free(s);
  }
  ECDSA_SIG_free(pair);
  return length;
}

// Takes the key.
static bool check(EVP_PKEY *key, const EVP_MD *digest, const uint8_t *sig, size_t sig_bytes, const uint8_t *msg,
                  size_t msg_bytes) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  const bool good = key != NULL && context != NULL && EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
                    EVP_DigestVerify(context, sig, sig_bytes, msg, msg_bytes) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  ERR_clear_error();
  return good;
}

static bool verify(uint32_t alg, const uint8_t *key, const uint8_t *sig, const uint8_t *msg, uint32_t msg_bytes) {
  if (alg == FLEET_SIGNATURE_ALGORITHM_ED25519)
    return check(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ed25519_key_bytes), NULL, sig,
                 signature_bytes, msg, msg_bytes);
  uint8_t *der;
  const int der_bytes = p256_signature(sig, &der);
  const bool good = der_bytes > 0 && check(p256_key(key), EVP_sha256(), der, (size_t)der_bytes, msg, msg_bytes);
  OPENSSL_free(der);
  return good;
}

#else

#include "fleet_ed25519.h"

static bool verify(uint32_t alg, const uint8_t *key, const uint8_t *sig, const uint8_t *msg, uint32_t msg_bytes) {
  return alg == FLEET_SIGNATURE_ALGORITHM_ED25519 && fleet_ed25519_verify(key, msg, msg_bytes, sig) == 0;
}

#endif

int32_t verify_signature(void *user, uint32_t alg, const uint8_t *key, uint32_t key_bytes, const uint8_t *msg,
                         uint32_t msg_bytes, const uint8_t *sig, uint32_t sig_bytes) {
  (void)user;
  const uint32_t expected = alg == FLEET_SIGNATURE_ALGORITHM_ED25519 ? (uint32_t)ed25519_key_bytes
                            : alg == FLEET_SIGNATURE_ALGORITHM_P256  ? (uint32_t)p256_key_bytes
                                                                     : 0;
  if (expected == 0 || key_bytes != expected || sig_bytes != signature_bytes) return -1;
  if (alg == FLEET_SIGNATURE_ALGORITHM_P256 && key[0] != 4) return -1;
  return verify(alg, key, sig, msg, msg_bytes) ? 0 : -1;
}

// A block of exactly these bytes, so that a sanitized build sees one too many. NULL: not hexadecimal.
static uint8_t *unhex(const char *text, uint32_t *n) {
  const size_t digits = strcmp(text, "-") == 0 ? 0 : strlen(text);
  uint8_t *bytes = malloc(digits / 2 != 0 ? digits / 2 : 1);
  *n = 0;
  for (size_t i = 0; bytes != NULL && i + 1 < digits; i += 2) {
    const char pair[3] = {text[i], text[i + 1], '\0'};
    char *end;
    bytes[(*n)++] = (uint8_t)strtoul(pair, &end, 16);
    if (*end != '\0') {
      free(bytes);
      return NULL;
    }
  }
  return bytes;
}

int verify_answer(const char *path) {
  static char line[1 << 18];
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
  int code = file == NULL ? 2 : 0;
  while (code == 0 && fgets(line, sizeof line, file) != NULL) {
    uint8_t *parts[3] = {NULL, NULL, NULL};
    uint32_t n[3];
    const char *word = strtok(line, " \n");
    if (word == NULL) continue;
    const uint32_t alg = (uint32_t)strtoul(word, NULL, 10);
    for (int i = 0; i < 3; i++) {
      word = strtok(NULL, " \n");
      parts[i] = word == NULL ? NULL : unhex(word, &n[i]);
      if (parts[i] == NULL) code = 2;
    }
    if (code == 0)
      (void)printf("%d\n", verify_signature(NULL, alg, parts[0], n[0], parts[2], n[2], parts[1], n[1]) == 0);
    for (int i = 0; i < 3; i++) free(parts[i]);
  }
  if (file != NULL && file != stdin) (void)fclose(file);
  return code;
}
