// Every kernel against its slow definition, over random shapes, strides, pads, zero points and extreme values; and a
// random bundle of each kind for test_load. Operands are as long as their shapes, so sanitizers see any step outside.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "reference.h"

typedef struct {
  assembly_t assembly;
  int8_t *weights;
  int32_t *bias;
  int32_t *multipliers;
  int8_t *shifts;
  uint32_t channels;
  int has_bias;
} layer_t;

static int8_t extreme(void) {
  const uint32_t kind = below(8);
  return kind == 0 ? -128 : kind == 1 ? 127 : (int8_t)between(-128, 127);
}

static void *filled(uint32_t bytes) {
  int8_t *data = malloc(bytes > 0 ? bytes : 1);
  if (data == NULL) abort();
  for (uint32_t i = 0; i < bytes; i++) data[i] = extreme();
  return data;
}

// Weights, optional bias and requantization of `channels` channels whose accumulators sum `terms` products.
static layer_t make_layer(uint32_t weights, uint32_t channels, uint32_t tables, uint32_t terms) {
  layer_t l;
  memset(&l, 0, sizeof l);
  l.weights = filled(weights);
  l.channels = channels;
  l.bias = malloc(channels * 4);
  l.multipliers = malloc(tables * 4);
  l.shifts = malloc(tables);
  if (l.bias == NULL || l.multipliers == NULL || l.shifts == NULL) abort();
  l.has_bias = below(4) != 0;
  const int wild = below(4) == 0; // accumulators and shifts of the whole range, not those of a model
  int scale = 0; // brings an accumulator of this many terms into int8 range
  while ((terms >> scale) != 0) scale++;
  for (uint32_t i = 0; i < channels; i++) l.bias[i] = !l.has_bias ? 0 : wild ? (int32_t)(rnd() >> below(24)) / 2 * (below(2) ? 1 : -1) : between(-100000, 100000);
  for (uint32_t i = 0; i < tables; i++) {
    l.multipliers[i] = below(20) == 0 ? between(0, 1) * INT32_MAX : between(wild ? 0 : 1 << 30, INT32_MAX);
    l.shifts[i] = (int8_t)(wild ? between(-30, 0) : below(20) == 0 ? between(-31, 30) : between(-7, -3) - scale / 2);
  }
  return l;
}

static void release_layer(layer_t *l) {
  free(l->weights);
  free(l->bias);
  free(l->multipliers);
  free(l->shifts);
  release_assembly(&l->assembly);
}

static place_t int32_constant(assembly_t *a, const int32_t *values, uint32_t n) {
  uint8_t *bytes = malloc(n * 4);
  if (bytes == NULL) abort();
  for (uint32_t i = 0; i < n; i++) put32(bytes + i * 4, (uint32_t)values[i]);
  const place_t place = constant(a, FLEET_DTYPE_INT32, bytes, n * 4);
  free(bytes);
  return place;
}

static void operands(layer_t *l, uint32_t in_bytes, uint32_t weight_bytes, uint32_t out_bytes, uint32_t tables, place_t in[5],
                     place_t out[1]) {
  assembly_t *a = &l->assembly;
  in[0] = arena(a, FLEET_DTYPE_INT8, in_bytes);
  in[1] = constant(a, FLEET_DTYPE_INT8, l->weights, weight_bytes);
  in[2] = l->has_bias ? int32_constant(a, l->bias, l->channels) : none();
  in[3] = int32_constant(a, l->multipliers, tables);
  in[4] = constant(a, FLEET_DTYPE_INT8, l->shifts, tables);
  out[0] = arena(a, FLEET_DTYPE_INT8, out_bytes);
  a->inputs[a->input_count++] = in[0];
  a->outputs[a->output_count++] = out[0];
}

static void fit(int in, int filter, int stride, int dilation, int *pad, int *out) {
  const int window = (filter - 1) * dilation + 1;
  *pad = below(2) ? (int)below((uint32_t)window) : 0;
  const int most = (in + 2 * *pad - window) / stride + 1;
  *out = most < 1 ? 1 : most;
}

