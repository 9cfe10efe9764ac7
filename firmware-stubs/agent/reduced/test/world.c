// The fake outside of a reduced agent under test, see world.h.
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/reduced.h"
#include "fleet_kernel.h"

static const char token[] = "secret";
static uint8_t device_key[32];

uint32_t next_random(world_t *w) { return fleet_xorshift32(&w->random); }

static void store(uint8_t *p, uint64_t v, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static void sha256(const void *data, uint32_t n, uint8_t digest[32]) {
  fleet_sha256_t sha;
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, data, n);
  fleet_sha256_final(&sha, digest);
}

// ---- bundles ---------------------------------------------------------------------------------------------------------

enum { in_n = 8, out_n = 4, constants_n = in_n * out_n + out_n * 4 + out_n * 4 + 4, golden_n = 2 };

static void put_operand(uint8_t **at, uint32_t space, uint32_t dtype, uint32_t offset, uint32_t bytes) {
  (*at)[FLEET_OPERAND_SPACE] = (uint8_t)space;
  (*at)[FLEET_OPERAND_DTYPE] = (uint8_t)dtype;
  store(*at + FLEET_OPERAND_OFFSET, offset, 4);
  store(*at + FLEET_OPERAND_BYTES, bytes, 4);
  *at += FLEET_OPERAND_RECORD_BYTES;
}

static uint8_t *put_step(uint8_t *at, uint32_t op, uint32_t inputs, uint32_t param_bytes) {
  store(at + FLEET_STEP_OP, op, 2);
  at[FLEET_STEP_VERSION] = 1;
  store(at + FLEET_STEP_BYTES, FLEET_STEP_RECORD_BYTES + (inputs + 1) * FLEET_OPERAND_RECORD_BYTES + param_bytes, 2);
  at[FLEET_STEP_INPUTS] = (uint8_t)inputs;
  at[FLEET_STEP_OUTPUTS] = 1;
  return at + FLEET_STEP_RECORD_BYTES;
}

static void put_tensor(uint8_t *t, uint32_t direction, uint32_t offset, uint32_t bytes) {
  t[FLEET_TENSOR_DIRECTION] = (uint8_t)direction;
  t[FLEET_TENSOR_DTYPE] = FLEET_DTYPE_INT8;
  t[FLEET_TENSOR_SPACE] = FLEET_SPACE_ARENA;
  store(t + FLEET_TENSOR_OFFSET, offset, 4);
  store(t + FLEET_TENSOR_BYTES, bytes, 4);
  if (direction) store(t + FLEET_TENSOR_CLASSES, bytes, 2);
}

static uint8_t *put_section(bundle_t *b, uint32_t index, uint32_t type, uint32_t length) {
  uint8_t *e = b->bytes + FLEET_HEADER_RECORD_BYTES + index * FLEET_SECTION_ENTRY_RECORD_BYTES;
  store(e + FLEET_SECTION_ENTRY_TYPE, type, 2);
  store(e + FLEET_SECTION_ENTRY_OFFSET, b->n, 4);
  store(e + FLEET_SECTION_ENTRY_LENGTH, length, 4);
  uint8_t *at = b->bytes + b->n;
  b->n = (uint16_t)((b->n + length + 15) / 16 * 16);
  return at;
}

