// The reduced agent on the host: its update story, what it refuses, and power cuts at every operation of it.
#include <stdlib.h>
#include <string.h>

#include "../../test/test.h"
#include "../src/reduced.h"
#include "fleet_mac_manifest_vectors.h"
#include "manifest.h"
#include "world.h"

static bundle_t first, second, third, broken;
static world_t world;

static void prepare(void) {
  if (first.n != 0) return;
  make_bundle(&first, 1, 500, false);
  make_bundle(&second, 2, 900, false);
  make_bundle(&third, 3, 1260, false);
  make_bundle(&broken, 4, 300, true);
}

// A device that runs `first` as release 2.
static world_t *installed(void) {
  prepare();
  world_t *w = &world;
  world_init(w);
  w->may_run[0] = &first;
  w->may_run[1] = &second;
  w->may_run[2] = &third;
  world_offer(w, &first, 2, 0);
  CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(w, 10000));
  CHECK(world_runs(w) == &first);
  return w;
}

// Offers by a new hello: the platform answers each boot's.
static void reoffer(world_t *w) {
  w->state_count = 0;
  CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(w, 10000));
}

static void install(void) {
  world_t *w = installed();
  CHECK(world_said(w, FLEET_UPDATE_STATE_FETCHING, 0));
  CHECK(world_said(w, FLEET_UPDATE_STATE_TRIAL, 0));
  CHECK(world_said(w, FLEET_UPDATE_STATE_ACTIVE, 0));
  CHECK_EQUAL(w->chunks, (first.n + 255) / 256);
  CHECK(w->inferences > 3);
  CHECK(world_run(w, 20000));
  CHECK(w->windows >= 2);
  CHECK(w->window_n >= 5);
  CHECK_EQUAL(w->breaches, 0);
}

static void update_and_back(void) {
  world_t *w = installed();
  world_offer(w, &second, 4, 5);
  reoffer(w);
  CHECK(world_said(w, FLEET_UPDATE_STATE_SOAK, 0));
  CHECK(world_runs(w) == &second);
  CHECK(world_run(w, 10000));
  CHECK(world_said(w, FLEET_UPDATE_STATE_ACTIVE, 0));
  const uint32_t chunks = w->chunks;
  world_offer(w, &first, 5, 5); // the release before, signed anew: the retained slot has it
  reoffer(w);
  CHECK(world_runs(w) == &first);
  CHECK_EQUAL(w->chunks, chunks);
  CHECK_EQUAL(w->breaches, 0);
}

static void single_bytes(void) {
  world_t *w = installed();
  w->read_limit = 1;
  w->corrupt_chunks = 2;
  w->drop_chunks = 1;
  world_offer(w, &third, 4, 0);
  w->state_count = 0;
  CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(w, 120000));
  CHECK(world_runs(w) == &third);
  CHECK_EQUAL(w->agent.losses[FLEET_LOSS_COUNTER_CHUNK_CRC], 2);
}

static void resume(void) {
  world_t *w = installed();
  w->chunks = 0;
  world_offer(w, &third, 4, 0);
  CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
  while (w->chunks < 4) CHECK(world_run(w, 1));
  CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(w, 10000));
  CHECK(world_runs(w) == &third);
  CHECK(w->chunks <= (third.n + 255u) / 256 + 1);
}

static void bad_model(void) {
  world_t *w = installed();
  world_offer(w, &broken, 4, 5);
  reoffer(w);
  CHECK(world_said(w, FLEET_UPDATE_STATE_REVERTED, fleet_err_runtime_golden_mismatch));
  CHECK(world_runs(w) == &first);
  const uint32_t chunks = w->chunks;
  reoffer(w); // the same deployment again: the same answer, nothing is fetched
  CHECK(world_said(w, FLEET_UPDATE_STATE_REVERTED, fleet_err_runtime_golden_mismatch));
  w->deployment++;
  reoffer(w); // another one with the same digest and sequence
  CHECK(world_said(w, FLEET_UPDATE_STATE_FAILED, fleet_err_manifest_digest_refused));
  CHECK_EQUAL(w->chunks, chunks);
  world_offer(w, &broken, 6, 5); // issued anew: it is tried again
  reoffer(w);
  CHECK(world_said(w, FLEET_UPDATE_STATE_REVERTED, fleet_err_runtime_golden_mismatch));
  CHECK(w->chunks > chunks);
  CHECK_EQUAL(w->breaches, 0);
}

