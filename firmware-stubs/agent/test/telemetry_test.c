// Windows: what they count, when they close, how they wait for a broker, and what is lost is counted.
#include <string.h>

#include "read.h"
#include "test.h"
#include "world.h"

static world_t w;
static bundle_t one, two;

static void with_ring_of(uint32_t bytes) {
  world_init(&w);
  if (bytes != 0) w.config.flash.bytes = 2 * 1024 + 2 * world_slot_bytes + bytes;
  make_bundle(&one, 1, 2, false);
  make_bundle(&two, 2, 2, false);
  w.bundle = &one;
  w.release = release_of(2);
  w.release.soak_s = 0;
  w.deployment = 1;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 5));
  CHECK(w.agent.running);
  w.message_count = 0;
}

static void with_model(void) { with_ring_of(0); }

static uint32_t total(const uint16_t *counts, uint32_t bins) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < bins; i++) sum += counts[i];
  return sum;
}

static fleet_window_t last_window(void) {
  fleet_window_t window;
  CHECK(message_window(world_last(&w, "telemetry"), &window));
  return window;
}

static void should_summarize_a_window_by_class_and_confidence(void) {
  with_model();
  w.next_class = 2;
  CHECK(world_run(&w, 30));
  const message_t *m = world_last(&w, "telemetry");
  const fleet_window_t window = last_window();
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_N, 0), 10);
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_LENGTH_MS, 0), 10000);
  CHECK_EQUAL((uint32_t)window.classes * window.bins, 32);
  CHECK_EQUAL(total(window.counts, 32), 10);
  for (uint32_t i = 0; i < 32; i++) CHECK(window.counts[i] == 0 || i / 8 == 2);
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_SWITCHES, 0), 0);
  CHECK(message_field(m, FLEET_TELEMETRY_START_UNIX_MS, 0) > 1700000000000u);
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_FIRST_INDEX, 0) % 10, 0);
}

// Sent, not acknowledged, and moved to the ring behind the hello of the next session: it may have been delivered.
static void should_remember_over_a_session_that_a_window_was_sent(void) {
  with_ring_of(4 * 1024);
  fleet_agent_t *a = &w.agent;
  w.hold_acks = true;
  while (a->in_flight != in_flight_window) CHECK(world_run_step(&w));
  w.open = false; // the link is lost
  while (a->in_flight != in_flight_hello) CHECK(world_run_step(&w));
  CHECK(a->queue_used != 0);
  fleet_window_spill(a);
  CHECK(a->ring.pending != 0);
  CHECK(a->ring.peeked);
}

static void should_count_switches_stuck_saturated_and_invalid_inputs(void) {
  with_model();
  const uint32_t period = 10;
  for (uint32_t i = 0; i < 3 * period; i++) {
    w.next_class = (uint8_t)(i & 1);
    CHECK(world_run(&w, 1));
  }
  CHECK(message_field(world_last(&w, "telemetry"), FLEET_TELEMETRY_SWITCHES, 0) >= 9);
  w.sample_result = -1;
  CHECK(world_run(&w, 25));
  const message_t *m = world_last(&w, "telemetry");
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_N, 99), 0);
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_INVALID, 0), 10);
  w.sample_result = 1;
  w.hold_input = true;
  CHECK(world_run(&w, 25));
  m = world_last(&w, "telemetry");
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_STUCK, 0), 10);
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_SATURATED, 0), 10);
}

