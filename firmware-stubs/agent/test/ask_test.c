// Commands: who may give them, when they count as new, what they do; keys that follow each other.
#include <string.h>

#include "read.h"
#include "test.h"
#include "world.h"
#include "../../vectors/fleet_vectors.h"

static world_t w;
static bundle_t one, two, three;

static void ready(void) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  make_bundle(&two, 2, 2, false);
  make_bundle(&three, 3, 2, false);
}

static void restart(void) {
  w.message_count = 0;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_SOFTWARE));
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

static void install(const bundle_t *bundle, uint32_t sequence, uint32_t key) {
  want_release(bundle, sequence);
  w.release.key = (uint8_t)key;
  world_send_desired(&w);
  CHECK(world_run(&w, 130));
  CHECK(runs(bundle));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ACTIVE);
}

static void two_models(void) {
  ready();
  restart();
  install(&one, 2, 0);
  install(&two, 4, 0);
}

static uint32_t refused(void) { return fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_ASK_REFUSED); }

// ---- making commands -------------------------------------------------------------------------------------------------

enum { plain, mac, signature };

typedef struct {
  uint32_t counter;
  uint32_t command;
  uint32_t argument; // UINT32_MAX = none
  const uint8_t *data;
  uint32_t data_bytes;
  uint32_t proof;
  uint32_t key; // of the signature
  const char *client; // NULL = this device
} command_t;

static void fields(fleet_cbor_writer_t *out, const command_t *c, bool with_proof) {
  fleet_cbor_head(out, cbor_map, 2u + (c->argument != UINT32_MAX) + (c->data != NULL) + with_proof);
  fleet_cbor_field(out, FLEET_ASK_COUNTER, c->counter);
  fleet_cbor_field(out, FLEET_ASK_COMMAND, c->command);
  if (c->argument != UINT32_MAX) fleet_cbor_field(out, FLEET_ASK_ARGUMENT, c->argument);
  if (c->data != NULL) fleet_cbor_field_bytes(out, FLEET_ASK_DATA, c->data, c->data_bytes);
}

static uint32_t make(const command_t *c, uint8_t *bytes, uint32_t capacity) {
  const char *client = c->client != NULL ? c->client : "demo/demo-001";
  uint8_t payload[256], protected_header[16], structure[512], cose[96], proof[64], key[32];
  fleet_cbor_writer_t p = {payload, sizeof payload, 0, false};
  fleet_cbor_writer_t h = {protected_header, sizeof protected_header, 0, false};
  fleet_cbor_writer_t s = {structure, sizeof structure, 0, false};
  fleet_cbor_writer_t x = {cose, sizeof cose, 0, false};
  fleet_cbor_writer_t out = {bytes, capacity, 0, false};
  const bool is_mac = c->proof == mac;
  fields(&p, c, false);
  fleet_cbor_head(&h, cbor_map, is_mac ? 1 : 2);
  fleet_cbor_head(&h, cbor_uint, 1);
  fleet_cbor_int(&h, is_mac ? 5 : -8);
  world_key(c->key, key);
  if (!is_mac) {
    fleet_sha256_t sha;
    uint8_t id[32];
    fleet_sha256_init(&sha);
    fleet_sha256_update(&sha, key, 32);
    fleet_sha256_final(&sha, id);
    fleet_cbor_field_bytes(&h, 4, id, 8);
  }
  fleet_cbor_head(&s, cbor_array, 4);
  fleet_cbor_string(&s, cbor_text, is_mac ? "MAC0" : "Signature1", is_mac ? 4 : 10);
  fleet_cbor_string(&s, cbor_bytes, protected_header, h.used);
  fleet_cbor_string(&s, cbor_bytes, client, (uint32_t)strlen(client));
  fleet_cbor_string(&s, cbor_bytes, payload, p.used);
  if (is_mac) {
    uint8_t device_key[32];
    fleet_hmac_sha256((const uint8_t *)"secret", 6, "tinyfleet:device-key:1", 22, device_key);
    fleet_hmac_sha256(device_key, 32, structure, s.used, proof);
  } else {
    world_sign(key, structure, s.used, proof);
  }
  fleet_cbor_head(&x, cbor_tag, is_mac ? 17 : 18);
  fleet_cbor_head(&x, cbor_array, 4);
  fleet_cbor_string(&x, cbor_bytes, protected_header, h.used);
  fleet_cbor_head(&x, cbor_map, 0);
  fleet_cbor_head(&x, cbor_simple, 22);
  fleet_cbor_string(&x, cbor_bytes, proof, is_mac ? 32 : 64);
  fields(&out, c, c->proof != plain);
  if (c->proof != plain) fleet_cbor_field_bytes(&out, FLEET_ASK_SIGNATURE, cose, x.used);
  CHECK(!out.overflow && !x.overflow && !s.overflow);
  return out.used;
}

// Sends a command and says whether it was taken.
static bool tell(command_t c) {
  uint8_t bytes[400];
  const uint32_t before = refused();
  world_send(&w, "ask", bytes, make(&c, bytes, sizeof bytes), 1);
  for (uint32_t i = 0; i < 3; i++) CHECK(world_run_step(&w)); // within the step that reads it
  return refused() == before;
}

static command_t command(uint32_t counter, uint32_t number, uint32_t argument, uint32_t proof) {
  return (command_t){counter, number, argument, NULL, 0, proof, 0, NULL};
}

// ---- tests -----------------------------------------------------------------------------------------------------------

static const fleet_vector_t *golden;

// Ed25519 itself is the platform's: here the key must be the right one, the signature the golden one and the message that
// of RFC 9052.
static int32_t verify_golden(void *user, uint32_t alg, const uint8_t *key, uint32_t key_bytes, const uint8_t *message,
                             uint32_t n, const uint8_t *sig, uint32_t sig_bytes) {
  (void)user;
  uint8_t expected[512], payload[256];
  const uint32_t payload_bytes = golden->length - 84 - 3;
  fleet_cbor_writer_t s = {expected, sizeof expected, 0, false};
  memcpy(payload, golden->bytes, payload_bytes);
  payload[0]--;
  fleet_cbor_head(&s, cbor_array, 4);
  fleet_cbor_string(&s, cbor_text, "Signature1", 10);
  fleet_cbor_string(&s, cbor_bytes, golden->bytes + golden->length - 81, 13);
  fleet_cbor_string(&s, cbor_bytes, FLEET_ASK_CLIENT_ID, sizeof FLEET_ASK_CLIENT_ID - 1);
  fleet_cbor_string(&s, cbor_bytes, payload, payload_bytes);
  CHECK_EQUAL(alg, FLEET_SIGNATURE_ALGORITHM_ED25519);
  CHECK(key_bytes == 32 && sig_bytes == 64 && memcmp(key, fleet_ask_signing_key, 32) == 0);
  CHECK(n == s.used && memcmp(message, expected, n) == 0);
  return golden->error == 0 && memcmp(sig, golden->bytes + golden->length - 64, 64) == 0 ? 0 : -1;
}

