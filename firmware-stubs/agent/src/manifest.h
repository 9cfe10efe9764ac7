// The signed manifest (docs/spec/manifest.cddl): parsed in place, checked against this device. Not a SUIT interpreter:
// one template is accepted, anything outside it is refused.
#ifndef FLEET_MANIFEST_H
#define FLEET_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

// Pointers lie in the envelope that was parsed.
typedef struct {
  uint32_t sequence;
  uint32_t component; // FLEET_COMPONENT_*
  uint32_t size;
  const uint8_t *digest; // 32 bytes
  const uint8_t *vendor_id; // 16
  const uint8_t *class_id;  // 16
  uint32_t abi;
  const uint8_t *op_set;
  uint32_t op_set_bytes;
  const uint8_t *own_op_set;
  uint32_t own_op_set_bytes;
  uint32_t arena_bytes;
  uint32_t state_bytes;
  const uint8_t *firmware_min; // text, NULL = any
  uint32_t firmware_min_bytes;
  uint32_t floor;
  uint32_t soak_s;
  uint32_t latency_us;
  uint32_t supersede; // 0 = none
  bool has_soak;
  bool allow_downgrade;
  // what the signature covers
  int32_t cose_algorithm;
  const uint8_t *key_id; // 8 bytes
  const uint8_t *protected_header;
  uint32_t protected_bytes;
  const uint8_t *signed_payload;
  uint32_t signed_bytes;
  const uint8_t *signature; // 64 bytes
} fleet_manifest_t;

// Parses an envelope and checks that the digest in it covers its manifest. No signature is verified yet, nothing may be
// believed. O(n). Errors: manifest.too-large, truncated, invalid, outside-template, version-unsupported,
// component-unknown.
int32_t fleet_manifest_parse(const uint8_t *envelope, uint32_t n, fleet_manifest_t *manifest);

// Compares dotted decimal versions by number, part by part; anything behind '-' or '+' is ignored. <0, 0, >0.
int32_t fleet_version_compare(const uint8_t *a, uint32_t a_bytes, const uint8_t *b, uint32_t b_bytes);

#endif
