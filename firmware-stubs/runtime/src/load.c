// Reads a bundle's header and checks everything in it once, so that running it needs no checks: a hostile bundle ends
// here with an error. The order of checks is that of the file: header, sections, plan, contract, monitors, golden.
#include "internal.h"

typedef struct {
  uint32_t offset; // 0 = absent
  uint32_t length;
  uint32_t count;
} section_t;

enum { known_sections = 16 }; // types 1..15

static int is_aligned(const void *p, uint32_t alignment) { return ((uintptr_t)p & (alignment - 1)) == 0; }

static int is_inside(uint32_t offset, uint32_t bytes, uint32_t size) { return offset <= size && bytes <= size - offset; }

// Space size by number, 0 for what cannot hold an operand.
static uint32_t space_bytes(const fleet_runtime_t *rt, uint32_t space) {
  switch (space) {
    case FLEET_SPACE_ARENA: return rt->arena_bytes;
    case FLEET_SPACE_CONST: return rt->constants_bytes;
    case FLEET_SPACE_STATE: return rt->state_bytes;
    default: return 0;
  }
}

int32_t fleet_inspect(const void *bundle, uint32_t bytes, fleet_bundle_info_t *info) {
  const uint8_t *h = bundle;
  if (h == NULL || info == NULL) return -fleet_err_runtime_argument_invalid;
  if (!is_aligned(h, FLEET_BUNDLE_ALIGNMENT)) return -fleet_err_bundle_misaligned;
  if (bytes < FLEET_HEADER_RECORD_BYTES) return -fleet_err_bundle_truncated;
  if (load_le32(h + FLEET_HEADER_MAGIC) != FLEET_BUNDLE_MAGIC) return -fleet_err_bundle_not_a_bundle;
  const uint32_t major = load_le16(h + FLEET_HEADER_ABI_MAJOR), minor = load_le16(h + FLEET_HEADER_ABI_MINOR);
  if (major != FLEET_ABI_MAJOR || minor > FLEET_ABI_MINOR) return -fleet_err_bundle_abi_unsupported;
  const uint32_t total = load_le32(h + FLEET_HEADER_TOTAL_BYTES);
  if (total > bytes) return -fleet_err_bundle_truncated;
  const uint32_t table = load_le16(h + FLEET_HEADER_HEADER_BYTES), sections = load_le16(h + FLEET_HEADER_SECTION_COUNT);
  const uint32_t arena = load_le32(h + FLEET_HEADER_ARENA_BYTES), state = load_le32(h + FLEET_HEADER_STATE_BYTES);
  const uint32_t steps = load_le32(h + FLEET_HEADER_STEP_COUNT);
  if (total % FLEET_BUNDLE_ALIGNMENT != 0 || table < FLEET_HEADER_RECORD_BYTES || table % FLEET_BUNDLE_ALIGNMENT != 0 ||
      sections > FLEET_MAX_SECTIONS || !is_inside(table, sections * FLEET_SECTION_ENTRY_RECORD_BYTES, total) ||
      arena % FLEET_BUNDLE_ALIGNMENT != 0 || state % FLEET_BUNDLE_ALIGNMENT != 0 || steps == 0 || steps > FLEET_MAX_STEPS ||
      h[FLEET_HEADER_INPUT_COUNT] == 0 || h[FLEET_HEADER_INPUT_COUNT] > FLEET_MAX_INPUTS ||
      h[FLEET_HEADER_OUTPUT_COUNT] == 0 || h[FLEET_HEADER_OUTPUT_COUNT] > FLEET_MAX_OUTPUTS ||
      h[FLEET_HEADER_MONITOR_COUNT] > FLEET_MAX_MONITORS || h[FLEET_HEADER_GOLDEN_COUNT] > FLEET_MAX_GOLDEN_VECTORS)
    return -fleet_err_bundle_header_invalid;
  uint8_t have[32], have_own[8];
  fleet_op_set(have, have_own);
  for (uint32_t i = 0; i < 32; i++)
    if (h[FLEET_HEADER_OP_SET + i] & ~have[i]) return -fleet_err_bundle_op_unsupported;
  for (uint32_t i = 0; i < 8; i++)
    if (h[FLEET_HEADER_OWN_OP_SET + i] & ~have_own[i]) return -fleet_err_bundle_op_unsupported;
  memset(info, 0, sizeof *info);
  info->total_bytes = total;
  info->arena_bytes = arena;
  info->state_bytes = state;
  info->stack_bytes = load_le32(h + FLEET_HEADER_STACK_BYTES);
  info->step_count = steps;
  info->abi = major << 16 | minor;
  info->input_count = h[FLEET_HEADER_INPUT_COUNT];
  info->output_count = h[FLEET_HEADER_OUTPUT_COUNT];
  info->monitor_count = h[FLEET_HEADER_MONITOR_COUNT];
  info->golden_count = h[FLEET_HEADER_GOLDEN_COUNT];
  info->flags = load_le32(h + FLEET_HEADER_FLAGS);
  info->digest = h + FLEET_HEADER_DIGEST;
  info->hashed = h + FLEET_HEADER_ARENA_BYTES;
  info->hashed_bytes = total - FLEET_HEADER_ARENA_BYTES;
  return fleet_ok;
}

