// The fake outside of an agent under test, see world.h.
#include "fleet_payload.h"
#include "read.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(16) uint8_t arena[256];
static _Alignas(16) uint8_t state[64];
static fleet_payload_t scratch;
static const uint8_t vendor[16] = {1, 2, 3};
static const uint8_t class_id[16] = {7};
static const uint8_t key[32] = {9, 9, 9};

static void store_le(uint8_t *p, uint64_t v, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static void sha256(const void *data, uint32_t n, uint8_t digest[32]) {
  fleet_sha256_t sha;
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, data, n);
  fleet_sha256_final(&sha, digest);
}

// ---- bundles and manifests -----------------------------------------------------------------------------------------

static uint8_t *section(bundle_t *b, uint32_t index, uint32_t type, uint32_t offset, uint32_t length, uint32_t count) {
  uint8_t *e = b->bytes + FLEET_HEADER_RECORD_BYTES + index * FLEET_SECTION_ENTRY_RECORD_BYTES;
  store_le(e + FLEET_SECTION_ENTRY_TYPE, type, 2);
  store_le(e + FLEET_SECTION_ENTRY_FLAGS, 0, 2);
  store_le(e + FLEET_SECTION_ENTRY_OFFSET, offset, 4);
  store_le(e + FLEET_SECTION_ENTRY_LENGTH, length, 4);
  store_le(e + FLEET_SECTION_ENTRY_COUNT, count, 4);
  return b->bytes + offset;
}

static void tensor(uint8_t *t, uint32_t direction, uint32_t offset) {
  t[FLEET_TENSOR_DIRECTION] = (uint8_t)direction;
  t[FLEET_TENSOR_DTYPE] = FLEET_DTYPE_INT8;
  t[FLEET_TENSOR_RANK] = 2;
  t[FLEET_TENSOR_ROLE] = direction ? FLEET_ROLE_PROBABILITIES : FLEET_ROLE_GENERIC;
  for (uint32_t d = 0; d < FLEET_MAX_RANK; d++) store_le(t + FLEET_TENSOR_DIMS + 4 * d, 1, 4);
  store_le(t + FLEET_TENSOR_DIMS + 4, 4, 4);
  t[FLEET_TENSOR_SPACE] = FLEET_SPACE_ARENA;
  store_le(t + FLEET_TENSOR_OFFSET, offset, 4);
  store_le(t + FLEET_TENSOR_BYTES, 4, 4);
  store_le(t + FLEET_TENSOR_CLASSES, direction ? 4 : 0, 2);
}

uint32_t world_class_bins = 8;

static void monitor(uint8_t *m, uint32_t kind, uint32_t after_step, uint32_t offset, uint32_t count) {
  m[FLEET_MONITOR_KIND] = (uint8_t)kind;
  m[FLEET_MONITOR_BINS] = (uint8_t)(kind == FLEET_MONITOR_KIND_CLASSES ? world_class_bins : 16);
  m[FLEET_MONITOR_REDUCTION] = kind == FLEET_MONITOR_KIND_OOD ? FLEET_REDUCTION_MAX : FLEET_REDUCTION_EACH;
  m[FLEET_MONITOR_DTYPE] = FLEET_DTYPE_INT8;
  m[FLEET_MONITOR_SPACE] = FLEET_SPACE_ARENA;
  store_le(m + FLEET_MONITOR_AFTER_STEP, after_step, 2);
  store_le(m + FLEET_MONITOR_OFFSET, offset, 4);
  store_le(m + FLEET_MONITOR_STRIDE, 1, 4);
  store_le(m + FLEET_MONITOR_COUNT, count, 4);
  store_le(m + FLEET_MONITOR_CENTRE, 3, 2);
  for (uint32_t e = 0; e < 15; e++) store_le(m + FLEET_MONITOR_EDGES + 2 * e, (uint64_t)((int64_t)e * 8 - 56), 2);
}

static void put_operand(uint8_t *o, uint32_t space, uint32_t dtype, uint32_t offset, uint32_t bytes) {
  o[FLEET_OPERAND_SPACE] = (uint8_t)space;
  o[FLEET_OPERAND_DTYPE] = (uint8_t)dtype;
  store_le(o + FLEET_OPERAND_OFFSET, offset, 4);
  store_le(o + FLEET_OPERAND_BYTES, bytes, 4);
}

// A stage's head; returns where its operands start.
static uint8_t *put_stage(uint8_t **at, uint32_t stage, uint32_t inputs, uint32_t param_bytes, uint32_t flags) {
  uint8_t *s = *at;
  const uint32_t bytes = FLEET_FRONT_END_STAGE_RECORD_BYTES + (inputs + 1) * FLEET_OPERAND_RECORD_BYTES + param_bytes;
  store_le(s + FLEET_FRONT_END_STAGE_STAGE, stage, 2);
  s[FLEET_FRONT_END_STAGE_VERSION] = 1;
  s[FLEET_FRONT_END_STAGE_FLAGS] = (uint8_t)flags;
  store_le(s + FLEET_FRONT_END_STAGE_BYTES, bytes, 2);
  s[FLEET_FRONT_END_STAGE_INPUTS] = (uint8_t)inputs;
  s[FLEET_FRONT_END_STAGE_OUTPUTS] = 1;
  *at += bytes;
  return s + FLEET_FRONT_END_STAGE_RECORD_BYTES;
}

enum { front_end_bytes = FLEET_FRONT_END_RECORD_BYTES + 3 * FLEET_FRONT_END_STAGE_RECORD_BYTES + (5 + 2 + 2) * FLEET_OPERAND_RECORD_BYTES +
         FLEET_STAGE_SCALE_PARAM_BYTES + FLEET_STAGE_STACK_PARAM_BYTES + FLEET_STAGE_COPY_PARAM_BYTES };

