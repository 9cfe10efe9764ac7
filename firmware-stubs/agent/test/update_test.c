// Installing, resuming, soaking, reverting: the whole path from desired to active, with power cuts at every flash operation.
#include <string.h>

#include "../src/update.h"
#include "test.h"
#include "world.h"

static world_t w;
static bundle_t one, two, three;

static void ready(void) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  make_bundle(&two, 2, 2, false);
  make_bundle(&three, 3, 2, false);
}

static void want_release(const bundle_t *bundle, uint32_t sequence) {
  w.bundle = bundle;
  w.release = release_of(sequence);
  w.deployment++;
  w.revision++;
}

static void restart(uint32_t cause) {
  w.message_count = 0;
  CHECK(world_boot(&w, cause));
}

static bool runs(const bundle_t *bundle) {
  const fleet_persist_t *p = &w.agent.persist;
  return w.agent.running && memcmp(p->slots[p->update.active_slot].digest, bundle->digest, 32) == 0 &&
         memcmp(w.flash + fleet_agent_slot_offset(&w.config, p->update.active_slot), bundle->bytes, bundle->n) == 0;
}

static void install(const bundle_t *bundle, uint32_t sequence) {
  want_release(bundle, sequence);
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK(runs(bundle));
}

static void refused_with(uint32_t error) {
  CHECK(world_run(&w, 20));
  const message_t *state = world_last(&w, "state");
  CHECK_EQUAL(message_field(state, FLEET_STATE_ERROR, 0), error);
  CHECK_EQUAL(message_field(state, FLEET_STATE_UPDATE_STATE, 0), FLEET_UPDATE_STATE_FAILED);
  CHECK_EQUAL(message_field(state, FLEET_STATE_DEPLOYMENT, 0), w.deployment);
}

static void should_install_a_first_model(void) {
  ready();
  want_release(&one, 2);
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 10));
  CHECK(runs(&one));
  CHECK_EQUAL(w.rule_breaches, 0);
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_FETCHING), 1);
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_VERIFIED), 1);
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_STAGED), 1);
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_TRIAL), 1);
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_SOAK), 1);
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_ACTIVE), 0);
  CHECK(world_run(&w, 110));
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_ACTIVE), 1);
  CHECK_EQUAL(w.agent.update.attempt_open, 0);
  CHECK(w.results > 100);
}

static void should_run_a_factory_image(void) {
  ready();
  memcpy(w.flash + fleet_agent_slot_offset(&w.config, 1), one.bytes, one.n);
  const fleet_factory_image_t image = {one.digest, 1, one.n, 6};
  CHECK_EQUAL(fleet_agent_provision(&w.agent, &w.platform, &w.config, &image), 0);
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  want_release(&two, 4);
  world_send_desired(&w);
  refused_with(fleet_err_manifest_downgrade);
  install(&two, 8);
  const fleet_factory_image_t bad[] = {{one.digest, 2, one.n, 6}, {one.digest, 0, 0, 6}, {one.digest, 0, world_slot_bytes + 1, 6}};
  for (uint32_t i = 0; i < 3; i++) {
    CHECK_EQUAL(fleet_agent_provision(&w.agent, &w.platform, &w.config, &bad[i]), -(int)fleet_err_agent_argument_invalid);
  }
}

static int32_t init_with(const fleet_agent_config_t *config) {
  return fleet_agent_init(&w.agent, &w.platform, config);
}

static void should_refuse_a_platform_or_configuration_it_cannot_work_with(void) {
  ready();
  const fleet_agent_config_t good = w.config;
  const int32_t geometry = -(int32_t)fleet_err_flash_geometry_invalid;
  const int32_t argument = -(int32_t)fleet_err_agent_argument_invalid;
  CHECK_EQUAL(init_with(&good), 0);
#define REFUSED(change, code)             \
  do {                                    \
    fleet_agent_config_t c = good;        \
    change;                               \
    CHECK_EQUAL(init_with(&c), code);     \
  } while (0)
  static const char long_name[130] = "x";
  REFUSED(c.flash.unit_bytes = 3, geometry);
  REFUSED(c.flash.unit_bytes = 64, geometry);
  REFUSED(c.flash.sector_bytes = 256, geometry);
  REFUSED(c.flash.sector_bytes = 2u << 20, geometry);
  REFUSED(c.flash.erased = 0x55, geometry);
  REFUSED(c.flash.bytes = world_flash_bytes + 1, geometry);
  REFUSED(c.flash.bytes = 2 * 1024 + 2 * world_slot_bytes - 1024, geometry);
  REFUSED(c.flash.bytes = 2 * 1024 + 2 * world_slot_bytes, 0);
  REFUSED(c.slot_bytes = world_slot_bytes + 32, geometry);
  REFUSED(c.slot_bytes = 0, geometry);
  REFUSED(c.device = ((fleet_text_t){long_name, 64}), argument);
  REFUSED(c.device = ((fleet_text_t){long_name, 63}), 0);
  REFUSED(c.project = ((fleet_text_t){long_name, 0}), argument);
  REFUSED(c.token = ((fleet_text_t){long_name, 129}), argument);
  REFUSED(c.token = ((fleet_text_t){long_name, 128}), 0);
  REFUSED(c.arena = (uint8_t *)c.arena + 8, argument);
  REFUSED(c.sensor_count = 9, argument);
  REFUSED(c.healthy_s = 100001, argument);
  REFUSED(c.linger_s = 100001, argument);
  REFUSED(c.healthy_s = c.linger_s = 100000, 0);
  REFUSED(c.backoff_max_ms = UINT32_C(1) << 31, argument);
  REFUSED(c.backoff_min_ms = UINT32_C(1) << 31, argument);
  REFUSED(c.backoff_min_ms = c.backoff_max_ms = INT32_MAX, 0);
#undef REFUSED
  w.platform.entropy = NULL;
  CHECK_EQUAL(init_with(&good), -(int)fleet_err_agent_platform_invalid);
}

