// The agent's own up messages except telemetry: hello, state, want and the will. Fields are written in rising key order, as
// deterministic CBOR wants it.
#include <stddef.h>
#include <string.h>

#include "firmware.h"
#include "shadow.h"

static uint32_t open_for(const fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t component, uint32_t sequence, uint64_t uptime_ms) {
  const uint32_t at = fleet_cbor_map_open(w);
  fleet_cbor_field(w, FLEET_ENVELOPE_COMPONENT, component);
  fleet_cbor_field_wide(w, FLEET_ENVELOPE_BOOT_ID, agent->boot_id);
  fleet_cbor_field(w, FLEET_ENVELOPE_SEQUENCE, sequence);
  fleet_cbor_field_wide(w, FLEET_ENVELOPE_UPTIME_MS, uptime_ms);
  if (agent->time_known) {
    fleet_cbor_field_wide(w, FLEET_ENVELOPE_UNIX_TIME_MS, (uint64_t)(agent->unix_offset_ms + (int64_t)uptime_ms));
  }
  return at;
}

uint32_t fleet_messages_open(const fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t sequence, uint64_t uptime_ms) {
  return open_for(agent, w, FLEET_COMPONENT_MODEL, sequence, uptime_ms);
}

uint32_t fleet_messages_begin(fleet_agent_t *agent, fleet_cbor_writer_t *w, const char *suffix, uint32_t qos) {
  fleet_mqtt_publish_begin(&agent->mqtt, suffix, qos, w);
  return fleet_messages_open(agent, w, agent->sequence, agent->uptime_ms);
}

bool fleet_messages_end(fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t at, uint32_t qos) {
  fleet_cbor_map_close(w, at);
  if (!fleet_mqtt_publish_end(&agent->mqtt, qos, w)) return false;
  agent->sequence++;
  return true;
}

void fleet_messages_counters(const fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t key) {
  const uint32_t before = w->used;
  fleet_cbor_key(w, key);
  const uint32_t at = fleet_cbor_map_open(w);
  for (uint32_t i = 0; i < FLEET_LOSS_COUNTERS; i++) {
    if (agent->counters[i] != 0) fleet_cbor_field(w, i, agent->counters[i]);
  }
  fleet_cbor_map_close(w, at);
  if (w->used == at) w->used = before; // nothing was lost
}

void fleet_messages_stack(const fleet_agent_t *agent, fleet_cbor_writer_t *w, uint32_t key) {
  const fleet_platform_t *f = agent->platform;
  if (f->stack_bytes != NULL) fleet_cbor_field(w, key, f->stack_bytes(f->user));
}

static void text_field(fleet_cbor_writer_t *w, uint32_t key, const fleet_text_t *text) {
  fleet_cbor_key(w, key);
  fleet_cbor_string(w, cbor_text, text->at, text->bytes);
}

// The broker sends the will, not the device: it stands outside the sequence, whose numbers would otherwise show a gap
// for every session that ended well.
void fleet_messages_will(void *user, fleet_cbor_writer_t *w) {
  const fleet_agent_t *agent = user;
  const uint32_t at = fleet_messages_open(agent, w, UINT32_MAX, agent->uptime_ms);
  fleet_cbor_field(w, FLEET_STATE_DEPLOYMENT, 0);
  fleet_cbor_field(w, FLEET_STATE_REVISION, 0);
  fleet_cbor_field(w, FLEET_STATE_UPDATE_STATE, FLEET_UPDATE_STATE_OFFLINE);
  fleet_cbor_map_close(w, at);
}

// Nine keys in a row are written from a list.
typedef char hello_numbers_follow[FLEET_HELLO_SLOT_BYTES + 8 == FLEET_HELLO_CAPABILITIES ? 1 : -1];

// A set of bits without the zero bytes at its end; an empty one is left out.
static void bits_field(fleet_cbor_writer_t *w, uint32_t key, const uint8_t *bits, uint32_t n) {
  while (n != 0 && bits[n - 1] == 0) n--;
  if (n != 0) fleet_cbor_field_bytes(w, key, bits, n);
}