// Sections lie behind the table, aligned, apart from each other, each known type once. O(sections^2), at most 32^2.
static int32_t read_sections(const uint8_t *bundle, uint32_t total, section_t found[known_sections]) {
  const uint32_t table = load_le16(bundle + FLEET_HEADER_HEADER_BYTES), n = load_le16(bundle + FLEET_HEADER_SECTION_COUNT);
  const uint32_t body = table + n * FLEET_SECTION_ENTRY_RECORD_BYTES;
  memset(found, 0, known_sections * sizeof found[0]);
  for (uint32_t i = 0; i < n; i++) {
    const uint8_t *entry = bundle + table + i * FLEET_SECTION_ENTRY_RECORD_BYTES;
    const uint32_t type = load_le16(entry + FLEET_SECTION_ENTRY_TYPE);
    const uint32_t offset = load_le32(entry + FLEET_SECTION_ENTRY_OFFSET), length = load_le32(entry + FLEET_SECTION_ENTRY_LENGTH);
    if (offset < body || offset % FLEET_BUNDLE_ALIGNMENT != 0 || !is_inside(offset, length, total))
      return -fleet_err_bundle_section_invalid;
    for (uint32_t j = 0; j < i; j++) {
      const uint8_t *other = bundle + table + j * FLEET_SECTION_ENTRY_RECORD_BYTES;
      const uint32_t from = load_le32(other + FLEET_SECTION_ENTRY_OFFSET), bytes = load_le32(other + FLEET_SECTION_ENTRY_LENGTH);
      if (load_le16(other + FLEET_SECTION_ENTRY_TYPE) == type || (offset < from + bytes && from < offset + length))
        return -fleet_err_bundle_section_invalid;
    }
    switch (type) {
      case FLEET_SECTION_CONTRACT:
      case FLEET_SECTION_PLAN:
      case FLEET_SECTION_CONSTANTS:
      case FLEET_SECTION_LABELS:
      case FLEET_SECTION_MONITORS:
      case FLEET_SECTION_GOLDEN:
      case FLEET_SECTION_STEP_CRCS:
      case FLEET_SECTION_SAMPLES:
      case FLEET_SECTION_STATE_INIT:
      case FLEET_SECTION_FRONT_END:
      case FLEET_SECTION_NAMES:
      case FLEET_SECTION_INFO:
      case FLEET_SECTION_CALIBRATION:
        found[type].offset = offset;
        found[type].length = length;
        found[type].count = load_le32(entry + FLEET_SECTION_ENTRY_COUNT);
        break;
      default:
        if (load_le16(entry + FLEET_SECTION_ENTRY_FLAGS) & FLEET_SECTION_FLAG_REQUIRED)
          return -fleet_err_bundle_section_unknown;
    }
  }
  if (found[FLEET_SECTION_CONTRACT].offset == 0 || found[FLEET_SECTION_PLAN].offset == 0)
    return -fleet_err_bundle_section_missing;
  return fleet_ok;
}

