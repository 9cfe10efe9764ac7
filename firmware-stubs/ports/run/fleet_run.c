// fleet-run: loads a bundle file and runs it, on any port. One inference per input that the input file holds; without
// an input file, the bundle's own golden vectors. It prints lines `key value ...` that people and port-runner.ts read.
//   fleet-run BUNDLE [INPUTS] [--outputs FILE] [--steps] [--reset]
//     INPUTS          raw input tensors, one inference after the other
//     --outputs FILE  raw output tensors, one inference after the other
//     --steps         one line per step: its outputs' CRC-32 and its cost
//     --reset         initial state before every inference instead of before the first one only
// Exit: 0 done, 1 refused or failed (line `error CODE step N`), 2 wrong use.
#include "fleet_run.h"

#include <string.h>

#include "fleet_runtime.h"

typedef struct {
  const char *bundle, *inputs, *outputs;
  int steps, reset;
} options_t;

// Text of up to 120 bytes; longer lines are printed in parts.
typedef struct {
  char text[128];
  uint32_t length;
} line_t;

static void flush(line_t *line) {
  line->text[line->length] = '\0';
  port_print(line->text);
  line->length = 0;
}

static void put(line_t *line, const char *text) {
  while (*text != '\0') {
    if (line->length == sizeof line->text - 1) flush(line);
    line->text[line->length++] = *text++;
  }
}

static void put_number(line_t *line, uint64_t value) {
  char digits[21];
  uint32_t at = sizeof digits - 1;
  digits[at] = '\0';
  do {
    digits[--at] = (char)('0' + (int)(value % 10));
    value /= 10;
  } while (value != 0);
  put(line, digits + at);
}

static void put_hex(line_t *line, uint32_t value) {
  char digits[9];
  for (uint32_t i = 0; i < 8; i++) digits[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15u];
  digits[8] = '\0';
  put(line, digits);
}

static void field(line_t *line, const char *key, uint64_t value) {
  if (line->length != 0) put(line, " ");
  put(line, key);
  put(line, " ");
  put_number(line, value);
}

static void end(line_t *line) {
  put(line, "\n");
  flush(line);
}

static int fail(int32_t error, uint32_t step) {
  line_t line = {.length = 0};
  field(&line, "error", (uint64_t)(uint32_t)-error);
  field(&line, "step", step);
  end(&line);
  return 1;
}

static int complain(const char *text, const char *what) {
  line_t line = {.length = 0};
  put(&line, "fleet-run: ");
  put(&line, text);
  put(&line, what);
  end(&line);
  return 2;
}

static uint32_t total_bytes(const fleet_runtime_t *rt, uint32_t count, int is_output) {
  uint32_t total = 0;
  fleet_tensor_t tensor;
  for (uint32_t i = 0; i < count; i++)
    if ((is_output ? fleet_output(rt, i, &tensor) : fleet_input(rt, i, &tensor)) == 0) total += tensor.bytes;
  return total;
}

typedef struct {
  uint64_t cost;
  uint32_t stack;
} measure_t;

// One call of the runtime, measured.
static int32_t measured(fleet_runtime_t *rt, uint32_t steps, measure_t *sum) {
  port_paint_stack();
  const uint64_t start = port_clock();
  const int32_t left = fleet_run(rt, steps);
  sum->cost += port_clock() - start;
  const uint32_t stack = port_stack_used();
  if (stack > sum->stack) sum->stack = stack;
  return left;
}

static int infer(fleet_runtime_t *rt, const options_t *options, uint32_t steps) {
  measure_t sum = {0, 0};
  int32_t left = fleet_begin(rt);
  line_t line = {.length = 0};
  if (options->steps) {
    for (uint32_t step = 0; step < steps && left >= 0; step++) {
      const uint64_t before = sum.cost;
      left = measured(rt, 1, &sum);
      if (left < 0) break;
      field(&line, "step", step);
      put(&line, " crc ");
      put_hex(&line, fleet_last_step_crc(rt));
      field(&line, "cost", sum.cost - before);
      end(&line);
    }
  } else if (left == 0) {
    left = measured(rt, UINT32_MAX, &sum);
  }
  if (left < 0) return fail(left, fleet_step(rt));
  put(&line, "done crc ");
  put_hex(&line, fleet_outputs_crc(rt, 0));
  field(&line, "cost", sum.cost);
  field(&line, "stack", sum.stack);
  end(&line);
  return 0;
}

