// The MQTT client against a scripted broker: partial reads and writes, limits, malformed packets, keep-alive, back-off.
#include <string.h>

#include "test.h"
#include "world.h"

static world_t w;
static bundle_t one;

static void connect_device(void) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 2));
  CHECK(w.agent.session);
  CHECK_EQUAL(world_count(&w, "hello"), 1);
}

static void should_work_through_one_byte_reads_and_writes(void) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  w.read_limit = w.write_limit = 1;
  w.bundle = &one;
  w.release = release_of(2);
  w.deployment = 1;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 600));
  CHECK(w.agent.running);
  CHECK_EQUAL(w.opens, 1);
  CHECK(world_count(&w, "telemetry") > 2);
}

static void should_never_interleave_two_packets(void) {
  connect_device();
  w.write_limit = 3;
  const fleet_mqtt_t *m = &w.agent.mqtt;
  uint32_t caught = 0;
  for (uint32_t i = 0; i < 100000 && caught < 20; i++) {
    static const uint8_t hello[5] = {0xa2, 1, 1, 2, FLEET_COMMAND_SAY_HELLO};
    if (m->publish_pending && m->tx_sent > 0 && m->tx_sent < m->tx_end && m->ctl_used == 0) {
      caught++;
      world_send(&w, "ask", hello, sizeof hello, 1); // wants a PUBACK in the middle of a publish
    } else if (!m->publish_pending && m->ctl_used == 0 && w.to_device_n == 0) {
      w.agent.ask_counter = 0;
      world_send(&w, "ask", hello, sizeof hello, 1);
    }
    CHECK(world_run_step(&w)); // the broker ends the test at the first malformed packet
  }
  CHECK_EQUAL(caught, 20);
  CHECK(w.acks >= 20);
}

static void should_fit_every_message_of_a_device_with_the_longest_names_and_largest_numbers(void) {
  world_init(&w);
  static const char name[64] = "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";
  static const fleet_sensor_t sensor = {255, 255, 11, UINT32_MAX, UINT32_MAX};
  fleet_sensor_t sensors[8];
  for (uint32_t i = 0; i < 8; i++) sensors[i] = sensor;
  fleet_agent_config_t *c = &w.config;
  c->project = c->device = c->device_type = (fleet_text_t){name, 63};
  c->firmware_version = (fleet_text_t){name, 32};
  c->keys[1] = (fleet_key_t){FLEET_SIGNATURE_ALGORITHM_P256, c->keys[0].bytes, 32};
  c->sensors = sensors;
  c->sensor_count = 8;
  c->duty_cycle_s = UINT32_MAX;
  static const uint8_t digest[32];
  static const fleet_firmware_port_t firmware = {.digest = digest, .slot_bytes = UINT32_MAX};
  c->firmware = &firmware;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  fleet_agent_t *a = &w.agent;
  a->boot_id = UINT64_MAX;
  a->now_us = UINT64_MAX / 2;
  a->unix_offset_ms = INT64_MAX / 2;
  a->time_known = true;
  a->sequence = UINT32_MAX - 9;
  for (uint32_t i = 1; i < FLEET_LOSS_COUNTERS; i++) a->counters[i] = UINT32_MAX;
  fleet_persist_t *p = &a->persist;
  p->last_boot_counter = p->highest_sequence = p->floor = p->key_sequence = p->windows_dropped = UINT32_MAX;
  for (uint32_t i = 0; i < 2; i++) {
    p->slots[i].sequence = p->slots[i].bytes = UINT32_MAX;
    p->slots[i].error = UINT16_MAX;
    p->firmware[i] = p->slots[i];
    p->firmware[i].state = FLEET_SLOT_STATE_REJECTED;
  }
  p->ask_counter = UINT32_MAX;
  for (c->sensor_count = 0; c->sensor_count <= 8; c->sensor_count++) { // the counters go where they fit
    for (c->device_type.bytes = 1; c->device_type.bytes <= 63; c->device_type.bytes++) {
      a->mqtt.publish_pending = false;
      a->sequence = UINT32_MAX - 9;
      CHECK(fleet_messages_hello(a));
    }
  }
  fleet_note_t note;
  memset(&note, 0xff, sizeof note);
  note.self_test = 1;
  note.has_digest = note.has_detail = true;
  note.update_state = 9;
  a->mqtt.publish_pending = false;
  CHECK(fleet_messages_note(a, &note));
  a->next_offset = UINT32_MAX;
  a->chunk_bytes = 1280;
  CHECK(fleet_messages_want(a, 8));
  uint8_t will[64];
  fleet_cbor_writer_t out = {will, sizeof will, 0, false};
  fleet_messages_will(a, &out);
  CHECK(!out.overflow);
}

