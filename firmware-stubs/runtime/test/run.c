// Running: steps one at a time, CRCs, self-test, monitors, moving a context, misuse.
#include <string.h>

#include "harness.h"

// Input [8] -> RESHAPE -> ADD(x, x) -> output: enough to see steps, in-place memory and state of the context.
static assembly_t two_steps(void) {
  assembly_t a;
  memset(&a, 0, sizeof a);
  const place_t x = arena(&a, FLEET_DTYPE_INT8, 8), y = arena(&a, FLEET_DTYPE_INT8, 8), z = arena(&a, FLEET_DTYPE_INT8, 8);
  put32(step(&a, FLEET_OP_RESHAPE, &x, 1, &y, 1, FLEET_RESHAPE_PARAM_BYTES), 8);
  const place_t both[2] = {y, y};
  uint8_t *p = step(&a, FLEET_OP_ADD, both, 2, &z, 1, FLEET_ADD_PARAM_BYTES);
  for (uint32_t i = 0; i < 5; i++) put32(p + FLEET_ADD_DIMS + i * 4, i == 4 ? 8 : 1);
  put32(p + FLEET_ADD_A_STRIDES + 16, 1);
  put32(p + FLEET_ADD_B_STRIDES + 16, 1);
  put16(p + FLEET_ADD_ACTIVATION_MIN, (uint32_t)-128);
  put16(p + FLEET_ADD_ACTIVATION_MAX, 127);
  p[FLEET_ADD_LEFT_SHIFT] = 20;
  put32(p + FLEET_ADD_A_MULTIPLIER, 1 << 30); // each 0.5, the sum back by 2^-19: z = x + x
  put32(p + FLEET_ADD_B_MULTIPLIER, 1 << 30);
  put32(p + FLEET_ADD_OUTPUT_MULTIPLIER, 1 << 30);
  p[FLEET_ADD_OUTPUT_SHIFT] = (uint8_t)-18;
  a.inputs[a.input_count++] = x;
  a.outputs[a.output_count++] = z;
  return a;
}

static const int8_t sample[8] = {-128, -64, -5, 0, 1, 30, 63, 127};
static const int8_t doubled[8] = {-128, -128, -10, 0, 2, 60, 126, 127};

static void test_steps(void) {
  assembly_t a = two_steps();
  bundle_t b = assemble(&a);
  machine_t m;
  expect_error(start(&m, &b, NULL), 0);
  fleet_tensor_t in, out;
  expect(fleet_input(&m.rt, 0, &in) == 0 && in.bytes == 8 && in.dtype == FLEET_DTYPE_INT8);
  expect(fleet_output(&m.rt, 0, &out) == 0 && out.bytes == 8);
  expect_error(fleet_input(&m.rt, 1, &in), fleet_err_runtime_argument_invalid);
  expect(fleet_run(&m.rt, 1) == 0); // nothing begun: nothing left to do
  memcpy(in.data, sample, 8);
  expect(fleet_begin(&m.rt) == 0);
  expect_error(fleet_run(&m.rt, 0), fleet_err_runtime_argument_invalid);
  expect(fleet_last_step_crc(&m.rt) == 0);
  expect(fleet_run(&m.rt, 1) == 1 && fleet_step(&m.rt) == 1);
  expect(fleet_last_step_crc(&m.rt) == fleet_crc32(0, sample, 8));
  expect_error(fleet_rebind(&m.rt, b.bytes, m.arena, NULL), fleet_err_runtime_busy);
  expect_error(fleet_reset_state(&m.rt), fleet_err_runtime_busy);
  expect(fleet_run(&m.rt, 100) == 0);
  expect(memcmp(out.data, doubled, 8) == 0);
  expect(fleet_outputs_crc(&m.rt, 0) == fleet_crc32(0, doubled, 8));
  int8_t copy[4];
  expect(fleet_last_step_output(&m.rt, 0, copy, sizeof copy) == 8 && memcmp(copy, doubled, 4) == 0);
  expect_error(fleet_last_step_output(&m.rt, 1, copy, sizeof copy), fleet_err_runtime_argument_invalid);

  // The same bytes elsewhere, another arena.
  bundle_t moved = assemble(&a);
  machine_t other;
  expect_error(start(&other, &moved, NULL), 0);
  expect(fleet_rebind(&m.rt, moved.bytes, other.arena, NULL) == 0);
  memcpy(other.arena, sample, 8);
  expect(fleet_begin(&m.rt) == 0 && fleet_run(&m.rt, 9) == 0);
  expect(fleet_output(&m.rt, 0, &out) == 0 && (uint8_t *)out.data >= other.arena && memcmp(out.data, doubled, 8) == 0);
  stop(&other);
  release_bundle(&moved);
  stop(&m);
  release_bundle(&b);
  release_assembly(&a);
}

