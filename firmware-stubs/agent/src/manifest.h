// The signed manifest (docs/spec/manifest.cddl): parsed in place, checked against this device. Not a SUIT interpreter:
// one template is accepted, anything outside it is refused.
#ifndef FLEET_MANIFEST_H
#define FLEET_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_cbor.h"

// Pointers and spans lie in the envelope that was parsed.
typedef struct {
  uint32_t sequence;
  uint32_t size;
  const uint8_t *digest; // 32 bytes
  const uint8_t *vendor_id; // 16
  const uint8_t *class_id;  // 16
  // what the signature covers
  const uint8_t *key_id;  // 8 bytes
  fleet_cbor_span_t protected_header;
  fleet_cbor_span_t signed_payload;
  const uint8_t *signature; // 64 bytes; of the reduced profile the MAC, 32
  // parts that only the parser looks at
  uint32_t version;
  const uint8_t *manifest_digest;
  fleet_cbor_span_t authentication;
  fleet_cbor_span_t manifest;
  fleet_cbor_span_t algorithm_item;
  fleet_cbor_span_t conditions_item;
  fleet_cbor_span_t component_name;
  fleet_cbor_span_t part;
  uint32_t component;     // FLEET_COMPONENT_*
  int32_t cose_algorithm; // 0 when it is none of COSE's one-byte ones
  // conditions
  uint32_t conditions; // which of FLEET_CONDITIONS_* it has, as 1 << key
  uint32_t abi;
  fleet_cbor_span_t op_set;
  fleet_cbor_span_t own_op_set;
  uint32_t arena_bytes;
  uint32_t state_bytes;
  fleet_cbor_span_t firmware_min; // text, n = 0: any
  uint32_t floor;
  uint32_t soak_s;
  uint32_t latency_us;
  uint32_t supersede; // 0 = none
  uint32_t not_after; // unix seconds
  bool allow_downgrade;
  bool by_next_key; // set by whoever verifies the signature
} fleet_manifest_t;

// Parses an envelope and checks that the digest in it covers its manifest. No signature is verified yet, nothing may be
// believed. O(n). Errors: manifest.too-large, truncated, invalid, outside-template, version-unsupported,
// component-unknown.
int32_t fleet_manifest_parse(const uint8_t *envelope, fleet_size_t n, fleet_manifest_t *manifest);

// Compares dotted decimal versions by number, part by part; anything behind '-' or '+' is ignored. <0, 0, >0.
int32_t fleet_version_compare(const uint8_t *a, fleet_size_t a_bytes, const uint8_t *b, fleet_size_t b_bytes);

#endif
