// Fuzz target: any bytes as a manifest. The digest inside, which a mutation would nearly always break, is set right first when
// the input's last byte is odd.
#include "fuzz.h"

// The item of this type that comes next, false when another one does.
static bool expect(fleet_cbor_reader_t *r, uint32_t major, fleet_cbor_item_t *item) {
  return fleet_cbor_next(r, item) && item->major == major;
}

static void set_digest(uint8_t *envelope, uint32_t n) {
  fleet_cbor_reader_t r, authentication;
  fleet_cbor_item_t item, wrapper, digest;
  fleet_cbor_reader_init(&r, envelope, n);
  if (!expect(&r, cbor_tag, &item) || !expect(&r, cbor_map, &item) || !expect(&r, cbor_uint, &item) ||
      !expect(&r, cbor_bytes, &wrapper) || !expect(&r, cbor_uint, &item)) {
    return;
  }
  fleet_cbor_reader_init(&authentication, wrapper.data, (uint32_t)wrapper.value);
  if (!expect(&authentication, cbor_array, &item) || !expect(&authentication, cbor_bytes, &digest) || digest.value < 32) return;
  fleet_sha256_t sha;
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, r.at, (uint32_t)(r.end - r.at));
  fleet_sha256_final(&sha, envelope + (digest.data + digest.value - 32 - envelope));
}

static bool inside(const uint8_t *at, uint32_t bytes, const uint8_t *envelope, uint32_t n) {
  return at >= envelope && at <= envelope + n && bytes <= n - (uint32_t)(at - envelope);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const uint32_t n = (uint32_t)size - 1;
  uint8_t *envelope = copy_of(data, n);
  if ((data[n] & 1) != 0) set_digest(envelope, n);
  fleet_manifest_t m;
  const int32_t result = fleet_manifest_parse(envelope, n, &m);
  HOLDS(result <= 0 && result > -300 && (result == 0 || result <= -200)); // registered: area 2
  if (result == 0) {
    HOLDS(n <= 768 && m.size != 0 && m.component <= FLEET_COMPONENT_FIRMWARE);
    HOLDS(inside(m.digest, 32, envelope, n) && inside(m.vendor_id, 16, envelope, n) && inside(m.class_id, 16, envelope, n));
    (void)fleet_version_compare((const uint8_t *)"1.2.3", 5, envelope, n < 32 ? n : 32);
    // Every byte counts: one template, one encoding.
    for (uint32_t cut = 0; cut < n; cut += 1 + n / 16) HOLDS(fleet_manifest_parse(envelope, cut, &m) < 0);
  }
  free(envelope);
  return 0;
}
