// Manifest parser, see manifest.h. The template is a small program over the envelope's bytes: CBOR is deterministic here, so
// what the template fixes is compared byte by byte, and only what may vary is decoded.
#include "manifest.h"

#include <stddef.h>
#include <string.h>

#include "fleet_error.h"
#include "fleet_wire.h"
#include "fleet_sha256.h"

#ifdef FLEET_PROFILE_REDUCED
enum { manifest_limit = 288, max_depth = 4 };
#else
enum { manifest_limit = 768, max_depth = 4 };
#endif

enum {
  op_literal, // n, n bytes: these follow
  op_fixed,   // member, n: n bytes follow, the member points at them
  op_number,  // member: an unsigned number of 32 bits
  op_item,    // member: any item, a span of all its bytes
  op_bytes,   // member: a byte string, a span of its content
  op_enter,   // member: a byte string as above, whose content goes on with the template
  op_leave,   // its end
};

#define AT(member) ((uint8_t)offsetof(fleet_manifest_t, member))
typedef char template_reaches_its_members[offsetof(fleet_manifest_t, component) < 256 ? 1 : -1];

static const FLEET_CONST_MEMORY uint8_t template[] = {
    op_literal, 4, 0xd8, FLEET_MANIFEST_ENVELOPE_TAG, 0xa2, FLEET_MANIFEST_ENVELOPE_AUTHENTICATION_WRAPPER,
    op_enter, AT(authentication), op_literal, 1, 0x82,
    // SUIT digest [-16, 32 bytes]
    op_enter, AT(signed_payload), op_literal, 4, 0x82, 0x2f, 0x58, 32, op_fixed, AT(manifest_digest), 32, op_leave,
#ifdef FLEET_PROFILE_REDUCED
    // COSE_Mac0 [protected, {}, nil, 32 bytes]
    op_enter, AT(part), op_literal, 10, 0xc0 | FLEET_MAC_TAG, 0x84, 0x43, 0xa1, FLEET_MAC_HEADER_ALGORITHM,
    FLEET_MAC_HEADER_ALGORITHM_VALUE, 0xa0, 0xf6, 0x58, 32, op_fixed, AT(signature), 32,
#else
    // COSE_Sign1 [protected, {}, nil, 64 bytes]
    op_enter, AT(part), op_literal, 2, 0xc0 | FLEET_SIGNATURE_TAG, 0x84,
    op_enter, AT(protected_header), op_literal, 2, 0xa2, FLEET_PROTECTED_HEADER_ALGORITHM, op_item, AT(algorithm_item),
    op_literal, 2, FLEET_PROTECTED_HEADER_KEY_ID, 0x48, op_fixed, AT(key_id), 8, op_leave,
    op_literal, 4, 0xa0, 0xf6, 0x58, 64, op_fixed, AT(signature), 64,
#endif
    op_leave, op_leave,
    op_literal, 1, FLEET_MANIFEST_ENVELOPE_MANIFEST, op_enter, AT(manifest),
    op_literal, 2, 0xa5, FLEET_MANIFEST_VERSION, op_number, AT(version),
    op_literal, 1, FLEET_MANIFEST_SEQUENCE, op_number, AT(sequence),
    op_literal, 1, FLEET_MANIFEST_COMMON, op_enter, AT(part),
    op_literal, 4, 0xa2, FLEET_COMMON_COMPONENTS, 0x81, 0x81, op_bytes, AT(component_name),
    op_literal, 1, FLEET_COMMON_SHARED_SEQUENCE, op_enter, AT(part),
    op_literal, 5, 0x86, FLEET_SHARED_SEQUENCE_OVERRIDE, 0xa5, FLEET_PARAMETERS_VENDOR_ID, 0x50,
    op_fixed, AT(vendor_id), 16, op_literal, 2, FLEET_PARAMETERS_CLASS_ID, 0x50, op_fixed, AT(class_id), 16,
    op_literal, 7, FLEET_PARAMETERS_IMAGE_DIGEST, 0x58, 36, 0x82, 0x2f, 0x58, 32, op_fixed, AT(digest), 32,
    op_literal, 1, FLEET_PARAMETERS_IMAGE_SIZE, op_number, AT(size), op_literal, 1, 0x20, op_item, AT(conditions_item),
    op_literal, 4, FLEET_SHARED_SEQUENCE_VENDOR, FLEET_SHARED_SEQUENCE_VENDOR_POLICY, FLEET_SHARED_SEQUENCE_CLASS,
    FLEET_SHARED_SEQUENCE_CLASS_POLICY, op_leave, op_leave,
    op_literal, 10, FLEET_MANIFEST_VALIDATE, 0x43, 0x82, FLEET_VALIDATE_IMAGE_MATCH, FLEET_VALIDATE_IMAGE_MATCH_POLICY,
    FLEET_MANIFEST_INSTALL, 0x43, 0x82, FLEET_INSTALL_FETCH, FLEET_INSTALL_FETCH_POLICY, op_leave};

