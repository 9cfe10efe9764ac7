// What only moves state: READ_VARIABLE, ASSIGN_VARIABLE, SHIFT_STATE.
#include "internal.h"

static int32_t check_copy(const uint8_t *from, const uint8_t *to, uint32_t bytes) {
  return present(from) && bytes != 0 && size_of(from) == bytes && size_of(to) == bytes && dtype_of(from) == dtype_of(to)
             ? fleet_ok
             : -fleet_err_bundle_shape_invalid;
}

static int is_in_state(const uint8_t *op) { return op[FLEET_OPERAND_SPACE] == FLEET_SPACE_STATE; }

int32_t fleet_check_read_variable(const step_t *s) {
  if (!is_in_state(operand(s, 0))) return -fleet_err_bundle_plan_invalid;
  return check_copy(operand(s, 0), output_operand(s, 0), param_u32(s, FLEET_READ_VARIABLE_BYTES));
}

int32_t fleet_run_read_variable(const step_t *s) {
  memcpy(writable(s->rt, output_operand(s, 0)), input_bytes(s, 0), param_u32(s, FLEET_READ_VARIABLE_BYTES));
  return fleet_ok;
}

int32_t fleet_check_assign_variable(const step_t *s) {
  if (!is_in_state(output_operand(s, 0))) return -fleet_err_bundle_plan_invalid;
  return check_copy(operand(s, 0), output_operand(s, 0), param_u32(s, FLEET_ASSIGN_VARIABLE_BYTES));
}

int32_t fleet_run_assign_variable(const step_t *s) {
  memcpy(writable(s->rt, output_operand(s, 0)), input_bytes(s, 0), param_u32(s, FLEET_ASSIGN_VARIABLE_BYTES));
  return fleet_ok;
}

int32_t fleet_check_shift_state(const step_t *s) {
  const uint8_t *in = operand(s, 0), *state = output_operand(s, 0);
  const uint32_t all = param_u32(s, FLEET_SHIFT_STATE_STATE_BYTES), fresh = param_u32(s, FLEET_SHIFT_STATE_NEW_BYTES);
  if (!is_in_state(state)) return -fleet_err_bundle_plan_invalid;
  if (!present(in) || fresh == 0 || fresh > all || size_of(in) != fresh || size_of(state) != all ||
      dtype_of(in) != dtype_of(state))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_shift_state(const step_t *s) {
  const uint32_t all = param_u32(s, FLEET_SHIFT_STATE_STATE_BYTES), fresh = param_u32(s, FLEET_SHIFT_STATE_NEW_BYTES);
  uint8_t *state = writable(s->rt, output_operand(s, 0));
  memmove(state, state + fresh, all - fresh);
  memcpy(state + (all - fresh), input_bytes(s, 0), fresh);
  return fleet_ok;
}