// State: two samples at 0, two rows at 16. Arena: the row at 8, the input at 0. Constants: multiplier, shift, centre.
static void put_front_end(uint8_t *f, uint8_t *constants, uint32_t passes) {
  store_le(constants, 1 << 30, 4);
  constants[4] = 38;
  store_le(f + FLEET_FRONT_END_FRAME, 2, 4);
  store_le(f + FLEET_FRONT_END_HOP, 2, 4);
  store_le(f + FLEET_FRONT_END_PASSES, passes, 2);
  store_le(f + FLEET_FRONT_END_FIRST_PASSES, 2, 2);
  store_le(f + FLEET_FRONT_END_STAGES, 3, 2);
  f[FLEET_FRONT_END_AXES] = 1;
  uint8_t *at = f + FLEET_FRONT_END_RECORD_BYTES;
  uint8_t *o = put_stage(&at, FLEET_STAGE_SCALE, 4, FLEET_STAGE_SCALE_PARAM_BYTES, 0);
  put_operand(o, FLEET_SPACE_STATE, FLEET_DTYPE_INT16, 0, 4);
  put_operand(o + 12, FLEET_SPACE_CONST, FLEET_DTYPE_INT32, 0, 4);
  put_operand(o + 24, FLEET_SPACE_CONST, FLEET_DTYPE_UINT8, 4, 1);
  put_operand(o + 36, FLEET_SPACE_CONST, FLEET_DTYPE_INT32, 8, 4);
  put_operand(o + 48, FLEET_SPACE_ARENA, FLEET_DTYPE_INT8, 8, 2);
  uint8_t *p = o + 60;
  store_le(p + FLEET_STAGE_SCALE_ELEMENTS, 2, 4);
  store_le(p + FLEET_STAGE_SCALE_PERIOD, 1, 4);
  store_le(p + FLEET_STAGE_SCALE_OUTPUT_MIN, (uint16_t)-128, 2);
  store_le(p + FLEET_STAGE_SCALE_OUTPUT_MAX, 127, 2);
  o = put_stage(&at, FLEET_STAGE_STACK, 1, FLEET_STAGE_STACK_PARAM_BYTES, 0);
  put_operand(o, FLEET_SPACE_ARENA, FLEET_DTYPE_INT8, 8, 2);
  put_operand(o + 12, FLEET_SPACE_STATE, FLEET_DTYPE_INT8, 16, 4);
  store_le(o + 24 + FLEET_STAGE_STACK_ROWS, 2, 4);
  store_le(o + 24 + FLEET_STAGE_STACK_ROW_BYTES, 2, 4);
  o = put_stage(&at, FLEET_STAGE_COPY, 1, FLEET_STAGE_COPY_PARAM_BYTES, FLEET_STAGE_FLAG_FINAL);
  put_operand(o, FLEET_SPACE_STATE, FLEET_DTYPE_INT8, 16, 4);
  put_operand(o + 12, FLEET_SPACE_ARENA, FLEET_DTYPE_INT8, 0, 4);
  store_le(o + 24 + FLEET_STAGE_COPY_BYTES, 4, 4);
}