static int overlaps(const uint8_t *a, const uint8_t *b) {
  if (a[FLEET_OPERAND_SPACE] != b[FLEET_OPERAND_SPACE] || !present(a)) return 0;
  const uint32_t from_a = load_le32(a + FLEET_OPERAND_OFFSET), from_b = load_le32(b + FLEET_OPERAND_OFFSET);
  return from_a < from_b + size_of(b) && from_b < from_a + size_of(a); // both lie inside a space, so no wrap
}

static int coincide(const uint8_t *a, const uint8_t *b) {
  return load_le32(a + FLEET_OPERAND_OFFSET) == load_le32(b + FLEET_OPERAND_OFFSET) && size_of(a) == size_of(b);
}

static int32_t check_operand(const fleet_runtime_t *rt, const uint8_t *op, int written, int scratch) {
  const uint32_t space = op[FLEET_OPERAND_SPACE], offset = load_le32(op + FLEET_OPERAND_OFFSET), bytes = size_of(op);
  if (space == FLEET_SPACE_NONE)
    return written || offset != 0 || bytes != 0 || dtype_of(op) != 0 ? -fleet_err_bundle_plan_invalid : fleet_ok;
  const uint32_t width = fleet_element_bytes(dtype_of(op));
  if (width == 0 || op[FLEET_OPERAND_RESERVED] != 0 || (written && space == FLEET_SPACE_CONST) ||
      (scratch && space != FLEET_SPACE_ARENA))
    return -fleet_err_bundle_plan_invalid;
  if (op[FLEET_OPERAND_LAYOUT] != FLEET_LAYOUT_PLAIN) return -fleet_err_bundle_layout_unsupported;
  if (bytes == 0 || bytes % width != 0 || !is_inside(offset, bytes, space_bytes(rt, space)))
    return -fleet_err_bundle_tensor_out_of_bounds;
  if (offset % (width > 4 ? 4 : width) != 0) return -fleet_err_bundle_misaligned;
  return fleet_ok;
}

static int fits(uint32_t given, uint32_t wanted) { return wanted == any_number ? given > 0 : given == wanted; }

int32_t fleet_check_record(const step_t *step, const op_t *op, uint32_t flags) {
  const uint8_t *r = step->record;
  const uint32_t inputs = r[FLEET_STEP_INPUTS], outputs = r[FLEET_STEP_OUTPUTS], scratch = r[FLEET_STEP_SCRATCH];
  const uint32_t operands = inputs + outputs + scratch;
  if ((r[FLEET_STEP_FLAGS] & ~flags) != 0 || r[FLEET_STEP_RESERVED] != 0 || !fits(inputs, op->inputs) || !fits(outputs, op->outputs) ||
      scratch != op->scratch || operands > FLEET_MAX_OPERANDS ||
      load_le16(r + FLEET_STEP_BYTES) != step_head_bytes + operands * operand_bytes + op->param_bytes)
    return -fleet_err_bundle_plan_invalid;
  for (uint32_t i = 0; i < operands; i++) {
    const int32_t error = check_operand(step->rt, operand(step, i), i >= inputs, i >= inputs + outputs);
    if (error != 0) return error;
  }
  for (uint32_t i = inputs; i < operands; i++)
    for (uint32_t j = 0; j < i; j++) {
      const uint8_t *a = operand(step, i), *b = operand(step, j);
      const int allowed = op->in_place && i < inputs + outputs && j < inputs && coincide(a, b);
      if (overlaps(a, b) && !allowed) return -fleet_err_bundle_plan_invalid;
    }
  return op->check(step);
}

