// Devices with one slot: an update takes the running model's place, at once or after it was proven in RAM.
#include <string.h>

#include "test.h"
#include "world.h"

static world_t w;
static bundle_t one, two, bad;
static _Alignas(16) uint8_t ram[world_slot_bytes];

static void ready(bool staged) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  make_bundle(&two, 2, 2, false);
  make_bundle(&bad, 9, 2, true);
  w.config.slots = 1;
  if (staged) {
    w.config.bundle_ram = ram;
    w.config.bundle_ram_bytes = one.n; // just enough
  }
  memset(ram, 0, sizeof ram);
}

static void restart(uint32_t cause) {
  w.message_count = w.to_device_n = 0; // what was on its way is lost
  memset(ram, 0xee, sizeof ram);
  CHECK(world_boot(&w, cause));
}

static void want_release(const bundle_t *bundle, uint32_t sequence) {
  w.bundle = bundle;
  w.release = release_of(sequence);
  w.deployment++;
  w.revision++;
}

static bool runs(const bundle_t *bundle) {
  const fleet_persist_t *p = &w.agent.persist;
  return w.agent.running && p->update.active_slot == 0 && memcmp(p->slots[0].digest, bundle->digest, 32) == 0 &&
         memcmp(w.flash + fleet_agent_slot_offset(&w.config, 0), bundle->bytes, bundle->n) == 0;
}

static void install(const bundle_t *bundle, uint32_t sequence) {
  want_release(bundle, sequence);
  world_send_desired(&w);
  CHECK(world_run(&w, 130));
  CHECK(runs(bundle));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
}

static void should_say_that_it_has_one_slot(void) {
  ready(false);
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 5));
  static const fleet_cbor_row_t rows[] = {{FLEET_HELLO_SLOTS, cbor_row_item, 0, 0, 0},
                                          {FLEET_HELLO_METHODS, cbor_row_item, 0, 0, sizeof(fleet_cbor_span_t)}};
  const message_t *hello = world_last(&w, "hello");
  fleet_cbor_span_t found[2];
  CHECK(fleet_cbor_read_map((fleet_cbor_span_t){hello->payload, hello->n}, FLEET_CBOR_ROWS(rows), found) != 0);
  CHECK_EQUAL(found[0].at[0], 0x81);
  // The fetch destroys what a delta would be made against: full and compressed are left.
  CHECK(found[1].n == 3 && memcmp(found[1].at, "\x82\x00\x01", 3) == 0);
  CHECK_EQUAL(message_field(hello, FLEET_HELLO_FETCH_SLOT, 9), 0);
  const uint32_t capabilities = (uint32_t)message_field(hello, FLEET_HELLO_CAPABILITIES, 0);
  CHECK_EQUAL(capabilities & (FLEET_CAPABILITY_ONE_SLOT | FLEET_CAPABILITY_RETAINED_SLOT), FLEET_CAPABILITY_ONE_SLOT);
  // All that two slots would take is there for one.
  ready(true); // beside a model in flash RAM takes what a delta makes
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK_EQUAL(fleet_transfer_methods(&w.agent), FLEET_TRANSFER_METHOD_COMPRESSED + 1);
  install(&one, 2);
  CHECK_EQUAL(fleet_transfer_methods(&w.agent), FLEET_TRANSFER_METHOD_DELTA + 1);
  const fleet_agent_config_t good = w.config;
  fleet_agent_config_t c = good;
  c.slot_bytes = world_flash_bytes - 2048;
  CHECK_EQUAL(fleet_agent_init(&w.agent, &w.platform, &c), 0);
  c.slot_bytes += 1024;
  CHECK_EQUAL(fleet_agent_init(&w.agent, &w.platform, &c), -(int)fleet_err_flash_geometry_invalid);
  c = good;
  c.slots = 3;
  CHECK_EQUAL(fleet_agent_init(&w.agent, &w.platform, &c), -(int)fleet_err_flash_geometry_invalid);
  const fleet_factory_image_t image = {one.digest, 1, one.n, 2};
  CHECK_EQUAL(fleet_agent_provision(&w.agent, &w.platform, &good, &image), -(int)fleet_err_agent_argument_invalid);
}

static void should_overwrite_its_model_and_have_none_when_that_fails(void) {
  ready(false);
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  want_release(&two, 4);
  w.disconnect_after = 3;
  world_send_desired(&w);
  CHECK(world_run(&w, 5));
  CHECK(!w.agent.running);
  CHECK_EQUAL(w.agent.update.active_slot, FLEET_NO_SLOT);
  w.unreachable = false;
  CHECK(world_run(&w, 300));
  CHECK(runs(&two));
  want_release(&bad, 6);
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(!w.agent.running);
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_UPDATE_STATE, 0), FLEET_UPDATE_STATE_FAILED);
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_runtime_golden_mismatch);
  CHECK(w.agent.session);
  install(&one, 8);
  CHECK_EQUAL(w.rule_breaches, 0);
}