static void should_take_the_golden_commands_and_refuse_the_others(void) {
  static const char *const taken[] = {"mac-reboot",     "mac-erase-slot", "mac-say-hello-signed", "sign-rotate-key",
                                      "sign-reboot"};
  uint32_t count = 0;
  for (uint32_t i = 0; i < sizeof fleet_ask_vectors / sizeof fleet_ask_vectors[0]; i++) {
    golden = &fleet_ask_vectors[i];
    for (uint32_t own_key = 0; own_key < 2; own_key++) {
      ready();
      w.config.project = (fleet_text_t){"demo", 4};
      w.config.device = (fleet_text_t){"pump-17", 7};
      w.config.token = (fleet_text_t){FLEET_ASK_TOKEN, sizeof FLEET_ASK_TOKEN - 1};
      w.config.keys[0] = (fleet_key_t){FLEET_SIGNATURE_ALGORITHM_ED25519, fleet_ask_signing_key, 32};
      if (own_key != 0) {
        w.config.token.bytes = 0;
        w.config.device_key = (fleet_key_t){FLEET_SIGNATURE_ALGORITHM_HMAC_SHA256, fleet_ask_device_key, 32};
      }
      w.platform.verify = verify_golden;
      restart();
      bool expected = false;
      for (uint32_t t = 0; t < sizeof taken / sizeof taken[0]; t++) expected = expected || strcmp(taken[t], golden->name) == 0;
      CHECK(!expected || golden->error == 0);
      const fleet_persist_t before = w.agent.persist;
      fleet_ask(&w.agent, golden->bytes, golden->length);
      if ((refused() == 0) != expected) printf("%s\n", golden->name);
      CHECK_EQUAL(refused(), !expected);
      CHECK_EQUAL(memcmp(&before, &w.agent.persist, sizeof before) == 0, !expected);
      count += expected;
    }
  }
  CHECK_EQUAL(count, 2 * sizeof taken / sizeof taken[0]);
}

static void should_obey_harmless_commands_without_a_proof_and_no_others(void) {
  static const struct {
    uint32_t counter, command, argument;
    bool taken;
  } cases[] = {
      {1, FLEET_COMMAND_SAY_HELLO, 0, true},           {1, FLEET_COMMAND_SAY_HELLO, 0, false}, // counter was used
      {2, FLEET_COMMAND_SET_CADENCE, 0, true},         {3, FLEET_COMMAND_SET_CADENCE, 100, true},
      {4, FLEET_COMMAND_SET_CADENCE, 86400001, false}, {5, FLEET_COMMAND_REBOOT, 0, false},
      {6, FLEET_COMMAND_ERASE, 0, false},              {7, FLEET_COMMAND_REVERT, 0, false},
      {8, FLEET_COMMAND_ROTATE_KEY, 0, false},         {9, 200, 0, false},
      {10, FLEET_COMMAND_ABORT, 0, false},             {11, 0, 0, false},
      {12, FLEET_COMMAND_SEND_SAMPLES, 1, false},      {13, FLEET_COMMAND_SAY_HELLO, 0, true},
  };
  two_models();
  w.message_count = 0;
  uint32_t count = 0;
  uint32_t hellos = 0;
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    CHECK_EQUAL(tell(command(cases[i].counter, cases[i].command, cases[i].argument, plain)), cases[i].taken);
    CHECK(world_run(&w, 2));
    count += !cases[i].taken;
    hellos += cases[i].taken && cases[i].command == FLEET_COMMAND_SAY_HELLO;
    CHECK_EQUAL(refused(), count);
    CHECK_EQUAL(world_count(&w, "hello"), hellos);
  }
  CHECK_EQUAL(w.agent.period_us, 100000);
  CHECK_EQUAL(w.resets, 0);
  CHECK_EQUAL(w.agent.persist.ask_counter, 0);
  // Such a counter belongs to its session.
  w.open = false;
  CHECK(world_run(&w, 200));
  CHECK(tell(command(1, FLEET_COMMAND_SAY_HELLO, 0, plain)));
}

static void should_refuse_a_replay_also_after_a_reboot(void) {
  two_models();
  CHECK(tell(command(5, FLEET_COMMAND_REBOOT, UINT32_MAX, mac)));
  CHECK(world_run_step(&w));
  CHECK_EQUAL(w.resets, 1);
  CHECK(w.agent.dead);
  CHECK_EQUAL(fleet_agent_step(&w.agent), 0);
  restart();
  CHECK(world_run(&w, 5));
  CHECK(runs(&two));
  CHECK_EQUAL(message_field(world_last(&w, "hello"), FLEET_HELLO_ASK_COUNTER, 0), 5);
  CHECK(!tell(command(5, FLEET_COMMAND_REBOOT, UINT32_MAX, mac)));
  CHECK(!tell(command(4, FLEET_COMMAND_SAY_HELLO, UINT32_MAX, mac)));
  CHECK(tell(command(1, FLEET_COMMAND_SAY_HELLO, UINT32_MAX, plain))); // has a counter of its own
  CHECK(tell(command(6, FLEET_COMMAND_SAY_HELLO, UINT32_MAX, signature)));
  CHECK(!tell((command_t){7, FLEET_COMMAND_REBOOT, UINT32_MAX, NULL, 0, signature, 1, NULL}));
  CHECK(!tell((command_t){7, FLEET_COMMAND_REBOOT, UINT32_MAX, NULL, 0, mac, 0, "demo/demo-002"}));
  CHECK(!tell((command_t){7, FLEET_COMMAND_REBOOT, UINT32_MAX, NULL, 0, signature, 0, "demo2/demo-001"}));
  // A wrong proof is no better than none, whatever it is for.
  CHECK(!tell((command_t){7, FLEET_COMMAND_SAY_HELLO, UINT32_MAX, NULL, 0, mac, 0, "demo/demo-002"}));
  CHECK_EQUAL(w.agent.persist.ask_counter, 6);
  CHECK_EQUAL(w.resets, 1);
  w.config.token.bytes = 0; // nothing that a MAC could be made with
  CHECK(!tell(command(7, FLEET_COMMAND_SAY_HELLO, UINT32_MAX, mac)));
}

