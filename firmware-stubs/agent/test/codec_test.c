// CBOR, SHA-256, versions and manifests: known answers, golden vectors shared with the server, limits.
#include <string.h>

#include "../../vectors/fleet_vectors.h"
#include "read.h"
#include "test.h"
#include "world.h"

static fleet_cbor_writer_t writer_of(uint8_t *buffer, uint32_t n) {
  const fleet_cbor_writer_t w = {buffer, n, 0, false};
  return w;
}

static void should_write_the_shortest_form_of_every_number(void) {
  static const struct {
    uint64_t value;
    uint32_t bytes;
  } cases[] = {{0, 1}, {23, 1}, {24, 2}, {255, 2}, {256, 3}, {65535, 3}, {65536, 5}, {UINT32_MAX, 5}, {1ull << 32, 9}, {UINT64_MAX, 9}};
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    uint8_t buffer[9];
    fleet_cbor_writer_t w = writer_of(buffer, sizeof buffer);
    fleet_cbor_head(&w, cbor_uint, cases[i].value);
    CHECK_EQUAL(w.used, cases[i].bytes);
    fleet_cbor_reader_t r;
    uint64_t back;
    fleet_cbor_reader_init(&r, buffer, w.used);
    CHECK(read_uint(&r, &back) && back == cases[i].value && r.at == r.end);
  }
}

static void should_remember_an_overflow_and_write_nothing_behind_the_end(void) {
  uint8_t buffer[8];
  memset(buffer, 0xee, sizeof buffer);
  fleet_cbor_writer_t w = writer_of(buffer, 4);
  fleet_cbor_string(&w, cbor_bytes, "abc", 3);
  CHECK(!w.overflow);
  fleet_cbor_head(&w, cbor_uint, 1);
  CHECK(w.overflow);
  CHECK_EQUAL(buffer[4], 0xee);
  w = writer_of(buffer, 3);
  fleet_cbor_string(&w, cbor_bytes, "abc", 3);
  CHECK(w.overflow);
}

static bool reads(const char *bytes, uint32_t n) {
  fleet_cbor_reader_t r;
  fleet_cbor_reader_init(&r, (const uint8_t *)bytes, n);
  return fleet_cbor_skip(&r) && r.at == r.end;
}

static void should_refuse_what_is_not_deterministic(void) {
  CHECK(!reads("\x18\x17", 2));             // 23 in two bytes
  CHECK(!reads("\x19\x00\xff", 3));         // 255 in three
  CHECK(!reads("\x1a\x00\x00\xff\xff", 5)); // 65535 in five
  CHECK(!reads("\x1b\x00\x00\x00\x00\xff\xff\xff\xff", 9));
  CHECK(!reads("\x9f\xff", 2));             // indefinite array
  CHECK(!reads("\x5f\x41\x61\xff", 4));     // indefinite string
  CHECK(!reads("\xf9\x3c\x00", 3));         // float
  CHECK(!reads("\x1c", 1));                 // reserved
}