static int32_t check_step(const fleet_runtime_t *rt, uint32_t at) {
  const step_t step = step_at(rt, at);
  const uint8_t *r = step.record;
  const op_t *op = fleet_find_op(load_le16(r + FLEET_STEP_OP));
  if (op == NULL) return -fleet_err_bundle_op_unsupported;
  if (r[FLEET_STEP_VERSION] != op->version) return -fleet_err_bundle_op_version_unsupported;
  const uint32_t n = op->number;
  const uint8_t *set = rt->bundle + (n < 256 ? FLEET_HEADER_OP_SET + (n >> 3) : FLEET_HEADER_OWN_OP_SET + ((n - 1024) >> 3));
  if (!(*set & 1u << (n & 7u))) return -fleet_err_bundle_header_invalid;
  return fleet_check_record(&step, op, 0);
}

static int32_t check_plan(fleet_runtime_t *rt, uint32_t *failed_step) {
  uint32_t at = rt->plan;
  for (uint32_t i = 0; i < rt->steps; i++) {
    *failed_step = i;
    if (!is_inside(at, step_head_bytes, rt->plan_end)) return -fleet_err_bundle_plan_invalid;
    const uint8_t *r = rt->bundle + at;
    const uint32_t bytes = load_le16(r + FLEET_STEP_BYTES);
    const uint32_t operands = (uint32_t)r[FLEET_STEP_INPUTS] + r[FLEET_STEP_OUTPUTS] + r[FLEET_STEP_SCRATCH];
    if (bytes % 4 != 0 || bytes > FLEET_MAX_RECORD_BYTES || bytes < step_head_bytes + operands * operand_bytes ||
        !is_inside(at, bytes, rt->plan_end))
      return -fleet_err_bundle_plan_invalid;
    const int32_t error = check_step(rt, at);
    if (error != 0) return error;
    at += bytes;
  }
  *failed_step = no_step;
  return at == rt->plan_end ? fleet_ok : -fleet_err_bundle_plan_invalid;
}

static int32_t check_contract(const fleet_runtime_t *rt, const section_t *section) {
  const uint32_t n = (uint32_t)rt->inputs + rt->outputs;
  if (section->length != n * FLEET_TENSOR_RECORD_BYTES) return -fleet_err_bundle_contract_invalid;
  for (uint32_t i = 0; i < n; i++) {
    const uint8_t *t = rt->bundle + rt->contract + i * FLEET_TENSOR_RECORD_BYTES;
    const uint32_t width = fleet_element_bytes(t[FLEET_TENSOR_DTYPE]), bytes = load_le32(t + FLEET_TENSOR_BYTES);
    uint64_t elements = 1;
    for (uint32_t d = 0; d < FLEET_MAX_RANK; d++) {
      elements *= load_le32(t + FLEET_TENSOR_DIMS + d * 4);
      if (elements == 0 || elements > UINT32_MAX) return -fleet_err_bundle_contract_invalid;
    }
    if (width == 0 || t[FLEET_TENSOR_DTYPE] == FLEET_DTYPE_INT4 || t[FLEET_TENSOR_DIRECTION] != (i >= rt->inputs) ||
        t[FLEET_TENSOR_RANK] > FLEET_MAX_RANK || t[FLEET_TENSOR_SPACE] != FLEET_SPACE_ARENA ||
        t[FLEET_TENSOR_LAYOUT] != FLEET_LAYOUT_PLAIN || elements * width != bytes)
      return -fleet_err_bundle_contract_invalid;
    const uint32_t offset = load_le32(t + FLEET_TENSOR_OFFSET);
    if (!is_inside(offset, bytes, rt->arena_bytes)) return -fleet_err_bundle_tensor_out_of_bounds;
    if (offset % (width > 4 ? 4 : width) != 0) return -fleet_err_bundle_misaligned;
  }
  return fleet_ok;
}

