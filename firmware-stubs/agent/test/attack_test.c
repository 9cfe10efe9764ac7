// What an attacker would do who can speak as the broker, or write the flash between two boots, but has no key: forge,
// cut, repeat and misdirect releases; swap bundles behind the device's back; send too much of everything.
#include <string.h>

#include "test.h"
#include "world.h"

static world_t w;
static bundle_t one, two, three;

static void ready(void) {
  make_bundle(&one, 1, 2, false);
  make_bundle(&two, 2, 2, false);
  make_bundle(&three, 3, 2, false);
  world_init(&w);
}

static void restart(uint32_t cause) {
  w.message_count = 0;
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
  return w.agent.running && memcmp(p->slots[p->update.active_slot].digest, bundle->digest, 32) == 0 &&
         memcmp(w.flash + fleet_agent_slot_offset(&w.config, p->update.active_slot), bundle->bytes, bundle->n) == 0;
}

static void installed(const bundle_t *bundle, uint32_t sequence) {
  ready();
  restart(FLEET_RESET_CAUSE_POWER_ON);
  want_release(bundle, sequence);
  CHECK(world_run(&w, 130));
  CHECK(runs(bundle));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
  w.message_count = 0;
}

static uint32_t last_error(void) { return (uint32_t)message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0); }

// A desired message around any manifest.
static void send_manifest(const uint8_t *manifest, uint32_t n, uint32_t deployment) {
  uint8_t payload[1400];
  fleet_cbor_writer_t out = {payload, sizeof payload, 0, false};
  fleet_cbor_head(&out, cbor_map, 4);
  fleet_cbor_field_wide(&out, FLEET_DESIRED_SERVER_TIME_MS, 1700000000000u);
  fleet_cbor_field(&out, FLEET_DESIRED_REVISION, deployment);
  fleet_cbor_field(&out, FLEET_DESIRED_DEPLOYMENT, deployment);
  fleet_cbor_field_bytes(&out, FLEET_DESIRED_MANIFEST, manifest, n);
  CHECK(!out.overflow);
  w.to_device_n = 0;
  w.message_count = 0;
  world_send(&w, "desired", payload, out.used, 1);
  CHECK(world_run(&w, 1));
}

// Refused with an error of its area, and nothing of the device has changed.
static void refused_in_area(uint32_t area, const fleet_persist_t *before) {
  const uint32_t error = last_error();
  if (error / 100 != area) printf("error %u\n", error);
  CHECK_EQUAL(error / 100, area);
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_UPDATE_STATE, 99), FLEET_UPDATE_STATE_FAILED);
  CHECK(memcmp(&w.agent.persist, before, sizeof *before) == 0);
  CHECK(!w.agent.fetching);
}

static void should_refuse_a_manifest_with_any_byte_changed(void) {
  uint8_t manifest[800];
  installed(&one, 2);
  const fleet_persist_t before = w.agent.persist;
  release_t r = release_of(4);
  r.firmware_min = "0.0.1";
  r.latency_us = 100000;
  const uint32_t n = make_manifest(manifest, 768, &two, &r);
  // Each byte by each bit and by two others, through parser and signature; one change of each through the whole agent.
  for (uint32_t at = 0; at < n; at++) {
    for (uint32_t k = 0; k < 10; k++) {
      const uint8_t good = manifest[at];
      const uint8_t bad = (uint8_t)(k < 8 ? good ^ 1u << k : k == 8 ? good + 1u : ~(uint32_t)good);
      fleet_manifest_t m;
      manifest[at] = bad;
      if (fleet_manifest_parse(manifest, n, &m) == 0) {
        // The parser may pass what only the signature covers.
        send_manifest(manifest, n, 1000 + at * 10 + k);
        refused_in_area(2, &before);
      } else if (k == at % 8) {
        send_manifest(manifest, n, 1000 + at * 10 + k);
        refused_in_area(2, &before);
      }
      manifest[at] = good;
    }
  }
  CHECK(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_MANIFEST_REFUSED) >= n + 9 * 64); // of the signature every change
  send_manifest(manifest, n, 99999);
  CHECK(last_error() / 100 != 2); // the bytes as they were signed
}

static void should_refuse_a_manifest_cut_at_any_byte_or_with_one_too_many(void) {
  uint8_t manifest[800];
  installed(&one, 2);
  const fleet_persist_t before = w.agent.persist;
  const release_t r = release_of(4);
  const uint32_t n = make_manifest(manifest, 768, &two, &r);
  for (uint32_t cut = 1; cut < n; cut++) {
    send_manifest(manifest, cut, 1000 + cut);
    refused_in_area(2, &before);
  }
  for (uint32_t more = 0; more < 256; more++) {
    manifest[n] = (uint8_t)more;
    send_manifest(manifest, n + 1, 3000 + more);
    refused_in_area(2, &before);
  }
}

