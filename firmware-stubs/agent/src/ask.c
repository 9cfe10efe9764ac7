// down/ask: who sent a command, whether it is new, and what it does (docs/spec/wire.md, Commands). A command that leaves
// something behind needs a proof: a MAC under the device's own key or a signature by the project's.
#include <stddef.h>
#include <string.h>

#include "shadow.h"
#include "update.h"

enum { proof_none = 0, proof_mac = 1, proof_signature = 2 };

typedef struct {
  uint32_t counter;
  uint32_t command;
  uint32_t argument;
  uint32_t proof;
  fleet_cbor_span_t data;
  fleet_cbor_span_t cose;
} ask_t;

// ---- proof -----------------------------------------------------------------------------------------------------------

// The key is that of the port, else made of the token; a device without either takes no MAC.
static bool mac_matches(const fleet_agent_t *a, const fleet_cose_t *cose, const uint8_t tag[32]) {
  static const char label[] = "tinyfleet:device-key:1";
  const fleet_agent_config_t *c = a->config;
  uint8_t key[32];
  uint8_t mac[32];
  fleet_cbor_span_t secret = {c->device_key.bytes, c->device_key.n};
  if (c->device_key.alg != FLEET_SIGNATURE_ALGORITHM_HMAC_SHA256) {
    if (c->token.bytes == 0) return false;
    fleet_hmac_sha256((const uint8_t *)c->token.at, c->token.bytes, label, sizeof label - 1, key);
    secret = (fleet_cbor_span_t){key, sizeof key};
  }
  uint8_t message[fleet_cose_structure_bytes];
  const uint32_t n = fleet_cose_structure(a, cose, "MAC0", message);
  if (n == 0) return false;
  fleet_hmac_sha256(secret.at, secret.n, message, n, mac);
  uint32_t differ = 0; // as long for a tag that differs in its first byte as in its last
  for (uint32_t i = 0; i < sizeof mac; i++) differ |= (uint32_t)mac[i] ^ tag[i];
  return differ == 0;
}

// Key 5 must be the last: what stands before it is what was signed, under a head that counts one field more. Both COSE
// structures have one encoding: what they fix is compared byte by byte.
static bool prove(const fleet_agent_t *a, fleet_cbor_span_t message, ask_t *ask) {
  static const uint8_t mac0[] = {0xd1, 0x84, 0x43, 0xa1, 0x01, 0x05, 0xa0, 0xf6, 0x58, 32};
  static const uint8_t sign1[] = {0xd2, 0x84, 0x4d, 0xa2, 0x01, 0, 0x04, 0x48};
  static const uint8_t detached[] = {0xa0, 0xf6, 0x58, 64};
  const uint8_t *p = ask->cose.at;
  const uint32_t before = p == NULL ? 0 : (uint32_t)(p - message.at);
  if (p == NULL) return true;
  if (p + ask->cose.n != message.at + message.n || ask->cose.n < 24) return false;
  fleet_cose_t cose = {.protected_header = {p + 3, 3}, .payload = {message.at, before - 3}, .command = true};
  if (ask->cose.n == sizeof mac0 + 32 && memcmp(p, mac0, sizeof mac0) == 0) {
    ask->proof = proof_mac;
    return mac_matches(a, &cose, p + sizeof mac0);
  }
  if (ask->cose.n != 84 || memcmp(p, sign1, 5) != 0 || memcmp(p + 6, sign1 + 6, 2) != 0 || memcmp(p + 16, detached, 4) != 0) {
    return false;
  }
  cose.protected_header.n = 13;
  cose.algorithm = (int8_t)(0x1f - p[5]); // a negative number of one byte: 20 + n is -1 - n
  cose.key_id = p + 8;
  cose.signature = p + 20;
  ask->proof = proof_signature;
  return fleet_accept_signature(a, &cose, 1) == 0;
}

// ---- commands --------------------------------------------------------------------------------------------------------
// Each checks before it does anything; false = refused, and nothing has changed. What it saves has the counter in the same record.

