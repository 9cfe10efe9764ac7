// Loader and runner of the reduced agent: bundles of FULLY_CONNECTED and SOFTMAX of int8, read in place. A plan record is copied to RAM
// and given to the same kernels as everywhere. There are fewer checks than in fleet_load, see reduced_load.
#include "fleet_kernel.h"
#include "reduced.h"

int32_t fleet_run_fully_connected(const step_t *step);
int32_t fleet_run_softmax(const step_t *step);

enum { record_max = step_head_bytes + 6 * operand_bytes + FLEET_FULLY_CONNECTED_PARAM_BYTES };

static uint16_t const_u16(const FLEET_CONST_MEMORY uint8_t *p) { return (uint16_t)(p[0] | (uint16_t)p[1] << 8); }

// A number of 32 bits, as 16: those above are all the same to a device whose bundles end at 2,048.
static uint16_t const_number(const FLEET_CONST_MEMORY uint8_t *p) { return (p[2] | p[3]) != 0 ? UINT16_MAX : const_u16(p); }

static uint16_t number(const uint8_t *p) { return (p[2] | p[3]) != 0 ? UINT16_MAX : (uint16_t)load_le16(p); }

static bool is_inside(uint16_t offset, uint16_t bytes, uint16_t size) { return offset <= size && bytes <= size - offset; }

// The table was checked, or is being checked, when this is called; length 0 = there is none.
static reduced_section_t find_section(const FLEET_CONST_MEMORY uint8_t *bundle, uint8_t type) {
  const FLEET_CONST_MEMORY uint8_t *entry = bundle + const_u16(bundle + FLEET_HEADER_HEADER_BYTES);
  reduced_section_t found = {0, 0};
  for (uint8_t i = bundle[FLEET_HEADER_SECTION_COUNT]; i != 0; i--, entry += FLEET_SECTION_ENTRY_RECORD_BYTES)
    if (const_u16(entry + FLEET_SECTION_ENTRY_TYPE) == type) {
      found.offset = const_number(entry + FLEET_SECTION_ENTRY_OFFSET);
      found.length = const_number(entry + FLEET_SECTION_ENTRY_LENGTH);
    }
  return found;
}

uint32_t reduced_schema(const FLEET_CONST_MEMORY uint8_t *bundle) {
  const reduced_section_t monitors = find_section(bundle, FLEET_SECTION_MONITORS);
  const FLEET_CONST_MEMORY uint8_t *p = bundle + monitors.offset;
  uint32_t crc = 0;
  for (uint16_t i = monitors.length; i != 0; i--) {
    const uint8_t byte = *p++;
    crc = fleet_crc32(crc, &byte, 1);
  }
  return crc;
}

// ---- a step --------------------------------------------------------------------------------------------------------

// Copies the record at `at` of the plan; its bytes, 0 when it leaves the plan or is larger than any this program knows.
static uint8_t take_record(const reduced_model_t *m, uint16_t at, uint8_t record[record_max]) {
  if (!is_inside(at, step_head_bytes, m->plan.length)) return 0;
  const FLEET_CONST_MEMORY uint8_t *from = m->rt.bundle + m->plan.offset + at;
  const uint16_t bytes = const_u16(from + FLEET_STEP_BYTES);
  if (bytes < step_head_bytes || bytes > record_max || !is_inside(at, bytes, m->plan.length)) return 0;
  for (uint8_t i = 0; i < bytes; i++) record[i] = from[i];
  return (uint8_t)bytes;
}

static bool is_dense(const uint8_t *record) { return record[FLEET_STEP_OP] == FLEET_OP_FULLY_CONNECTED; }

static step_t step_of(const reduced_model_t *m, const uint8_t *record) {
  const uint8_t operands = (uint8_t)(record[FLEET_STEP_INPUTS] + record[FLEET_STEP_OUTPUTS]);
  const step_t step = {&m->rt, record, record + step_head_bytes + operands * operand_bytes};
  return step;
}

