// May and can this device run what a manifest names: the signature, then every condition. Which keys it trusts, and how one follows another.
#include <string.h>

#include "firmware.h"

// ---- keys ------------------------------------------------------------------------------------------------------------

// A key that was stored goes before that of the configuration, whose next key ends with its current one.
fleet_key_t fleet_accept_key(const fleet_agent_t *a, uint32_t which) {
  const fleet_stored_key_t *stored = a->persist.keys;
  if (stored[which].alg == 0 && stored[0].alg == 0) return a->config->keys[which];
  return (fleet_key_t){stored[which].alg, stored[which].bytes, stored[which].n};
}

bool fleet_accept_key_id(const fleet_agent_t *a, uint32_t which, uint8_t id[32]) {
  const fleet_key_t key = fleet_accept_key(a, which);
  fleet_sha256_t sha;
  if (key.alg == 0) return false;
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, key.bytes, key.n);
  fleet_sha256_final(&sha, id);
  return true;
}

void fleet_accept_store_key(fleet_agent_t *a, uint32_t which, const fleet_key_t *key) {
  fleet_stored_key_t *stored = &a->persist.keys[which];
  memset(stored, 0, sizeof *stored);
  stored->alg = (uint8_t)key->alg;
  stored->n = (uint8_t)key->n;
  if (key->n != 0) memcpy(stored->bytes, key->bytes, key->n);
}

void fleet_accept_rotate(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  if (p->by_next_key == 0) return;
  const fleet_key_t next = fleet_accept_key(a, 1);
  fleet_accept_store_key(a, 0, &next);
  memset(&p->keys[1], 0, sizeof p->keys[1]);
  p->key_sequence = p->next_key_sequence > p->key_sequence ? p->next_key_sequence : p->key_sequence + 1;
  p->next_key_sequence = 0;
  p->by_next_key = 0;
}

// ---- signatures --------------------------------------------------------------------------------------------------------

// RFC 9052 sections 4.4 and 6.3: [context, protected, external, payload]. What is external to a command is the client id.
uint32_t fleet_cose_structure(const fleet_agent_t *a, const fleet_cose_t *c, const char *context, uint8_t *buffer) {
  const fleet_agent_config_t *config = a->config;
  fleet_cbor_writer_t w = {buffer, fleet_cose_structure_bytes, 0, false};
  fleet_cbor_array(&w, 4);
  fleet_cbor_string(&w, cbor_text, context, context[0] == 'M' ? 4 : 10);
  fleet_cbor_string(&w, cbor_bytes, c->protected_header.at, c->protected_header.n);
  fleet_cbor_head(&w, cbor_bytes, c->command ? config->project.bytes + 1 + config->device.bytes : 0);
  if (c->command) {
    fleet_cbor_raw(&w, config->project.at, config->project.bytes);
    fleet_cbor_byte(&w, '/');
    fleet_cbor_raw(&w, config->device.at, config->device.bytes);
  }
  fleet_cbor_string(&w, cbor_bytes, c->payload.at, c->payload.n);
  if (w.overflow) return 0;
  if (c->command) buffer[w.used - c->payload.n]--; // the map's head without the signature
  return w.used;
}

int32_t fleet_accept_signature(const fleet_agent_t *a, const fleet_cose_t *c, uint32_t keys) {
  const uint32_t alg = c->algorithm == -8   ? FLEET_SIGNATURE_ALGORITHM_ED25519
                       : c->algorithm == -7 ? FLEET_SIGNATURE_ALGORITHM_P256
                                            : 0;
  if (alg == 0 || a->platform->verify == NULL) return -(int32_t)fleet_err_manifest_algorithm_unsupported;
  for (uint32_t i = 0; i < keys; i++) {
    const fleet_key_t key = fleet_accept_key(a, i);
    uint8_t id[32];
    if (key.alg != alg || !fleet_accept_key_id(a, i, id) || memcmp(id, c->key_id, 8) != 0) continue;
    uint8_t message[fleet_cose_structure_bytes];
    const uint32_t n = fleet_cose_structure(a, c, "Signature1", message);
    if (n == 0) return -(int32_t)fleet_err_manifest_outside_template;
    const int32_t result = a->platform->verify(a->platform->user, alg, key.bytes, key.n, message, n, c->signature, 64);
    return result == 0 ? (int32_t)i : -(int32_t)fleet_err_manifest_signature_invalid;
  }
  return -(int32_t)fleet_err_manifest_key_unknown;
}

