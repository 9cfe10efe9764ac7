// Parts that a port may leave out, and what the agent does without them: commands (ask.c, hmac.c), inputs for the platform
// (samples.c), shadow runs (shadow.c), sleepers (sleep.c), edges by command (edges.c), cadence (watch.c), merged windows (merge.c). A program that links one of those files gets it instead.
#include "ring.h"
#include "shadow.h"
#include "update.h"

#if defined(__GNUC__)
#define OPTIONAL __attribute__((weak))
#else
#define OPTIONAL
#endif

OPTIONAL void fleet_ask(fleet_agent_t *a, const uint8_t *payload, uint32_t n) {
  (void)payload;
  (void)n;
  fleet_agent_count(a, FLEET_LOSS_COUNTER_ASK_REFUSED);
}

OPTIONAL void fleet_ask_settings(const fleet_agent_t *a, fleet_cbor_writer_t *w) {
  (void)a;
  (void)w;
}

OPTIONAL void fleet_samples_feed(fleet_agent_t *a, const void *data, uint32_t bytes, uint32_t dtype) {
  (void)a;
  (void)data;
  (void)bytes;
  (void)dtype;
}

OPTIONAL void fleet_samples_done(fleet_agent_t *a, const fleet_inference_t *inference) {
  (void)a;
  (void)inference;
}

OPTIONAL void fleet_samples_unused(fleet_agent_t *a) { (void)a; }

OPTIONAL void fleet_samples_drop(fleet_agent_t *a) { (void)a; }

OPTIONAL void fleet_samples_acked(fleet_agent_t *a) { (void)a; }

OPTIONAL bool fleet_samples_publish(fleet_agent_t *a) {
  (void)a;
  return false;
}

OPTIONAL bool fleet_samples_ask(fleet_agent_t *a, uint32_t count, uint32_t ask) {
  (void)a;
  (void)count;
  (void)ask;
  return false;
}

OPTIONAL bool fleet_samples_capture(fleet_agent_t *a, fleet_cbor_span_t rule) {
  (void)a;
  (void)rule;
  return false;
}

OPTIONAL bool fleet_edges_monitor(const fleet_agent_t *a, uint32_t index, fleet_monitor_t *monitor) {
  return fleet_monitor(&a->runtime, index, monitor) >= 0;
}

OPTIONAL uint32_t fleet_edges_schema(const fleet_agent_t *a) { return fleet_monitors_crc(&a->runtime); }

OPTIONAL bool fleet_edges_set(fleet_agent_t *a, fleet_cbor_span_t data) {
  (void)a;
  (void)data;
  return false;
}

OPTIONAL void fleet_watch_value(fleet_agent_t *a, uint32_t stream, const fleet_monitor_t *monitor, int32_t value) {
  (void)a;
  (void)stream;
  (void)monitor;
  (void)value;
}

OPTIONAL void fleet_watch_window(fleet_agent_t *a) { (void)a; }

OPTIONAL uint32_t fleet_watch_window_s(const fleet_agent_t *a) { return a->window_s; }

OPTIONAL void fleet_ring_rescue(fleet_ring_t *ring) { (void)ring; }

OPTIONAL uint32_t fleet_ring_windows(fleet_ring_t *ring, uint32_t sector, uint32_t records) {
  (void)ring;
  (void)sector;
  return records;
}

OPTIONAL bool fleet_shadow_able(const fleet_agent_t *a) {
  (void)a;
  return false;
}

// Not reached: without `able` nothing becomes a shadow, and one on record goes on to its trial.
OPTIONAL void fleet_shadow_enter(fleet_agent_t *a) { fleet_update_begin_trial(a); }

OPTIONAL int32_t fleet_shadow_load(fleet_agent_t *a) {
  (void)a;
  return 1;
}

OPTIONAL void fleet_shadow_start(fleet_agent_t *a) { (void)a; }

OPTIONAL void fleet_shadow_tick(fleet_agent_t *a) { (void)a; }

OPTIONAL void fleet_shadow_keep(fleet_agent_t *a) { (void)a; }

OPTIONAL bool fleet_shadow_begin(fleet_agent_t *a, uint32_t predicted) {
  (void)a;
  (void)predicted;
  return false;
}

OPTIONAL void fleet_shadow_finish(fleet_agent_t *a) { (void)a; }

OPTIONAL void fleet_shadow_tell(fleet_agent_t *a) { (void)a; }

OPTIONAL void fleet_shadow_field(const fleet_agent_t *a, fleet_cbor_writer_t *w) {
  (void)a;
  (void)w;
}

OPTIONAL bool fleet_shadow_rate(fleet_agent_t *a, uint32_t every) {
  (void)a;
  (void)every;
  return false;
}

OPTIONAL void fleet_sleep_wake(fleet_agent_t *a) { (void)a; }

OPTIONAL void fleet_sleep_heard(fleet_agent_t *a, bool desired) {
  (void)a;
  (void)desired;
}

OPTIONAL uint32_t fleet_sleep_tick(fleet_agent_t *a) {
  (void)a;
  return never_ms;
}