static void resets_in_soak(void) {
  world_t *w = installed();
  world_offer(w, &second, 4, 1000);
  reoffer(w);
  CHECK(world_runs(w) == &second);
  for (uint32_t i = 0; i < 3; i++) {
    CHECK(world_boot(w, FLEET_RESET_CAUSE_WATCHDOG));
    CHECK(world_run(w, 5000));
  }
  CHECK(world_said(w, FLEET_UPDATE_STATE_REVERTED, fleet_err_agent_trial_resets));
  CHECK(world_runs(w) == &first);
  for (uint32_t i = 0; i < 5; i++) CHECK(world_boot(w, FLEET_RESET_CAUSE_WATCHDOG));
  CHECK(world_run(w, 5000));
  CHECK(world_runs(w) == &first); // without an open attempt resets count for nothing
}

static void rot(void) {
  world_t *w = installed();
  world_offer(w, &second, 4, 0);
  reoffer(w);
  CHECK(world_runs(w) == &second);
  w->flash[w->agent.persist.active_slot * FLEET_REDUCED_SLOT_BYTES + 700] ^= 4;
  w->bundle = NULL;
  w->deployment = 0;
  reoffer(w);
  CHECK(world_said(w, FLEET_UPDATE_STATE_REVERTED, fleet_err_agent_slot_corrupt));
  CHECK(world_runs(w) == &first);
}

// A soak is about the new model: what the one before it did in this boot says nothing.
static void silent_soak(void) {
  world_t *w = installed();
  CHECK(w->agent.index != 0);
  world_offer(w, &second, 4, 5);
  w->sensor_fails = true;
  w->agent.hello_due = true;
  CHECK(world_run(w, 20000));
  CHECK(world_runs(w) == &second);
  CHECK_EQUAL(w->agent.persist.update_state, FLEET_UPDATE_STATE_SOAK);
  w->sensor_fails = false;
  CHECK(world_run(w, 10000));
  CHECK_EQUAL(w->agent.persist.update_state, FLEET_UPDATE_STATE_ACTIVE);
  CHECK(world_runs(w) == &second);
}

// Power is cut in a trial, and meanwhile the active slot rots: the trial is what is left.
static void rot_in_trial(void) {
  world_t *w = installed();
  world_offer(w, &second, 4, 0);
  static world_t start;
  start = *w;
  for (int64_t k = start.operations; w->agent.persist.update_state != FLEET_UPDATE_STATE_TRIAL; k++) {
    *w = start;
    w->cut_at = k;
    CHECK(!world_boot(w, FLEET_RESET_CAUSE_POWER_ON) || !world_run(w, 10000));
    CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
  }
  w->flash[w->agent.persist.active_slot * FLEET_REDUCED_SLOT_BYTES + 300] ^= 4;
  w->bundle = NULL;
  w->deployment = 0;
  w->state_count = 0;
  CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
  CHECK(world_run(w, 5000));
  CHECK(world_runs(w) == &second);
  CHECK(world_said(w, FLEET_UPDATE_STATE_ACTIVE, 0));
  CHECK(!world_said(w, FLEET_UPDATE_STATE_FAILED, fleet_err_agent_slot_corrupt));
}

// The acknowledgement of the old model's window comes when the new one's is open already.
static void late_ack(void) {
  world_t *w = installed();
  w->hold_acks = true;
  while (w->agent.in_flight != in_flight_window) CHECK(world_run(w, 50));
  const uint16_t id = w->agent.mqtt.publish_packet_id;
  world_offer(w, &second, 4, 0);
  world_send_desired(w);
  for (uint32_t i = 0; i < 500 && (world_runs(w) != &second || w->agent.window.n < 2); i++) CHECK(world_run(w, 50));
  CHECK(world_runs(w) == &second);
  const uint32_t n = w->agent.window.n, first_index = w->agent.window.first_index;
  CHECK(n != 0);
  const uint8_t ack[4] = {0x40, 2, (uint8_t)(id >> 8), (uint8_t)id};
  memcpy(w->to_device + w->to_device_n, ack, 4);
  w->to_device_n += 4;
  CHECK(world_run(w, 100));
  CHECK(w->agent.in_flight != in_flight_window);
  CHECK_EQUAL(w->agent.window.state, 1);
  CHECK_EQUAL(w->agent.window.first_index, first_index);
  CHECK(w->agent.window.n >= n);
}

