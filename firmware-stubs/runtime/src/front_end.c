// Runs the front end: raw int16 samples to the inputs of the plan. Here are the section's head, the passes over the
// samples and what is checked about them once; the stages are rows of dsp/src/stages.c.
//
// The last `frame` sensor frames lie in the state. Each pass takes `hop` new ones (the first after a reset: all), runs
// every stage over them, and an inference follows after `passes` passes. Only the state lives from pass to pass.
#include "internal.h"

#if defined(__GNUC__)
__attribute__((weak))
#endif
const op_t *fleet_find_stage(uint32_t number) {
  (void)number;
  return NULL;
}

uint32_t fleet_stage_versions(uint8_t versions[fleet_stage_max]) {
  uint32_t used = 0;
  for (uint32_t n = 0; n < fleet_stage_max; n++) {
    const op_t *stage = fleet_find_stage(n);
    versions[n] = stage != NULL ? stage->version : 0;
    if (stage != NULL) used = n + 1;
  }
  return used;
}

static const uint8_t *head_of(const fleet_runtime_t *rt) { return rt->bundle + rt->front_end; }

static const uint8_t *tensor_of(const fleet_runtime_t *rt) {
  return rt->bundle + rt->contract + head_of(rt)[FLEET_FRONT_END_INPUT] * (uint32_t)FLEET_TENSOR_RECORD_BYTES;
}

uint32_t fleet_passes(const fleet_runtime_t *rt) { return load_le16(head_of(rt) + FLEET_FRONT_END_PASSES); }

uint64_t fleet_raw_bytes(const fleet_runtime_t *rt, uint32_t inferences) {
  const uint8_t *t = tensor_of(rt);
  const uint64_t frames = load_le32(t + FLEET_TENSOR_FRAME) + (uint64_t)load_le32(t + FLEET_TENSOR_HOP) * (inferences - 1);
  return frames * head_of(rt)[FLEET_FRONT_END_AXES] * 2; // below 2^44
}

void fleet_restart_front_end(fleet_runtime_t *rt) {
  if (rt->front_end == 0) return;
  rt->fresh = 1;
  rt->passes = (uint16_t)load_le16(head_of(rt) + FLEET_FRONT_END_FIRST_PASSES);
}

// ---- checks at load --------------------------------------------------------------------------------------------------

static int32_t check_head(const fleet_runtime_t *rt) {
  const uint8_t *h = head_of(rt);
  const uint32_t frame = load_le32(h + FLEET_FRONT_END_FRAME), hop = load_le32(h + FLEET_FRONT_END_HOP);
  const uint32_t passes = load_le16(h + FLEET_FRONT_END_PASSES), first = load_le16(h + FLEET_FRONT_END_FIRST_PASSES);
  const uint32_t axes = h[FLEET_FRONT_END_AXES], offset = load_le32(h + FLEET_FRONT_END_SAMPLES_OFFSET);
  if (hop == 0 || hop > frame || passes == 0 || first < passes || axes == 0 || h[FLEET_FRONT_END_INPUT] >= rt->inputs ||
      load_le16(h + FLEET_FRONT_END_STAGES) == 0 || offset % 4 != 0 || (uint64_t)frame * axes * 2 + offset > rt->state_bytes)
    return -fleet_err_bundle_front_end_invalid;
  const uint8_t *t = tensor_of(rt);
  if (t[FLEET_TENSOR_SENSOR] == 0 || t[FLEET_TENSOR_AXES] != axes ||
      load_le32(t + FLEET_TENSOR_FRAME) != frame + (uint64_t)(first - 1) * hop ||
      load_le32(t + FLEET_TENSOR_HOP) != (uint64_t)passes * hop)
    return -fleet_err_bundle_front_end_invalid;
  return fleet_ok;
}

// The input lies inside one output of this stage.
static int covers(const step_t *stage, const uint8_t *tensor) {
  const uint32_t from = load_le32(tensor + FLEET_TENSOR_OFFSET), bytes = load_le32(tensor + FLEET_TENSOR_BYTES);
  for (uint32_t i = 0; i < stage->record[FLEET_STEP_OUTPUTS]; i++) {
    const uint8_t *op = output_operand(stage, i);
    const uint32_t at = load_le32(op + FLEET_OPERAND_OFFSET);
    if (op[FLEET_OPERAND_SPACE] == FLEET_SPACE_ARENA && at <= from && (uint64_t)from + bytes <= (uint64_t)at + size_of(op)) return 1;
  }
  return 0;
}

