// Element-wise ops at the edges of what the loader accepts: any types, extreme offsets, multipliers and shifts, broadcast and in
// place. Those whose definition is one requantization are compared with it; for all, nothing is written outside the output, and
// what the loader must refuse is refused. The vectors of tools/oracle say what the values are.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "reference.h"

static const uint16_t binary_ops[] = {FLEET_OP_ADD,     FLEET_OP_SUB,     FLEET_OP_MUL,  FLEET_OP_DIV,
                                      FLEET_OP_MAXIMUM, FLEET_OP_MINIMUM, FLEET_OP_PRELU};
static const uint16_t unary_ops[] = {FLEET_OP_RELU,       FLEET_OP_RELU6,    FLEET_OP_RELU_N1_TO_1, FLEET_OP_LEAKY_RELU,
                                     FLEET_OP_HARD_SWISH, FLEET_OP_LOGISTIC, FLEET_OP_TANH,         FLEET_OP_QUANTIZE};
enum { binary_count = sizeof binary_ops / sizeof *binary_ops, unary_count = sizeof unary_ops / sizeof *unary_ops };

typedef struct {
  assembly_t assembly;
  uint8_t *params;
  uint16_t op;
  uint32_t elements, from, to;
} element_t;

static uint32_t bytes_of_type(uint32_t dtype) {
  return dtype == FLEET_DTYPE_INT32 ? 4 : dtype == FLEET_DTYPE_INT16 ? 2 : 1;
}

static int32_t extreme_multiplier(void) {
  return below(4) == 0 ? between(0, 1) * INT32_MAX : between(1 << 30, INT32_MAX);
}

static int32_t extreme_of(uint32_t dtype) {
  const int32_t low = dtype == FLEET_DTYPE_INT16 ? -32768 : dtype == FLEET_DTYPE_UINT8 ? 0 : -128;
  const int32_t high = dtype == FLEET_DTYPE_INT16 ? 32767 : dtype == FLEET_DTYPE_UINT8 ? 255 : 127;
  return dtype == FLEET_DTYPE_INT32 ? 0 : below(3) == 0 ? low : below(3) == 0 ? high : between(low, high);
}

static void put_range(uint8_t *low, uint8_t *high, uint32_t dtype) {
  const int32_t a = extreme_of(dtype), b = extreme_of(dtype);
  put16(low, (uint32_t)(a < b ? a : b));
  put16(high, (uint32_t)(a < b ? b : a));
}

// minus a zero point; -32768 has none in 16 bits
static uint32_t offset_of(uint32_t dtype) {
  const int32_t zero = extreme_of(dtype);
  return (uint32_t)-(zero == -32768 ? -32767 : zero);
}

static element_t random_binary(uint16_t op) {
  element_t e;
  memset(&e, 0, sizeof e);
  assembly_t *a = &e.assembly;
  const int wide = op != FLEET_OP_DIV && below(2), sum = op == FLEET_OP_ADD || op == FLEET_OP_SUB;
  const uint32_t dtype = wide ? FLEET_DTYPE_INT16 : FLEET_DTYPE_INT8, second = op == FLEET_OP_PRELU ? FLEET_DTYPE_INT8 : dtype;
  uint32_t dims[5], strides[2][5], n[2] = {1, 1}, all = 1;
  const uint32_t broadcast = below(3);
  for (int i = 4; i >= 0; i--) {
    dims[i] = 1 + below(i == 4 ? 70 : 3);
    for (uint32_t side = 0; side < 2; side++) {
      strides[side][i] = broadcast == side + 1 && below(2) ? 0 : n[side];
      if (strides[side][i] != 0) n[side] *= dims[i];
    }
    all *= dims[i];
  }
  const place_t in[2] = {arena(a, dtype, n[0] * bytes_of_type(dtype)), arena(a, second, n[1] * bytes_of_type(second))};
  const place_t out = n[0] == all && below(2) ? in[0] : arena(a, dtype, all * bytes_of_type(dtype));
  a->inputs[a->input_count++] = in[0];
  a->inputs[a->input_count++] = in[1];
  a->outputs[a->output_count++] = out;
  uint8_t *p = e.params = step(a, op, in, 2, &out, 1, FLEET_ADD_PARAM_BYTES);
  for (uint32_t i = 0; i < 5; i++) {
    put32(p + FLEET_ADD_DIMS + i * 4, dims[i]);
    put32(p + FLEET_ADD_A_STRIDES + i * 4, strides[0][i]);
    put32(p + FLEET_ADD_B_STRIDES + i * 4, strides[1][i]);
  }
  const int plain = op == FLEET_OP_MUL && wide; // no zero points
  put16(p + FLEET_ADD_A_OFFSET, plain ? 0 : offset_of(dtype));
  put16(p + FLEET_ADD_B_OFFSET, plain ? 0 : offset_of(second));
  put16(p + FLEET_ADD_OUTPUT_OFFSET, (uint32_t)extreme_of(dtype));
  put_range(p + FLEET_ADD_ACTIVATION_MIN, p + FLEET_ADD_ACTIVATION_MAX, dtype);
  p[FLEET_ADD_LEFT_SHIFT] = (uint8_t)(below(2) ? (wide ? 15 : 20) : below(wide ? 16 : 21));
  p[FLEET_ADD_A_SHIFT] = (uint8_t)between(-31, sum ? 0 : 30);
  p[FLEET_ADD_B_SHIFT] = (uint8_t)between(-31, sum ? 0 : 30);
  p[FLEET_ADD_OUTPUT_SHIFT] = (uint8_t)between(-31, sum ? 0 : 30);
  put32(p + FLEET_ADD_A_MULTIPLIER, (uint32_t)extreme_multiplier());
  put32(p + FLEET_ADD_B_MULTIPLIER, (uint32_t)extreme_multiplier());
  put32(p + FLEET_ADD_OUTPUT_MULTIPLIER, (uint32_t)extreme_multiplier());
  e.op = op, e.elements = all, e.from = e.to = dtype;
  return e;
}