static window_t random_window(int depthwise) {
  window_t p;
  memset(&p, 0, sizeof p);
  p.batches = between(1, 2);
  p.in_h = between(1, 9);
  p.in_w = between(1, 9);
  const int point = below(4) == 0;
  p.filter_h = point ? 1 : between(1, 4);
  p.filter_w = point ? 1 : between(1, 4);
  p.stride_h = between(1, 3);
  p.stride_w = between(1, 3);
  p.dilation_h = below(3) ? 1 : between(1, 3);
  p.dilation_w = below(3) ? 1 : between(1, 3);
  p.groups = 1;
  p.multiplier = 1;
  if (depthwise) {
    p.in_c = below(4) == 0 ? 1 : between(1, 40);
    p.multiplier = below(3) ? 1 : between(1, 9);
    p.out_c = p.in_c * p.multiplier;
  } else {
    p.groups = below(4) ? 1 : between(1, 3);
    p.in_c = p.groups * between(1, below(2) ? 4 : 40);
    p.out_c = p.groups * between(1, 20);
  }
  fit(p.in_h, p.filter_h, p.stride_h, p.dilation_h, &p.pad_top, &p.out_h);
  fit(p.in_w, p.filter_w, p.stride_w, p.dilation_w, &p.pad_left, &p.out_w);
  p.input_offset = below(4) ? between(-127, 128) : below(2) ? 128 : -127;
  p.weights_offset = below(4) ? 0 : between(-128, 128);
  p.output_offset = between(-128, 127);
  p.low = below(2) ? -128 : between(-128, 0);
  p.high = below(2) ? 127 : between(1, 127);
  return p;
}

static void put_i16s(uint8_t *at, const int *values, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) put16(at + i * 2, (uint32_t)values[i]);
}

static layer_t conv_layer(const window_t *p) {
  const uint32_t in = (uint32_t)(p->batches * p->in_h * p->in_w * p->in_c), out = (uint32_t)(p->batches * p->out_h * p->out_w * p->out_c);
  const uint32_t terms = (uint32_t)(p->filter_h * p->filter_w * (p->in_c / p->groups)), weights = terms * (uint32_t)p->out_c;
  layer_t l = make_layer(weights, (uint32_t)p->out_c, (uint32_t)p->out_c, terms);
  place_t inputs[5], outputs[1];
  operands(&l, in, weights, out, (uint32_t)p->out_c, inputs, outputs);
  const int values[] = {p->batches,  p->in_h,     p->in_w,       p->in_c,       p->out_h,   p->out_w,    p->out_c,        p->filter_h,       p->filter_w,      p->stride_h, p->stride_w,
                        p->dilation_h, p->dilation_w, p->pad_top, p->pad_left, p->groups, p->input_offset, p->weights_offset, p->output_offset, p->low,      p->high};
  put_i16s(step(&l.assembly, FLEET_OP_CONV_2D, inputs, 5, outputs, 1, FLEET_CONV_2D_PARAM_BYTES), values, 21);
  return l;
}

static layer_t depthwise_layer(const window_t *p) {
  const uint32_t in = (uint32_t)(p->batches * p->in_h * p->in_w * p->in_c), out = (uint32_t)(p->batches * p->out_h * p->out_w * p->out_c);
  const uint32_t terms = (uint32_t)(p->filter_h * p->filter_w), weights = terms * (uint32_t)p->out_c;
  layer_t l = make_layer(weights, (uint32_t)p->out_c, (uint32_t)p->out_c, terms);
  place_t inputs[5], outputs[1];
  operands(&l, in, weights, out, (uint32_t)p->out_c, inputs, outputs);
  const int values[] = {p->batches,  p->in_h,     p->in_w,       p->in_c,    p->out_h,    p->out_w,        p->multiplier,     p->filter_h,      p->filter_w, p->stride_h, p->stride_w,
                        p->dilation_h, p->dilation_w, p->pad_top, p->pad_left, p->input_offset, p->weights_offset, p->output_offset, p->low,      p->high};
  put_i16s(step(&l.assembly, FLEET_OP_DEPTHWISE_CONV_2D, inputs, 5, outputs, 1, FLEET_DEPTHWISE_CONV_2D_PARAM_BYTES), values, 20);
  return l;
}