static void should_erase_an_unused_slot_by_record_first(void) {
  for (int64_t at = -1; at < 12; at++) {
    two_models();
    const uint32_t other = w.agent.update.active_slot ^ 1u;
    CHECK(!tell(command(1, FLEET_COMMAND_ERASE, w.agent.update.active_slot, mac)));
    CHECK(!tell(command(1, FLEET_COMMAND_ERASE, 2, mac)));
    w.deployment = 0;
    if (at >= 0) w.cut_at = w.operations + at;
    w.cut_mode = cut_torn;
    uint8_t bytes[100];
    const command_t c = command(1, FLEET_COMMAND_ERASE, other, mac);
    world_send(&w, "ask", bytes, make(&c, bytes, sizeof bytes), 1);
    const bool survived = world_run(&w, 5);
    w.cut_at = -1;
    if (!survived) {
      restart();
      CHECK(world_run(&w, 5));
    }
    CHECK(runs(&two));
    const fleet_slot_record_t *slot = &w.agent.persist.slots[other];
    const uint8_t *flash = w.flash + fleet_agent_slot_offset(&w.config, other);
    if (slot->state == FLEET_SLOT_STATE_RETAINED) {
      CHECK(!survived && memcmp(flash, one.bytes, one.n) == 0 && w.agent.persist.ask_counter == 0);
    } else {
      CHECK_EQUAL(slot->state, FLEET_SLOT_STATE_EMPTY);
      CHECK_EQUAL(w.agent.persist.ask_counter, 1);
    }
    if (survived) {
      for (uint32_t i = 0; i < world_slot_bytes; i++) CHECK_EQUAL(flash[i], 0xff);
      install(&three, 6, 0); // the slot is as good as new
      break;
    }
    CHECK(at < 11);
  }
}

// Runs until the update is in this state.
static void until(uint32_t state) {
  for (uint32_t i = 0; w.agent.update.state != state; i++) {
    CHECK(i < 100000);
    CHECK(world_run_step(&w));
  }
}

static void should_abort_an_update_at_any_moment(void) {
  static const uint32_t states[] = {FLEET_UPDATE_STATE_FETCHING, FLEET_UPDATE_STATE_TRIAL, FLEET_UPDATE_STATE_SOAK};
  for (uint32_t i = 0; i < 3; i++) {
    for (uint32_t steps = 0; steps < 12; steps++) {
      two_models();
      want_release(&three, 6);
      world_send_desired(&w);
      until(states[i]);
      for (uint32_t s = 0; s < steps && w.agent.update.state == states[i]; s++) CHECK(world_run_step(&w));
      if (w.agent.update.state != states[i]) break;
      const bool soak = states[i] == FLEET_UPDATE_STATE_SOAK;
      w.message_count = 0;
      const uint32_t before = refused();
      fleet_ask(&w.agent, (const uint8_t *)"\xa3\x01\x01\x02\x06\x03\x18\x63", 8); // another deployment
      CHECK_EQUAL(refused(), before + 1);
      fleet_ask(&w.agent, (const uint8_t *)"\xa2\x01\x02\x02\x06", 5);
      CHECK_EQUAL(refused(), before + 1 + soak);
      if (soak) {
        uint8_t bytes[100];
        const command_t c = command(9, FLEET_COMMAND_ABORT, w.deployment, mac);
        fleet_ask(&w.agent, bytes, make(&c, bytes, sizeof bytes));
      }
      CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ABORTED);
      CHECK(world_run(&w, 10));
      CHECK(runs(&two));
      CHECK_EQUAL(w.agent.update.error, fleet_err_agent_aborted);
      CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_UPDATE_STATE, 0), FLEET_UPDATE_STATE_ABORTED);
      CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_agent_aborted);
      // Aborted is not refused, but it takes another deployment; the bundle may be there already.
      const uint32_t chunks = w.chunks_sent;
      world_send_desired(&w);
      CHECK(world_run(&w, 10));
      CHECK_EQUAL(w.chunks_sent, chunks);
      CHECK(runs(&two));
      restart();
      CHECK(world_run(&w, 10));
      CHECK(runs(&two));
      install(&three, 6, 0);
      if (states[i] != FLEET_UPDATE_STATE_FETCHING) CHECK_EQUAL(w.chunks_sent, chunks);
      CHECK_EQUAL(w.rule_breaches, 0);
    }
  }
  // Nothing is open: nothing is aborted.
  CHECK(!tell(command(30, FLEET_COMMAND_ABORT, 0, mac)));
}

static void should_abort_while_it_hashes_what_a_transfer_left(void) {
  two_models();
  want_release(&three, 6);
  w.disconnect_after = 5;
  world_send_desired(&w);
  CHECK(world_run(&w, 5));
  CHECK(w.agent.persist.fetched != 0);
  w.unreachable = false;
  const uint32_t deployment = w.deployment;
  w.deployment = 0;
  restart();
  CHECK(world_run(&w, 5));
  w.deployment = deployment;
  world_send_desired(&w);
  world_send(&w, "ask", (const uint8_t *)"\xa2\x01\x02\x02\x06", 5, 1); // read in the same step, before any of it is hashed
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_ABORTED);
  CHECK(runs(&two));
  install(&three, 6, 0);
}

static void should_go_back_on_command(void) {
  two_models();
  CHECK(tell(command(1, FLEET_COMMAND_REVERT, fleet_err_agent_health_failed, mac)));
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  const message_t *state = world_last(&w, "state");
  CHECK_EQUAL(message_field(state, FLEET_STATE_UPDATE_STATE, 0), FLEET_UPDATE_STATE_REVERTED);
  CHECK_EQUAL(message_field(state, FLEET_STATE_ERROR, 0), fleet_err_agent_health_failed);
  // What it left is wanted still: it says what has become of it, and does not go there again.
  world_send_desired(&w);
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  const uint32_t chunks = w.chunks_sent;
  install(&two, 4, 0); // another deployment of it needs no transfer
  CHECK_EQUAL(w.chunks_sent, chunks);
  CHECK(tell(command(2, FLEET_COMMAND_REVERT, UINT32_MAX, signature)));
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_agent_reverted);
  const uint32_t other = w.agent.update.active_slot ^ 1u;
  CHECK(tell(command(3, FLEET_COMMAND_ERASE, other, mac)));
  CHECK(world_run(&w, 5));
  CHECK(!tell(command(4, FLEET_COMMAND_REVERT, UINT32_MAX, mac)));
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_agent_retained_missing);
}

// ---- samples -----------------------------------------------------------------------------------------------------------

static _Alignas(16) uint8_t sample_ram[4096];

// The data of a sample's part.
static uint32_t part(const message_t *m, const uint8_t **data) {
  static const fleet_cbor_row_t rows[] = {{FLEET_SAMPLE_DATA, cbor_row_bytes, 0, 0, 0}};
  fleet_cbor_span_t found = {NULL, 0};
  CHECK(fleet_cbor_read_map((fleet_cbor_span_t){m->payload, m->n}, FLEET_CBOR_ROWS(rows), &found) != 0);
  *data = found.at;
  return found.n;
}