static bool reboot(fleet_agent_t *a, const ask_t *ask) {
  (void)ask;
  a->reset_due = true;
  return true;
}

static bool erase(fleet_agent_t *a, const ask_t *ask) { return fleet_update_erase(a, ask->argument); }

static bool send_samples(fleet_agent_t *a, const ask_t *ask) { return fleet_samples_ask(a, ask->argument, ask->counter); }

// Milliseconds; 0 is the port's own.
static bool set_cadence(fleet_agent_t *a, const ask_t *ask) {
  const uint64_t period_us = ask->argument == 0 ? fleet_agent_own_period(a->config) : (uint64_t)ask->argument * 1000;
  if (fleet_agent_set_period(a, period_us) < 0) return false;
  a->settings.cadence_ms = ask->argument;
  return true;
}

static bool abort_update(fleet_agent_t *a, const ask_t *ask) {
  return (ask->argument == 0 || ask->argument == a->persist.deployment) &&
         (ask->proof != proof_none || a->update.state != FLEET_UPDATE_STATE_SOAK) && fleet_update_abort(a);
}

static bool rotate_key(fleet_agent_t *a, const ask_t *ask) {
  typedef struct {
    uint32_t algorithm;
    uint32_t sequence;
    fleet_cbor_span_t key;
  } next_t;
  static const FLEET_CONST_MEMORY fleet_cbor_row_t rows[] = {
      {FLEET_NEXT_KEY_ALGORITHM, cbor_row_u32, 1, 2, offsetof(next_t, algorithm)},
      {FLEET_NEXT_KEY_KEY, cbor_row_bytes, 32, 65, offsetof(next_t, key)},
      {FLEET_NEXT_KEY_KEY_SEQUENCE, cbor_row_u32, 0, 0, offsetof(next_t, sequence)},
  };
  fleet_persist_t *p = &a->persist;
  next_t next;
  const uint32_t required = 1u << FLEET_NEXT_KEY_ALGORITHM | 1u << FLEET_NEXT_KEY_KEY | 1u << FLEET_NEXT_KEY_KEY_SEQUENCE;
  if ((fleet_cbor_read_map(ask->data, FLEET_CBOR_ROWS(rows), &next) & required) != required ||
      next.key.n != (next.algorithm == FLEET_SIGNATURE_ALGORITHM_ED25519 ? 32u : 65u) || next.sequence <= p->key_sequence) {
    return false;
  }
  const fleet_key_t key = {next.algorithm, next.key.at, next.key.n};
  fleet_accept_store_key(a, 1, &key);
  p->next_key_sequence = next.sequence;
  p->by_next_key = 0; // what the next key before it has signed is none of this one's
  return true;
}

static bool revert(fleet_agent_t *a, const ask_t *ask) {
  return fleet_update_go_back(a, ask->argument == 0 || ask->argument > UINT16_MAX ? (uint32_t)fleet_err_agent_reverted : ask->argument);
}

static bool shadow(fleet_agent_t *a, const ask_t *ask) { return fleet_shadow_rate(a, ask->argument); }

static bool set_edges(fleet_agent_t *a, const ask_t *ask) { return fleet_edges_set(a, ask->data); }

static bool capture(fleet_agent_t *a, const ask_t *ask) { return fleet_samples_capture(a, ask->data); }

static bool say_hello(fleet_agent_t *a, const ask_t *ask) {
  (void)ask;
  a->hello_due = true;
  return true;
}

// By number. A command without a function is one that this firmware does not know.
static bool (*const commands[])(fleet_agent_t *agent, const ask_t *ask) = {
    [FLEET_COMMAND_REBOOT] = reboot,
    [FLEET_COMMAND_ERASE] = erase,
    [FLEET_COMMAND_SEND_SAMPLES] = send_samples,
    [FLEET_COMMAND_SET_CADENCE] = set_cadence,
    [FLEET_COMMAND_ABORT] = abort_update,
    [FLEET_COMMAND_ROTATE_KEY] = rotate_key,
    [FLEET_COMMAND_SHADOW] = shadow,
    [FLEET_COMMAND_REVERT] = revert,
    [FLEET_COMMAND_SAY_HELLO] = say_hello,
    [FLEET_COMMAND_SET_EDGES] = set_edges,
    [FLEET_COMMAND_CAPTURE] = capture,
};