// Two windows close full, the third one waits for its end; then two more may.
static void budget(void) {
  world_t *w = installed();
  w->config.early_windows = 2;
  w->config.period_ms = 10;
  w->agent.window_ms = 1000;
  CHECK(world_run(w, 1500)); // what was open ends
  w->agent.window_ms = 60000;
  w->windows = w->window_n = 0;
  CHECK(world_run(w, 45000)); // a step takes 50 ms here
  CHECK_EQUAL(w->windows, 2);
  CHECK_EQUAL(w->window_n, 2 * 255);
  CHECK_EQUAL(w->agent.window.state, 1);
  CHECK_EQUAL(w->agent.window.n, 255);
  CHECK(world_run(w, 80000));
  CHECK_EQUAL(w->windows, 5);
  CHECK_EQUAL(w->window_n, 5 * 255);
}

// The first window after a boot has the same budget: it is as long as any other.
static void budget_of_a_boot(void) {
  world_t *w = installed();
  w->config.early_windows = 2;
  w->config.period_ms = 10;
  CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
  w->windows = w->window_n = 0;
  CHECK(world_run(w, 3000)); // desired has come, with windows of 5 s
  CHECK_EQUAL(w->windows, 0);
  w->agent.window_ms = 60000;
  CHECK(world_run(w, 42000));
  CHECK_EQUAL(w->windows, 2);
  CHECK_EQUAL(w->window_n, 2 * 255);
  CHECK_EQUAL(w->agent.window.state, 1);
  CHECK_EQUAL(w->agent.window.n, 255);
}

// Everything that hello and a window tell at its largest: a message that does not fit would never be sent.
static void longest(void) {
  world_t *w = installed();
  w->bundle = NULL;
  w->deployment = 0;
  w->now_ms = UINT32_MAX - 70000;
  w->config.project = "a-project-of-16b";
  w->config.project_bytes = 16;
  w->config.device = "a-device-of-16-b";
  w->config.device_bytes = 16;
  w->config.device_type = "a-device-type-of-24-byte";
  w->config.device_type_bytes = 24;
  fleet_reduced_persist_t *p = &w->agent.persist;
  p->boots = p->highest_sequence = p->floor = p->slots[0].sequence = p->slots[1].sequence = UINT32_MAX - 1;
  p->floor = 0;
  p->slots[0].error = p->slots[1].error = UINT16_MAX;
  p->slots[1].bytes = FLEET_REDUCED_SLOT_BYTES;
  p->slot_state[1] = FLEET_SLOT_STATE_REJECTED;
  CHECK(reduced_save(&w->agent));
  w->hellos = w->windows = 0;
  CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
  w->agent.persist.floor = UINT32_MAX - 1;
  w->agent.sequence = UINT32_MAX - 1000;
  CHECK(world_run(w, 10000));
  CHECK_EQUAL(w->hellos, 1);
  for (uint32_t i = 0; i < sizeof w->agent.losses / sizeof w->agent.losses[0]; i++) w->agent.losses[i] = UINT16_MAX;
  w->agent.mqtt.too_large = UINT16_MAX;
  w->agent.index = UINT32_MAX - 1000;
  w->agent.persist.boots = UINT16_MAX;
  for (uint32_t i = 0; w->agent.window.state != 1 && i < 1000; i++) CHECK(world_run(w, 50));
  w->agent.window.classes = FLEET_REDUCED_CELLS / 8;
  w->agent.window.bins = 8;
  w->agent.window.first_index = UINT32_MAX - 1000;
  memset(w->agent.window.counts, 128, sizeof w->agent.window.counts);
  const uint32_t windows = w->windows;
  CHECK(world_run(w, 15000));
  CHECK(w->windows > windows);
}

