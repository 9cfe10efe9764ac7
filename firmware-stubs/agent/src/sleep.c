// Presence by duty cycle: a sleeper connects, says hello, sends what waits, hears what is desired, lingers, disconnects.
// Inference goes on while it is away; only the radio sleeps.
#include "agent.h"

enum {
  default_linger_s = 5,
  patience_s = 120, // awake without an answer: the next contact is another try
  next_contact_max_s = 7 * 86400, // `desired` is not signed: nobody is to send a device to sleep for good
};

// Up to 5 % early, so that a fleet with one duty cycle does not come at once and nobody is late.
static uint64_t contact_delay_ms(const fleet_agent_t *a) {
  const uint32_t asked_s = a->next_contact_s < next_contact_max_s ? a->next_contact_s : next_contact_max_s;
  const uint32_t s = asked_s != 0 ? asked_s : a->config->duty_cycle_s;
  uint8_t random;
  a->platform->entropy(a->platform->user, &random, 1);
  return (uint64_t)s * (1000u - random * 50u / 256);
}

static bool something_open(const fleet_agent_t *a) {
  return a->hello_due || a->in_flight != in_flight_none || a->note_count != 0 || a->queue_used != 0 ||
         a->ring.pending != 0 || a->sample_state == sample_ready || a->fetching || a->job != job_none;
}

void fleet_sleep_wake(fleet_agent_t *a) {
  a->asleep = false;
  a->awake_until_ms = now_ms(a) + patience_s * 1000;
}

void fleet_sleep_heard(fleet_agent_t *a, bool desired) {
  const uint32_t linger_ms = (a->config->linger_s != 0 ? a->config->linger_s : (uint32_t)default_linger_s) * 1000;
  if (desired || linger_ms > fleet_agent_until(a, a->awake_until_ms)) a->awake_until_ms = now_ms(a) + linger_ms;
}

uint32_t fleet_sleep_tick(fleet_agent_t *a) {
  if (a->config->duty_cycle_s == 0) return never_ms;
  if (a->asleep) {
    const uint32_t wait_ms = fleet_agent_until_uptime(a, a->contact_ms);
    if (wait_ms != 0 && a->note_count <= a->asleep_notes) return wait_ms;
    fleet_sleep_wake(a);
    fleet_mqtt_connect_at(&a->mqtt, now_ms(a));
    return 0;
  }
  const uint32_t wait_ms = fleet_agent_until(a, a->awake_until_ms);
  if (wait_ms != 0) return wait_ms;
  if (a->session && something_open(a)) return never_ms; // it ends with a message or a job, and both step the agent
  a->asleep = true;
  a->asleep_notes = a->note_count;
  a->session = false;
  a->contact_ms = a->uptime_ms + contact_delay_ms(a);
  fleet_mqtt_disconnect(&a->mqtt);
  return 0; // how long it sleeps is told at once
}
