// The reduced agent's clockwork: boot, one step, the messages it sends, the window of its predictions.
#include "reduced.h"

#include <stddef.h>

#include "fleet_histogram.h"

enum { default_window_s = 3600, keepalive_s = 60, want_patience_ms = 5000, events_per_step = 4 };

void reduced_count(fleet_reduced_t *a, uint8_t kind) {
  if (a->losses[kind] < UINT16_MAX) a->losses[kind]++;
}

fleet_reduced_note_t *reduced_note(fleet_reduced_t *a, uint8_t update_state, uint16_t error) {
  const fleet_reduced_persist_t *p = &a->persist;
  // A full queue gives up the newest but one in flight: the last tells the outcome, and the platform sees the gap in the sequence.
  if (a->notes == FLEET_REDUCED_NOTES) a->notes--;
  fleet_reduced_note_t *note = &a->note[a->notes++];
  memset(note, 0, sizeof *note);
  note->sequence = a->sequence++;
  note->deployment = p->deployment;
  note->revision = p->revision;
  note->error = error;
  note->update_state = update_state;
  note->attempts = p->attempts;
  note->offset = update_state == FLEET_UPDATE_STATE_FETCHING ? p->fetched : 0;
  return note;
}

// ---- messages --------------------------------------------------------------------------------------------------------

static void put_be32(fleet_cbor_writer_t *w, uint32_t value) {
  for (uint8_t i = 0; i < 4; i++, value <<= 8) fleet_cbor_byte(w, (uint8_t)(value >> 24));
}

static fleet_size_t open_message(const fleet_reduced_t *a, fleet_cbor_writer_t *w, uint32_t sequence) {
  const fleet_size_t at = fleet_cbor_map_open(w);
  fleet_cbor_field(w, FLEET_ENVELOPE_COMPONENT, FLEET_COMPONENT_MODEL);
  fleet_cbor_key(w, FLEET_ENVELOPE_BOOT_ID); // boots are not 0: 64 bits in their shortest form
  fleet_cbor_byte(w, cbor_uint << 5 | 27);
  put_be32(w, a->persist.boots);
  put_be32(w, a->entropy);
  fleet_cbor_field(w, FLEET_ENVELOPE_SEQUENCE, sequence);
  fleet_cbor_field(w, FLEET_ENVELOPE_UPTIME_MS, a->now_ms);
  return at;
}

static bool close_message(fleet_reduced_t *a, fleet_cbor_writer_t *w, fleet_size_t at, uint8_t qos) {
  fleet_cbor_map_close(w, at);
  return fleet_mqtt_publish_end(&a->mqtt, qos, w);
}

// The broker sends the will, not the device: it stands outside the sequence.
static void make_will(void *user, fleet_cbor_writer_t *w) {
  const fleet_size_t at = open_message(user, w, UINT32_MAX);
  fleet_cbor_field(w, FLEET_STATE_DEPLOYMENT, 0);
  fleet_cbor_field(w, FLEET_STATE_REVISION, 0);
  fleet_cbor_field(w, FLEET_STATE_UPDATE_STATE, FLEET_UPDATE_STATE_OFFLINE);
  fleet_cbor_map_close(w, at);
}

static void list_of_one(fleet_cbor_writer_t *w, uint8_t key, uint8_t value) {
  fleet_cbor_key(w, key);
  fleet_cbor_array(w, 1);
  fleet_cbor_key(w, value);
}

static void text_field(fleet_cbor_writer_t *w, uint8_t key, const FLEET_CONST_MEMORY char *text, uint8_t n) {
  fleet_cbor_key(w, key);
  fleet_cbor_head(w, cbor_text, n);
  fleet_cbor_raw_const(w, text, n);
}

static void slots_field(const fleet_reduced_t *a, fleet_cbor_writer_t *w) {
  const fleet_reduced_persist_t *p = &a->persist;
  fleet_cbor_key(w, FLEET_HELLO_SLOTS);
  fleet_cbor_array(w, 2);
  for (uint8_t i = 0; i < 2; i++) {
    const fleet_size_t at = fleet_cbor_map_open(w);
    fleet_cbor_field_bytes(w, FLEET_SLOT_DIGEST, p->slots[i].digest, 32);
    fleet_cbor_field(w, FLEET_SLOT_STATE, p->slot_state[i]);
    fleet_cbor_field(w, FLEET_SLOT_RELEASE_SEQUENCE, p->slots[i].sequence);
    fleet_cbor_field(w, FLEET_SLOT_BYTES, p->slots[i].bytes);
    if (p->slots[i].error != 0) fleet_cbor_field(w, FLEET_SLOT_ERROR, p->slots[i].error);
    fleet_cbor_map_close(w, at);
  }
}

