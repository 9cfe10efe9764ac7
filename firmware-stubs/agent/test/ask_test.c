// Commands: who may give them, when they count as new, what they do; keys that follow each other.
#include <string.h>

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
      {2, FLEET_COMMAND_SET_CADENCE, 100, true},       {3, FLEET_COMMAND_SET_CADENCE, 0, false},
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

const test_t ask_tests[] = {
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
