// What the agent's files say to each other. Not for ports: their door is fleet_agent.h.
#ifndef FLEET_AGENT_PRIVATE_H
#define FLEET_AGENT_PRIVATE_H

#include "fleet_agent.h"
#include "fleet_cbor.h"

enum { in_flight_none = 0, in_flight_hello, in_flight_note, in_flight_window, in_flight_ring, in_flight_sample };

enum { sample_none = 0, sample_filling, sample_too_large, sample_ready };

enum {
  job_none = 0,
  job_check_active, // boot: hash the active slot before it may run
  job_check_target, // hash the target slot before its trial
  job_rehash,       // resume: hash what the target slot holds already
  job_self_test,    // one golden vector per step
  job_check_shadow, // hash the target slot before it runs as shadow
  job_test_shadow,  // its golden vectors
  job_erase,        // a command: one sector per step
  job_copy,         // one-slot devices: the proven bundle from RAM to flash, one sector per step
};

// What a tick answers: in how many milliseconds it wants to be called again.
enum { never_ms = 1 << 30 }; // 12 days: often enough for times that wrap around

static inline uint32_t now_ms(const fleet_agent_t *agent) { return (uint32_t)agent->uptime_ms; }

// agent.c
// Checks platform and config, clears the context, reads the records.
// Slots in flash, 1 or 2. The second slot of a one-slot device is bundle_ram: never in flash, gone with a reboot.
uint32_t fleet_agent_slots(const fleet_agent_config_t *config);
bool fleet_slot_is_ram(const fleet_agent_t *agent, uint32_t slot);
int32_t fleet_slot_read(fleet_agent_t *agent, uint32_t slot, uint32_t offset, void *dst, uint32_t n);
uint64_t fleet_agent_own_period(const fleet_agent_config_t *config); // between two inferences, until a command says otherwise
int32_t fleet_agent_open(fleet_agent_t *agent, const fleet_platform_t *platform, const fleet_agent_config_t *config);
// Milliseconds from now until `at_ms`, 0 when it has passed. Times of 32 bits wrap around: at most 24 days lie between two.
uint32_t fleet_agent_until(const fleet_agent_t *agent, uint32_t at_ms);
// The same of an uptime; what is further away than never_ms is that.
uint32_t fleet_agent_until_uptime(const fleet_agent_t *agent, uint64_t at_ms);
void fleet_agent_count(fleet_agent_t *agent, uint32_t kind); // FLEET_LOSS_COUNTER_*
void fleet_agent_count_many(fleet_agent_t *agent, uint32_t kind, uint32_t n);
bool fleet_agent_save(fleet_agent_t *agent); // a failure is counted and retried with the next save
void fleet_agent_log(const fleet_agent_t *agent, uint32_t level, const char *text, int32_t value);

// sleep.c: the radio of a device with a duty cycle
void fleet_sleep_wake(fleet_agent_t *agent);
void fleet_sleep_heard(fleet_agent_t *agent, bool desired); // a message came down
uint32_t fleet_sleep_tick(fleet_agent_t *agent);

// messages.c: what goes up
// The map of a message with its envelope; fleet_cbor_map_close with the answer ends it.
uint32_t fleet_messages_open(const fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t sequence, uint64_t uptime_ms);
// A message made now: publish_begin and open with the next sequence number; close, publish_end and the number is given.
uint32_t fleet_messages_begin(fleet_agent_t *agent, fleet_cbor_writer_t *w, const char *suffix, uint32_t qos);
bool fleet_messages_end(fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t at, uint32_t qos);
// The loss counters that are not 0 under `key`, nothing when all are.
void fleet_messages_counters(const fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t key);
void fleet_messages_slot(fleet_cbor_writer_t *w, const fleet_slot_record_t *slot);
// The stack's high-water mark where the port knows it.
void fleet_messages_stack(const fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t key);
void fleet_messages_will(void *agent, fleet_cbor_writer_t *w);
bool fleet_messages_hello(fleet_agent_t *agent);
bool fleet_messages_note(fleet_agent_t *agent, const fleet_note_t *note);
bool fleet_messages_want(fleet_agent_t *agent, uint32_t count);

// report.c: the n-th of the state messages that wait, 0 = the next one to send
fleet_note_t *fleet_report_at(fleet_agent_t *agent, uint32_t n);

