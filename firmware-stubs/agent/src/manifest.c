// Manifest parser, see manifest.h. Every map of the template has fixed, rising keys, so each is read in order and a key
// that is missing, doubled or unknown shows as the wrong next key.
#include "manifest.h"

#include <string.h>

#include "fleet_cbor.h"
#include "fleet_error.h"
#include "fleet_wire.h"
#include "fleet_sha256.h"

enum { manifest_limit = 768, suit_sha256 = -16 };

static bool expect_key(fleet_cbor_reader_t *r, uint32_t key) {
  uint64_t found;
  return fleet_cbor_read_uint(r, UINT32_MAX, &found) && found == key;
}

static bool expect_int(fleet_cbor_reader_t *r, int64_t value) {
  int64_t found;
  return fleet_cbor_read_int(r, &found) && found == value;
}

static bool expect_count(fleet_cbor_reader_t *r, uint32_t major, uint32_t count) {
  uint32_t found;
  return fleet_cbor_read_count(r, major, &found) && found == count;
}

static bool expect_tag(fleet_cbor_reader_t *r, uint64_t tag) {
  fleet_cbor_item_t item;
  return fleet_cbor_next(r, &item) && item.major == cbor_tag && item.value == tag;
}

static bool read_fixed(fleet_cbor_reader_t *r, uint32_t n, const uint8_t **data) {
  uint32_t found;
  return fleet_cbor_read_string(r, cbor_bytes, data, &found) && found == n;
}

// A byte string whose content is itself CBOR.
static bool enter(fleet_cbor_reader_t *r, fleet_cbor_reader_t *inner) {
  const uint8_t *data;
  uint32_t n;
  if (!fleet_cbor_read_string(r, cbor_bytes, &data, &n)) return false;
  fleet_cbor_reader_init(inner, data, n);
  return true;
}

static bool at_end(const fleet_cbor_reader_t *r) { return !r->failed && r->at == r->end; }

static bool read_suit_digest(fleet_cbor_reader_t *r, const uint8_t **digest) {
  return expect_count(r, cbor_array, 2) && expect_int(r, suit_sha256) && read_fixed(r, 32, digest) && at_end(r);
}

static bool read_protected(fleet_cbor_reader_t *r, fleet_manifest_t *m) {
  int64_t algorithm;
  if (!expect_count(r, cbor_map, 2) || !expect_key(r, 1) || !fleet_cbor_read_int(r, &algorithm)) return false;
  m->cose_algorithm = algorithm >= -64 && algorithm < 0 ? (int32_t)algorithm : 0;
  return expect_key(r, 4) && read_fixed(r, 8, &m->key_id) && at_end(r);
}

static bool read_authentication(fleet_cbor_reader_t *r, fleet_manifest_t *m, const uint8_t **manifest_digest) {
  fleet_cbor_reader_t digest;
  fleet_cbor_reader_t signature;
  fleet_cbor_reader_t header;
  fleet_cbor_item_t nil;
  if (!expect_count(r, cbor_array, 2) || !enter(r, &digest) || !enter(r, &signature) || !at_end(r)) return false;
  m->signed_payload = digest.at;
  m->signed_bytes = (uint32_t)(digest.end - digest.at);
  if (!read_suit_digest(&digest, manifest_digest)) return false;
  if (!expect_tag(&signature, 18) || !expect_count(&signature, cbor_array, 4) || !enter(&signature, &header)) return false;
  m->protected_header = header.at;
  m->protected_bytes = (uint32_t)(header.end - header.at);
  return read_protected(&header, m) && expect_count(&signature, cbor_map, 0) && fleet_cbor_next(&signature, &nil) &&
         nil.major == cbor_simple && nil.value == 22 && read_fixed(&signature, 64, &m->signature) && at_end(&signature);
}