static element_t random_unary(uint16_t op) {
  static const uint32_t types[] = {FLEET_DTYPE_INT8, FLEET_DTYPE_INT16, FLEET_DTYPE_UINT8, FLEET_DTYPE_INT32};
  element_t e;
  memset(&e, 0, sizeof e);
  assembly_t *a = &e.assembly;
  const int curve = op == FLEET_OP_LOGISTIC || op == FLEET_OP_TANH, quantize = op == FLEET_OP_QUANTIZE;
  e.op = op;
  e.from = types[below(quantize ? 4 : op == FLEET_OP_HARD_SWISH ? 1 : 2)];
  e.to = quantize ? types[below(4)] : e.from;
  e.elements = below(2) ? 1 + below(40) : 250 + below(20); // up to and beyond the table of all bytes
  const int wide_curve = curve && e.from == FLEET_DTYPE_INT16;
  uint8_t table[512];
  for (uint32_t i = 0; i < sizeof table; i++) table[i] = (uint8_t)rnd();
  const place_t in[2] = {arena(a, e.from, e.elements * bytes_of_type(e.from)),
                         wide_curve ? constant(a, FLEET_DTYPE_INT16, table, sizeof table) : none()};
  const int in_place = bytes_of_type(e.from) == bytes_of_type(e.to) && below(2);
  place_t out = in_place ? in[0] : arena(a, e.to, e.elements * bytes_of_type(e.to));
  out.dtype = (uint8_t)e.to;
  a->inputs[a->input_count++] = in[0];
  a->outputs[a->output_count++] = out;
  uint8_t *p = e.params = step(a, op, in, curve ? 2 : 1, &out, 1, FLEET_RELU_PARAM_BYTES);
  const int swish = op == FLEET_OP_HARD_SWISH;
  put32(p + FLEET_RELU_ELEMENTS, e.elements);
  put16(p + FLEET_RELU_INPUT_ZERO_POINT, wide_curve ? 0 : (uint32_t)extreme_of(e.from));
  put16(p + FLEET_RELU_OUTPUT_OFFSET, (uint32_t)extreme_of(e.to));
  if (e.to != FLEET_DTYPE_INT32) put_range(p + FLEET_RELU_ACTIVATION_MIN, p + FLEET_RELU_ACTIVATION_MAX, e.to);
  put16(p + FLEET_RELU_RADIUS, rnd());
  put32(p + FLEET_RELU_MULTIPLIER, wide_curve || swish ? below(32768) : (uint32_t)extreme_multiplier());
  p[FLEET_RELU_SHIFT] = (uint8_t)(wide_curve ? between(0, 31) : swish ? between(-15, 0) : between(-31, 30));
  put32(p + FLEET_RELU_SECOND_MULTIPLIER, swish ? below(32768) : (uint32_t)(below(2) ? extreme_multiplier() : -extreme_multiplier()));
  p[FLEET_RELU_SECOND_SHIFT] = (uint8_t)(swish ? between(-15, 30) : between(-31, 30));
  return e;
}