static void should_send_the_inputs_that_were_asked_for(void) {
  two_models();
  CHECK(!tell(command(1, FLEET_COMMAND_SEND_SAMPLES, 3, mac))); // no memory to keep one in
  CHECK_EQUAL(message_field(world_last(&w, "hello"), FLEET_HELLO_CAPABILITIES, 0) & FLEET_CAPABILITY_SAMPLES, 0);
  w.config.sample_ram = sample_ram;
  w.config.sample_ram_bytes = 4; // just the input
  restart();
  CHECK(world_run(&w, 5));
  CHECK(message_field(world_last(&w, "hello"), FLEET_HELLO_CAPABILITIES, 0) & FLEET_CAPABILITY_SAMPLES);
  w.message_count = 0;
  w.next_class = 2;
  CHECK(tell(command(1, FLEET_COMMAND_SEND_SAMPLES, 3, mac)));
  CHECK(world_run(&w, 20));
  CHECK_EQUAL(world_count(&w, "sample"), 3);
  uint32_t last = 0;
  for (uint32_t i = 0; i < w.message_count; i++) {
    const message_t *m = &w.messages[i];
    const uint8_t *data;
    if (strcmp(m->topic, "sample") != 0) continue;
    CHECK_EQUAL(m->qos, 1);
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_ASK, 0), 1);
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_OFFSET, 9), 0);
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_BYTES, 0), 4);
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_PREDICTED, 0), 2);
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_ENCODING, 9), FLEET_SAMPLE_ENCODING_INT8);
    CHECK(message_field(m, FLEET_SAMPLE_INDEX, 0) > last || last == 0);
    last = (uint32_t)message_field(m, FLEET_SAMPLE_INDEX, 0);
    CHECK_EQUAL(part(m, &data), 4);
    CHECK(data[0] == (uint8_t)-100 && data[2] >= 60);
  }
  // 0 stops.
  CHECK(tell(command(2, FLEET_COMMAND_SEND_SAMPLES, 1000, mac)));
  CHECK(world_run(&w, 5));
  CHECK(tell(command(3, FLEET_COMMAND_SEND_SAMPLES, 0, mac)));
  CHECK(world_run(&w, 2));
  w.message_count = 0;
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_count(&w, "sample"), 0);
  // One byte less than the input: counted.
  w.config.sample_ram_bytes = 3;
  CHECK(tell(command(4, FLEET_COMMAND_SEND_SAMPLES, 2, mac)));
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_count(&w, "sample"), 0);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_SAMPLE_DROPPED), 2);
}

static void should_count_no_part_of_one_sample_for_another(void) {
  two_models();
  w.config.sample_ram = sample_ram;
  w.config.sample_ram_bytes = sizeof sample_ram;
  fleet_agent_t *a = &w.agent;
  const fleet_inference_t inference = {0};
  CHECK(world_run(&w, 2)); // a window that ends now is not in the way
  CHECK(fleet_samples_ask(a, 2, 77));
  fleet_samples_feed(a, sample_ram + 1024, 650, FLEET_DTYPE_INT16);
  fleet_samples_done(a, &inference);
  w.hold_acks = true;
  while (a->in_flight != in_flight_sample) CHECK(world_run_step(&w));
  fleet_samples_drop(a); // another model takes over
  fleet_samples_feed(a, sample_ram + 1024, 650, FLEET_DTYPE_INT16);
  fleet_samples_done(a, &inference);
  w.hold_acks = false;
  CHECK_EQUAL(a->sample_sent, 0);
  CHECK(a->in_flight != in_flight_sample);
}

static void should_send_a_large_sample_in_parts_behind_everything_else(void) {
  two_models();
  w.config.sample_ram = sample_ram;
  w.config.sample_ram_bytes = sizeof sample_ram;
  restart();
  CHECK(world_run(&w, 5));
  uint8_t whole[1300];
  for (uint32_t i = 0; i < sizeof whole; i++) whole[i] = (uint8_t)(i * 7);
  w.message_count = 0;
  CHECK(fleet_samples_ask(&w.agent, 1, 77));
  const fleet_inference_t inference = {4711, 3, 200, 0, NULL, 0};
  fleet_samples_feed(&w.agent, whole, 650, FLEET_DTYPE_INT16); // two rows
  fleet_samples_feed(&w.agent, whole + 650, 650, FLEET_DTYPE_INT16);
  fleet_samples_done(&w.agent, &inference);
  w.agent.samples_left = 0;
  w.agent.hello_due = true;
  CHECK(world_run(&w, 5));
  CHECK(strcmp(w.messages[0].topic, "hello") == 0);
  CHECK_EQUAL(world_count(&w, "sample"), 3);
  uint32_t at = 0;
  for (uint32_t i = 0; i < w.message_count; i++) {
    const message_t *m = &w.messages[i];
    const uint8_t *data;
    if (strcmp(m->topic, "sample") != 0) continue;
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_INDEX, 0), 4711);
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_ASK, 0), 77);
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_OFFSET, 9999), at);
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_BYTES, 0), sizeof whole);
    CHECK_EQUAL(message_field(m, FLEET_SAMPLE_ENCODING, 9), FLEET_SAMPLE_ENCODING_INT16_LE);
    const uint32_t n = part(m, &data);
    CHECK(n != 0 && memcmp(data, whole + at, n) == 0);
    at += n;
  }
  CHECK_EQUAL(at, sizeof whole);
}

// What is asked for, or room for it, may come between two rows of an input.
static void should_begin_a_sample_with_the_first_row_of_an_input(void) {
  two_models();
  w.config.sample_ram = sample_ram;
  w.config.sample_ram_bytes = sizeof sample_ram;
  restart();
  CHECK(world_run(&w, 2));
  static const uint8_t row[100];
  const fleet_inference_t inference = {0};
  fleet_agent_t *a = &w.agent;
  fleet_samples_feed(a, row, sizeof row, FLEET_DTYPE_INT16);
  CHECK(fleet_samples_ask(a, 2, 77));
  for (uint32_t i = 1; i <= 2; i++) {
    fleet_samples_feed(a, row, sizeof row, FLEET_DTYPE_INT16);
    fleet_samples_done(a, &inference);
    CHECK_EQUAL(a->samples_left, 3 - i);
    for (uint32_t rows = 0; rows < 2; rows++) fleet_samples_feed(a, row, sizeof row, FLEET_DTYPE_INT16);
    fleet_samples_done(a, &inference);
    CHECK_EQUAL(a->samples_left, 2 - i);
    CHECK_EQUAL(a->sample_bytes, 2 * sizeof row);
    fleet_samples_feed(a, row, sizeof row, FLEET_DTYPE_INT16);
    fleet_samples_acked(a);
  }
}

static void should_send_the_raw_rows_of_a_front_end(void) {
  static const fleet_sensor_t generic = {FLEET_SENSOR_GENERIC, 1, 0, 2000, 4000};
  for (uint32_t passes = 1; passes <= 2; passes++) {
    ready();
    make_sampled_bundle(&one, 1, (sampled_t){passes, 4000});
    w.streams = passes == 1;
    w.sample_pace_us = 300000;
    w.config.sensors = &generic;
    w.config.sensor_count = 1;
    w.config.sample_ram = sample_ram;
    w.config.sample_ram_bytes = 8; // two rows of two counts
    restart();
    install(&one, 2, 0);
    w.message_count = 0;
    CHECK(tell(command(1, FLEET_COMMAND_SEND_SAMPLES, 2, mac)));
    CHECK(world_run(&w, 10));
    CHECK_EQUAL(world_count(&w, "sample"), 2);
    const uint8_t *data;
    CHECK_EQUAL(part(world_last(&w, "sample"), &data), 4 * passes);
    CHECK_EQUAL(message_field(world_last(&w, "sample"), FLEET_SAMPLE_ENCODING, 9), FLEET_SAMPLE_ENCODING_INT16_LE);
    CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_SAMPLE_DROPPED), 0);
  }
}