static void should_keep_its_model_until_another_is_proven_in_ram(void) {
  ready(true);
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  const int64_t operations = w.operations;
  want_release(&bad, 4);
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(runs(&one));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_UPDATE_STATE, 0), FLEET_UPDATE_STATE_REVERTED);
  CHECK(w.operations - operations < 60); // records and windows: the bundle alone has more units
  install(&two, 6);
  // One byte too large for RAM: it takes the model's place.
  w.config.bundle_ram_bytes--;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 5));
  want_release(&bad, 8);
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(!w.agent.running);
  install(&one, 10);
}

static void should_forget_what_was_in_ram_and_fetch_it_again(void) {
  ready(true);
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  for (uint32_t state = FLEET_UPDATE_STATE_FETCHING; state <= FLEET_UPDATE_STATE_TRIAL; state++) {
    if (state == FLEET_UPDATE_STATE_STAGED || state == FLEET_UPDATE_STATE_VERIFIED) continue; // not between two steps
    want_release(state == FLEET_UPDATE_STATE_FETCHING ? &two : &one, 2 + 2 * state);
    world_send_desired(&w);
    while (w.agent.update.state != state || w.agent.update.target_slot != 1) CHECK(world_run_step(&w));
    restart(FLEET_RESET_CAUSE_POWER_ON);
    CHECK(world_run(&w, 150));
    CHECK(runs(w.bundle));
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
  }
  // Aborted in its trial it is complete, until the reboot.
  want_release(&two, 20);
  world_send_desired(&w);
  while (w.agent.job != job_self_test) CHECK(world_run_step(&w));
  fleet_ask(&w.agent, (const uint8_t *)"\xa2\x01\x02\x02\x06", 5);
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  install(&two, 20);
}

static void should_give_up_a_bundle_that_resets_the_device_in_ram(void) {
  ready(true);
  restart(FLEET_RESET_CAUSE_POWER_ON);
  install(&one, 2);
  want_release(&two, 4);
  world_send_desired(&w);
  for (uint32_t i = 0; i < 3; i++) {
    while (w.agent.job != job_self_test) CHECK(world_run_step(&w));
    CHECK_EQUAL(w.agent.update.attempts, i);
    restart(FLEET_RESET_CAUSE_WATCHDOG);
  }
  const uint32_t chunks = w.chunks_sent;
  CHECK(world_run(&w, 20));
  CHECK(runs(&one));
  CHECK_EQUAL(w.agent.update.error, fleet_err_agent_trial_resets);
  CHECK_EQUAL(w.chunks_sent, chunks);
}

// Old, new or none, and it says which; with power it always gets the new one.
static void should_boot_a_complete_model_or_none_after_a_cut_at_every_operation(void) {
  for (uint32_t staged = 0; staged < 2; staged++) {
    uint32_t cuts = 0, old = 0, none = 0;
    for (cut_t mode = cut_before; mode <= cut_after; mode++) {
      for (int64_t at = 0;; at++) {
        ready(staged != 0);
        w.random = (uint32_t)(at * 7919 + 1);
        restart(FLEET_RESET_CAUSE_POWER_ON);
        install(&one, 2);
        w.cut_at = w.operations + at;
        w.cut_mode = mode;
        want_release(&two, 4);
        world_send_desired(&w);
        const bool survived = world_run(&w, 130);
        w.cut_at = -1;
        if (!survived) {
          cuts++;
          restart(FLEET_RESET_CAUSE_POWER_ON);
          const fleet_persist_t *p = &w.agent.persist;
          none += p->update.active_slot == FLEET_NO_SLOT;
          if (p->update.active_slot != FLEET_NO_SLOT) {
            const bool is_old = memcmp(p->slots[0].digest, one.digest, 32) == 0;
            old += is_old;
            CHECK(memcmp(p->slots[0].digest, is_old ? one.digest : two.digest, 32) == 0);
            CHECK(memcmp(w.flash + fleet_agent_slot_offset(&w.config, 0), is_old ? one.bytes : two.bytes, one.n) == 0);
          }
          CHECK(world_run(&w, 200));
        }
        CHECK(runs(&two));
        CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
        CHECK_EQUAL(w.rule_breaches, 0);
        if (survived) break;
      }
    }
    CHECK(cuts > 60 && old > 0 && none > 0);
  }
}

const test_t one_slot_tests[] = {
    {"should say that it has one slot", should_say_that_it_has_one_slot},
    {"should overwrite its model and have none when that fails", should_overwrite_its_model_and_have_none_when_that_fails},
    {"should keep its model until another is proven in RAM", should_keep_its_model_until_another_is_proven_in_ram},
    {"should forget what was in RAM and fetch it again", should_forget_what_was_in_ram_and_fetch_it_again},
    {"should give up a bundle that resets the device in RAM", should_give_up_a_bundle_that_resets_the_device_in_ram},
    {"should boot a complete model or none after a cut at every operation",
     should_boot_a_complete_model_or_none_after_a_cut_at_every_operation},
    {NULL, NULL},
};
