// Loading: every refusal by its code, and random damage, after which a bundle either is refused or runs inside its
// memory (sanitizers and canaries watch).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static bundle_t good(void) {
  for (;;) {
    bundle_t bundle = random_bundle(2);
    machine_t m;
    const int32_t error = start(&m, &bundle, NULL);
    stop(&m);
    if (error == 0) return bundle;
    expect_error(error, 0);
    release_bundle(&bundle);
  }
}

static uint8_t *section(const bundle_t *b, uint32_t type) {
  for (uint32_t i = 0; i < b->bytes[FLEET_HEADER_SECTION_COUNT]; i++) {
    uint8_t *entry = b->bytes + FLEET_HEADER_RECORD_BYTES + i * FLEET_SECTION_ENTRY_RECORD_BYTES;
    if (entry[FLEET_SECTION_ENTRY_TYPE] == type) return entry;
  }
  abort();
}

static uint32_t read32(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }

static uint8_t *plan(const bundle_t *b) { return b->bytes + read32(section(b, FLEET_SECTION_PLAN) + FLEET_SECTION_ENTRY_OFFSET); }

static uint8_t *contract(const bundle_t *b) { return b->bytes + read32(section(b, FLEET_SECTION_CONTRACT) + FLEET_SECTION_ENTRY_OFFSET); }

static int32_t load(const bundle_t *b) {
  machine_t m;
  const int32_t error = start(&m, b, NULL);
  if (error != 0) {
    expect_error(fleet_begin(&m.rt), fleet_err_runtime_not_loaded);
    expect_error(fleet_run(&m.rt, 1), fleet_err_runtime_not_loaded);
  }
  expect(canaries_are_alive(&m));
  stop(&m);
  return error;
}

// Applies `change` to a fresh good bundle and checks that loading gives `code`.
#define refuse(code, change)             \
  do {                                   \
    bundle_t b = good();                 \
    uint8_t *h = b.bytes;                \
    (void)h;                             \
    change;                              \
    expect_error(load(&b), code);        \
    release_bundle(&b);                  \
  } while (0)