// ---- what it refuses ---------------------------------------------------------------------------------------------------

static void refuses(world_t *w, uint16_t error) {
  const uint32_t chunks = w->chunks;
  w->deployment++;
  w->revision++;
  reoffer(w);
  CHECK(world_said(w, FLEET_UPDATE_STATE_FAILED, error));
  CHECK(world_runs(w) == &first);
  CHECK_EQUAL(w->chunks, chunks);
}

static void forged(void) {
  world_t *w = installed();
  w->bundle = &second;
  const release_t good = {.sequence = 4};
  for (uint32_t bit = 1; bit < 256; bit += 15) {
    w->release = good;
    w->release.mac_flip = (uint8_t)bit;
    refuses(w, fleet_err_manifest_signature_invalid);
  }
  w->release = good;
  w->release.device = "uno-8"; // another device's
  refuses(w, fleet_err_manifest_signature_invalid);
  w->release = good;
  w->release.firmware = true;
  refuses(w, fleet_err_manifest_component_unknown);
  w->release = good;
  w->release.digest_flip = 1; // authentic, but not what is transferred
  refuses(w, fleet_err_manifest_digest_mismatch);
  w->release = good;
  w->release.size = FLEET_REDUCED_SLOT_BYTES + 1;
  refuses(w, fleet_err_manifest_slot_too_small);
  w->release = (release_t){.sequence = 1};
  refuses(w, fleet_err_manifest_downgrade);
  w->release = (release_t){.sequence = 4, .floor = 5};
  refuses(w, fleet_err_manifest_below_floor);
  w->release = (release_t){.sequence = 1, .allow_downgrade = true};
  w->deployment++;
  reoffer(w);
  CHECK(world_runs(w) == &second);
}

static void replayed(void) {
  world_t *w = installed();
  world_offer(w, &second, 4, 0);
  reoffer(w);
  world_offer(w, &third, 6, 0);
  reoffer(w);
  CHECK(world_runs(w) == &third);
  w->bundle = &first; // its manifest of then, authentic
  w->release = (release_t){.sequence = 2};
  w->deployment++;
  reoffer(w);
  CHECK(world_said(w, FLEET_UPDATE_STATE_FAILED, fleet_err_manifest_downgrade));
  CHECK(world_runs(w) == &third);
}

static void vectors(void) {
  uint32_t refused = 0;
  for (uint32_t i = 0; i < sizeof fleet_mac_manifest_vectors / sizeof fleet_mac_manifest_vectors[0]; i++) {
    const fleet_mac_manifest_vector_t *v = &fleet_mac_manifest_vectors[i];
    // Vendor and class are the platform's matter: the MAC binds the manifest to this device.
    if (v->error == fleet_err_manifest_vendor_mismatch || v->error == fleet_err_manifest_class_mismatch) continue;
    world_t *w = &world;
    prepare();
    world_init(w);
    w->config.device_key = fleet_mac_manifest_device_key;
    uint8_t out[1000];
    fleet_cbor_writer_t o = {out, sizeof out, 0, false};
    const uint32_t at = fleet_cbor_map_open(&o);
    fleet_cbor_field(&o, FLEET_DESIRED_SERVER_TIME_MS, 1);
    fleet_cbor_field(&o, FLEET_DESIRED_REVISION, 1);
    fleet_cbor_field(&o, FLEET_DESIRED_DEPLOYMENT, 1);
    fleet_cbor_field_bytes(&o, FLEET_DESIRED_MANIFEST, v->bytes, v->length);
    fleet_cbor_map_close(&o, at);
    CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
    reduced_desired(&w->agent, (fleet_cbor_span_t){out, o.used});
    const fleet_reduced_note_t *note = &w->agent.note[0];
    CHECK_EQUAL(w->agent.notes, v->length == 0 ? w->agent.notes : 1);
    if (v->length == 0) continue;
    if (note->error != v->error) printf("%s\n", v->name);
    CHECK_EQUAL(note->error, v->error);
    CHECK_EQUAL(note->update_state, v->error == 0 ? FLEET_UPDATE_STATE_FETCHING : FLEET_UPDATE_STATE_FAILED);
    refused += v->error != 0;
  }
  CHECK(refused > 8);
}