void make_bundle(bundle_t *b, uint32_t tag, uint32_t filler, bool broken) {
  memset(b, 0, sizeof *b);
  uint8_t *h = b->bytes;
  const uint32_t dense_bytes = FLEET_STEP_RECORD_BYTES + 6 * FLEET_OPERAND_RECORD_BYTES + FLEET_FULLY_CONNECTED_PARAM_BYTES;
  const uint32_t softmax_bytes = FLEET_STEP_RECORD_BYTES + 4 * FLEET_OPERAND_RECORD_BYTES + FLEET_SOFTMAX_PARAM_BYTES;
  b->n = FLEET_HEADER_RECORD_BYTES + 5 * FLEET_SECTION_ENTRY_RECORD_BYTES;
  uint8_t *contract = put_section(b, 0, FLEET_SECTION_CONTRACT, 2 * FLEET_TENSOR_RECORD_BYTES);
  uint8_t *plan = put_section(b, 1, FLEET_SECTION_PLAN, dense_bytes + softmax_bytes);
  uint8_t *constants = put_section(b, 2, FLEET_SECTION_CONSTANTS, constants_n);
  uint8_t *golden = put_section(b, 3, FLEET_SECTION_GOLDEN, golden_n * FLEET_GOLDEN_RECORD_BYTES);
  uint8_t *rest = put_section(b, 4, 900, filler);
  uint32_t seed = tag * 2654435761u | 1;
  fleet_fill_random(&seed, constants, in_n * out_n);
  for (uint32_t i = 0; i < out_n; i++) {
    store(constants + 32 + 4 * i, (uint32_t)(int32_t)(100 * i - tag % 300), 4);
    store(constants + 48 + 4 * i, 1500000000, 4);
    constants[64 + i] = (uint8_t)-7;
  }
  fleet_fill_random(&seed, rest, filler);
  uint8_t *at = put_step(plan, FLEET_OP_FULLY_CONNECTED, 5, FLEET_FULLY_CONNECTED_PARAM_BYTES);
  put_operand(&at, FLEET_SPACE_ARENA, FLEET_DTYPE_INT8, 0, in_n);
  put_operand(&at, FLEET_SPACE_CONST, FLEET_DTYPE_INT8, 0, in_n * out_n);
  put_operand(&at, FLEET_SPACE_CONST, FLEET_DTYPE_INT32, 32, out_n * 4);
  put_operand(&at, FLEET_SPACE_CONST, FLEET_DTYPE_INT32, 48, out_n * 4);
  put_operand(&at, FLEET_SPACE_CONST, FLEET_DTYPE_INT8, 64, out_n);
  put_operand(&at, FLEET_SPACE_ARENA, FLEET_DTYPE_INT8, 16, out_n);
  store(at + FLEET_FULLY_CONNECTED_BATCHES, 1, 4);
  store(at + FLEET_FULLY_CONNECTED_IN_N, in_n, 4);
  store(at + FLEET_FULLY_CONNECTED_OUT_N, out_n, 4);
  store(at + FLEET_FULLY_CONNECTED_ACTIVATION_MIN, (uint16_t)-128, 2);
  store(at + FLEET_FULLY_CONNECTED_ACTIVATION_MAX, 127, 2);
  at[FLEET_FULLY_CONNECTED_PER_CHANNEL] = 1;
  at = put_step(plan + dense_bytes, FLEET_OP_SOFTMAX, 3, FLEET_SOFTMAX_PARAM_BYTES);
  put_operand(&at, FLEET_SPACE_ARENA, FLEET_DTYPE_INT8, 16, out_n);
  put_operand(&at, FLEET_SPACE_NONE, 0, 0, 0);
  put_operand(&at, FLEET_SPACE_NONE, 0, 0, 0);
  put_operand(&at, FLEET_SPACE_ARENA, FLEET_DTYPE_INT8, 32, out_n);
  store(at + FLEET_SOFTMAX_ROWS, 1, 4);
  store(at + FLEET_SOFTMAX_DEPTH, out_n, 4);
  store(at + FLEET_SOFTMAX_MULTIPLIER, 1 << 30, 4);
  at[FLEET_SOFTMAX_SHIFT] = 23;
  store(at + FLEET_SOFTMAX_DIFF_MIN, (uint16_t)-124, 2);
  put_tensor(contract, 0, 0, in_n);
  put_tensor(contract + FLEET_TENSOR_RECORD_BYTES, 1, 32, out_n);

  store(h + FLEET_HEADER_MAGIC, FLEET_BUNDLE_MAGIC, 4);
  store(h + FLEET_HEADER_ABI_MAJOR, FLEET_ABI_MAJOR, 2);
  store(h + FLEET_HEADER_TOTAL_BYTES, b->n, 4);
  store(h + FLEET_HEADER_HEADER_BYTES, FLEET_HEADER_RECORD_BYTES, 2);
  store(h + FLEET_HEADER_SECTION_COUNT, 5, 2);
  store(h + FLEET_HEADER_ARENA_BYTES, 48, 4);
  store(h + FLEET_HEADER_STEP_COUNT, 2, 4);
  h[FLEET_HEADER_INPUT_COUNT] = h[FLEET_HEADER_OUTPUT_COUNT] = 1;
  h[FLEET_HEADER_GOLDEN_COUNT] = golden_n;
  // What the vectors give comes from the kernels themselves; that these are right is the runtime's own tests' matter.
  static world_t quiet;
  world_init(&quiet);
  for (uint32_t i = 0; i < golden_n; i++) {
    uint8_t *g = golden + i * FLEET_GOLDEN_RECORD_BYTES;
    g[FLEET_GOLDEN_FRAMES] = 1;
    store(g + FLEET_GOLDEN_SEED, 77 + i, 4);
    _Alignas(16) uint8_t arena[FLEET_REDUCED_ARENA_BYTES];
    reduced_model_t model;
    if (reduced_load(&model, b->bytes, b->n, arena) != 0) abort();
    uint32_t prng = 77 + i;
    fleet_fill_random(&prng, arena, in_n);
    quiet.agent.platform = &quiet.platform;
    if (reduced_run(&quiet.agent, &model, NULL, NULL) != 0) abort();
    store(g + FLEET_GOLDEN_OUTPUTS_CRC, fleet_crc32(0, arena + 32, out_n) ^ (broken && i + 1 == golden_n), 4);
  }
  sha256(b->bytes + 48, b->n - 48u, h + FLEET_HEADER_DIGEST);
  sha256(b->bytes, b->n, b->digest);
}