static void should_keep_the_old_slot_and_switch_back_without_a_download(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  install(&two, 4);
  CHECK(world_run(&w, 110));
  CHECK_EQUAL(w.agent.persist.slots[w.agent.update.active_slot ^ 1].state, FLEET_SLOT_STATE_RETAINED);
  const uint32_t chunks = w.chunks_sent;
  install(&one, 2);
  CHECK_EQUAL(w.chunks_sent, chunks);
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE); // no soak on the way back
  install(&two, 4);
  CHECK_EQUAL(w.chunks_sent, chunks);
}

static void should_switch_back_at_once_while_a_soak_is_open(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  install(&two, 4);
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_SOAK);
  install(&one, 2);
}

static void should_not_switch_back_below_the_floor(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  want_release(&two, 4);
  w.release.floor = 3;
  world_send_desired(&w);
  CHECK(world_run(&w, 130));
  CHECK(runs(&two));
  want_release(&one, 2);
  world_send_desired(&w);
  refused_with(fleet_err_manifest_below_floor);
  CHECK(runs(&two));
}

static void should_refuse_a_downgrade_unless_the_release_allows_it(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 8);
  CHECK(world_run(&w, 110));
  want_release(&two, 6);
  world_send_desired(&w);
  refused_with(fleet_err_manifest_downgrade);
  CHECK(runs(&one));
  want_release(&two, 6);
  w.release.allow_downgrade = true;
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK(runs(&two));
}

static void should_refuse_what_it_must_not_or_cannot_run(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 5));
  static const struct {
    uint32_t error;
    release_t change;
  } cases[] = {
      {fleet_err_manifest_signature_invalid, {.wrong_signature = true}},
      {fleet_err_manifest_key_unknown, {.wrong_key = true}},
      {fleet_err_manifest_class_mismatch, {.class_id = 8}},
      {fleet_err_manifest_abi_unsupported, {.abi = (FLEET_ABI_MAJOR + 1) << 16}},
      {fleet_err_manifest_ops_missing, {.op_set = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80}, .op_set_bytes = 21}},
      {fleet_err_manifest_arena_too_small, {.arena_bytes = 257}},
      {fleet_err_manifest_firmware_too_old, {.firmware_min = "0.2"}},
      {fleet_err_manifest_below_floor, {.floor = 10}},
  };
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const release_t *c = &cases[i].change;
    want_release(&one, 4);
    release_t *r = &w.release;
    r->wrong_signature = c->wrong_signature;
    r->wrong_key = c->wrong_key;
    if (c->class_id != 0) r->class_id = c->class_id;
    if (c->abi != 0) r->abi = c->abi;
    if (c->op_set_bytes != 0) {
      memcpy(r->op_set, c->op_set, sizeof r->op_set);
      r->op_set_bytes = c->op_set_bytes;
    }
    if (c->arena_bytes != 0) r->arena_bytes = c->arena_bytes;
    if (c->firmware_min != NULL) r->firmware_min = c->firmware_min;
    if (c->floor != 0) r->floor = c->floor;
    world_send_desired(&w);
    refused_with(cases[i].error);
  }
  CHECK_EQUAL(w.chunks_sent, 0);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_MANIFEST_REFUSED), sizeof cases / sizeof cases[0]);
  // At the limits it is accepted.
  want_release(&one, 4);
  w.release.arena_bytes = 256;
  w.release.firmware_min = FLEET_FIRMWARE_VERSION;
  w.release.floor = 4;
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK(runs(&one));
}

