// Updates that come as a delta or compressed: the whole path from desired to active, what is refused, where a transfer goes on,
// and power cuts at every flash operation.
#include <string.h>

#include "fleet_payload.h"
#include "payload_writer.h"
#include "test.h"
#include "world.h"

enum { block_bytes = 2048 };

static world_t w;
static bundle_t one, two, three;
static payload_writer_t delta;      // one -> two
static payload_writer_t compressed; // three

static void ready(void) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  make_bundle(&two, 2, 2, false);
  make_bundle(&three, 3, 2, false);
  writer_plain(&delta, one.bytes, two.bytes, two.n, block_bytes);
  writer_plain(&compressed, NULL, three.bytes, three.n, block_bytes);
  CHECK_EQUAL(one.n, two.n);
}

static void want(const bundle_t *bundle, const payload_writer_t *payload, const bundle_t *base) {
  w.bundle = bundle;
  w.payload = payload;
  w.base = base;
  w.release = release_of(w.release.sequence + 2);
  w.deployment++;
  w.revision++;
}

static bool runs(const bundle_t *bundle) {
  const fleet_persist_t *p = &w.agent.persist;
  return w.agent.running && memcmp(p->slots[p->update.active_slot].digest, bundle->digest, 32) == 0 &&
         memcmp(w.flash + fleet_agent_slot_offset(&w.config, p->update.active_slot), bundle->bytes, bundle->n) == 0;
}

static void boot(void) {
  w.message_count = 0;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
}

// The first model, healthy, then a wish for the next that was not told yet.
static void start(void) {
  ready();
  want(&one, NULL, NULL);
  boot();
  CHECK(world_run(&w, 120));
  CHECK(runs(&one));
}

static void refused_with(uint32_t error) {
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), error);
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_UPDATE_STATE, 0), FLEET_UPDATE_STATE_FAILED);
  CHECK(runs(&one));
}

static void should_install_by_delta_then_compressed(void) {
  start();
  CHECK_EQUAL(message_field(world_last(&w, "hello"), FLEET_HELLO_SLOT_BYTES, 0), world_slot_bytes);
  want(&two, &delta, &one);
  world_send_desired(&w);
  CHECK(world_run(&w, 120));
  CHECK(runs(&two));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
  w.chunk_bytes = 32; // pieces that no block, no sector and no page is a multiple of
  w.read_limit = 7;
  want(&three, &compressed, NULL);
  world_send_desired(&w);
  CHECK(world_run(&w, 300));
  CHECK(runs(&three));
  CHECK_EQUAL(w.rule_breaches, 0);
}

// methods, the only list of hello that starts with full.
static void should_tell_the_methods_that_its_memory_suffices_for(void) {
  for (uint32_t less = 0; less < 2; less++) {
    ready();
    w.config.patch_scratch_bytes = sizeof(fleet_payload_t) - less;
    boot();
    CHECK(world_run(&w, 3));
    const message_t *hello = world_last(&w, "hello");
    const uint8_t all[] = {0x15, 0x83, 0, 1, 2};
    const uint8_t full[] = {0x15, 0x81, 0};
    const uint8_t *expected = less ? full : all;
    const uint32_t n = less ? sizeof full : sizeof all;
    bool found = false;
    for (uint32_t i = 0; i + n <= hello->n; i++) found = found || memcmp(hello->payload + i, expected, n) == 0;
    CHECK(found);
  }
}

static void should_refuse_what_it_cannot_decode_and_take_the_full_one(void) {
  start();
  want(&two, &delta, &three); // a base that is not here
  refused_with(fleet_err_wire_base_missing);
  w.base = &two; // the result itself
  refused_with(fleet_err_wire_base_missing);
  w.config.patch_scratch_bytes = 0;
  w.base = &one;
  refused_with(fleet_err_wire_method_unsupported);
  w.payload = NULL;
  world_send_desired(&w);
  CHECK(world_run(&w, 120));
  CHECK(runs(&two));
}