static void counters_field(fleet_reduced_t *a, fleet_cbor_writer_t *w, uint8_t key) {
  a->losses[FLEET_LOSS_COUNTER_PACKET_TOO_LARGE] = (uint16_t)a->mqtt.too_large;
  const fleet_size_t before = w->used;
  fleet_cbor_key(w, key);
  const fleet_size_t at = fleet_cbor_map_open(w);
  for (uint8_t i = 0; i < sizeof a->losses / sizeof a->losses[0]; i++)
    if (a->losses[i] != 0) fleet_cbor_field(w, i, a->losses[i]);
  fleet_cbor_map_close(w, at);
  if (w->used == at) w->used = before; // nothing was lost
}

static FLEET_OUT_OF_LINE void publish_hello(fleet_reduced_t *a) {
  const uint8_t op_set[] = {0, 1 << FLEET_OP_FULLY_CONNECTED % 8, 0, 1 << FLEET_OP_SOFTMAX % 8};
  const fleet_reduced_config_t *c = a->config;
  const fleet_reduced_persist_t *p = &a->persist;
  fleet_cbor_writer_t w;
  fleet_mqtt_publish_begin(&a->mqtt, FLEET_MQTT_WORD("hello"), 1, &w);
  const fleet_size_t at = open_message(a, &w, a->sequence);
  text_field(&w, FLEET_HELLO_DEVICE_TYPE, c->device_type, c->device_type_bytes);
  text_field(&w, FLEET_HELLO_FIRMWARE_VERSION, FLEET_MQTT_WORD(FLEET_FIRMWARE_VERSION), sizeof FLEET_FIRMWARE_VERSION - 1);
  fleet_cbor_field(&w, FLEET_HELLO_ABI, (uint32_t)FLEET_ABI_MAJOR << 16 | FLEET_ABI_MINOR);
  fleet_cbor_field_bytes(&w, FLEET_HELLO_OP_SET, op_set, sizeof op_set);
  fleet_cbor_field(&w, FLEET_HELLO_RESET_CAUSE, c->reset_cause);
  slots_field(a, &w);
  fleet_cbor_field(&w, FLEET_HELLO_MAX_PACKET_BYTES, FLEET_MQTT_RX_BYTES);
  list_of_one(&w, FLEET_HELLO_METHODS, FLEET_TRANSFER_METHOD_FULL);
  fleet_cbor_field(&w, FLEET_HELLO_SLOT_BYTES, FLEET_REDUCED_SLOT_BYTES);
  fleet_cbor_field(&w, FLEET_HELLO_PROGRAM_UNIT_BYTES, FLEET_REDUCED_PAGE_BYTES);
  fleet_cbor_field(&w, FLEET_HELLO_SECTOR_BYTES, FLEET_REDUCED_PAGE_BYTES);
  fleet_cbor_field(&w, FLEET_HELLO_ARENA_BYTES, FLEET_REDUCED_ARENA_BYTES);
  fleet_cbor_field(&w, FLEET_HELLO_STATE_BYTES, 0);
  fleet_cbor_field(&w, FLEET_HELLO_FETCH_SLOT, p->active_slot == 0);
  fleet_cbor_field(&w, FLEET_HELLO_RELEASE_SEQUENCE, p->highest_sequence);
  fleet_cbor_field(&w, FLEET_HELLO_FLOOR, p->floor);
  fleet_cbor_field(&w, FLEET_HELLO_CAPABILITIES, FLEET_CAPABILITY_RETAINED_SLOT);
  list_of_one(&w, FLEET_HELLO_ALGORITHMS, FLEET_SIGNATURE_ALGORITHM_HMAC_SHA256);
  if (!close_message(a, &w, at, 1)) return;
  a->sequence++;
  a->hello_due = false;
  a->in_flight = in_flight_hello;
}

