// Parts that a port may leave out, and what the agent does without them: commands (ask.c, hmac.c), inputs for the platform
// (samples.c), shadow runs (shadow.c), sleepers (sleep.c). A program that links one of those files gets it instead.
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