static void should_give_up_a_payload_that_is_wrong_and_go_on_with_the_full_one(void) {
  start();
  want(&two, &delta, &one);
  const uint32_t crc = 7 + 11 + (delta.bytes[4] | (uint32_t)delta.bytes[5] << 8); // of the second block
  delta.bytes[crc + 11 + (delta.bytes[crc - 3] | (uint32_t)delta.bytes[crc - 2] << 8)] ^= 1; // of the third
  w.chunk_bytes = 32;
  refused_with(fleet_err_wire_payload_crc);
  const uint32_t stored = w.agent.persist.fetched;
  CHECK_EQUAL(stored, 2 * block_bytes);
  CHECK_EQUAL(w.agent.counters[FLEET_LOSS_COUNTER_FLASH_ERROR], 0);
  w.payload = NULL;
  w.message_count = 0;
  world_send_desired(&w);
  CHECK(world_run(&w, 120));
  CHECK(runs(&two));
  for (uint32_t i = 0; i < w.message_count; i++) {
    if (strcmp(w.messages[i].topic, "want") != 0) continue;
    CHECK_EQUAL(message_field(&w.messages[i], FLEET_WANT_OFFSET, 0), stored); // what was stored is of the same bundle
    break;
  }
  CHECK_EQUAL(w.rule_breaches, 0);
}

static void should_give_up_a_payload_that_ends_too_early_or_makes_other_bytes(void) {
  start();
  want(&two, &delta, &one);
  delta.n -= 40;
  writer_finish(&delta);
  refused_with(fleet_err_wire_payload_invalid);
  ready();
  start();
  two.digest[3] ^= 1; // the manifest names other bytes than the payload makes
  want(&two, &delta, &one);
  refused_with(fleet_err_manifest_digest_mismatch);
  CHECK_EQUAL(w.agent.persist.slots[w.agent.update.target_slot].state, FLEET_SLOT_STATE_EMPTY);
}

static void should_notice_a_base_that_has_rotted(void) {
  start();
  want(&two, &delta, &one);
  w.flash[fleet_agent_slot_offset(&w.config, w.agent.update.active_slot) + 5000] ^= 4;
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  bool told = false;
  for (uint32_t i = 0; i < w.message_count; i++) {
    told = told || message_field(&w.messages[i], FLEET_STATE_ERROR, 0) == fleet_err_wire_payload_crc;
  }
  CHECK(told);
}

static void should_go_on_at_a_block_after_a_reboot(void) {
  start();
  want(&two, &delta, &one);
  w.chunk_bytes = 32;
  const uint32_t third = 22 + (delta.bytes[4] | (uint32_t)delta.bytes[5] << 8);
  const uint32_t taken = third + (delta.bytes[third - 7] | (uint32_t)delta.bytes[third - 6] << 8);
  w.disconnect_after = taken / 32 + 2;
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK_EQUAL(w.agent.persist.fetched, 2 * block_bytes);
  CHECK_EQUAL(w.agent.persist.payload_taken, taken);
  w.unreachable = false;
  boot();
  CHECK(world_run(&w, 120));
  CHECK(runs(&two));
  for (uint32_t i = 0; i < w.message_count; i++) {
    if (strcmp(w.messages[i].topic, "want") != 0) continue;
    CHECK_EQUAL(message_field(&w.messages[i], FLEET_WANT_OFFSET, 0), taken);
    break;
  }
}

static void should_start_another_payload_of_the_same_bundle_from_its_start(void) {
  static payload_writer_t other;
  start();
  writer_plain(&other, NULL, two.bytes, two.n, 1024);
  want(&two, &delta, &one);
  w.chunk_bytes = 32;
  w.disconnect_after = delta.n / 32 - 1;
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK(w.agent.persist.fetched != 0);
  w.unreachable = false;
  w.payload = &other;
  w.base = NULL;
  boot();
  CHECK(world_run(&w, 120));
  CHECK(runs(&two));
  CHECK_EQUAL(w.rule_breaches, 0);
}

