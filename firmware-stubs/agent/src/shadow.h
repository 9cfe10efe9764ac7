// A staged model that runs after the active one on the same inputs, and what it would have said. Nothing acts on it.
#ifndef FLEET_SHADOW_PRIVATE_H
#define FLEET_SHADOW_PRIVATE_H

#include "agent.h"

// In config.shadow.
typedef struct {
  fleet_runtime_t runtime;
  const void *bundle;
  uint32_t runs;
  uint32_t agreed;
  uint32_t skipped;
  uint32_t active_us; // the active model's last run
  uint32_t cost_us;   // its own last run, before it that of the self-test
  uint16_t expected;  // the active model's class on the input that is kept
  uint16_t classes;   // of the matrix, 0 = it has no room
  uint16_t disagreed[]; // [active class * classes + shadow class]
} fleet_shadow_t;

static inline fleet_shadow_t *fleet_shadow_of(const fleet_agent_t *agent) { return agent->config->shadow; }
// Memory for a shadow is there, and a model that it could follow.
bool fleet_shadow_able(const fleet_agent_t *agent);
// The target slot's bundle waits as shadow: one record. Its check and self-test follow.
void fleet_shadow_enter(fleet_agent_t *agent);
// Loads it after its hash was checked. 0, an error of the bundle negated, or 1: it cannot run beside the active model, which
// has been told; the bundle stays staged, the update has failed.
int32_t fleet_shadow_load(fleet_agent_t *agent);
void fleet_shadow_start(fleet_agent_t *agent); // the self-test has passed
// Starts the check when one is due.
void fleet_shadow_tick(fleet_agent_t *agent);
// Before the active model runs: keeps the inputs when it is the shadow's turn and there is time and energy for it.
void fleet_shadow_keep(fleet_agent_t *agent);
// After it: true when the shadow's run has begun.
bool fleet_shadow_begin(fleet_agent_t *agent, uint32_t predicted);
void fleet_shadow_finish(fleet_agent_t *agent);
// A state message with the counters, unless one waits to be sent already.
void fleet_shadow_tell(fleet_agent_t *agent);
void fleet_shadow_field(const fleet_agent_t *agent, fleet_cbor_writer_t *w);
// Command `shadow`: every n-th inference, 0 = none. False when no shadow waits.
bool fleet_shadow_rate(fleet_agent_t *agent, uint32_t every);

#endif