// Every operand lies inside its space; of shapes, multipliers and shifts the compiler is trusted, whose bytes the MAC vouches for.
static int32_t check_step(const reduced_model_t *m, const uint8_t *record) {
  const bool dense = is_dense(record);
  if ((!dense && record[FLEET_STEP_OP] != FLEET_OP_SOFTMAX) || record[FLEET_STEP_OP + 1] != 0 || record[FLEET_STEP_VERSION] != 1)
    return -fleet_err_bundle_op_unsupported;
  const uint8_t operands = dense ? 6 : 4;
  if (record[FLEET_STEP_INPUTS] != operands - 1 || record[FLEET_STEP_OUTPUTS] != 1) return -fleet_err_bundle_plan_invalid;
  const uint8_t *op = record + step_head_bytes;
  for (uint8_t i = operands; i != 0; i--, op += operand_bytes) {
    const uint16_t size = op[FLEET_OPERAND_SPACE] == FLEET_SPACE_ARENA ? m->arena_bytes : m->constants_bytes;
    if (op[FLEET_OPERAND_SPACE] > FLEET_SPACE_CONST || op[FLEET_OPERAND_LAYOUT] != FLEET_LAYOUT_PLAIN ||
        (present(op) && !is_inside(number(op + FLEET_OPERAND_OFFSET), number(op + FLEET_OPERAND_BYTES), size)))
      return -fleet_err_bundle_tensor_out_of_bounds;
  }
  return fleet_ok;
}

// ---- loading -------------------------------------------------------------------------------------------------------

static bool is_tensor(const reduced_model_t *m, const FLEET_CONST_MEMORY uint8_t *t, reduced_section_t *tensor) {
  tensor->offset = const_number(t + FLEET_TENSOR_OFFSET);
  tensor->length = const_number(t + FLEET_TENSOR_BYTES);
  return t[FLEET_TENSOR_DTYPE] == FLEET_DTYPE_INT8 && t[FLEET_TENSOR_SPACE] == FLEET_SPACE_ARENA && tensor->length != 0 &&
         is_inside(tensor->offset, tensor->length, m->arena_bytes);
}

int32_t reduced_load(reduced_model_t *m, const FLEET_CONST_MEMORY uint8_t *h, uint16_t bytes, void *arena) {
  memset(m, 0, sizeof *m);
  m->rt.bundle = h;
  m->rt.arena = arena;
  if (bytes < FLEET_HEADER_RECORD_BYTES || load_const_le32(h + FLEET_HEADER_MAGIC) != FLEET_BUNDLE_MAGIC ||
      const_number(h + FLEET_HEADER_TOTAL_BYTES) != bytes)
    return -fleet_err_bundle_not_a_bundle;
  if (const_u16(h + FLEET_HEADER_ABI_MAJOR) != FLEET_ABI_MAJOR || const_u16(h + FLEET_HEADER_ABI_MINOR) > FLEET_ABI_MINOR)
    return -fleet_err_bundle_abi_unsupported;
  m->arena_bytes = const_number(h + FLEET_HEADER_ARENA_BYTES);
  if (m->arena_bytes > FLEET_REDUCED_ARENA_BYTES) return -fleet_err_bundle_arena_too_small;
  const uint8_t sections = h[FLEET_HEADER_SECTION_COUNT];
  const uint16_t table = const_u16(h + FLEET_HEADER_HEADER_BYTES);
  m->steps = h[FLEET_HEADER_STEP_COUNT];
  m->golden_count = h[FLEET_HEADER_GOLDEN_COUNT];
  if (sections > FLEET_MAX_SECTIONS || !is_inside(table, sections * FLEET_SECTION_ENTRY_RECORD_BYTES, bytes) || m->steps == 0 ||
      h[FLEET_HEADER_INPUT_COUNT] != 1 || h[FLEET_HEADER_OUTPUT_COUNT] != 1 || const_number(h + FLEET_HEADER_STATE_BYTES) != 0 ||
      h[FLEET_HEADER_FLAGS] & FLEET_HEADER_FLAG_FRONT_END)
    return -fleet_err_bundle_header_invalid;
  for (uint8_t i = 0; i < sections; i++) {
    const FLEET_CONST_MEMORY uint8_t *entry = h + table + i * FLEET_SECTION_ENTRY_RECORD_BYTES;
    if (!is_inside(const_number(entry + FLEET_SECTION_ENTRY_OFFSET), const_number(entry + FLEET_SECTION_ENTRY_LENGTH), bytes))
      return -fleet_err_bundle_section_invalid;
  }
  m->plan = find_section(h, FLEET_SECTION_PLAN);
  m->golden = find_section(h, FLEET_SECTION_GOLDEN);
  m->step_crcs = find_section(h, FLEET_SECTION_STEP_CRCS);
  const reduced_section_t constants = find_section(h, FLEET_SECTION_CONSTANTS), contract = find_section(h, FLEET_SECTION_CONTRACT);
  m->rt.constants = constants.offset;
  m->constants_bytes = constants.length;
  const FLEET_CONST_MEMORY uint8_t *in = h + contract.offset, *out = in + FLEET_TENSOR_RECORD_BYTES;
  if (contract.length != 2 * FLEET_TENSOR_RECORD_BYTES || !is_tensor(m, in, &m->input) || !is_tensor(m, out, &m->output))
    return -fleet_err_bundle_contract_invalid;
  if (in[FLEET_TENSOR_SENSOR] != FLEET_SENSOR_TENSOR) return -fleet_err_sensor_missing;
  const uint16_t classes = const_u16(out + FLEET_TENSOR_CLASSES);
  m->classes = (uint8_t)(classes <= m->output.length && classes <= 255 ? classes : 0);
  uint8_t record[record_max];
  uint16_t at = 0;
  for (uint8_t i = 0; i < m->steps; i++) {
    const uint8_t n = take_record(m, at, record);
    const int32_t error = n == 0 ? -fleet_err_bundle_plan_invalid : check_step(m, record);
    if (error != 0) return error;
    at = (uint16_t)(at + n);
  }
  if (m->golden_count == 0 || m->golden.length != m->golden_count * FLEET_GOLDEN_RECORD_BYTES) return -fleet_err_bundle_golden_invalid;
  const FLEET_CONST_MEMORY uint8_t *g = h + m->golden.offset;
  for (uint8_t v = m->golden_count; v != 0; v--, g += FLEET_GOLDEN_RECORD_BYTES)
    if (g[FLEET_GOLDEN_KIND] != FLEET_GOLDEN_KIND_RANDOM ||
        (m->step_crcs.length != 0 && !is_inside(const_number(g + FLEET_GOLDEN_STEPS_OFFSET), m->steps * 4, m->step_crcs.length)))
      return -fleet_err_bundle_golden_invalid;
  return fleet_ok;
}

