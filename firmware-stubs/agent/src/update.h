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
  uint32_t soak_s;
  uint64_t server_time_ms;
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
fleet_note_t *fleet_report_current(fleet_agent_t *agent, uint32_t update_state, uint32_t error);
void fleet_report_note(fleet_agent_t *agent, uint32_t update_state, uint32_t error);
void fleet_report_self_test(fleet_agent_t *agent, fleet_note_t *note, uint32_t vectors, bool passed);
void fleet_report_answer(fleet_agent_t *agent, const fleet_desired_t *desired, const uint8_t *digest, uint32_t update_state,
                         uint32_t error);

// accept.c: 0 or a registered error negated
int32_t fleet_accept_signature(const fleet_agent_t *agent, const fleet_manifest_t *manifest);
// Whether this device may and can run the bundle that the (verified) manifest names. No side effect.
int32_t fleet_accept_judge(const fleet_agent_t *agent, const fleet_manifest_t *manifest);

// transfer.c
// Whether the bundle of the manifest can come this way: 0, wire.method-unsupported, wire.base-missing, manifest.digest-mismatch.
int32_t fleet_transfer_judge(const fleet_agent_t *agent, const fleet_desired_t *desired, const fleet_manifest_t *manifest);
// Starts or goes on with fetching what the accepted manifest names into the inactive slot.
void fleet_transfer_begin(fleet_agent_t *agent, const fleet_desired_t *desired, const fleet_manifest_t *manifest);
// Brings the running hash to what the slot already holds; wants are sent when that is done.
void fleet_transfer_resume(fleet_agent_t *agent);
uint64_t fleet_transfer_tick(fleet_agent_t *agent);

// trial.c
void fleet_trial_job(fleet_agent_t *agent, uint32_t job, uint32_t slot);

// update.c
fleet_slot_record_t *fleet_update_target(fleet_agent_t *agent);
bool fleet_update_refused(const fleet_agent_t *agent, const uint8_t *digest, uint32_t sequence);
void fleet_update_begin_trial(fleet_agent_t *agent);
// Makes the proven target slot active: one record.
void fleet_update_commit(fleet_agent_t *agent);
// The target slot's bundle is given up before it became active. refuse: its digest is remembered.
void fleet_update_fail(fleet_agent_t *agent, int32_t result, bool refuse);
// From soak (or a rotten active slot) back to the retained slot: one record.
void fleet_update_revert(fleet_agent_t *agent, uint32_t error, uint32_t slot_state);
void fleet_update_finish_soak(fleet_agent_t *agent);

#endif