void fleet_messages_slot(fleet_cbor_writer_t *w, const fleet_slot_record_t *slot) {
  static const FLEET_CONST_MEMORY fleet_cbor_put_t rows[] = {
      {FLEET_SLOT_DIGEST, cbor_put_32_bytes, offsetof(fleet_slot_record_t, digest)},
      {FLEET_SLOT_STATE, cbor_put_u8, offsetof(fleet_slot_record_t, state)},
      {FLEET_SLOT_RELEASE_SEQUENCE, cbor_put_u32, offsetof(fleet_slot_record_t, sequence)},
      {FLEET_SLOT_BYTES, cbor_put_u32, offsetof(fleet_slot_record_t, bytes)},
      {FLEET_SLOT_ERROR, cbor_put_u16 | cbor_unless_zero, offsetof(fleet_slot_record_t, error)},
  };
  const uint32_t at = fleet_cbor_map_open(w);
  fleet_cbor_write_rows(w, FLEET_CBOR_ROWS(rows), slot);
  fleet_cbor_map_close(w, at);
}

static void slots_field(const fleet_agent_t *agent, fleet_cbor_writer_t *w) {
  fleet_cbor_key(w, FLEET_HELLO_SLOTS);
  const uint32_t slots = fleet_agent_slots(agent->config);
  fleet_cbor_array(w, slots);
  for (uint32_t i = 0; i < slots; i++) fleet_messages_slot(w, &agent->persist.slots[i]);
}

static void sensors_field(const fleet_agent_config_t *config, fleet_cbor_writer_t *w) {
  static const FLEET_CONST_MEMORY fleet_cbor_put_t rows[] = {
      {FLEET_SENSOR_DESCRIPTOR_SENSOR, cbor_put_u32, offsetof(fleet_sensor_t, sensor)},
      {FLEET_SENSOR_DESCRIPTOR_AXES, cbor_put_u32, offsetof(fleet_sensor_t, axes)},
      {FLEET_SENSOR_DESCRIPTOR_UNIT, cbor_put_u32, offsetof(fleet_sensor_t, unit)},
      {FLEET_SENSOR_DESCRIPTOR_FULL_SCALE, cbor_put_u32, offsetof(fleet_sensor_t, full_scale)},
      {FLEET_SENSOR_DESCRIPTOR_SAMPLE_RATE_MHZ, cbor_put_u32, offsetof(fleet_sensor_t, sample_rate_mhz)},
  };
  if (config->sensor_count == 0) return;
  fleet_cbor_key(w, FLEET_HELLO_SENSORS);
  fleet_cbor_array(w, config->sensor_count);
  for (uint32_t i = 0; i < config->sensor_count; i++) {
    fleet_cbor_head(w, cbor_map, 5);
    fleet_cbor_write_rows(w, FLEET_CBOR_ROWS(rows), &config->sensors[i]);
  }
}

// The kinds of signature that the keys can verify, each once.
static void algorithms_field(const fleet_agent_t *agent, fleet_cbor_writer_t *w) {
  uint32_t alg[FLEET_AGENT_KEY_MAX];
  uint32_t n = 0;
  for (uint32_t i = 0; i < FLEET_AGENT_KEY_MAX; i++) {
    const uint32_t found = fleet_accept_key(agent, i).alg;
    if (found != 0 && (n == 0 || alg[0] != found)) alg[n++] = found;
  }
  if (n == 0) return;
  fleet_cbor_key(w, FLEET_HELLO_ALGORITHMS);
  fleet_cbor_array(w, n);
  for (uint32_t i = 0; i < n; i++) fleet_cbor_key(w, alg[i]);
}

