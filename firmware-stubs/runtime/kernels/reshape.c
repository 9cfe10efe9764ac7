// RESHAPE: the elements stay in order, so it is a copy, or nothing when the compiler gave both the same place.
#include "internal.h"

int32_t fleet_check_reshape(const step_t *s) {
  const uint8_t *in = operand(s, 0), *out = output_operand(s, 0);
  const uint32_t bytes = param_u32(s, FLEET_RESHAPE_BYTES);
  if (!present(in) || bytes == 0 || size_of(in) != bytes || size_of(out) != bytes || dtype_of(in) != dtype_of(out))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_reshape(const step_t *s) {
  const uint8_t *from = input_bytes(s, 0);
  uint8_t *to = writable(s->rt, output_operand(s, 0));
  if (from != to) memcpy(to, from, param_u32(s, FLEET_RESHAPE_BYTES));
  return fleet_ok;
}