static void should_summarize_monitored_features_and_the_ood_score(void) {
  with_model();
  make_monitored_bundle(&two, 2, 7);
  w.bundle = &two;
  w.release = release_of(4);
  w.deployment = 2;
  world_send_desired(&w);
  CHECK(world_run(&w, 40));
  CHECK(memcmp(w.agent.window.build, two.digest, 8) == 0);
  const fleet_window_t window = last_window();
  CHECK_EQUAL(total(window.ood, 16), 10);
  CHECK_EQUAL(window.ood[15], 10); // the largest class is always 60 or more
  CHECK(window.schema == fleet_monitors_crc(&w.agent.runtime));
  CHECK_EQUAL(window.features, FLEET_WINDOW_FEATURES); // seven are monitored, five are summarized
  for (uint32_t f = 0; f < window.features; f++) {
    const fleet_feature_t *one_feature = &window.feature[f];
    CHECK_EQUAL(one_feature->n, 10);
    CHECK_EQUAL(total(one_feature->histogram, 16), 10);
    if (f % 4 == 0) {
      CHECK(one_feature->min >= 60 && one_feature->max < 100 && one_feature->sum > 10 * 57); // the class that is on
    } else {
      CHECK(one_feature->min == -100 && one_feature->max == -100);
      CHECK(one_feature->sum == 10 * -103 && one_feature->sum_squares == 10 * 103 * 103);
    }
  }
}

static void should_have_the_confidence_bins_that_its_bundle_asks_for(void) {
  static const uint32_t asked[] = {4, 8, 16};
  for (uint32_t i = 0; i < 3; i++) {
    with_model();
    world_class_bins = asked[i];
    make_monitored_bundle(&two, 2, 1);
    world_class_bins = 8;
    w.bundle = &two;
    w.release = release_of(4);
    w.deployment = 2;
    world_send_desired(&w);
    CHECK(world_run(&w, 40));
    CHECK(memcmp(w.agent.window.build, two.digest, 8) == 0);
    const fleet_window_t window = last_window();
    CHECK_EQUAL(window.bins, asked[i]);
    CHECK_EQUAL(total(window.counts, 4 * asked[i]), window.n);
    CHECK(world_last(&w, "telemetry")->n <= 268 + 4 * asked[i]);
  }
}

static void should_wait_for_a_sensor_and_count_missed_periods(void) {
  with_model();
  w.sample_result = 0;
  CHECK(world_run(&w, 5));
  CHECK(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_INFERENCE_SKIPPED) >= 3);
  const uint32_t index = w.agent.inference_index;
  w.sample_result = 1;
  CHECK(world_run(&w, 3));
  CHECK(w.agent.inference_index >= index + 2 && w.agent.inference_index <= index + 4);
}

static void should_pull_raw_frames_for_a_bundle_with_a_front_end(void) {
  static const fleet_sensor_t generic = {FLEET_SENSOR_GENERIC, 1, 0, 2000, 4000}; // the bundle states no full scale
  world_init(&w);
  make_sampled_bundle(&one, 1, (sampled_t){2, 4000});
  w.bundle = &one;
  w.release = release_of(2);
  w.release.soak_s = 0;
  w.deployment = 1;
  w.next_class = 3;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 5));
  CHECK(!w.agent.running); // this board has no such sensor
  CHECK_EQUAL(w.samples, 0);

  w.config.sensors = &generic;
  w.config.sensor_count = 1;
  w.release = release_of(3);
  w.deployment = 2;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 5));
  CHECK(w.agent.running); // every result is checked against the class in the samples (world.c)
  CHECK(w.results > 0);
  CHECK_EQUAL(w.samples, 2 * w.results); // two passes each

  // Half of an input, then nothing for a while: the rest is waited for, nothing is skipped or lost.
  const uint32_t results = w.results;
  w.sample_result = 0;
  CHECK(world_run(&w, 5));
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_INFERENCE_SKIPPED), 0);
  CHECK_EQUAL(w.results, results);
  w.sample_result = 1;
  CHECK(world_run(&w, 3));
  CHECK(w.results >= results + 2);
  w.hold_input = true;
  CHECK(world_run(&w, 25));
  const message_t *m = world_last(&w, "telemetry");
  CHECK(message_field(m, FLEET_TELEMETRY_SATURATED, 0) >= 9);
  CHECK(message_field(m, FLEET_TELEMETRY_STUCK, 0) >= 9);
}

