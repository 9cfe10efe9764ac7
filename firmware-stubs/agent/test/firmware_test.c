// Updates of the firmware itself: two images, a boot loader that runs one on trial, and power cuts at every flash operation.
#include <string.h>

#include "../src/firmware.h"
#include "test.h"
#include "world.h"

enum { port_sector_bytes = 1024 };

static world_t w;
static bundle_t model, next_model, image_one, image_two, image_three;

// The board: two slots with room for a "firmware", of which the agent sees the digest.
static struct {
  uint8_t slots[2][world_slot_bytes];
  uint8_t digest[32];
  uint32_t bytes[2];
  uint32_t active;
  uint32_t trying; // 0 none, 1 = at the next reset, 2 = now
  uint32_t begun;
  uint32_t reverted;
  uint32_t small_arena; // the image with this first byte leaves less memory for models
  uint32_t dies;        // the image with this tag never reaches main
  bool broken;
} board;

// What the port does counts as an operation of the flash: power may be cut before and behind it, and inside a write.
static bool cut_here;
static void before_it(void) {
  cut_here = w.operations++ == w.cut_at;
  if (cut_here && w.cut_mode == cut_before) longjmp(w.cut, 1);
}
static int32_t behind_it(void) {
  if (cut_here) longjmp(w.cut, 1);
  return 0;
}

static uint32_t running(void) { return board.trying == 2 ? board.active ^ 1u : board.active; }
static int32_t begin(void *user, uint32_t bytes) {
  (void)user;
  before_it();
  memset(board.slots[board.active ^ 1u], 0xff, world_slot_bytes);
  board.bytes[board.active ^ 1u] = bytes;
  board.begun++;
  return behind_it();
}
static int32_t write(void *user, uint32_t offset, const void *src, uint32_t n) {
  (void)user;
  if (board.broken || offset + n > world_slot_bytes) return -1;
  CHECK(offset / port_sector_bytes == (offset + n - 1) / port_sector_bytes); // who erases at a sector's start sees each of them
  before_it();
  memcpy(board.slots[board.active ^ 1u] + offset, src, cut_here && w.cut_mode == cut_torn ? n / 2 : n);
  return behind_it();
}
static int32_t read(void *user, uint32_t offset, void *dst, uint32_t n) {
  (void)user;
  memcpy(dst, board.slots[board.active ^ 1u] + offset, n);
  return 0;
}
static int32_t activate(void *user) {
  (void)user;
  before_it();
  board.trying = 1;
  return behind_it();
}
static int32_t confirm(void *user) {
  (void)user;
  before_it();
  if (board.trying == 2) board.active ^= 1u;
  board.trying = 0;
  return behind_it();
}
static int32_t revert(void *user) {
  (void)user;
  before_it();
  if (board.trying == 0) board.active ^= 1u;
  board.trying = 0;
  board.reverted++;
  return behind_it();
}
static fleet_firmware_port_t port = {.digest = board.digest,
                                     .slot_bytes = world_slot_bytes,
                                     .sector_bytes = port_sector_bytes,
                                     .patience_s = 60,
                                     .begin = begin,
                                     .write = write,
                                     .read = read,
                                     .activate = activate,
                                     .confirm = confirm,
                                     .revert = revert};

// A reset: the boot loader, then the image that it chose. `again`: that image died and the board was reset once more.
static bool boot(uint32_t cause) {
  fleet_sha256_t sha;
  for (;;) {
    board.trying = board.trying == 1 ? 2 : 0;
    if (board.dies == 0 || memcmp(board.slots[running()], image_two.bytes, 64) != 0) break;
    cause = FLEET_RESET_CAUSE_WATCHDOG;
  }
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, board.slots[running()], board.bytes[running()]);
  fleet_sha256_final(&sha, board.digest);
  port.bytes = board.bytes[running()];
  const bool is_two = memcmp(board.digest, image_two.digest, 32) == 0;
  w.config.arena_bytes = board.small_arena != 0 && is_two ? 8 : 256;
  w.to_device_n = 0;
  return world_boot(&w, cause);
}

// Runs it through all its resets; false when the power was cut.
static bool run(uint32_t seconds) {
  for (uint32_t i = 0; i < seconds; i++) {
    const uint32_t before = w.resets;
    if (!world_run(&w, 1)) return false;
    if (w.resets != before && !boot(FLEET_RESET_CAUSE_SOFTWARE)) return false;
  }
  return true;
}