static layer_t dense_layer(const window_t *p, int per_channel) {
  const uint32_t tables = per_channel ? (uint32_t)p->out_c : 1, weights = (uint32_t)(p->in_c * p->out_c);
  layer_t l = make_layer(weights, (uint32_t)p->out_c, tables, (uint32_t)p->in_c);
  place_t inputs[5], outputs[1];
  operands(&l, (uint32_t)(p->batches * p->in_c), weights, (uint32_t)(p->batches * p->out_c), tables, inputs, outputs);
  uint8_t *params = step(&l.assembly, FLEET_OP_FULLY_CONNECTED, inputs, 5, outputs, 1, FLEET_FULLY_CONNECTED_PARAM_BYTES);
  put32(params + FLEET_FULLY_CONNECTED_BATCHES, (uint32_t)p->batches);
  put32(params + FLEET_FULLY_CONNECTED_IN_N, (uint32_t)p->in_c);
  put32(params + FLEET_FULLY_CONNECTED_OUT_N, (uint32_t)p->out_c);
  const int values[] = {p->input_offset, p->weights_offset, p->output_offset, p->low, p->high};
  put_i16s(params + FLEET_FULLY_CONNECTED_INPUT_OFFSET, values, 5);
  params[FLEET_FULLY_CONNECTED_PER_CHANNEL] = (uint8_t)per_channel;
  return l;
}

static assembly_t pool_assembly(window_t *p, int average) {
  assembly_t a;
  memset(&a, 0, sizeof a);
  // Windows that see nothing are refused: pads stay below the filter, the last window starts inside the input.
  p->dilation_h = p->dilation_w = 1;
  p->pad_top = (int)below((uint32_t)p->filter_h);
  p->pad_left = (int)below((uint32_t)p->filter_w);
  p->out_h = 1 + (int)below((uint32_t)((p->in_h + p->pad_top - 1) / p->stride_h + 1));
  p->out_w = 1 + (int)below((uint32_t)((p->in_w + p->pad_left - 1) / p->stride_w + 1));
  p->out_c = p->in_c;
  const place_t in = arena(&a, FLEET_DTYPE_INT8, (uint32_t)(p->batches * p->in_h * p->in_w * p->in_c));
  const place_t out = arena(&a, FLEET_DTYPE_INT8, (uint32_t)(p->batches * p->out_h * p->out_w * p->in_c));
  a.inputs[a.input_count++] = in;
  a.outputs[a.output_count++] = out;
  const int values[] = {p->batches, p->in_h, p->in_w, p->in_c, p->out_h, p->out_w, p->filter_h, p->filter_w, p->stride_h, p->stride_w, p->pad_top, p->pad_left, p->low, p->high};
  put_i16s(step(&a, average ? FLEET_OP_AVERAGE_POOL_2D : FLEET_OP_MAX_POOL_2D, &in, 1, &out, 1, FLEET_AVERAGE_POOL_2D_PARAM_BYTES), values, 14);
  return a;
}

static assembly_t softmax_assembly(uint32_t rows, uint32_t depth, int wide, int32_t multiplier, int shift, int diff_min) {
  assembly_t a;
  memset(&a, 0, sizeof a);
  const place_t in[3] = {arena(&a, FLEET_DTYPE_INT8, rows * depth), none(), none()};
  const place_t out = arena(&a, wide ? FLEET_DTYPE_INT16 : FLEET_DTYPE_INT8, rows * depth * (wide ? 2 : 1));
  a.inputs[a.input_count++] = in[0];
  a.outputs[a.output_count++] = out;
  uint8_t *params = step(&a, FLEET_OP_SOFTMAX, in, 3, &out, 1, FLEET_SOFTMAX_PARAM_BYTES);
  put32(params + FLEET_SOFTMAX_ROWS, rows);
  put32(params + FLEET_SOFTMAX_DEPTH, depth);
  put32(params + FLEET_SOFTMAX_MULTIPLIER, (uint32_t)multiplier);
  params[FLEET_SOFTMAX_SHIFT] = (uint8_t)shift;
  put16(params + FLEET_SOFTMAX_DIFF_MIN, (uint32_t)diff_min);
  return a;
}