// ---- manifests -------------------------------------------------------------------------------------------------------

static void suit_digest(fleet_cbor_writer_t *w, const uint8_t digest[32]) {
  fleet_cbor_array(w, 2);
  fleet_cbor_int(w, -16);
  fleet_cbor_string(w, cbor_bytes, digest, 32);
}

uint32_t make_manifest(uint8_t *out, uint32_t capacity, const bundle_t *bundle, const release_t *r) {
  uint8_t scratch[6][400];
  fleet_cbor_writer_t w[6];
  for (uint32_t i = 0; i < 6; i++) w[i] = (fleet_cbor_writer_t){scratch[i], sizeof scratch[i], 0, false};
  uint8_t digest[32];
  const uint8_t id[16] = {0};
  memcpy(digest, bundle->digest, 32);
  digest[0] ^= r->digest_flip;
  suit_digest(&w[0], digest);
  fleet_cbor_array(&w[1], 6);
  fleet_cbor_key(&w[1], 20);
  fleet_cbor_head(&w[1], cbor_map, 5);
  fleet_cbor_field_bytes(&w[1], 1, id, 16);
  fleet_cbor_field_bytes(&w[1], 2, id, 16);
  fleet_cbor_field_bytes(&w[1], 3, w[0].buffer, w[0].used);
  fleet_cbor_field(&w[1], 14, r->size != 0 ? r->size : bundle->n);
  fleet_cbor_int(&w[1], -1);
  fleet_cbor_head(&w[1], cbor_map, 6u + r->allow_downgrade);
  fleet_cbor_field(&w[1], 1, 65536);
  fleet_cbor_field_bytes(&w[1], 2, "\0\2\0\2", 4);
  fleet_cbor_field(&w[1], 4, 48);
  fleet_cbor_field(&w[1], 5, 0);
  fleet_cbor_field(&w[1], 7, r->floor);
  fleet_cbor_field(&w[1], 8, r->soak_s);
  if (r->allow_downgrade) {
    fleet_cbor_key(&w[1], 10);
    fleet_cbor_bool(&w[1], true);
  }
  for (uint32_t i = 1; i <= 2; i++) {
    fleet_cbor_key(&w[1], i);
    fleet_cbor_key(&w[1], 15);
  }
  fleet_cbor_head(&w[2], cbor_map, 2);
  fleet_cbor_key(&w[2], 2);
  fleet_cbor_array(&w[2], 1);
  fleet_cbor_array(&w[2], 1);
  fleet_cbor_string(&w[2], cbor_bytes, r->firmware ? "firmware" : "model", r->firmware ? 8 : 5);
  fleet_cbor_field_bytes(&w[2], 4, w[1].buffer, w[1].used);
  fleet_cbor_head(&w[3], cbor_map, 5);
  fleet_cbor_field(&w[3], 1, 1);
  fleet_cbor_field(&w[3], 2, r->sequence);
  fleet_cbor_field_bytes(&w[3], 3, w[2].buffer, w[2].used);
  fleet_cbor_field_bytes(&w[3], 7, "\x82\x03\x0f", 3);
  fleet_cbor_field_bytes(&w[3], 20, "\x82\x15\x02", 3);

  // Digest over the manifest's byte string with its head; MAC over MAC_structure.
  fleet_cbor_string(&w[4], cbor_bytes, w[3].buffer, w[3].used);
  sha256(w[4].buffer, w[4].used, digest);
  w[0].used = 0;
  suit_digest(&w[0], digest);
  const char *device = r->device != NULL ? r->device : "uno-7";
  fleet_cbor_array(&w[5], 4);
  fleet_cbor_string(&w[5], cbor_text, "MAC0", 4);
  fleet_cbor_string(&w[5], cbor_bytes, "\xa1\x01\x05", 3);
  fleet_cbor_head(&w[5], cbor_bytes, 5 + (uint32_t)strlen(device));
  fleet_cbor_raw(&w[5], "demo/", 5);
  fleet_cbor_raw(&w[5], device, (uint32_t)strlen(device));
  fleet_cbor_string(&w[5], cbor_bytes, w[0].buffer, w[0].used);
  uint8_t mac[32];
  fleet_hmac_sha256(device_key, 32, w[5].buffer, w[5].used, mac);
  mac[r->mac_flip >> 3 & 31] ^= (uint8_t)(r->mac_flip == 0 ? 0 : 1 << (r->mac_flip & 7));

  fleet_cbor_writer_t o = {out, capacity, 0, false};
  fleet_cbor_writer_t proof = {scratch[1], sizeof scratch[1], 0, false};
  fleet_cbor_raw(&proof, "\xd1\x84\x43\xa1\x01\x05\xa0\xf6\x58\x20", 10);
  fleet_cbor_raw(&proof, mac, 32);
  fleet_cbor_writer_t authentication = {scratch[2], sizeof scratch[2], 0, false};
  fleet_cbor_array(&authentication, 2);
  fleet_cbor_string(&authentication, cbor_bytes, w[0].buffer, w[0].used);
  fleet_cbor_string(&authentication, cbor_bytes, proof.buffer, proof.used);
  fleet_cbor_raw(&o, "\xd8\x6b\xa2\x02", 4);
  fleet_cbor_string(&o, cbor_bytes, authentication.buffer, authentication.used);
  fleet_cbor_key(&o, 3);
  fleet_cbor_string(&o, cbor_bytes, w[3].buffer, w[3].used);
  return o.overflow ? 0 : o.used;
}