static bool runs_image(const bundle_t *image) {
  return memcmp(board.digest, image->digest, 32) == 0 && board.bytes[running()] == image->n &&
         memcmp(board.slots[running()], image->bytes, image->n) == 0;
}
static bool runs_model(const bundle_t *bundle) {
  const fleet_persist_t *p = &w.agent.persist;
  return w.agent.running && memcmp(p->slots[p->update.active_slot].digest, bundle->digest, 32) == 0;
}

static void want(const bundle_t *bundle, uint32_t sequence, bool firmware) {
  w.bundle = bundle;
  w.release = release_of(sequence);
  w.release.firmware = firmware;
  w.release.soak_s = 5;
  w.deployment++;
  w.revision++;
}

static uint32_t last_state(uint32_t key) { return (uint32_t)message_field(world_last(&w, "state"), key, 0); }

static void ready(bool with_model) {
  world_init(&w);
  memset(&board, 0, sizeof board);
  make_bundle(&model, 1, 2, false);
  make_bundle(&next_model, 2, 2, false);
  make_bundle(&image_one, 11, 2, false);
  make_bundle(&image_two, 12, 2, false);
  make_bundle(&image_three, 13, 2, false);
  memcpy(board.slots[0], image_one.bytes, image_one.n);
  board.bytes[0] = image_one.n;
  w.config.firmware = &port;
  w.config.healthy_s = 1;
  CHECK(boot(FLEET_RESET_CAUSE_POWER_ON));
  if (!with_model) return;
  want(&model, 2, false);
  CHECK(run(20));
  CHECK(runs_model(&model));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
}

static void install(const bundle_t *image, uint32_t sequence) {
  want(image, sequence, true);
  world_send_desired(&w);
  CHECK(run(40));
}

static void should_install_an_image_and_keep_it_after_its_soak(void) {
  for (uint32_t with_model = 0; with_model < 2; with_model++) {
    ready(with_model != 0);
    w.chunk_bytes = 1216 * with_model; // ends in the middle of a sector
    install(&image_two, 4);
    CHECK(runs_image(&image_two));
    CHECK_EQUAL(board.trying, 0);
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
    CHECK_EQUAL(last_state(FLEET_STATE_UPDATE_STATE), FLEET_UPDATE_STATE_ACTIVE);
    CHECK_EQUAL(last_state(FLEET_ENVELOPE_COMPONENT), FLEET_COMPONENT_FIRMWARE);
    CHECK_EQUAL(last_state(FLEET_STATE_DEPLOYMENT), w.deployment);
    CHECK(memcmp(w.agent.persist.firmware[0].digest, image_two.digest, 32) == 0);
    CHECK_EQUAL(w.agent.persist.firmware[1].state, FLEET_SLOT_STATE_RETAINED);
    if (with_model != 0) CHECK(runs_model(&model));
    CHECK_EQUAL(w.rule_breaches, 0);
  }
}

static void should_install_a_model_behind_its_firmware(void) {
  ready(true);
  want(&image_two, 4, true);
  world_send_desired(&w);
  while (w.agent.update.state != FLEET_UPDATE_STATE_SOAK) CHECK(run(1));
  want(&next_model, 4, false); // the same release, while the firmware soaks
  world_send_desired(&w);
  CHECK(run(2));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_SOAK);
  CHECK(runs_model(&model));
  CHECK(run(40)); // the hello at the end of the soak is answered with it
  CHECK(runs_image(&image_two));
  CHECK(runs_model(&next_model));
  CHECK_EQUAL(last_state(FLEET_ENVELOPE_COMPONENT), FLEET_COMPONENT_MODEL);
}

static void should_install_nothing_that_runs_already(void) {
  ready(true);
  install(&image_one, 4);
  CHECK_EQUAL(board.begun, 0);
  CHECK_EQUAL(w.resets, 0);
  CHECK_EQUAL(last_state(FLEET_STATE_UPDATE_STATE), FLEET_UPDATE_STATE_ACTIVE);
  CHECK_EQUAL(last_state(FLEET_ENVELOPE_COMPONENT), FLEET_COMPONENT_FIRMWARE);
}

