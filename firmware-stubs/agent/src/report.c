// The state messages of an update: what waits to be sent in up/state, and how a desired message that changes nothing is
// answered.
#include <string.h>

#include "firmware.h"

fleet_note_t *fleet_report_at(fleet_agent_t *a, uint32_t n) {
  const uint32_t at = a->note_first + n;
  return &a->notes[at < FLEET_NOTES ? at : at - FLEET_NOTES];
}

static fleet_note_t *new_note(fleet_agent_t *a, uint32_t update_state, uint32_t error) {
  // A full queue gives up the last but one: the oldest may be in flight, the newest tells the outcome. The platform sees
  // the gap in the sequence.
  if (a->note_count == FLEET_NOTES) {
    a->note_count--;
    *fleet_report_at(a, FLEET_NOTES - 2) = *fleet_report_at(a, FLEET_NOTES - 1);
  }
  fleet_note_t *note = fleet_report_at(a, a->note_count++);
  memset(note, 0, sizeof *note);
  note->sequence = a->sequence++;
  note->uptime_ms = a->uptime_ms;
  note->failed_step = UINT16_MAX;
  note->update_state = (uint8_t)update_state;
  note->error = (uint16_t)error;
  fleet_agent_log(a, error != 0 ? FLEET_LOG_WARN : FLEET_LOG_INFO, error != 0 ? "update error" : "update state",
                  (int32_t)(error != 0 ? error : update_state));
  return note;
}

fleet_note_t *fleet_report_note(fleet_agent_t *a) {
  fleet_note_t *note = new_note(a, a->update.state, a->update.error);
  note->component = fleet_firmware_is_target(a) ? FLEET_COMPONENT_FIRMWARE : FLEET_COMPONENT_MODEL;
  note->deployment = a->persist.deployment;
  note->revision = a->persist.revision;
  note->attempts = a->update.attempts;
  memcpy(note->digest, fleet_update_target(a)->digest, 32);
  note->has_digest = true;
  if (a->update.state == FLEET_UPDATE_STATE_FETCHING) note->offset = a->next_offset;
  return note;
}

void fleet_report_self_test(fleet_agent_t *a, fleet_note_t *note, uint32_t vectors, bool passed) {
  note->self_test = passed ? 2 : 1;
  note->vectors = (uint8_t)vectors;
  note->cycles = a->test_runs == 0 ? 0 : a->test_cycles / a->test_runs;
  note->latency_us = a->test_latency_us;
  note->arena_bytes = a->runtime.arena_bytes;
}

void fleet_report_answer(fleet_agent_t *a, const fleet_desired_t *d, int32_t result) {
  const uint32_t error = result < 0 ? (uint32_t)-result : 0;
  fleet_note_t *note = new_note(a, error != 0 ? FLEET_UPDATE_STATE_FAILED : FLEET_UPDATE_STATE_QUEUED, error);
  note->component = (uint8_t)d->component;
  note->deployment = d->deployment;
  note->revision = d->revision;
  note->has_digest = d->digest != NULL;
  if (d->digest != NULL) memcpy(note->digest, d->digest, 32);
  if (error != 0) fleet_agent_count(a, FLEET_LOSS_COUNTER_MANIFEST_REFUSED);
}
