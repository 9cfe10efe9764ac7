// Windows: what they count, when they close, how they wait for a broker, and what is lost is counted.
#include <string.h>

#include "read.h"
#include "test.h"
#include "world.h"

static world_t w;
static bundle_t one, two;

static void with_model(void) {
  world_init(&w);
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

// Unpacks key `key` (a packed histogram of `bins` counts) of a message.
static uint32_t histogram(const message_t *m, uint32_t key, uint16_t *counts, uint32_t bins) {
  fleet_cbor_reader_t r;
  uint32_t count;
  fleet_cbor_reader_init(&r, m->payload, m->n);
  CHECK(read_head(&r, cbor_map, &count));
  for (uint32_t i = 0; i < count; i++) {
    uint32_t found;
    CHECK(read_head(&r, cbor_uint, &found));
    if (found != key) {
      CHECK(fleet_cbor_skip(&r));
      continue;
    }
    const uint8_t *data;
    uint32_t n;
    CHECK(read_bytes(&r, &data, &n));
    const uint32_t width = data[0];
    CHECK_EQUAL(n, 1 + (bins * width + 7) / 8);
    uint32_t total = 0;
    for (uint32_t b = 0; b < bins; b++) {
      counts[b] = 0;
      for (uint32_t k = 0; k < width; k++) {
        const uint32_t bit = b * width + k;
        counts[b] = (uint16_t)(counts[b] | (data[1 + bit / 8] >> bit % 8 & 1) << k);
      }
      total += counts[b];
    }
    return total;
  }
  return 0;
}

static void should_summarize_a_window_by_class_and_confidence(void) {
  with_model();
  w.next_class = 2;
  CHECK(world_run(&w, 30));
  const message_t *m = world_last(&w, "telemetry");
  uint16_t counts[32];
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_N, 0), 10);
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_LENGTH_MS, 0), 10000);
  CHECK_EQUAL(histogram(m, FLEET_TELEMETRY_CLASSES, counts, 32), 10);
  for (uint32_t i = 0; i < 32; i++) CHECK(counts[i] == 0 || i / 8 == 2);
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_SWITCHES, 0), 0);
  CHECK(message_field(m, FLEET_TELEMETRY_START_UNIX_MS, 0) > 1700000000000u);
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_FIRST_INDEX, 0) % 10, 0);
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
  const message_t *m = world_last(&w, "telemetry");
  uint16_t counts[16];
  CHECK_EQUAL(histogram(m, FLEET_TELEMETRY_OOD, counts, 16), 10);
  CHECK_EQUAL(counts[15], 10); // the largest class is always 60 or more
  CHECK(message_field(m, FLEET_TELEMETRY_SCHEMA, 0) == fleet_monitors_crc(&w.agent.runtime));
  fleet_cbor_reader_t r;
  uint32_t fields;
  uint32_t features = 0;
  fleet_cbor_reader_init(&r, m->payload, m->n);
  CHECK(read_head(&r, cbor_map, &fields));
  for (uint32_t i = 0; i < fields; i++) {
    uint32_t key;
    CHECK(read_head(&r, cbor_uint, &key));
    if (key != FLEET_TELEMETRY_FEATURES) {
      CHECK(fleet_cbor_skip(&r));
      continue;
    }
    CHECK(read_head(&r, cbor_array, &features));
    for (uint32_t f = 0; f < features; f++) {
      message_t inner = *m;
      inner.n = (uint32_t)(r.end - r.at);
      memcpy(inner.payload, r.at, inner.n);
      CHECK_EQUAL(message_field(&inner, FLEET_FEATURE_SUMMARY_N, 0), 10);
      CHECK_EQUAL(histogram(&inner, FLEET_FEATURE_SUMMARY_HISTOGRAM, counts, 16), 10);
      CHECK(fleet_cbor_skip(&r));
      fleet_cbor_reader_t one_feature;
      fleet_cbor_reader_init(&one_feature, inner.payload, inner.n);
      uint32_t n;
      int64_t sum = 0, min = 0, max = 0;
      uint64_t squares = 0;
      CHECK(read_head(&one_feature, cbor_map, &n) && n == 6);
      for (uint32_t k = 0; k < n; k++) {
        uint32_t name;
        CHECK(read_head(&one_feature, cbor_uint, &name));
        if (name == FLEET_FEATURE_SUMMARY_SUM) CHECK(read_int(&one_feature, &sum));
        else if (name == FLEET_FEATURE_SUMMARY_SUM_SQUARES) CHECK(read_uint(&one_feature, &squares));
        else if (name == FLEET_FEATURE_SUMMARY_MIN) CHECK(read_int(&one_feature, &min));
        else if (name == FLEET_FEATURE_SUMMARY_MAX) CHECK(read_int(&one_feature, &max));
        else CHECK(fleet_cbor_skip(&one_feature));
      }
      if (f % 4 == 0) {
        CHECK(min >= 60 && max < 100 && sum > 10 * 57); // the class that is on
      } else {
        CHECK(min == -100 && max == -100 && sum == 10 * -103 && squares == 10 * 103 * 103);
      }
    }
  }
  CHECK_EQUAL(features, FLEET_WINDOW_FEATURES); // seven are monitored, five are summarized
}