// Inputs that share rows: what comes between two inferences belongs to the next input.
static void should_follow_a_stream_between_two_inferences(void) {
  static const fleet_sensor_t generic = {FLEET_SENSOR_GENERIC, 1, 0, 2000, 4000};
  world_init(&w);
  make_sampled_bundle(&one, 1, (sampled_t){1, 4000});
  w.bundle = &one;
  w.release = release_of(2);
  w.deployment = 1;
  w.streams = true;
  w.sample_pace_us = 500000;
  w.config.sensors = &generic;
  w.config.sensor_count = 1;
  w.config.inference_period_us = 10000000;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 62));
  CHECK(w.results >= 6 && w.results <= 7);
  CHECK(w.samples >= 115);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_INFERENCE_SKIPPED), 0);
  // A period below the stream's pace: as many inferences as there are rows, and no more.
  CHECK_EQUAL(fleet_agent_set_period(&w.agent, 1000), 0);
  const uint32_t results = w.results;
  const uint32_t samples = w.samples;
  CHECK(world_run(&w, 10));
  CHECK(w.results - results >= 18);
  CHECK_EQUAL(w.results - results <= w.samples - samples, 1);
}

static void should_close_a_window_with_its_4095th_inference(void) {
  with_model();
  w.window_s = 100;
  world_send_desired(&w);
  CHECK(world_run(&w, 15));
  w.message_count = 0;
  CHECK_EQUAL(fleet_agent_set_period(&w.agent, 1000), 0);
  CHECK(world_run(&w, 9));
  const message_t *m = world_last(&w, "telemetry");
  const fleet_window_t window = last_window();
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_N, 0), FLEET_WINDOW_MAX_N);
  CHECK_EQUAL(total(window.counts, 32), FLEET_WINDOW_MAX_N);
  CHECK_EQUAL(w.agent.windows_made - world_count(&w, "telemetry") <= 2, 1);
  CHECK_EQUAL(fleet_agent_set_period(&w.agent, 0), -(int)fleet_err_agent_argument_invalid);
}

static void should_keep_every_nth_prediction_and_at_most_sixteen(void) {
  with_model();
  w.pick_every = 1;
  w.window_s = 30;
  world_send_desired(&w);
  CHECK(world_run(&w, 100));
  const message_t *m = world_last(&w, "telemetry");
  fleet_cbor_reader_t r;
  uint32_t count;
  fleet_cbor_reader_init(&r, m->payload, m->n);
  CHECK(read_head(&r, cbor_map, &count));
  bool seen = false;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t key;
    CHECK(read_head(&r, cbor_uint, &key));
    if (key != FLEET_TELEMETRY_PICKS) {
      CHECK(fleet_cbor_skip(&r));
      continue;
    }
    const uint8_t *data;
    uint32_t n;
    CHECK(read_bytes(&r, &data, &n));
    CHECK_EQUAL(n, 64);
    for (uint32_t p = 0; p < 16; p++) CHECK_EQUAL(data[4 * p] | data[4 * p + 1] << 8, p);
    seen = true;
  }
  CHECK(seen);
}

static void should_close_the_window_when_another_model_takes_over(void) {
  with_model();
  CHECK(world_run(&w, 3));
  w.bundle = &two;
  w.release = release_of(4);
  w.deployment = 2;
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  bool old_short = false;
  for (uint32_t i = 0; i < w.message_count; i++) {
    const message_t *m = &w.messages[i];
    if (strcmp(m->topic, "telemetry") == 0 && message_field(m, FLEET_TELEMETRY_LENGTH_MS, 0) < 10000) old_short = true;
  }
  CHECK(old_short);
  CHECK(memcmp(w.agent.window.build, two.digest, 8) == 0);
}