static int save(const fleet_runtime_t *rt, uint32_t outputs, const char *path) {
  fleet_tensor_t tensor;
  for (uint32_t i = 0; i < outputs; i++) {
    if (fleet_output(rt, i, &tensor) != 0 || !port_write(path, tensor.data, tensor.bytes))
      return complain("cannot write ", path);
  }
  return 0;
}

static int run_inputs(fleet_runtime_t *rt, const fleet_bundle_info_t *info, const options_t *options) {
  uint32_t bytes = 0;
  const uint8_t *data = port_read(options->inputs, &bytes);
  if (data == NULL) return complain("cannot read ", options->inputs);
  const uint32_t one = total_bytes(rt, info->input_count, 0);
  if (one == 0 || bytes == 0 || bytes % one != 0) return complain("not a whole number of inputs: ", options->inputs);
  for (uint32_t frame = 0; frame < bytes / one; frame++) {
    fleet_tensor_t tensor;
    if (options->reset && fleet_reset_state(rt) != 0) return complain("state cannot be reset", "");
    for (uint32_t i = 0; i < info->input_count && fleet_input(rt, i, &tensor) == 0; i++) {
      memcpy(tensor.data, data, tensor.bytes);
      data += tensor.bytes;
    }
    int code = infer(rt, options, info->step_count);
    if (code == 0 && options->outputs != NULL) code = save(rt, info->output_count, options->outputs);
    if (code != 0) return code;
  }
  return 0;
}

static int run_golden(fleet_runtime_t *rt, const fleet_bundle_info_t *info) {
  line_t line = {.length = 0};
  for (uint32_t vector = 0; vector < info->golden_count; vector++) {
    fleet_self_test_t test;
    int32_t left = fleet_self_test_begin(rt, &test, vector);
    if (left == 0) left = fleet_self_test(rt, &test, UINT32_MAX);
    if (left != 0) return fail(left, test.failed_step);
    field(&line, "golden", vector);
    put(&line, " passed");
    end(&line);
  }
  return 0;
}

static int parse(int argc, const char *const *argv, options_t *options) {
  for (int i = 1; i < argc; i++) {
    const char *arg = argv[i];
    if (strcmp(arg, "--steps") == 0) options->steps = 1;
    else if (strcmp(arg, "--reset") == 0) options->reset = 1;
    else if (strcmp(arg, "--outputs") == 0 && i + 1 < argc) options->outputs = argv[++i];
    else if (arg[0] == '-') return complain("what is ", arg);
    else if (options->bundle == NULL) options->bundle = arg;
    else if (options->inputs == NULL) options->inputs = arg;
    else return complain("too many files: ", arg);
  }
  if (options->bundle == NULL) return complain("which bundle?", "");
  return 0;
}

int fleet_run_main(int argc, const char *const *argv) {
  options_t options = {NULL, NULL, NULL, 0, 0};
  if (parse(argc, argv, &options) != 0) return 2;
  fleet_memory_t memory = {0};
  memory.bundle = port_read(options.bundle, &memory.bundle_bytes);
  if (memory.bundle == NULL) return complain("cannot read ", options.bundle);
  fleet_bundle_info_t info;
  const int32_t unfit = fleet_inspect(memory.bundle, memory.bundle_bytes, &info);
  if (unfit != 0) return fail(unfit, UINT16_MAX);
  memory.arena_bytes = info.arena_bytes;
  memory.state_bytes = info.state_bytes;
  memory.arena = port_memory(info.arena_bytes);
  memory.state = port_memory(info.state_bytes);
  fleet_runtime_t *rt = port_memory(sizeof *rt);
  if (rt == NULL || memory.arena == NULL || memory.state == NULL) return complain("not enough memory", "");
  uint32_t failed_step = 0;
  const uint64_t start = port_clock();
  const int32_t refused = fleet_load(rt, &memory, &failed_step);
  const uint64_t load = port_clock() - start;
  if (refused != 0) return fail(refused, failed_step);
  line_t line = {.length = 0};
  field(&line, "bundle", info.total_bytes);
  field(&line, "arena", info.arena_bytes);
  field(&line, "state", info.state_bytes);
  field(&line, "steps", info.step_count);
  field(&line, "load", load);
  put(&line, " unit ");
  put(&line, port_clock_unit);
  end(&line);
  const int code = options.inputs == NULL ? run_golden(rt, &info) : run_inputs(rt, &info, &options);
  if (code == 0 && !port_guards_hold()) return complain("memory behind a region was written", "");
  return code;
}
