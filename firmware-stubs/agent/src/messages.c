// The agent's own up messages except telemetry: hello, state, want and the will. Field order is rising key order, as
// deterministic CBOR wants it; each function counts its fields first because a map's head carries their number.
#include <string.h>

#include "agent.h"

void fleet_messages_envelope(const fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t fields, uint32_t sequence,
                             uint64_t uptime_ms) {
  fleet_cbor_head(w, cbor_map, fields + 4 + agent->time_known);
  fleet_cbor_field(w, FLEET_ENVELOPE_COMPONENT, FLEET_COMPONENT_MODEL);
  fleet_cbor_field(w, FLEET_ENVELOPE_BOOT_ID, agent->boot_id);
  fleet_cbor_field(w, FLEET_ENVELOPE_SEQUENCE, sequence);
  fleet_cbor_field(w, FLEET_ENVELOPE_UPTIME_MS, uptime_ms);
  if (agent->time_known) {
    fleet_cbor_field(w, FLEET_ENVELOPE_UNIX_TIME_MS, (uint64_t)(agent->unix_offset_ms + (int64_t)uptime_ms));
  }
}

static void text_field(fleet_cbor_writer_t *w, uint32_t key, fleet_text_t text) {
  fleet_cbor_head(w, cbor_uint, key);
  fleet_cbor_string(w, cbor_text, text.at, text.bytes);
}

// The broker sends the will, not the device: it stands outside the sequence, whose numbers would otherwise show a gap
// for every session that ended well.
void fleet_messages_will(void *user, fleet_cbor_writer_t *w) {
  const fleet_agent_t *agent = user;
  fleet_messages_envelope(agent, w, 3, UINT32_MAX, fleet_agent_uptime_ms(agent));
  fleet_cbor_field(w, FLEET_STATE_DEPLOYMENT, 0);
  fleet_cbor_field(w, FLEET_STATE_REVISION, 0);
  fleet_cbor_field(w, FLEET_STATE_UPDATE_STATE, FLEET_UPDATE_STATE_OFFLINE);
}

// Nine keys in a row are written from a list.
typedef char hello_numbers_follow[FLEET_HELLO_SLOT_BYTES + 8 == FLEET_HELLO_CAPABILITIES ? 1 : -1];

static uint32_t trimmed(const uint8_t *bits, uint32_t n) {
  while (n != 0 && bits[n - 1] == 0) n--;
  return n;
}

static void slots_field(const fleet_agent_t *agent, fleet_cbor_writer_t *w) {
  fleet_cbor_head(w, cbor_uint, FLEET_HELLO_SLOTS);
  fleet_cbor_head(w, cbor_array, 2);
  for (uint32_t i = 0; i < 2; i++) {
    const fleet_slot_record_t *slot = &agent->persist.slots[i];
    fleet_cbor_head(w, cbor_map, slot->error != 0 ? 5 : 4);
    fleet_cbor_field_bytes(w, FLEET_SLOT_DIGEST, slot->digest, 32);
    fleet_cbor_field(w, FLEET_SLOT_STATE, slot->state);
    fleet_cbor_field(w, FLEET_SLOT_RELEASE_SEQUENCE, slot->sequence);
    fleet_cbor_field(w, FLEET_SLOT_BYTES, slot->bytes);
    if (slot->error != 0) fleet_cbor_field(w, FLEET_SLOT_ERROR, slot->error);
  }
}

static void sensors_field(const fleet_agent_config_t *config, fleet_cbor_writer_t *w) {
  fleet_cbor_head(w, cbor_uint, FLEET_HELLO_SENSORS);
  fleet_cbor_head(w, cbor_array, config->sensor_count);
  for (uint32_t i = 0; i < config->sensor_count; i++) {
    const fleet_sensor_t *s = &config->sensors[i];
    fleet_cbor_head(w, cbor_map, 5);
    fleet_cbor_field(w, FLEET_SENSOR_DESCRIPTOR_SENSOR, s->sensor);
    fleet_cbor_field(w, FLEET_SENSOR_DESCRIPTOR_AXES, s->axes);
    fleet_cbor_field(w, FLEET_SENSOR_DESCRIPTOR_UNIT, s->unit);
    fleet_cbor_field(w, FLEET_SENSOR_DESCRIPTOR_FULL_SCALE, s->full_scale);
    fleet_cbor_field(w, FLEET_SENSOR_DESCRIPTOR_SAMPLE_RATE_MHZ, s->sample_rate_mhz);
  }
}