static void build_bundle(bundle_t *b, uint32_t tag, uint32_t golden, bool broken_golden, uint32_t monitors,
                         const sampled_t *sampled, bool rotated) {
  memset(b, 0, sizeof *b);
  enum { sections = 7, body = 128 + sections * 16, step_bytes = 12 + 24 + 4 };
  const uint32_t steps = rotated ? 2 : 1;
  const uint32_t plan_bytes = steps * step_bytes;
  uint8_t *h = b->bytes;
  // The tag fills an unknown, skippable section, so bundles differ and have some size.
  const uint32_t filler = 6600;
  uint32_t at = body;
  uint8_t *plan = section(b, 0, FLEET_SECTION_PLAN, at, plan_bytes, steps);
  at = (at + plan_bytes + 15) / 16 * 16;
  uint8_t *contract = section(b, 1, FLEET_SECTION_CONTRACT, at, 2 * FLEET_TENSOR_RECORD_BYTES, 2);
  at += 2 * FLEET_TENSOR_RECORD_BYTES;
  uint8_t *gold = section(b, 2, FLEET_SECTION_GOLDEN, at, golden * FLEET_GOLDEN_RECORD_BYTES, golden);
  at = (at + golden * FLEET_GOLDEN_RECORD_BYTES + 15) / 16 * 16;
  uint8_t *mon = section(b, 4, FLEET_SECTION_MONITORS, at, monitors * FLEET_MONITOR_RECORD_BYTES, monitors);
  at = (at + monitors * FLEET_MONITOR_RECORD_BYTES + 15) / 16 * 16;
  for (uint32_t i = 0; i < monitors; i++) {
    uint8_t *m = mon + i * FLEET_MONITOR_RECORD_BYTES;
    if (i == 0) monitor(m, FLEET_MONITOR_KIND_CLASSES, 0, 16, 4);
    else if (i + 1 == monitors) monitor(m, FLEET_MONITOR_KIND_OOD, 0, 16, 4);
    else monitor(m, FLEET_MONITOR_KIND_FEATURE, 65535, i == 7 ? 0 : (i - 1) % 4, i == 7 ? 4 : 1); // the seventh has all elements
  }
  h[FLEET_HEADER_MONITOR_COUNT] = (uint8_t)monitors;
  const uint32_t front_end = sampled ? front_end_bytes : 0;
  uint8_t *constants = section(b, 5, FLEET_SECTION_CONSTANTS, at, 16, 0);
  at += 16;
  uint8_t *stages = section(b, 6, sampled ? FLEET_SECTION_FRONT_END : 901, at, front_end, 0);
  at = (at + front_end + 15) / 16 * 16;
  if (sampled) put_front_end(stages, constants, sampled->passes);
  uint8_t *fill = section(b, 3, 900, at, filler, 0);
  for (uint32_t i = 0; i < filler; i++) fill[i] = (uint8_t)((i * 2654435761u + tag * 40503u) >> 13);
  at = (at + filler + 15) / 16 * 16;
  b->n = at;

  store_le(h + FLEET_HEADER_MAGIC, FLEET_BUNDLE_MAGIC, 4);
  store_le(h + FLEET_HEADER_ABI_MAJOR, FLEET_ABI_MAJOR, 2);
  store_le(h + FLEET_HEADER_TOTAL_BYTES, at, 4);
  store_le(h + FLEET_HEADER_HEADER_BYTES, FLEET_HEADER_RECORD_BYTES, 2);
  store_le(h + FLEET_HEADER_SECTION_COUNT, sections, 2);
  store_le(h + FLEET_HEADER_ARENA_BYTES, 32, 4);
  store_le(h + FLEET_HEADER_STATE_BYTES, sampled ? 32 : 0, 4);
  store_le(h + FLEET_HEADER_FLAGS, sampled ? FLEET_HEADER_FLAG_FRONT_END : 0, 4);
  store_le(h + FLEET_HEADER_STEP_COUNT, steps, 4);
  h[FLEET_HEADER_OP_SET + FLEET_OP_RESHAPE / 8] = 1 << FLEET_OP_RESHAPE % 8;
  h[FLEET_HEADER_INPUT_COUNT] = h[FLEET_HEADER_OUTPUT_COUNT] = 1;
  h[FLEET_HEADER_GOLDEN_COUNT] = (uint8_t)golden;

  // Rotated: the input is copied behind itself, then read from its second byte on.
  const uint8_t places[2][2] = {{0, rotated ? 4 : 16}, {1, 16}};
  for (uint32_t step = 0; step < steps; step++, plan += step_bytes) {
    store_le(plan + FLEET_STEP_OP, FLEET_OP_RESHAPE, 2);
    plan[FLEET_STEP_VERSION] = FLEET_OP_RESHAPE_VERSION;
    store_le(plan + FLEET_STEP_BYTES, step_bytes, 2);
    plan[FLEET_STEP_INPUTS] = plan[FLEET_STEP_OUTPUTS] = 1;
    for (uint32_t i = 0; i < 2; i++) {
      uint8_t *o = plan + FLEET_STEP_RECORD_BYTES + i * FLEET_OPERAND_RECORD_BYTES;
      o[FLEET_OPERAND_SPACE] = FLEET_SPACE_ARENA;
      o[FLEET_OPERAND_DTYPE] = FLEET_DTYPE_INT8;
      store_le(o + FLEET_OPERAND_OFFSET, places[step][i], 4);
      store_le(o + FLEET_OPERAND_BYTES, 4, 4);
    }
    store_le(plan + 36 + FLEET_RESHAPE_BYTES, 4, 4);
  }
  tensor(contract, 0, 0);
  if (sampled) {
    contract[FLEET_TENSOR_SENSOR] = FLEET_SENSOR_GENERIC;
    contract[FLEET_TENSOR_AXES] = 1;
    store_le(contract + FLEET_TENSOR_SAMPLE_RATE_MHZ, sampled->rate_mhz, 4);
    store_le(contract + FLEET_TENSOR_FRAME, 4, 4);
    store_le(contract + FLEET_TENSOR_HOP, 2 * sampled->passes, 4);
  }
  tensor(contract + FLEET_TENSOR_RECORD_BYTES, 1, 16);
  for (uint32_t i = 0; i < golden; i++) {
    uint8_t *g = gold + i * FLEET_GOLDEN_RECORD_BYTES;
    g[FLEET_GOLDEN_FRAMES] = 1;
    store_le(g + FLEET_GOLDEN_SEED, 77 + i, 4);
    uint32_t seed = 77 + i;
    uint8_t out[4];
    fleet_fill_random(&seed, out, 4);
    if (rotated) {
      const uint8_t first = out[0];
      memmove(out, out + 1, 3);
      out[3] = first;
    }
    store_le(g + FLEET_GOLDEN_OUTPUTS_CRC, fleet_crc32(0, out, 4) ^ (broken_golden && i + 1 == golden), 4);
  }
  sha256(b->bytes + 48, b->n - 48, b->bytes + FLEET_HEADER_DIGEST);
  sha256(b->bytes, b->n, b->digest);
}

void make_bundle(bundle_t *b, uint32_t tag, uint32_t golden, bool broken_golden) {
  build_bundle(b, tag, golden, broken_golden, 0, NULL, false);
}

void make_sampled_bundle(bundle_t *b, uint32_t tag, sampled_t sampled) { build_bundle(b, tag, 1, false, 2, &sampled, false); }

void make_monitored_bundle(bundle_t *b, uint32_t tag, uint32_t features) {
  build_bundle(b, tag, 1, false, features + 2, NULL, false);
}

void make_other_bundle(bundle_t *b, uint32_t tag) { build_bundle(b, tag, 1, false, 0, NULL, true); }

release_t release_of(uint32_t sequence) {
  release_t r;
  memset(&r, 0, sizeof r);
  r.sequence = sequence;
  r.abi = FLEET_ABI_MAJOR << 16;
  r.arena_bytes = 32;
  r.op_set[FLEET_OP_RESHAPE / 8] = 1 << FLEET_OP_RESHAPE % 8;
  r.op_set_bytes = FLEET_OP_RESHAPE / 8 + 1;
  r.soak_s = 100;
  r.class_id = 7;
  return r;
}

static void wrap(fleet_cbor_writer_t *w, const uint8_t *data, uint32_t n) { fleet_cbor_string(w, cbor_bytes, data, n); }

static void suit_digest(fleet_cbor_writer_t *w, const uint8_t digest[32]) {
  fleet_cbor_head(w, cbor_array, 2);
  fleet_cbor_int(w, -16);
  fleet_cbor_string(w, cbor_bytes, digest, 32);
}

void world_key(uint32_t number, uint8_t public_key[32]) {
  memcpy(public_key, key, 32);
  public_key[31] = (uint8_t)number;
}

// The fake signature: SHA-256 over key and message, twice. What verify() below checks.
void world_sign(const uint8_t public_key[32], const uint8_t *message, uint32_t n, uint8_t signature[64]) {
  uint8_t buffer[512];
  memcpy(buffer, public_key, 32);
  memcpy(buffer + 32, message, n);
  sha256(buffer, n + 32, signature);
  memcpy(signature + 32, signature, 32);
}