static void test_no_front_end(void) {
  assembly_t a = two_steps();
  bundle_t b = assemble(&a);
  machine_t m;
  fleet_raw_t raw;
  expect_error(start(&m, &b, NULL), 0);
  expect(fleet_raw(&m.rt, &raw) == 0 && raw.frames == 0 && raw.data == NULL);
  expect_error(fleet_raw(&m.rt, NULL), fleet_err_runtime_argument_invalid);
  expect_error(fleet_feed(&m.rt), fleet_err_runtime_argument_invalid);
  expect(fleet_begin(&m.rt) == 0);
  expect_error(fleet_feed(&m.rt), fleet_err_runtime_busy);
  memset(&m.rt, 0, sizeof m.rt);
  expect_error(fleet_feed(&m.rt), fleet_err_runtime_not_loaded);
  expect_error(fleet_raw(&m.rt, &raw), fleet_err_runtime_not_loaded);
  stop(&m);
  release_bundle(&b);
  release_assembly(&a);
}

static void test_golden(void) {
  assembly_t a = two_steps();
  a.golden_count = 2;
  a.golden[0].seed = 7;
  a.golden[0].frames = 3;
  a.golden[1].frames = 2;
  a.golden[1].sample_bytes = 16;
  memcpy(a.golden[1].sample, sample, 8);
  memcpy(a.golden[1].sample + 8, sample, 8);
  uint32_t state = 7;
  for (uint32_t v = 0; v < 2; v++)
    for (uint32_t f = 0; f < a.golden[v].frames; f++) {
      int8_t x[8], z[8];
      if (v == 0) fleet_fill_random(&state, x, 8);
      else memcpy(x, sample, 8);
      for (int i = 0; i < 8; i++) z[i] = (int8_t)(x[i] > 63 ? 127 : x[i] < -64 ? -128 : x[i] * 2);
      a.golden[v].outputs_crc = fleet_crc32(a.golden[v].outputs_crc, z, 8);
      a.golden[v].step_crcs[0] = fleet_crc32(0, x, 8); // of the last frame
      a.golden[v].step_crcs[1] = fleet_crc32(0, z, 8);
    }
  bundle_t b = assemble(&a);
  machine_t m;
  fleet_self_test_t test;
  expect_error(start(&m, &b, NULL), 0);
  for (uint32_t v = 0; v < 2; v++) {
    expect(fleet_self_test_begin(&m.rt, &test, v) == 0);
    expect_error(fleet_self_test_begin(&m.rt, &test, v), fleet_err_runtime_busy);
    expect_error(fleet_run(&m.rt, 1), fleet_err_runtime_busy);
    int32_t left = (int32_t)a.golden[v].frames * 2;
    do expect(fleet_self_test(&m.rt, &test, 1) == left - 1);
    while (--left > 0);
  }
  expect_error(fleet_self_test_begin(&m.rt, &test, 2), fleet_err_runtime_argument_invalid);
  stop(&m);
  release_bundle(&b);

  a.golden[0].step_crcs[1] ^= 1;
  a.golden[1].outputs_crc ^= 1;
  b = assemble(&a);
  expect_error(start(&m, &b, NULL), 0);
  expect(fleet_self_test_begin(&m.rt, &test, 0) == 0);
  expect_error(fleet_self_test(&m.rt, &test, 100), fleet_err_runtime_step_mismatch);
  expect(test.failed_step == 1);
  expect(fleet_self_test_begin(&m.rt, &test, 1) == 0);
  expect_error(fleet_self_test(&m.rt, &test, 100), fleet_err_runtime_golden_mismatch);
  expect(test.failed_step == 0xffff);
  stop(&m);
  release_bundle(&b);
  release_assembly(&a);
}

typedef struct {
  int32_t values[4][8];
  uint32_t counts[4];
} seen_t;

static void see(void *user, uint32_t monitor, int32_t value) {
  seen_t *seen = user;
  if (monitor < 4 && seen->counts[monitor] < 8) seen->values[monitor][seen->counts[monitor]++] = value;
}

static void put_monitor(uint8_t *m, uint32_t kind, uint32_t reduction, uint32_t after, uint32_t offset, uint32_t stride, uint32_t count) {
  memset(m, 0, FLEET_MONITOR_RECORD_BYTES);
  m[FLEET_MONITOR_KIND] = (uint8_t)kind;
  m[FLEET_MONITOR_BINS] = kind == FLEET_MONITOR_KIND_CLASSES ? 8 : 4;
  m[FLEET_MONITOR_REDUCTION] = (uint8_t)reduction;
  m[FLEET_MONITOR_DTYPE] = FLEET_DTYPE_INT8;
  m[FLEET_MONITOR_SPACE] = FLEET_SPACE_ARENA;
  put16(m + FLEET_MONITOR_AFTER_STEP, after);
  put32(m + FLEET_MONITOR_OFFSET, offset);
  put32(m + FLEET_MONITOR_STRIDE, stride);
  put32(m + FLEET_MONITOR_COUNT, count);
  for (uint32_t i = 0; i < 16; i++) put16(m + FLEET_MONITOR_EDGES + i * 2, i == 0 ? (uint32_t)-10 : i == 1 ? 0 : i == 2 ? 50 : 32767);
}