// ---- device side -----------------------------------------------------------------------------------------------------

static uint32_t now_ms(void *user) { return ((world_t *)user)->now_ms; }

// True: the operation is done whole. Does not return from a cut.
static bool operate(world_t *w) { return w->operations++ != w->cut_at; }

static void pull_plug(world_t *w) { longjmp(w->cut, 1); }

static void touch(world_t *w, uint32_t offset) {
  const uint32_t slot = offset / FLEET_REDUCED_SLOT_BYTES;
  if (offset % FLEET_REDUCED_PAGE_BYTES != 0 || slot > 1 || w->agent.persist.active_slot == slot) w->breaches++;
}

static void end_page(world_t *w, uint32_t offset, const uint8_t *meant) {
  uint8_t *page = w->flash + offset;
  switch (w->cut_kind) {
    case cut_before: break;
    case cut_after: memcpy(page, meant, FLEET_REDUCED_PAGE_BYTES); break;
    case cut_first_byte: page[0] = meant[0]; break;
    case cut_half: memcpy(page, meant, FLEET_REDUCED_PAGE_BYTES / 2); break;
    case cut_unstable: w->page_unstable[offset / FLEET_REDUCED_PAGE_BYTES] = true; // falls through
    default:
      for (uint32_t i = 0; i < FLEET_REDUCED_PAGE_BYTES; i++) page[i] = (uint8_t)(next_random(w) >> 24);
  }
  pull_plug(w);
}