static void should_leave_features_out_of_a_window_that_would_not_fit(void) {
  with_model();
  make_monitored_bundle(&two, 2, 5);
  w.bundle = &two;
  w.release = release_of(4);
  w.deployment = 2;
  w.pick_every = 1;
  world_send_desired(&w);
  CHECK(world_run(&w, 40));
  // The worst case: every count needs 12 bits, every number its full length.
  fleet_window_t *window = &w.agent.window;
  window->classes = 24;
  for (uint32_t i = 0; i < FLEET_WINDOW_CELLS; i++) window->counts[i] = 4095;
  for (uint32_t i = 0; i < 16; i++) window->ood[i] = 4095;
  for (uint32_t f = 0; f < window->features; f++) {
    for (uint32_t i = 0; i < 16; i++) window->feature[f].histogram[i] = 4095;
    window->feature[f].sum_squares = UINT64_MAX;
    window->feature[f].sum = INT64_MIN / 2;
  }
  const uint32_t dropped = w.agent.persist.windows_dropped;
  const uint32_t sent = world_count(&w, "telemetry");
  CHECK(world_run(&w, 20));
  CHECK(world_count(&w, "telemetry") >= sent + 2);
  CHECK_EQUAL(w.agent.persist.windows_dropped, dropped);
  bool left_out = false;
  for (uint32_t i = 0; i < w.message_count; i++) {
    uint16_t counts[FLEET_WINDOW_CELLS];
    const message_t *m = &w.messages[i];
    if (strcmp(m->topic, "telemetry") == 0 && m->n > 350) {
      left_out = histogram(m, FLEET_TELEMETRY_CLASSES, counts, FLEET_WINDOW_CELLS) == FLEET_WINDOW_CELLS * 4095u;
    }
  }
  CHECK(left_out);
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
  uint16_t counts[32];
  CHECK_EQUAL(message_field(m, FLEET_TELEMETRY_N, 0), FLEET_WINDOW_MAX_N);
  CHECK_EQUAL(histogram(m, FLEET_TELEMETRY_CLASSES, counts, 32), FLEET_WINDOW_MAX_N);
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

static void should_count_windows_it_cannot_keep(void) {
  with_model();
  w.unreachable = true;
  w.open = false;
  w.window_s = 0;
  CHECK(world_run(&w, 6000));
  CHECK(w.agent.persist.windows_dropped > 100);
  CHECK_EQUAL(w.agent.persist.windows_dropped, fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_TELEMETRY_DROPPED));
  CHECK_EQUAL(w.agent.windows_made, fleet_agent_windows_pending(&w.agent) + w.agent.persist.windows_dropped +
                                        world_count(&w, "telemetry"));
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

const test_t telemetry_tests[] = {
    {"should summarize a window by class and confidence", should_summarize_a_window_by_class_and_confidence},
    {"should count switches, stuck, saturated and invalid inputs",
     should_count_switches_stuck_saturated_and_invalid_inputs},
    {"should summarize monitored features and the OOD score",
     should_summarize_monitored_features_and_the_ood_score},
    {"should leave features out of a window that would not fit", should_leave_features_out_of_a_window_that_would_not_fit},
    {"should pull raw frames for a bundle with a front end", should_pull_raw_frames_for_a_bundle_with_a_front_end},
    {"should wait for a sensor and count missed periods", should_wait_for_a_sensor_and_count_missed_periods},
    {"should follow a stream between two inferences", should_follow_a_stream_between_two_inferences},
    {"should close a window with its 4095th inference", should_close_a_window_with_its_4095th_inference},
    {"should keep every nth prediction and at most sixteen", should_keep_every_nth_prediction_and_at_most_sixteen},
    {"should close the window when another model takes over", should_close_the_window_when_another_model_takes_over},
    {"should store windows while offline and send them after a reboot",
     should_store_windows_while_offline_and_send_them_after_a_reboot},
    {"should count windows it cannot keep", should_count_windows_it_cannot_keep},
    {"should count windows lost without a ring", should_count_windows_lost_without_a_ring},
    {"should give every message of a boot its own number", should_give_every_message_of_a_boot_its_own_number},
    {"should never connect when told to stay offline", should_never_connect_when_told_to_stay_offline},
    {"should keep its window when told to", should_keep_its_window_when_told_to},
    {NULL, NULL},
};