typedef struct {
  uint32_t dims[5], a_strides[5], b_strides[5];
  int a_offset, b_offset, output_offset, low, high, left, a_shift, b_shift, output_shift;
  int32_t a_multiplier, b_multiplier, output_multiplier;
  uint32_t a_n, b_n, n;
} add_t;

static add_t random_add(void) {
  add_t p;
  memset(&p, 0, sizeof p);
  p.n = p.a_n = p.b_n = 1;
  const uint32_t broadcast = below(3); // 0 none, 1 a, 2 b
  for (int i = 4; i >= 0; i--) {
    p.dims[i] = 1 + below(i == 4 ? 20 : 3);
    const int shrink = broadcast != 0 && below(2);
    p.a_strides[i] = broadcast == 1 && shrink ? 0 : p.a_n;
    p.b_strides[i] = broadcast == 2 && shrink ? 0 : p.b_n;
    if (p.a_strides[i] != 0) p.a_n *= p.dims[i];
    if (p.b_strides[i] != 0) p.b_n *= p.dims[i];
    p.n *= p.dims[i];
  }
  p.a_offset = between(-127, 128);
  p.b_offset = between(-127, 128);
  p.output_offset = between(-128, 127);
  p.low = between(-128, -1);
  p.high = between(0, 127);
  p.left = 20;
  p.a_multiplier = between(1 << 30, INT32_MAX);
  p.b_multiplier = between(1 << 30, INT32_MAX);
  p.output_multiplier = between(1 << 30, INT32_MAX);
  p.a_shift = between(-3, 0);
  p.b_shift = between(-3, 0);
  p.output_shift = between(-21, -15);
  return p;
}

static assembly_t add_assembly(const add_t *p, int in_place) {
  assembly_t a;
  memset(&a, 0, sizeof a);
  const place_t in[2] = {arena(&a, FLEET_DTYPE_INT8, p->a_n), arena(&a, FLEET_DTYPE_INT8, p->b_n)};
  const place_t out = in_place ? in[0] : arena(&a, FLEET_DTYPE_INT8, p->n);
  a.inputs[a.input_count++] = in[0];
  a.inputs[a.input_count++] = in[1];
  a.outputs[a.output_count++] = out;
  uint8_t *params = step(&a, FLEET_OP_ADD, in, 2, &out, 1, FLEET_ADD_PARAM_BYTES);
  for (uint32_t i = 0; i < 5; i++) {
    put32(params + FLEET_ADD_DIMS + i * 4, p->dims[i]);
    put32(params + FLEET_ADD_A_STRIDES + i * 4, p->a_strides[i]);
    put32(params + FLEET_ADD_B_STRIDES + i * 4, p->b_strides[i]);
  }
  const int values[] = {p->a_offset, p->b_offset, p->output_offset, p->low, p->high};
  put_i16s(params + FLEET_ADD_A_OFFSET, values, 5);
  params[FLEET_ADD_LEFT_SHIFT] = (uint8_t)p->left;
  params[FLEET_ADD_A_SHIFT] = (uint8_t)p->a_shift;
  put32(params + FLEET_ADD_A_MULTIPLIER, (uint32_t)p->a_multiplier);
  put32(params + FLEET_ADD_B_MULTIPLIER, (uint32_t)p->b_multiplier);
  put32(params + FLEET_ADD_OUTPUT_MULTIPLIER, (uint32_t)p->output_multiplier);
  params[FLEET_ADD_B_SHIFT] = (uint8_t)p->b_shift;
  params[FLEET_ADD_OUTPUT_SHIFT] = (uint8_t)p->output_shift;
  return a;
}

static assembly_t reshape_assembly(uint32_t bytes, int in_place) {
  assembly_t a;
  memset(&a, 0, sizeof a);
  const place_t in = arena(&a, FLEET_DTYPE_INT8, bytes);
  const place_t out = in_place ? in : arena(&a, FLEET_DTYPE_INT8, bytes);
  a.inputs[a.input_count++] = in;
  a.outputs[a.output_count++] = out;
  put32(step(&a, FLEET_OP_RESHAPE, &in, 1, &out, 1, FLEET_RESHAPE_PARAM_BYTES), bytes);
  return a;
}