static void went_back(uint32_t error, bool with_model) {
  CHECK(runs_image(&image_one));
  CHECK(!with_model || runs_model(&model));
  CHECK_EQUAL(board.trying, 0);
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_REVERTED);
  CHECK_EQUAL(last_state(FLEET_STATE_UPDATE_STATE), FLEET_UPDATE_STATE_REVERTED);
  CHECK_EQUAL(last_state(FLEET_STATE_ERROR), error);
  CHECK_EQUAL(last_state(FLEET_ENVELOPE_COMPONENT), FLEET_COMPONENT_FIRMWARE);
}

static void should_go_back_from_an_image_that_does_not_come_up(void) {
  ready(true);
  board.dies = 1;
  install(&image_two, 4);
  went_back(fleet_err_agent_firmware_lost, true);
  uint32_t told = 0;
  for (uint32_t i = 0; i < w.message_count; i++) told += message_field(&w.messages[i], FLEET_STATE_ATTEMPTS, 0) == FLEET_ATTEMPTS;
  CHECK_EQUAL(told, 1);
  // The digest is remembered: asked again it is answered, not tried.
  const uint32_t resets = w.resets;
  world_send_desired(&w);
  CHECK(run(20));
  CHECK_EQUAL(w.resets, resets);
}

static void should_go_back_from_an_image_that_does_not_run_the_model(void) {
  ready(true);
  board.small_arena = 1;
  install(&image_two, 4);
  went_back(fleet_err_bundle_arena_too_small, true);
}

static void should_go_back_from_an_image_that_does_not_reach_the_platform(void) {
  ready(true);
  want(&image_two, 4, true);
  world_send_desired(&w);
  while (w.agent.update.state != FLEET_UPDATE_STATE_TRIAL || board.trying != 2) CHECK(run(1));
  w.unreachable = true;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_SOFTWARE)); // with the session it had it would have been confirmed
  CHECK(run(70));
  CHECK(runs_image(&image_one));
  w.unreachable = false;
  CHECK(run(130));
  went_back(fleet_err_agent_firmware_offline, true);
}

static void should_go_back_from_an_image_that_resets_in_its_soak(void) {
  for (uint32_t with_model = 0; with_model < 2; with_model++) {
    ready(with_model != 0);
    want(&image_two, 4, true);
    w.release.soak_s = 1000;
    world_send_desired(&w);
    while (w.agent.update.state != FLEET_UPDATE_STATE_SOAK) CHECK(run(1));
    CHECK_EQUAL(board.trying, 2); // not confirmed before its end
    for (uint32_t i = 0; i < FLEET_ATTEMPTS; i++) {
      CHECK(boot(FLEET_RESET_CAUSE_WATCHDOG)); // the boot loader runs the old one
      CHECK(run(i + 1 < FLEET_ATTEMPTS ? 1 : 20));
    }
    CHECK_EQUAL(board.begun, 1);
    went_back(fleet_err_agent_firmware_lost, with_model != 0);
  }
}

static void should_keep_an_image_whose_trial_or_soak_is_aborted_and_not_try_it_again(void) {
  static const uint32_t states[] = {FLEET_UPDATE_STATE_TRIAL, FLEET_UPDATE_STATE_SOAK};
  for (uint32_t i = 0; i < 2; i++) {
    ready(true);
    want(&image_two, 4, true);
    w.release.soak_s = 1000;
    world_send_desired(&w);
    while (w.agent.update.state != states[i] || board.trying != 2) {
      CHECK(world_run_step(&w));
      if (w.agent.dead) CHECK(boot(FLEET_RESET_CAUSE_SOFTWARE));
    }
    CHECK(fleet_update_abort(&w.agent));
    CHECK(fleet_update_abort(&w.agent)); // comes twice before the reset
    CHECK_EQUAL(board.reverted, 1);
    CHECK(run(20));
    CHECK(runs_image(&image_one));
    CHECK(runs_model(&model));
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ABORTED);
    CHECK_EQUAL(last_state(FLEET_STATE_ERROR), fleet_err_agent_aborted);
    const uint32_t resets = w.resets;
    world_send_desired(&w); // the same deployment is answered
    CHECK(run(20));
    CHECK_EQUAL(w.resets, resets);
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ABORTED);
    install(&image_two, 4); // another one takes what is there
    CHECK(runs_image(&image_two));
    CHECK_EQUAL(board.begun, 1);
  }
}