static const FLEET_CONST_MEMORY fleet_cbor_row_t conditions[] = {
    {FLEET_CONDITIONS_ABI, cbor_row_u32, 0, 0, offsetof(fleet_manifest_t, abi)},
    {FLEET_CONDITIONS_OP_SET, cbor_row_bytes, 0, 64, offsetof(fleet_manifest_t, op_set)},
    {FLEET_CONDITIONS_OWN_OP_SET, cbor_row_bytes, 0, 8, offsetof(fleet_manifest_t, own_op_set)},
    {FLEET_CONDITIONS_ARENA_BYTES, cbor_row_u32, 0, 0, offsetof(fleet_manifest_t, arena_bytes)},
    {FLEET_CONDITIONS_STATE_BYTES, cbor_row_u32, 0, 0, offsetof(fleet_manifest_t, state_bytes)},
    {FLEET_CONDITIONS_FIRMWARE_MIN, cbor_row_text, 1, 32, offsetof(fleet_manifest_t, firmware_min)},
    {FLEET_CONDITIONS_FLOOR, cbor_row_u32, 0, 0, offsetof(fleet_manifest_t, floor)},
    {FLEET_CONDITIONS_SOAK_S, cbor_row_u32, 0, 0, offsetof(fleet_manifest_t, soak_s)},
    {FLEET_CONDITIONS_LATENCY_US, cbor_row_u32, 1, 0, offsetof(fleet_manifest_t, latency_us)},
    {FLEET_CONDITIONS_ALLOW_DOWNGRADE, cbor_row_bool, 0, 0, offsetof(fleet_manifest_t, allow_downgrade)},
    {FLEET_CONDITIONS_SUPERSEDE, cbor_row_u32, 1, 2, offsetof(fleet_manifest_t, supersede)},
    {FLEET_CONDITIONS_NOT_AFTER, cbor_row_u32, 0, 0, offsetof(fleet_manifest_t, not_after)},
};

static bool match(fleet_cbor_reader_t *r, fleet_manifest_t *m) {
  const uint8_t *ends[max_depth];
  fleet_size_t depth = 0;
  for (const FLEET_CONST_MEMORY uint8_t *op = template; op < template + sizeof template;) {
    const uint8_t kind = op[0];
    if (kind == op_leave) {
      if (r->at != r->end) return false;
      r->end = ends[--depth];
      op++;
      continue;
    }
    void *member = (uint8_t *)m + op[1];
    fleet_cbor_span_t *span = member;
    fleet_cbor_item_t item;
    if (kind <= op_fixed) {
      const uint8_t n = kind == op_literal ? op[1] : op[2];
      if ((fleet_size_t)(r->end - r->at) < n) return false;
      if (kind == op_fixed) {
        *(const uint8_t **)member = r->at;
        op += 3;
      } else {
        for (uint8_t i = 0; i < n; i++)
          if (r->at[i] != op[2 + i]) return false;
        op += 2 + n;
      }
      r->at += n;
      continue;
    }
    op += 2;
    const uint8_t *start = r->at;
    if (kind == op_item) {
      if (!fleet_cbor_skip(r)) return false;
      *span = (fleet_cbor_span_t){start, (fleet_size_t)(r->at - start)};
      continue;
    }
    if (!fleet_cbor_next(r, &item) || item.major != (kind == op_number ? cbor_uint : cbor_bytes)) return false;
    if (kind == op_number) {
      if (item.value > UINT32_MAX) return false;
      *(uint32_t *)member = (uint32_t)item.value;
      continue;
    }
    *span = (fleet_cbor_span_t){item.data, (fleet_size_t)item.value};
    if (kind == op_enter) {
      ends[depth++] = r->end;
      r->end = r->at;
      r->at = item.data;
    }
  }
  return r->at == r->end;
}