static void test_codes(void) {
  enum { first_operand = FLEET_STEP_RECORD_BYTES, size = FLEET_OPERAND_RECORD_BYTES };
  refuse(fleet_err_bundle_not_a_bundle, h[0] ^= 1);
  refuse(fleet_err_bundle_abi_unsupported, h[FLEET_HEADER_ABI_MAJOR]++);
  refuse(fleet_err_bundle_abi_unsupported, h[FLEET_HEADER_ABI_MINOR]++);
  refuse(fleet_err_bundle_truncated, b.size -= 16);
  refuse(fleet_err_bundle_truncated, b.size = 100);
  refuse(fleet_err_bundle_header_invalid, put32(h + FLEET_HEADER_TOTAL_BYTES, b.size - 8));
  refuse(fleet_err_bundle_header_invalid, put32(h + FLEET_HEADER_TOTAL_BYTES, 0));
  refuse(fleet_err_bundle_header_invalid, put16(h + FLEET_HEADER_HEADER_BYTES, 112));
  refuse(fleet_err_bundle_header_invalid, put16(h + FLEET_HEADER_SECTION_COUNT, FLEET_MAX_SECTIONS + 1));
  refuse(fleet_err_bundle_header_invalid, put32(h + FLEET_HEADER_STEP_COUNT, 0));
  refuse(fleet_err_bundle_header_invalid, put32(h + FLEET_HEADER_STEP_COUNT, FLEET_MAX_STEPS + 1));
  refuse(fleet_err_bundle_header_invalid, h[FLEET_HEADER_INPUT_COUNT] = FLEET_MAX_INPUTS + 1);
  refuse(fleet_err_bundle_header_invalid, h[FLEET_HEADER_ARENA_BYTES] |= 1);
  refuse(fleet_err_bundle_header_invalid, h[FLEET_HEADER_OP_SET + 1] = 0); // the plan uses an op the header hides
  refuse(fleet_err_bundle_op_unsupported, h[FLEET_HEADER_OP_SET + 31] = 0x80);
  refuse(fleet_err_bundle_op_unsupported, h[FLEET_HEADER_OWN_OP_SET + 7] = 0x80);
  refuse(fleet_err_bundle_section_invalid, put32(section(&b, FLEET_SECTION_PLAN) + FLEET_SECTION_ENTRY_OFFSET, 0xfffffff0u));
  refuse(fleet_err_bundle_section_invalid, put32(section(&b, FLEET_SECTION_PLAN) + FLEET_SECTION_ENTRY_OFFSET, 16));
  refuse(fleet_err_bundle_section_invalid, put32(section(&b, FLEET_SECTION_PLAN) + FLEET_SECTION_ENTRY_LENGTH, 0xffffffffu));
  refuse(fleet_err_bundle_section_invalid, section(&b, FLEET_SECTION_PLAN)[FLEET_SECTION_ENTRY_TYPE] = FLEET_SECTION_CONTRACT);
  refuse(fleet_err_bundle_section_missing, section(&b, FLEET_SECTION_PLAN)[FLEET_SECTION_ENTRY_TYPE] = FLEET_SECTION_NAMES);
  refuse(fleet_err_bundle_section_unknown, {
    uint8_t *entry = section(&b, FLEET_SECTION_SAMPLES);
    put16(entry + FLEET_SECTION_ENTRY_TYPE, 0x7777);
    entry[FLEET_SECTION_ENTRY_FLAGS] = FLEET_SECTION_FLAG_REQUIRED;
  });
  refuse(0, put16(section(&b, FLEET_SECTION_SAMPLES) + FLEET_SECTION_ENTRY_TYPE, 0x7777)); // unknown and optional: skipped
  refuse(fleet_err_bundle_header_invalid, section(&b, FLEET_SECTION_SAMPLES)[FLEET_SECTION_ENTRY_TYPE] = FLEET_SECTION_FRONT_END);
  refuse(fleet_err_bundle_op_version_unsupported, plan(&b)[FLEET_STEP_VERSION] = 9);
  refuse(fleet_err_bundle_op_unsupported, put16(plan(&b) + FLEET_STEP_OP, 200));
  refuse(fleet_err_bundle_plan_invalid, plan(&b)[FLEET_STEP_INPUTS] = 4);
  refuse(fleet_err_bundle_plan_invalid, plan(&b)[FLEET_STEP_INPUTS] = 255);
  refuse(fleet_err_bundle_plan_invalid, put16(plan(&b) + FLEET_STEP_BYTES, 0));
  refuse(fleet_err_bundle_plan_invalid, put16(plan(&b) + FLEET_STEP_BYTES, 0xfffc));
  refuse(fleet_err_bundle_plan_invalid, put32(h + FLEET_HEADER_STEP_COUNT, 2));
  refuse(fleet_err_bundle_plan_invalid, plan(&b)[first_operand + 5 * size + FLEET_OPERAND_SPACE] = FLEET_SPACE_CONST); // writes constants
  refuse(fleet_err_bundle_plan_invalid, { // output over its input
    uint8_t *out = plan(&b) + first_operand + 5 * size;
    put32(out + FLEET_OPERAND_OFFSET, 0);
  });
  refuse(fleet_err_bundle_tensor_out_of_bounds, put32(plan(&b) + first_operand + FLEET_OPERAND_OFFSET, 0xfffffff0u));
  refuse(fleet_err_bundle_tensor_out_of_bounds, put32(plan(&b) + first_operand + size + FLEET_OPERAND_OFFSET, 1 << 20));
  refuse(fleet_err_bundle_tensor_out_of_bounds, put32(plan(&b) + first_operand + FLEET_OPERAND_BYTES, 0));
  refuse(fleet_err_bundle_misaligned, plan(&b)[first_operand + 3 * size + FLEET_OPERAND_OFFSET] += 1);
  refuse(fleet_err_bundle_layout_unsupported, plan(&b)[first_operand + size + FLEET_OPERAND_LAYOUT] = 1);
  refuse(fleet_err_bundle_shape_invalid, plan(&b)[first_operand + 6 * size + FLEET_FULLY_CONNECTED_IN_N] ^= 0x40);
  refuse(fleet_err_bundle_quantization_invalid, put16(plan(&b) + first_operand + 6 * size + FLEET_FULLY_CONNECTED_INPUT_OFFSET, 300));
  refuse(fleet_err_bundle_quantization_invalid, { // a shift outside -31..30, in constant memory
    const uint8_t *shifts = plan(&b) + first_operand + 4 * size;
    b.bytes[read32(section(&b, FLEET_SECTION_CONSTANTS) + FLEET_SECTION_ENTRY_OFFSET) + read32(shifts + FLEET_OPERAND_OFFSET)] = 31;
  });
  refuse(fleet_err_bundle_contract_invalid, contract(&b)[FLEET_TENSOR_DIRECTION] = 1);
  refuse(fleet_err_bundle_contract_invalid, contract(&b)[FLEET_TENSOR_DIMS] ^= 1);
  refuse(fleet_err_bundle_tensor_out_of_bounds, put32(contract(&b) + FLEET_TENSOR_OFFSET, 0xfffffff0u));
  refuse(fleet_err_bundle_monitors_invalid, h[FLEET_HEADER_MONITOR_COUNT] = 1);
  refuse(fleet_err_bundle_golden_invalid, h[FLEET_HEADER_GOLDEN_COUNT] = 1);
}