// Runs the one-step bundle on `inputs`; returns its output, which is freed by the caller, or NULL after a failure.
static uint8_t *run_once(const assembly_t *a, const void *const *inputs, const char *what) {
  bundle_t bundle = assemble(a);
  machine_t m;
  uint32_t failed = 0;
  uint8_t *result = NULL;
  const int32_t error = start(&m, &bundle, &failed);
  if (error != 0) {
    failures++;
    printf("FAIL %s: load gives %d at step %u\n", what, (int)error, (unsigned)failed);
  } else {
    for (uint32_t i = 0; i < a->input_count; i++) memcpy(m.arena + a->inputs[i].offset, inputs[i], a->inputs[i].bytes);
    expect(fleet_begin(&m.rt) == 0);
    expect(fleet_run(&m.rt, 100) == 0);
    expect(canaries_are_alive(&m));
    result = malloc(a->outputs[0].bytes);
    if (result == NULL) abort();
    memcpy(result, m.arena + a->outputs[0].offset, a->outputs[0].bytes);
  }
  stop(&m);
  release_bundle(&bundle);
  return result;
}

static void compare(const assembly_t *a, const void *input, const int8_t *wanted, const char *what, const window_t *p) {
  uint8_t *got = run_once(a, &input, what);
  if (got != NULL && memcmp(got, wanted, a->outputs[0].bytes) != 0) {
    failures++;
    printf("FAIL %s: in %dx%dx%dx%d out %dx%dx%d filter %dx%d stride %dx%d dilation %dx%d pad %d,%d groups %d multiplier %d\n",
           what, p->batches, p->in_h, p->in_w, p->in_c, p->out_h, p->out_w, p->out_c, p->filter_h, p->filter_w, p->stride_h,
           p->stride_w, p->dilation_h, p->dilation_w, p->pad_top, p->pad_left, p->groups, p->multiplier);
  }
  free(got);
}

static void test_windows(void) {
  window_t p = random_window(0);
  layer_t l = conv_layer(&p);
  int8_t *x = filled(l.assembly.inputs[0].bytes), *y = filled(l.assembly.outputs[0].bytes);
  reference_conv(&p, x, l.weights, l.bias, l.multipliers, l.shifts, y);
  compare(&l.assembly, x, y, "CONV_2D", &p);
  release_layer(&l);
  free(x);
  free(y);

  p = random_window(1);
  l = depthwise_layer(&p);
  x = filled(l.assembly.inputs[0].bytes), y = filled(l.assembly.outputs[0].bytes);
  reference_depthwise(&p, x, l.weights, l.bias, l.multipliers, l.shifts, y);
  compare(&l.assembly, x, y, "DEPTHWISE_CONV_2D", &p);
  release_layer(&l);
  free(x);
  free(y);

  for (int average = 0; average < 2; average++) {
    p = random_window(1);
    assembly_t a = pool_assembly(&p, average);
    x = filled(a.inputs[0].bytes), y = filled(a.outputs[0].bytes);
    reference_pool(&p, average, x, y);
    compare(&a, x, y, average ? "AVERAGE_POOL_2D" : "MAX_POOL_2D", &p);
    release_assembly(&a);
    free(x);
    free(y);
  }
}

static window_t random_dense(void) {
  window_t p = random_window(0);
  p.in_h = p.in_w = p.out_h = p.out_w = p.filter_h = p.filter_w = p.stride_h = p.stride_w = p.dilation_h = p.dilation_w = 1;
  p.pad_top = p.pad_left = 0;
  p.groups = 1;
  p.in_c = between(1, 70);
  p.out_c = between(1, 12);
  return p;
}

static void test_dense(void) {
  window_t p = random_dense();
  const int per_channel = (int)below(2);
  layer_t l = dense_layer(&p, per_channel);
  int8_t *x = filled(l.assembly.inputs[0].bytes), *y = filled(l.assembly.outputs[0].bytes);
  int32_t multipliers[16];
  int8_t shifts[16];
  for (int i = 0; i < p.out_c; i++) {
    multipliers[i] = l.multipliers[per_channel ? i : 0];
    shifts[i] = l.shifts[per_channel ? i : 0];
  }
  reference_conv(&p, x, l.weights, l.bias, multipliers, shifts, y);
  compare(&l.assembly, x, y, "FULLY_CONNECTED", &p);
  release_layer(&l);
  free(x);
  free(y);
}