bool fleet_messages_hello(fleet_agent_t *agent) {
  const fleet_agent_config_t *config = agent->config;
  const fleet_persist_t *p = &agent->persist;
  uint8_t op_set[32];
  uint8_t own_op_set[8];
  fleet_op_set(op_set, own_op_set);
  const bool shadow = fleet_shadow_able(agent);
  const uint32_t capabilities = (agent->platform->cycles != NULL) * (uint32_t)FLEET_CAPABILITY_LATENCY_MEASURED |
                                (agent->platform->unix_ms != NULL) * (uint32_t)FLEET_CAPABILITY_TRUSTED_TIME |
                                (config->sample_ram != NULL) * (uint32_t)FLEET_CAPABILITY_SAMPLES |
                                shadow * (uint32_t)FLEET_CAPABILITY_SHADOW |
                                fleet_firmware_able(agent) * (uint32_t)FLEET_CAPABILITY_FIRMWARE |
                                (fleet_agent_slots(config) == 1 ? (uint32_t)FLEET_CAPABILITY_ONE_SLOT
                                                                : (uint32_t)FLEET_CAPABILITY_RETAINED_SLOT);
  fleet_cbor_writer_t w;
  const uint32_t at = fleet_messages_begin(agent, &w, "hello", 1);
  text_field(&w, FLEET_HELLO_DEVICE_TYPE, &config->device_type);
  static const fleet_text_t own_version = {FLEET_FIRMWARE_VERSION, sizeof FLEET_FIRMWARE_VERSION - 1};
  text_field(&w, FLEET_HELLO_FIRMWARE_VERSION, config->firmware_version.bytes != 0 ? &config->firmware_version : &own_version);
  fleet_cbor_field(&w, FLEET_HELLO_ABI, (uint32_t)FLEET_ABI_MAJOR << 16 | FLEET_ABI_MINOR);
  bits_field(&w, FLEET_HELLO_OP_SET, op_set, sizeof op_set);
  bits_field(&w, FLEET_HELLO_OWN_OP_SET, own_op_set, sizeof own_op_set);
  fleet_cbor_field(&w, FLEET_HELLO_RESET_CAUSE, config->reset_cause);
  if (p->last_boot_counter != 0) {
    fleet_cbor_field_wide(&w, FLEET_HELLO_LAST_BOOT_ID, (uint64_t)p->last_boot_counter << 32 | p->last_boot_entropy);
  }
  slots_field(agent, &w);
  fleet_cbor_field(&w, FLEET_HELLO_MAX_PACKET_BYTES, FLEET_MQTT_RX_BYTES);
  fleet_cbor_key(&w, FLEET_HELLO_METHODS);
  const uint32_t methods = fleet_transfer_methods(agent);
  fleet_cbor_array(&w, methods);
  for (uint32_t method = FLEET_TRANSFER_METHOD_FULL; method < methods; method++) fleet_cbor_key(&w, method);
  // Keys FLEET_HELLO_SLOT_BYTES to FLEET_HELLO_CAPABILITIES, in order.
  const uint32_t numbers[] = {config->slot_bytes,  config->flash.unit_bytes,       config->flash.sector_bytes,
                              config->arena_bytes, config->state_bytes,            fleet_transfer_slot(agent, UINT32_MAX),
                              p->highest_sequence, p->floor,                       capabilities};
  for (uint32_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    fleet_cbor_field(&w, FLEET_HELLO_SLOT_BYTES + i, numbers[i]);
  }
  sensors_field(config, &w);
  if (config->duty_cycle_s != 0) fleet_cbor_field(&w, FLEET_HELLO_DUTY_CYCLE_S, config->duty_cycle_s);
  algorithms_field(agent, &w);
  static const FLEET_CONST_MEMORY fleet_cbor_put_t rows[] = {
      {FLEET_HELLO_KEY_SEQUENCE, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_persist_t, key_sequence)},
      {FLEET_HELLO_TELEMETRY_DROPPED, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_persist_t, windows_dropped)},
  };
  fleet_cbor_write_rows(&w, FLEET_CBOR_ROWS(rows), p);
  // At most 99 bytes and, behind them, 93 and the images: where names and sensors are so long they are told by telemetry alone.
  if (w.capacity - w.used >= 192 + fleet_firmware_able(agent) * 118u) fleet_messages_counters(agent, &w, FLEET_HELLO_COUNTERS);
  if (p->ask_counter != 0) fleet_cbor_field(&w, FLEET_HELLO_ASK_COUNTER, p->ask_counter);
  if (shadow) fleet_cbor_field(&w, FLEET_HELLO_SHADOW_STATE_BYTES, config->shadow_state_bytes);
  for (uint32_t i = 0; i < FLEET_AGENT_KEY_MAX; i++) {
    uint8_t id[32];
    if (fleet_accept_key_id(agent, i, id)) fleet_cbor_field_bytes(&w, FLEET_HELLO_CURRENT_KEY + i, id, 8);
  }
  uint8_t stages[fleet_stage_max];
  fleet_cbor_field_bytes(&w, FLEET_HELLO_FRONT_END, stages, fleet_stage_versions(stages));
  fleet_firmware_fields(agent, &w);
  fleet_ask_settings(agent, &w);
  return fleet_messages_end(agent, &w, at, 1);
}