uint32_t make_manifest(uint8_t *out, uint32_t capacity, const bundle_t *bundle, const release_t *r) {
  uint8_t scratch[8][512];
  fleet_cbor_writer_t w[8];
  for (uint32_t i = 0; i < 8; i++) w[i] = (fleet_cbor_writer_t){scratch[i], sizeof scratch[i], 0, false};
  const uint8_t class_bytes[16] = {r->class_id};
  // 0: image digest, 1: shared sequence, 2: common, 3: manifest, 4: authentication, 5: signature
  suit_digest(&w[0], bundle->digest);
  fleet_cbor_head(&w[1], cbor_array, 6);
  fleet_cbor_head(&w[1], cbor_uint, 20);
  fleet_cbor_head(&w[1], cbor_map, 5);
  fleet_cbor_field_bytes(&w[1], 1, vendor, 16);
  fleet_cbor_field_bytes(&w[1], 2, class_bytes, 16);
  fleet_cbor_field_bytes(&w[1], 3, w[0].buffer, w[0].used);
  fleet_cbor_field(&w[1], 14, bundle->n);
  fleet_cbor_int(&w[1], -1);
  fleet_cbor_head(&w[1], cbor_map,
                  5u + (r->firmware_min != NULL) + 1 + (r->latency_us != 0) + r->allow_downgrade + (r->supersede != 0) +
                      (r->not_after != 0));
  fleet_cbor_field(&w[1], 1, r->abi);
  fleet_cbor_field_bytes(&w[1], 2, r->op_set, r->op_set_bytes);
  fleet_cbor_field(&w[1], 4, r->arena_bytes);
  fleet_cbor_field(&w[1], 5, 0);
  if (r->firmware_min != NULL) {
    fleet_cbor_head(&w[1], cbor_uint, 6);
    fleet_cbor_string(&w[1], cbor_text, r->firmware_min, (uint32_t)strlen(r->firmware_min));
  }
  fleet_cbor_field(&w[1], 7, r->floor);
  fleet_cbor_field(&w[1], 8, r->soak_s);
  if (r->latency_us != 0) fleet_cbor_field(&w[1], 9, r->latency_us);
  if (r->allow_downgrade) {
    fleet_cbor_head(&w[1], cbor_uint, 10);
    fleet_cbor_bool(&w[1], true);
  }
  if (r->supersede != 0) fleet_cbor_field(&w[1], 11, r->supersede);
  if (r->not_after != 0) fleet_cbor_field(&w[1], 12, r->not_after);
  const uint8_t conditions[4] = {1, 15, 2, 15};
  for (uint32_t i = 0; i < 4; i++) fleet_cbor_head(&w[1], cbor_uint, conditions[i]);

  fleet_cbor_head(&w[2], cbor_map, 2);
  fleet_cbor_head(&w[2], cbor_uint, 2);
  fleet_cbor_head(&w[2], cbor_array, 1);
  fleet_cbor_head(&w[2], cbor_array, 1);
  wrap(&w[2], (const uint8_t *)(r->firmware ? "firmware" : "model"), r->firmware ? 8 : 5);
  fleet_cbor_field_bytes(&w[2], 4, w[1].buffer, w[1].used);

  fleet_cbor_head(&w[3], cbor_map, 5);
  fleet_cbor_field(&w[3], 1, 1);
  fleet_cbor_field(&w[3], 2, r->sequence);
  fleet_cbor_field_bytes(&w[3], 3, w[2].buffer, w[2].used);
  fleet_cbor_field_bytes(&w[3], 7, (const uint8_t *)"\x82\x03\x0f", 3);
  fleet_cbor_field_bytes(&w[3], 20, (const uint8_t *)"\x82\x15\x02", 3);

  uint8_t digest[32];
  uint8_t id[32];
  uint8_t signature[64];
  wrap(&w[6], w[3].buffer, w[3].used);
  sha256(w[6].buffer, w[6].used, digest);
  w[0].used = 0;
  suit_digest(&w[0], digest);
  uint8_t header[32];
  fleet_cbor_writer_t protected_header = {header, sizeof header, 0, false};
  uint8_t public_key[32];
  world_key(r->key, public_key);
  sha256(public_key, 32, id);
  id[0] ^= r->wrong_key;
  fleet_cbor_head(&protected_header, cbor_map, 2);
  fleet_cbor_head(&protected_header, cbor_uint, 1);
  fleet_cbor_int(&protected_header, -8);
  fleet_cbor_field_bytes(&protected_header, 4, id, 8);
  fleet_cbor_head(&w[7], cbor_array, 4);
  fleet_cbor_string(&w[7], cbor_text, "Signature1", 10);
  wrap(&w[7], header, protected_header.used);
  wrap(&w[7], NULL, 0);
  wrap(&w[7], w[0].buffer, w[0].used);
  world_sign(public_key, w[7].buffer, w[7].used, signature);
  signature[5] ^= r->wrong_signature;
  fleet_cbor_head(&w[5], cbor_tag, 18);
  fleet_cbor_head(&w[5], cbor_array, 4);
  wrap(&w[5], header, protected_header.used);
  fleet_cbor_head(&w[5], cbor_map, 0);
  fleet_cbor_head(&w[5], cbor_simple, 22);
  wrap(&w[5], signature, 64);
  fleet_cbor_head(&w[4], cbor_array, 2);
  wrap(&w[4], w[0].buffer, w[0].used);
  wrap(&w[4], w[5].buffer, w[5].used);
  fleet_cbor_writer_t envelope = {out, capacity, 0, false};
  fleet_cbor_head(&envelope, cbor_tag, 107);
  fleet_cbor_head(&envelope, cbor_map, 2);
  fleet_cbor_field_bytes(&envelope, 2, w[4].buffer, w[4].used);
  fleet_cbor_field_bytes(&envelope, 3, w[3].buffer, w[3].used);
  if (envelope.overflow) abort();
  return envelope.used;
}

// ---- the device's platform -----------------------------------------------------------------------------------------

static uint32_t next_random(world_t *w) { return fleet_xorshift32(&w->random); }

static uint64_t now_us(void *user) {
  world_t *w = user;
  return w->now_us - w->boot_us;
}

