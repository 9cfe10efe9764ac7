// A staged bundle that runs beside the active one: what it is compared on, what it costs, when it is given up, where it goes.
#include <string.h>

#include "read.h"
#include "../src/shadow.h"
#include "test.h"
#include "world.h"

static world_t w;
static bundle_t one, two, other;
static _Alignas(16) uint8_t shadow[FLEET_SHADOW_BYTES + 64];
static _Alignas(16) uint8_t shadow_state[64];

static void want_release(const bundle_t *bundle, uint32_t sequence, uint32_t shadow_every) {
  w.bundle = bundle;
  w.release = release_of(sequence);
  w.release.soak_s = 0;
  w.deployment++;
  w.revision++;
  w.shadow_every = shadow_every;
}

// The device runs `one` and has memory for a shadow.
static void ready(void) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  make_bundle(&two, 2, 2, false);
  make_other_bundle(&other, 3);
  w.config.shadow = shadow;
  w.config.shadow_bytes = sizeof shadow;
  w.config.shadow_state = shadow_state;
  w.config.shadow_state_bytes = sizeof shadow_state;
  w.next_class = 2;
  want_release(&one, 2, 0);
}

static void with_active(void) {
  ready();
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 30));
  CHECK(w.agent.running);
}

static void stage(const bundle_t *bundle, uint32_t shadow_every) {
  want_release(bundle, 4, shadow_every);
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
}

static bool runs(const bundle_t *bundle) {
  const fleet_persist_t *p = &w.agent.persist;
  return w.agent.running && memcmp(p->slots[p->update.active_slot].digest, bundle->digest, 32) == 0 &&
         memcmp(w.flash + fleet_agent_slot_offset(&w.config, p->update.active_slot), bundle->bytes, bundle->n) == 0;
}

typedef struct {
  uint32_t runs;
  uint32_t agreed;
  uint32_t skipped;
  fleet_cbor_span_t disagreed;
} counters_t;

// Of the last state message.
static counters_t told(void) {
  static const fleet_cbor_row_t state_rows[] = {{FLEET_STATE_SHADOW, cbor_row_item, 0, 0, 0}};
  static const fleet_cbor_row_t rows[] = {
      {FLEET_SHADOW_COUNTERS_RUNS, cbor_row_u32, 0, 0, offsetof(counters_t, runs)},
      {FLEET_SHADOW_COUNTERS_AGREED, cbor_row_u32, 0, 0, offsetof(counters_t, agreed)},
      {FLEET_SHADOW_COUNTERS_DISAGREED, cbor_row_bytes, 0, 0, offsetof(counters_t, disagreed)},
      {FLEET_SHADOW_COUNTERS_SKIPPED, cbor_row_u32, 1, 0, offsetof(counters_t, skipped)},
  };
  const message_t *m = world_last(&w, "state");
  fleet_cbor_span_t item = {NULL, 0};
  counters_t counters = {0};
  CHECK(m != NULL && message_field(m, FLEET_STATE_UPDATE_STATE, 99) == FLEET_UPDATE_STATE_SHADOW);
  CHECK(fleet_cbor_read_map((fleet_cbor_span_t){m->payload, m->n}, FLEET_CBOR_ROWS(state_rows), &item) != 0);
  CHECK(fleet_cbor_read_map(item, FLEET_CBOR_ROWS(rows), &counters) != 0);
  return counters;
}

static uint32_t state_now(void) { return w.agent.update.state; }

static void should_run_beside_the_active_model_and_agree_with_an_equal_one(void) {
  with_active();
  stage(&two, 2);
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_SHADOW);
  CHECK(runs(&one));
  const uint32_t results = w.results;
  const uint32_t before = told().runs;
  CHECK(world_run(&w, 200));
  CHECK(w.results - results >= 199); // the active model misses nothing; world.c checks each of its results
  const counters_t c = told();
  CHECK(c.runs - before >= 94 && c.runs - before <= 101);
  CHECK_EQUAL(c.agreed, c.runs);
  CHECK_EQUAL(c.disagreed.n, 0);
  CHECK_EQUAL(c.skipped, 0);
  CHECK(runs(&one));
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_TRIAL), 1); // that of `one`
}