static int32_t check_monitors(const fleet_runtime_t *rt, const section_t *section) {
  if (section->length != rt->monitor_count * (uint32_t)FLEET_MONITOR_RECORD_BYTES) return -fleet_err_bundle_monitors_invalid;
  for (uint32_t i = 0; i < rt->monitor_count; i++) {
    const uint8_t *m = rt->bundle + rt->monitors + i * FLEET_MONITOR_RECORD_BYTES;
    const uint32_t kind = m[FLEET_MONITOR_KIND], bins = m[FLEET_MONITOR_BINS], step = load_le16(m + FLEET_MONITOR_AFTER_STEP);
    const uint32_t width = fleet_element_bytes(m[FLEET_MONITOR_DTYPE]), space = m[FLEET_MONITOR_SPACE];
    const uint32_t offset = load_le32(m + FLEET_MONITOR_OFFSET), stride = load_le32(m + FLEET_MONITOR_STRIDE);
    const uint32_t count = load_le32(m + FLEET_MONITOR_COUNT);
    if (kind < FLEET_MONITOR_KIND_CLASSES || kind > FLEET_MONITOR_KIND_OOD || (kind == FLEET_MONITOR_KIND_CLASSES && i != 0) ||
        bins == 0 || bins > FLEET_MAX_BINS || m[FLEET_MONITOR_REDUCTION] > FLEET_REDUCTION_MIN ||
        (m[FLEET_MONITOR_DTYPE] != FLEET_DTYPE_INT8 && m[FLEET_MONITOR_DTYPE] != FLEET_DTYPE_INT16) ||
        (step >= rt->steps && step != no_step) || (space != FLEET_SPACE_ARENA && space != FLEET_SPACE_STATE) ||
        count == 0 || count > 0xffffu || stride < width || stride % width != 0 || offset % width != 0 ||
        (uint64_t)offset + (uint64_t)(count - 1) * stride + width > space_bytes(rt, space))
      return -fleet_err_bundle_monitors_invalid;
    if (kind == FLEET_MONITOR_KIND_CLASSES) continue;
    for (uint32_t b = 1; b + 1 < bins; b++)
      if (load_i16(m + FLEET_MONITOR_EDGES + b * 2) < load_i16(m + FLEET_MONITOR_EDGES + (b - 1) * 2))
        return -fleet_err_bundle_monitors_invalid;
  }
  return fleet_ok;
}

static uint32_t tensor_bytes(const fleet_runtime_t *rt, uint32_t index) {
  return load_le32(rt->bundle + rt->contract + index * FLEET_TENSOR_RECORD_BYTES + FLEET_TENSOR_BYTES);
}

static int32_t check_golden(const fleet_runtime_t *rt, const section_t sections[known_sections]) {
  const section_t *golden = &sections[FLEET_SECTION_GOLDEN], *crcs = &sections[FLEET_SECTION_STEP_CRCS];
  const section_t *samples = &sections[FLEET_SECTION_SAMPLES];
  if (golden->length != rt->golden_count * (uint32_t)FLEET_GOLDEN_RECORD_BYTES) return -fleet_err_bundle_golden_invalid;
  uint64_t input_bytes_total = 0;
  for (uint32_t i = 0; i < rt->inputs; i++) input_bytes_total += tensor_bytes(rt, i);
  for (uint32_t i = 0; i < rt->golden_count; i++) {
    const uint8_t *g = rt->bundle + rt->golden + i * FLEET_GOLDEN_RECORD_BYTES;
    const uint32_t kind = g[FLEET_GOLDEN_KIND], frames = g[FLEET_GOLDEN_FRAMES];
    const uint32_t sample_bytes = load_le32(g + FLEET_GOLDEN_SAMPLE_BYTES);
    if (kind > FLEET_GOLDEN_KIND_RAW || frames == 0 || frames > 8) return -fleet_err_bundle_golden_invalid;
    if (kind == FLEET_GOLDEN_KIND_RANDOM && load_le32(g + FLEET_GOLDEN_SEED) == 0) return -fleet_err_bundle_golden_invalid;
    if (kind == FLEET_GOLDEN_KIND_RAW && rt->front_end == 0) return -fleet_err_bundle_golden_invalid;
    const int stored = kind == FLEET_GOLDEN_KIND_STORED || (kind == FLEET_GOLDEN_KIND_RAW && load_le32(g + FLEET_GOLDEN_SEED) == 0);
    if (stored &&
        (sample_bytes != (kind == FLEET_GOLDEN_KIND_RAW ? fleet_raw_bytes(rt, frames) : input_bytes_total * frames) ||
         samples->offset == 0 ||
         !is_inside(load_le32(g + FLEET_GOLDEN_SAMPLE_OFFSET), sample_bytes, samples->length)))
      return -fleet_err_bundle_golden_invalid;
    const uint32_t at = load_le32(g + FLEET_GOLDEN_STEPS_OFFSET);
    if (crcs->offset != 0 && (at % 4 != 0 || !is_inside(at, (uint32_t)rt->steps * 4, crcs->length)))
      return -fleet_err_bundle_golden_invalid;
  }
  return fleet_ok;
}

