// May and can this device run what a manifest names: the signature, then every condition. Nothing here has an effect.
#include <string.h>

#include "update.h"

// COSE_Sign1 (RFC 9052 section 4.4): the signature covers ["Signature1", protected, h'', payload].
int32_t fleet_accept_signature(const fleet_agent_t *a, const fleet_manifest_t *m) {
  const uint32_t alg = m->cose_algorithm == -8   ? FLEET_SIGNATURE_ALGORITHM_ED25519
                       : m->cose_algorithm == -7 ? FLEET_SIGNATURE_ALGORITHM_P256
                                                 : 0;
  if (alg == 0 || a->platform->verify == NULL) return -(int32_t)fleet_err_manifest_algorithm_unsupported;
  const fleet_key_t *key = NULL;
  for (uint32_t i = 0; i < FLEET_AGENT_KEY_MAX; i++) {
    const fleet_key_t *candidate = &a->config->keys[i];
    if (candidate->alg != alg) continue;
    fleet_sha256_t sha;
    uint8_t id[32];
    fleet_sha256_init(&sha);
    fleet_sha256_update(&sha, candidate->bytes, candidate->n);
    fleet_sha256_final(&sha, id);
    if (memcmp(id, m->key_id, 8) == 0) {
      key = candidate;
      break;
    }
  }
  if (key == NULL) return -(int32_t)fleet_err_manifest_key_unknown;
  uint8_t buffer[192];
  fleet_cbor_writer_t w = {buffer, sizeof buffer, 0, false};
  fleet_cbor_array(&w, 4);
  fleet_cbor_string(&w, cbor_text, "Signature1", 10);
  fleet_cbor_string(&w, cbor_bytes, m->protected_header.at, m->protected_header.n);
  fleet_cbor_string(&w, cbor_bytes, NULL, 0);
  fleet_cbor_string(&w, cbor_bytes, m->signed_payload.at, m->signed_payload.n);
  if (w.overflow) return -(int32_t)fleet_err_manifest_outside_template;
  const int32_t result =
      a->platform->verify(a->platform->user, alg, key->bytes, key->n, buffer, w.used, m->signature, 64);
  return result == 0 ? 0 : -(int32_t)fleet_err_manifest_signature_invalid;
}

static bool bits_covered(const uint8_t *need, uint32_t n, const uint8_t *have, uint32_t have_n) {
  for (uint32_t i = 0; i < n; i++) {
    if ((need[i] & ~(i < have_n ? have[i] : 0)) != 0) return false;
  }
  return true;
}

// Whether this device may and can run the bundle that the (verified) manifest names. No side effect.
int32_t fleet_accept_judge(const fleet_agent_t *a, const fleet_manifest_t *m) {
  const fleet_agent_config_t *c = a->config;
  const fleet_persist_t *p = &a->persist;
  if (c->vendor_id != NULL && memcmp(c->vendor_id, m->vendor_id, 16) != 0) {
    return -(int32_t)fleet_err_manifest_vendor_mismatch;
  }
  if (c->class_id != NULL && memcmp(c->class_id, m->class_id, 16) != 0) {
    return -(int32_t)fleet_err_manifest_class_mismatch;
  }
  if (m->component != FLEET_COMPONENT_MODEL) return -(int32_t)fleet_err_manifest_component_unknown;
  if (m->sequence < p->floor || m->sequence < m->floor) return -(int32_t)fleet_err_manifest_below_floor;
  if (m->sequence < p->highest_sequence && !m->allow_downgrade) return -(int32_t)fleet_err_manifest_downgrade;
  if (fleet_update_refused(a, m->digest, m->sequence)) return -(int32_t)fleet_err_manifest_digest_refused;
  // ABI: the same major, at most this minor.
  if (m->abi >> 16 != FLEET_ABI_MAJOR || (m->abi & 0xffff) > FLEET_ABI_MINOR) {
    return -(int32_t)fleet_err_manifest_abi_unsupported;
  }
  uint8_t op_set[32];
  uint8_t own_op_set[8];
  fleet_op_set(op_set, own_op_set);
  if (!bits_covered(m->op_set.at, m->op_set.n, op_set, sizeof op_set) ||
      !bits_covered(m->own_op_set.at, m->own_op_set.n, own_op_set, sizeof own_op_set)) {
    return -(int32_t)fleet_err_manifest_ops_missing;
  }
  if (m->arena_bytes > c->arena_bytes) return -(int32_t)fleet_err_manifest_arena_too_small;
  if (m->state_bytes > c->state_bytes) return -(int32_t)fleet_err_manifest_state_too_small;
  if (m->size > c->slot_bytes) return -(int32_t)fleet_err_manifest_slot_too_small;
  if (m->firmware_min.n != 0) {
    const fleet_text_t own = {FLEET_FIRMWARE_VERSION, sizeof FLEET_FIRMWARE_VERSION - 1};
    const fleet_text_t version = c->firmware_version.bytes != 0 ? c->firmware_version : own;
    if (fleet_version_compare((const uint8_t *)version.at, version.bytes, m->firmware_min.at, m->firmware_min.n) < 0) {
      return -(int32_t)fleet_err_manifest_firmware_too_old;
    }
  }
  return 0;
}