static void should_tell_which_class_was_taken_for_which(void) {
  with_active();
  stage(&other, 1);
  CHECK(world_run(&w, 40)); // class 2: the shadow says 1
  w.next_class = 3;         // the shadow says 2
  CHECK(world_run(&w, 40));
  const counters_t c = told();
  CHECK(c.runs >= 70);
  CHECK_EQUAL(c.agreed, 0);
  CHECK_EQUAL(c.disagreed.n, 32);
  uint32_t sum = 0;
  for (uint32_t i = 0; i < 16; i++) {
    const uint32_t count = c.disagreed.at[2 * i] + 256u * c.disagreed.at[2 * i + 1];
    CHECK((count != 0) == (i == 2 * 4 + 1 || i == 3 * 4 + 2));
    sum += count;
  }
  CHECK_EQUAL(sum, c.runs);
}

static void should_count_without_a_matrix_that_has_no_room(void) {
  ready();
  w.config.shadow_bytes = sizeof(fleet_shadow_t);
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 30));
  stage(&other, 1);
  CHECK(world_run(&w, 60));
  const counters_t c = told();
  CHECK(c.runs >= 50 && c.agreed == 0);
  CHECK_EQUAL(c.disagreed.n, 0);
}

static void should_run_in_slices(void) {
  with_active();
  w.config.slice_steps = 1;
  stage(&other, 1);
  const uint32_t results = w.results;
  CHECK(world_run(&w, 60));
  CHECK(w.results - results >= 59);
  CHECK(told().runs >= 50);
  // A release that takes the slot away from it.
  want_release(&two, 6, 0);
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(runs(&two));
}

static void should_go_on_to_its_trial_when_the_platform_says_so(void) {
  with_active();
  stage(&two, 3);
  const uint32_t chunks = w.chunks_sent;
  w.shadow_every = 0;
  w.revision++;
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(runs(&two));
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_ACTIVE);
  CHECK_EQUAL(w.chunks_sent, chunks); // it was staged already
}

static void should_end_when_nothing_is_desired_and_stay_staged(void) {
  with_active();
  stage(&two, 1);
  const uint32_t deployment = w.deployment;
  const uint32_t slot = w.agent.update.target_slot;
  w.deployment = 0;
  world_send_desired(&w);
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_IDLE);
  CHECK_EQUAL(w.agent.persist.slots[slot].state, FLEET_SLOT_STATE_STAGED);
  const uint32_t chunks = w.chunks_sent;
  w.deployment = deployment;
  w.shadow_every = 4;
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_SHADOW);
  CHECK_EQUAL(w.chunks_sent, chunks);
}

static void should_go_on_after_a_reboot(void) {
  with_active();
  stage(&two, 1);
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  w.message_count = 0;
  CHECK(world_run(&w, 60));
  CHECK(runs(&one));
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_SHADOW);
  CHECK(told().runs >= 40);
}

static void should_give_up_a_bundle_that_resets_the_device_three_times(void) {
  with_active();
  stage(&two, 1);
  for (uint32_t i = 0; i < FLEET_ATTEMPTS; i++) {
    CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_SHADOW);
    CHECK(world_run(&w, 300)); // however long it lasted
    w.message_count = 0;
    CHECK(world_boot(&w, FLEET_RESET_CAUSE_WATCHDOG));
  }
  CHECK(world_run(&w, 30));
  CHECK(runs(&one));
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_FAILED);
  CHECK_EQUAL(w.agent.update.error, fleet_err_agent_trial_resets);
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_agent_trial_resets);
  // Its digest is remembered.
  want_release(&two, 4, 0);
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(runs(&one));
}

static void should_refuse_a_bundle_whose_golden_vectors_fail(void) {
  with_active();
  make_bundle(&two, 2, 2, true);
  stage(&two, 1);
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_FAILED);
  CHECK_EQUAL(w.agent.update.error, fleet_err_runtime_golden_mismatch);
  CHECK(runs(&one));
  const uint32_t results = w.results;
  CHECK(world_run(&w, 30));
  CHECK(w.results - results >= 29);
}