int32_t fleet_load(fleet_runtime_t *rt, const fleet_memory_t *memory, uint32_t *failed_step) {
  uint32_t step = no_step;
  fleet_bundle_info_t info;
  section_t sections[known_sections];
  int32_t error;
  if (failed_step == NULL) failed_step = &step;
  *failed_step = no_step;
  if (rt == NULL) return -fleet_err_runtime_argument_invalid;
  memset(rt, 0, sizeof *rt);
  if (memory == NULL) return -fleet_err_runtime_argument_invalid;
  if ((error = fleet_inspect(memory->bundle, memory->bundle_bytes, &info)) != 0) return error;
  if ((error = read_sections(memory->bundle, info.total_bytes, sections)) != 0) return error;
  if (memory->arena_bytes < info.arena_bytes) return -fleet_err_bundle_arena_too_small;
  if (memory->state_bytes < info.state_bytes) return -fleet_err_bundle_state_too_small;
  if ((info.arena_bytes != 0 && memory->arena == NULL) || (info.state_bytes != 0 && memory->state == NULL))
    return -fleet_err_runtime_argument_invalid;
  if (!is_aligned(memory->arena, FLEET_BUNDLE_ALIGNMENT) || !is_aligned(memory->state, FLEET_BUNDLE_ALIGNMENT))
    return -fleet_err_bundle_misaligned;

  rt->bundle = memory->bundle;
  rt->arena = memory->arena;
  rt->state = memory->state;
  rt->total_bytes = info.total_bytes;
  rt->arena_bytes = info.arena_bytes;
  rt->state_bytes = info.state_bytes;
  rt->plan = sections[FLEET_SECTION_PLAN].offset;
  rt->plan_end = rt->plan + sections[FLEET_SECTION_PLAN].length;
  rt->constants = sections[FLEET_SECTION_CONSTANTS].offset;
  rt->constants_bytes = sections[FLEET_SECTION_CONSTANTS].length;
  rt->contract = sections[FLEET_SECTION_CONTRACT].offset;
  rt->monitors = sections[FLEET_SECTION_MONITORS].offset;
  rt->golden = sections[FLEET_SECTION_GOLDEN].offset;
  rt->step_crcs = sections[FLEET_SECTION_STEP_CRCS].offset;
  rt->samples = sections[FLEET_SECTION_SAMPLES].offset;
  rt->state_init = sections[FLEET_SECTION_STATE_INIT].offset;
  rt->front_end = sections[FLEET_SECTION_FRONT_END].offset;
  rt->steps = (uint16_t)info.step_count;
  rt->inputs = info.input_count;
  rt->outputs = info.output_count;
  rt->monitor_count = info.monitor_count;
  rt->golden_count = info.golden_count;

  if (rt->state_init != 0 && sections[FLEET_SECTION_STATE_INIT].length != rt->state_bytes)
    return -fleet_err_bundle_section_invalid;
  if (((info.flags & FLEET_HEADER_FLAG_FRONT_END) != 0) != (rt->front_end != 0)) return -fleet_err_bundle_header_invalid;
  if ((error = check_plan(rt, failed_step)) != 0 || (error = check_contract(rt, &sections[FLEET_SECTION_CONTRACT])) != 0 ||
      (error = fleet_check_front_end(rt, rt->front_end + sections[FLEET_SECTION_FRONT_END].length, failed_step)) != 0 ||
      (error = check_monitors(rt, &sections[FLEET_SECTION_MONITORS])) != 0 || (error = check_golden(rt, sections)) != 0)
    return error;
  if (rt->monitors != 0)
    rt->monitors_crc = fleet_crc32(0, rt->bundle + rt->monitors, sections[FLEET_SECTION_MONITORS].length);
  rt->phase = phase_idle;
  return fleet_reset_state(rt);
}