// As TFLite prepares it for a scale: multiplier and shift of scale * 2^26, diff_min from 5 integer bits.
static void softmax_parameters(double scale, int32_t *multiplier, int *shift, int *diff_min) {
  const double real = fmin(scale * (double)(1 << 26), 2147483647.0);
  int64_t q = llround(frexp(real, shift) * (double)(INT64_C(1) << 31));
  if (q == (INT64_C(1) << 31)) {
    q /= 2;
    ++*shift;
  }
  *multiplier = (int32_t)q;
  *diff_min = -(int)floor(31.0 * (double)(1 << 26) / (double)(INT64_C(1) << *shift));
}

static void test_softmax(void) {
  const uint32_t rows = 1 + below(3), depth = 1 + below(20);
  const int wide = (int)below(2);
  const double scale = (double)between(1, 400) / 1000.0;
  int32_t multiplier;
  int shift, diff_min;
  softmax_parameters(scale, &multiplier, &shift, &diff_min);
  assembly_t a = softmax_assembly(rows, depth, wide, multiplier, shift, diff_min < -32768 ? -32768 : diff_min);
  int8_t *x = filled(rows * depth);
  const void *inputs[1] = {x};
  uint8_t *y = run_once(&a, inputs, "SOFTMAX");
  for (uint32_t r = 0; y != NULL && r < rows; r++) {
    double sum = 0;
    int max = -128;
    for (uint32_t c = 0; c < depth; c++) max = x[r * depth + c] > max ? x[r * depth + c] : max;
    for (uint32_t c = 0; c < depth; c++) sum += exp(scale * (x[r * depth + c] - max));
    for (uint32_t c = 0; c < depth; c++) {
      const uint32_t i = r * depth + c;
      const double probability = exp(scale * (x[i] - max)) / sum;
      const double wanted = fmin(probability * (wide ? 65536 : 256), wide ? 65535 : 255) - (wide ? 32768 : 128);
      const int got = wide ? (int16_t)(uint16_t)(y[i * 2] | y[i * 2 + 1] << 8) : (int8_t)y[i];
      // 1 unit of int8; in 16 bits the fixed point's own error of about 2^-14 shows
      if (fabs(got - wanted) > (wide ? 8.0 : 1.0)) {
        failures++;
        printf("FAIL SOFTMAX: scale %g depth %u wide %d: got %d, wanted %g\n", scale, (unsigned)depth, wide, got, wanted);
        r = rows;
        break;
      }
    }
  }
  free(y);
  free(x);
  release_assembly(&a);
}

static void test_add(void) {
  const add_t p = random_add();
  const int in_place = p.a_n == p.n && below(2);
  assembly_t a = add_assembly(&p, in_place);
  int8_t *x = filled(p.a_n), *y = filled(p.b_n);
  const void *inputs[2] = {x, y};
  uint8_t *got = run_once(&a, inputs, "ADD");
  uint32_t at[5] = {0};
  for (uint32_t i = 0; got != NULL && i < p.n; i++) {
    uint32_t ai = 0, bi = 0, rest = i;
    for (int d = 4; d >= 0; d--) {
      at[d] = rest % p.dims[d];
      rest /= p.dims[d];
      ai += at[d] * p.a_strides[d];
      bi += at[d] * p.b_strides[d];
    }
    const int32_t va = reference_requantize((x[ai] + p.a_offset) * (1 << p.left), p.a_multiplier, p.a_shift);
    const int32_t vb = reference_requantize((y[bi] + p.b_offset) * (1 << p.left), p.b_multiplier, p.b_shift);
    int32_t wanted = reference_requantize(va + vb, p.output_multiplier, p.output_shift) + p.output_offset;
    wanted = wanted < p.low ? p.low : wanted > p.high ? p.high : wanted;
    if ((int8_t)got[i] != wanted) {
      failures++;
      printf("FAIL ADD: element %u: got %d, wanted %d\n", (unsigned)i, (int8_t)got[i], (int)wanted);
      break;
    }
  }
  free(got);
  free(x);
  free(y);
  release_assembly(&a);
}