static void should_skip_runs_that_the_period_or_the_battery_does_not_allow(void) {
  with_active();
  world_measure(&w, 300000); // 0.3 s for a run on 1 MHz, a period is 1 s: two are more than half of it
  stage(&two, 1);
  CHECK(world_run(&w, 60));
  const counters_t c = told();
  CHECK(c.skipped >= 30);
  CHECK(c.runs < c.skipped);
  CHECK(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_SHADOW_SKIPPED) >= c.skipped);
  w.cycles_per_call = 100;
  CHECK(world_run(&w, 60));
  const uint32_t runs_before = told().runs;
  CHECK(world_run(&w, 60));
  CHECK(told().runs >= runs_before + 50);
}

static int32_t flat_battery(void *user) {
  (void)user;
  return 19;
}

static void should_skip_runs_on_a_flat_battery(void) {
  with_active();
  w.platform.battery = flat_battery;
  stage(&two, 1);
  CHECK(world_run(&w, 60));
  const counters_t c = told();
  CHECK_EQUAL(c.runs, 0);
  CHECK(c.skipped >= 50);
}

static void should_answer_that_no_shadow_can_run_here(void) {
  ready();
  w.config.shadow = NULL;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 30));
  CHECK((message_field(world_last(&w, "hello"), FLEET_HELLO_CAPABILITIES, 0) & FLEET_CAPABILITY_SHADOW) == 0);
  const uint32_t chunks = w.chunks_sent;
  stage(&two, 1);
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_agent_shadow_unavailable);
  CHECK_EQUAL(w.chunks_sent, chunks);
  // While a soak is open there is no second version either.
  ready();
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  w.release.soak_s = 1000;
  CHECK(world_run(&w, 30));
  CHECK((message_field(world_last(&w, "hello"), FLEET_HELLO_CAPABILITIES, 0) & FLEET_CAPABILITY_SHADOW) != 0);
  stage(&two, 1);
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_agent_shadow_unavailable);
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_SOAK);
}

// Found out only when the bundle is there: it stays staged, and its trial needs no second transfer.
static void should_stay_staged_when_the_two_do_not_go_together(void) {
  with_active();
  w.config.arena_bytes = 32; // of both models, none is left for the inputs
  stage(&two, 1);
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_FAILED);
  const message_t *m = world_last(&w, "state");
  CHECK_EQUAL(message_field(m, FLEET_STATE_ERROR, 0), fleet_err_agent_shadow_unavailable);
  CHECK_EQUAL(message_field(m, FLEET_STATE_DETAIL, 0), 36);
  const uint32_t chunks = w.chunks_sent;
  w.shadow_every = 0;
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(runs(&two));
  CHECK_EQUAL(w.chunks_sent, chunks);

  static const fleet_sensor_t generic = {FLEET_SENSOR_GENERIC, 1, 0, 2000, 4000};
  static bundle_t sampled;
  with_active();
  make_sampled_bundle(&sampled, 5, (sampled_t){1, 0}); // takes raw samples, `one` does not
  w.config.sensors = &generic;
  w.config.sensor_count = 1;
  stage(&sampled, 1);
  CHECK_EQUAL(w.agent.update.error, fleet_err_agent_shadow_unavailable);
  CHECK(runs(&one));
}

static void should_check_it_again_when_its_bytes_move(void) {
  with_active();
  stage(&two, 1);
  const uint32_t before = told().runs;
  const fleet_persist_t *p = &w.agent.persist;
  const uint32_t offset = fleet_agent_slot_offset(&w.config, p->update.target_slot);
  w.flash[offset + 3000] ^= 1;
  w.agent.shadow_ready = false; // as if the mapping had moved
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(state_now(), FLEET_UPDATE_STATE_FAILED);
  CHECK_EQUAL(w.agent.update.error, fleet_err_agent_slot_corrupt);
  CHECK(runs(&one));
  CHECK(before > 0);
}