// The least proof that a command needs.
static uint32_t proof_of(uint32_t command) {
  const uint32_t free = 1u << FLEET_COMMAND_SET_CADENCE | 1u << FLEET_COMMAND_ABORT | 1u << FLEET_COMMAND_SAY_HELLO;
  if ((free >> command & 1) != 0) return proof_none;
  return command == FLEET_COMMAND_ROTATE_KEY ? proof_signature : proof_mac;
}

// A record of what is recorded already. What cannot be recorded is not carried out: its counter would be good again after a
// reset. Nothing is used up by it, so that the command and its counter still come by one record or not at all.
static bool can_record(fleet_agent_t *a) {
  a->records.saved[0] = (uint8_t)~*(const uint8_t *)&a->persist; // differs from what is to stand there
  return fleet_agent_save(a);
}

static bool obey(fleet_agent_t *a, fleet_cbor_span_t message, ask_t *ask) {
  uint32_t *last = ask->cose.at != NULL ? &a->persist.ask_counter : &a->ask_counter;
  const uint32_t before = *last;
  if (ask->counter <= before || ask->command >= sizeof commands / sizeof commands[0] ||
      commands[ask->command] == NULL || !prove(a, message, ask) || ask->proof < proof_of(ask->command) ||
      (ask->proof != proof_none && !can_record(a))) {
    return false;
  }
  *last = ask->counter;
  if (commands[ask->command](a, ask)) {
    fleet_agent_save(a);
    return true;
  }
  *last = before;
  return false;
}

void fleet_ask_settings(const fleet_agent_t *a, fleet_cbor_writer_t *w) {
  static const FLEET_CONST_MEMORY fleet_cbor_put_t rows[] = {
      {FLEET_COMMAND_SET_CADENCE, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_settings_t, cadence_ms)},
      {FLEET_COMMAND_SET_EDGES, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_settings_t, edges)},
      {FLEET_COMMAND_CAPTURE, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_settings_t, capture)},
  };
  fleet_cbor_key(w, FLEET_HELLO_SETTINGS);
  const uint32_t at = fleet_cbor_map_open(w);
  fleet_cbor_write_rows(w, FLEET_CBOR_ROWS(rows), &a->settings);
  fleet_cbor_map_close(w, at);
}

void fleet_ask(fleet_agent_t *a, const uint8_t *payload, uint32_t n) {
  static const FLEET_CONST_MEMORY fleet_cbor_row_t rows[] = {
      {FLEET_ASK_COUNTER, cbor_row_u32, 0, 0, offsetof(ask_t, counter)},
      {FLEET_ASK_COMMAND, cbor_row_u32, 0, 0, offsetof(ask_t, command)},
      {FLEET_ASK_ARGUMENT, cbor_row_u32, 0, 0, offsetof(ask_t, argument)},
      {FLEET_ASK_DATA, cbor_row_bytes, 0, 0, offsetof(ask_t, data)},
      {FLEET_ASK_SIGNATURE, cbor_row_bytes, 0, 0, offsetof(ask_t, cose)},
  };
  const uint32_t required = 1u << FLEET_ASK_COUNTER | 1u << FLEET_ASK_COMMAND;
  const fleet_cbor_span_t message = {payload, n};
  ask_t ask;
  memset(&ask, 0, sizeof ask);
  if ((fleet_cbor_read_map(message, FLEET_CBOR_ROWS(rows), &ask) & required) != required) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_CBOR_INVALID);
  } else if (!obey(a, message, &ask)) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_ASK_REFUSED);
    fleet_agent_log(a, FLEET_LOG_WARN, "ask refused", (int32_t)ask.command);
  }
}