static void put_monitors(assembly_t *a) {
  put_monitor(a->monitors[0], FLEET_MONITOR_KIND_CLASSES, 0, 1, a->outputs[0].offset, 1, 8);
  put_monitor(a->monitors[1], FLEET_MONITOR_KIND_FEATURE, FLEET_REDUCTION_EACH, 0xffff, 0, 2, 4);
  put_monitor(a->monitors[2], FLEET_MONITOR_KIND_FEATURE, FLEET_REDUCTION_MEAN, 0, a->inputs[0].offset + 16, 1, 8);
  put_monitor(a->monitors[3], FLEET_MONITOR_KIND_OOD, FLEET_REDUCTION_MIN, 1, a->outputs[0].offset + 1, 1, 7);
  a->monitor_count = 4;
}

bundle_t rich_bundle(void) {
  assembly_t a = two_steps();
  put_monitors(&a);
  a.golden_count = 2;
  a.golden[0].seed = rnd() | 1u;
  a.golden[0].frames = 1 + below(8);
  a.golden[1].frames = 2;
  a.golden[1].sample_bytes = 16;
  const bundle_t b = assemble(&a);
  release_assembly(&a);
  return b;
}

static void test_monitors(void) {
  assembly_t a = two_steps();
  put_monitors(&a);
  bundle_t b = assemble(&a);
  machine_t m;
  seen_t seen;
  memset(&seen, 0, sizeof seen);
  expect_error(start(&m, &b, NULL), 0);
  fleet_set_monitor_sink(&m.rt, see, &seen);
  memcpy(m.arena, sample, 8);
  expect(fleet_begin(&m.rt) == 0 && fleet_run(&m.rt, 9) == 0);
  expect(seen.counts[0] == 1 && seen.values[0][0] == (7 << 8 | 255));
  expect(seen.counts[1] == 4 && seen.values[1][0] == -128 && seen.values[1][1] == -5 && seen.values[1][3] == 63);
  expect(seen.counts[2] == 1 && seen.values[2][0] == 3); // mean of 24 / 8
  expect(seen.counts[3] == 1 && seen.values[3][0] == -128);
  expect(fleet_monitors_crc(&m.rt) == fleet_crc32(0, a.monitors, 4 * FLEET_MONITOR_RECORD_BYTES));
  fleet_monitor_t monitor;
  expect(fleet_monitor(&m.rt, 1, &monitor) == 0 && monitor.bins == 4 && monitor.kind == FLEET_MONITOR_KIND_FEATURE);
  expect(fleet_monitor_bin(&monitor, -128) == 0 && fleet_monitor_bin(&monitor, -11) == 0 && fleet_monitor_bin(&monitor, -10) == 1);
  expect(fleet_monitor_bin(&monitor, -1) == 1 && fleet_monitor_bin(&monitor, 0) == 2 && fleet_monitor_bin(&monitor, 50) == 3);
  expect(fleet_monitor_bin(&monitor, 32767) == 3);
  expect_error(fleet_monitor(&m.rt, 4, &monitor), fleet_err_runtime_argument_invalid);
  fleet_set_monitor_sink(&m.rt, NULL, NULL);
  expect(fleet_begin(&m.rt) == 0 && fleet_run(&m.rt, 9) == 0);
  expect(seen.counts[0] == 1);
  stop(&m);
  release_bundle(&b);

  put32(a.monitors[1] + FLEET_MONITOR_STRIDE, 64); // leaves the arena
  b = assemble(&a);
  expect_error(start(&m, &b, NULL), fleet_err_bundle_monitors_invalid);
  stop(&m);
  release_bundle(&b);
  put32(a.monitors[1] + FLEET_MONITOR_STRIDE, 2);
  put16(a.monitors[1] + FLEET_MONITOR_EDGES + 2, (uint32_t)-11); // edges go down
  b = assemble(&a);
  expect_error(start(&m, &b, NULL), fleet_err_bundle_monitors_invalid);
  stop(&m);
  release_bundle(&b);
  release_assembly(&a);
}

void test_run(void) {
  expect(sizeof(fleet_runtime_t) <= FLEET_RUNTIME_BYTES);
  test_steps();
  test_no_front_end();
  test_golden();
  test_monitors();
}
