// Runs a loaded plan a few steps at a time, hands monitored values out, and runs the golden vectors.
#include "internal.h"

int32_t fleet_begin(fleet_runtime_t *rt) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  rt->cursor = rt->plan;
  rt->last = 0;
  rt->step = 0;
  rt->phase = phase_running;
  fleet_sample_monitors(rt, no_step);
  return fleet_ok;
}

// Executes the step at the cursor. The phase stays as it is.
static int32_t execute(fleet_runtime_t *rt) {
  const step_t step = step_at(rt, rt->cursor);
  const op_t *op = fleet_find_op(load_le16(step.record + FLEET_STEP_OP));
  const int32_t error = op != NULL ? op->run(&step) : -fleet_err_runtime_kernel_failed;
  if (error != 0) return error;
  rt->last = rt->cursor;
  rt->cursor += load_le16(step.record + FLEET_STEP_BYTES);
  rt->step++;
  return fleet_ok;
}

int32_t fleet_run(fleet_runtime_t *rt, uint32_t max_steps) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (max_steps == 0) return -fleet_err_runtime_argument_invalid;
  if (rt->phase == phase_self_test) return -fleet_err_runtime_busy;
  while (rt->phase == phase_running && max_steps-- > 0) {
    const int32_t error = execute(rt);
    if (error != 0) {
      rt->phase = phase_idle;
      return error;
    }
    fleet_sample_monitors(rt, rt->step - 1u);
    if (rt->step == rt->steps) rt->phase = phase_idle;
  }
  return rt->phase == phase_running ? (int32_t)(rt->steps - rt->step) : 0;
}

uint32_t fleet_step(const fleet_runtime_t *rt) { return rt->step; }

void fleet_abandon(fleet_runtime_t *rt) {
  if (rt->phase != phase_empty) rt->phase = phase_idle;
}

uint32_t fleet_last_step_crc(const fleet_runtime_t *rt) {
  if (rt->phase == phase_empty || rt->last == 0) return 0;
  const step_t step = step_at(rt, rt->last);
  uint32_t crc = 0;
  for (uint32_t i = 0; i < step.record[FLEET_STEP_OUTPUTS]; i++) {
    const uint8_t *op = output_operand(&step, i);
    crc = fleet_crc32(crc, readable(rt, op), size_of(op));
  }
  return crc;
}

uint32_t fleet_outputs_crc(const fleet_runtime_t *rt, uint32_t crc) {
  fleet_tensor_t tensor;
  for (uint32_t i = 0; i < rt->outputs && fleet_output(rt, i, &tensor) == 0; i++)
    crc = fleet_crc32(crc, tensor.data, tensor.bytes);
  return crc;
}

int32_t fleet_last_step_output(const fleet_runtime_t *rt, uint32_t output, void *dst, uint32_t capacity) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (rt->last == 0) return -fleet_err_runtime_argument_invalid;
  const step_t step = step_at(rt, rt->last);
  if (output >= step.record[FLEET_STEP_OUTPUTS] || (dst == NULL && capacity != 0)) return -fleet_err_runtime_argument_invalid;
  const uint8_t *op = output_operand(&step, output);
  const uint32_t bytes = size_of(op), n = bytes < capacity ? bytes : capacity;
  if (n != 0) memcpy(dst, readable(rt, op), n);
  return (int32_t)bytes;
}

// ---- monitors ------------------------------------------------------------------------------------------------------

static int32_t element(const uint8_t *p, uint32_t dtype) { return dtype == FLEET_DTYPE_INT16 ? load_i16(p) : *(const int8_t *)p; }