static void should_read_768_bytes_of_manifest_and_no_769(void) {
  uint8_t manifest[800];
  installed(&one, 2);
  const fleet_persist_t before = w.agent.persist;
  memset(manifest, 0, sizeof manifest);
  send_manifest(manifest, 769, 5);
  CHECK_EQUAL(last_error(), fleet_err_manifest_too_large);
  send_manifest(manifest, 768, 6);
  CHECK(last_error() != fleet_err_manifest_too_large);
  refused_in_area(2, &before);
}

static void should_refuse_a_release_that_is_replayed(void) {
  uint8_t old[800];
  installed(&one, 2);
  const release_t r = release_of(2);
  const uint32_t n = make_manifest(old, 768, &one, &r);
  want_release(&two, 4);
  world_send_desired(&w);
  CHECK(world_run(&w, 130));
  want_release(&three, 6);
  world_send_desired(&w);
  CHECK(world_run(&w, 130));
  CHECK(runs(&three)); // the first one is in no slot any more
  const fleet_persist_t before = w.agent.persist;
  send_manifest(old, n, 50);
  CHECK_EQUAL(last_error(), fleet_err_manifest_downgrade);
  refused_in_area(2, &before);
}

static void should_refuse_a_release_of_another_project_or_type(void) {
  static const uint8_t other[16] = {9};
  ready();
  w.config.vendor_id = other;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 5));
  want_release(&one, 2); // well signed, by a key that this device trusts too
  world_send_desired(&w);
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(last_error(), fleet_err_manifest_vendor_mismatch);
  ready();
  w.config.class_id = other;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  want_release(&one, 2);
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(last_error(), fleet_err_manifest_class_mismatch);
  CHECK_EQUAL(w.chunks_sent, 0);
}

// ---- bundles that are swapped -------------------------------------------------------------------------------------------

static uint8_t *slot_bytes(uint32_t slot) { return w.flash + fleet_agent_slot_offset(&w.config, slot); }

// Steps until the update is in this state; the slot's bytes have been verified then and are read again before they run.
static void until(uint32_t update_state) {
  for (uint32_t i = 0; w.agent.update.state != update_state; i++) {
    CHECK(i < 100000);
    CHECK(world_run_step(&w));
  }
}

static void should_find_a_bundle_that_is_swapped_between_staging_and_trial(void) {
  for (uint32_t way = 0; way < 3; way++) {
    installed(&one, 2);
    want_release(&two, 4);
    world_send_desired(&w);
    until(FLEET_UPDATE_STATE_TRIAL);
    CHECK_EQUAL(w.agent.job, job_check_target);
    uint8_t *target = slot_bytes(w.agent.update.target_slot);
    if (way == 0) target[two.n - 1] ^= 1; // in the slice of hashing that is still to come
    if (way == 1) memcpy(target, three.bytes, three.n); // a whole and good one, which nobody signed
    if (way == 2) memcpy(target, one.bytes, one.n);     // the one that runs
    CHECK(world_run(&w, 30));
    CHECK(runs(&one));
    CHECK(world_states(&w, FLEET_UPDATE_STATE_SOAK) == 0);
    CHECK(world_states(&w, FLEET_UPDATE_STATE_REVERTED) == 1);
    CHECK_EQUAL(last_error(), fleet_err_agent_slot_corrupt);
  }
}

static void should_find_a_bundle_that_is_swapped_while_the_power_is_off(void) {
  for (uint32_t way = 0; way < 4; way++) {
    installed(&one, 2);
    want_release(&two, 4);
    world_send_desired(&w);
    if (way < 2) {
      until(FLEET_UPDATE_STATE_TRIAL); // it is staged: the trial starts again at the boot
      uint8_t *target = slot_bytes(w.agent.update.target_slot);
      if (way == 0) memcpy(target, three.bytes, three.n);
      else target[two.n - 1] ^= 128;
      w.deployment = 0;
      restart(FLEET_RESET_CAUSE_POWER_ON);
      CHECK(world_run(&w, 30));
      CHECK(runs(&one));
    } else {
      CHECK(world_run(&w, 130));
      CHECK(runs(&two));
      uint8_t *active = slot_bytes(w.agent.update.active_slot);
      if (way == 2) memcpy(active, three.bytes, three.n);
      else memcpy(active, one.bytes, one.n);
      w.deployment = 0;
      restart(FLEET_RESET_CAUSE_POWER_ON);
      CHECK(world_run(&w, 30));
      CHECK(runs(&one)); // the retained one, whose bytes are those it was verified with
    }
    CHECK_EQUAL(w.rule_breaches, 0);
  }
}