// Hostile bytes that no MAC vouches for: damaged desired and chunk messages, and bundles, under the sanitizers.
static void hostile(void) {
  world_t *w = installed();
  uint8_t bytes[1200];
  fleet_cbor_writer_t o = {bytes, sizeof bytes, 0, false};
  w->bundle = &third;
  w->release = (release_t){.sequence = 4};
  const uint32_t at = fleet_cbor_map_open(&o);
  uint8_t manifest[400];
  fleet_cbor_field(&o, FLEET_DESIRED_SERVER_TIME_MS, 99999);
  fleet_cbor_field(&o, FLEET_DESIRED_REVISION, 9);
  fleet_cbor_field(&o, FLEET_DESIRED_DEPLOYMENT, 9);
  fleet_cbor_field_bytes(&o, FLEET_DESIRED_MANIFEST, manifest, make_manifest(manifest, sizeof manifest, &third, &w->release));
  fleet_cbor_map_close(&o, at);
  for (uint32_t round = 0; round < 30000; round++) {
    const uint32_t cut = next_random(w) % 3 == 0 ? next_random(w) % (o.used + 1) : o.used;
    uint8_t *copy = malloc(cut + !cut); // as large as it is, so that ASan sees a byte beyond
    memcpy(copy, bytes, cut);
    for (uint32_t flips = 1 + next_random(w) % 4; cut != 0 && flips != 0; flips--) copy[next_random(w) % cut] ^= (uint8_t)(1u << next_random(w) % 8);
    const fleet_reduced_persist_t before = w->agent.persist;
    if (cut != o.used || memcmp(copy, bytes, cut) != 0) {
      w->agent.notes = 0;
      reduced_desired(&w->agent, (fleet_cbor_span_t){copy, cut});
      reduced_chunk(&w->agent, (fleet_cbor_span_t){copy, cut});
      // Numbers outside the manifest are not signed: only these may have been taken over.
      if (w->agent.persist.highest_sequence != before.highest_sequence) w->agent.persist = before;
      CHECK(w->agent.persist.floor == before.floor);
      CHECK(w->agent.persist.active_slot == before.active_slot);
    }
    free(copy);
  }
  for (uint32_t round = 0; round < 30000; round++) {
    const uint16_t n = (uint16_t)(next_random(w) % 3 == 0 ? next_random(w) % third.n : third.n);
    uint8_t *copy = malloc(n + !n);
    memcpy(copy, third.bytes, n);
    for (uint32_t flips = 1 + next_random(w) % 8; n != 0 && flips != 0; flips--) copy[next_random(w) % (n < 560 ? n : 560)] = (uint8_t)next_random(w);
    reduced_model_t model;
    uint8_t arena[FLEET_REDUCED_ARENA_BYTES];
    (void)reduced_load(&model, copy, n, arena);
    free(copy);
  }
}

// ---- power -------------------------------------------------------------------------------------------------------------

typedef enum { sweep_install, sweep_update, sweep_broken, sweep_switch, sweeps } scenario_t;

// Brings the world to where the scenario starts; `first` runs but for the first install.
static const bundle_t *set_out(world_t *w, scenario_t s) {
  if (s == sweep_install) {
    prepare();
    world_init(w);
    w->may_run[0] = &first;
    world_offer(w, &first, 2, 2);
    return &first;
  }
  installed();
  if (s == sweep_switch) {
    world_offer(w, &second, 4, 0);
    reoffer(w);
  }
  w->state_count = 0;
  world_offer(w, s == sweep_broken ? &broken : s == sweep_switch ? &first : &second, 6, 2);
  return s == sweep_update ? &second : &first;
}

static void ends_well(world_t *w, const bundle_t *end, scenario_t s) {
  CHECK(world_runs(w) == end);
  CHECK_EQUAL(w->breaches, 0);
  const uint8_t state = w->agent.persist.update_state;
  CHECK(s == sweep_broken ? state == FLEET_UPDATE_STATE_REVERTED : state == FLEET_UPDATE_STATE_ACTIVE);
}