static void sample(const fleet_runtime_t *rt, const uint8_t *m, uint32_t index) {
  const uint32_t dtype = m[FLEET_MONITOR_DTYPE], stride = load_le32(m + FLEET_MONITOR_STRIDE);
  const uint32_t count = load_le32(m + FLEET_MONITOR_COUNT), reduction = m[FLEET_MONITOR_REDUCTION];
  const uint8_t *p = (m[FLEET_MONITOR_SPACE] == FLEET_SPACE_STATE ? rt->state : rt->arena) + load_le32(m + FLEET_MONITOR_OFFSET);
  const int classes = m[FLEET_MONITOR_KIND] == FLEET_MONITOR_KIND_CLASSES;
  int32_t best = element(p, dtype), sum = 0; // count <= 65,535 and |q| <= 2^15: the sum stays below 2^31
  uint32_t best_at = 0;
  for (uint32_t i = 0; i < count; i++, p += stride) {
    const int32_t q = element(p, dtype);
    if (!classes && reduction == FLEET_REDUCTION_EACH) {
      rt->sink(rt->sink_user, index, q);
      continue;
    }
    sum += q;
    if (!classes && reduction == FLEET_REDUCTION_MIN ? q < best : q > best) {
      best = q;
      best_at = i;
    }
  }
  const int32_t half = (int32_t)(count / 2), n = (int32_t)count;
  if (classes)
    rt->sink(rt->sink_user, index,
             (int32_t)(best_at << 8) | (dtype == FLEET_DTYPE_INT16 ? (best < 0 ? 0 : best >> 7) : best + 128));
  else if (reduction == FLEET_REDUCTION_MEAN) rt->sink(rt->sink_user, index, (sum < 0 ? sum - half : sum + half) / n);
  else if (reduction != FLEET_REDUCTION_EACH) rt->sink(rt->sink_user, index, best);
}

void fleet_sample_monitors(const fleet_runtime_t *rt, uint32_t after_step) {
  if (rt->sink == NULL || rt->phase == phase_self_test) return;
  for (uint32_t i = 0; i < rt->monitor_count; i++) {
    const uint8_t *m = rt->bundle + rt->monitors + i * FLEET_MONITOR_RECORD_BYTES;
    if (load_le16(m + FLEET_MONITOR_AFTER_STEP) == after_step) sample(rt, m, i);
  }
}

void fleet_set_monitor_sink(fleet_runtime_t *rt, fleet_monitor_sink_t sink, void *user) {
  rt->sink = sink;
  rt->sink_user = user;
}

int32_t fleet_monitor(const fleet_runtime_t *rt, uint32_t index, fleet_monitor_t *monitor) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (index >= rt->monitor_count || monitor == NULL) return -fleet_err_runtime_argument_invalid;
  const uint8_t *m = rt->bundle + rt->monitors + index * FLEET_MONITOR_RECORD_BYTES;
  monitor->kind = m[FLEET_MONITOR_KIND];
  monitor->bins = m[FLEET_MONITOR_BINS];
  monitor->reduction = m[FLEET_MONITOR_REDUCTION];
  monitor->centre = (int16_t)load_i16(m + FLEET_MONITOR_CENTRE);
  monitor->count = load_le32(m + FLEET_MONITOR_COUNT);
  monitor->edges = m + FLEET_MONITOR_EDGES;
  return fleet_ok;
}

uint32_t fleet_monitor_bin(const fleet_monitor_t *monitor, int32_t q) {
  uint32_t bin = 0;
  while (bin + 1u < monitor->bins && load_i16(monitor->edges + bin * 2) <= q) bin++;
  return bin;
}

uint32_t fleet_monitors_crc(const fleet_runtime_t *rt) { return rt->phase == phase_empty ? 0 : rt->monitors_crc; }

// ---- self-test -----------------------------------------------------------------------------------------------------

static const uint8_t *golden_record(const fleet_runtime_t *rt, uint32_t vector) {
  return rt->bundle + rt->golden + vector * FLEET_GOLDEN_RECORD_BYTES;
}

static void fill_from(const fleet_runtime_t *rt, fleet_self_test_t *test, void *dst, uint32_t bytes) {
  const uint8_t *g = golden_record(rt, test->vector);
  if (load_le32(g + FLEET_GOLDEN_SEED) != 0 && g[FLEET_GOLDEN_KIND] != FLEET_GOLDEN_KIND_STORED) fleet_fill_random(&test->prng, dst, bytes);
  else memcpy(dst, rt->bundle + rt->samples + load_le32(g + FLEET_GOLDEN_SAMPLE_OFFSET) + test->taken, bytes);
  test->taken += bytes;
}