static void should_reject_a_bundle_that_fails_its_golden_vectors_and_remember_it(void) {
  ready();
  bundle_t bad;
  make_bundle(&bad, 9, 2, true);
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  want_release(&bad, 4);
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK(runs(&one));
  const message_t *state = world_last(&w, "state");
  CHECK_EQUAL(message_field(state, FLEET_STATE_UPDATE_STATE, 0), FLEET_UPDATE_STATE_REVERTED);
  CHECK_EQUAL(message_field(state, FLEET_STATE_ERROR, 0), fleet_err_runtime_golden_mismatch);
  // The same deployment again: the same answer. Another one with the same sequence: refused, without a download.
  const uint32_t chunks = w.chunks_sent;
  world_send_desired(&w);
  CHECK(world_run(&w, 5));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_runtime_golden_mismatch);
  want_release(&bad, 4);
  world_send_desired(&w);
  refused_with(fleet_err_manifest_digest_refused);
  CHECK_EQUAL(w.chunks_sent, chunks);
  // Issued again it is tried again.
  want_release(&bad, 6);
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK(w.chunks_sent > chunks);
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_runtime_golden_mismatch);
  CHECK(runs(&one));
}

static void should_refuse_a_model_slower_than_its_bound(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  want_release(&one, 2);
  w.release.latency_us = 100;
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK(runs(&one)); // a port that measures nothing never fails on it
  for (uint32_t latency = 100; latency <= 101; latency++) {
    ready();
    world_measure(&w, latency);
    restart(FLEET_RESET_CAUSE_POWER_ON);
    want_release(&one, 2);
    w.release.latency_us = 100;
    world_send_desired(&w);
    CHECK(world_run(&w, 20));
    CHECK_EQUAL(runs(&one), latency <= 100);
    CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0),
                latency <= 100 ? 0 : fleet_err_runtime_latency_exceeded);
  }
}

static void should_revert_after_three_faulty_resets_in_soak(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  install(&two, 4);
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_SOAK);
  for (uint32_t i = 0; i < 2; i++) {
    restart(FLEET_RESET_CAUSE_WATCHDOG);
    CHECK(world_run(&w, 5));
    CHECK(runs(&two));
  }
  // A power cycle is no fault of the model.
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 5));
  CHECK(runs(&two));
  restart(FLEET_RESET_CAUSE_FAULT);
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  bool told = false;
  for (uint32_t i = 0; i < w.message_count; i++) {
    told = told || message_field(&w.messages[i], FLEET_STATE_ERROR, 0) == fleet_err_agent_trial_resets;
  }
  CHECK(told);
  want_release(&two, 4);
  world_send_desired(&w);
  refused_with(fleet_err_manifest_digest_refused);
}

static void should_give_up_a_bundle_that_resets_the_device_in_its_trial(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  want_release(&two, 4);
  world_send_desired(&w);
  for (uint32_t i = 0; i < 3; i++) {
    while (w.agent.job != job_self_test) CHECK(world_run_step(&w));
    CHECK_EQUAL(w.agent.update.attempts, i);
    restart(FLEET_RESET_CAUSE_WATCHDOG); // the first golden vector hangs
  }
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_REVERTED);
  CHECK_EQUAL(w.agent.update.error, fleet_err_agent_trial_resets);
}

static void should_soak_as_long_as_the_signed_manifest_says(void) {
  static const struct {
    uint32_t is_signed, is_not;
    bool soaks;
  } cases[] = {{100, 0, true}, {100, 1, true}, {100, UINT32_MAX, true}, {0, 1000, false}};
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ready();
    restart(FLEET_RESET_CAUSE_POWER_ON);
    install(&one, 2);
    CHECK(world_run(&w, 110));
    want_release(&two, 4);
    w.release.soak_s = cases[i].is_signed;
    w.unsigned_soak_s = cases[i].is_not;
    world_send_desired(&w);
    CHECK(world_run(&w, 60));
    CHECK_EQUAL(w.agent.update.state, cases[i].soaks ? FLEET_UPDATE_STATE_SOAK : FLEET_UPDATE_STATE_ACTIVE);
    CHECK(world_run(&w, 60));
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
  }
}

static void should_forget_attempts_after_a_healthy_interval(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  want_release(&two, 4);
  w.release.soak_s = 1000;
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  for (uint32_t i = 0; i < 6; i++) {
    restart(FLEET_RESET_CAUSE_WATCHDOG);
    CHECK(world_run(&w, 5));
    restart(FLEET_RESET_CAUSE_WATCHDOG);
    CHECK(world_run(&w, 70));
    CHECK(runs(&two));
  }
  // 6 times 60 s are on record; the rest of the soak needs no 1000 s any more.
  CHECK(w.agent.persist.soaked_s >= 360);
  CHECK(world_run(&w, 650));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
}

