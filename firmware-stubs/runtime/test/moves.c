// Ops that move, reduce and multiply, at the edge of their operands: the last parameters that load and the first that do not.
// What they compute is checked against TensorFlow Lite Micro (tools/oracle), random damage by corpus.c.
#include <string.h>

#include "harness.h"

enum { shape = fleet_err_bundle_shape_invalid, quantization = fleet_err_bundle_quantization_invalid };

typedef struct {
  uint16_t op;
  uint8_t dtype;
  uint32_t in[2]; // bytes; the second operand of two
  uint32_t out;
  uint8_t out_dtype; // 0 = that of the input
  uint32_t words[17];
  int32_t error;
} edge_t;

#define COPY FLEET_OP_COPY, FLEET_DTYPE_INT8
#define PAD FLEET_OP_PAD, FLEET_DTYPE_INT8
#define MEAN FLEET_OP_MEAN, FLEET_DTYPE_INT8
#define PRODUCT FLEET_OP_BATCH_MATMUL, FLEET_DTYPE_INT8
#define INT8_RANGE 0, 0xff80u << 16, 0xff007fu // zero points 0, -128..127, shift -1
#define SCALE 1u << 30, 0xffu << 16 // multiplier; offset 0, shift -1

static const edge_t edges[] = {
    // first, dims, strides: 2 rows of 3 out of 12 elements
    {COPY, {12}, 6, 0, {0, 1, 1, 1, 1, 2, 3, 0, 0, 0, 0, 9, 1}, 0},
    {COPY, {12}, 6, 0, {1, 1, 1, 1, 1, 2, 3, 0, 0, 0, 0, 9, 1}, shape},
    {COPY, {12}, 6, 0, {11, 1, 1, 1, 1, 2, 3, 0, 0, 0, 0, -9u, -1u}, 0},
    {COPY, {12}, 6, 0, {10, 1, 1, 1, 1, 2, 3, 0, 0, 0, 0, -9u, -1u}, shape},
    {COPY, {12}, 6, 0, {11, 1, 1, 1, 1, 2, 3, 0, 0, 0, 0, -8u, -2u}, shape},
    {COPY, {12}, 6, 0, {0, 1, 1, 1, 1, 2, 3, 0x7fffffffu, 0x80000000u, 5, 6, 0, 0}, 0}, // strides along extents of 1
    {COPY, {12}, 6, 0, {0, 1, 1, 1, 1, 2, 3, 0, 0, 0, 0, 0x7fffffffu, 1}, shape},
    {COPY, {12}, 6, 0, {0, 1, 1, 1, 1, 2, 3, 0, 0, 0, 0, 0x80000000u, 1}, shape},
    {COPY, {12}, 6, 0, {0, 1, 1, 1, 0, 2, 3, 0, 0, 0, 0, 0, 0}, shape},
    {COPY, {12}, 6, 0, {0, 1, 1, 1, 1, 2, 4, 0, 0, 0, 0, 0, 0}, shape},
    {COPY, {12}, 6, 0, {0, 0x10000, 0x10000, 1, 1, 2, 3, 0, 0, 0, 0, 0, 0}, shape},
    {COPY, {12}, 6, FLEET_DTYPE_UINT8, {0, 1, 1, 1, 1, 2, 3, 0, 0, 0, 0, 9, 1}, shape},
    {FLEET_OP_COPY, FLEET_DTYPE_INT32, {12}, 8, 0, {2, 1, 1, 1, 1, 1, 2, 0, 0, 0, 0, 0, -2u}, 0},
    {FLEET_OP_COPY, FLEET_DTYPE_INT32, {12}, 8, 0, {2, 1, 1, 1, 1, 1, 2, 0, 0, 0, 0, 0, 1}, shape},
    // in_dims, before, after, value, mode: one row of 3 becomes 3 rows
    {PAD, {3}, 9, 0, {1, 1, 1, 1, 3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 7, 0}, 0},
    {PAD, {3}, 9, 0, {1, 1, 1, 1, 3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 7, 0}, shape},
    {PAD, {3}, 9, 0, {1, 1, 1, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 7, 0}, shape},
    {PAD, {3}, 9, 0, {1, 1, 1, 1, 3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 7, 3}, shape},
    {PAD, {3}, 9, 0, {1, 1, 1, 1, 3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 1}, 0},  // symmetric: three each side
    {PAD, {3}, 7, 0, {1, 1, 1, 1, 3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 2}, 0},  // reflect: two each side
    {PAD, {3}, 9, 0, {1, 1, 1, 1, 3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 2}, shape},
    {PAD, {3}, 9, 0, {1, 1, 1, 1, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 2, 0, 1}, shape},
    {PAD, {3}, 9, 0, {1, 1, 1, 1, 3, 0, 0, 0, 0xffffffffu, 0, 0, 0, 0, 3, 0, 0, 0}, shape},
    // kept, strides, reduced, strides, zero_sum: 2 means of 3
    {MEAN, {6}, 2, 0, {1, 1, 2, 0, 0, 3, 1, 1, 3, 0, 0, 1, 0, SCALE}, 0},
    {MEAN, {6}, 2, 0, {1, 1, 2, 0, 0, 4, 1, 1, 3, 0, 0, 1, 0, SCALE}, shape},
    {MEAN, {6}, 2, 0, {1, 1, 2, 0, 0, 3, 1, 1, 4, 0, 0, 0, 0, SCALE}, shape}, // reads an element twice
    {MEAN, {6}, 2, 0, {1, 1, 2, 0, 0, 3, 0, 1, 3, 0, 0, 1, 0, SCALE}, shape},
    {MEAN, {6}, 3, 0, {1, 1, 2, 0, 0, 3, 1, 1, 3, 0, 0, 1, 0, SCALE}, shape},
    {MEAN, {6}, 2, 0, {1, 1, 2, 0, 0, 3, 1, 1, 3, 0, 0, 1, 0, 0x80000000u, 0}, quantization},
    {MEAN, {6}, 2, 0, {1, 1, 2, 0, 0, 3, 1, 1, 3, 0, 0, 1, 0, 1, 31u << 16}, quantization},
    {FLEET_OP_MEAN, FLEET_DTYPE_INT32, {6 * 4}, 2 * 4, 0, {1, 1, 2, 0, 0, 3, 1, 1, 3, 0, 0, 1, 0, SCALE}, shape},
    // outer, axis, inner
    {FLEET_OP_ARG_MAX, FLEET_DTYPE_INT16, {2 * 12}, 4 * 6, FLEET_DTYPE_INT32, {2, 2, 3}, 0},
    {FLEET_OP_ARG_MAX, FLEET_DTYPE_INT16, {2 * 12}, 4 * 6, FLEET_DTYPE_INT32, {2, 3, 3}, shape},
    {FLEET_OP_ARG_MAX, FLEET_DTYPE_INT8, {12}, 4 * 6, FLEET_DTYPE_INT32, {0x80000000u, 2, 2}, shape},
    {FLEET_OP_ARG_MAX, FLEET_DTYPE_INT8, {12}, 6, FLEET_DTYPE_INT8, {2, 2, 3}, shape},
    // rows of blocks of 4 and 2 bytes
    {FLEET_OP_CONCATENATION, FLEET_DTYPE_INT8, {12, 6}, 18, 0, {3}, 0},
    {FLEET_OP_CONCATENATION, FLEET_DTYPE_INT8, {12, 6}, 18, 0, {0}, shape},
    {FLEET_OP_CONCATENATION, FLEET_DTYPE_INT8, {12, 6}, 18, 0, {4}, shape},
    {FLEET_OP_CONCATENATION, FLEET_DTYPE_INT8, {12, 6}, 17, 0, {1}, shape},
    {FLEET_OP_SPLIT, FLEET_DTYPE_INT8, {12}, 12, 0, {3}, 0},
    {FLEET_OP_SPLIT, FLEET_DTYPE_INT8, {12}, 11, 0, {1}, shape},
    // batches, strides of a and b, m, k, n, offsets, range and shift, multiplier: two of 2 x 3 times one 3 x 2
    {PRODUCT, {12, 6}, 8, 0, {1, 1, 2, 0, 0, 6, 0, 0, 0, 2, 3, 2, INT8_RANGE, 1u << 30}, 0},
    {PRODUCT, {12, 6}, 8, 0, {1, 1, 2, 0, 0, 7, 0, 0, 0, 2, 3, 2, INT8_RANGE, 1u << 30}, shape},
    {PRODUCT, {12, 6}, 8, 0, {1, 1, 2, 0, 0, 6, 0, 0, 1, 2, 3, 2, INT8_RANGE, 1u << 30}, shape},
    {PRODUCT, {12, 6}, 8, 0, {1, 1, 2, 0, 0, 6, 0, 0, 0, 2, 4, 2, INT8_RANGE, 1u << 30}, shape},
    {PRODUCT, {12, 6}, 8, 0, {1, 1, 2, 0, 0, 0xffffffffu, 0, 0, 0, 2, 3, 2, INT8_RANGE, 1u << 30}, shape},
    {PRODUCT, {12, 6}, 8, 0, {1, 1, 2, 0, 0, 6, 0, 0, 0, 2, 3, 2, INT8_RANGE, 1u << 31}, quantization},
    {PRODUCT, {12, 6}, 8, 0, {1, 1, 2, 0, 0, 6, 0, 0, 0, 2, 3, 2, 200, 0xff80u << 16, 0xff007fu, 1u << 30}, quantization},
};