static FLEET_OUT_OF_LINE void publish_note(fleet_reduced_t *a) {
  const fleet_reduced_note_t *note = &a->note[0];
  fleet_cbor_writer_t w;
  fleet_mqtt_publish_begin(&a->mqtt, FLEET_MQTT_WORD("state"), 1, &w);
  const fleet_size_t at = open_message(a, &w, note->sequence);
  fleet_cbor_field(&w, FLEET_STATE_DEPLOYMENT, note->deployment);
  fleet_cbor_field(&w, FLEET_STATE_REVISION, note->revision);
  fleet_cbor_field(&w, FLEET_STATE_UPDATE_STATE, note->update_state);
  if (note->error != 0) fleet_cbor_field(&w, FLEET_STATE_ERROR, note->error);
  if (note->offset != 0) fleet_cbor_field(&w, FLEET_STATE_OFFSET, note->offset);
  if (note->self_test != 0) {
    fleet_cbor_key(&w, FLEET_STATE_SELF_TEST);
    const fleet_size_t test_at = fleet_cbor_map_open(&w);
    fleet_cbor_key(&w, FLEET_SELF_TEST_PASSED);
    fleet_cbor_bool(&w, note->self_test == 2);
    fleet_cbor_field(&w, FLEET_SELF_TEST_VECTORS, note->vectors);
    if (note->self_test == 1) fleet_cbor_field(&w, FLEET_SELF_TEST_FAILED_VECTOR, note->vectors - 1u);
    if (note->self_test == 1 && note->failed_step != 0xff) fleet_cbor_field(&w, FLEET_SELF_TEST_FAILED_STEP, note->failed_step);
    fleet_cbor_field(&w, FLEET_SELF_TEST_ARENA_BYTES, FLEET_REDUCED_ARENA_BYTES);
    fleet_cbor_map_close(&w, test_at);
  }
  if (note->attempts != 0) fleet_cbor_field(&w, FLEET_STATE_ATTEMPTS, note->attempts);
  if (close_message(a, &w, at, 1)) a->in_flight = in_flight_note;
}

static FLEET_OUT_OF_LINE void publish_want(fleet_reduced_t *a) {
  const fleet_reduced_persist_t *p = &a->persist;
  fleet_cbor_writer_t w;
  fleet_mqtt_publish_begin(&a->mqtt, FLEET_MQTT_WORD("want"), 0, &w);
  const fleet_size_t at = open_message(a, &w, a->sequence);
  fleet_cbor_field_bytes(&w, FLEET_WANT_TRANSFER, p->slots[p->target_slot].digest, 8);
  fleet_cbor_field(&w, FLEET_WANT_OFFSET, p->fetched);
  fleet_cbor_field(&w, FLEET_WANT_COUNT, 1);
  fleet_cbor_field(&w, FLEET_WANT_CHUNK_BYTES, FLEET_REDUCED_CHUNK_BYTES);
  if (!close_message(a, &w, at, 0)) return; // the stream is slow: with the next step
  a->sequence++;
  a->want_due = false;
  a->want_ms = a->now_ms + ((uint32_t)want_patience_ms << a->timeouts);
}

static FLEET_OUT_OF_LINE void publish_window(fleet_reduced_t *a) {
  const fleet_reduced_window_t *n = &a->window;
  const fleet_platform_t *f = &a->platform->base;
  const fleet_reduced_persist_t *p = &a->persist;
  fleet_cbor_writer_t w;
  fleet_mqtt_publish_begin(&a->mqtt, FLEET_MQTT_WORD("telemetry"), 1, &w);
  const fleet_size_t at = open_message(a, &w, n->sequence);
  fleet_cbor_field_bytes(&w, FLEET_TELEMETRY_BUILD, p->slots[p->active_slot].digest, 8);
  fleet_cbor_field(&w, FLEET_TELEMETRY_SCHEMA,
                   reduced_schema(a->platform->flash_at(f->user, (uint32_t)p->active_slot * FLEET_REDUCED_SLOT_BYTES)));
  fleet_cbor_field(&w, FLEET_TELEMETRY_START_MS, n->start_ms);
  fleet_cbor_field(&w, FLEET_TELEMETRY_LENGTH_MS, n->length_ms);
  fleet_cbor_field(&w, FLEET_TELEMETRY_N, n->n);
  fleet_histogram_put(&w, FLEET_TELEMETRY_CLASSES, n->counts, (uint32_t)n->classes * n->bins);
  if (n->bins != 8) fleet_cbor_field(&w, FLEET_TELEMETRY_CONFIDENCE_BINS, n->bins);
  if (f->stack_bytes != NULL) fleet_cbor_field(&w, FLEET_TELEMETRY_STACK_BYTES, f->stack_bytes(f->user));
  fleet_cbor_field(&w, FLEET_TELEMETRY_RESETS, p->boots & UINT16_MAX);
  fleet_cbor_field(&w, FLEET_TELEMETRY_FIRST_INDEX, n->first_index);
  counters_field(a, &w, FLEET_TELEMETRY_COUNTERS);
  if (close_message(a, &w, at, 1)) a->in_flight = in_flight_window;
}

