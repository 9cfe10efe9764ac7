// A world for one reduced agent in a host test: flash pages, record memory whose bytes can be cut, a clock, and the other end of its
// MQTT stream with a small platform behind it. The agent and its kernels are the real ones; only the outside is fake.
#ifndef FLEET_REDUCED_TEST_WORLD_H
#define FLEET_REDUCED_TEST_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "fleet_reduced.h"

enum { world_flash_bytes = 2 * FLEET_REDUCED_SLOT_BYTES, world_pages = world_flash_bytes / FLEET_REDUCED_PAGE_BYTES, world_states = 64 };

typedef struct {
  uint8_t bytes[FLEET_REDUCED_SLOT_BYTES];
  uint16_t n;
  uint8_t digest[32];
} bundle_t;

typedef struct {
  uint32_t sequence, floor, soak_s;
  uint32_t size;        // 0 = the bundle's
  const char *device;   // whom it is made for, NULL = this one
  bool allow_downgrade;
  uint8_t mac_flip;     // a bit of the MAC
  uint8_t digest_flip;  // of the image
  bool firmware;        // component
} release_t;

// How the operation that power is cut in ends. `unstable`: it reads as anything, differently each time, until written again.
typedef enum { cut_before, cut_after, cut_first_byte, cut_half, cut_garbage, cut_unstable, cut_kinds } cut_t;

typedef struct {
  fleet_reduced_t agent;
  fleet_reduced_platform_t platform;
  fleet_reduced_config_t config;
  uint8_t flash[world_flash_bytes];
  uint8_t records[FLEET_REDUCED_RECORD_BYTES];
  bool page_unstable[world_pages];
  bool byte_unstable[FLEET_REDUCED_RECORD_BYTES];
  uint32_t now_ms;
  uint32_t random;
  uint32_t inferences;
  uint32_t feeds; // of the watchdog
  bool sensor_fails;

  // power
  jmp_buf cut;
  int64_t cut_at; // flash or record operation, -1 = never
  cut_t cut_kind;
  int64_t operations;
  uint32_t breaches; // of rules: a page of the running slot touched, a page programmed that was not erased, a mixture run
  const bundle_t *may_run[3];

  // network
  bool open;
  bool unreachable;
  uint8_t to_device[4096];
  uint32_t to_device_n;
  uint8_t from_device[4096];
  uint32_t from_device_n;
  uint32_t read_limit; // bytes per receive, 0 = all
  bool hold_acks;
  uint32_t chunks, corrupt_chunks, drop_chunks;

  // platform side
  const bundle_t *bundle;
  release_t release;
  uint32_t deployment, revision;
  uint8_t fuzz[600]; // sent in place of desired when fuzz_n is not 0
  uint32_t fuzz_n;
  struct {
    uint8_t update_state;
    uint16_t error;
    uint32_t deployment;
  } states[world_states];
  uint32_t state_count;
  uint32_t hellos, windows, window_n;
} world_t;

// FULLY_CONNECTED of 8 to 4, then SOFTMAX; different tags have different weights. broken: a golden vector that nothing gives.
void make_bundle(bundle_t *bundle, uint32_t tag, uint32_t filler, bool broken);
uint32_t make_manifest(uint8_t *out, uint32_t capacity, const bundle_t *bundle, const release_t *release);

void world_init(world_t *w);
bool world_boot(world_t *w, uint8_t reset_cause); // false: power was cut
bool world_run(world_t *w, uint32_t ms);
void world_offer(world_t *w, const bundle_t *bundle, uint32_t sequence, uint32_t soak_s);
void world_send(world_t *w, const char *suffix, const uint8_t *payload, uint32_t n);
void world_send_desired(world_t *w);
bool world_said(const world_t *w, uint8_t update_state, uint16_t error);
// The bundle that runs, NULL = none.
const bundle_t *world_runs(const world_t *w);
uint32_t next_random(world_t *w);

#endif