static void should_store_windows_while_offline_and_send_them_after_a_reboot(void) {
  with_model();
  w.unreachable = true;
  w.open = false;
  CHECK(world_run(&w, 200));
  CHECK(fleet_agent_windows_pending(&w.agent) >= 18);
  CHECK_EQUAL(w.agent.persist.windows_dropped, 0);
  const uint64_t boot = w.agent.boot_id;
  w.message_count = 0;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_BROWN_OUT));
  CHECK(world_run(&w, 5));
  const uint32_t stored = fleet_agent_windows_pending(&w.agent);
  CHECK(stored >= 18);
  w.unreachable = false;
  CHECK(world_run(&w, 60));
  uint32_t old = 0;
  uint64_t last_start = 0;
  for (uint32_t i = 0; i < w.message_count; i++) {
    const message_t *m = &w.messages[i];
    if (strcmp(m->topic, "telemetry") != 0 || message_field(m, FLEET_ENVELOPE_BOOT_ID, 0) != boot) continue;
    CHECK(message_field(m, FLEET_TELEMETRY_START_MS, 0) >= last_start); // oldest first
    last_start = message_field(m, FLEET_TELEMETRY_START_MS, 0);
    old++;
  }
  CHECK_EQUAL(old, stored);
  CHECK(fleet_agent_windows_pending(&w.agent) <= 1);
}

// What the platform has of windows, each sequence number once: inferences, windows, and the most in one.
typedef struct {
  uint32_t n, windows, most;
} delivered_t;

static delivered_t delivered(uint64_t boot) {
  delivered_t all = {0, 0, 0};
  uint32_t seen[world_messages];
  uint32_t count = 0;
  for (uint32_t i = 0; i < w.message_count; i++) {
    fleet_window_t window;
    if (strcmp(w.messages[i].topic, "telemetry") != 0 || !message_window(&w.messages[i], &window)) continue;
    if (window.boot_id != boot) continue;
    bool again = false;
    for (uint32_t k = 0; k < count; k++) again = again || seen[k] == window.sequence;
    if (again) continue;
    seen[count++] = window.sequence;
    all.n += window.n;
    all.windows += window.merged + 1u;
    if (window.merged + 1u > all.most) all.most = window.merged + 1u;
  }
  return all;
}

static void should_merge_the_oldest_windows_of_a_full_ring(void) {
  with_ring_of(6 * 1024);
  CHECK(world_run(&w, 25));
  const uint32_t sent = w.agent.windows_made - fleet_agent_windows_pending(&w.agent);
  const uint32_t before = w.agent.inference_index;
  const uint64_t boot = w.agent.boot_id;
  w.unreachable = true;
  w.open = false;
  CHECK(world_run(&w, 3000));
  CHECK_EQUAL(w.agent.persist.windows_dropped, 0);
  CHECK(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_TELEMETRY_MERGED) > 100);
  CHECK_EQUAL(w.agent.windows_made - sent, fleet_agent_windows_pending(&w.agent) +
                                               fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_TELEMETRY_MERGED));
  w.message_count = 0;
  w.unreachable = false;
  CHECK(world_run(&w, 130));
  const delivered_t all = delivered(boot);
  CHECK(all.most > 4); // merged ones were merged again
  CHECK(all.windows + 3 >= w.agent.windows_made - sent && all.windows <= w.agent.windows_made);
  CHECK(all.n + 20 >= w.agent.inference_index - before && all.n <= w.agent.inference_index - before + 20);
}

// Windows that cannot be added, one of each boot, are given up, and counted.
static void should_count_windows_it_cannot_keep(void) {
  with_ring_of(6 * 1024);
  w.unreachable = true;
  w.open = false;
  uint32_t lost = 0;
  for (uint32_t boots = 0; boots < 120; boots++) {
    CHECK(world_run(&w, 12));
    lost += w.agent.ring.lost;
    CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_TELEMETRY_DROPPED), w.agent.ring.lost);
    CHECK(world_boot(&w, FLEET_RESET_CAUSE_BROWN_OUT));
  }
  CHECK(world_run(&w, 40));
  CHECK(lost > 10 && w.agent.persist.windows_dropped > 0);
  CHECK(fleet_agent_windows_pending(&w.agent) > 10);
}