// Conditions grow by appended keys; one that this firmware does not know may be a demand it cannot meet: refused.
static bool read_conditions(fleet_cbor_reader_t *r, fleet_manifest_t *m) {
  uint32_t count;
  uint32_t seen = 0;
  if (!fleet_cbor_read_count(r, cbor_map, &count)) return false;
  uint32_t before = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t key;
    uint32_t ignored;
    if (!fleet_cbor_read_u32(r, &key) || key <= before || key > FLEET_CONDITIONS_NOT_AFTER) return false;
    before = key;
    seen |= UINT32_C(1) << key;
    bool ok = false;
    switch (key) {
      case FLEET_CONDITIONS_ABI:
        ok = fleet_cbor_read_u32(r, &m->abi);
        break;
      case FLEET_CONDITIONS_OP_SET:
        ok = fleet_cbor_read_string(r, cbor_bytes, &m->op_set, &m->op_set_bytes) && m->op_set_bytes <= 64;
        break;
      case FLEET_CONDITIONS_OWN_OP_SET:
        ok = fleet_cbor_read_string(r, cbor_bytes, &m->own_op_set, &m->own_op_set_bytes) && m->own_op_set_bytes <= 8;
        break;
      case FLEET_CONDITIONS_ARENA_BYTES:
        ok = fleet_cbor_read_u32(r, &m->arena_bytes);
        break;
      case FLEET_CONDITIONS_STATE_BYTES:
        ok = fleet_cbor_read_u32(r, &m->state_bytes);
        break;
      case FLEET_CONDITIONS_FIRMWARE_MIN:
        ok = fleet_cbor_read_string(r, cbor_text, &m->firmware_min, &m->firmware_min_bytes) &&
             m->firmware_min_bytes >= 1 && m->firmware_min_bytes <= 32;
        break;
      case FLEET_CONDITIONS_FLOOR:
        ok = fleet_cbor_read_u32(r, &m->floor);
        break;
      case FLEET_CONDITIONS_SOAK_S:
        ok = m->has_soak = fleet_cbor_read_u32(r, &m->soak_s);
        break;
      case FLEET_CONDITIONS_LATENCY_US:
        ok = fleet_cbor_read_u32(r, &m->latency_us) && m->latency_us != 0;
        break;
      case FLEET_CONDITIONS_ALLOW_DOWNGRADE:
        ok = fleet_cbor_read_bool(r, &m->allow_downgrade);
        break;
      case FLEET_CONDITIONS_SUPERSEDE:
        ok = fleet_cbor_read_u32(r, &m->supersede) && m->supersede >= 1 && m->supersede <= 2;
        break;
      case FLEET_CONDITIONS_NOT_AFTER:
        ok = fleet_cbor_read_u32(r, &ignored); // enforced by the server; this firmware has no trusted time
        break;
      default:
        break;
    }
    if (!ok) return false;
  }
  const uint32_t required = UINT32_C(1) << FLEET_CONDITIONS_ABI | UINT32_C(1) << FLEET_CONDITIONS_OP_SET |
                            UINT32_C(1) << FLEET_CONDITIONS_ARENA_BYTES | UINT32_C(1) << FLEET_CONDITIONS_STATE_BYTES |
                            UINT32_C(1) << FLEET_CONDITIONS_FLOOR;
  return (seen & required) == required;
}

static bool read_parameters(fleet_cbor_reader_t *r, fleet_manifest_t *m) {
  fleet_cbor_reader_t digest;
  if (!expect_count(r, cbor_map, 5) || !expect_key(r, 1) || !read_fixed(r, 16, &m->vendor_id) || !expect_key(r, 2) ||
      !read_fixed(r, 16, &m->class_id) || !expect_key(r, 3) || !enter(r, &digest) ||
      !read_suit_digest(&digest, &m->digest)) {
    return false;
  }
  return expect_key(r, 14) && fleet_cbor_read_u32(r, &m->size) && m->size != 0 && expect_int(r, -1) &&
         read_conditions(r, m);
}

static bool read_common(fleet_cbor_reader_t *r, fleet_manifest_t *m) {
  const uint8_t *name;
  uint32_t n;
  fleet_cbor_reader_t shared;
  if (!expect_count(r, cbor_map, 2) || !expect_key(r, 2) || !expect_count(r, cbor_array, 1) ||
      !expect_count(r, cbor_array, 1) || !fleet_cbor_read_string(r, cbor_bytes, &name, &n)) {
    return false;
  }
  if (n == 5 && memcmp(name, "model", 5) == 0) {
    m->component = FLEET_COMPONENT_MODEL;
  } else if (n == 8 && memcmp(name, "firmware", 8) == 0) {
    m->component = FLEET_COMPONENT_FIRMWARE;
  } else {
    m->component = UINT32_MAX;
  }
  if (!expect_key(r, 4) || !enter(r, &shared) || !at_end(r)) return false;
  return expect_count(&shared, cbor_array, 6) && expect_key(&shared, 20) && read_parameters(&shared, m) &&
         expect_key(&shared, 1) && expect_key(&shared, 15) && expect_key(&shared, 2) && expect_key(&shared, 15) &&
         at_end(&shared);
}