bool fleet_messages_hello(fleet_agent_t *agent) {
  const fleet_agent_config_t *config = agent->config;
  const fleet_persist_t *p = &agent->persist;
  uint8_t op_set[32];
  uint8_t own_op_set[8];
  fleet_op_set(op_set, own_op_set);
  const uint32_t own_bytes = trimmed(own_op_set, sizeof own_op_set);
  uint32_t algorithms = 0;
  for (uint32_t i = 0; i < FLEET_AGENT_KEY_MAX; i++) algorithms += config->keys[i].alg != 0;
  if (algorithms == 2 && config->keys[0].alg == config->keys[1].alg) algorithms = 1;
  uint32_t counters = 0;
  for (uint32_t i = 0; i < FLEET_LOSS_COUNTERS; i++) counters += agent->counters[i] != 0;
  const bool last_known = p->last_boot_counter != 0;
  const uint32_t capabilities = FLEET_CAPABILITY_RETAINED_SLOT |
                                (agent->platform->cycles != NULL ? (uint32_t)FLEET_CAPABILITY_LATENCY_MEASURED : 0);
  const uint32_t fields = 17 + (own_bytes != 0) + last_known + (config->sensor_count != 0) +
                          (config->duty_cycle_s != 0) + (algorithms != 0) + (p->key_sequence != 0) +
                          (p->windows_dropped != 0) + (counters != 0);

  fleet_cbor_writer_t w;
  fleet_mqtt_publish_begin(&agent->mqtt, "hello", 1, &w);
  fleet_messages_envelope(agent, &w, fields, agent->sequence, fleet_agent_uptime_ms(agent));
  text_field(&w, FLEET_HELLO_DEVICE_TYPE, config->device_type);
  const fleet_text_t own_version = {FLEET_FIRMWARE_VERSION, sizeof FLEET_FIRMWARE_VERSION - 1};
  text_field(&w, FLEET_HELLO_FIRMWARE_VERSION, config->firmware_version.bytes != 0 ? config->firmware_version : own_version);
  fleet_cbor_field(&w, FLEET_HELLO_ABI, (uint32_t)FLEET_ABI_MAJOR << 16 | FLEET_ABI_MINOR);
  fleet_cbor_field_bytes(&w, FLEET_HELLO_OP_SET, op_set, trimmed(op_set, sizeof op_set));
  if (own_bytes != 0) fleet_cbor_field_bytes(&w, FLEET_HELLO_OWN_OP_SET, own_op_set, own_bytes);
  fleet_cbor_field(&w, FLEET_HELLO_RESET_CAUSE, config->reset_cause);
  if (last_known) {
    fleet_cbor_field(&w, FLEET_HELLO_LAST_BOOT_ID, (uint64_t)p->last_boot_counter << 32 | p->last_boot_entropy);
  }
  slots_field(agent, &w);
  fleet_cbor_field(&w, FLEET_HELLO_MAX_PACKET_BYTES, FLEET_MQTT_RX_BYTES);
  fleet_cbor_head(&w, cbor_uint, FLEET_HELLO_METHODS);
  fleet_cbor_head(&w, cbor_array, 1);
  fleet_cbor_head(&w, cbor_uint, FLEET_TRANSFER_METHOD_FULL);
  // Keys FLEET_HELLO_SLOT_BYTES to FLEET_HELLO_CAPABILITIES, in order.
  const uint32_t numbers[] = {config->slot_bytes,  config->flash.unit_bytes,       config->flash.sector_bytes,
                              config->arena_bytes, config->state_bytes,            fleet_transfer_slot(agent),
                              p->highest_sequence, p->floor,                       capabilities};
  for (uint32_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    fleet_cbor_field(&w, FLEET_HELLO_SLOT_BYTES + i, numbers[i]);
  }
  if (config->sensor_count != 0) sensors_field(config, &w);
  if (config->duty_cycle_s != 0) fleet_cbor_field(&w, FLEET_HELLO_DUTY_CYCLE_S, config->duty_cycle_s);
  if (algorithms != 0) {
    fleet_cbor_head(&w, cbor_uint, FLEET_HELLO_ALGORITHMS);
    fleet_cbor_head(&w, cbor_array, algorithms);
    fleet_cbor_head(&w, cbor_uint, config->keys[0].alg != 0 ? config->keys[0].alg : config->keys[1].alg);
    if (algorithms == 2) fleet_cbor_head(&w, cbor_uint, config->keys[1].alg);
  }
  if (p->key_sequence != 0) fleet_cbor_field(&w, FLEET_HELLO_KEY_SEQUENCE, p->key_sequence);
  if (p->windows_dropped != 0) fleet_cbor_field(&w, FLEET_HELLO_TELEMETRY_DROPPED, p->windows_dropped);
  if (counters != 0) {
    fleet_cbor_head(&w, cbor_uint, FLEET_HELLO_COUNTERS);
    fleet_cbor_head(&w, cbor_map, counters);
    for (uint32_t i = 0; i < FLEET_LOSS_COUNTERS; i++) {
      if (agent->counters[i] != 0) fleet_cbor_field(&w, i, agent->counters[i]);
    }
  }
  if (!fleet_mqtt_publish_end(&agent->mqtt, 1, &w)) return false;
  agent->sequence++;
  return true;
}