static void should_count_windows_lost_without_a_ring(void) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  w.config.flash.bytes = 2 * 1024 + 2 * world_slot_bytes;
  w.bundle = &one;
  w.release = release_of(2);
  w.release.soak_s = 0;
  w.deployment = 1;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 5));
  w.unreachable = true;
  w.open = false;
  CHECK(world_run(&w, 300));
  CHECK(w.agent.persist.windows_dropped > 10);
  CHECK(fleet_agent_windows_pending(&w.agent) >= 3); // RAM still holds the newest
  CHECK_EQUAL(w.agent.windows_made,
              fleet_agent_windows_pending(&w.agent) + w.agent.persist.windows_dropped + world_count(&w, "telemetry"));
}

static void should_give_every_message_of_a_boot_its_own_number(void) {
  with_model();
  CHECK(world_run(&w, 100));
  bool seen[256] = {false};
  for (uint32_t i = 0; i < w.message_count; i++) {
    const uint64_t sequence = message_field(&w.messages[i], FLEET_ENVELOPE_SEQUENCE, 999);
    CHECK(sequence < 256 && !seen[sequence]);
    seen[sequence] = true;
    CHECK_EQUAL(message_field(&w.messages[i], FLEET_ENVELOPE_BOOT_ID, 0), w.agent.boot_id);
  }
  const uint64_t boot = w.agent.boot_id;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK_EQUAL(w.agent.boot_id >> 32, (boot >> 32) + 1);
}

static void should_never_connect_when_told_to_stay_offline(void) {
  with_model();
  w.config.flags = FLEET_AGENT_OFFLINE;
  const uint32_t opens = w.opens;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 65));
  CHECK_EQUAL(w.opens, opens);
  CHECK(fleet_agent_windows_pending(&w.agent) >= 6);
}

static void should_keep_its_window_when_told_to(void) {
  for (uint32_t fixed = 0; fixed < 2; fixed++) {
    with_model();
    w.config.flags = fixed ? FLEET_AGENT_FIXED_WINDOW : 0;
    w.window_s = 20;
    CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
    CHECK(world_run(&w, 70));
    CHECK_EQUAL(message_field(world_last(&w, "telemetry"), FLEET_TELEMETRY_LENGTH_MS, 0), fixed ? 10000 : 20000);
  }
}

// ---- cadence -----------------------------------------------------------------------------------------------------------

static uint32_t noise_state;

// About normal, mean 0, standard deviation 100: twelve uniform values (Irwin-Hall).
static int32_t noise(void) {
  int32_t sum = 0;
  for (uint32_t i = 0; i < 12; i++) sum += (int32_t)(fleet_xorshift32(&noise_state) >> 16);
  return (sum - 6 * 65535) * 100 / 65535;
}

// A monitor of such values: only its quartiles count.
static fleet_monitor_t monitor_of_noise(uint8_t edges[32]) {
  for (uint32_t i = 0; i < 15; i++) {
    const int16_t edge = (int16_t)(i < 3 ? -100 : i < 11 ? -67 : i < 12 ? 67 : 100);
    edges[2 * i] = (uint8_t)edge;
    edges[2 * i + 1] = (uint8_t)((uint16_t)edge >> 8);
  }
  return (fleet_monitor_t){.kind = FLEET_MONITOR_KIND_FEATURE, .bins = 16, .edges = edges};
}

static void watch_from_new(uint32_t seed) {
  noise_state = seed;
  world_init(&w);
  memset(&w.agent, 0, sizeof w.agent);
  w.agent.config = &w.config;
  w.agent.window_s = 3600;
}