static void should_refuse_counts_that_the_bytes_cannot_hold(void) {
  CHECK(!reads("\x9a\xff\xff\xff\xff", 5));
  CHECK(!reads("\xbb\xff\xff\xff\xff\xff\xff\xff\xff", 9));
  CHECK(!reads("\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9));
  CHECK(!reads("\x42\x01", 2));
  CHECK(!reads("", 0));
}

static void should_nest_eight_levels_and_no_ninth(void) {
  CHECK(reads("\x81\x81\x81\x81\x81\x81\x81\x81\x01", 9));
  CHECK(!reads("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x01", 10));
}

static void should_hash_the_vectors_of_fips_180_4(void) {
  static const struct {
    const char *text;
    uint8_t first[8];
  } cases[] = {
      {"", {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14}},
      {"abc", {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea}},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", {0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06, 0x38, 0xb8}},
  };
  for (uint32_t i = 0; i < 3; i++) {
    for (uint32_t step = 1; step < 64; step += 7) {
      fleet_sha256_t sha;
      uint8_t digest[32];
      const uint32_t n = (uint32_t)strlen(cases[i].text);
      fleet_sha256_init(&sha);
      for (uint32_t at = 0; at < n; at += step) {
        fleet_sha256_update(&sha, cases[i].text + at, n - at < step ? n - at : step);
      }
      fleet_sha256_final(&sha, digest);
      CHECK(memcmp(digest, cases[i].first, 8) == 0);
    }
  }
  // One million 'a'.
  fleet_sha256_t sha;
  uint8_t digest[32];
  fleet_sha256_init(&sha);
  for (uint32_t i = 0; i < 10000; i++) {
    uint8_t block[100];
    memset(block, 'a', sizeof block);
    fleet_sha256_update(&sha, block, sizeof block);
  }
  fleet_sha256_final(&sha, digest);
  CHECK(memcmp(digest, "\xcd\xc7\x6e\x5c\x99\x14\xfb\x92", 8) == 0);
}

static void should_authenticate_the_vectors_of_rfc_4231(void) {
  static const struct {
    uint8_t key_byte;
    uint32_t key_bytes;
    const char *key;
    const char *message;
    uint8_t message_byte;
    uint32_t message_bytes;
    uint8_t first[8];
  } cases[] = {
      {0x0b, 20, NULL, "Hi There", 0, 8, {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53}},
      {0, 4, "Jefe", "what do ya want for nothing?", 0, 28, {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e}},
      {0xaa, 20, NULL, NULL, 0xdd, 50, {0x77, 0x3e, 0xa9, 0x1e, 0x36, 0x80, 0x0e, 0x46}},
      {0xaa, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First", 0, 54,
       {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f}},
      {0xaa, 131, NULL,
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed "
       "before being used by the HMAC algorithm.",
       0, 152, {0x9b, 0x09, 0xff, 0xa7, 0x1b, 0x94, 0x2f, 0xcb}},
  };
  for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    uint8_t key[131];
    uint8_t message[160];
    uint8_t mac[32];
    memset(key, cases[i].key_byte, sizeof key);
    if (cases[i].key != NULL) memcpy(key, cases[i].key, cases[i].key_bytes);
    memset(message, cases[i].message_byte, sizeof message);
    if (cases[i].message != NULL) memcpy(message, cases[i].message, cases[i].message_bytes);
    fleet_hmac_sha256(key, cases[i].key_bytes, message, cases[i].message_bytes, mac);
    CHECK(memcmp(mac, cases[i].first, 8) == 0);
  }
  // Case 4: a key of 25 rising bytes.
  uint8_t rising[25];
  uint8_t message[50];
  uint8_t mac[32];
  for (uint32_t i = 0; i < sizeof rising; i++) rising[i] = (uint8_t)(i + 1);
  memset(message, 0xcd, sizeof message);
  fleet_hmac_sha256(rising, sizeof rising, message, sizeof message, mac);
  CHECK(memcmp(mac, "\x82\x55\x8a\x38\x9a\x44\x3c\x0e", 8) == 0);
}

static int32_t compare(const char *a, const char *b) {
  return fleet_version_compare((const uint8_t *)a, (uint32_t)strlen(a), (const uint8_t *)b, (uint32_t)strlen(b));
}

static void should_compare_versions_by_number(void) {
  CHECK(compare("1.2.3", "1.2.3") == 0);
  CHECK(compare("1.10", "1.9") > 0);
  CHECK(compare("1.2", "1.2.0") == 0);
  CHECK(compare("1.2", "1.2.1") < 0);
  CHECK(compare("2-rc1", "2") == 0);
  CHECK(compare("0.1.0", "99999999999") < 0);
}

// What the server encodes the device decodes, and what the server refuses the device refuses.
static void should_agree_with_the_golden_messages(void) {
  static world_t w;
  uint32_t good = 0;
  uint32_t bad = 0;
  for (uint32_t i = 0; i < sizeof fleet_wire_vectors / sizeof fleet_wire_vectors[0]; i++) {
    const fleet_vector_t *v = &fleet_wire_vectors[i];
    const bool down = strcmp(v->message, "desired") == 0 || strcmp(v->message, "chunk") == 0 || strcmp(v->message, "ask") == 0;
    if (!down) {
      CHECK(reads((const char *)v->bytes, v->length) == (v->error == 0));
      continue;
    }
    world_init(&w);
    CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
    CHECK(world_run(&w, 2));
    world_send(&w, v->message, v->bytes, v->length, strcmp(v->message, "chunk") != 0);
    CHECK(world_run(&w, 2));
    CHECK(w.agent.session);
    const uint32_t invalid = fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_CBOR_INVALID);
    if (invalid != (v->error != 0)) printf("vector %s (%s)\n", v->name, v->message);
    CHECK_EQUAL(invalid, v->error != 0);
    if (v->error == 0) good++;
    else bad++;
  }
  CHECK(good >= 6 && bad >= 15);
}