bool fleet_messages_note(fleet_agent_t *agent, const fleet_note_t *note) {
  static const FLEET_CONST_MEMORY fleet_cbor_put_t rows[] = {
      {FLEET_STATE_DEPLOYMENT, cbor_put_u32, offsetof(fleet_note_t, deployment)},
      {FLEET_STATE_REVISION, cbor_put_u32, offsetof(fleet_note_t, revision)},
      {FLEET_STATE_UPDATE_STATE, cbor_put_u8, offsetof(fleet_note_t, update_state)},
      {FLEET_STATE_ERROR, cbor_put_u16 | cbor_unless_zero, offsetof(fleet_note_t, error)},
      {FLEET_STATE_OFFSET, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_note_t, offset)},
  };
  static const FLEET_CONST_MEMORY fleet_cbor_put_t test_rows[] = {
      {FLEET_SELF_TEST_CYCLES, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_note_t, cycles)},
      {FLEET_SELF_TEST_LATENCY_US, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_note_t, latency_us)},
      {FLEET_SELF_TEST_ARENA_BYTES, cbor_put_u32, offsetof(fleet_note_t, arena_bytes)},
  };
  fleet_cbor_writer_t w;
  fleet_mqtt_publish_begin(&agent->mqtt, "state", 1, &w);
  const uint32_t at = open_for(agent, &w, note->component, note->sequence, note->uptime_ms);
  fleet_cbor_write_rows(&w, FLEET_CBOR_ROWS(rows), note);
  if (note->has_digest) fleet_cbor_field_bytes(&w, FLEET_STATE_DIGEST, note->digest, 32);
  if (note->self_test != 0) {
    const bool failed = note->self_test == 1;
    fleet_cbor_key(&w, FLEET_STATE_SELF_TEST);
    const uint32_t test_at = fleet_cbor_map_open(&w);
    fleet_cbor_key(&w, FLEET_SELF_TEST_PASSED);
    fleet_cbor_bool(&w, !failed);
    fleet_cbor_field(&w, FLEET_SELF_TEST_VECTORS, note->vectors);
    if (failed) fleet_cbor_field(&w, FLEET_SELF_TEST_FAILED_VECTOR, note->failed_vector);
    if (note->failed_step != UINT16_MAX) fleet_cbor_field(&w, FLEET_SELF_TEST_FAILED_STEP, note->failed_step);
    fleet_cbor_write_rows(&w, FLEET_CBOR_ROWS(test_rows), note);
    fleet_messages_stack(agent, &w, FLEET_SELF_TEST_STACK_BYTES);
    fleet_cbor_map_close(&w, test_at);
  }
  if (note->attempts != 0) fleet_cbor_field(&w, FLEET_STATE_ATTEMPTS, note->attempts);
  if (note->update_state == FLEET_UPDATE_STATE_SHADOW && agent->shadow_ready) fleet_shadow_field(agent, &w);
  if (note->has_detail) fleet_cbor_field(&w, FLEET_STATE_DETAIL, note->detail);
  fleet_cbor_map_close(&w, at);
  return fleet_mqtt_publish_end(&agent->mqtt, 1, &w);
}

bool fleet_messages_want(fleet_agent_t *agent, uint32_t count) {
  fleet_cbor_writer_t w;
  const uint32_t component = fleet_firmware_is_target(agent) ? FLEET_COMPONENT_FIRMWARE : FLEET_COMPONENT_MODEL;
  fleet_mqtt_publish_begin(&agent->mqtt, "want", 0, &w);
  const uint32_t at = open_for(agent, &w, component, agent->sequence, agent->uptime_ms);
  static const FLEET_CONST_MEMORY fleet_cbor_put_t rows[] = {
      {FLEET_WANT_TRANSFER, cbor_put_8_bytes, offsetof(fleet_agent_t, persist.transfer)},
      {FLEET_WANT_OFFSET, cbor_put_u32, offsetof(fleet_agent_t, next_offset)},
  };
  fleet_cbor_write_rows(&w, FLEET_CBOR_ROWS(rows), agent);
  fleet_cbor_field(&w, FLEET_WANT_COUNT, count);
  fleet_cbor_field(&w, FLEET_WANT_CHUNK_BYTES, agent->chunk_bytes);
  return fleet_messages_end(agent, &w, at, 0);
}