static void should_erase_each_sector_once_in_a_transfer(void) {
  start();
  want(&two, &delta, &one);
  const uint32_t first = fleet_agent_slot_offset(&w.config, w.agent.update.active_slot ^ 1u) / w.config.flash.sector_bytes;
  memset(w.erases, 0, sizeof w.erases);
  w.corrupt_chunks = 3;
  w.skip_chunks = 2;
  world_send_desired(&w);
  CHECK(world_run(&w, 150));
  CHECK(runs(&two));
  for (uint32_t i = 0; i < (two.n + 1023) / 1024; i++) CHECK_EQUAL(w.erases[first + i], 1);
}

// As update_test's promise, for an update by delta and one compressed.
static void should_boot_old_or_new_after_a_power_cut_at_every_operation(void) {
  uint32_t cuts = 0;
  for (uint32_t method = 0; method < 2; method++) {
    for (cut_t mode = cut_before; mode <= cut_after; mode++) {
      for (int64_t at = 0;; at++) {
        start();
        const bundle_t *next = method == 0 ? &two : &three;
        want(next, method == 0 ? &delta : &compressed, method == 0 ? &one : NULL);
        w.chunk_bytes = 640;
        w.cut_at = w.operations + at;
        w.cut_mode = mode;
        w.random = (uint32_t)(at * 7919 + 1);
        world_send_desired(&w);
        if (world_run(&w, 115)) break; // beyond the last operation
        cuts++;
        w.cut_at = -1;
        boot();
        const fleet_persist_t *p = &w.agent.persist;
        CHECK(p->update.active_slot != FLEET_NO_SLOT); // the old model is never lost
        const uint8_t *digest = p->slots[p->update.active_slot].digest;
        CHECK(memcmp(digest, one.digest, 32) == 0 || memcmp(digest, next->digest, 32) == 0);
        CHECK(world_run(&w, 150));
        CHECK(runs(next));
        CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
        CHECK_EQUAL(w.rule_breaches, 0);
      }
    }
  }
  CHECK(cuts > 150);
}

static uint32_t fed;
static void watchdog(void *user) {
  (void)user;
  fed++;
}

// One chunk may make a whole slot: sectors are erased one after another.
static void should_feed_the_watchdog_between_sectors(void) {
  start();
  w.platform.watchdog = watchdog;
  want(&two, &delta, &one);
  w.drop_wants = true;
  world_send_desired(&w);
  CHECK(world_run(&w, 2));
  fed = 0;
  CHECK_EQUAL(fleet_payload_feed(w.config.patch_scratch, delta.bytes, delta.n), 0);
  CHECK(fed >= two.n / 1024);
}

const test_t transfer_tests[] = {
    {"should install by delta then compressed", should_install_by_delta_then_compressed},
    {"should tell the methods that its memory suffices for", should_tell_the_methods_that_its_memory_suffices_for},
    {"should refuse what it cannot decode and take the full one", should_refuse_what_it_cannot_decode_and_take_the_full_one},
    {"should give up a payload that is wrong and go on with the full one",
     should_give_up_a_payload_that_is_wrong_and_go_on_with_the_full_one},
    {"should give up a payload that ends too early or makes other bytes",
     should_give_up_a_payload_that_ends_too_early_or_makes_other_bytes},
    {"should notice a base that has rotted", should_notice_a_base_that_has_rotted},
    {"should go on at a block after a reboot", should_go_on_at_a_block_after_a_reboot},
    {"should start another payload of the same bundle from its start",
     should_start_another_payload_of_the_same_bundle_from_its_start},
    {"should feed the watchdog between sectors", should_feed_the_watchdog_between_sectors},
    {"should erase each sector once in a transfer", should_erase_each_sector_once_in_a_transfer},
    {"should boot old or new after a power cut at every operation of a delta or compressed update",
     should_boot_old_or_new_after_a_power_cut_at_every_operation},
    {NULL, NULL},
};