static uint32_t cycles(void *user) {
  world_t *w = user;
  w->cycles += w->cycles_per_call;
  return w->cycles;
}

static int32_t flash_read(void *user, uint32_t offset, void *dst, uint32_t n) {
  world_t *w = user;
  if (offset > world_flash_bytes || n > world_flash_bytes - offset) abort();
  memcpy(dst, w->flash + offset, n);
  return 0;
}

static void pull_plug(world_t *w) { longjmp(w->cut, 1); }

static int32_t flash_program(void *user, uint32_t offset, const void *src, uint32_t n) {
  world_t *w = user;
  const uint8_t *bytes = src;
  if (offset % 4 != 0 || n % 4 != 0 || n == 0 || offset > world_flash_bytes || n > world_flash_bytes - offset) abort();
  const bool cut = w->operations == w->cut_at;
  if (w->operations++ == w->fail_at || w->flash_broken) return -1;
  if (cut && w->cut_mode == cut_before) pull_plug(w);
  for (uint32_t i = 0; i < n; i += 4) {
    if (w->written[(offset + i) / 4]) w->rule_breaches++;
    w->written[(offset + i) / 4] = 1;
  }
  for (uint32_t i = 0; i < n; i++) {
    const uint8_t noise = cut && w->cut_mode == cut_torn ? (uint8_t)(next_random(w) >> 24) : 0;
    w->flash[offset + i] &= bytes[i] | noise;
  }
  if (cut) pull_plug(w);
  return 0;
}

static int32_t flash_erase(void *user, uint32_t offset) {
  world_t *w = user;
  const uint32_t n = w->config.flash.sector_bytes;
  if (offset % n != 0 || offset >= world_flash_bytes) abort();
  const bool cut = w->operations == w->cut_at;
  if (w->operations++ == w->fail_at || w->flash_broken) return -1;
  if (cut && w->cut_mode == cut_before) pull_plug(w);
  w->erases[offset / n]++;
  for (uint32_t i = 0; i < n; i++) {
    w->flash[offset + i] |= cut && w->cut_mode == cut_torn ? (uint8_t)(next_random(w) >> 24) : 0xff;
    // After a torn erase a unit is neither written nor erased: programming it is a breach.
    w->written[(offset + i) / 4] = cut && w->cut_mode == cut_torn;
  }
  if (cut) pull_plug(w);
  return 0;
}

static const void *flash_map(void *user, uint32_t offset, uint32_t n) {
  world_t *w = user;
  if (offset > world_flash_bytes || n > world_flash_bytes - offset) abort();
  if (w->moved) {
    memcpy(w->mapping, w->flash + offset, n);
    return w->mapping;
  }
  return w->unmapped ? NULL : w->flash + offset;
}

static int32_t net_open(void *user) {
  world_t *w = user;
  w->opens++;
  if (w->unreachable) return -1;
  w->open = true;
  w->to_device_n = w->from_device_n = 0;
  return FLEET_NET_OPEN;
}

static int32_t net_send(void *user, const void *src, uint32_t n) {
  world_t *w = user;
  if (!w->open) return -1;
  if (w->write_limit != 0 && n > w->write_limit) n = w->write_limit;
  const uint32_t room = (uint32_t)sizeof w->from_device - w->from_device_n;
  if (n > room) n = room;
  memcpy(w->from_device + w->from_device_n, src, n);
  w->from_device_n += n;
  return (int32_t)n;
}

static int32_t net_receive(void *user, void *dst, uint32_t n) {
  world_t *w = user;
  if (!w->open && w->to_device_n == 0) return -1; // what was sent before the end still arrives
  if (w->read_limit != 0 && n > w->read_limit) n = w->read_limit;
  if (n > w->to_device_n) n = w->to_device_n;
  memcpy(dst, w->to_device, n);
  memmove(w->to_device, w->to_device + n, w->to_device_n - n);
  w->to_device_n -= n;
  return (int32_t)n;
}

static void net_close(void *user) {
  world_t *w = user;
  w->open = false;
  const uint32_t n = w->from_device_n;
  w->disconnects += n >= 2 && memcmp(w->from_device + n - 2, "\xe0\0", 2) == 0;
}

static int32_t verify(void *user, uint32_t alg, const uint8_t *public_key, uint32_t key_bytes, const uint8_t *message,
                      uint32_t n, const uint8_t *signature, uint32_t signature_bytes) {
  uint8_t expected[64];
  (void)user;
  if (alg != FLEET_SIGNATURE_ALGORITHM_ED25519 || key_bytes != 32 || signature_bytes != 64 || n > 400) return -1;
  if (memcmp(public_key, key, 31) != 0) return -1;
  world_sign(public_key, message, n, expected);
  return memcmp(expected, signature, 64) == 0 ? 0 : -1;
}

static void entropy(void *user, void *dst, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) ((uint8_t *)dst)[i] = (uint8_t)(next_random(user) >> 24);
}

static int32_t sample(void *user, uint32_t sensor, void *dst, uint32_t count) {
  world_t *w = user;
  if (sensor == FLEET_SENSOR_GENERIC) {
    if (count != 2) abort();
    if (w->now_us < w->next_sample_us) return 0;
    w->next_sample_us = w->sample_pace_us == 0 ? 0 : w->now_us + w->sample_pace_us;
    w->samples++;
    if (w->sample_result <= 0) return w->sample_result;
    int16_t *raw = dst;
    for (uint32_t i = 0; i < 2; i++) {
      const uint32_t element = (w->half ? 2u : 0) + i;
      raw[i] = (int16_t)(element == w->next_class % 4 ? (w->hold_input ? INT16_MAX : 8000 + 64 * (int)(w->samples % 40)) : -25600);
      if (w->hold_input && element != w->next_class % 4) raw[i] = INT16_MIN;
    }
    w->half = !w->half;
    return 2;
  }
  if (sensor != FLEET_SENSOR_TENSOR || count != 4) abort();
  w->samples++;
  if (w->sample_result <= 0) return w->sample_result;
  int8_t *out = dst;
  if (w->hold_input) {
    for (uint32_t i = 0; i < 4; i++) out[i] = i == w->next_class % 4 ? INT8_MAX : INT8_MIN;
    return (int32_t)count;
  }
  for (uint32_t i = 0; i < 4; i++) out[i] = (int8_t)(i == w->next_class % 4 ? 60 + (int)(w->samples % 40) : -100);
  return (int32_t)count;
}

