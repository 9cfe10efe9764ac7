// See assemble.h.
#include "assemble.h"

#include <stdlib.h>
#include <string.h>

void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)value;
  at[1] = (uint8_t)(value >> 8);
}

void put32(uint8_t *at, uint32_t value) {
  put16(at, value);
  put16(at + 2, value >> 16);
}

static uint32_t align16(uint32_t n) { return (n + 15u) & ~15u; }

place_t arena(assembly_t *a, uint32_t dtype, uint32_t bytes) {
  const place_t place = {FLEET_SPACE_ARENA, (uint8_t)dtype, a->arena_bytes, bytes};
  a->arena_bytes = align16(a->arena_bytes + bytes);
  return place;
}

place_t constant(assembly_t *a, uint32_t dtype, const void *data, uint32_t bytes) {
  const place_t place = {FLEET_SPACE_CONST, (uint8_t)dtype, align16(a->constants_bytes), bytes};
  a->constants = realloc(a->constants, place.offset + bytes);
  if (a->constants == NULL) abort();
  memset(a->constants + a->constants_bytes, 0, place.offset - a->constants_bytes);
  memcpy(a->constants + place.offset, data, bytes);
  a->constants_bytes = place.offset + bytes;
  return place;
}

place_t none(void) {
  const place_t place = {FLEET_SPACE_NONE, 0, 0, 0};
  return place;
}

static void put_operand(uint8_t *at, place_t place) {
  memset(at, 0, FLEET_OPERAND_RECORD_BYTES);
  at[FLEET_OPERAND_SPACE] = place.space;
  at[FLEET_OPERAND_DTYPE] = place.dtype;
  put32(at + FLEET_OPERAND_OFFSET, place.offset);
  put32(at + FLEET_OPERAND_BYTES, place.bytes);
}

uint8_t *step(assembly_t *a, uint16_t op, const place_t *inputs, uint32_t n_inputs, const place_t *outputs,
              uint32_t n_outputs, uint32_t param_bytes) {
  const uint32_t operands = n_inputs + n_outputs;
  const uint32_t bytes = FLEET_STEP_RECORD_BYTES + operands * FLEET_OPERAND_RECORD_BYTES + param_bytes;
  a->plan = realloc(a->plan, a->plan_bytes + bytes);
  if (a->plan == NULL) abort();
  uint8_t *at = a->plan + a->plan_bytes;
  memset(at, 0, bytes);
  put16(at + FLEET_STEP_OP, op);
  at[FLEET_STEP_VERSION] = 1;
  put16(at + FLEET_STEP_BYTES, bytes);
  at[FLEET_STEP_INPUTS] = (uint8_t)n_inputs;
  at[FLEET_STEP_OUTPUTS] = (uint8_t)n_outputs;
  put16(at + FLEET_STEP_NODE, a->steps);
  uint8_t *next = at + FLEET_STEP_RECORD_BYTES;
  for (uint32_t i = 0; i < operands; i++, next += FLEET_OPERAND_RECORD_BYTES)
    put_operand(next, i < n_inputs ? inputs[i] : outputs[i - n_inputs]);
  a->plan_bytes += bytes;
  a->steps++;
  if (a->op_count < 8) a->ops[a->op_count++] = op;
  return next;
}

static void put_tensor(uint8_t *at, place_t place, int output) {
  const uint32_t width = place.dtype == FLEET_DTYPE_INT32 ? 4 : place.dtype == FLEET_DTYPE_INT16 ? 2 : 1;
  at[FLEET_TENSOR_DIRECTION] = (uint8_t)output;
  at[FLEET_TENSOR_DTYPE] = place.dtype;
  at[FLEET_TENSOR_RANK] = 1;
  for (uint32_t d = 0; d < FLEET_MAX_RANK; d++) put32(at + FLEET_TENSOR_DIMS + d * 4, d == 0 ? place.bytes / width : 1);
  at[FLEET_TENSOR_SPACE] = place.space;
  put16(at + FLEET_TENSOR_NAME, 0xffff);
  put32(at + FLEET_TENSOR_OFFSET, place.offset);
  put32(at + FLEET_TENSOR_BYTES, place.bytes);
  put16(at + FLEET_TENSOR_LABELS, 0xffff);
}

