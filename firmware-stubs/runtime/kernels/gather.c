// GATHER along one axis, behind batch dimensions. Reference: TFLM gather.cc, which fails at run time on an index outside the
// axis; here such an index is clamped, so that no input can stop a device.
#include "internal.h"

int32_t fleet_check_gather(const step_t *s) {
  const uint8_t *in = operand(s, 0), *indices = operand(s, 1), *out = output_operand(s, 0);
  const uint64_t batches = param_u32(s, FLEET_GATHER_BATCHES), outer = param_u32(s, FLEET_GATHER_OUTER);
  const uint64_t axis = param_u32(s, FLEET_GATHER_AXIS_N), n = param_u32(s, FLEET_GATHER_INDICES_N);
  const uint64_t inner = param_u32(s, FLEET_GATHER_INNER_BYTES);
  const uint64_t rows = batches * outer;
  if (rows == 0 || rows > UINT32_MAX || axis == 0 || n == 0 || inner == 0 || rows * axis > UINT32_MAX || rows * n > UINT32_MAX)
    return -fleet_err_bundle_shape_invalid;
  if (!present(in) || dtype_of(in) != dtype_of(out) || (uint32_t)inner % fleet_element_bytes(dtype_of(in)) != 0 ||
      rows * axis * inner != size_of(in) || rows * n * inner != size_of(out) ||
      !fleet_is_tensor(indices, FLEET_DTYPE_INT32, batches * n, 4))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_gather(const step_t *s) {
  const uint32_t batches = param_u32(s, FLEET_GATHER_BATCHES), outer = param_u32(s, FLEET_GATHER_OUTER);
  const uint32_t axis = param_u32(s, FLEET_GATHER_AXIS_N), n = param_u32(s, FLEET_GATHER_INDICES_N);
  const uint32_t inner = param_u32(s, FLEET_GATHER_INNER_BYTES);
  const uint8_t *in = input_bytes(s, 0), *indices = input_bytes(s, 1);
  uint8_t *to = writable(s->rt, output_operand(s, 0));
  for (uint32_t b = 0; b < batches; b++, indices += (size_t)n * 4)
    for (uint32_t o = 0; o < outer; o++, in += (size_t)axis * inner)
      for (uint32_t i = 0; i < n; i++, to += inner) {
        const int32_t wanted = load_i32(indices + (size_t)i * 4);
        const uint32_t index = wanted < 0 ? 0 : (uint32_t)wanted < axis ? (uint32_t)wanted : axis - 1;
        memcpy(to, in + (size_t)index * inner, inner);
      }
  return fleet_ok;
}