static bool finish(world_t *w) { return world_boot(w, FLEET_RESET_CAUSE_POWER_ON) && world_run(w, 9000); }

static uint32_t sweep(scenario_t s, uint32_t stride, bool pairs) {
  static world_t start, once;
  uint32_t cases = 0;
  world_t *w = &world;
  const bundle_t *end = set_out(w, s);
  const bundle_t *before = s == sweep_install ? NULL : s == sweep_switch ? &second : &first;
  w->operations = 0;
  start = *w;
  CHECK(finish(w));
  ends_well(w, end, s);
  const int64_t n = w->operations;
  CHECK(n > 40);
  for (int64_t k = 0; k < n; k += stride) {
    for (cut_t kind = 0; kind < cut_kinds; kind++) {
      *w = start;
      w->platform.base.user = w;
      w->random = (uint32_t)(k * 7 + kind + 1);
      w->cut_at = k;
      w->cut_kind = kind;
      CHECK(!finish(w));
      once = *w;
      // After the cut: the old bundle or the new one, whole, or none when there was none.
      w->cut_at = -1;
      w->unreachable = true;
      CHECK(world_boot(w, FLEET_RESET_CAUSE_POWER_ON));
      CHECK(world_run(w, 200));
      const bundle_t *runs = world_runs(w);
      CHECK(runs == before || runs == end);
      CHECK_EQUAL(fleet_reduced_running(&w->agent) != FLEET_REDUCED_NO_SLOT, runs != NULL);
      w->unreachable = false;
      w->now_ms += 60000;
      CHECK(finish(w));
      ends_well(w, end, s);
      cases++;
      if (!pairs || (kind != cut_unstable && kind != cut_garbage)) continue;
      // A second cut while it recovers from the first.
      for (int64_t j = k + 1; j < k + 160; j += 3) {
        *w = once;
        w->cut_at = j;
        w->cut_kind = (cut_t)((uint32_t)j % cut_kinds);
        if (finish(w)) break;
        w->cut_at = -1;
        CHECK(finish(w));
        ends_well(w, end, s);
        cases++;
      }
    }
  }
  return cases;
}

static void power_cuts(void) {
  uint32_t cases = 0;
  for (scenario_t s = 0; s < sweeps; s++) {
    const uint32_t found = sweep(s, 1, false);
    printf("scenario %d: %u cases\n", (int)s, found);
    cases += found;
  }
  CHECK(cases > 3000);
}

static void pairs_of_cuts(void) {
  const uint32_t cases = sweep(sweep_update, 7, true);
  printf("pairs: %u cases\n", cases);
  CHECK(cases > 3000);
}

static const test_t tests[] = {
    {"should install a first model, run it and tell what it saw", install},
    {"should update through a soak, and go back to the retained slot without a download", update_and_back},
    {"should take chunks in single bytes, damaged and lost ones included", single_bytes},
    {"should go on behind the stored chunks after a reboot", resume},
    {"should give up a model whose golden vectors fail, and refuse its digest until it is issued anew", bad_model},
    {"should revert a soak after three resets by the watchdog", resets_in_soak},
    {"should fall back when the active slot rots", rot},
    {"should end a soak only after inferences of the new model", silent_soak},
    {"should go on with a trial after the active slot has rotted", rot_in_trial},
    {"should keep a new model's window when the old one's is acknowledged", late_ack},
    {"should close no more full windows early than its budget has", budget},
    {"should have that budget from its boot on", budget_of_a_boot},
    {"should send hello and windows with everything at its longest", longest},
    {"should refuse forged manifests, those of other devices, and what does not fit", forged},
    {"should refuse a manifest that was replayed", replayed},
    {"should judge the golden manifests as the platform does", vectors},
    {"should stay within its memory for any bytes", hostile},
    {"should run the old or the new model after a cut at any operation, and come to its end", power_cuts},
    {"should do so after a second cut", pairs_of_cuts},
};

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (uint32_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
    if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL) continue;
    tests[i].run();
    printf("ok %s\n", tests[i].name);
  }
  return 0;
}
