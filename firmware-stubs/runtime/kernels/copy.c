// COPY: output element (i0, ..., i5) is input element first + sum of i * stride. Slices, transpositions, broadcasts and block
// rearrangements of TFLite all become this; the compiler collapses dimensions that lie behind one another.
#include "internal.h"

enum { rank = 6 };

int32_t fleet_check_copy(const step_t *s) {
  const uint8_t *in = operand(s, 0), *out = output_operand(s, 0);
  const uint32_t width = fleet_element_bytes(dtype_of(in)), elements = fleet_product(s, FLEET_COPY_DIMS, rank);
  if (!present(in) || elements == 0 || !fleet_is_tensor(out, dtype_of(in), elements, width))
    return -fleet_err_bundle_shape_invalid;
  int64_t low = param_u32(s, FLEET_COPY_FIRST), high = low;
  for (uint32_t i = 0; i < rank; i++) {
    // At most (2^32 - 1) * 2^31 in magnitude.
    const int64_t span = (int64_t)(param_u32(s, FLEET_COPY_DIMS + i * 4) - 1) * param_i32(s, FLEET_COPY_STRIDES + i * 4);
    if (span > (int64_t)UINT32_MAX || span < -(int64_t)UINT32_MAX) return -fleet_err_bundle_shape_invalid;
    if (span < 0) low += span;
    else high += span;
  }
  return low < 0 || high >= (int64_t)(size_of(in) / width) ? -fleet_err_bundle_shape_invalid : fleet_ok;
}

// n elements, `stride` apart (modulo 2^32) from element `at` on.
static void row(uint8_t *to, const uint8_t *in, uint32_t at, uint32_t n, uint32_t stride, uint32_t width) {
  if (stride == 1) {
    memcpy(to, in + (size_t)at * width, (size_t)n * width);
  } else if (width == 1) {
    for (uint32_t i = 0; i < n; i++, at += stride) to[i] = in[at];
  } else if (width == 2) {
    for (uint32_t i = 0; i < n; i++, at += stride) memcpy(to + (size_t)i * 2, in + (size_t)at * 2, 2);
  } else {
    for (uint32_t i = 0; i < n; i++, at += stride) memcpy(to + (size_t)i * width, in + (size_t)at * width, width);
  }
}

int32_t fleet_run_copy(const step_t *s) {
  const uint8_t *in = input_bytes(s, 0);
  uint8_t *to = writable(s->rt, output_operand(s, 0));
  const uint32_t width = fleet_element_bytes(dtype_of(operand(s, 0)));
  uint32_t dims[rank], strides[rank], index[rank - 1] = {0, 0, 0, 0, 0};
  for (uint32_t i = 0; i < rank; i++) {
    dims[i] = param_u32(s, FLEET_COPY_DIMS + i * 4);
    strides[i] = param_u32(s, FLEET_COPY_STRIDES + i * 4); // two's complement: sums modulo 2^32 are the element's index
  }
  uint32_t at = param_u32(s, FLEET_COPY_FIRST);
  for (;;) {
    row(to, in, at, dims[rank - 1], strides[rank - 1], width);
    to += (size_t)dims[rank - 1] * width;
    uint32_t i = rank - 1;
    for (;;) {
      if (i == 0) return fleet_ok;
      i--;
      at += strides[i];
      if (++index[i] < dims[i]) break;
      at -= dims[i] * strides[i];
      index[i] = 0;
    }
  }
}