static int32_t flash_erase(void *user, uint32_t offset) {
  world_t *w = user;
  uint8_t erased[FLEET_REDUCED_PAGE_BYTES];
  memset(erased, 0xff, sizeof erased);
  touch(w, offset);
  if (!operate(w)) end_page(w, offset, erased);
  w->page_unstable[offset / FLEET_REDUCED_PAGE_BYTES] = false;
  memcpy(w->flash + offset, erased, sizeof erased);
  return 0;
}

static int32_t flash_program(void *user, uint32_t offset, const void *src, uint32_t n) {
  world_t *w = user;
  uint8_t meant[FLEET_REDUCED_PAGE_BYTES];
  touch(w, offset);
  memset(meant, 0xff, sizeof meant);
  memcpy(meant, src, n);
  for (uint32_t i = 0; i < sizeof meant; i++) w->breaches += w->flash[offset + i] != 0xff;
  if (!operate(w)) end_page(w, offset, meant);
  memcpy(w->flash + offset, meant, sizeof meant);
  return 0;
}

static const uint8_t *flash_at(void *user, uint32_t offset) { return ((world_t *)user)->flash + offset; }

static void record_read(void *user, uint16_t offset, void *dst, uint8_t n) {
  world_t *w = user;
  if (offset + n > FLEET_REDUCED_RECORD_BYTES) abort();
  for (uint32_t i = 0; i < n; i++)
    ((uint8_t *)dst)[i] = w->byte_unstable[offset + i] ? (uint8_t)(next_random(w) >> 24) : w->records[offset + i];
}

// As a port does it: what is there already is not written again.
static void record_write(void *user, uint16_t offset, const void *src, uint8_t n) {
  world_t *w = user;
  if (offset + n > FLEET_REDUCED_RECORD_BYTES) abort();
  for (uint32_t i = 0; i < n; i++) {
    const uint8_t meant = ((const uint8_t *)src)[i];
    uint8_t *byte = &w->records[offset + i];
    if (*byte == meant && !w->byte_unstable[offset + i]) continue;
    if (!operate(w)) {
      switch (w->cut_kind) {
        case cut_before: break;
        case cut_after: *byte = meant; break;
        case cut_first_byte: *byte = 0xff; break;
        case cut_half: *byte &= meant; break;
        case cut_unstable: w->byte_unstable[offset + i] = true; break;
        default: *byte = (uint8_t)(next_random(w) >> 24);
      }
      pull_plug(w);
    }
    w->byte_unstable[offset + i] = false;
    *byte = meant;
  }
}

static int32_t net_open(void *user) {
  world_t *w = user;
  if (w->unreachable) return -1;
  w->open = true;
  w->to_device_n = w->from_device_n = 0;
  return 1;
}

static int32_t net_send(void *user, const void *src, uint32_t n) {
  world_t *w = user;
  if (!w->open) return -1;
  if (n > sizeof w->from_device - w->from_device_n) abort();
  memcpy(w->from_device + w->from_device_n, src, n);
  w->from_device_n += n;
  return (int32_t)n;
}

static int32_t net_receive(void *user, void *dst, uint32_t n) {
  world_t *w = user;
  if (!w->open) return -1;
  if (w->read_limit != 0 && n > w->read_limit) n = w->read_limit;
  if (n > w->to_device_n) n = w->to_device_n;
  memcpy(dst, w->to_device, n);
  w->to_device_n -= n;
  memmove(w->to_device, w->to_device + n, w->to_device_n);
  return (int32_t)n;
}

