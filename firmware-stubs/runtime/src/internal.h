// What only the runtime's own files share, beyond fleet_kernel.h: the op table, the passes of the front end. Not public.
#ifndef FLEET_INTERNAL_H
#define FLEET_INTERNAL_H

#include "fleet_kernel.h"

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif
#include "poison.h"

enum { no_step = 0xffff };
enum { phase_empty = 0, phase_idle = 1, phase_running = 2, phase_self_test = 3 };

// gemmlowp's functions of fixed point values, result in Q0.31 (integer.c). 1 / (1 + x) for x in [0, 1) in Q0.31.
int32_t fleet_reciprocal_1_plus(int32_t x);
// 1 / (1 + e^-x) and tanh(x) for x in Q4.27, > -16.
int32_t fleet_logistic_q31(int32_t x);
int32_t fleet_tanh_q31(int32_t x);
// The same for int16 x, result in Q0.15, interpolated in the table of 256 int16 that LOGISTIC has as an operand. x * multiplier
// / 2^shift is in steps of 1 / (3 * 2^12); multiplier in [0, 32767], shift in [0, 31]. x in steps of 2^-12: 3 and 0.
int32_t fleet_logistic_16(int32_t x, int32_t multiplier, int32_t shift, const uint8_t *table);
int32_t fleet_tanh_16(int32_t x, int32_t multiplier, int32_t shift, const uint8_t *table);

extern const op_t fleet_ops[];
extern const uint32_t fleet_op_count;
const op_t *fleet_find_op(uint32_t number);

// ---- front end (front_end.c; the stages themselves are in dsp/) ----------------------------------------------------

// Shape of a record (counts, operands inside their spaces, no overlaps), then the row's own check. `flags` are allowed.
int32_t fleet_check_record(const step_t *step, const op_t *op, uint32_t flags);
// The front_end section from rt->front_end (0 = absent) to `end`; contract and plan are known to be valid.
int32_t fleet_check_front_end(const fleet_runtime_t *rt, uint32_t end, uint32_t *failed_stage);
// Passes from one inference to the next.
uint32_t fleet_passes(const fleet_runtime_t *rt);
// Raw samples of `inferences` inferences after a reset.
uint64_t fleet_raw_bytes(const fleet_runtime_t *rt, uint32_t inferences);
// Frames before the next inference start anew; part of fleet_reset_state.
void fleet_restart_front_end(fleet_runtime_t *rt);
// One pass of the stages over the samples in the state; passes left until the inputs are complete. fleet_feed, whatever
// the phase.
int32_t fleet_front_end_pass(fleet_runtime_t *rt);

#define FLEET_DECLARE_OP(name)                          \
  int32_t fleet_check_##name(const step_t *step);       \
  int32_t fleet_run_##name(const step_t *step);
FLEET_DECLARE_OP(activation)
FLEET_DECLARE_OP(arithmetic)
FLEET_DECLARE_OP(arg_max)
FLEET_DECLARE_OP(arg_min)
FLEET_DECLARE_OP(assign_variable)
FLEET_DECLARE_OP(average_pool_2d)
FLEET_DECLARE_OP(batch_matmul)
FLEET_DECLARE_OP(concatenation)
FLEET_DECLARE_OP(copy)
FLEET_DECLARE_OP(gather)
FLEET_DECLARE_OP(mean)
FLEET_DECLARE_OP(pad)
FLEET_DECLARE_OP(reduce_max)
FLEET_DECLARE_OP(reduce_min)
FLEET_DECLARE_OP(resize_bilinear)
FLEET_DECLARE_OP(resize_nearest_neighbor)
FLEET_DECLARE_OP(split)
FLEET_DECLARE_OP(sum)
FLEET_DECLARE_OP(max_pool_2d)
FLEET_DECLARE_OP(bonsai)
FLEET_DECLARE_OP(cast)
FLEET_DECLARE_OP(conv_2d)
FLEET_DECLARE_OP(depthwise_conv_2d)
FLEET_DECLARE_OP(elu)
FLEET_DECLARE_OP(fully_connected)
FLEET_DECLARE_OP(gaussian_score)
FLEET_DECLARE_OP(k_means_score)
FLEET_DECLARE_OP(mahalanobis_score)
FLEET_DECLARE_OP(prototypes)
FLEET_DECLARE_OP(read_variable)
FLEET_DECLARE_OP(reshape)
FLEET_DECLARE_OP(shift_state)
FLEET_DECLARE_OP(softmax)
FLEET_DECLARE_OP(svdf)
FLEET_DECLARE_OP(tree_ensemble)
FLEET_DECLARE_OP(transpose_conv)
FLEET_DECLARE_OP(unidirectional_sequence_lstm)

// run.c: to its end, see fleet_load.
void fleet_sample_monitors(const fleet_runtime_t *rt, uint32_t after_step);

#endif