static void should_keep_the_active_model_at_a_power_cut_at_every_operation(void) {
  uint32_t cuts = 0;
  for (cut_t mode = cut_before; mode <= cut_after; mode++) {
    for (int64_t at = 0;; at++) {
      with_active();
      w.cut_at = w.operations + at;
      w.cut_mode = mode;
      want_release(&two, 4, 2);
      world_send_desired(&w);
      bool survived = world_run(&w, 40);
      if (survived) {
        w.shadow_every = 0;
        world_send_desired(&w);
        survived = world_run(&w, 40);
      }
      if (survived) break; // beyond the last operation
      cuts++;
      w.cut_at = -1;
      const bool moves_on = w.shadow_every == 0;
      w.message_count = 0;
      CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
      CHECK(world_run(&w, 90));
      CHECK(runs(moves_on ? &two : &one));
      CHECK_EQUAL(state_now(), moves_on ? FLEET_UPDATE_STATE_ACTIVE : FLEET_UPDATE_STATE_SHADOW);
      if (!moves_on) CHECK(told().runs >= 20);
      CHECK_EQUAL(w.rule_breaches, 0);
    }
  }
  CHECK(cuts > 60);
}

// What comes while the shadow's bundle is hashed or tested.
static void should_leave_its_slot_to_another_release_in_the_middle_of_its_check(void) {
  for (uint32_t job = job_check_shadow; job <= job_test_shadow; job++) {
    with_active();
    want_release(&other, 4, 1);
    world_send_desired(&w);
    while (w.agent.job != job) CHECK(world_run_step(&w));
    want_release(&two, 6, 0);
    world_send_desired(&w);
    CHECK(world_run(&w, 30));
    CHECK(runs(&two));
    CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_FAILED), 0);
  }
}

static void should_blame_nothing_on_the_active_model_when_it_is_desired_in_the_middle_of_the_check(void) {
  with_active();
  bundle_t bad;
  make_bundle(&bad, 9, 2, true);
  want_release(&bad, 4, 1);
  world_send_desired(&w);
  while (w.agent.job != job_check_shadow) CHECK(world_run_step(&w));
  want_release(&one, 6, 0);
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(runs(&one));
  const fleet_persist_t *p = &w.agent.persist;
  CHECK_EQUAL(p->update.state, FLEET_UPDATE_STATE_ACTIVE);
  CHECK_EQUAL(p->slots[p->update.active_slot].state, FLEET_SLOT_STATE_ACTIVE);
  CHECK_EQUAL(p->refused[0].error, 0);
}

static void should_not_begin_a_run_after_its_end(void) {
  with_active();
  stage(&two, 1);
  w.agent.shadow_kept = true; // in slices, the active model has started
  w.agent.update.state = FLEET_UPDATE_STATE_IDLE;
  CHECK(!fleet_shadow_begin(&w.agent, 0));
}

const test_t shadow_tests[] = {
    {"should run beside the active model and agree with an equal one",
     should_run_beside_the_active_model_and_agree_with_an_equal_one},
    {"should tell which class was taken for which", should_tell_which_class_was_taken_for_which},
    {"should count without a matrix that has no room", should_count_without_a_matrix_that_has_no_room},
    {"should run in slices", should_run_in_slices},
    {"should go on to its trial when the platform says so", should_go_on_to_its_trial_when_the_platform_says_so},
    {"should end when nothing is desired and stay staged", should_end_when_nothing_is_desired_and_stay_staged},
    {"should go on after a reboot", should_go_on_after_a_reboot},
    {"should give up a bundle that resets the device three times",
     should_give_up_a_bundle_that_resets_the_device_three_times},
    {"should refuse a bundle whose golden vectors fail", should_refuse_a_bundle_whose_golden_vectors_fail},
    {"should skip runs that the period or the battery does not allow",
     should_skip_runs_that_the_period_or_the_battery_does_not_allow},
    {"should leave its slot to another release in the middle of its check",
     should_leave_its_slot_to_another_release_in_the_middle_of_its_check},
    {"should blame nothing on the active model when it is desired in the middle of the check",
     should_blame_nothing_on_the_active_model_when_it_is_desired_in_the_middle_of_the_check},
    {"should not begin a run after its end", should_not_begin_a_run_after_its_end},
    {"should skip runs on a flat battery", should_skip_runs_on_a_flat_battery},
    {"should answer that no shadow can run here", should_answer_that_no_shadow_can_run_here},
    {"should stay staged when the two do not go together", should_stay_staged_when_the_two_do_not_go_together},
    {"should check it again when its bytes move", should_check_it_again_when_its_bytes_move},
    {"should keep the active model at a power cut at every operation",
     should_keep_the_active_model_at_a_power_cut_at_every_operation},
    {NULL, NULL},
};
