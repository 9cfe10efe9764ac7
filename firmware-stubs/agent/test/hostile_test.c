// Everything a stranger can send, mutated: the agent must stay inside its memory, keep its invariants and recover.
// AGENT_FUZZ_ROUNDS (default 3000) rounds per kind.
#include <string.h>

#include "test.h"
#include "world.h"

static world_t w;
static bundle_t one, two;
static uint32_t seed = 20240607;

static uint32_t rounds(void) {
  const char *wanted = getenv("AGENT_FUZZ_ROUNDS");
  return wanted == NULL ? 3000 : (uint32_t)strtoul(wanted, NULL, 10);
}

static uint32_t dice(uint32_t n) { return fleet_xorshift32(&seed) % n; }

// Flips, overwrites, cuts, repeats or inserts a few bytes. Returns the new length.
static uint32_t mutate(uint8_t *data, uint32_t n, uint32_t capacity) {
  for (uint32_t changes = 1 + dice(4); changes != 0 && n != 0; changes--) {
    const uint32_t at = dice(n);
    switch (dice(6)) {
      case 0:
        data[at] ^= (uint8_t)(1u << dice(8));
        break;
      case 1:
        data[at] = (uint8_t)dice(256);
        break;
      case 2:
        n = at;
        break;
      case 3:
        if (n < capacity) {
          memmove(data + at + 1, data + at, n - at);
          n++;
        }
        break;
      case 4:
        memmove(data + at, data + at + 1, n - at - 1);
        n--;
        break;
      default:
        data[at] = (uint8_t)(data[at] + dice(5) - 2);
        break;
    }
  }
  return n;
}

static void fresh(void) {
  world_init(&w);
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(&w, 2));
  w.deployment = 1;
}

static int32_t trust(void *user, uint32_t alg, const uint8_t *key, uint32_t key_bytes, const uint8_t *message, uint32_t n,
                     const uint8_t *signature, uint32_t signature_bytes) {
  (void)user, (void)alg, (void)key, (void)key_bytes, (void)message, (void)n, (void)signature, (void)signature_bytes;
  return 0;
}

static void invariants(void) {
  const fleet_agent_t *a = &w.agent;
  const fleet_persist_t *p = &a->persist;
  CHECK(p->update.active_slot == FLEET_NO_SLOT || p->update.active_slot < 2);
  CHECK(p->update.target_slot < 2);
  CHECK(p->slots[0].bytes <= world_slot_bytes && p->slots[1].bytes <= world_slot_bytes);
  CHECK(a->note_count <= FLEET_NOTES && a->queue_used <= FLEET_QUEUE_BYTES);
  if (a->fetching) CHECK(a->next_offset <= p->slots[p->update.target_slot].bytes);
  CHECK_EQUAL(w.rule_breaches, 0);
}

// A valid desired message, with the manifest's inner digest kept valid half of the time so that mutations reach the checks.
static void should_survive_mutated_desired_messages(void) {
  make_bundle(&one, 1, 2, false);
  fresh();
  w.platform.verify = trust;
  for (uint32_t i = 0; i < rounds(); i++) {
    uint8_t buffer[1300];
    w.bundle = &one;
    w.release = release_of(2 + dice(3));
    w.release.floor = dice(4);
    w.revision = i;
    w.deployment = 1 + dice(3);
    w.to_device_n = 0;
    world_send_desired(&w);
    // Behind the MQTT head: topic (32 bytes) and packet id.
    const uint32_t head = 3 + 2 + 34 - 2 + 2;
    uint32_t n = w.to_device_n - head;
    memcpy(buffer, w.to_device + head, n);
    w.to_device_n = 0;
    n = mutate(buffer, n, sizeof buffer);
    fleet_update_desired(&w.agent, buffer, n);
    if (i % 16 == 0) CHECK(world_run(&w, 1));
    if (i % 500 == 499) fresh(), w.platform.verify = trust;
    invariants();
  }
}

static void should_survive_mutated_manifests(void) {
  make_bundle(&one, 1, 2, false);
  uint32_t accepted = 0;
  for (uint32_t i = 0; i < 4 * rounds(); i++) {
    uint8_t buffer[800];
    fleet_manifest_t m;
    release_t r = release_of(i);
    r.firmware_min = "1.2.3";
    r.supersede = 1;
    r.latency_us = 5;
    uint32_t n = make_manifest(buffer, 768, &one, &r);
    n = mutate(buffer, n, 768);
    accepted += fleet_manifest_parse(buffer, n, &m) == 0;
  }
  // Only what the digest does not cover may change unseen: the signature's bytes and the key id.
  CHECK(accepted < 4 * rounds() / 3);
}