// ---- running -------------------------------------------------------------------------------------------------------

// `crcs` (NULL = none) has what each step's output must be; *failed is then the step that differed. The watchdog is fed between
// steps only, so a stuck kernel resets the device.
int32_t reduced_run(const fleet_reduced_t *a, const reduced_model_t *m, const FLEET_CONST_MEMORY uint8_t *crcs, uint8_t *failed) {
  uint8_t record[record_max];
  uint16_t at = 0;
  for (uint8_t i = 0; i < m->steps; i++) {
    a->platform->base.watchdog(a->platform->base.user);
    at = (uint16_t)(at + take_record(m, at, record));
    const step_t s = step_of(m, record);
    (void)(is_dense(record) ? fleet_run_fully_connected(&s) : fleet_run_softmax(&s)); // they never fail after the checks
    if (crcs == NULL) continue;
    const uint8_t *out = output_operand(&s, 0);
    if (fleet_crc32(0, writable(&m->rt, out), size_of(out)) != load_const_le32(crcs)) {
      *failed = i;
      return -fleet_err_runtime_step_mismatch;
    }
    crcs += 4;
  }
  return fleet_ok;
}

int32_t reduced_self_test(const fleet_reduced_t *a, const reduced_model_t *m, uint8_t *vector, uint8_t *step) {
  const FLEET_CONST_MEMORY uint8_t *g = m->rt.bundle + m->golden.offset;
  for (*vector = 0; *vector < m->golden_count; ++*vector, g += FLEET_GOLDEN_RECORD_BYTES) {
    const FLEET_CONST_MEMORY uint8_t *crcs = m->rt.bundle + m->step_crcs.offset + const_u16(g + FLEET_GOLDEN_STEPS_OFFSET);
    uint32_t prng = load_const_le32(g + FLEET_GOLDEN_SEED), crc = 0;
    for (uint8_t frames = g[FLEET_GOLDEN_FRAMES]; frames != 0; frames--) {
      fleet_fill_random(&prng, m->rt.arena + m->input.offset, m->input.length);
      const int32_t error = reduced_run(a, m, frames == 1 && m->step_crcs.length != 0 ? crcs : NULL, step);
      if (error != 0) return error;
      crc = fleet_crc32(crc, m->rt.arena + m->output.offset, m->output.length);
    }
    if (crc != load_const_le32(g + FLEET_GOLDEN_OUTPUTS_CRC)) return -fleet_err_runtime_golden_mismatch;
  }
  return fleet_ok;
}