int32_t fleet_rebind(fleet_runtime_t *rt, const void *bundle, void *arena, void *state) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (rt->phase != phase_idle) return -fleet_err_runtime_busy;
  if (!is_aligned(bundle, FLEET_BUNDLE_ALIGNMENT) || !is_aligned(arena, FLEET_BUNDLE_ALIGNMENT) ||
      !is_aligned(state, FLEET_BUNDLE_ALIGNMENT))
    return -fleet_err_bundle_misaligned;
  if (bundle != NULL) rt->bundle = bundle;
  if (arena != NULL) rt->arena = arena;
  if (state != NULL) rt->state = state;
  return fleet_ok;
}

int32_t fleet_reset_state(fleet_runtime_t *rt) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (rt->phase != phase_idle) return -fleet_err_runtime_busy;
  fleet_restart_front_end(rt);
  if (rt->state_bytes == 0) return fleet_ok;
  if (rt->state_init != 0) memcpy(rt->state, rt->bundle + rt->state_init, rt->state_bytes);
  else memset(rt->state, 0, rt->state_bytes);
  return fleet_ok;
}

static int32_t describe(const fleet_runtime_t *rt, uint32_t index, fleet_tensor_t *tensor) {
  const uint8_t *t = rt->bundle + rt->contract + index * FLEET_TENSOR_RECORD_BYTES;
  memset(tensor, 0, sizeof *tensor);
  tensor->data = rt->arena + load_le32(t + FLEET_TENSOR_OFFSET);
  tensor->bytes = load_le32(t + FLEET_TENSOR_BYTES);
  tensor->dtype = t[FLEET_TENSOR_DTYPE];
  tensor->rank = t[FLEET_TENSOR_RANK];
  tensor->role = t[FLEET_TENSOR_ROLE];
  tensor->sensor = t[FLEET_TENSOR_SENSOR];
  tensor->axes = t[FLEET_TENSOR_AXES];
  tensor->unit = t[FLEET_TENSOR_UNIT];
  tensor->axis_order = t[FLEET_TENSOR_AXIS_ORDER];
  tensor->classes = (uint16_t)load_le16(t + FLEET_TENSOR_CLASSES);
  tensor->zero_point = load_i32(t + FLEET_TENSOR_ZERO_POINT);
  tensor->scale_bits = load_le32(t + FLEET_TENSOR_SCALE);
  tensor->full_scale = load_le32(t + FLEET_TENSOR_FULL_SCALE);
  tensor->sample_rate_mhz = load_le32(t + FLEET_TENSOR_SAMPLE_RATE_MHZ);
  tensor->frame = load_le32(t + FLEET_TENSOR_FRAME);
  tensor->hop = load_le32(t + FLEET_TENSOR_HOP);
  for (uint32_t d = 0; d < FLEET_MAX_RANK; d++) tensor->dims[d] = load_le32(t + FLEET_TENSOR_DIMS + d * 4);
  return fleet_ok;
}

int32_t fleet_input(const fleet_runtime_t *rt, uint32_t index, fleet_tensor_t *tensor) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (index >= rt->inputs || tensor == NULL) return -fleet_err_runtime_argument_invalid;
  return describe(rt, index, tensor);
}

int32_t fleet_output(const fleet_runtime_t *rt, uint32_t index, fleet_tensor_t *tensor) {
  if (rt->phase == phase_empty) return -fleet_err_runtime_not_loaded;
  if (index >= rt->outputs || tensor == NULL) return -fleet_err_runtime_argument_invalid;
  return describe(rt, rt->inputs + index, tensor);
}