static void test_reshape(void) {
  assembly_t a = reshape_assembly(1 + below(100), (int)below(2));
  uint8_t *x = filled(a.inputs[0].bytes);
  const void *inputs[1] = {x};
  uint8_t *y = run_once(&a, inputs, "RESHAPE");
  expect(y != NULL && memcmp(x, y, a.inputs[0].bytes) == 0);
  free(x);
  free(y);
  release_assembly(&a);
}

void test_kernels(uint32_t rounds) {
  for (uint32_t i = 0; i < rounds; i++) {
    test_windows();
    test_dense();
    test_softmax();
    test_add();
    test_reshape();
  }
}

void test_integers(void) {
  for (int i = 0; i < 200000; i++) {
    const int32_t x = below(8) == 0 ? (below(2) ? INT32_MIN : INT32_MAX) : (int32_t)(rnd() >> below(32)) * (below(2) ? 1 : -1);
    const int32_t m = below(16) == 0 ? (below(2) ? 0 : INT32_MAX) : (int32_t)(rnd() & INT32_MAX);
    const int shift = between(-31, 30);
    if (fleet_requantize(x, m, shift) != reference_requantize(x, m, shift)) {
      failures++;
      printf("FAIL fleet_requantize(%d, %d, %d)\n", (int)x, (int)m, shift);
      break;
    }
  }
  // Halves: SQRDMULH rounds them up, the shift away from zero.
  expect(fleet_requantize(1, 1 << 30, 0) == 1);
  expect(fleet_requantize(-1, 1 << 30, 0) == 0);
  expect(fleet_requantize(-3, INT32_MAX, -1) == -2);
  expect(fleet_requantize64(INT64_C(1) << 40, 1 << 30, -10) == 1 << 29);
  expect(fleet_requantize64(-(INT64_C(1) << 46), INT32_MAX, -31) == -32767);
  for (int64_t x = 0; x > INT32_MIN; x -= 39989) {
    const double wanted = exp((double)x / (double)(1 << 26)) * 2147483648.0;
    const double got = (double)fleet_exp_q31((int32_t)x);
    if (fabs(got - wanted) > 2147483648.0 / 65536.0) {
      failures++;
      printf("FAIL fleet_exp_q31(%d): %g instead of %g\n", (int)x, got, wanted);
      break;
    }
  }
  expect(fleet_crc32(0, "123456789", 9) == 0xcbf43926u);
  expect(fleet_crc32(fleet_crc32(0, "1234", 4), "56789", 5) == 0xcbf43926u);
  uint32_t state = 1;
  expect(fleet_xorshift32(&state) == 270369u && state == 270369u);
  expect(fleet_xorshift32(&state) == 67634689u);
  uint8_t bytes[2];
  state = 1;
  fleet_fill_random(&state, bytes, 2);
  expect(bytes[0] == 270369u >> 24 && bytes[1] == 67634689u >> 24);
}

bundle_t random_bundle(uint32_t kind) {
  window_t p;
  layer_t l;
  assembly_t a;
  add_t add;
  bundle_t bundle;
  if (kind == 8) return rich_bundle();
  switch (kind) {
    case 0: p = random_window(0); l = conv_layer(&p); break;
    case 1: p = random_window(1); l = depthwise_layer(&p); break;
    case 2: p = random_dense(); l = dense_layer(&p, (int)below(2)); break;
    default:
      if (kind == 3) a = softmax_assembly(1 + below(3), 1 + below(20), (int)below(2), between(1 << 30, INT32_MAX), between(15, 26), -200);
      else if (kind == 4) { add = random_add(); a = add_assembly(&add, 0); }
      else if (kind == 5) a = reshape_assembly(1 + below(100), (int)below(2));
      else { p = random_window(1); a = pool_assembly(&p, kind == 6); }
      bundle = assemble(&a);
      release_assembly(&a);
      return bundle;
  }
  bundle = assemble(&l.assembly);
  release_layer(&l);
  return bundle;
}