static void should_survive_mutated_chunks_and_asks(void) {
  make_bundle(&two, 2, 2, false);
  fresh();
  for (uint32_t i = 0; i < rounds(); i++) {
    uint8_t payload[1400];
    if (!w.agent.fetching) {
      fresh();
      w.bundle = &two;
      w.release = release_of(2);
      w.drop_wants = true;
      world_send_desired(&w);
      CHECK(world_run(&w, 1));
      CHECK(w.agent.fetching);
    }
    const uint32_t offset = w.agent.next_offset;
    const uint32_t n = two.n - offset < 1024 ? two.n - offset : 1024;
    fleet_cbor_writer_t out = {payload, sizeof payload, 0, false};
    fleet_cbor_head(&out, cbor_map, 4);
    fleet_cbor_field_bytes(&out, FLEET_CHUNK_TRANSFER, two.digest, 8);
    fleet_cbor_field(&out, FLEET_CHUNK_OFFSET, offset);
    fleet_cbor_field_bytes(&out, FLEET_CHUNK_DATA, two.bytes + offset, n);
    fleet_cbor_field(&out, FLEET_CHUNK_CRC32, fleet_crc32(0, two.bytes + offset, n));
    const uint32_t bytes = mutate(payload, out.used, sizeof payload);
    world_send(&w, dice(8) == 0 ? "ask" : "chunk", payload, bytes, 0);
    CHECK(world_run(&w, 1));
    invariants();
    // Nothing but the bundle's own bytes ever counts as stored.
    CHECK(memcmp(w.flash + fleet_agent_slot_offset(&w.config, w.agent.update.target_slot), two.bytes, w.agent.next_offset) == 0);
  }
}

static void should_survive_a_mutated_byte_stream(void) {
  make_bundle(&one, 1, 2, false);
  for (uint32_t i = 0; i < rounds() / 4; i++) {
    fresh();
    w.bundle = &one;
    w.release = release_of(2);
    world_send_desired(&w);
    uint8_t ask[16] = {0xa2, 1, 1, 2, 10};
    world_send(&w, "ask", ask, 5, 1);
    world_send_desired(&w);
    w.to_device_n = mutate(w.to_device, w.to_device_n, world_pipe_bytes);
    w.read_limit = 1 + dice(300);
    CHECK(world_run(&w, 1));
    invariants();
    // A broken packet may make it wait for bytes that never come; it leaves by its keep-alive and returns.
    w.read_limit = 0;
    CHECK(world_run(&w, 150));
    CHECK(w.agent.session);
    invariants();
  }
}

static void should_survive_mutated_records_in_flash(void) {
  make_bundle(&one, 1, 2, false);
  for (uint32_t i = 0; i < rounds() / 8; i++) {
    world_init(&w);
    w.bundle = &one;
    w.release = release_of(2);
    w.deployment = 1;
    CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
    CHECK(world_run(&w, 20));
    for (uint32_t k = 0; k < 1 + dice(20); k++) {
      const uint32_t at = dice(4) == 0 ? dice(world_flash_bytes) : dice(2048);
      w.flash[at] ^= (uint8_t)(1u << dice(8));
    }
    memset(w.written, 0, sizeof w.written);
    CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
    CHECK(world_run(&w, 30));
    const fleet_persist_t *p = &w.agent.persist;
    // What runs is exactly what its digest names.
    if (w.agent.running) {
      CHECK(memcmp(w.flash + fleet_agent_slot_offset(&w.config, p->update.active_slot), one.bytes, one.n) == 0);
    }
  }
}

const test_t hostile_tests[] = {
    {"should survive mutated manifests", should_survive_mutated_manifests},
    {"should survive mutated desired messages", should_survive_mutated_desired_messages},
    {"should survive mutated chunks and asks", should_survive_mutated_chunks_and_asks},
    {"should survive a mutated byte stream", should_survive_a_mutated_byte_stream},
    {"should survive mutated records in flash", should_survive_mutated_records_in_flash},
    {NULL, NULL},
};