static void net_close(void *user) { ((world_t *)user)->open = false; }

static void entropy(void *user, void *dst, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) ((uint8_t *)dst)[i] = (uint8_t)(next_random(user) >> 24);
}

const bundle_t *world_runs(const world_t *w) {
  const uint32_t slot = fleet_reduced_running(&w->agent);
  if (slot == FLEET_REDUCED_NO_SLOT) return NULL;
  for (uint32_t i = 0; i < 3; i++) {
    const bundle_t *b = w->may_run[i];
    if (b != NULL && memcmp(w->flash + slot * FLEET_REDUCED_SLOT_BYTES, b->bytes, b->n) == 0) return b;
  }
  return NULL;
}

static int32_t sample(void *user, uint32_t sensor, void *dst, uint32_t count) {
  world_t *w = user;
  if (sensor != FLEET_SENSOR_TENSOR) abort();
  w->breaches += world_runs(w) == NULL; // what runs is one of the bundles, whole
  if (w->sensor_fails) return -1;
  w->inferences++;
  for (uint32_t i = 0; i < count; i++) ((int8_t *)dst)[i] = (int8_t)(next_random(w) >> 24);
  return (int32_t)count;
}

static void watchdog(void *user) { ((world_t *)user)->feeds++; }

static void reset(void *user) { (void)user; }

void world_init(world_t *w) {
  memset(w, 0, sizeof *w);
  memset(w->flash, 0xff, sizeof w->flash);
  memset(w->records, 0xff, sizeof w->records);
  w->cut_at = -1;
  w->random = 12345;
  w->platform = (fleet_reduced_platform_t){
      .base = {.user = w, .flash_erase = flash_erase, .flash_program = flash_program, .net_open = net_open, .net_send = net_send,
               .net_receive = net_receive, .net_close = net_close, .entropy = entropy, .sample = sample, .reset = reset,
               .watchdog = watchdog},
      .now_ms = now_ms, .flash_at = flash_at, .record_read = record_read, .record_write = record_write};
  fleet_hmac_sha256((const uint8_t *)token, sizeof token - 1, "tinyfleet:device-key:1", 22, device_key);
  w->config = (fleet_reduced_config_t){.project = "demo", .project_bytes = 4, .device = "uno-7", .device_bytes = 5,
                                       .device_type = "arduino-uno", .device_type_bytes = 11, .token = token,
                                       .token_bytes = sizeof token - 1, .device_key = device_key, .early_windows = UINT8_MAX};
}

bool world_boot(world_t *w, uint8_t reset_cause) {
  for (uint32_t p = 0; p < world_pages; p++)
    for (uint32_t i = 0; w->page_unstable[p] && i < FLEET_REDUCED_PAGE_BYTES; i++)
      w->flash[p * FLEET_REDUCED_PAGE_BYTES + i] = (uint8_t)(next_random(w) >> 24);
  w->open = false;
  w->config.reset_cause = reset_cause;
  if (setjmp(w->cut) != 0) return false;
  if (fleet_reduced_init(&w->agent, &w->platform, &w->config) != 0) abort();
  return true;
}

// ---- broker and platform -----------------------------------------------------------------------------------------------

static void to_device(world_t *w, const uint8_t *data, uint32_t n) {
  if (n > sizeof w->to_device - w->to_device_n) return;
  memcpy(w->to_device + w->to_device_n, data, n);
  w->to_device_n += n;
}

void world_send(world_t *w, const char *suffix, const uint8_t *payload, uint32_t n) {
  uint8_t packet[1200];
  char topic[64];
  const fleet_reduced_config_t *c = &w->config;
  const uint32_t t = (uint32_t)snprintf(topic, sizeof topic, "fleet/1/%.*s/%.*s/down/%s", c->project_bytes, c->project,
                                        c->device_bytes, c->device, suffix);
  const uint32_t remaining = 2 + t + n;
  uint32_t at = 0;
  packet[at++] = 0x30;
  if (remaining > 127) packet[at++] = (uint8_t)(remaining | 0x80);
  packet[at++] = (uint8_t)(remaining > 127 ? remaining >> 7 : remaining);
  packet[at++] = 0;
  packet[at++] = (uint8_t)t;
  memcpy(packet + at, topic, t);
  memcpy(packet + at + t, payload, n);
  to_device(w, packet, at + t + n);
}