static bool read_pair(fleet_cbor_reader_t *r, uint32_t command, uint32_t argument) {
  return expect_count(r, cbor_array, 2) && expect_key(r, command) && expect_key(r, argument) && at_end(r);
}

// Was the CBOR inside a byte string broken, or only its shape another one?
static int32_t refuse(const fleet_cbor_reader_t *r) {
  return r->failed ? -(int32_t)fleet_err_manifest_invalid : -(int32_t)fleet_err_manifest_outside_template;
}

int32_t fleet_manifest_parse(const uint8_t *envelope, uint32_t n, fleet_manifest_t *m) {
  memset(m, 0, sizeof *m);
  if (n > manifest_limit) return -(int32_t)fleet_err_manifest_too_large;
  fleet_cbor_reader_t r;
  fleet_cbor_reader_init(&r, envelope, n);
  fleet_cbor_reader_t whole = r;
  if (!fleet_cbor_skip(&whole) || whole.at != whole.end) {
    return whole.truncated ? -(int32_t)fleet_err_manifest_truncated : -(int32_t)fleet_err_manifest_invalid;
  }

  fleet_cbor_reader_t authentication;
  fleet_cbor_reader_t manifest;
  const uint8_t *manifest_digest = NULL;
  if (!expect_tag(&r, 107) || !expect_count(&r, cbor_map, 2) || !expect_key(&r, 2) || !enter(&r, &authentication) ||
      !expect_key(&r, 3)) {
    return refuse(&r);
  }
  const uint8_t *covered = r.at; // the digest covers the byte string with its head
  if (!enter(&r, &manifest) || !at_end(&r)) return refuse(&r);
  if (!read_authentication(&authentication, m, &manifest_digest)) return refuse(&authentication);
  uint32_t version;
  fleet_cbor_reader_t common;
  fleet_cbor_reader_t validate;
  fleet_cbor_reader_t install;
  if (!expect_count(&manifest, cbor_map, 5) || !expect_key(&manifest, 1) || !fleet_cbor_read_u32(&manifest, &version)) {
    return refuse(&manifest);
  }
  if (version != 1) return -(int32_t)fleet_err_manifest_version_unsupported;
  if (!expect_key(&manifest, 2) || !fleet_cbor_read_u32(&manifest, &m->sequence) || !expect_key(&manifest, 3) ||
      !enter(&manifest, &common) || !expect_key(&manifest, 7) || !enter(&manifest, &validate) ||
      !expect_key(&manifest, 20) || !enter(&manifest, &install) || !at_end(&manifest)) {
    return refuse(&manifest);
  }
  if (!read_common(&common, m)) return refuse(&common);
  if (!read_pair(&validate, 3, 15)) return refuse(&validate);
  if (!read_pair(&install, 21, 2)) return refuse(&install);
  if (m->component == UINT32_MAX) return -(int32_t)fleet_err_manifest_component_unknown;
  fleet_sha256_t sha;
  uint8_t digest[32];
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, covered, (uint32_t)(manifest.end - covered));
  fleet_sha256_final(&sha, digest);
  if (memcmp(digest, manifest_digest, 32) != 0) return -(int32_t)fleet_err_manifest_outside_template;
  return 0;
}

static uint32_t take_number(const uint8_t *text, uint32_t n, uint32_t *at) {
  uint32_t value = 0;
  while (*at < n && text[*at] >= '0' && text[*at] <= '9') {
    value = value > 99999999 ? value : value * 10 + (uint32_t)(text[*at] - '0');
    (*at)++;
  }
  if (*at < n && text[*at] == '.') {
    (*at)++;
  } else {
    *at = n;
  }
  return value;
}

int32_t fleet_version_compare(const uint8_t *a, uint32_t a_bytes, const uint8_t *b, uint32_t b_bytes) {
  uint32_t at_a = 0;
  uint32_t at_b = 0;
  while (at_a < a_bytes || at_b < b_bytes) {
    const uint32_t x = take_number(a, a_bytes, &at_a);
    const uint32_t y = take_number(b, b_bytes, &at_b);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}