// 49.7 days after boot a count of milliseconds in 32 bits comes round.
static void should_keep_its_times_when_the_count_of_milliseconds_comes_round(void) {
  for (uint32_t before_s = 1; before_s < 400; before_s += 37) {
    ready();
    w.uptime_us = ((UINT64_C(1) << 32) - 1000 * before_s) * 1000;
    w.now_us = w.uptime_us;
    w.window_s = 60;
    want_release(&one, 2);
    w.release.soak_s = 200;
    restart(FLEET_RESET_CAUSE_POWER_ON);
    CHECK(world_run(&w, 190));
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_SOAK);
    CHECK_EQUAL(w.agent.update.attempt_open, 0);
    CHECK(world_run(&w, 30));
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
    w.drop_wants = true;
    want_release(&two, 4);
    world_send_desired(&w);
    CHECK(world_run(&w, 120));
    CHECK(world_count(&w, "want") >= 5);
    CHECK(world_count(&w, "want") <= 12);
    w.drop_wants = false;
    CHECK(world_run(&w, 400));
    CHECK(runs(&two));
    const message_t *telemetry = world_last(&w, "telemetry");
    CHECK_EQUAL(message_field(telemetry, FLEET_TELEMETRY_LENGTH_MS, 0), 60000);
    CHECK(message_field(telemetry, FLEET_TELEMETRY_START_MS, 0) > UINT32_MAX - 60000);
    CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_RECONNECT), 0);
    CHECK_EQUAL(w.opens, 1);
  }
}

static void should_give_up_a_model_that_never_runs_in_its_soak(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  w.sample_result = -1;
  install(&two, 4);
  CHECK(world_run(&w, 200));
  CHECK(runs(&one));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_agent_health_failed);
}

// 100 s of samples make the first input; the health of a model that collects them is not in doubt.
static void should_wait_for_the_first_input_of_a_slow_sensor(void) {
  static const fleet_sensor_t generic = {FLEET_SENSOR_GENERIC, 1, 0, 2000, 40};
  for (uint32_t stalls = 0; stalls < 3; stalls++) {
    ready();
    bundle_t slow;
    make_sampled_bundle(&slow, 4, (sampled_t){2, 40});
    w.config.sensors = &generic;
    w.config.sensor_count = 1;
    w.sample_pace_us = 50000000;
    restart(FLEET_RESET_CAUSE_POWER_ON);
    install(&one, 2);
    CHECK(world_run(&w, 110));
    w.next_sample_us = w.now_us + (stalls == 1 ? 500000000 : 40000000);
    if (stalls == 2) w.sample_pace_us = 500000000;
    want_release(&slow, 4);
    w.release.soak_s = 10;
    world_send_desired(&w);
    const uint32_t results = w.results;
    CHECK(world_run(&w, 85));
    // No row within 60 s, of the sensor that stalls at once; or none within 60 s of the first.
    CHECK_EQUAL(w.agent.update.state,
                stalls == 1 ? FLEET_UPDATE_STATE_REVERTED : FLEET_UPDATE_STATE_SOAK);
    CHECK(world_run(&w, 25));
    CHECK_EQUAL(w.agent.update.state, stalls == 0 ? FLEET_UPDATE_STATE_ACTIVE : FLEET_UPDATE_STATE_REVERTED);
    if (stalls == 0) CHECK_EQUAL(w.results, results + 1);
  }
}

static void should_queue_a_release_that_arrives_during_a_soak(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  want_release(&two, 4);
  world_send_desired(&w);
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_QUEUED), 1);
  CHECK(runs(&one));
  const uint32_t hellos = world_count(&w, "hello");
  CHECK(world_run(&w, 110));
  CHECK_EQUAL(world_count(&w, "hello"), hellos + 1);
  CHECK(runs(&two));
}

static void should_supersede_a_soak_when_the_manifest_says_so(void) {
  for (uint32_t supersede = 1; supersede <= 2; supersede++) {
    ready();
    restart(FLEET_RESET_CAUSE_POWER_ON);
    install(&one, 2);
    CHECK(world_run(&w, 110));
    install(&two, 4);
    want_release(&three, 6);
    w.release.supersede = supersede;
    world_send_desired(&w);
    CHECK(world_run(&w, 20));
    CHECK(runs(&three));
    const fleet_persist_t *p = &w.agent.persist;
    const bundle_t *kept = supersede == 1 ? &two : &one;
    CHECK(memcmp(p->slots[p->update.active_slot ^ 1].digest, kept->digest, 32) == 0);
  }
}

static void should_supersede_a_soak_by_what_came_during_the_trial(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  want_release(&two, 4);
  world_send_desired(&w);
  while (w.agent.update.state != FLEET_UPDATE_STATE_TRIAL) CHECK(world_run_step(&w));
  want_release(&three, 6);
  w.release.supersede = FLEET_CONDITIONS_SUPERSEDE_COMMIT;
  world_send_desired(&w);
  CHECK(world_run(&w, 40));
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_QUEUED), 1);
  CHECK(runs(&three));
}

static void should_soak_again_what_was_left_in_its_soak(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  install(&two, 4);
  install(&one, 2); // the fleet goes back before two was proven
  const fleet_persist_t *p = &w.agent.persist;
  CHECK_EQUAL(p->slots[p->update.active_slot ^ 1].state, FLEET_SLOT_STATE_STAGED);
  const uint32_t chunks = w.chunks_sent;
  install(&two, 6);
  CHECK_EQUAL(w.chunks_sent, chunks);
  CHECK_EQUAL(p->update.state, FLEET_UPDATE_STATE_SOAK);
  CHECK_EQUAL(p->slots[p->update.active_slot ^ 1].state, FLEET_SLOT_STATE_RETAINED);
}