static uint32_t param_bytes(uint16_t op) {
  switch (op) {
    case FLEET_OP_COPY: return FLEET_COPY_PARAM_BYTES;
    case FLEET_OP_PAD: return FLEET_PAD_PARAM_BYTES;
    case FLEET_OP_MEAN: return FLEET_MEAN_PARAM_BYTES;
    case FLEET_OP_ARG_MAX: return FLEET_ARG_MAX_PARAM_BYTES;
    case FLEET_OP_GATHER: return FLEET_GATHER_PARAM_BYTES;
    case FLEET_OP_BATCH_MATMUL: return FLEET_BATCH_MATMUL_PARAM_BYTES;
    default: return FLEET_SPLIT_PARAM_BYTES;
  }
}

// One step from words, int8 tensors at the ends; the operands are as long as said, so sanitizers see a step outside.
static bundle_t single(const edge_t *e, assembly_t *a) {
  place_t in[2], out[1];
  const uint32_t operands = e->in[1] != 0 ? 2 : 1;
  for (uint32_t i = 0; i < operands; i++) {
    in[i] = arena(a, i == 1 && e->op == FLEET_OP_GATHER ? FLEET_DTYPE_INT32 : e->dtype, e->in[i]);
    a->inputs[a->input_count] = in[i];
    a->inputs[a->input_count++].dtype = FLEET_DTYPE_INT8;
  }
  out[0] = arena(a, e->out_dtype != 0 ? e->out_dtype : e->dtype, e->out);
  a->outputs[0] = out[0];
  a->outputs[0].dtype = FLEET_DTYPE_INT8;
  a->output_count = 1;
  const uint32_t bytes = param_bytes(e->op);
  uint8_t *params = step(a, e->op, in, operands, out, 1, bytes);
  for (uint32_t i = 0; i < bytes / 4; i++) put32(params + i * 4, e->words[i]);
  return assemble(a);
}