static void should_run_nothing_when_both_slots_were_swapped(void) {
  installed(&one, 2);
  want_release(&two, 4);
  world_send_desired(&w);
  CHECK(world_run(&w, 130));
  memcpy(slot_bytes(0), three.bytes, three.n);
  memcpy(slot_bytes(1), three.bytes, three.n);
  w.deployment = 0;
  const uint32_t results = w.results;
  restart(FLEET_RESET_CAUSE_POWER_ON);
  CHECK(world_run(&w, 60));
  CHECK(!w.agent.running);
  CHECK_EQUAL(w.results, results);
  CHECK_EQUAL(w.agent.update.active_slot, FLEET_NO_SLOT);
  // And takes a signed one again.
  want_release(&two, 6);
  world_send_desired(&w);
  CHECK(world_run(&w, 130));
  CHECK(runs(&two));
}

// ---- chunks that nobody asked for -----------------------------------------------------------------------------------------

static void send_chunk(const bundle_t *b, const uint8_t *transfer, uint32_t offset, uint32_t n) {
  uint8_t payload[2000];
  fleet_cbor_writer_t out = {payload, sizeof payload, 0, false};
  const uint8_t *data = b->bytes + offset % (world_slot_bytes - 1500);
  fleet_cbor_head(&out, cbor_map, 4);
  fleet_cbor_field_bytes(&out, FLEET_CHUNK_TRANSFER, transfer, 8);
  fleet_cbor_field(&out, FLEET_CHUNK_OFFSET, offset);
  fleet_cbor_field_bytes(&out, FLEET_CHUNK_DATA, data, n);
  fleet_cbor_field(&out, FLEET_CHUNK_CRC32, fleet_crc32(0, data, n));
  world_send(&w, "chunk", payload, out.used, 0);
}

static uint32_t stale(void) { return fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_CHUNK_STALE); }

static void should_write_no_chunk_that_it_did_not_ask_for(void) {
  installed(&one, 2);
  int64_t operations = w.operations;
  send_chunk(&one, one.digest, 0, 1024); // of the transfer that is finished
  send_chunk(&two, two.digest, 0, 1024); // of one that nobody announced
  send_chunk(&one, one.digest, UINT32_MAX - 100, 1024);
  CHECK(world_run(&w, 1));
  CHECK_EQUAL(stale(), 3);
  CHECK_EQUAL(w.operations, operations);

  want_release(&two, 4);
  w.disconnect_after = 2;
  world_send_desired(&w);
  CHECK(world_run(&w, 2));
  w.unreachable = false;
  w.drop_wants = true;
  CHECK(world_run(&w, 20));
  CHECK(w.agent.fetching && w.agent.session);
  const uint32_t next = w.agent.next_offset;
  operations = w.operations;
  const uint32_t before = stale();
  send_chunk(&two, one.digest, next, 1024);            // of another transfer
  send_chunk(&two, two.digest, next - 1024, 1024);     // again
  send_chunk(&two, two.digest, next + 1024, 1024);     // too early
  send_chunk(&two, two.digest, two.n, 1024);           // beyond the end
  send_chunk(&two, two.digest, UINT32_MAX - 511, 512); // whose end wraps
  send_chunk(&two, two.digest, next, 1023);            // of another size
  send_chunk(&two, two.digest, next, 1025);
  send_chunk(&two, two.digest, next, 0);
  CHECK(world_run(&w, 1));
  CHECK_EQUAL(stale() - before, 8);
  CHECK_EQUAL(w.operations, operations);
  CHECK_EQUAL(w.agent.next_offset, next);
  w.drop_wants = false;
  CHECK(world_run(&w, 200));
  CHECK(runs(&two));
}

// ---- too much ---------------------------------------------------------------------------------------------------------

// A QoS 0 publish of so many bytes in all, on a topic of so many.
static void send_publish(uint32_t topic_bytes, uint32_t packet_bytes) {
  const uint32_t head = packet_bytes - 3 > 16383 ? 4 : packet_bytes - 2 > 127 ? 3 : 2;
  const uint32_t remaining = packet_bytes - head;
  uint8_t *p = w.to_device + w.to_device_n;
  uint32_t at = 0;
  CHECK(w.to_device_n + packet_bytes <= world_pipe_bytes);
  p[at++] = 0x30;
  for (uint32_t left = remaining, i = 1; i < head; i++, left >>= 7) p[at++] = (uint8_t)((left & 127) | (i + 1 < head ? 128 : 0));
  p[at++] = (uint8_t)(topic_bytes >> 8);
  p[at++] = (uint8_t)topic_bytes;
  while (at < packet_bytes) p[at++] = 'a';
  w.to_device_n += packet_bytes;
}