// One bundle may be a release of two device types.
static void should_take_nothing_from_a_manifest_for_other_devices(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  want_release(&one, 800);
  w.release.floor = 800;
  w.release.class_id = 8;
  world_send_desired(&w);
  refused_with(fleet_err_manifest_class_mismatch);
  CHECK_EQUAL(w.agent.persist.highest_sequence, 2);
  CHECK_EQUAL(w.agent.persist.floor, 0);
  install(&two, 4);
}

static void should_start_anew_when_the_slots_no_longer_hold_what_soaks(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  restart(FLEET_RESET_CAUSE_WATCHDOG);
  restart(FLEET_RESET_CAUSE_WATCHDOG);
  CHECK_EQUAL(w.agent.update.attempts, 2);
  w.config.slot_bytes = (one.n - 1) / 1024 * 1024;
  restart(FLEET_RESET_CAUSE_WATCHDOG);
  CHECK_EQUAL(w.agent.update.active_slot, FLEET_NO_SLOT);
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_IDLE);
}

// As after a boot: what is desired comes while the active slot is still being hashed, and so does a chunk that was on its way.
static void should_take_no_chunk_while_it_checks_its_model(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  w.drop_wants = true;
  want_release(&two, 4);
  world_send_desired(&w);
  CHECK(world_run(&w, 2));
  fleet_agent_t *a = &w.agent;
  CHECK(a->fetching && a->next_offset == 0);
  fleet_trial_job(a, job_check_active, a->update.active_slot);
  uint8_t chunk[1200];
  fleet_cbor_writer_t to = {chunk, sizeof chunk, 0, false};
  fleet_cbor_head(&to, cbor_map, 4);
  fleet_cbor_field_bytes(&to, FLEET_CHUNK_TRANSFER, a->persist.transfer, 8);
  fleet_cbor_field(&to, FLEET_CHUNK_OFFSET, 0);
  fleet_cbor_field_bytes(&to, FLEET_CHUNK_DATA, two.bytes, a->chunk_bytes);
  fleet_cbor_field(&to, FLEET_CHUNK_CRC32, fleet_crc32(0, two.bytes, a->chunk_bytes));
  CHECK(!to.overflow);
  fleet_transfer_chunk(a, chunk, to.used);
  CHECK_EQUAL(fleet_agent_counter(a, FLEET_LOSS_COUNTER_CHUNK_STALE), 1);
  w.drop_wants = false;
  CHECK(world_run(&w, 20));
  CHECK(runs(&two));
  CHECK_EQUAL(world_states(&w, FLEET_UPDATE_STATE_REVERTED), 0);
}

static void should_count_a_clock_behind_its_uptime_as_unknown(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 20));
  for (uint32_t known = 0; known < 2; known++) {
    uint8_t desired[32];
    fleet_cbor_writer_t to = {desired, sizeof desired, 0, false};
    fleet_cbor_head(&to, cbor_map, 3);
    fleet_cbor_field_wide(&to, FLEET_DESIRED_SERVER_TIME_MS, w.agent.uptime_ms - 1 + known);
    fleet_cbor_field(&to, FLEET_DESIRED_REVISION, 9);
    fleet_cbor_field(&to, FLEET_DESIRED_DEPLOYMENT, 0);
    fleet_update_desired(&w.agent, desired, to.used);
    CHECK_EQUAL(w.agent.time_known, known);
  }
}

static void should_say_hello_however_much_there_is_to_tell(void) {
  static const char name[128] = "a name as long as any";
  static uint8_t memory[FLEET_SHADOW_BYTES];
  static uint8_t next_key[65];
  fleet_sensor_t sensors[8];
  ready();
  memset(sensors, 0xff, sizeof sensors);
  fleet_agent_config_t *c = &w.config;
  c->project = c->device = c->device_type = (fleet_text_t){name, 63};
  c->firmware_version = (fleet_text_t){name, 32};
  c->sensors = sensors;
  c->sensor_count = 8;
  c->duty_cycle_s = c->reset_cause = c->shadow_state_bytes = UINT32_MAX;
  c->shadow = memory;
  c->shadow_bytes = sizeof memory;
  c->keys[1] = (fleet_key_t){FLEET_SIGNATURE_ALGORITHM_P256, next_key, 65};
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  fleet_agent_t *a = &w.agent;
  fleet_persist_t *p = &a->persist;
  c->arena_bytes = c->state_bytes = c->slot_bytes = c->flash.sector_bytes = UINT32_MAX;
  p->last_boot_counter = p->highest_sequence = p->floor = p->key_sequence = p->windows_dropped = p->ask_counter = UINT32_MAX;
  memset(p->slots, 0xff, sizeof p->slots);
  memset(a->counters, 0xff, sizeof a->counters);
  a->boot_id = UINT64_MAX;
  a->sequence = UINT32_MAX - 1;
  a->now_us = UINT64_C(1) << 60;
  a->time_known = true;
  a->unix_offset_ms = INT64_C(1) << 60;
  CHECK(fleet_messages_hello(a));
}