// ---- keys ------------------------------------------------------------------------------------------------------------

static command_t rotation(uint32_t counter, uint32_t next, uint32_t sequence, uint32_t signer) {
  static uint8_t data[64];
  uint8_t key[32];
  world_key(next, key);
  fleet_cbor_writer_t out = {data, sizeof data, 0, false};
  fleet_cbor_head(&out, cbor_map, 3);
  fleet_cbor_field(&out, FLEET_NEXT_KEY_ALGORITHM, FLEET_SIGNATURE_ALGORITHM_ED25519);
  fleet_cbor_field_bytes(&out, FLEET_NEXT_KEY_KEY, key, 32);
  fleet_cbor_field(&out, FLEET_NEXT_KEY_KEY_SEQUENCE, sequence);
  return (command_t){counter, FLEET_COMMAND_ROTATE_KEY, UINT32_MAX, data, out.used, signature, signer, NULL};
}

static bool trusts(uint32_t current, uint32_t next) { // UINT32_MAX = none
  uint8_t id[32];
  for (uint32_t i = 0; i < 2; i++) {
    const uint32_t number = i == 0 ? current : next;
    uint8_t key[32], expected[32];
    if (number == UINT32_MAX) {
      if (fleet_accept_key_id(&w.agent, i, id)) return false;
      continue;
    }
    world_key(number, key);
    fleet_sha256_t sha;
    fleet_sha256_init(&sha);
    fleet_sha256_update(&sha, key, 32);
    fleet_sha256_final(&sha, expected);
    if (!fleet_accept_key_id(&w.agent, i, id) || memcmp(id, expected, 32) != 0) return false;
  }
  return true;
}

static void refuses(const bundle_t *bundle, uint32_t sequence, uint32_t key) {
  want_release(bundle, sequence);
  w.release.key = (uint8_t)key;
  world_send_desired(&w);
  CHECK(world_run(&w, 20));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_manifest_key_unknown);
}

static void should_follow_the_next_key_when_a_release_of_it_is_committed(void) {
  two_models();
  refuses(&three, 6, 1);
  command_t c = rotation(1, 1, 7, 0);
  c.proof = mac;
  CHECK(!tell(c)); // no device key gives a signing key
  CHECK(!tell(rotation(1, 1, 7, 1)));
  CHECK(!tell(rotation(1, 1, 0, 0)));
  CHECK(tell(rotation(1, 1, 7, 0)));
  CHECK(trusts(0, 1));
  restart();
  CHECK(world_run(&w, 5));
  CHECK(trusts(0, 1));
  CHECK_EQUAL(message_field(world_last(&w, "hello"), FLEET_HELLO_KEY_SEQUENCE, 0), 0);
  install(&three, 6, 0); // both are good
  CHECK(trusts(0, 1));
  want_release(&one, 8);
  w.release.key = 1;
  world_send_desired(&w);
  until(FLEET_UPDATE_STATE_SOAK);
  CHECK(trusts(0, 1)); // not before its soak is over
  CHECK(world_run(&w, 130));
  CHECK(runs(&one));
  CHECK(trusts(1, UINT32_MAX));
  CHECK_EQUAL(w.agent.persist.key_sequence, 7);
  restart();
  CHECK(world_run(&w, 5));
  CHECK_EQUAL(message_field(world_last(&w, "hello"), FLEET_HELLO_KEY_SEQUENCE, 0), 7);
  refuses(&two, 10, 0);
  CHECK(!tell(rotation(2, 2, 8, 0)));
  CHECK(!tell(rotation(2, 2, 7, 1)));
  CHECK(tell(rotation(2, 2, 8, 1)));
  // A release of the running bundle by the next key is committed at once.
  want_release(&one, 12);
  w.release.key = 2;
  world_send_desired(&w);
  CHECK(world_run(&w, 5));
  CHECK(trusts(2, UINT32_MAX));
  CHECK_EQUAL(w.agent.persist.key_sequence, 8);
}

static void should_keep_its_key_when_the_release_of_the_next_one_fails(void) {
  bundle_t bad;
  two_models();
  make_bundle(&bad, 9, 2, true);
  CHECK(tell(rotation(1, 1, 7, 0)));
  want_release(&bad, 6);
  w.release.key = 1;
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(runs(&two));
  CHECK(trusts(0, 1));
  // Another next key takes its place, also while a release of the old one soaks.
  want_release(&three, 8);
  w.release.key = 1;
  world_send_desired(&w);
  until(FLEET_UPDATE_STATE_SOAK);
  CHECK(tell(rotation(2, 2, 9, 0)));
  CHECK(world_run(&w, 130));
  CHECK(runs(&three));
  CHECK(trusts(0, 2));
}

static void should_use_the_next_key_of_its_configuration(void) {
  uint8_t next[32];
  ready();
  world_key(5, next);
  w.config.keys[1] = (fleet_key_t){FLEET_SIGNATURE_ALGORITHM_ED25519, next, 32};
  restart();
  install(&one, 2, 0);
  CHECK(trusts(0, 5));
  install(&two, 4, 5);
  CHECK(trusts(5, UINT32_MAX));
  CHECK_EQUAL(w.agent.persist.key_sequence, 1);
  refuses(&three, 6, 0);
}

// A release of the old key may end the soak of the new key's release; it is then of nobody's.
static void should_judge_a_release_again_when_the_key_changes_under_it(void) {
  two_models();
  CHECK(tell(rotation(1, 1, 7, 0)));
  want_release(&three, 6);
  w.release.key = 1;
  world_send_desired(&w);
  until(FLEET_UPDATE_STATE_SOAK);
  want_release(&one, 8);
  w.release.supersede = FLEET_CONDITIONS_SUPERSEDE_COMMIT;
  make_bundle(&one, 11, 2, false);
  world_send_desired(&w);
  CHECK(world_run(&w, 30));
  CHECK(runs(&three));
  CHECK(trusts(1, UINT32_MAX));
  CHECK_EQUAL(message_field(world_last(&w, "state"), FLEET_STATE_ERROR, 0), fleet_err_manifest_key_unknown);
}