static void test_memory(void) {
  bundle_t b = good();
  machine_t m;
  expect_error(start(&m, &b, NULL), 0);
  fleet_runtime_t rt;
  fleet_memory_t memory = {b.bytes, b.size, m.arena, m.arena_bytes - 1, m.state, 0};
  expect_error(fleet_load(&rt, &memory, NULL), fleet_err_bundle_arena_too_small);
  memory.arena_bytes = m.arena_bytes;
  memory.arena = m.arena + 4;
  expect_error(fleet_load(&rt, &memory, NULL), fleet_err_bundle_misaligned);
  memory.arena = NULL;
  expect_error(fleet_load(&rt, &memory, NULL), fleet_err_runtime_argument_invalid);
  memory.arena = m.arena;
  memory.bundle = b.bytes + 8;
  expect_error(fleet_load(&rt, &memory, NULL), fleet_err_bundle_misaligned);
  memory.bundle = NULL;
  expect_error(fleet_load(&rt, &memory, NULL), fleet_err_runtime_argument_invalid);
  expect_error(fleet_load(&rt, NULL, NULL), fleet_err_runtime_argument_invalid);
  put32(b.bytes + FLEET_HEADER_STATE_BYTES, 16);
  memory.bundle = b.bytes;
  expect_error(fleet_load(&rt, &memory, NULL), fleet_err_bundle_state_too_small);
  stop(&m);
  release_bundle(&b);
}

uint32_t odd_value(void) {
  static const uint32_t values[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000u, 0xfffffff0u, 0xffffffffu};
  return below(2) ? values[below(sizeof values / sizeof values[0])] : rnd();
}

static void count(void *user, uint32_t monitor, int32_t value) {
  *(uint32_t *)user += monitor + (uint32_t)value; // the sum only keeps the value in use
}

void exercise(const bundle_t *b) {
  machine_t m;
  uint32_t values = 0;
  if (start(&m, b, NULL) == 0) {
    memset(m.arena, (int)below(256), m.arena_bytes);
    fleet_raw_t raw;
    for (uint32_t pass = 0; pass < 3 && fleet_raw(&m.rt, &raw) == 0 && raw.frames != 0; pass++) {
      for (uint32_t i = 0; i < raw.frames * raw.axes; i++) raw.data[i] = (int16_t)(rnd() >> 16);
      memset(m.arena, (int)below(256), m.arena_bytes);
      expect(fleet_feed(&m.rt) >= 0);
    }
    fleet_set_monitor_sink(&m.rt, count, &values);
    expect(fleet_begin(&m.rt) == 0);
    while (fleet_run(&m.rt, 1) > 0) (void)fleet_last_step_crc(&m.rt);
    (void)fleet_outputs_crc(&m.rt, 0);
    for (uint32_t i = 0; i < m.rt.monitor_count; i++) {
      fleet_monitor_t monitor;
      expect(fleet_monitor(&m.rt, i, &monitor) == 0 && fleet_monitor_bin(&monitor, between(-200, 200)) < FLEET_MAX_BINS);
    }
    for (uint32_t v = 0; v < m.rt.golden_count; v++) {
      fleet_self_test_t test;
      if (fleet_self_test_begin(&m.rt, &test, v) == 0) (void)fleet_self_test(&m.rt, &test, 1000);
      fleet_abandon(&m.rt);
    }
  }
  expect(canaries_are_alive(&m));
  stop(&m);
}

static uint32_t survived;

static void test_damage(uint32_t mutations) {
  survived = 0;
  for (uint32_t i = 0; i < mutations; i++) {
    bundle_t b = random_bundle(i % bundle_kinds);
    const uint32_t changes = 1 + below(4);
    for (uint32_t c = 0; c < changes; c++) {
      // Headers, tables and the plan are small beside weights: aim at them.
      const uint32_t limit = below(4) ? (b.size < 700 ? b.size : 700) : b.size;
      const uint32_t at = below(limit);
      const uint32_t value = odd_value();
      switch (below(4)) {
        case 0: b.bytes[at] ^= (uint8_t)(1u << below(8)); break;
        case 1: b.bytes[at] = (uint8_t)value; break;
        case 2: if (at + 2 <= b.size) put16(b.bytes + (at & ~1u), value); break;
        default: if ((at & ~3u) + 4 <= b.size) put32(b.bytes + (at & ~3u), value);
      }
    }
    machine_t m;
    if (start(&m, &b, NULL) == 0) survived++;
    stop(&m);
    exercise(&b);
    release_bundle(&b);
  }
  expect(survived > mutations / 20); // else damage never reaches the kernels and the test proves nothing
  expect(survived < mutations);
}

void test_load(uint32_t mutations) {
  test_codes();
  test_memory();
  test_damage(mutations);
}