bundle_t assemble(const assembly_t *a) {
  const uint32_t tensors = (a->input_count + a->output_count) * FLEET_TENSOR_RECORD_BYTES;
  uint32_t sample_bytes = 0;
  for (uint32_t i = 0; i < a->golden_count; i++) sample_bytes += a->golden[i].sample_bytes;
  const struct {
    uint32_t type, bytes;
  } parts[] = {
      {FLEET_SECTION_CONTRACT, tensors},
      {FLEET_SECTION_PLAN, a->plan_bytes},
      {FLEET_SECTION_CONSTANTS, a->constants_bytes},
      {FLEET_SECTION_MONITORS, a->monitor_count * FLEET_MONITOR_RECORD_BYTES},
      {FLEET_SECTION_GOLDEN, a->golden_count * FLEET_GOLDEN_RECORD_BYTES},
      {FLEET_SECTION_STEP_CRCS, a->golden_count * a->steps * 4},
      {FLEET_SECTION_SAMPLES, sample_bytes},
  };
  const uint32_t n = sizeof parts / sizeof parts[0];
  uint32_t size = FLEET_HEADER_RECORD_BYTES + n * FLEET_SECTION_ENTRY_RECORD_BYTES, offsets[sizeof parts / sizeof parts[0]];
  for (uint32_t i = 0; i < n; i++) {
    offsets[i] = align16(size);
    size = offsets[i] + parts[i].bytes;
  }
  size = align16(size);

  bundle_t bundle = {NULL, size, aligned_alloc(16, size)};
  bundle.bytes = bundle.block;
  if (bundle.bytes == NULL) abort();
  uint8_t *h = bundle.bytes;
  memset(h, 0, size);
  put32(h + FLEET_HEADER_MAGIC, FLEET_BUNDLE_MAGIC);
  put16(h + FLEET_HEADER_ABI_MAJOR, FLEET_ABI_MAJOR);
  put16(h + FLEET_HEADER_ABI_MINOR, FLEET_ABI_MINOR);
  put32(h + FLEET_HEADER_TOTAL_BYTES, size);
  put16(h + FLEET_HEADER_HEADER_BYTES, FLEET_HEADER_RECORD_BYTES);
  put16(h + FLEET_HEADER_SECTION_COUNT, n);
  put32(h + FLEET_HEADER_ARENA_BYTES, a->arena_bytes);
  put32(h + FLEET_HEADER_STATE_BYTES, a->state_bytes);
  put32(h + FLEET_HEADER_STEP_COUNT, a->steps);
  for (uint32_t i = 0; i < a->op_count; i++) {
    const uint32_t own = FLEET_HEADER_OWN_OP_SET - 1024 / 8; // own ops count from 1024
    h[(a->ops[i] < 256 ? (uint32_t)FLEET_HEADER_OP_SET : own) + a->ops[i] / 8] |= (uint8_t)(1u << a->ops[i] % 8);
  }
  h[FLEET_HEADER_INPUT_COUNT] = (uint8_t)a->input_count;
  h[FLEET_HEADER_OUTPUT_COUNT] = (uint8_t)a->output_count;
  h[FLEET_HEADER_MONITOR_COUNT] = (uint8_t)a->monitor_count;
  h[FLEET_HEADER_GOLDEN_COUNT] = (uint8_t)a->golden_count;
  for (uint32_t i = 0; i < n; i++) {
    uint8_t *entry = h + FLEET_HEADER_RECORD_BYTES + i * FLEET_SECTION_ENTRY_RECORD_BYTES;
    put16(entry + FLEET_SECTION_ENTRY_TYPE, parts[i].type);
    put32(entry + FLEET_SECTION_ENTRY_OFFSET, offsets[i]);
    put32(entry + FLEET_SECTION_ENTRY_LENGTH, parts[i].bytes);
  }
  for (uint32_t i = 0; i < a->input_count; i++) put_tensor(h + offsets[0] + i * FLEET_TENSOR_RECORD_BYTES, a->inputs[i], 0);
  for (uint32_t i = 0; i < a->output_count; i++)
    put_tensor(h + offsets[0] + (a->input_count + i) * FLEET_TENSOR_RECORD_BYTES, a->outputs[i], 1);
  memcpy(h + offsets[1], a->plan, a->plan_bytes);
  if (a->constants_bytes > 0) memcpy(h + offsets[2], a->constants, a->constants_bytes);
  for (uint32_t i = 0; i < a->monitor_count; i++)
    memcpy(h + offsets[3] + i * FLEET_MONITOR_RECORD_BYTES, a->monitors[i], FLEET_MONITOR_RECORD_BYTES);
  uint32_t sample_at = 0;
  for (uint32_t i = 0; i < a->golden_count; i++) {
    uint8_t *g = h + offsets[4] + i * FLEET_GOLDEN_RECORD_BYTES;
    g[FLEET_GOLDEN_KIND] = a->golden[i].seed != 0 ? FLEET_GOLDEN_KIND_RANDOM : FLEET_GOLDEN_KIND_STORED;
    g[FLEET_GOLDEN_FRAMES] = (uint8_t)a->golden[i].frames;
    put32(g + FLEET_GOLDEN_SEED, a->golden[i].seed);
    put32(g + FLEET_GOLDEN_SAMPLE_OFFSET, sample_at);
    put32(g + FLEET_GOLDEN_SAMPLE_BYTES, a->golden[i].sample_bytes);
    put32(g + FLEET_GOLDEN_OUTPUTS_CRC, a->golden[i].outputs_crc);
    put32(g + FLEET_GOLDEN_STEPS_OFFSET, i * a->steps * 4);
    for (uint32_t s = 0; s < a->steps; s++) put32(h + offsets[5] + (i * a->steps + s) * 4, a->golden[i].step_crcs[s]);
    memcpy(h + offsets[6] + sample_at, a->golden[i].sample, a->golden[i].sample_bytes);
    sample_at += a->golden[i].sample_bytes;
  }
  return bundle;
}

void release_assembly(assembly_t *a) {
  free(a->plan);
  free(a->constants);
  memset(a, 0, sizeof *a);
}

void release_bundle(bundle_t *b) {
  free(b->block);
  memset(b, 0, sizeof *b);
}