static int32_t value_of(const uint8_t *at, uint32_t dtype) {
  const uint32_t low = at[0];
  if (dtype == FLEET_DTYPE_UINT8) return (int32_t)low;
  if (dtype == FLEET_DTYPE_INT8) return (int8_t)low;
  if (dtype == FLEET_DTYPE_INT16) return (int16_t)(uint16_t)(low | (uint32_t)at[1] << 8);
  return (int32_t)(low | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
}

static int32_t i16_at(const uint8_t *p, uint32_t offset) { return value_of(p + offset, FLEET_DTYPE_INT16); }

// RELU and its kin, QUANTIZE: requantize, move, clamp.
static void check_unary(const element_t *e, const uint8_t *x, const uint8_t *y) {
  const uint8_t *p = e->params;
  const int plain = e->op == FLEET_OP_RELU || e->op == FLEET_OP_RELU6 || e->op == FLEET_OP_RELU_N1_TO_1 || e->op == FLEET_OP_QUANTIZE;
  const int all = e->to == FLEET_DTYPE_INT32;
  const int64_t low = all ? INT32_MIN : i16_at(p, FLEET_RELU_ACTIVATION_MIN), high = all ? INT32_MAX : i16_at(p, FLEET_RELU_ACTIVATION_MAX);
  for (uint32_t i = 0; i < e->elements; i++) {
    const int64_t got = value_of(y + i * bytes_of_type(e->to), e->to);
    int64_t wanted = got < low ? low : got > high ? high : got;
    if (plain) {
      const int32_t q = (int32_t)((uint32_t)value_of(x + i * bytes_of_type(e->from), e->from) - (uint32_t)i16_at(p, FLEET_RELU_INPUT_ZERO_POINT));
      wanted = (int64_t)reference_requantize(q, value_of(p + FLEET_RELU_MULTIPLIER, FLEET_DTYPE_INT32), (int8_t)p[FLEET_RELU_SHIFT]) +
               i16_at(p, FLEET_RELU_OUTPUT_OFFSET);
      wanted = wanted < low ? low : wanted > high ? high : wanted;
    }
    if (got == wanted) continue;
    failures++;
    printf("FAIL op %u from type %u to %u: element %u is %d, not %d\n", e->op, (unsigned)e->from, (unsigned)e->to, (unsigned)i, (int)got, (int)wanted);
    return;
  }
}

static void run_element(element_t *e, int unary) {
  bundle_t bundle = assemble(&e->assembly);
  machine_t m;
  uint32_t failed = 0;
  const int32_t error = start(&m, &bundle, &failed);
  const place_t in = e->assembly.inputs[0], out = e->assembly.outputs[0];
  uint8_t *x = malloc(in.bytes);
  if (x == NULL) abort();
  if (error != 0) {
    failures++;
    printf("FAIL op %u from type %u to %u: load gives %d\n", e->op, (unsigned)e->from, (unsigned)e->to, (int)error);
  } else {
    for (uint32_t i = 0; i < m.arena_bytes; i++) m.arena[i] = (uint8_t)(below(4) == 0 ? 0x80 : below(4) == 0 ? 0x7f : rnd());
    memcpy(x, m.arena + in.offset, in.bytes);
    expect(fleet_begin(&m.rt) == 0);
    expect(fleet_run(&m.rt, 100) == 0);
    expect(canaries_are_alive(&m));
    if (unary) check_unary(e, x, m.arena + out.offset);
  }
  free(x);
  stop(&m);
  release_bundle(&bundle);
}

static void expect_refused(element_t *e, uint32_t field, uint32_t bytes, uint32_t value) {
  uint8_t kept[4];
  memcpy(kept, e->params + field, bytes);
  for (uint32_t i = 0; i < bytes; i++) e->params[field + i] = (uint8_t)(value >> (8 * i));
  bundle_t bundle = assemble(&e->assembly);
  machine_t m;
  uint32_t failed = 0;
  const int32_t error = start(&m, &bundle, &failed);
  if (error != -fleet_err_bundle_quantization_invalid && error != -fleet_err_bundle_shape_invalid) {
    failures++;
    printf("FAIL op %u: field %u = %u gives %d\n", e->op, (unsigned)field, (unsigned)value, (int)error);
  }
  stop(&m);
  release_bundle(&bundle);
  memcpy(e->params + field, kept, bytes);
}

static void test_refusals(void) {
  for (uint32_t i = 0; i < binary_count; i++) {
    element_t e = random_binary(binary_ops[i]);
    const int sum = e.op == FLEET_OP_ADD || e.op == FLEET_OP_SUB, narrow = e.from == FLEET_DTYPE_INT8;
    for (uint32_t d = 0; d < 5; d++) {
      expect_refused(&e, FLEET_ADD_DIMS + d * 4, 4, 0);
      expect_refused(&e, FLEET_ADD_DIMS + d * 4, 4, UINT32_MAX);
    }
    for (uint32_t shift = 0; shift < 3; shift++) {
      const uint32_t at = shift == 0 ? FLEET_ADD_A_SHIFT : shift == 1 ? FLEET_ADD_B_SHIFT : FLEET_ADD_OUTPUT_SHIFT;
      expect_refused(&e, at, 1, (uint32_t)-32);
      expect_refused(&e, at, 1, sum ? 1 : 31);
    }
    expect_refused(&e, FLEET_ADD_A_MULTIPLIER, 4, 0x80000000u);
    expect_refused(&e, FLEET_ADD_B_MULTIPLIER, 4, UINT32_MAX);
    expect_refused(&e, FLEET_ADD_OUTPUT_MULTIPLIER, 4, 0x80000000u);
    expect_refused(&e, FLEET_ADD_LEFT_SHIFT, 1, narrow ? 21 : 16);
    expect_refused(&e, FLEET_ADD_LEFT_SHIFT, 1, 0xff);
    if (narrow) expect_refused(&e, FLEET_ADD_A_OFFSET, 2, 129);
    if (narrow) expect_refused(&e, FLEET_ADD_B_OFFSET, 2, (uint32_t)-128);
    if (e.op == FLEET_OP_MUL && !narrow) expect_refused(&e, FLEET_ADD_B_OFFSET, 2, 1);
    put16(e.params + FLEET_ADD_ACTIVATION_MIN, 5);
    expect_refused(&e, FLEET_ADD_ACTIVATION_MAX, 2, 4);
    release_assembly(&e.assembly);
  }
  for (uint32_t i = 0; i < unary_count; i++) {
    element_t e = random_unary(unary_ops[i]);
    const int curve = e.op == FLEET_OP_LOGISTIC || e.op == FLEET_OP_TANH, wide = e.from == FLEET_DTYPE_INT16;
    expect_refused(&e, FLEET_RELU_ELEMENTS, 4, 0);
    expect_refused(&e, FLEET_RELU_ELEMENTS, 4, e.elements + 1);
    expect_refused(&e, FLEET_RELU_MULTIPLIER, 4, 0x80000000u);
    expect_refused(&e, FLEET_RELU_SHIFT, 1, 32);
    expect_refused(&e, FLEET_RELU_SHIFT, 1, (uint32_t)(curve && wide ? -1 : -32));
    expect_refused(&e, FLEET_RELU_SECOND_SHIFT, 1, 31);
    expect_refused(&e, FLEET_RELU_SECOND_MULTIPLIER, 4, 0x80000000u);
    if (curve && wide) expect_refused(&e, FLEET_RELU_MULTIPLIER, 4, 32768);
    if (curve && wide) expect_refused(&e, FLEET_RELU_INPUT_ZERO_POINT, 2, 1);
    if (e.op == FLEET_OP_HARD_SWISH) expect_refused(&e, FLEET_RELU_SHIFT, 1, 1);
    if (e.from == FLEET_DTYPE_INT8) expect_refused(&e, FLEET_RELU_INPUT_ZERO_POINT, 2, 129);
    release_assembly(&e.assembly);
  }
}

void test_elements(uint32_t rounds) {
  test_refusals();
  for (uint32_t i = 0; i < rounds; i++) {
    element_t e = random_binary(binary_ops[i % binary_count]);
    run_element(&e, 0);
    release_assembly(&e.assembly);
    e = random_unary(unary_ops[i % unary_count]);
    run_element(&e, 1);
    release_assembly(&e.assembly);
  }
}