static uint32_t count_of(uint32_t kind) { return fleet_agent_counter(&w.agent, kind); }

static void should_take_packets_up_to_its_size_and_drop_larger_ones(void) {
  installed(&one, 2);
  const uint32_t opens = w.opens;
  send_publish(30, FLEET_MQTT_RX_BYTES);
  CHECK(world_run(&w, 1));
  CHECK_EQUAL(count_of(FLEET_LOSS_COUNTER_PACKET_TOO_LARGE), 0);
  send_publish(30, FLEET_MQTT_RX_BYTES + 1);
  CHECK(world_run(&w, 1));
  CHECK_EQUAL(count_of(FLEET_LOSS_COUNTER_PACKET_TOO_LARGE), 1);
  send_publish(1200, 1300); // a topic longer than any of its own
  send_publish(30, 20000);
  CHECK(world_run(&w, 1));
  CHECK_EQUAL(count_of(FLEET_LOSS_COUNTER_PACKET_TOO_LARGE), 2);
  CHECK_EQUAL(w.opens, opens); // the session has lived through all of it
  CHECK(w.agent.session && runs(&one));
  send_publish(1298, 1300); // a topic that is longer than its packet
  CHECK(world_run(&w, 130));
  CHECK_EQUAL(w.opens, opens + 1);
  CHECK(w.agent.session);
}

static void should_refuse_counts_and_nesting_that_are_bombs(void) {
  static const uint8_t heads[][9] = {
      {0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
      {0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0},                      {0xba, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
      {0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0}, {0x7a, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
      {0xb9, 0xff, 0xff, 0, 0, 0, 0, 0, 0},                   {0x9a, 0x40, 0, 0, 0, 0, 0, 0, 0},
  };
  static const char *const topics[] = {"desired", "chunk", "ask"};
  static uint8_t nested[1400];
  installed(&one, 2);
  const fleet_persist_t before = w.agent.persist;
  const int64_t operations = w.operations;
  const uint32_t opens = w.opens;
  for (uint32_t t = 0; t < 3; t++) {
    for (uint32_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
      uint8_t payload[10] = {0xa1, 0x18, 0x20}; // an unknown key, whose value must be skipped
      memcpy(payload + 3, heads[i], 7);
      world_send(&w, topics[t], heads[i], 9, 0);
      world_send(&w, topics[t], payload, 10, 0);
    }
    for (uint32_t kind = 0; kind < 3; kind++) {
      memset(nested, kind == 0 ? 0x81 : kind == 1 ? 0xc1 : 0xa1, sizeof nested);
      nested[0] = 0xa1;
      nested[1] = 1;
      world_send(&w, topics[t], nested, sizeof nested, 0);
    }
    CHECK(world_run(&w, 1));
  }
  CHECK(memcmp(&w.agent.persist, &before, sizeof before) == 0);
  CHECK_EQUAL(w.operations, operations);
  CHECK_EQUAL(w.opens, opens);
  CHECK(count_of(FLEET_LOSS_COUNTER_CBOR_INVALID) >= 2 * (2 * 8 + 3));
}

const test_t attack_tests[] = {
    {"should refuse a manifest with any byte changed", should_refuse_a_manifest_with_any_byte_changed},
    {"should refuse a manifest cut at any byte or with one too many",
     should_refuse_a_manifest_cut_at_any_byte_or_with_one_too_many},
    {"should read 768 bytes of manifest and no 769", should_read_768_bytes_of_manifest_and_no_769},
    {"should refuse a release that is replayed", should_refuse_a_release_that_is_replayed},
    {"should refuse a release of another project or type", should_refuse_a_release_of_another_project_or_type},
    {"should find a bundle that is swapped between staging and trial",
     should_find_a_bundle_that_is_swapped_between_staging_and_trial},
    {"should find a bundle that is swapped while the power is off",
     should_find_a_bundle_that_is_swapped_while_the_power_is_off},
    {"should run nothing when both slots were swapped", should_run_nothing_when_both_slots_were_swapped},
    {"should write no chunk that it did not ask for", should_write_no_chunk_that_it_did_not_ask_for},
    {"should take packets up to its size and drop larger ones", should_take_packets_up_to_its_size_and_drop_larger_ones},
    {"should refuse counts and nesting that are bombs", should_refuse_counts_and_nesting_that_are_bombs},
    {NULL, NULL},
};