int32_t fleet_manifest_parse(const uint8_t *envelope, fleet_size_t n, fleet_manifest_t *m) {
  memset(m, 0, sizeof *m);
  if (n > manifest_limit) return -(int32_t)fleet_err_manifest_too_large;
  fleet_cbor_reader_t r;
  fleet_cbor_reader_init(&r, envelope, n);
  fleet_cbor_reader_t whole = r;
  if (!fleet_cbor_skip(&whole) || whole.at != whole.end) {
    return whole.truncated ? -(int32_t)fleet_err_manifest_truncated : -(int32_t)fleet_err_manifest_invalid;
  }
  m->version = FLEET_MANIFEST_VERSION_VALUE; // a version that is read makes the difference, whatever follows it
  const bool matches = match(&r, m);
  if (m->version != FLEET_MANIFEST_VERSION_VALUE) return -(int32_t)fleet_err_manifest_version_unsupported;
  // Conditions grow by appended keys; one that this firmware does not know may be a demand it cannot meet: refused.
  const uint32_t known = (UINT32_C(1) << (FLEET_CONDITIONS_NOT_AFTER + 1)) - (UINT32_C(1) << FLEET_CONDITIONS_ABI);
  const uint32_t required = UINT32_C(1) << FLEET_CONDITIONS_ABI | UINT32_C(1) << FLEET_CONDITIONS_OP_SET |
                            UINT32_C(1) << FLEET_CONDITIONS_ARENA_BYTES | UINT32_C(1) << FLEET_CONDITIONS_STATE_BYTES |
                            UINT32_C(1) << FLEET_CONDITIONS_FLOOR;
  if (matches) m->conditions = fleet_cbor_read_map(m->conditions_item, FLEET_CBOR_ROWS(conditions), m);
  if ((m->conditions & required) != required || (m->conditions & ~known) != 0 || m->size == 0) {
    return -(int32_t)fleet_err_manifest_outside_template;
  }
  if (m->component_name.n == 8 && memcmp(m->component_name.at, "firmware", 8) == 0) {
    m->component = FLEET_COMPONENT_FIRMWARE;
  } else if (m->component_name.n != 5 || memcmp(m->component_name.at, "model", 5) != 0) {
    return -(int32_t)fleet_err_manifest_component_unknown;
  }
#ifndef FLEET_PROFILE_REDUCED
  const uint8_t *algorithm = m->algorithm_item.at;
  if (m->algorithm_item.n == 1 && *algorithm >> 5 == cbor_nint) m->cose_algorithm = -1 - (*algorithm & 31);
#endif
  // The digest covers the manifest's byte string with its head, which starts behind the key behind the wrapper.
  const uint8_t *covered = m->authentication.at + m->authentication.n + 1;
  fleet_sha256_t sha;
  uint8_t digest[32];
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, covered, (fleet_size_t)(m->manifest.at + m->manifest.n - covered));
  fleet_sha256_final(&sha, digest);
  return memcmp(digest, m->manifest_digest, 32) == 0 ? 0 : -(int32_t)fleet_err_manifest_outside_template;
}

// Takes the next part of a version; behind the last one there are zeros.
static uint32_t take_number(fleet_cbor_span_t *text) {
  uint32_t value = 0;
  for (; text->n != 0; text->at++, text->n--) {
    const uint32_t digit = (uint32_t)*text->at - '0';
    if (digit > 9) break;
    if (value <= 99999999) value = value * 10 + digit;
  }
  if (text->n != 0 && *text->at == '.') {
    text->at++;
    text->n--;
  } else {
    text->n = 0;
  }
  return value;
}

int32_t fleet_version_compare(const uint8_t *a, fleet_size_t a_bytes, const uint8_t *b, fleet_size_t b_bytes) {
  fleet_cbor_span_t left = {a, a_bytes};
  fleet_cbor_span_t right = {b, b_bytes};
  int32_t order = 0;
  while (order == 0 && (left.n | right.n) != 0) order = (int32_t)take_number(&left) - (int32_t)take_number(&right);
  return order;
}