static void should_agree_with_the_golden_manifests(void) {
  uint32_t parsed = 0;
  for (uint32_t i = 0; i < sizeof fleet_manifest_vectors / sizeof fleet_manifest_vectors[0]; i++) {
    const fleet_vector_t *v = &fleet_manifest_vectors[i];
    fleet_manifest_t m;
    const int32_t result = fleet_manifest_parse(v->bytes, v->length, &m);
    // These need a key, or this device's ids: parsing does not see them.
    const bool later = v->error == fleet_err_manifest_signature_invalid || v->error == fleet_err_manifest_key_unknown ||
                       v->error == fleet_err_manifest_vendor_mismatch || v->error == fleet_err_manifest_class_mismatch;
    if (result != (later ? 0 : -v->error)) printf("manifest %s\n", v->name);
    CHECK_EQUAL(result, later ? 0 : -v->error);
    if (result != 0) continue;
    parsed++;
    uint8_t digest[32];
    fleet_sha256_t sha;
    fleet_sha256_init(&sha);
    fleet_sha256_update(&sha, fleet_vector_public_key, sizeof fleet_vector_public_key);
    fleet_sha256_final(&sha, digest);
    CHECK((memcmp(digest, m.key_id, 8) == 0) == (v->error != fleet_err_manifest_key_unknown));
    CHECK_EQUAL(m.cose_algorithm, -8);
    if (strcmp(v->name, "plain") == 0) {
      CHECK_EQUAL(m.sequence, 2);
      CHECK_EQUAL(m.size, 54321);
      CHECK_EQUAL(m.abi, 65536);
      CHECK_EQUAL(m.arena_bytes, 16000);
      CHECK_EQUAL(m.op_set.n, 4);
      CHECK_EQUAL(m.digest[31], 31);
      CHECK(m.soak_s == 0 && !m.allow_downgrade && m.firmware_min.n == 0);
    }
  }
  CHECK(parsed >= 8);
}

const test_t codec_tests[] = {
    {"should write the shortest form of every number", should_write_the_shortest_form_of_every_number},
    {"should remember an overflow and write nothing behind the end",
     should_remember_an_overflow_and_write_nothing_behind_the_end},
    {"should refuse what is not deterministic", should_refuse_what_is_not_deterministic},
    {"should refuse counts that the bytes cannot hold", should_refuse_counts_that_the_bytes_cannot_hold},
    {"should nest eight levels and no ninth", should_nest_eight_levels_and_no_ninth},
    {"should hash the vectors of FIPS 180-4", should_hash_the_vectors_of_fips_180_4},
    {"should authenticate the vectors of RFC 4231", should_authenticate_the_vectors_of_rfc_4231},
    {"should compare versions by number", should_compare_versions_by_number},
    {"should agree with the golden messages", should_agree_with_the_golden_messages},
    {"should agree with the golden manifests", should_agree_with_the_golden_manifests},
    {NULL, NULL},
};