static void should_repeat_wants_for_lost_and_broken_chunks(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  w.corrupt_chunks = 1;
  install(&one, 2);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_CHUNK_CRC), 1);
  w.skip_chunks = 3;
  CHECK(world_run(&w, 110));
  install(&two, 4);
  w.drop_wants = true;
  CHECK(world_run(&w, 110));
  want_release(&three, 6);
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(!runs(&three));
  w.drop_wants = false;
  CHECK(world_run(&w, 90));
  CHECK(runs(&three));
}

static void should_resume_a_transfer_after_a_lost_connection_and_after_a_reboot(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 3));
  w.disconnect_after = 5;
  want_release(&one, 2);
  world_send_desired(&w);
  CHECK(world_run(&w, 5));
  CHECK_EQUAL(w.chunks_sent, 5);
  w.unreachable = false;
  w.disconnect_after = 1;
  CHECK(world_run(&w, 30));
  CHECK_EQUAL(w.chunks_sent, 6); // a connection is enough: nothing stored is fetched again
  CHECK(!runs(&one));
  w.unreachable = false;
  // Power goes: what was stored up to a whole sector is not fetched again.
  w.agent.persist.fetched = 0;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK_EQUAL(w.agent.persist.fetched, 4096);
  CHECK(world_run(&w, 10));
  CHECK(runs(&one));
  CHECK_EQUAL(w.chunks_sent, 6 + (one.n - 4096 + 1023) / 1024);
  CHECK_EQUAL(w.rule_breaches, 0);
}

static void should_report_a_payload_with_another_digest_and_start_again(void) {
  ready();
  bundle_t wrong = one;
  wrong.bytes[4000] ^= 1; // chunks are intact, the sum is not
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 3));
  want_release(&wrong, 2);
  world_send_desired(&w);
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_manifest_digest_mismatch);
  install(&one, 2);
}

static void should_fall_back_when_the_active_slot_rots(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  install(&two, 4);
  CHECK(world_run(&w, 110));
  w.flash[fleet_agent_slot_offset(&w.config, w.agent.update.active_slot) + 3000] ^= 0x10;
  w.deployment = 0;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_agent_slot_corrupt);
  // When that one rots too there is no model, and the device still talks.
  w.flash[fleet_agent_slot_offset(&w.config, w.agent.update.active_slot) + 10] ^= 1;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 5));
  CHECK(!w.agent.running);
  CHECK_EQUAL(w.agent.update.active_slot, FLEET_NO_SLOT);
  CHECK(w.agent.session);
  install(&three, 6);
}

// An emulated flash gives a device its own copy when its bytes change: the copy is checked like a new bundle.
static void should_check_a_mapping_that_moved(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 110));
  install(&two, 4);
  CHECK(world_run(&w, 110));
  const uint32_t results = w.results;
  w.moved = true;
  CHECK(world_run(&w, 10));
  CHECK(w.results >= results + 10);
  CHECK(runs(&two));
  w.moved = false;
  w.deployment = 0;
  w.flash[fleet_agent_slot_offset(&w.config, w.agent.update.active_slot) + 200] ^= 1; // in the plan
  w.moved = true;
  w.agent.bundle = NULL;
  CHECK(world_run(&w, 10));
  CHECK(runs(&one));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_agent_slot_corrupt);
}

static void should_run_from_ram_where_flash_is_not_mapped(void) {
  static _Alignas(16) uint8_t ram[world_slot_bytes];
  ready();
  w.unmapped = true;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  want_release(&one, 2);
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_flash_map_failed);
  ready();
  w.unmapped = true;
  w.config.bundle_ram = ram;
  w.config.bundle_ram_bytes = sizeof ram;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
}

static void should_report_flash_errors_and_recover(void) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 3));
  const int64_t first = w.operations;
  for (int64_t at = 1; at < 16; at++) {
    ready();
    restart(FLEET_RESET_CAUSE_POWER_ON);
    CHECK(world_run(&w, 3));
    w.fail_at = first + at;
    want_release(&one, 2);
    world_send_desired(&w);
    CHECK(world_run(&w, 20));
    CHECK(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_FLASH_ERROR) != 0);
    if (!runs(&one)) install(&one, 2);
    CHECK_EQUAL(w.rule_breaches, 0);
  }
}

// A slot that is called complete holds one of the bundles, whole, and the one its record names.
static void complete_slots_are_complete(void) {
  const bundle_t *bundles[] = {&one, &two, &three};
  for (uint32_t i = 0; i < 2; i++) {
    const fleet_slot_record_t *slot = &w.agent.persist.slots[i];
    const bool complete = slot->state == FLEET_SLOT_STATE_ACTIVE || slot->state == FLEET_SLOT_STATE_RETAINED ||
                          slot->state == FLEET_SLOT_STATE_STAGED || slot->state == FLEET_SLOT_STATE_TRIAL;
    if (!complete) continue;
    bool found = false;
    for (uint32_t b = 0; b < 3; b++) {
      found = found || (memcmp(slot->digest, bundles[b]->digest, 32) == 0 && slot->bytes == bundles[b]->n &&
                        memcmp(w.flash + fleet_agent_slot_offset(&w.config, i), bundles[b]->bytes, bundles[b]->n) == 0);
    }
    CHECK(found);
  }
}