// A down/ask of exactly `total` bytes of MQTT packet, filled with what is no CBOR map.
static void send_packet_of(uint32_t total) {
  static uint8_t filler[FLEET_MQTT_RX_BYTES + 16];
  const uint32_t head = 3 + 2 + (uint32_t)strlen("fleet/1/demo/demo-001/down/ask") + 2;
  memset(filler, 0, sizeof filler);
  world_send(&w, "ask", filler, total - head, 1);
}

static void should_take_a_packet_at_its_limit_and_drop_one_byte_more(void) {
  connect_device();
  send_packet_of(FLEET_MQTT_RX_BYTES);
  CHECK(world_run(&w, 1));
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_CBOR_INVALID), 1);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_PACKET_TOO_LARGE), 0);
  send_packet_of(FLEET_MQTT_RX_BYTES + 1);
  send_packet_of(200);
  CHECK(world_run(&w, 1));
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_PACKET_TOO_LARGE), 1);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_CBOR_INVALID), 2); // the stream is still in step
  CHECK_EQUAL(w.opens, 1);
}

static void feed(const char *bytes, uint32_t n) {
  memcpy(w.to_device + w.to_device_n, bytes, n);
  w.to_device_n += n;
}

static void closes_on(const char *bytes, uint32_t n) {
  connect_device();
  feed(bytes, n);
  CHECK(world_run(&w, 5));
  CHECK_EQUAL(w.opens, 2);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_RECONNECT), 1);
  CHECK(w.agent.session); // and it comes back
}

static void should_close_on_malformed_packets(void) {
  closes_on("\x36\x05\x00\x01x\x00\x01", 7);      // [MQTT-3.3.1-4] QoS 3
  closes_on("\x34\x05\x00\x01x\x00\x01", 7);      // QoS 2 was never granted
  closes_on("\x32\x05\x00\x01x\x00\x00", 7);      // [MQTT-2.3.1-1] packet id 0
  closes_on("\xd1\x00", 2);                       // [MQTT-2.2.2-2] reserved flags
  closes_on("\x30\xff\xff\xff\xff\x01", 6);       // five length bytes
  closes_on("\x30\x02\x00\x09", 4);               // topic beyond the packet
  closes_on("\x20\x02\x00\x00", 4);               // a second CONNACK
  closes_on("\x90\x03\x00\x01\x01", 5);           // a second SUBACK
  closes_on("\x40\x03\x00\x01\x00", 5);           // PUBACK of three bytes
  closes_on("\x10\x00", 2);                       // CONNECT is the client's
  closes_on("\x00\x00", 2);
}

static void should_ignore_topics_that_are_not_its_own(void) {
  connect_device();
  const char *topics[] = {"fleet/1/demo/demo-002/down/ask", "fleet/1/demo/demo-001/down/other", "x",
                          "fleet/1/demo/demo-001/down/askx", "fleet/1/demo/demo-001/up/hello1234"};
  for (uint32_t i = 0; i < 5; i++) {
    char packet[64];
    const uint32_t n = (uint32_t)strlen(topics[i]);
    packet[0] = 0x30;
    packet[1] = (char)(n + 3);
    packet[2] = 0;
    packet[3] = (char)n;
    memcpy(packet + 4, topics[i], n);
    packet[4 + n] = 0;
    feed(packet, n + 5);
  }
  CHECK(world_run(&w, 1));
  CHECK_EQUAL(w.opens, 1);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_CBOR_INVALID), 0);
}

static void should_back_off_with_jitter_up_to_the_limit(void) {
  world_init(&w);
  w.refuse_connect = true;
  w.config.backoff_max_ms = 8000;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  uint64_t before = 0;
  uint32_t same = 0;
  uint64_t last_delay = 0;
  for (uint32_t attempt = 0; attempt < 12; attempt++) {
    const uint32_t opens = w.opens;
    for (;;) {
      const uint64_t due = fleet_agent_step(&w.agent);
      if (w.opens != opens) break;
      w.now_us = due > w.now_us ? due : w.now_us + 1;
    }
    const uint64_t delay_ms = (w.now_us - before) / 1000;
    const uint64_t step = attempt == 0 ? 0 : attempt > 4 ? 8000 : 500u << attempt;
    if (attempt == 0) CHECK(delay_ms <= 1000);
    else CHECK(delay_ms + 1 >= step / 2 && delay_ms <= step + 1);
    same += delay_ms == last_delay;
    last_delay = delay_ms;
    before = w.now_us;
    w.open = false; // the stream dies before anything is answered
  }
  CHECK(same < 3);
}