static void should_rotate_its_key_whole_or_not_at_all(void) {
  uint32_t cuts = 0;
  for (cut_t mode = cut_before; mode <= cut_after; mode++) {
    for (int64_t at = 0;; at++) {
      two_models();
      w.cut_at = w.operations + at;
      w.cut_mode = mode;
      uint8_t bytes[400];
      const command_t c = rotation(1, 1, 7, 0);
      want_release(&three, 6);
      w.release.key = 1;
      world_send(&w, "ask", bytes, make(&c, bytes, sizeof bytes), 1);
      world_send_desired(&w);
      const bool survived = world_run(&w, 130);
      w.cut_at = -1;
      if (!survived) {
        cuts++;
        restart();
        CHECK(trusts(0, UINT32_MAX) || trusts(0, 1) || trusts(1, UINT32_MAX));
        CHECK_EQUAL(w.agent.persist.ask_counter, trusts(0, UINT32_MAX) ? 0 : 1);
        CHECK(world_run(&w, 5));
        if (trusts(0, UINT32_MAX)) {
          CHECK(tell(c));
          world_send_desired(&w);
        }
        CHECK(world_run(&w, 200));
      }
      CHECK(runs(&three));
      CHECK(trusts(1, UINT32_MAX));
      CHECK_EQUAL(w.agent.persist.key_sequence, 7);
      CHECK_EQUAL(w.rule_breaches, 0);
      if (survived) break;
    }
  }
  CHECK(cuts > 60);
}

static void should_carry_out_nothing_that_it_cannot_record(void) {
  two_models();
  w.flash_broken = true;
  CHECK(!tell(command(5, FLEET_COMMAND_REBOOT, UINT32_MAX, mac)));
  CHECK(!tell(command(6, FLEET_COMMAND_REVERT, UINT32_MAX, mac)));
  CHECK(!tell(command(7, FLEET_COMMAND_ERASE, 0, mac)));
  CHECK(!tell(command(8, FLEET_COMMAND_SEND_SAMPLES, 1, mac)));
  CHECK(!tell(rotation(9, 1, 7, 0)));
  CHECK(world_run(&w, 5));
  CHECK_EQUAL(w.resets, 0);
  CHECK_EQUAL(world_count(&w, "sample"), 0);
  CHECK(runs(&two));
  CHECK(trusts(0, UINT32_MAX));
  CHECK_EQUAL(w.agent.persist.ask_counter, 0);
  CHECK_EQUAL(refused(), 5);
  CHECK(tell(command(1, FLEET_COMMAND_SAY_HELLO, UINT32_MAX, plain))); // leaves nothing behind
  // The flash answers again: so does the device. Nothing was used up.
  w.flash_broken = false;
  CHECK(tell(command(5, FLEET_COMMAND_REVERT, UINT32_MAX, mac)));
  CHECK(world_run(&w, 5));
  CHECK(runs(&one));
  CHECK_EQUAL(w.rule_breaches, 0);
}

// ---- edges and capture ---------------------------------------------------------------------------------------------------

static void with_monitors(void) {
  ready();
  restart();
  make_monitored_bundle(&one, 1, 7); // the class monitor is 0, features 1 to 7, the score 8
  install(&one, 2, 0);
}

typedef struct {
  uint8_t index;
  uint8_t bins;
  int16_t centre;
  int16_t first; // edge; the others follow by one
} edges_t;

static uint32_t edges_of(uint8_t *bytes, const uint8_t build[8], const edges_t *monitors, uint32_t count) {
  uint8_t all[7 * FLEET_EDGES_BYTES];
  for (uint32_t i = 0; i < count; i++) {
    uint8_t *m = all + i * FLEET_EDGES_BYTES;
    m[0] = monitors[i].index;
    m[1] = monitors[i].bins;
    m[2] = (uint8_t)monitors[i].centre;
    m[3] = (uint8_t)((uint16_t)monitors[i].centre >> 8);
    for (uint32_t b = 0; b < 15; b++) {
      const int16_t edge = (int16_t)(b + 1u < monitors[i].bins ? monitors[i].first + (int32_t)b : INT16_MAX);
      m[4 + 2 * b] = (uint8_t)edge;
      m[5 + 2 * b] = (uint8_t)((uint16_t)edge >> 8);
    }
  }
  fleet_cbor_writer_t out = {bytes, 300, 0, false};
  fleet_cbor_head(&out, cbor_map, 2);
  fleet_cbor_field_bytes(&out, FLEET_NEW_EDGES_BUILD, build, 8);
  fleet_cbor_field_bytes(&out, FLEET_NEW_EDGES_MONITORS, all, count * FLEET_EDGES_BYTES);
  CHECK(!out.overflow);
  return out.used;
}

static bool tell_edges(uint32_t counter, const uint8_t build[8], const edges_t *monitors, uint32_t count, uint32_t proof) {
  uint8_t data[300];
  const uint32_t n = edges_of(data, build, monitors, count);
  return tell((command_t){counter, FLEET_COMMAND_SET_EDGES, UINT32_MAX, data, n, proof, 0, NULL});
}

static void should_summarize_the_monitors_and_edges_that_a_command_brings(void) {
  with_monitors();
  static const edges_t wanted[] = {{2, 16, 5, -120}, {7, 4, -100, -101}, {8, 2, 0, 0}};
  const uint32_t bundle_schema = w.agent.window.schema;
  CHECK_EQUAL(w.agent.window.features, 5);
  CHECK(world_run(&w, 3));
  w.message_count = 0;
  CHECK(!tell_edges(1, one.digest, wanted, 3, plain));
  CHECK(tell_edges(1, one.digest, wanted, 3, mac));
  CHECK_EQUAL(w.agent.window.features, 2);
  CHECK_EQUAL(w.agent.window.feature[1].monitor, 7);
  const uint32_t schema = w.agent.window.schema;
  CHECK(schema != bundle_schema);
  CHECK(world_run(&w, 25));
  fleet_window_t before, window;
  bool found = false; // the window that the command closed
  for (uint32_t i = 0; i < w.message_count; i++) {
    if (strcmp(w.messages[i].topic, "telemetry") != 0 || !message_window(&w.messages[i], &before)) continue;
    found = found || (before.schema == bundle_schema && before.features == 5 && before.length_ms < 10000);
  }
  CHECK(found);
  CHECK(message_window(world_last(&w, "telemetry"), &window));
  CHECK(window.schema == schema && window.features == 2 && window.has_ood);
  CHECK_EQUAL(window.feature[0].n, window.n);
  // Element 1 is -100 while class 0 is on: 21 edges would lie below it, the last of 15 is -106.
  CHECK_EQUAL(window.feature[0].histogram[15], window.n);
  CHECK_EQUAL(window.feature[0].sum, -105 * (int32_t)window.n);
  // The same again changes nothing, none brings back the bundle's.
  CHECK(tell_edges(2, one.digest, wanted, 3, mac));
  CHECK_EQUAL(w.agent.window.schema, schema);
  CHECK(tell_edges(3, one.digest, wanted, 0, mac));
  CHECK_EQUAL(w.agent.window.schema, bundle_schema);
  CHECK(tell_edges(4, one.digest, wanted, 3, mac));
  CHECK_EQUAL(w.agent.window.schema, schema);
  // They are of one build: another has its own, and they hold again when it is back.
  install(&two, 4, 0);
  CHECK(w.agent.window.features == 0 && !w.agent.window.has_ood);
  install(&one, 6, 0);
  CHECK_EQUAL(w.agent.window.schema, schema);
}

