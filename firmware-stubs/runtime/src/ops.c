// The op table: what this build runs. A new op is one line here, one file in kernels/ and its row in bundle.yaml.
#include "internal.h"

#define OP(NAME, name, inputs, outputs, scratch, in_place)                                                     \
  {FLEET_OP_##NAME, FLEET_OP_##NAME##_VERSION, inputs, outputs, scratch, in_place, FLEET_##NAME##_PARAM_BYTES, \
   fleet_check_##name, fleet_run_##name}

const op_t fleet_ops[] = {
    OP(ADD, arithmetic, 2, 1, 0, 1),
    OP(ARG_MAX, arg_max, 1, 1, 0, 0),
    OP(ARG_MIN, arg_min, 1, 1, 0, 0),
    OP(ASSIGN_VARIABLE, assign_variable, 1, 1, 0, 0),
    OP(AVERAGE_POOL_2D, average_pool_2d, 1, 1, 0, 0),
    OP(BATCH_MATMUL, batch_matmul, 2, 1, 0, 0),
    OP(CAST, cast, 1, 1, 0, 1),
    OP(CONCATENATION, concatenation, any_number, 1, 0, 0),
    OP(CONV_2D, conv_2d, 5, 1, 0, 0),
    OP(COPY, copy, 1, 1, 0, 0),
    OP(DEPTHWISE_CONV_2D, depthwise_conv_2d, 5, 1, 0, 0),
    OP(DIV, arithmetic, 2, 1, 0, 1),
    OP(ELU, elu, 2, 1, 0, 1),
    OP(FULLY_CONNECTED, fully_connected, 5, 1, 0, 0),
    OP(GATHER, gather, 2, 1, 0, 0),
    OP(HARD_SWISH, activation, 1, 1, 0, 1),
    OP(LEAKY_RELU, activation, 1, 1, 0, 1),
    OP(LOGISTIC, activation, 2, 1, 0, 1),
    OP(MAXIMUM, arithmetic, 2, 1, 0, 1),
    OP(MAX_POOL_2D, max_pool_2d, 1, 1, 0, 0),
    OP(MEAN, mean, 1, 1, 0, 0),
    OP(MINIMUM, arithmetic, 2, 1, 0, 1),
    OP(MUL, arithmetic, 2, 1, 0, 1),
    OP(PAD, pad, 1, 1, 0, 0),
    OP(PRELU, arithmetic, 2, 1, 0, 1),
    OP(QUANTIZE, activation, 1, 1, 0, 1),
    OP(READ_VARIABLE, read_variable, 1, 1, 0, 0),
    OP(REDUCE_MAX, reduce_max, 1, 1, 0, 0),
    OP(REDUCE_MIN, reduce_min, 1, 1, 0, 0),
    OP(RELU, activation, 1, 1, 0, 1),
    OP(RELU6, activation, 1, 1, 0, 1),
    OP(RELU_N1_TO_1, activation, 1, 1, 0, 1),
    OP(RESHAPE, reshape, 1, 1, 0, 1),
    OP(RESIZE_BILINEAR, resize_bilinear, 1, 1, 0, 0),
    OP(RESIZE_NEAREST_NEIGHBOR, resize_nearest_neighbor, 3, 1, 0, 0),
    OP(SHIFT_STATE, shift_state, 1, 1, 0, 0),
    OP(SOFTMAX, softmax, 3, 1, 0, 0),
    OP(SPLIT, split, 1, any_number, 0, 0),
    OP(SUB, arithmetic, 2, 1, 0, 1),
    OP(SUM, sum, 1, 1, 0, 0),
    OP(SVDF, svdf, 5, 1, 0, 0),
    OP(TANH, activation, 2, 1, 0, 1),
    OP(TRANSPOSE_CONV, transpose_conv, 5, 1, 0, 0),
    OP(UNIDIRECTIONAL_SEQUENCE_LSTM, unidirectional_sequence_lstm, 7, 1, 0, 0),
    OP(BONSAI, bonsai, 6, 1, 2, 0),
    OP(GAUSSIAN_SCORE, gaussian_score, 4, 1, 0, 0),
    OP(K_MEANS_SCORE, k_means_score, 4, 1, 0, 0),
    OP(MAHALANOBIS_SCORE, mahalanobis_score, 3, 1, 0, 0),
    OP(PROTOTYPES, prototypes, 3, 1, 0, 0),
    OP(TREE_ENSEMBLE, tree_ensemble, 5, 1, 1, 0),
};
const uint32_t fleet_op_count = sizeof fleet_ops / sizeof fleet_ops[0];

const op_t *fleet_find_op(uint32_t number) {
  for (uint32_t i = 0; i < fleet_op_count; i++)
    if (fleet_ops[i].number == number) return &fleet_ops[i];
  return NULL;
}

void fleet_op_set(uint8_t op_set[32], uint8_t own_op_set[8]) {
  memset(op_set, 0, 32);
  memset(own_op_set, 0, 8);
  for (uint32_t i = 0; i < fleet_op_count; i++) {
    const uint32_t n = fleet_ops[i].number;
    if (n < 256) op_set[n >> 3] |= (uint8_t)(1u << (n & 7u));
    else if (n - 1024u < 64u) own_op_set[(n - 1024u) >> 3] |= (uint8_t)(1u << (n & 7u));
  }
}

uint8_t fleet_op_version(uint16_t op) {
  const op_t *row = fleet_find_op(op);
  return row != NULL ? row->version : 0;
}