static void should_try_no_image_before_its_trial_is_on_record(void) {
  ready(true);
  want(&image_two, 4, true);
  world_send_desired(&w);
  while (w.agent.update.state != FLEET_UPDATE_STATE_STAGED) CHECK(world_run_step(&w));
  w.flash_broken = true;
  CHECK(run(20));
  CHECK_EQUAL(board.trying, 0);
  CHECK_EQUAL(w.resets, 0);
  CHECK_EQUAL(last_state(FLEET_STATE_ERROR), fleet_err_agent_firmware_failed);
}

static void should_soak_on_after_a_power_cut(void) {
  ready(true);
  want(&image_two, 4, true);
  w.release.soak_s = 60;
  world_send_desired(&w);
  for (uint32_t cuts = 0; cuts < 3 * FLEET_ATTEMPTS; cuts++) {
    while (w.agent.update.state != FLEET_UPDATE_STATE_SOAK || board.trying != 2) CHECK(run(1));
    CHECK(run(4)); // longer than healthy_s: what was counted is forgotten
    CHECK(boot(FLEET_RESET_CAUSE_POWER_ON));
  }
  CHECK(run(70));
  CHECK(runs_image(&image_two));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
}

static void should_switch_back_to_the_retained_image_without_a_download(void) {
  ready(true);
  install(&image_two, 4);
  CHECK(runs_image(&image_two));
  const uint32_t begun = board.begun;
  install(&image_one, 5); // the fallback of release 4
  CHECK(runs_image(&image_one));
  CHECK_EQUAL(board.begun, begun);
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
  CHECK(runs_model(&model));
}

// Until the new image soaks for a long time, and nobody waits for that.
static void soaking(void) {
  ready(true);
  want(&image_two, 4, true);
  w.release.soak_s = 100000;
  world_send_desired(&w);
  while (w.agent.update.state != FLEET_UPDATE_STATE_SOAK) CHECK(run(1));
}

static void should_go_back_to_the_image_before_without_waiting_for_a_soak(void) {
  for (uint32_t in_trial = 0; in_trial < 2; in_trial++) {
    soaking();
    if (in_trial != 0) {
      w.agent.update.state = FLEET_UPDATE_STATE_TRIAL;
      CHECK(fleet_agent_save(&w.agent));
    }
    const uint32_t begun = board.begun;
    install(&image_one, 5); // the fallback of release 4
    CHECK(runs_image(&image_one));
    CHECK(runs_model(&model));
    CHECK_EQUAL(board.begun, begun);
    CHECK_EQUAL(board.trying, 0);
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
    CHECK_EQUAL(last_state(FLEET_STATE_DEPLOYMENT), w.deployment);
    CHECK_EQUAL(last_state(FLEET_STATE_UPDATE_STATE), FLEET_UPDATE_STATE_ACTIVE);
    install(&image_two, 6); // no fault was found with it, and it is here
    CHECK(runs_image(&image_two));
    CHECK_EQUAL(board.begun, begun);
  }
}

static void superseded(const bundle_t *next, bool firmware, uint32_t supersede) {
  soaking();
  want(next, 6, firmware);
  w.release.supersede = supersede;
  world_send_desired(&w);
  CHECK(run(40));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
  CHECK_EQUAL(last_state(FLEET_STATE_DEPLOYMENT), w.deployment);
  CHECK_EQUAL(board.trying, 0);
  CHECK_EQUAL(w.rule_breaches, 0);
}

static void should_give_way_in_a_soak_to_a_release_that_supersedes_it(void) {
  superseded(&next_model, false, FLEET_CONDITIONS_SUPERSEDE_COMMIT);
  CHECK(runs_image(&image_two));
  CHECK(runs_model(&next_model));
  superseded(&next_model, false, FLEET_CONDITIONS_SUPERSEDE_REVERT);
  CHECK(runs_image(&image_one));
  CHECK(runs_model(&next_model));
  superseded(&image_three, true, FLEET_CONDITIONS_SUPERSEDE_COMMIT);
  CHECK(runs_image(&image_three));
  CHECK(memcmp(w.agent.persist.firmware[1].digest, image_two.digest, 32) == 0);
  superseded(&image_three, true, FLEET_CONDITIONS_SUPERSEDE_REVERT);
  CHECK(runs_image(&image_three));
  CHECK(memcmp(w.agent.persist.firmware[1].digest, image_one.digest, 32) == 0);
}