void world_send_desired(world_t *w) {
  uint8_t out[600], manifest[400], item[128];
  if (w->fuzz_n != 0) {
    world_send(w, "desired", w->fuzz, w->fuzz_n);
    return;
  }
  fleet_cbor_writer_t o = {out, sizeof out, 0, false};
  const uint32_t at = fleet_cbor_map_open(&o);
  fleet_cbor_key(&o, FLEET_DESIRED_SERVER_TIME_MS);
  fleet_cbor_raw(&o, "\x1b\0\0\1\x99\0\0\0\0", 9);
  fleet_cbor_field(&o, FLEET_DESIRED_REVISION, w->revision);
  fleet_cbor_field(&o, FLEET_DESIRED_DEPLOYMENT, w->deployment);
  if (w->bundle != NULL) {
    fleet_cbor_field_bytes(&o, FLEET_DESIRED_MANIFEST, manifest, make_manifest(manifest, sizeof manifest, w->bundle, &w->release));
    fleet_cbor_writer_t t = {item, sizeof item, 0, false};
    const uint32_t t_at = fleet_cbor_map_open(&t);
    fleet_cbor_field(&t, FLEET_TRANSFER_METHOD, 0);
    fleet_cbor_field(&t, FLEET_TRANSFER_PAYLOAD_BYTES, w->bundle->n);
    fleet_cbor_field_bytes(&t, FLEET_TRANSFER_PAYLOAD_DIGEST, w->bundle->digest, 32);
    fleet_cbor_field_bytes(&t, FLEET_TRANSFER_RESULT_DIGEST, w->bundle->digest, 32);
    fleet_cbor_map_close(&t, t_at);
    fleet_cbor_key(&o, FLEET_DESIRED_TRANSFER);
    fleet_cbor_raw(&o, item, t.used);
  }
  fleet_cbor_field(&o, FLEET_DESIRED_WINDOW_S, 5);
  fleet_cbor_map_close(&o, at);
  world_send(w, "desired", out, o.used);
}

void world_offer(world_t *w, const bundle_t *bundle, uint32_t sequence, uint32_t soak_s) {
  w->bundle = bundle;
  w->release = (release_t){.sequence = sequence, .soak_s = soak_s};
  w->deployment++;
  w->revision++;
}

static uint32_t field(const uint8_t *payload, uint32_t n, uint32_t key) {
  fleet_cbor_reader_t r;
  fleet_cbor_item_t item;
  fleet_cbor_reader_init(&r, payload, n);
  if (!fleet_cbor_next(&r, &item)) abort();
  for (uint32_t left = item.value; left != 0; left--) {
    if (!fleet_cbor_next(&r, &item)) abort();
    const uint32_t found = item.value;
    const uint8_t *at = r.at;
    if (!fleet_cbor_skip(&r)) abort();
    if (found != key) continue;
    fleet_cbor_reader_init(&r, at, (uint32_t)(payload + n - at));
    if (!fleet_cbor_next(&r, &item)) abort();
    return item.value;
  }
  return 0;
}

