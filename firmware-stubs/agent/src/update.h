// What the files of an update share: desired.c decides, accept.c judges, transfer.c fetches, trial.c proves, update.c keeps
// the states, report.c tells.
#ifndef FLEET_UPDATE_PRIVATE_H
#define FLEET_UPDATE_PRIVATE_H

#include "agent.h"
#include "manifest.h"

// down/desired. Pointers lie in the received message.
typedef struct {
  uint32_t keys; // which of FLEET_DESIRED_* it has, as 1 << key
  uint32_t deployment;
  uint32_t revision;
  uint32_t window_s;
  uint32_t next_contact_s;
  uint32_t pick_every;
  uint32_t shadow_every;
  uint64_t server_time_ms;
  const uint8_t *digest; // of a manifest that was verified
  uint32_t component;    // of it
  fleet_cbor_span_t manifest;
  fleet_cbor_span_t transfer;
  // of the transfer
  uint32_t method;
  uint32_t payload_bytes;
  uint32_t chunk_bytes;
  fleet_cbor_span_t payload_digest;
  fleet_cbor_span_t result_digest;
  fleet_cbor_span_t base_digest;
} fleet_desired_t;

// report.c
// A state message of where the update stands.
fleet_note_t *fleet_report_note(fleet_agent_t *agent);
void fleet_report_self_test(fleet_agent_t *agent, fleet_note_t *note, uint32_t vectors, bool passed);
// Answers a desired message that changes nothing on the device: it waits (1), or an error negated.
void fleet_report_answer(fleet_agent_t *agent, const fleet_desired_t *desired, int32_t result);

// accept.c
enum { fleet_cose_structure_bytes = 448 };
typedef struct {
  fleet_cbor_span_t protected_header;
  fleet_cbor_span_t payload;
  int32_t algorithm; // COSE's number
  const uint8_t *key_id;    // 8 bytes
  const uint8_t *signature; // 64 bytes
  bool command; // bound to this device; the payload's head counts the signature, which is not signed
} fleet_cose_t;
// The bytes that are signed or authenticated, context "Signature1" or "MAC0"; 0 when they do not fit.
uint32_t fleet_cose_structure(const fleet_agent_t *agent, const fleet_cose_t *cose, const char *context, uint8_t *buffer);
// Which of the first `keys` keys (0 current, 1 next) has signed it, or a registered error negated.
int32_t fleet_accept_signature(const fleet_agent_t *agent, const fleet_cose_t *cose, uint32_t keys);
void fleet_accept_store_key(fleet_agent_t *agent, uint32_t which, const fleet_key_t *key);
// The next key becomes the current one when the bundle that it signed is committed; part of that record.
void fleet_accept_rotate(fleet_agent_t *agent);
// 0 or a registered error negated.
//
// Whether the (verified) manifest is for devices like this one: what is not changes nothing here, whatever it names.
int32_t fleet_accept_address(const fleet_agent_t *agent, const fleet_manifest_t *manifest);
// Whether this device may and can run the bundle that the (verified) manifest names. No side effect.
int32_t fleet_accept_judge(const fleet_agent_t *agent, const fleet_manifest_t *manifest);
// Parts of that: the sequence and the digest may be installed; the firmware that runs is not too old for it.
int32_t fleet_accept_sequence(const fleet_agent_t *agent, const fleet_manifest_t *manifest);
int32_t fleet_accept_version(const fleet_agent_t *agent, const fleet_manifest_t *manifest);
// Whether every bit of `need` is in `have`.
bool fleet_accept_bits(const uint8_t *need, uint32_t n, const uint8_t *have, uint32_t have_n);

// desired.c
// The release is taken up for `slot`, which has its bytes or will have; not saved.
void fleet_update_adopt(fleet_agent_t *agent, const fleet_desired_t *desired, const fleet_manifest_t *manifest, fleet_slot_record_t *slot);
void fleet_update_answer_again(fleet_agent_t *agent, const fleet_desired_t *desired);
bool fleet_update_holds(const fleet_slot_record_t *slot, const fleet_manifest_t *manifest);

// transfer.c
// Whether the bundle of the manifest can come this way: 0, wire.method-unsupported, wire.base-missing, manifest.digest-mismatch.
int32_t fleet_transfer_judge(const fleet_agent_t *agent, const fleet_desired_t *desired, const fleet_manifest_t *manifest);
// Starts or goes on with fetching what the accepted manifest names into the inactive slot.
void fleet_transfer_begin(fleet_agent_t *agent, const fleet_desired_t *desired, const fleet_manifest_t *manifest);
// Brings the running hash to what the slot already holds; wants are sent when that is done.
void fleet_transfer_resume(fleet_agent_t *agent);
// One-slot devices: the next sector of what RAM has proven.
void fleet_transfer_copy(fleet_agent_t *agent);
uint32_t fleet_transfer_tick(fleet_agent_t *agent);

// trial.c
void fleet_trial_job(fleet_agent_t *agent, uint32_t job, uint32_t slot);

// update.c
fleet_slot_record_t *fleet_update_target(fleet_agent_t *agent);
bool fleet_update_refused(const fleet_agent_t *agent, const uint8_t *digest, uint32_t sequence);
// What a complete bundle in the target slot waits for: its shadow runs, else its trial.
void fleet_update_proceed(fleet_agent_t *agent);
void fleet_update_begin_trial(fleet_agent_t *agent);
// Makes the proven target slot active: one record.
void fleet_update_commit(fleet_agent_t *agent);
// One record of what has changed and this state, and a message that tells it.
fleet_note_t *fleet_update_enter(fleet_agent_t *agent, uint32_t state, uint32_t error);
// The target slot's bundle is given up before it became active. refuse: its digest is remembered.
fleet_note_t *fleet_update_fail(fleet_agent_t *agent, int32_t result, bool refuse);
// From soak (or a rotten active slot) back to the retained slot: one record.
void fleet_update_revert(fleet_agent_t *agent, uint32_t error, uint32_t slot_state);
void fleet_update_finish_soak(fleet_agent_t *agent);
// Commands; false = refused, nothing has changed.
bool fleet_update_abort(fleet_agent_t *agent);
bool fleet_update_erase(fleet_agent_t *agent, uint32_t slot);
bool fleet_update_go_back(fleet_agent_t *agent, uint32_t error);

#endif