// ---- the network -----------------------------------------------------------------------------------------------------

static void handle_ask(fleet_reduced_t *a, fleet_cbor_span_t message) {
  typedef struct {
    uint32_t command;
  } ask_t;
  static const FLEET_CONST_MEMORY fleet_cbor_row_t rows[] = {{FLEET_ASK_COMMAND, cbor_row_u32, 0, 0, offsetof(ask_t, command)}};
  ask_t ask = {0};
  if (fleet_cbor_read_map(message, FLEET_CBOR_ROWS(rows), &ask) == 0) reduced_count(a, FLEET_LOSS_COUNTER_CBOR_INVALID);
  else if (ask.command == FLEET_COMMAND_SAY_HELLO) a->hello_due = true;
  else reduced_count(a, FLEET_LOSS_COUNTER_ASK_REFUSED);
}

static void handle_message(fleet_reduced_t *a) {
  const fleet_cbor_span_t message = {a->mqtt.payload, a->mqtt.payload_bytes};
  if (a->mqtt.topic_kind == fleet_down_desired) reduced_desired(a, message);
  else if (a->mqtt.topic_kind == fleet_down_chunk) reduced_chunk(a, message);
  else handle_ask(a, message);
}

static void handle_ack(fleet_reduced_t *a) {
  if (a->in_flight == in_flight_note && a->notes != 0) {
    a->notes--;
    memmove(a->note, a->note + 1, sizeof a->note[0] * (FLEET_REDUCED_NOTES - 1));
  }
  if (a->in_flight == in_flight_window) a->window.state = 0;
  a->in_flight = in_flight_none;
}

static void handle_events(fleet_reduced_t *a) {
  for (uint8_t i = 0; i < events_per_step; i++) {
    switch (fleet_mqtt_poll(&a->mqtt, a->now_ms, make_will, a)) {
      case fleet_mqtt_connected:
        // Hello is the first message of every session; what was in flight is made again, from its own copy, behind it.
        a->session = a->hello_due = a->want_due = true;
        a->in_flight = in_flight_none;
        a->timeouts = 0;
        fleet_mqtt_take_back(&a->mqtt);
        break;
      case fleet_mqtt_lost:
        if (a->session) reduced_count(a, FLEET_LOSS_COUNTER_RECONNECT);
        a->session = false;
        return;
      case fleet_mqtt_message:
        handle_message(a);
        break;
      case fleet_mqtt_acked:
        handle_ack(a);
        break;
      default:
        return;
    }
  }
}

static void talk(fleet_reduced_t *a) {
  if (!a->session) return;
  if (fleet_mqtt_can_publish(&a->mqtt)) {
    if (a->hello_due) publish_hello(a);
    else if (a->notes != 0) publish_note(a);
    else if (a->window.state == 2) publish_window(a);
  }
  if (!a->fetching || a->hello_due) return;
  if (!a->want_due && (int32_t)(a->now_ms - a->want_ms) >= 0) {
    a->want_due = true;
    if (a->timeouts < 4) a->timeouts++;
  }
  if (a->want_due) publish_want(a);
}

// ---- inference -------------------------------------------------------------------------------------------------------

static void restart_window(fleet_reduced_t *a, uint8_t classes) {
  fleet_reduced_window_t *w = &a->window;
  memset(w, 0, sizeof *w);
  const bool classifies = classes >= 2 && classes <= FLEET_REDUCED_CELLS;
  w->state = 1;
  w->classes = (uint8_t)(classifies ? classes : 1);
  const uint8_t bins = (uint8_t)(FLEET_REDUCED_CELLS / w->classes);
  w->bins = (uint8_t)(!classifies ? 1 : bins < 8 ? bins : 8);
  w->start_ms = a->now_ms;
  w->first_index = a->index;
}

static void close_window(fleet_reduced_t *a) {
  a->window.state = 2;
  a->window.sequence = a->sequence++;
  a->window.length_ms = a->now_ms - a->window.start_ms;
}

