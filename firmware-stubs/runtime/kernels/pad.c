// PAD, PADV2 and MIRROR_PAD over five dimensions. Reference: TFLite reference_ops::PadImpl, TFLM's mirror_pad.
#include "internal.h"

enum { rank = 5, constant = 0, symmetric = 1, reflect = 2 };

int32_t fleet_check_pad(const step_t *s) {
  const uint8_t *in = operand(s, 0), *out = output_operand(s, 0);
  const uint32_t width = fleet_element_bytes(dtype_of(in)), mode = param_u8(s, FLEET_PAD_MODE);
  const uint32_t elements = fleet_product(s, FLEET_PAD_IN_DIMS, rank);
  if (elements == 0 || width > 4 || !fleet_is_tensor(in, dtype_of(in), elements, width))
    return -fleet_err_bundle_shape_invalid;
  uint64_t padded = 1;
  for (uint32_t i = 0; i < rank; i++) {
    const uint32_t n = param_u32(s, FLEET_PAD_IN_DIMS + i * 4);
    const uint64_t before = param_u32(s, FLEET_PAD_BEFORE + i * 4), after = param_u32(s, FLEET_PAD_AFTER + i * 4);
    // A mirrored edge ends at the other edge; reflection leaves the edge itself out.
    const uint32_t most = mode == reflect ? n - 1 : n;
    if (mode != constant && (before > most || after > most)) return -fleet_err_bundle_shape_invalid;
    if (n + before + after > UINT32_MAX) return -fleet_err_bundle_shape_invalid;
    padded *= n + before + after;
    if (padded > UINT32_MAX) return -fleet_err_bundle_shape_invalid;
  }
  if (mode > reflect || !fleet_is_tensor(out, dtype_of(in), padded, width)) return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

// Input coordinate of output coordinate `i`, or n when it lies in constant padding.
static uint32_t source(uint32_t i, uint32_t before, uint32_t n, uint32_t mode) {
  if (i >= before && i - before < n) return i - before;
  if (mode == constant) return n;
  const uint32_t edge = mode == reflect ? 1 : 0;
  return i < before ? before - 1 - i + edge : n - 1 - (i - before - n) - edge;
}

// `value` in little-endian order, n times.
static uint8_t *fill(uint8_t *to, uint32_t n, int32_t value, uint32_t width) {
  if (width == 1) {
    memset(to, value & 0xff, n);
  } else {
    for (size_t i = 0; i < n; i++)
      for (uint32_t b = 0; b < width; b++) to[i * width + b] = (uint8_t)((uint32_t)value >> (8 * b));
  }
  return to + (size_t)n * width;
}

int32_t fleet_run_pad(const step_t *s) {
  const uint32_t width = fleet_element_bytes(dtype_of(operand(s, 0))), mode = param_u8(s, FLEET_PAD_MODE);
  const int32_t value = param_i32(s, FLEET_PAD_VALUE);
  const uint8_t *in = input_bytes(s, 0);
  uint8_t *to = writable(s->rt, output_operand(s, 0));
  uint32_t n[rank], before[rank], out[rank], index[rank - 1] = {0, 0, 0, 0};
  for (uint32_t i = 0; i < rank; i++) {
    n[i] = param_u32(s, FLEET_PAD_IN_DIMS + i * 4);
    before[i] = param_u32(s, FLEET_PAD_BEFORE + i * 4);
    out[i] = n[i] + before[i] + param_u32(s, FLEET_PAD_AFTER + i * 4);
  }
  const uint32_t row = n[rank - 1], left = before[rank - 1], right = out[rank - 1] - row - left;
  for (;;) {
    uint32_t at = 0;
    int outside = 0;
    for (uint32_t i = 0; i < rank - 1; i++) {
      const uint32_t x = source(index[i], before[i], n[i], mode);
      outside |= x == n[i];
      at = at * n[i] + x;
    }
    if (outside) {
      to = fill(to, out[rank - 1], value, width);
    } else {
      const uint8_t *from = in + (size_t)at * row * width;
      if (mode == constant) to = fill(to, left, value, width);
      for (uint32_t i = 0; mode != constant && i < left; i++, to += width)
        memcpy(to, from + (size_t)source(i, left, row, mode) * width, width);
      memcpy(to, from, (size_t)row * width);
      to += (size_t)row * width;
      if (mode == constant) to = fill(to, right, value, width);
      for (uint32_t i = 0; mode != constant && i < right; i++, to += width)
        memcpy(to, from + (size_t)source(left + row + i, left, row, mode) * width, width);
    }
    uint32_t i = rank - 1;
    while (i > 0 && ++index[i - 1] == out[i - 1]) index[--i] = 0;
    if (i == 0) return fleet_ok;
  }
}