static void result(void *user, const fleet_inference_t *inference) {
  world_t *w = user;
  if ((!w->streams && inference->predicted != w->next_class % 4u) || inference->output_bytes != 4) abort();
  w->results++;
}

static void reset(void *user) { ((world_t *)user)->resets++; }

void world_init(world_t *w) {
  memset(w, 0, sizeof *w);
  memset(w->flash, 0xff, sizeof w->flash);
  w->random = 12345;
  w->cut_at = w->fail_at = -1;
  w->sample_result = 1;
  w->platform = (fleet_platform_t){.user = w,
                                   .now_us = now_us,
                                   .flash_read = flash_read,
                                   .flash_program = flash_program,
                                   .flash_erase = flash_erase,
                                   .flash_map = flash_map,
                                   .net_open = net_open,
                                   .net_send = net_send,
                                   .net_receive = net_receive,
                                   .net_close = net_close,
                                   .verify = verify,
                                   .entropy = entropy,
                                   .sample = sample,
                                   .result = result,
                                   .reset = reset};
  fleet_agent_config_t *c = &w->config;
  c->project = (fleet_text_t){"demo", 4};
  c->device = (fleet_text_t){"demo-001", 8};
  c->token = (fleet_text_t){"secret", 6};
  c->device_type = (fleet_text_t){"wasm", 4};
  c->vendor_id = vendor;
  c->class_id = class_id;
  world_key(0, w->key);
  c->keys[0] = (fleet_key_t){FLEET_SIGNATURE_ALGORITHM_ED25519, w->key, 32};
  c->flash = (fleet_flash_geometry_t){world_flash_bytes, 1024, 4, 0xff};
  c->slot_bytes = world_slot_bytes;
  c->arena = arena;
  c->arena_bytes = sizeof arena;
  c->state = state;
  c->state_bytes = sizeof state;
  c->patch_scratch = &scratch;
  c->patch_scratch_bytes = sizeof scratch;
  c->window_s = 10;
}

void world_measure(world_t *w, uint32_t cycles_per_call) {
  w->platform.cycles = cycles;
  w->cycles_per_call = cycles_per_call;
  w->config.clock_khz = 1000;
}

bool world_boot(world_t *w, uint32_t reset_cause) {
  w->config.reset_cause = reset_cause;
  w->boot_us = w->now_us - w->uptime_us;
  w->open = false;
  memset(&w->agent, 0xa5, sizeof w->agent);
  if (setjmp(w->cut) != 0) return false;
  const int32_t result_code = fleet_agent_init(&w->agent, &w->platform, &w->config);
  if (result_code != 0) {
    printf("init failed: %d\n", result_code);
    abort();
  }
  return true;
}

// ---- the broker and the platform behind it ---------------------------------------------------------------------------

static void to_device(world_t *w, const uint8_t *data, uint32_t n) {
  if (world_pipe_bytes - w->to_device_n < n) abort();
  memcpy(w->to_device + w->to_device_n, data, n);
  w->to_device_n += n;
}

void world_send(world_t *w, const char *topic, const uint8_t *payload, uint32_t n, uint32_t qos) {
  uint8_t head[128];
  char full[96];
  const uint32_t topic_n = (uint32_t)snprintf(full, sizeof full, "fleet/1/demo/demo-001/down/%s", topic);
  const uint32_t remaining = 2 + topic_n + 2 * qos + n;
  uint32_t at = 0;
  head[at++] = (uint8_t)(0x30 | qos << 1);
  for (uint32_t left = remaining;;) {
    head[at++] = (uint8_t)((left & 127) | (left > 127 ? 128 : 0));
    left >>= 7;
    if (left == 0) break;
  }
  head[at++] = 0;
  head[at++] = (uint8_t)topic_n;
  memcpy(head + at, full, topic_n);
  at += topic_n;
  if (qos != 0) {
    head[at++] = 0x12;
    head[at++] = 0x34;
  }
  to_device(w, head, at);
  to_device(w, payload, n);
}

typedef struct {
  const uint8_t *bytes;
  const uint8_t *digest;
  uint32_t n;
  uint32_t method;
} sent_t;

static sent_t sent_by(const world_t *w) {
  if (w->payload == NULL) return (sent_t){w->bundle->bytes, w->bundle->digest, w->bundle->n, FLEET_TRANSFER_METHOD_FULL};
  return (sent_t){w->payload->bytes, w->payload->digest, w->payload->n,
                  w->base != NULL ? FLEET_TRANSFER_METHOD_DELTA : FLEET_TRANSFER_METHOD_COMPRESSED};
}