// ---- conditions --------------------------------------------------------------------------------------------------------

bool fleet_accept_bits(const uint8_t *need, uint32_t n, const uint8_t *have, uint32_t have_n) {
  for (uint32_t i = 0; i < n; i++) {
    if ((need[i] & ~(i < have_n ? have[i] : 0)) != 0) return false;
  }
  return true;
}

int32_t fleet_accept_address(const fleet_agent_t *a, const fleet_manifest_t *m) {
  const fleet_agent_config_t *c = a->config;
  if (c->vendor_id != NULL && memcmp(c->vendor_id, m->vendor_id, 16) != 0) {
    return -(int32_t)fleet_err_manifest_vendor_mismatch;
  }
  if (c->class_id != NULL && memcmp(c->class_id, m->class_id, 16) != 0) {
    return -(int32_t)fleet_err_manifest_class_mismatch;
  }
  return m->component == FLEET_COMPONENT_MODEL || fleet_firmware_able(a) ? 0 : -(int32_t)fleet_err_manifest_component_unknown;
}

int32_t fleet_accept_sequence(const fleet_agent_t *a, const fleet_manifest_t *m) {
  const fleet_persist_t *p = &a->persist;
  if (m->sequence < p->floor || m->sequence < m->floor) return -(int32_t)fleet_err_manifest_below_floor;
  if (m->sequence < p->highest_sequence && !m->allow_downgrade) return -(int32_t)fleet_err_manifest_downgrade;
  return fleet_update_refused(a, m->digest, m->sequence) ? -(int32_t)fleet_err_manifest_digest_refused : 0;
}

int32_t fleet_accept_version(const fleet_agent_t *a, const fleet_manifest_t *m) {
  if (m->firmware_min.n == 0) return 0;
  const fleet_text_t own = {FLEET_FIRMWARE_VERSION, sizeof FLEET_FIRMWARE_VERSION - 1};
  const fleet_text_t version = a->config->firmware_version.bytes != 0 ? a->config->firmware_version : own;
  const int32_t order = fleet_version_compare((const uint8_t *)version.at, version.bytes, m->firmware_min.at, m->firmware_min.n);
  return order < 0 ? -(int32_t)fleet_err_manifest_firmware_too_old : 0;
}

// Whether this device may and can run the bundle that the (verified) manifest names. No side effect.
int32_t fleet_accept_judge(const fleet_agent_t *a, const fleet_manifest_t *m) {
  const fleet_agent_config_t *c = a->config;
  const int32_t result = fleet_accept_sequence(a, m);
  if (result < 0) return result;
  // ABI: the same major, at most this minor.
  if (m->abi >> 16 != FLEET_ABI_MAJOR || (m->abi & 0xffff) > FLEET_ABI_MINOR) {
    return -(int32_t)fleet_err_manifest_abi_unsupported;
  }
  uint8_t op_set[32];
  uint8_t own_op_set[8];
  fleet_op_set(op_set, own_op_set);
  if (!fleet_accept_bits(m->op_set.at, m->op_set.n, op_set, sizeof op_set) ||
      !fleet_accept_bits(m->own_op_set.at, m->own_op_set.n, own_op_set, sizeof own_op_set)) {
    return -(int32_t)fleet_err_manifest_ops_missing;
  }
  if (m->arena_bytes > c->arena_bytes) return -(int32_t)fleet_err_manifest_arena_too_small;
  if (m->state_bytes > c->state_bytes) return -(int32_t)fleet_err_manifest_state_too_small;
  if (m->size > c->slot_bytes) return -(int32_t)fleet_err_manifest_slot_too_small;
  return fleet_accept_version(a, m);
}