// One whole inference; the arena lives for this call only.
static FLEET_OUT_OF_LINE void infer(fleet_reduced_t *a) {
  const fleet_platform_t *f = &a->platform->base;
  const fleet_reduced_persist_t *p = &a->persist;
  int8_t arena[FLEET_REDUCED_ARENA_BYTES];
  reduced_model_t m;
  const uint16_t at = (uint16_t)(p->active_slot * FLEET_REDUCED_SLOT_BYTES);
  if (reduced_load(&m, a->platform->flash_at(f->user, at), p->slots[p->active_slot].bytes, arena) != 0) return; // it was loaded before
  if (f->sample(f->user, FLEET_SENSOR_TENSOR, arena + m.input.offset, m.input.length) != (int32_t)m.input.length) {
    reduced_count(a, FLEET_LOSS_COUNTER_INFERENCE_SKIPPED);
    return;
  }
  (void)reduced_run(a, &m, NULL, NULL);
  const int8_t *y = arena + m.output.offset;
  uint8_t best = 0; // the first of equals
  for (uint8_t i = 1; i < m.classes; i++)
    if (y[i] > y[best]) best = i;
  const uint8_t confidence = (uint8_t)(y[best] + 128);
  fleet_reduced_window_t *w = &a->window;
  if (w->state == 0) restart_window(a, m.classes);
  if (w->state == 1 && w->n != UINT8_MAX) {
    w->counts[w->classes == 1 ? 0 : best * w->bins + (uint8_t)((uint16_t)(confidence * w->bins) >> 8)]++;
    if (++w->n == UINT8_MAX && a->early_left != 0) {
      a->early_left--;
      close_window(a);
    }
  }
  a->index++;
  a->proven = true;
  if (a->platform->predicted != NULL) a->platform->predicted(f->user, best, confidence);
}

// ---- boot and step -----------------------------------------------------------------------------------------------------

static void read_clock(fleet_reduced_t *a) { a->now_ms = a->platform->now_ms(a->platform->base.user); }

int32_t fleet_reduced_init(fleet_reduced_t *a, const fleet_reduced_platform_t *platform, const fleet_reduced_config_t *c) {
  const fleet_platform_t *f = &platform->base;
  if (c->project_bytes == 0 || c->device_bytes == 0 || (uint32_t)c->project_bytes + c->device_bytes >= FLEET_MQTT_NAME_BYTES ||
      c->device_type_bytes == 0 || c->device_type_bytes > 24 || c->token_bytes > 64)
    return -(int32_t)fleet_err_agent_argument_invalid;
  memset(a, 0, sizeof *a);
  a->platform = platform;
  a->config = c;
  a->window_ms = default_window_s * UINT32_C(1000);
  a->early_left = c->early_windows;
  read_clock(a);
  reduced_records_open(a);
  fleet_reduced_persist_t *p = &a->persist;
  if (p->target_slot > 1) p->target_slot = 0; // a record is checked before it becomes an offset
  if (p->active_slot > 1) p->active_slot = FLEET_REDUCED_NO_SLOT;
  for (uint8_t i = 0; i < 2; i++)
    if (p->slots[i].bytes > FLEET_REDUCED_SLOT_BYTES) p->slots[i].bytes = 0;
  p->boots++;
  f->entropy(f->user, &a->entropy, sizeof a->entropy);
  reduced_boot(a);
  fleet_mqtt_t *m = &a->mqtt;
  m->platform = f;
  m->project = c->project;
  m->project_bytes = c->project_bytes;
  m->device = c->device;
  m->device_bytes = c->device_bytes;
  m->token = c->token;
  m->token_bytes = c->token_bytes;
  m->keepalive_s = keepalive_s;
  m->backoff_max_ms = c->backoff_max_ms == 0 ? 60000u : c->backoff_max_ms;
  m->backoff_min_ms = m->backoff_max_ms < 1000 ? m->backoff_max_ms : 1000;
  fleet_mqtt_init(m, a->now_ms);
  return reduced_save(a) ? 0 : -(int32_t)fleet_err_flash_write_failed;
}

void fleet_reduced_step(fleet_reduced_t *a) {
  read_clock(a);
  handle_events(a);
  reduced_work(a);
  if (a->running && (int32_t)(a->now_ms - a->inference_ms) >= 0) {
    a->inference_ms = a->now_ms + (a->config->period_ms == 0 ? 1000u : a->config->period_ms);
    infer(a);
  }
  if (a->window.state == 1 && a->now_ms - a->window.start_ms >= a->window_ms) {
    a->early_left = a->config->early_windows;
    close_window(a);
  }
  talk(a);
  a->platform->base.watchdog(a->platform->base.user);
}

uint32_t fleet_reduced_running(const fleet_reduced_t *a) { return a->running ? a->persist.active_slot : (uint32_t)FLEET_REDUCED_NO_SLOT; }