// The promise of fleet_agent.h, tried at every flash operation of three installs, before, inside and after it. Chunks straddle
// sectors; the third install overwrites a retained slot.
static void should_boot_old_or_new_after_a_power_cut_at_every_operation(void) {
  const bundle_t *bundles[] = {&one, &two, &three};
  uint32_t cuts = 0;
  for (cut_t mode = cut_before; mode <= cut_after; mode++) {
    for (int64_t at = 0;; at++) {
      ready();
      w.chunk_bytes = 640;
      w.cut_at = at;
      w.cut_mode = mode;
      w.random = (uint32_t)(at * 7919 + 1);
      want_release(&one, 2);
      bool survived = world_boot(&w, FLEET_RESET_CAUSE_POWER_ON) && world_run(&w, 115);
      for (uint32_t i = 1; survived && i < 3; i++) {
        want_release(bundles[i], 2 + 2 * i);
        world_send_desired(&w);
        survived = world_run(&w, 115);
      }
      if (survived) break; // beyond the last operation
      cuts++;
      w.cut_at = -1;
      const uint32_t wanted = w.release.sequence / 2 - 1;
      w.message_count = 0;
      CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
      complete_slots_are_complete();
      const fleet_persist_t *p = &w.agent.persist;
      if (wanted != 0) CHECK(p->update.active_slot != FLEET_NO_SLOT); // the old model is never lost
      if (p->update.active_slot != FLEET_NO_SLOT) {
        const uint8_t *digest = p->slots[p->update.active_slot].digest;
        CHECK(memcmp(digest, bundles[wanted]->digest, 32) == 0 ||
              (wanted != 0 && memcmp(digest, bundles[wanted - 1]->digest, 32) == 0));
      }
      CHECK(world_run(&w, 150));
      CHECK(runs(bundles[wanted]));
      CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
      complete_slots_are_complete();
      CHECK_EQUAL(w.rule_breaches, 0);
    }
  }
  CHECK(cuts > 200);
}

// Two cuts in a row, at random places: repairs may be interrupted too.
static void should_survive_random_power_cuts_in_a_row(void) {
  uint32_t seed = 4711;
  for (uint32_t round = 0; round < 150; round++) {
    ready();
    w.random = seed;
    w.chunk_bytes = 32 * (1 + seed % 40);
    want_release(&one, 2);
    bool second = false;
    for (uint32_t cut = 0; cut < 6; cut++) {
      w.cut_at = w.operations + fleet_xorshift32(&seed) % 40;
      w.cut_mode = (cut_t)(fleet_xorshift32(&seed) % 3);
      w.message_count = 0;
      if (!world_boot(&w, FLEET_RESET_CAUSE_POWER_ON)) continue;
      if (!world_run(&w, 115)) continue;
      if (!second) {
        second = true;
        want_release(&two, 4);
        world_send_desired(&w);
        if (!world_run(&w, 30)) continue;
      }
    }
    w.cut_at = -1;
    w.message_count = 0;
    CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
    complete_slots_are_complete();
    CHECK(world_run(&w, 250));
    CHECK(runs(second ? &two : &one));
    CHECK_EQUAL(w.rule_breaches, 0);
  }
}

static uint64_t board_time_ms;
static uint64_t unix_ms(void *user) {
  (void)user;
  return board_time_ms;
}

static uint32_t stack_bytes(void *user) {
  (void)user;
  return 1234;
}

static void should_refuse_what_has_expired_only_with_a_clock_to_trust(void) {
  static const struct {
    uint64_t now_ms;
    bool has_clock, refused;
  } cases[] = {{2000000000, false, false}, {0, true, false}, {1000000999, true, false}, {1000001000, true, true}};
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ready();
    board_time_ms = cases[i].now_ms;
    if (cases[i].has_clock) w.platform.unix_ms = unix_ms;
    restart(FLEET_RESET_CAUSE_POWER_ON);
    want_release(&one, 2);
    w.release.not_after = 1000000;
    world_send_desired(&w);
    CHECK(world_run(&w, 20));
    CHECK_EQUAL(runs(&one), !cases[i].refused);
    CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), cases[i].refused ? fleet_err_manifest_expired : 0);
    const uint32_t capabilities = (uint32_t)message_field(world_last(&w, "hello"), FLEET_HELLO_CAPABILITIES, 0);
    CHECK_EQUAL((capabilities & FLEET_CAPABILITY_TRUSTED_TIME) != 0, cases[i].has_clock);
  }
  // What runs goes on when its manifest expires, and is told so.
  w.release.not_after = 0;
  w.deployment++;
  world_send_desired(&w);
  CHECK(world_run(&w, 130));
  w.release.not_after = 1000000;
  world_send_desired(&w);
  CHECK(world_run(&w, 5));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_UPDATE_STATE, 0), FLEET_UPDATE_STATE_ACTIVE);
}