static void answer_want(world_t *w, const uint8_t *payload, uint32_t n) {
  const uint32_t offset = field(payload, n, FLEET_WANT_OFFSET), bytes = field(payload, n, FLEET_WANT_CHUNK_BYTES);
  if (w->bundle == NULL || offset >= w->bundle->n || field(payload, n, FLEET_WANT_COUNT) != 1) abort();
  w->chunks++;
  if (w->drop_chunks != 0) {
    w->drop_chunks--;
    return;
  }
  const uint32_t take = w->bundle->n - offset < bytes ? w->bundle->n - offset : bytes;
  uint8_t out[400];
  fleet_cbor_writer_t o = {out, sizeof out, 0, false};
  const uint32_t at = fleet_cbor_map_open(&o);
  fleet_cbor_field_bytes(&o, FLEET_CHUNK_TRANSFER, w->bundle->digest, 8);
  fleet_cbor_field(&o, FLEET_CHUNK_OFFSET, offset);
  fleet_cbor_field_bytes(&o, FLEET_CHUNK_DATA, w->bundle->bytes + offset, take);
  fleet_cbor_field(&o, FLEET_CHUNK_CRC32, fleet_crc32(0, w->bundle->bytes + offset, take) ^ (w->corrupt_chunks != 0));
  if (w->corrupt_chunks != 0) w->corrupt_chunks--;
  fleet_cbor_map_close(&o, at);
  world_send(w, "chunk", out, o.used);
}

static void take_publish(world_t *w, const uint8_t *body, uint32_t n, uint32_t flags) {
  const uint32_t t = (uint32_t)body[0] << 8 | body[1];
  const uint32_t qos = flags >> 1 & 3;
  const uint8_t *payload = body + 2 + t + 2 * qos;
  const uint32_t bytes = n - 2 - t - 2 * qos;
  const uint32_t up = 8u + w->config.project_bytes + 1 + w->config.device_bytes;
  if (t < up + 5 || memcmp(body + 2, "fleet/1/", 8) != 0 || memcmp(body + 2 + up, "/up/", 4) != 0) abort();
  if (qos == 1 && !w->hold_acks) {
    const uint8_t ack[4] = {0x40, 2, body[2 + t], body[3 + t]};
    to_device(w, ack, 4);
  }
  const uint8_t kind = body[2 + up + 4]; // h, s, w, t
  if (kind == 'h') {
    w->hellos++;
    world_send_desired(w);
  } else if (kind == 's' && w->state_count < world_states) {
    w->states[w->state_count].update_state = (uint8_t)field(payload, bytes, FLEET_STATE_UPDATE_STATE);
    w->states[w->state_count].error = (uint16_t)field(payload, bytes, FLEET_STATE_ERROR);
    w->states[w->state_count++].deployment = field(payload, bytes, FLEET_STATE_DEPLOYMENT);
  } else if (kind == 'w') {
    answer_want(w, payload, bytes);
  } else if (kind == 't') {
    w->windows++;
    w->window_n += field(payload, bytes, FLEET_TELEMETRY_N);
  }
}

static void broker(world_t *w) {
  while (w->open && w->from_device_n >= 2) {
    uint32_t remaining = w->from_device[1] & 127u, head = 2;
    if (w->from_device[1] & 128) {
      if (w->from_device_n < 3) return;
      remaining |= (uint32_t)w->from_device[2] << 7;
      head = 3;
    }
    if (w->from_device_n < head + remaining) return;
    const uint8_t first = w->from_device[0];
    switch (first >> 4) {
      case 1: to_device(w, (const uint8_t[]){0x20, 2, 0, 0}, 4); break;
      case 3: take_publish(w, w->from_device + head, remaining, first & 15u); break;
      case 8: to_device(w, (const uint8_t[]){0x90, 3, w->from_device[head], w->from_device[head + 1], 1}, 5); break;
      case 12: to_device(w, (const uint8_t[]){0xd0, 0}, 2); break;
      default: break;
    }
    w->from_device_n -= head + remaining;
    memmove(w->from_device, w->from_device + head + remaining, w->from_device_n);
  }
}

bool world_run(world_t *w, uint32_t ms) {
  if (setjmp(w->cut) != 0) return false;
  for (const uint32_t end = w->now_ms + ms; w->now_ms < end;) {
    fleet_reduced_step(&w->agent);
    broker(w);
    w->now_ms += w->to_device_n != 0 || w->agent.trial_due || w->agent.check_due ? 1 : 50;
  }
  return true;
}

bool world_said(const world_t *w, uint8_t update_state, uint16_t error) {
  for (uint32_t i = 0; i < w->state_count; i++)
    if (w->states[i].update_state == update_state && w->states[i].error == error) return true;
  return false;
}