// An index outside the axis means its end, whatever an input holds.
static void test_gather_clamps(void) {
  static const edge_t gather = {FLEET_OP_GATHER, FLEET_DTYPE_INT8, {3, 16}, 4, 0, {1, 1, 3, 4, 1}, 0};
  static const uint32_t indices[4] = {0x80000000u, 1, 2, 3};
  assembly_t a;
  memset(&a, 0, sizeof a);
  bundle_t b = single(&gather, &a);
  machine_t m;
  fleet_tensor_t tensor;
  expect_error(start(&m, &b, NULL), 0);
  expect(fleet_input(&m.rt, 0, &tensor) == 0);
  memcpy(tensor.data, "\1\2\3", 3);
  expect(fleet_input(&m.rt, 1, &tensor) == 0);
  for (uint32_t i = 0; i < 4; i++) put32((uint8_t *)tensor.data + i * 4, indices[i]);
  expect(fleet_begin(&m.rt) == 0 && fleet_run(&m.rt, 1) == 0);
  expect(fleet_output(&m.rt, 0, &tensor) == 0 && memcmp(tensor.data, "\1\2\3\3", 4) == 0);
  expect(canaries_are_alive(&m));
  stop(&m);
  release_bundle(&b);
  release_assembly(&a);
}

void test_moves(void) {
  for (uint32_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
    assembly_t a;
    memset(&a, 0, sizeof a);
    bundle_t b = single(&edges[i], &a);
    machine_t m;
    expect_error(start(&m, &b, NULL), edges[i].error);
    stop(&m);
    exercise(&b);
    release_bundle(&b);
    release_assembly(&a);
  }
  test_gather_clamps();
}