static void should_say_how_much_stack_it_needed(void) {
  ready();
  w.platform.stack_bytes = stack_bytes;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  CHECK(world_run(&w, 20));
  CHECK_EQUAL(message_field(world_last(&w, "telemetry"), FLEET_TELEMETRY_STACK_BYTES, 0), 1248); // in units of 16
  uint32_t told = 0;
  for (uint32_t i = 0; i < w.message_count; i++) {
    for (uint32_t at = 0; at + 4 <= w.messages[i].n && strcmp(w.messages[i].topic, "state") == 0; at++) {
      told += memcmp(w.messages[i].payload + at, "\x08\x19\x04\xd2", 4) == 0; // key 8 of the self-test
    }
  }
  CHECK_EQUAL(told, 1);
}

const test_t update_tests[] = {
    {"should refuse what has expired only with a clock to trust", should_refuse_what_has_expired_only_with_a_clock_to_trust},
    {"should soak as long as the signed manifest says", should_soak_as_long_as_the_signed_manifest_says},
    {"should say how much stack it needed", should_say_how_much_stack_it_needed},
    {"should install a first model", should_install_a_first_model},
    {"should run a factory image", should_run_a_factory_image},
    {"should refuse a platform or configuration it cannot work with",
     should_refuse_a_platform_or_configuration_it_cannot_work_with},
    {"should keep the old slot and switch back without a download",
     should_keep_the_old_slot_and_switch_back_without_a_download},
    {"should switch back at once while a soak is open", should_switch_back_at_once_while_a_soak_is_open},
    {"should not switch back below the floor", should_not_switch_back_below_the_floor},
    {"should refuse a downgrade unless the release allows it", should_refuse_a_downgrade_unless_the_release_allows_it},
    {"should refuse what it must not or cannot run", should_refuse_what_it_must_not_or_cannot_run},
    {"should reject a bundle that fails its golden vectors and remember it",
     should_reject_a_bundle_that_fails_its_golden_vectors_and_remember_it},
    {"should refuse a model slower than its bound", should_refuse_a_model_slower_than_its_bound},
    {"should revert after three faulty resets in soak", should_revert_after_three_faulty_resets_in_soak},
    {"should give up a bundle that resets the device in its trial",
     should_give_up_a_bundle_that_resets_the_device_in_its_trial},
    {"should forget attempts after a healthy interval", should_forget_attempts_after_a_healthy_interval},
    {"should keep its times when the count of milliseconds comes round",
     should_keep_its_times_when_the_count_of_milliseconds_comes_round},
    {"should give up a model that never runs in its soak", should_give_up_a_model_that_never_runs_in_its_soak},
    {"should wait for the first input of a slow sensor", should_wait_for_the_first_input_of_a_slow_sensor},
    {"should queue a release that arrives during a soak", should_queue_a_release_that_arrives_during_a_soak},
    {"should supersede a soak by what came during the trial", should_supersede_a_soak_by_what_came_during_the_trial},
    {"should soak again what was left in its soak", should_soak_again_what_was_left_in_its_soak},
    {"should take nothing from a manifest for other devices", should_take_nothing_from_a_manifest_for_other_devices},
    {"should start anew when the slots no longer hold what soaks",
     should_start_anew_when_the_slots_no_longer_hold_what_soaks},
    {"should take no chunk while it checks its model", should_take_no_chunk_while_it_checks_its_model},
    {"should count a clock behind its uptime as unknown", should_count_a_clock_behind_its_uptime_as_unknown},
    {"should say hello however much there is to tell", should_say_hello_however_much_there_is_to_tell},
    {"should supersede a soak when the manifest says so", should_supersede_a_soak_when_the_manifest_says_so},
    {"should repeat wants for lost and broken chunks", should_repeat_wants_for_lost_and_broken_chunks},
    {"should resume a transfer after a lost connection and after a reboot",
     should_resume_a_transfer_after_a_lost_connection_and_after_a_reboot},
    {"should report a payload with another digest and start again",
     should_report_a_payload_with_another_digest_and_start_again},
    {"should fall back when the active slot rots", should_fall_back_when_the_active_slot_rots},
    {"should check a mapping that moved", should_check_a_mapping_that_moved},
    {"should run from RAM where flash is not mapped", should_run_from_ram_where_flash_is_not_mapped},
    {"should report flash errors and recover", should_report_flash_errors_and_recover},
    {"should boot old or new after a power cut at every operation",
     should_boot_old_or_new_after_a_power_cut_at_every_operation},
    {"should survive random power cuts in a row", should_survive_random_power_cuts_in_a_row},
    {NULL, NULL},
};