void world_send_desired(world_t *w) {
  uint8_t payload[1200];
  uint8_t manifest[768];
  fleet_cbor_writer_t out = {payload, sizeof payload, 0, false};
  const bool has = w->deployment != 0 && w->bundle != NULL;
  fleet_cbor_head(&out, cbor_map, 3u + 2 * has + (w->window_s != 0) + (w->pick_every != 0) + (w->next_contact_s != 0) +
                     (w->shadow_every != 0) + (w->unsigned_soak_s != 0));
  fleet_cbor_field_wide(&out, FLEET_DESIRED_SERVER_TIME_MS, 1700000000000u + w->now_us / 1000);
  fleet_cbor_field(&out, FLEET_DESIRED_REVISION, w->revision);
  fleet_cbor_field(&out, FLEET_DESIRED_DEPLOYMENT, w->deployment);
  if (has) {
    const uint32_t n = make_manifest(manifest, sizeof manifest, w->bundle, &w->release);
    fleet_cbor_field_bytes(&out, FLEET_DESIRED_MANIFEST, manifest, n);
    fleet_cbor_head(&out, cbor_uint, FLEET_DESIRED_TRANSFER);
    const sent_t sent = sent_by(w);
    fleet_cbor_head(&out, cbor_map, 4u + (sent.method == FLEET_TRANSFER_METHOD_DELTA) + (w->chunk_bytes != 0));
    fleet_cbor_field(&out, FLEET_TRANSFER_METHOD, sent.method);
    fleet_cbor_field(&out, FLEET_TRANSFER_PAYLOAD_BYTES, sent.n);
    fleet_cbor_field_bytes(&out, FLEET_TRANSFER_PAYLOAD_DIGEST, sent.digest, 32);
    fleet_cbor_field_bytes(&out, FLEET_TRANSFER_RESULT_DIGEST, w->bundle->digest, 32);
    if (sent.method == FLEET_TRANSFER_METHOD_DELTA) {
      fleet_cbor_field_bytes(&out, FLEET_TRANSFER_BASE_DIGEST, w->base->digest, 32);
    }
    if (w->chunk_bytes != 0) fleet_cbor_field(&out, FLEET_TRANSFER_CHUNK_BYTES, w->chunk_bytes);
  }
  if (w->window_s != 0) fleet_cbor_field(&out, FLEET_DESIRED_WINDOW_S, w->window_s);
  if (w->next_contact_s != 0) fleet_cbor_field(&out, FLEET_DESIRED_NEXT_CONTACT_S, w->next_contact_s);
  if (w->pick_every != 0) fleet_cbor_field(&out, FLEET_DESIRED_PICK_EVERY, w->pick_every);
  if (w->unsigned_soak_s != 0) fleet_cbor_field(&out, FLEET_DESIRED_SOAK_S, w->unsigned_soak_s);
  if (w->shadow_every != 0) fleet_cbor_field(&out, FLEET_DESIRED_SHADOW_EVERY, w->shadow_every);
  if (out.overflow) abort();
  world_send(w, "desired", payload, out.used, 1);
}

static bool carries(const message_t *m, const uint8_t *bytes, uint32_t n) {
  for (uint32_t i = 0; i + n <= m->n; i++) {
    if (memcmp(m->payload + i, bytes, n) == 0) return true;
  }
  return false;
}

static void answer_want(world_t *w, const message_t *m) {
  const sent_t sent = sent_by(w);
  if (!carries(m, sent.digest, 8)) return; // a want of another transfer
  const uint32_t count = (uint32_t)message_field(m, FLEET_WANT_COUNT, 0);
  const uint32_t size = (uint32_t)message_field(m, FLEET_WANT_CHUNK_BYTES, 1024);
  uint32_t offset = (uint32_t)message_field(m, FLEET_WANT_OFFSET, 0);
  for (uint32_t i = 0; i < count && offset < sent.n; i++, offset += size) {
    uint8_t payload[1400];
    if (world_pipe_bytes - w->to_device_n < sizeof payload + 256) return; // a broker drops QoS 0 that a client does not take
    const uint32_t n = sent.n - offset < size ? sent.n - offset : size;
    uint32_t crc = fleet_crc32(0, sent.bytes + offset, n);
    if (w->skip_chunks != 0) {
      w->skip_chunks--;
      continue;
    }
    if (w->corrupt_chunks != 0) {
      w->corrupt_chunks--;
      crc ^= 1;
    }
    fleet_cbor_writer_t out = {payload, sizeof payload, 0, false};
    fleet_cbor_head(&out, cbor_map, 4);
    fleet_cbor_field_bytes(&out, FLEET_CHUNK_TRANSFER, sent.digest, 8);
    fleet_cbor_field(&out, FLEET_CHUNK_OFFSET, offset);
    fleet_cbor_field_bytes(&out, FLEET_CHUNK_DATA, sent.bytes + offset, n);
    fleet_cbor_field(&out, FLEET_CHUNK_CRC32, crc);
    world_send(w, "chunk", payload, out.used, 0);
    w->chunks_sent++;
    if (w->disconnect_after != 0 && --w->disconnect_after == 0) {
      w->open = false;
      w->unreachable = true;
      return;
    }
  }
}

static void take_publish(world_t *w, const uint8_t *body, uint32_t n, uint32_t flags) {
  static const char prefix[] = "fleet/1/demo/demo-001/up/";
  const uint32_t qos = (flags >> 1) & 3;
  const uint32_t topic_n = (uint32_t)body[0] << 8 | body[1];
  const uint32_t head = 2 + topic_n + 2 * qos;
  if (head > n || topic_n <= sizeof prefix - 1 || memcmp(body + 2, prefix, sizeof prefix - 1) != 0) abort();
  if (qos == 1 && !w->hold_acks) {
    const uint8_t ack[4] = {0x40, 2, body[2 + topic_n], body[3 + topic_n]};
    to_device(w, ack, 4);
  }
  message_t *m = &w->messages[w->message_count % world_messages];
  memset(m, 0, sizeof *m);
  memcpy(m->topic, body + 2 + sizeof prefix - 1, topic_n - (sizeof prefix - 1));
  m->n = n - head;
  m->qos = qos;
  if (m->n > sizeof m->payload) abort();
  memcpy(m->payload, body + head, m->n);
  fleet_cbor_reader_t r;
  fleet_cbor_reader_init(&r, m->payload, m->n);
  if (!w->any_payload && (!fleet_cbor_skip(&r) || r.at != r.end)) { // everything the agent says is one well-formed item
    printf("malformed %s:", m->topic);
    for (uint32_t i = 0; i < m->n; i++) printf("%02x", m->payload[i]);
    printf("\n");
    abort();
  }
  if (w->message_count < world_messages) w->message_count++;
  if (strcmp(m->topic, "hello") == 0) world_send_desired(w);
  if (strcmp(m->topic, "want") == 0 && !w->drop_wants) answer_want(w, m);
}