static void should_give_way_to_nothing_that_it_could_not_take(void) {
  for (uint32_t firmware = 0; firmware < 2; firmware++) {
    soaking();
    want(firmware != 0 ? &image_three : &next_model, 6, firmware != 0);
    w.release.supersede = FLEET_CONDITIONS_SUPERSEDE_REVERT;
    w.release.firmware_min = "99.0.0";
    world_send_desired(&w);
    CHECK(run(10));
    CHECK(runs_image(&image_two));
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_SOAK);
    // Nor to one that comes in a way it cannot: packed firmware, a delta to a bundle that it does not have.
    static payload_writer_t packed;
    want(firmware != 0 ? &image_three : &next_model, 8, firmware != 0);
    w.release.supersede = FLEET_CONDITIONS_SUPERSEDE_REVERT;
    writer_plain(&packed, NULL, w.bundle->bytes, w.bundle->n, 1024);
    w.payload = &packed;
    w.base = firmware != 0 ? NULL : &image_three;
    world_send_desired(&w);
    CHECK(run(10));
    CHECK(runs_image(&image_two));
    CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_SOAK);
  }
}

// A release that wants the image before is no pardon for the one that failed.
static void should_remember_a_fault_when_the_way_back_is_desired_too(void) {
  soaking();
  want(&image_one, 5, true);
  world_send_desired(&w);
  fleet_firmware_go_back(&w.agent, fleet_err_agent_firmware_offline);
  CHECK(run(40));
  CHECK(runs_image(&image_one));
  CHECK(fleet_update_refused(&w.agent, image_two.digest, 4));
}

static void should_give_up_the_soak_of_a_model_for_firmware_that_supersedes_it(void) {
  ready(true);
  want(&next_model, 4, false);
  w.release.soak_s = 100000;
  world_send_desired(&w);
  while (w.agent.update.state != FLEET_UPDATE_STATE_SOAK) CHECK(run(1));
  want(&image_two, 6, true);
  w.release.supersede = FLEET_CONDITIONS_SUPERSEDE_REVERT;
  world_send_desired(&w);
  CHECK(run(40));
  CHECK(runs_image(&image_two));
  CHECK(runs_model(&model));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
}

static void refuses(uint32_t error) {
  world_send_desired(&w);
  CHECK(run(10));
  CHECK_EQUAL(last_state(FLEET_STATE_ERROR), error);
  CHECK_EQUAL(last_state(FLEET_STATE_UPDATE_STATE), FLEET_UPDATE_STATE_FAILED);
  CHECK(runs_image(&image_one));
  CHECK(runs_model(&model));
}

static void should_refuse_what_it_cannot_or_may_not_run(void) {
  ready(true);
  want(&image_two, 4, true);
  w.release.arena_bytes = 8; // less than the model there is takes
  refuses(fleet_err_manifest_firmware_incompatible);
  want(&image_two, 4, true);
  w.release.abi = (FLEET_ABI_MAJOR + 1u) << 16;
  refuses(fleet_err_manifest_firmware_incompatible);
  want(&image_two, 4, true);
  w.release.op_set_bytes = 0;
  refuses(fleet_err_manifest_firmware_incompatible);
  want(&image_two, 4, true);
  w.release.firmware_min = "99.0.0";
  refuses(fleet_err_manifest_firmware_too_old);
  want(&image_two, 1, true);
  refuses(fleet_err_manifest_downgrade);
  want(&image_two, 4, true);
  w.release.wrong_signature = true;
  refuses(fleet_err_manifest_signature_invalid);
  want(&image_two, 4, true);
  port.slot_bytes = image_two.n - 1;
  refuses(fleet_err_manifest_slot_too_small);
  port.slot_bytes = image_two.n; // just enough
  want(&image_two, 6, true);
  board.broken = true;
  refuses(fleet_err_agent_firmware_failed);
  board.broken = false;
  install(&image_two, 8);
  CHECK(runs_image(&image_two));
  port.slot_bytes = world_slot_bytes;
}

static void should_refuse_any_image_without_a_port(void) {
  ready(true);
  w.config.firmware = NULL;
  CHECK(boot(FLEET_RESET_CAUSE_POWER_ON));
  want(&image_two, 4, true);
  refuses(fleet_err_manifest_component_unknown);
}