// What the last hello says of a command, UINT64_MAX when it says nothing of settings.
static uint64_t setting(uint32_t number) {
  fleet_cbor_reader_t r;
  uint32_t left, key;
  const message_t *m = world_last(&w, "hello");
  fleet_cbor_reader_init(&r, m->payload, m->n);
  if (!read_head(&r, cbor_map, &left)) return UINT64_MAX;
  for (; left != 0 && read_head(&r, cbor_uint, &key); left--) {
    if (key != FLEET_HELLO_SETTINGS) {
      if (!fleet_cbor_skip(&r)) return UINT64_MAX;
      continue;
    }
    uint64_t value;
    uint32_t pairs;
    if (!read_head(&r, cbor_map, &pairs)) return UINT64_MAX;
    for (; pairs != 0 && read_head(&r, cbor_uint, &key) && read_uint(&r, &value); pairs--) {
      if (key == number) return value;
    }
    return 0;
  }
  return UINT64_MAX;
}

static void greet(uint32_t counter) {
  CHECK(tell(command(counter, FLEET_COMMAND_SAY_HELLO, UINT32_MAX, plain)));
  CHECK(world_run(&w, 3));
}

static void should_tell_in_hello_what_commands_have_set(void) {
  with_monitors();
  w.config.sample_ram = sample_ram;
  w.config.sample_ram_bytes = 4;
  w.config.inference_period_us = 2000000;
  restart();
  CHECK(world_run(&w, 5));
  CHECK_EQUAL(setting(FLEET_COMMAND_SET_EDGES), 0);
  static const edges_t wanted[] = {{2, 16, 5, -120}};
  uint8_t data[300];
  const uint32_t n = edges_of(data, one.digest, wanted, 1);
  CHECK(tell_edges(1, one.digest, wanted, 1, mac));
  CHECK(tell((command_t){2, FLEET_COMMAND_CAPTURE, UINT32_MAX, (const uint8_t *)"\xa1\x01\x08", 3, mac, 0, NULL}));
  CHECK(tell(command(3, FLEET_COMMAND_SET_CADENCE, 500, mac)));
  CHECK(!tell(command(4, FLEET_COMMAND_SET_CADENCE, 86400001, mac)));
  greet(1);
  CHECK_EQUAL(setting(FLEET_COMMAND_SET_EDGES), fleet_crc32(0, data, n));
  CHECK_EQUAL(setting(FLEET_COMMAND_CAPTURE), fleet_crc32(0, (const uint8_t *)"\xa1\x01\x08", 3));
  CHECK_EQUAL(setting(FLEET_COMMAND_SET_CADENCE), 500);
  CHECK_EQUAL(w.agent.period_us, 500000);
  // Taken back: nothing is set, the port's own cadence and the bundle's edges hold.
  CHECK(tell_edges(5, one.digest, wanted, 0, mac));
  CHECK(tell((command_t){6, FLEET_COMMAND_CAPTURE, UINT32_MAX, (const uint8_t *)"\xa1\x01\x00", 3, mac, 0, NULL}));
  CHECK(tell(command(7, FLEET_COMMAND_SET_CADENCE, 0, mac)));
  CHECK_EQUAL(w.agent.period_us, 2000000);
  CHECK(tell_edges(8, one.digest, wanted, 1, mac));
  greet(2);
  CHECK_EQUAL(setting(FLEET_COMMAND_SET_CADENCE), 0);
  CHECK_EQUAL(setting(FLEET_COMMAND_CAPTURE), 0);
  CHECK(setting(FLEET_COMMAND_SET_EDGES) != 0);
  restart();
  CHECK(world_run(&w, 5));
  CHECK_EQUAL(setting(FLEET_COMMAND_SET_EDGES), 0);
}

static void should_fit_the_values_of_every_element_into_a_window(void) {
  static const edges_t all[] = {{7, 16, 0, -8}}; // its four elements are values each: 1,023 inferences are 4,092
  with_monitors();
  w.config.early_bytes = 1; // whole windows only
  CHECK(tell_edges(1, one.digest, all, 1, mac));
  for (uint32_t more = 0; more < 2; more++) {
    w.window_s = 1022 + more;
    world_send_desired(&w);
    CHECK(world_run(&w, 3));
    fleet_window_close(&w.agent);
    fleet_window_open(&w.agent);
    w.message_count = 0;
    CHECK_EQUAL(w.agent.window.feature[0].stride, 1 + more);
    CHECK(world_run(&w, 1030));
    fleet_window_t window;
    CHECK(message_window(world_last(&w, "telemetry"), &window));
    CHECK(window.n >= 1021 + more && window.n <= 1022 + more);
    CHECK_EQUAL(window.feature[0].n, 4 * ((window.n + more) / (1 + more)));
  }
}

static void should_refuse_edges_that_do_not_fit_the_bundle(void) {
  with_monitors();
  static const edges_t good = {2, 16, 5, -120};
  static const struct {
    edges_t monitors[7];
    uint32_t count;
  } bad[] = {
      {{{0, 8, 0, 0}}, 1},                                  // the class histogram has no edges
      {{{9, 8, 0, 0}}, 1},                                  // not in the bundle
      {{{2, 1, 0, 0}}, 1},                                  // one bin
      {{{2, 17, 0, 0}}, 1},                                 // more than 16
      {{{3, 8, 0, 0}, {2, 8, 0, 0}}, 2},                    // not rising
      {{{2, 8, 0, 0}, {2, 8, 0, 0}}, 2},                    // twice
      {{{1, 8, 0, 0}, {2, 8, 0, 0}, {3, 8, 0, 0}, {4, 8, 0, 0}, {5, 8, 0, 0}, {6, 8, 0, 0}}, 6}, // six features
  };
  const uint32_t schema = w.agent.window.schema;
  for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!tell_edges(1, one.digest, bad[i].monitors, bad[i].count, mac));
  CHECK(!tell_edges(1, two.digest, &good, 1, mac)); // of another build
  uint8_t data[300];
  const uint32_t n = edges_of(data, one.digest, &good, 1);
  data[n - 1] = 0x80; // the last edge falls
  CHECK(!tell((command_t){1, FLEET_COMMAND_SET_EDGES, UINT32_MAX, data, n, mac, 0, NULL}));
  CHECK(!tell((command_t){1, FLEET_COMMAND_SET_EDGES, UINT32_MAX, data, n - 1, mac, 0, NULL}));
  CHECK(!tell(command(1, FLEET_COMMAND_SET_EDGES, UINT32_MAX, mac)));
  CHECK_EQUAL(w.agent.window.schema, schema);
  static const edges_t five[] = {{1, 8, 0, 0}, {2, 8, 0, 0}, {3, 8, 0, 0}, {4, 8, 0, 0}, {5, 8, 0, 0}, {8, 16, 0, 0}};
  CHECK(tell_edges(1, one.digest, five, 6, mac)); // at the limit
}