static void should_shorten_windows_when_a_feature_moves_and_give_them_back(void) {
  uint8_t edges[32];
  const fleet_monitor_t m = monitor_of_noise(edges);
  watch_from_new(7);
  fleet_agent_t *a = &w.agent;
  for (uint32_t i = 0; i < 600; i++) fleet_watch_value(a, 2, &m, noise());
  CHECK_EQUAL(fleet_watch_window_s(a), 3600);
  uint32_t delay = 0;
  for (; fleet_watch_window_s(a) == 3600; delay++) {
    CHECK(delay < 100);
    fleet_watch_value(a, 2, &m, noise() - 100); // one standard deviation down
  }
  CHECK(delay >= 10 && delay <= 50);
  CHECK_EQUAL(fleet_watch_window_s(a), 450);
  // As long as it stays there, eight short ones; then whole ones, and no alarm again.
  for (uint32_t window = 0; window < 20; window++) {
    CHECK_EQUAL(fleet_watch_window_s(a), window < 8 ? 450 : 3600);
    for (uint32_t i = 0; i < 60; i++) fleet_watch_value(a, 2, &m, noise() - 100);
    fleet_watch_window(a);
  }
  // Back at the reference it is calm, and the next move shortens them at once; calm ends that early.
  for (uint32_t i = 0; i < 200; i++) fleet_watch_value(a, 2, &m, noise());
  fleet_watch_window(a);
  CHECK(!a->watch.moved);
  for (uint32_t i = 0; i < 40; i++) fleet_watch_value(a, 2, &m, noise() + 200);
  CHECK_EQUAL(fleet_watch_window_s(a), 450);
  for (uint32_t i = 0; i < 200; i++) fleet_watch_value(a, 2, &m, noise());
  fleet_watch_window(a);
  CHECK_EQUAL(fleet_watch_window_s(a), 3600);
}

static void should_rarely_take_noise_for_a_move(void) {
  enum { values = 3000000 };
  uint8_t edges[32];
  const fleet_monitor_t m = monitor_of_noise(edges);
  watch_from_new(11);
  uint32_t alarms = 0;
  for (uint32_t i = 0; i < values; i++) {
    fleet_watch_value(&w.agent, 0, &m, noise());
    if (!w.agent.watch.moved) continue;
    alarms++;
    memset(&w.agent.watch, 0, sizeof w.agent.watch);
  }
  CHECK(alarms <= 18); // one in 520,000 is said: 5.8, and three standard deviations more; and see that it can fire at all
  for (uint32_t i = 0; i < 100; i++) fleet_watch_value(&w.agent, 0, &m, noise() + 100);
  CHECK(w.agent.watch.moved);
}

static void should_make_no_window_shorter_than_a_minute_and_none_when_told_to(void) {
  watch_from_new(1);
  w.agent.watch.short_left = 8;
  static const struct {
    uint32_t whole, shorter;
  } cases[] = {{3600, 450}, {481, 60}, {480, 60}, {100, 60}, {60, 60}, {59, 59}, {10, 10}};
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    w.agent.window_s = cases[i].whole;
    CHECK_EQUAL(fleet_watch_window_s(&w.agent), cases[i].shorter);
  }
  w.config.flags = FLEET_AGENT_FIXED_WINDOW;
  w.agent.window_s = 3600;
  CHECK_EQUAL(fleet_watch_window_s(&w.agent), 3600);
}