// desired.c, transfer.c, trial.c, update.c: what they share is in update.h
void fleet_update_boot(fleet_agent_t *agent);
void fleet_update_desired(fleet_agent_t *agent, const uint8_t *payload, uint32_t n);
void fleet_transfer_chunk(fleet_agent_t *agent, const uint8_t *payload, uint32_t n);
void fleet_transfer_connected(fleet_agent_t *agent);
// Which slot a fetch of so many bytes would destroy.
uint32_t fleet_transfer_slot(const fleet_agent_t *agent, uint32_t bytes);
// How many FLEET_TRANSFER_METHOD_* the patch scratch suffices for, from 0 on.
uint32_t fleet_transfer_methods(const fleet_agent_t *agent);
// The active slot no longer holds what it should: fall back.
void fleet_update_active_corrupt(fleet_agent_t *agent);
// One slice of hashing or self-test; false when there is nothing to do.
bool fleet_trial_work(fleet_agent_t *agent);
// Wants, timeouts, soak; returns when to be called next.
uint32_t fleet_update_tick(fleet_agent_t *agent);

// accept.c: key 0 (current) or 1 (next), and its SHA-256; false when there is none
fleet_key_t fleet_accept_key(const fleet_agent_t *agent, uint32_t which);
bool fleet_accept_key_id(const fleet_agent_t *agent, uint32_t which, uint8_t id[32]);

// ask.c: down/ask, and what of it hello tells
void fleet_ask(fleet_agent_t *agent, const uint8_t *payload, uint32_t n);
void fleet_ask_settings(const fleet_agent_t *agent, fleet_cbor_writer_t *w);

// model.c: the runtime seen from the agent
int32_t fleet_model_load(fleet_agent_t *agent, uint32_t slot);
void fleet_model_unload(fleet_agent_t *agent);
void fleet_model_start(fleet_agent_t *agent); // the loaded model takes over the schedule
void fleet_model_started(fleet_agent_t *agent); // a run
uint32_t fleet_model_elapsed_us(const fleet_agent_t *agent); // since it started
void fleet_model_classify(const fleet_tensor_t *output, fleet_inference_t *inference);
uint64_t fleet_model_tick(fleet_agent_t *agent);

// samples.c
bool fleet_samples_capture(fleet_agent_t *agent, fleet_cbor_span_t rule); // command: inputs of its own accord
bool fleet_samples_ask(fleet_agent_t *agent, uint32_t count, uint32_t ask); // command: the next `count` inputs
void fleet_samples_feed(fleet_agent_t *agent, const void *data, uint32_t bytes, uint32_t dtype);
void fleet_samples_done(fleet_agent_t *agent, const fleet_inference_t *inference); // what was fed made this
void fleet_samples_unused(fleet_agent_t *agent); // what was fed made no inference
void fleet_samples_drop(fleet_agent_t *agent);   // another model takes over
bool fleet_samples_publish(fleet_agent_t *agent);
void fleet_samples_acked(fleet_agent_t *agent);

// edges.c: the bundle's monitors, or those that a command put in their place; false for one that is not summarized
bool fleet_edges_monitor(const fleet_agent_t *agent, uint32_t index, fleet_monitor_t *monitor);
uint32_t fleet_edges_schema(const fleet_agent_t *agent);
bool fleet_edges_set(fleet_agent_t *agent, fleet_cbor_span_t data); // command

// watch.c: how long windows last
void fleet_watch_value(fleet_agent_t *agent, uint32_t stream, const fleet_monitor_t *monitor, int32_t value);
void fleet_watch_window(fleet_agent_t *agent); // one has ended
uint32_t fleet_watch_window_s(const fleet_agent_t *agent);

// telemetry.c
void fleet_window_increment(uint16_t *count); // a count of a window, saturating
void fleet_window_open(fleet_agent_t *agent);
bool fleet_window_takes(const fleet_agent_t *agent);
uint32_t fleet_window_close(fleet_agent_t *agent); // the bytes of its message
uint32_t fleet_window_tick(fleet_agent_t *agent);
void fleet_window_add(const fleet_agent_t *agent, fleet_window_t *window, const fleet_inference_t *inference);
void fleet_window_monitor(void *agent, uint32_t monitor, int32_t value);
bool fleet_window_publish(fleet_agent_t *agent);
void fleet_window_acked(fleet_agent_t *agent);
void fleet_window_spill(fleet_agent_t *agent); // before a planned reset: RAM to the ring

#endif