static bool tell_capture(uint32_t counter, uint32_t bytes, uint32_t below, uint32_t ood_from, uint32_t battery, uint32_t proof) {
  uint8_t data[32];
  fleet_cbor_writer_t out = {data, sizeof data, 0, false};
  const uint32_t at = fleet_cbor_map_open(&out);
  fleet_cbor_field(&out, FLEET_CAPTURE_RULE_BYTES, bytes);
  if (below != 0) fleet_cbor_field(&out, FLEET_CAPTURE_RULE_CONFIDENCE_BELOW, below);
  if (ood_from != 0) fleet_cbor_field(&out, FLEET_CAPTURE_RULE_OOD_FROM, ood_from);
  if (battery != 0) fleet_cbor_field(&out, FLEET_CAPTURE_RULE_BATTERY_PERCENT, battery);
  fleet_cbor_map_close(&out, at);
  return tell((command_t){counter, FLEET_COMMAND_CAPTURE, UINT32_MAX, data, out.used, proof, 0, NULL});
}

static int32_t battery_level;
static int32_t battery_of(void *user) {
  (void)user;
  return battery_level;
}

static void should_send_doubtful_inputs_of_its_own_accord_within_a_budget(void) {
  with_monitors();
  CHECK(!tell_capture(1, 8, 255, 0, 0, mac)); // no memory to keep one in
  w.config.sample_ram = sample_ram;
  w.config.sample_ram_bytes = 4;
  battery_level = 100;
  w.platform.battery = battery_of;
  restart();
  CHECK(world_run(&w, 5));
  w.message_count = 0;
  CHECK(!tell_capture(1, 8, 255, 0, 0, plain));
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_count(&w, "sample"), 0); // nobody asked
  CHECK(tell_capture(1, 8, 255, 0, 0, mac)); // every input is below 255; two fit the budget of a day
  CHECK(world_run(&w, 20));
  CHECK_EQUAL(world_count(&w, "sample"), 2);
  const message_t *m = world_last(&w, "sample");
  CHECK_EQUAL(message_field(m, FLEET_SAMPLE_ASK, 9), 0);
  CHECK_EQUAL(message_field(m, FLEET_SAMPLE_TRIGGER, 0), FLEET_SAMPLE_TRIGGER_LOW_CONFIDENCE);
  // The next day has a budget of its own; a byte short of an input is none.
  w.agent.capture.day_ms -= 86400000 - 60000;
  CHECK(world_run(&w, 20));
  CHECK_EQUAL(world_count(&w, "sample"), 2);
  CHECK(world_run(&w, 30));
  CHECK_EQUAL(world_count(&w, "sample"), 4);
  CHECK(tell_capture(2, 3, 255, 0, 0, mac));
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_count(&w, "sample"), 4);
  // High scores: the largest class is always in bin 15.
  CHECK(tell_capture(3, 4, 0, 15, 0, mac));
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_count(&w, "sample"), 5);
  CHECK_EQUAL(message_field(world_last(&w, "sample"), FLEET_SAMPLE_TRIGGER, 0), FLEET_SAMPLE_TRIGGER_HIGH_OOD);
  CHECK(tell_capture(4, 400, 0, 16, 0, mac));
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_count(&w, "sample"), 5);
  // Energy: not below the battery level, 20 % when the rule does not say.
  battery_level = 19;
  CHECK(tell_capture(5, 400, 255, 0, 0, mac));
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_count(&w, "sample"), 5);
  battery_level = 20;
  CHECK(world_run(&w, 3));
  CHECK(world_count(&w, "sample") > 5);
  // 0 bytes end it, and so does a boot. What is asked for goes on without a rule.
  CHECK(tell_capture(6, 0, 255, 0, 0, mac));
  CHECK(world_run(&w, 3));
  const uint32_t so_far = world_count(&w, "sample");
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_count(&w, "sample"), so_far);
  CHECK(tell(command(7, FLEET_COMMAND_SEND_SAMPLES, 1, mac)));
  CHECK(world_run(&w, 10));
  CHECK_EQUAL(world_count(&w, "sample"), so_far + 1);
  CHECK_EQUAL(message_field(world_last(&w, "sample"), FLEET_SAMPLE_ASK, 0), 7);
  CHECK_EQUAL(message_field(world_last(&w, "sample"), FLEET_SAMPLE_TRIGGER, 0), 0);
}

const test_t ask_tests[] = {
    {"should summarize the monitors and edges that a command brings",
     should_summarize_the_monitors_and_edges_that_a_command_brings},
    {"should tell in hello what commands have set", should_tell_in_hello_what_commands_have_set},
    {"should fit the values of every element into a window", should_fit_the_values_of_every_element_into_a_window},
    {"should refuse edges that do not fit the bundle", should_refuse_edges_that_do_not_fit_the_bundle},
    {"should send doubtful inputs of its own accord within a budget",
     should_send_doubtful_inputs_of_its_own_accord_within_a_budget},
    {"should carry out nothing that it cannot record", should_carry_out_nothing_that_it_cannot_record},
    {"should take the golden commands and refuse the others", should_take_the_golden_commands_and_refuse_the_others},
    {"should obey harmless commands without a proof and no others",
     should_obey_harmless_commands_without_a_proof_and_no_others},
    {"should refuse a replay also after a reboot", should_refuse_a_replay_also_after_a_reboot},
    {"should erase an unused slot by record first", should_erase_an_unused_slot_by_record_first},
    {"should abort an update at any moment", should_abort_an_update_at_any_moment},
    {"should abort while it hashes what a transfer left", should_abort_while_it_hashes_what_a_transfer_left},
    {"should go back on command", should_go_back_on_command},
    {"should send the inputs that were asked for", should_send_the_inputs_that_were_asked_for},
    {"should count no part of one sample for another", should_count_no_part_of_one_sample_for_another},
    {"should send a large sample in parts behind everything else",
     should_send_a_large_sample_in_parts_behind_everything_else},
    {"should begin a sample with the first row of an input", should_begin_a_sample_with_the_first_row_of_an_input},
    {"should send the raw rows of a front end", should_send_the_raw_rows_of_a_front_end},
    {"should follow the next key when a release of it is committed",
     should_follow_the_next_key_when_a_release_of_it_is_committed},
    {"should keep its key when the release of the next one fails",
     should_keep_its_key_when_the_release_of_the_next_one_fails},
    {"should use the next key of its configuration", should_use_the_next_key_of_its_configuration},
    {"should judge a release again when the key changes under it",
     should_judge_a_release_again_when_the_key_changes_under_it},
    {"should rotate its key whole or not at all", should_rotate_its_key_whole_or_not_at_all},
    {NULL, NULL},
};