// Through the whole device: the class that is on changes, and with it the features.
static void should_send_windows_more_often_after_a_move(void) {
  world_init(&w);
  make_monitored_bundle(&one, 1, 5);
  w.bundle = &one;
  w.release = release_of(2);
  w.release.soak_s = 0;
  w.deployment = 1;
  w.window_s = 960;
  w.next_class = 0;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 5));
  CHECK(w.agent.running);
  memset(&w.agent.watch, 0, sizeof w.agent.watch);
  CHECK_EQUAL(fleet_watch_window_s(&w.agent), 960);
  CHECK(world_run(&w, 60));
  CHECK(w.agent.watch.moved); // what the bundle takes for the centre is far from it
  w.message_count = 0;
  CHECK(world_run(&w, 2000));
  uint32_t shorter = 0, whole = 0;
  for (uint32_t i = 0; i < w.message_count; i++) {
    if (strcmp(w.messages[i].topic, "telemetry") != 0) continue;
    const uint64_t length = message_field(&w.messages[i], FLEET_TELEMETRY_LENGTH_MS, 0);
    shorter += length == 120000;
    whole += length == 960000;
  }
  CHECK(shorter >= 7 && shorter <= 8);
  CHECK_EQUAL(whole, 1);
}

// ---- a day's bytes -----------------------------------------------------------------------------------------------------

// 100 inferences a second and windows of 100 s: full after 41 s.
static void run_fast(uint32_t early_bytes) {
  with_model();
  w.config.early_bytes = early_bytes;
  w.window_s = 100;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_SOFTWARE));
  CHECK(world_run(&w, 15));
  CHECK_EQUAL(fleet_agent_set_period(&w.agent, 10000), 0);
  fleet_window_close(&w.agent);
  fleet_window_open(&w.agent);
  CHECK(world_run(&w, 1));
  w.message_count = 0;
}

static uint32_t held(void) { return fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_TELEMETRY_HELD); }

static void should_close_windows_early_only_within_the_bytes_of_a_day(void) {
  // The largest message of 4 classes and 8 bins has 300 bytes.
  run_fast(300);
  CHECK(world_run(&w, 43));
  CHECK_EQUAL(world_count(&w, "telemetry"), 1);
  CHECK_EQUAL(w.agent.early_left, 300 - world_last(&w, "telemetry")->n);
  CHECK(world_run(&w, 60));
  CHECK_EQUAL(world_count(&w, "telemetry"), 1); // the next one is held
  CHECK_EQUAL(held(), 0);
  CHECK(world_run(&w, 42));
  CHECK_EQUAL(held(), 1);
  w.agent.early_day_ms -= 86400000; // another day
  w.message_count = 0;
  w.agent.thin = 0;
  CHECK(world_run(&w, 143));
  CHECK_EQUAL(world_count(&w, "telemetry"), 2);
  run_fast(299);
  CHECK(world_run(&w, 60));
  CHECK_EQUAL(world_count(&w, "telemetry"), 0);
}

static void should_spread_a_held_window_over_its_length(void) {
  run_fast(1);
  CHECK(world_run(&w, 100));
  fleet_window_t window = last_window();
  CHECK_EQUAL(window.n, FLEET_WINDOW_MAX_N); // 10,000 inferences: the first 41 s of them
  CHECK_EQUAL(window.length_ms, 100000);
  CHECK(world_run(&w, 200));
  CHECK_EQUAL(w.agent.thin, 2);
  CHECK_EQUAL(held(), 2);
  CHECK(world_run(&w, 100));
  window = last_window();
  CHECK(window.n == 2500 && total(window.counts, 32) == 2500);
  CHECK_EQUAL(held(), 2);
  // Slower again, and all are taken.
  CHECK_EQUAL(fleet_agent_set_period(&w.agent, 1000000), 0);
  CHECK(world_run(&w, 400));
  CHECK_EQUAL(w.agent.thin, 0);
  CHECK_EQUAL(last_window().n, 100);
}

static void should_hold_the_windows_of_a_move_when_the_day_has_no_bytes(void) {
  for (uint32_t affords = 0; affords < 2; affords++) {
    with_model();
    w.config.early_bytes = affords ? 300 : 299;
    w.window_s = 480;
    CHECK(world_boot(&w, FLEET_RESET_CAUSE_SOFTWARE));
    CHECK(world_run(&w, 15));
    w.agent.watch = (fleet_watch_t){.up = {1000}, .moved = true, .short_left = 8};
    w.message_count = 0;
    CHECK(world_run(&w, 200));
    CHECK_EQUAL(world_count(&w, "telemetry"), affords);
    CHECK(world_run(&w, 400));
    CHECK_EQUAL(held(), 1);
  }
}