static void fill_inputs(fleet_runtime_t *rt, fleet_self_test_t *test) {
  const int raw = golden_record(rt, test->vector)[FLEET_GOLDEN_KIND] == FLEET_GOLDEN_KIND_RAW;
  fleet_tensor_t tensor;
  test->passes = raw ? rt->passes : 0;
  for (uint32_t i = 0; !raw && i < rt->inputs && fleet_input(rt, i, &tensor) == 0; i++)
    fill_from(rt, test, tensor.data, tensor.bytes);
  rt->cursor = rt->plan;
  rt->last = 0;
  rt->step = 0;
}

// One pass of the front end on the next samples of the vector.
static int32_t feed_vector(fleet_runtime_t *rt, fleet_self_test_t *test) {
  fleet_raw_t raw;
  const int32_t error = fleet_raw(rt, &raw);
  if (error != 0) return error;
  fill_from(rt, test, raw.data, raw.frames * raw.axes * 2);
  const int32_t left = fleet_front_end_pass(rt);
  if (left >= 0) test->passes = (uint16_t)left;
  return left;
}

int32_t fleet_self_test_begin(fleet_runtime_t *rt, fleet_self_test_t *test, uint32_t vector) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (rt->phase != phase_idle) return -fleet_err_runtime_busy;
  if (test == NULL || vector >= rt->golden_count) return -fleet_err_runtime_argument_invalid;
  const uint8_t *g = golden_record(rt, vector);
  memset(test, 0, sizeof *test);
  test->prng = load_le32(g + FLEET_GOLDEN_SEED);
  test->vector = vector;
  test->failed_step = no_step;
  test->frames = g[FLEET_GOLDEN_FRAMES];
  (void)fleet_reset_state(rt);
  fill_inputs(rt, test);
  rt->phase = phase_self_test;
  return fleet_ok;
}

static int32_t finish(fleet_runtime_t *rt, int32_t error) {
  rt->phase = phase_idle;
  return error;
}

int32_t fleet_self_test(fleet_runtime_t *rt, fleet_self_test_t *test, uint32_t max_steps) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (rt->phase != phase_self_test || test == NULL || max_steps == 0 || test->vector >= rt->golden_count)
    return -fleet_err_runtime_argument_invalid;
  const uint8_t *g = golden_record(rt, test->vector);
  const uint8_t *crcs = rt->step_crcs == 0 ? NULL : rt->bundle + rt->step_crcs + load_le32(g + FLEET_GOLDEN_STEPS_OFFSET);
  while (max_steps-- > 0) {
    if (test->passes != 0) {
      const int32_t passes = feed_vector(rt, test);
      if (passes < 0) return finish(rt, passes);
      continue;
    }
    const uint32_t at = rt->step;
    const int32_t error = execute(rt);
    if (error != 0) return finish(rt, error);
    if (crcs != NULL && test->frame + 1u == test->frames && fleet_last_step_crc(rt) != load_le32(crcs + at * 4)) {
      test->failed_step = (uint16_t)at;
      return finish(rt, -fleet_err_runtime_step_mismatch);
    }
    if (rt->step < rt->steps) continue;
    test->outputs_crc = fleet_outputs_crc(rt, test->outputs_crc);
    if (++test->frame == test->frames)
      return finish(rt, test->outputs_crc == load_le32(g + FLEET_GOLDEN_OUTPUTS_CRC) ? fleet_ok : -fleet_err_runtime_golden_mismatch);
    fill_inputs(rt, test);
  }
  const uint32_t later = test->frames - test->frame - 1u; // frames after this one, each with the passes between two
  const uint32_t passes = g[FLEET_GOLDEN_KIND] == FLEET_GOLDEN_KIND_RAW ? test->passes + later * fleet_passes(rt) : 0;
  return (int32_t)((later + 1u) * rt->steps - rt->step + passes);
}