static void broker(world_t *w) {
  for (;;) {
    const uint8_t *p = w->from_device;
    uint32_t remaining = 0;
    uint32_t header = 1;
    for (;; header++) {
      if (w->from_device_n <= header) return;
      remaining |= (uint32_t)(p[header] & 127) << (7 * (header - 1));
      if (p[header] < 128) break;
    }
    header++;
    if (w->from_device_n < header + remaining) return;
    const uint8_t *body = p + header;
    switch (p[0] >> 4) {
      case 1: {
        const uint8_t ack[4] = {0x20, 2, 0, w->refuse_connect ? 5 : 0};
        if (body[7] != 0xce || memcmp(body, "\0\4MQTT\4", 7) != 0) abort(); // flags: name, password, will QoS 1, clean
        to_device(w, ack, 4);
        break;
      }
      case 3:
        take_publish(w, body, remaining, p[0] & 15u);
        break;
      case 8: {
        const uint8_t ack[5] = {0x90, 3, body[0], body[1], 1};
        if (p[0] != 0x82) abort(); // [MQTT-3.8.1-1]
        to_device(w, ack, 5);
        break;
      }
      case 12: {
        const uint8_t pong[2] = {0xd0, 0};
        w->pings++;
        to_device(w, pong, 2);
        break;
      }
      case 4:
        w->acks++;
        break;
      case 14:
        break;
      default:
        abort();
    }
    w->from_device_n -= header + remaining;
    memmove(w->from_device, w->from_device + header + remaining, w->from_device_n);
  }
}

bool world_run(world_t *w, uint32_t seconds) {
  const uint64_t end = w->now_us + (uint64_t)seconds * 1000000;
  volatile uint32_t idle = 0; // lives across setjmp
  if (setjmp(w->cut) != 0) return false;
  while (w->now_us < end) {
    const uint32_t waiting = w->to_device_n;
    const uint64_t due = fleet_agent_step(&w->agent) + w->boot_us;
    if (w->open) broker(w);
    // What the stream holds is read before time goes on, as a port that is woken by bytes would.
    if (w->agent.mqtt.stream_open && w->to_device_n != 0 && (w->to_device_n != waiting || ++idle < 10000)) continue;
    idle = 0;
    if (due > w->now_us) w->now_us = due < end ? due : end;
    else w->now_us += 10; // a busy device still takes time
  }
  return true;
}

bool world_run_step(world_t *w) {
  if (setjmp(w->cut) != 0) return false;
  const uint64_t due = fleet_agent_step(&w->agent) + w->boot_us;
  if (w->open) broker(w);
  if (w->to_device_n == 0) w->now_us = due > w->now_us ? due : w->now_us + 10;
  return true;
}

// ---- looking at what it said -----------------------------------------------------------------------------------------

const message_t *world_last(const world_t *w, const char *topic) {
  for (uint32_t i = w->message_count; i-- != 0;) {
    if (strcmp(w->messages[i].topic, topic) == 0) return &w->messages[i];
  }
  return NULL;
}

uint32_t world_count(const world_t *w, const char *topic) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < w->message_count; i++) n += strcmp(w->messages[i].topic, topic) == 0;
  return n;
}

bool message_window(const message_t *m, fleet_window_t *window) {
  fleet_cbor_reader_t r;
  uint32_t fields, key, component;
  const uint8_t *data;
  uint32_t n;
  fleet_summary_clear(window);
  if (m == NULL) return false;
  fleet_cbor_reader_init(&r, m->payload, m->n);
  return read_head(&r, cbor_map, &fields) && read_head(&r, cbor_uint, &key) && read_head(&r, cbor_uint, &component) &&
         read_head(&r, cbor_uint, &key) && key == FLEET_TELEMETRY_PACKED && read_bytes(&r, &data, &n) &&
         fleet_summary_add(window, data, n);
}

// Fields of a packed window by the keys that they have in a map.
static bool window_field(const fleet_window_t *window, uint32_t key, uint64_t *value) {
  const struct {
    uint32_t key;
    uint64_t value;
  } fields[] = {
      {FLEET_ENVELOPE_BOOT_ID, window->boot_id},
      {FLEET_ENVELOPE_SEQUENCE, window->sequence},
      {FLEET_ENVELOPE_UPTIME_MS, window->end_ms},
      {FLEET_TELEMETRY_SCHEMA, window->schema},
      {FLEET_TELEMETRY_START_MS, window->start_ms},
      {FLEET_TELEMETRY_LENGTH_MS, window->length_ms},
      {FLEET_TELEMETRY_N, window->n},
      {FLEET_TELEMETRY_START_UNIX_MS, window->unix_ms - window->length_ms},
      {FLEET_TELEMETRY_SWITCHES, window->switches},
      {FLEET_TELEMETRY_SATURATED, window->saturated},
      {FLEET_TELEMETRY_STUCK, window->stuck},
      {FLEET_TELEMETRY_DROPPED_FRAMES, window->dropped_frames},
      {FLEET_TELEMETRY_INVALID, window->invalid},
      {FLEET_TELEMETRY_STACK_BYTES, 16ull * window->stack_units},
      {FLEET_TELEMETRY_FIRST_INDEX, window->first_index},
      {FLEET_TELEMETRY_MERGED, window->merged},
  };
  for (uint32_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    *value = fields[i].value;
    if (fields[i].key == key) return true;
  }
  return false;
}

uint64_t message_field(const message_t *m, uint32_t key_wanted, uint64_t missing) {
  fleet_window_t window;
  uint64_t packed;
  if (m != NULL && strcmp(m->topic, "telemetry") == 0 && message_window(m, &window) &&
      window_field(&window, key_wanted, &packed)) {
    return packed;
  }
  fleet_cbor_reader_t r;
  uint32_t count;
  if (m == NULL) return missing;
  fleet_cbor_reader_init(&r, m->payload, m->n);
  if (!read_head(&r, cbor_map, &count)) return missing;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t found;
    uint64_t value;
    if (!read_head(&r, cbor_uint, &found)) return missing;
    if (found == key_wanted) return read_uint(&r, &value) ? value : missing;
    if (!fleet_cbor_skip(&r)) return missing;
  }
  return missing;
}

uint32_t world_states(const world_t *w, uint32_t update_state) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < w->message_count; i++) {
    if (strcmp(w->messages[i].topic, "state") == 0 &&
        message_field(&w->messages[i], FLEET_STATE_UPDATE_STATE, 99) == update_state) {
      n++;
    }
  }
  return n;
}