static void should_ping_when_idle_and_give_up_a_dead_stream(void) {
  connect_device();
  w.agent.running = false;
  CHECK(world_run(&w, 200));
  CHECK(w.pings >= 3 && w.pings <= 6);
  CHECK_EQUAL(w.opens, 1);
  // A broker that answers nothing any more: one keep-alive of patience.
  for (uint64_t end = w.now_us + 120000000; w.now_us < end && w.opens == 1;) {
    const uint64_t due = fleet_agent_step(&w.agent);
    w.from_device_n = 0;
    w.now_us = due > w.now_us ? due : w.now_us + 1000;
  }
  CHECK_EQUAL(w.opens, 2);
}

static void should_not_sleep_over_a_message_that_was_made_after_the_poll(void) {
  connect_device();
  fleet_cbor_writer_t want;
  fleet_mqtt_publish_begin(&w.agent.mqtt, "want", 0, &want);
  CHECK(fleet_mqtt_publish_end(&w.agent.mqtt, 0, &want));
  CHECK_EQUAL(fleet_mqtt_due(&w.agent.mqtt, (uint32_t)w.agent.uptime_ms), (uint32_t)w.agent.uptime_ms);
}

static void should_keep_one_publish_in_flight_and_send_it_again_after_a_reconnect(void) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  w.hold_acks = true;
  w.bundle = &one;
  w.release = release_of(2);
  w.deployment = 1;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 20));
  // The hello is never acknowledged: no state follows, but the transfer (QoS 0) goes on and the model runs.
  CHECK_EQUAL(world_count(&w, "hello"), 1);
  CHECK_EQUAL(world_count(&w, "state"), 0);
  CHECK(w.agent.running);
  CHECK(world_run(&w, 80));
  CHECK_EQUAL(w.opens, 2); // 90 s without PUBACK
  CHECK_EQUAL(world_count(&w, "hello"), 2);
  const message_t *first = &w.messages[0];
  const message_t *again = world_last(&w, "hello");
  CHECK(first->n == again->n && memcmp(first->payload, again->payload, first->n) == 0);
  w.hold_acks = false;
  CHECK(world_run(&w, 100));
  // Five states wait at most: the first ones and the outcome are told, what lies between may be missing.
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_FETCHING), 1);
  CHECK(world_states(&w, FLEET_UPDATE_STATE_ACTIVE) >= 1);
}

static void should_say_hello_before_it_repeats_anything(void) {
  connect_device();
  w.bundle = &one;
  w.release = release_of(2);
  w.deployment = 1;
  world_send_desired(&w);
  CHECK(world_run(&w, 5));
  w.hold_acks = true;
  CHECK(world_run(&w, 20)); // a window is in flight
  const message_t window = *world_last(&w, "telemetry");
  w.open = false;
  w.to_device_n = 0;
  w.message_count = 0;
  w.hold_acks = false;
  CHECK(world_run(&w, 5));
  CHECK(strcmp(w.messages[0].topic, "hello") == 0);
  bool repeated = false;
  for (uint32_t i = 1; i < w.message_count; i++) {
    const message_t *m = &w.messages[i];
    repeated = repeated || (m->n == window.n && memcmp(m->payload, window.payload, m->n) == 0);
  }
  CHECK(repeated);
}

const test_t mqtt_tests[] = {
    {"should work through one-byte reads and writes", should_work_through_one_byte_reads_and_writes},
    {"should never interleave two packets", should_never_interleave_two_packets},
    {"should fit every message of a device with the longest names and largest numbers",
     should_fit_every_message_of_a_device_with_the_longest_names_and_largest_numbers},
    {"should take a packet at its limit and drop one byte more", should_take_a_packet_at_its_limit_and_drop_one_byte_more},
    {"should close on malformed packets", should_close_on_malformed_packets},
    {"should ignore topics that are not its own", should_ignore_topics_that_are_not_its_own},
    {"should back off with jitter up to the limit", should_back_off_with_jitter_up_to_the_limit},
    {"should ping when idle and give up a dead stream", should_ping_when_idle_and_give_up_a_dead_stream},
    {"should not sleep over a message that was made after the poll",
     should_not_sleep_over_a_message_that_was_made_after_the_poll},
    {"should keep one publish in flight and send it again after a reconnect",
     should_keep_one_publish_in_flight_and_send_it_again_after_a_reconnect},
    {"should say hello before it repeats anything", should_say_hello_before_it_repeats_anything},
    {NULL, NULL},
};
