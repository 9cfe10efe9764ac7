// BATCH_MATMUL, int8 and int16: out[m][n] = sum over k of a[m][k] * b[k][n], either side stored transposed, batches broadcast.
// Reference: TFLite reference_ops::BatchMatMul (int8: int32 sums that wrap; int16: int64 sums, zero points 0).
#include "internal.h"

#define P(name) FLEET_BATCH_MATMUL_##name

enum { batch_rank = 3, a_transposed = 1, b_transposed = 2 };

// Elements that one side reaches: its batches behind one another, then a matrix.
static int reaches(const step_t *s, uint32_t strides, uint64_t matrix, uint64_t elements) {
  uint64_t last = matrix;
  for (uint32_t i = 0; i < batch_rank && last <= elements; i++)
    last += (uint64_t)(param_u32(s, P(BATCH_DIMS) + i * 4) - 1) * param_u32(s, strides + i * 4);
  return last <= elements;
}

int32_t fleet_check_batch_matmul(const step_t *s) {
  const uint8_t *a = operand(s, 0), *b = operand(s, 1), *out = output_operand(s, 0);
  const uint64_t m = param_u32(s, P(M)), k = param_u32(s, P(K)), n = param_u32(s, P(N));
  const uint32_t batches = fleet_product(s, P(BATCH_DIMS), batch_rank);
  const int wide = dtype_of(a) == FLEET_DTYPE_INT16;
  const uint32_t width = wide ? 2 : 1;
  if (!present(a) || !present(b) || (!wide && dtype_of(a) != FLEET_DTYPE_INT8) || dtype_of(b) != dtype_of(a) || batches == 0 ||
      m == 0 || k == 0 || n == 0 || m * n > UINT32_MAX || param_u8(s, P(TRANSPOSED)) > (a_transposed | b_transposed) ||
      m * n > UINT32_MAX / batches || !fleet_is_tensor(out, dtype_of(a), m * n * batches, width) ||
      !reaches(s, P(A_STRIDES), m * k, size_of(a) / width) || !reaches(s, P(B_STRIDES), k * n, size_of(b) / width))
    return -fleet_err_bundle_shape_invalid;
  const int32_t low = param_i16(s, P(ACTIVATION_MIN)), high = param_i16(s, P(ACTIVATION_MAX)), shift = param_i8(s, P(SHIFT));
  const int32_t a_offset = param_i16(s, P(A_OFFSET)), b_offset = param_i16(s, P(B_OFFSET)), offset = param_i16(s, P(OUTPUT_OFFSET));
  if (param_i32(s, P(MULTIPLIER)) < 0 || low > high) return -fleet_err_bundle_quantization_invalid;
  // int16: at most 2^16 products of 2^30 stay below the 2^47 that fleet_requantize64 takes.
  if (wide ? a_offset != 0 || b_offset != 0 || offset != 0 || k > 65536 || shift < -31 || shift > 7
           : !fleet_is_shift(shift) || !fleet_is_int8_range(a_offset, offset, low, high) ||
                 !fleet_is_int8_range(b_offset, 0, -128, 127))
    return -fleet_err_bundle_quantization_invalid;
  return fleet_ok;
}

typedef struct {
  uint32_t m, k, n, a_row, a_k, b_k, b_column;
  int32_t a_offset, b_offset, offset, multiplier, shift, low, high;
} product_t;

static uint8_t *multiply8(const product_t *p, const int8_t *a, const int8_t *b, uint8_t *to) {
  for (uint32_t i = 0; i < p->m; i++)
    for (uint32_t j = 0; j < p->n; j++) {
      const int8_t *x = a + (size_t)i * p->a_row, *y = b + (size_t)j * p->b_column;
      uint32_t acc = 0;
      for (uint32_t k = 0; k < p->k; k++)
        acc += (uint32_t)((x[(size_t)k * p->a_k] + p->a_offset) * (y[(size_t)k * p->b_k] + p->b_offset));
      *to++ = (uint8_t)to_int8(acc, p->multiplier, p->shift, p->offset, p->low, p->high);
    }
  return to;
}

static uint8_t *multiply16(const product_t *p, const uint8_t *a, const uint8_t *b, uint8_t *to) {
  for (uint32_t i = 0; i < p->m; i++)
    for (uint32_t j = 0; j < p->n; j++, to += 2) {
      const uint8_t *x = a + (size_t)i * p->a_row * 2, *y = b + (size_t)j * p->b_column * 2;
      int64_t acc = 0;
      for (uint32_t k = 0; k < p->k; k++) acc += load_i16(x + (size_t)k * p->a_k * 2) * load_i16(y + (size_t)k * p->b_k * 2);
      const uint32_t q = (uint32_t)clamp(fleet_requantize64(acc, p->multiplier, p->shift), p->low, p->high);
      to[0] = (uint8_t)q;
      to[1] = (uint8_t)(q >> 8);
    }
  return to;
}

int32_t fleet_run_batch_matmul(const step_t *s) {
  const uint32_t transposed = param_u8(s, P(TRANSPOSED));
  product_t p = {.m = param_u32(s, P(M)), .k = param_u32(s, P(K)), .n = param_u32(s, P(N))};
  p.a_row = transposed & a_transposed ? 1 : p.k;
  p.a_k = transposed & a_transposed ? p.m : 1;
  p.b_k = transposed & b_transposed ? 1 : p.n;
  p.b_column = transposed & b_transposed ? p.k : 1;
  p.a_offset = param_i16(s, P(A_OFFSET));
  p.b_offset = param_i16(s, P(B_OFFSET));
  p.offset = param_i16(s, P(OUTPUT_OFFSET));
  p.multiplier = param_i32(s, P(MULTIPLIER));
  p.shift = param_i8(s, P(SHIFT));
  p.low = param_i16(s, P(ACTIVATION_MIN));
  p.high = param_i16(s, P(ACTIVATION_MAX));
  const int wide = dtype_of(operand(s, 0)) == FLEET_DTYPE_INT16;
  uint32_t dims[batch_rank], a_strides[batch_rank], b_strides[batch_rank];
  for (uint32_t i = 0; i < batch_rank; i++) {
    dims[i] = param_u32(s, P(BATCH_DIMS) + i * 4);
    a_strides[i] = param_u32(s, P(A_STRIDES) + i * 4);
    b_strides[i] = param_u32(s, P(B_STRIDES) + i * 4);
  }
  const uint8_t *a = input_bytes(s, 0), *b = input_bytes(s, 1);
  uint8_t *to = writable(s->rt, output_operand(s, 0));
  for (uint32_t i = 0; i < dims[0]; i++)
    for (uint32_t j = 0; j < dims[1]; j++)
      for (uint32_t l = 0; l < dims[2]; l++) {
        const size_t a_at = (size_t)i * a_strides[0] + (size_t)j * a_strides[1] + (size_t)l * a_strides[2];
        const size_t b_at = (size_t)i * b_strides[0] + (size_t)j * b_strides[1] + (size_t)l * b_strides[2];
        to = wide ? multiply16(&p, a + a_at * 2, b + b_at * 2, to)
                  : multiply8(&p, (const int8_t *)a + a_at, (const int8_t *)b + b_at, to);
      }
  return fleet_ok;
}