bool fleet_messages_note(fleet_agent_t *agent, const fleet_note_t *note) {
  const bool tested = note->self_test != 0;
  const uint32_t fields = 3 + (note->error != 0) + (note->offset != 0) + note->has_digest + tested +
                          (note->attempts != 0) + note->has_detail;
  fleet_cbor_writer_t w;
  fleet_mqtt_publish_begin(&agent->mqtt, "state", 1, &w);
  fleet_messages_envelope(agent, &w, fields, note->sequence, note->uptime_ms);
  fleet_cbor_field(&w, FLEET_STATE_DEPLOYMENT, note->deployment);
  fleet_cbor_field(&w, FLEET_STATE_REVISION, note->revision);
  fleet_cbor_field(&w, FLEET_STATE_UPDATE_STATE, note->update_state);
  if (note->error != 0) fleet_cbor_field(&w, FLEET_STATE_ERROR, note->error);
  if (note->offset != 0) fleet_cbor_field(&w, FLEET_STATE_OFFSET, note->offset);
  if (note->has_digest) fleet_cbor_field_bytes(&w, FLEET_STATE_DIGEST, note->digest, 32);
  if (tested) {
    const bool failed = note->self_test == 1;
    const bool step_known = failed && note->failed_step != UINT16_MAX;
    const bool measured = agent->platform->cycles != NULL && note->cycles != 0;
    fleet_cbor_head(&w, cbor_uint, FLEET_STATE_SELF_TEST);
    fleet_cbor_head(&w, cbor_map, 3u + failed + step_known + measured + (note->latency_us != 0));
    fleet_cbor_head(&w, cbor_uint, FLEET_SELF_TEST_PASSED);
    fleet_cbor_bool(&w, !failed);
    fleet_cbor_field(&w, FLEET_SELF_TEST_VECTORS, note->vectors);
    if (failed) fleet_cbor_field(&w, FLEET_SELF_TEST_FAILED_VECTOR, note->failed_vector);
    if (step_known) fleet_cbor_field(&w, FLEET_SELF_TEST_FAILED_STEP, note->failed_step);
    if (measured) fleet_cbor_field(&w, FLEET_SELF_TEST_CYCLES, note->cycles);
    if (note->latency_us != 0) fleet_cbor_field(&w, FLEET_SELF_TEST_LATENCY_US, note->latency_us);
    fleet_cbor_field(&w, FLEET_SELF_TEST_ARENA_BYTES, note->arena_bytes);
  }
  if (note->attempts != 0) fleet_cbor_field(&w, FLEET_STATE_ATTEMPTS, note->attempts);
  if (note->has_detail) fleet_cbor_field(&w, FLEET_STATE_DETAIL, note->detail);
  return fleet_mqtt_publish_end(&agent->mqtt, 1, &w);
}

bool fleet_messages_want(fleet_agent_t *agent, uint32_t count) {
  const fleet_slot_record_t *slot = &agent->persist.slots[agent->persist.target_slot];
  fleet_cbor_writer_t w;
  fleet_mqtt_publish_begin(&agent->mqtt, "want", 0, &w);
  fleet_messages_envelope(agent, &w, 4, agent->sequence, fleet_agent_uptime_ms(agent));
  fleet_cbor_field_bytes(&w, FLEET_WANT_TRANSFER, slot->digest, 8);
  fleet_cbor_field(&w, FLEET_WANT_OFFSET, agent->next_offset);
  fleet_cbor_field(&w, FLEET_WANT_COUNT, count);
  fleet_cbor_field(&w, FLEET_WANT_CHUNK_BYTES, agent->chunk_bytes);
  if (!fleet_mqtt_publish_end(&agent->mqtt, 0, &w)) return false;
  agent->sequence++;
  return true;
}
