// CONCATENATION and SPLIT (and PACK and UNPACK, which are the same bytes): in each of `outer` rows, the parts' blocks lie one
// after the other in the whole. TFLM requantizes neither.
#include "internal.h"

// Parts are inputs of a concatenation and outputs of a split; they must fill the whole.
static int32_t check(const uint8_t *whole, const uint8_t *first_part, uint32_t parts, uint32_t outer) {
  uint64_t bytes = 0;
  if (outer == 0 || !present(whole)) return -fleet_err_bundle_shape_invalid;
  for (uint32_t i = 0; i < parts; i++) {
    const uint8_t *part = first_part + i * operand_bytes;
    if (!present(part) || dtype_of(part) != dtype_of(whole) || size_of(part) % outer != 0)
      return -fleet_err_bundle_shape_invalid;
    bytes += size_of(part);
  }
  return bytes == size_of(whole) ? fleet_ok : -fleet_err_bundle_shape_invalid;
}

int32_t fleet_check_concatenation(const step_t *s) {
  return check(output_operand(s, 0), operand(s, 0), s->record[FLEET_STEP_INPUTS], param_u32(s, FLEET_CONCATENATION_OUTER));
}

int32_t fleet_check_split(const step_t *s) {
  return check(operand(s, 0), output_operand(s, 0), s->record[FLEET_STEP_OUTPUTS], param_u32(s, FLEET_SPLIT_OUTER));
}

int32_t fleet_run_concatenation(const step_t *s) {
  const uint32_t outer = param_u32(s, FLEET_CONCATENATION_OUTER), parts = s->record[FLEET_STEP_INPUTS];
  uint8_t *to = writable(s->rt, output_operand(s, 0));
  for (uint32_t row = 0; row < outer; row++)
    for (uint32_t i = 0; i < parts; i++) {
      const uint32_t block = size_of(operand(s, i)) / outer;
      memcpy(to, input_bytes(s, i) + (size_t)row * block, block);
      to += block;
    }
  return fleet_ok;
}

int32_t fleet_run_split(const step_t *s) {
  const uint32_t outer = param_u32(s, FLEET_SPLIT_OUTER), parts = s->record[FLEET_STEP_OUTPUTS];
  const uint8_t *from = input_bytes(s, 0);
  for (uint32_t row = 0; row < outer; row++)
    for (uint32_t i = 0; i < parts; i++) {
      const uint8_t *part = output_operand(s, i);
      const uint32_t block = size_of(part) / outer;
      memcpy(writable(s->rt, part) + (size_t)row * block, from, block);
      from += block;
    }
  return fleet_ok;
}