int32_t fleet_check_front_end(const fleet_runtime_t *rt, uint32_t end, uint32_t *failed_stage) {
  if (rt->front_end == 0) return fleet_ok;
  if (end - rt->front_end < FLEET_FRONT_END_RECORD_BYTES) return -fleet_err_bundle_front_end_invalid;
  int32_t error = check_head(rt);
  if (error != 0) return error;
  const uint32_t stages = load_le16(head_of(rt) + FLEET_FRONT_END_STAGES);
  uint32_t at = rt->front_end + FLEET_FRONT_END_RECORD_BYTES, covered = 0;
  for (uint32_t i = 0; i < stages; i++) {
    *failed_stage = i;
    if (end - at < step_head_bytes) return -fleet_err_bundle_front_end_invalid;
    const uint8_t *r = rt->bundle + at;
    const uint32_t bytes = load_le16(r + FLEET_STEP_BYTES);
    const uint32_t operands = (uint32_t)r[FLEET_STEP_INPUTS] + r[FLEET_STEP_OUTPUTS] + r[FLEET_STEP_SCRATCH];
    if (bytes % 4 != 0 || bytes < step_head_bytes + operands * operand_bytes || bytes > end - at)
      return -fleet_err_bundle_front_end_invalid;
    const op_t *stage = fleet_find_stage(load_le16(r + FLEET_STEP_OP));
    if (stage == NULL || r[FLEET_STEP_VERSION] != stage->version) return -fleet_err_bundle_front_end_unsupported;
    const step_t step = step_at(rt, at);
    if ((error = fleet_check_record(&step, stage, FLEET_STAGE_FLAG_FINAL)) != 0) return error;
    for (uint32_t t = 0; t < rt->inputs; t++)
      if (covers(&step, rt->bundle + rt->contract + t * FLEET_TENSOR_RECORD_BYTES)) covered |= 1u << t;
    at += bytes;
  }
  *failed_stage = no_step;
  return at == end && covered == (1u << rt->inputs) - 1u ? fleet_ok : -fleet_err_bundle_front_end_invalid;
}

// ---- samples -----------------------------------------------------------------------------------------------------------

int32_t fleet_raw(const fleet_runtime_t *rt, fleet_raw_t *raw) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (raw == NULL) return -fleet_err_runtime_argument_invalid;
  memset(raw, 0, sizeof *raw);
  if (rt->front_end == 0) return fleet_ok;
  const uint8_t *h = head_of(rt);
  const uint32_t frame = load_le32(h + FLEET_FRONT_END_FRAME), hop = load_le32(h + FLEET_FRONT_END_HOP);
  const uint32_t old = rt->fresh ? 0 : frame - hop;
  raw->axes = h[FLEET_FRONT_END_AXES];
  raw->data = (int16_t *)(void *)(rt->state + load_le32(h + FLEET_FRONT_END_SAMPLES_OFFSET) + old * raw->axes * 2);
  raw->frames = frame - old;
  raw->passes = rt->passes;
  raw->sensor = tensor_of(rt)[FLEET_TENSOR_SENSOR];
  return fleet_ok;
}

int32_t fleet_front_end_pass(fleet_runtime_t *rt) {
  const uint8_t *h = head_of(rt);
  const uint32_t stages = load_le16(h + FLEET_FRONT_END_STAGES);
  uint32_t at = rt->front_end + FLEET_FRONT_END_RECORD_BYTES;
  for (uint32_t i = 0; i < stages; i++) {
    const step_t step = step_at(rt, at);
    at += load_le16(step.record + FLEET_STEP_BYTES);
    if ((step.record[FLEET_STEP_FLAGS] & FLEET_STAGE_FLAG_FINAL) != 0 && rt->passes != 1) continue;
    const op_t *stage = fleet_find_stage(load_le16(step.record + FLEET_STEP_OP));
    const int32_t error = stage != NULL ? stage->run(&step) : -fleet_err_runtime_kernel_failed;
    if (error != 0) return error;
  }
  const uint32_t row = h[FLEET_FRONT_END_AXES] * 2u, hop = load_le32(h + FLEET_FRONT_END_HOP) * row;
  move_down(rt->state + load_le32(h + FLEET_FRONT_END_SAMPLES_OFFSET), hop, load_le32(h + FLEET_FRONT_END_FRAME) * row - hop);
  rt->fresh = 0;
  if (--rt->passes != 0) return rt->passes;
  rt->passes = (uint16_t)fleet_passes(rt);
  return 0;
}

int32_t fleet_feed(fleet_runtime_t *rt) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (rt->phase != phase_idle) return -fleet_err_runtime_busy;
  return rt->front_end != 0 ? fleet_front_end_pass(rt) : -fleet_err_runtime_argument_invalid;
}