// An update of the firmware to its end, with one cut at each operation in turn. `bad`: an image that cannot run the model.
static void cut_everywhere(bool bad) {
  static const cut_t modes[] = {cut_before, cut_torn, cut_after};
  const bundle_t *last = bad ? &image_one : &image_two;
  uint32_t cuts = 0;
  uint32_t old = 0;
  for (uint32_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
    for (uint32_t at = 0;; at++) {
      ready(true);
      board.small_arena = bad;
      want(&image_two, 4, true);
      world_send_desired(&w);
      w.cut_mode = modes[m];
      w.cut_at = w.operations + (int64_t)at;
      const bool survived = run(40);
      w.cut_at = -1;
      if (!survived) {
        cuts++;
        while (!boot(FLEET_RESET_CAUSE_POWER_ON)) continue;
        CHECK(runs_image(&image_one) || runs_image(&image_two));
        old += runs_image(&image_one);
        CHECK(run(200));
      }
      CHECK(runs_image(last));
      CHECK_EQUAL(board.trying, 0);
      CHECK(runs_model(&model));
      CHECK_EQUAL(w.agent.update.state, bad ? FLEET_UPDATE_STATE_REVERTED : FLEET_UPDATE_STATE_ACTIVE);
      CHECK_EQUAL(w.rule_breaches, 0);
      if (survived) break;
    }
  }
  CHECK(cuts > 40 && old > 0 && old < cuts);
}

static void should_run_one_whole_image_and_a_model_after_a_cut_at_every_operation(void) { cut_everywhere(false); }

static void should_run_the_old_image_after_a_cut_at_every_operation_of_the_way_back(void) { cut_everywhere(true); }

static uint64_t unix_ms(void *user) {
  (void)user;
  return UINT64_C(2000000) * 1000;
}

static void should_go_on_with_an_image_whose_manifest_has_expired(void) {
  ready(true);
  w.platform.unix_ms = unix_ms;
  want(&image_two, 4, true);
  w.release.not_after = 1000000;
  refuses(fleet_err_manifest_expired);
  want(&image_one, 4, true);
  w.release.not_after = 1000000;
  world_send_desired(&w);
  CHECK(run(10));
  CHECK_EQUAL(last_state(FLEET_STATE_UPDATE_STATE), FLEET_UPDATE_STATE_ACTIVE);
}

const test_t firmware_tests[] = {
    {"should install an image and keep it after its soak", should_install_an_image_and_keep_it_after_its_soak},
    {"should install a model behind its firmware", should_install_a_model_behind_its_firmware},
    {"should install nothing that runs already", should_install_nothing_that_runs_already},
    {"should go back from an image that does not come up", should_go_back_from_an_image_that_does_not_come_up},
    {"should go back from an image that does not run the model", should_go_back_from_an_image_that_does_not_run_the_model},
    {"should go back from an image that does not reach the platform", should_go_back_from_an_image_that_does_not_reach_the_platform},
    {"should go back from an image that resets in its soak", should_go_back_from_an_image_that_resets_in_its_soak},
    {"should keep an image whose trial or soak is aborted and not try it again",
     should_keep_an_image_whose_trial_or_soak_is_aborted_and_not_try_it_again},
    {"should try no image before its trial is on record", should_try_no_image_before_its_trial_is_on_record},
    {"should soak on after a power cut", should_soak_on_after_a_power_cut},
    {"should switch back to the retained image without a download", should_switch_back_to_the_retained_image_without_a_download},
    {"should go back to the image before without waiting for a soak", should_go_back_to_the_image_before_without_waiting_for_a_soak},
    {"should give way in a soak to a release that supersedes it", should_give_way_in_a_soak_to_a_release_that_supersedes_it},
    {"should remember a fault when the way back is desired too", should_remember_a_fault_when_the_way_back_is_desired_too},
    {"should give way to nothing that it could not take", should_give_way_to_nothing_that_it_could_not_take},
    {"should give up the soak of a model for firmware that supersedes it",
     should_give_up_the_soak_of_a_model_for_firmware_that_supersedes_it},
    {"should refuse what it cannot or may not run", should_refuse_what_it_cannot_or_may_not_run},
    {"should refuse any image without a port", should_refuse_any_image_without_a_port},
    {"should run one whole image and a model after a cut at every operation",
     should_run_one_whole_image_and_a_model_after_a_cut_at_every_operation},
    {"should run the old image after a cut at every operation of the way back",
     should_run_the_old_image_after_a_cut_at_every_operation_of_the_way_back},
    {"should go on with an image whose manifest has expired", should_go_on_with_an_image_whose_manifest_has_expired},
    {NULL, NULL},
};