static void should_close_a_window_on_time_without_a_model(void) {
  with_model();
  CHECK(world_run(&w, 5));
  fleet_model_unload(&w.agent);
  CHECK(world_run(&w, 20));
  CHECK(last_window().n > 0);
  w.message_count = 0;
  CHECK(world_run(&w, 200));
  CHECK_EQUAL(world_count(&w, "telemetry"), 0);
  // One that nobody stepped for longer than its length can say is told as the longest that there is.
  with_model();
  CHECK(world_run(&w, 5));
  w.now_us += UINT64_C(50) * 86400 * 1000000;
  CHECK(world_run(&w, 200));
  bool longest = false;
  for (uint32_t i = 0; i < w.message_count; i++) {
    fleet_window_t window;
    if (strcmp(w.messages[i].topic, "telemetry") == 0 && message_window(&w.messages[i], &window)) {
      longest |= window.length_ms == FLEET_WINDOW_MAX_MS;
    }
  }
  CHECK(longest);
}

const test_t telemetry_tests[] = {
    {"should close windows early only within the bytes of a day", should_close_windows_early_only_within_the_bytes_of_a_day},
    {"should spread a held window over its length", should_spread_a_held_window_over_its_length},
    {"should hold the windows of a move when the day has no bytes", should_hold_the_windows_of_a_move_when_the_day_has_no_bytes},
    {"should close a window on time without a model", should_close_a_window_on_time_without_a_model},
    {"should shorten windows when a feature moves and give them back",
     should_shorten_windows_when_a_feature_moves_and_give_them_back},
    {"should rarely take noise for a move", should_rarely_take_noise_for_a_move},
    {"should make no window shorter than a minute and none when told to",
     should_make_no_window_shorter_than_a_minute_and_none_when_told_to},
    {"should send windows more often after a move", should_send_windows_more_often_after_a_move},
    {"should summarize a window by class and confidence", should_summarize_a_window_by_class_and_confidence},
    {"should remember over a session that a window was sent", should_remember_over_a_session_that_a_window_was_sent},
    {"should count switches, stuck, saturated and invalid inputs",
     should_count_switches_stuck_saturated_and_invalid_inputs},
    {"should summarize monitored features and the OOD score",
     should_summarize_monitored_features_and_the_ood_score},
    {"should pull raw frames for a bundle with a front end", should_pull_raw_frames_for_a_bundle_with_a_front_end},
    {"should have the confidence bins that its bundle asks for", should_have_the_confidence_bins_that_its_bundle_asks_for},
    {"should wait for a sensor and count missed periods", should_wait_for_a_sensor_and_count_missed_periods},
    {"should follow a stream between two inferences", should_follow_a_stream_between_two_inferences},
    {"should close a window with its 4095th inference", should_close_a_window_with_its_4095th_inference},
    {"should keep every nth prediction and at most sixteen", should_keep_every_nth_prediction_and_at_most_sixteen},
    {"should close the window when another model takes over", should_close_the_window_when_another_model_takes_over},
    {"should store windows while offline and send them after a reboot",
     should_store_windows_while_offline_and_send_them_after_a_reboot},
    {"should merge the oldest windows of a full ring", should_merge_the_oldest_windows_of_a_full_ring},
    {"should count windows it cannot keep", should_count_windows_it_cannot_keep},
    {"should count windows lost without a ring", should_count_windows_lost_without_a_ring},
    {"should give every message of a boot its own number", should_give_every_message_of_a_boot_its_own_number},
    {"should never connect when told to stay offline", should_never_connect_when_told_to_stay_offline},
    {"should keep its window when told to", should_keep_its_window_when_told_to},
    {NULL, NULL},
};
