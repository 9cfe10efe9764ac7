// Slow, obvious versions of the kernels, written from TensorFlow Lite's definitions in 64-bit integers and indices
// into four-dimensional arrays. They share no code with the kernels under test.
#ifndef FLEET_TEST_REFERENCE_H
#define FLEET_TEST_REFERENCE_H

#include <stdint.h>

typedef struct {
  int batches, in_h, in_w, in_c, out_h, out_w, out_c, filter_h, filter_w, stride_h, stride_w, dilation_h, dilation_w;
  int pad_top, pad_left, groups, multiplier;
  int input_offset, weights_offset, output_offset, low, high;
} window_t;

int32_t reference_requantize(int32_t x, int32_t multiplier, int shift);
void reference_conv(const window_t *p, const int8_t *x, const int8_t *w, const int32_t *bias, const int32_t *multipliers,
                    const int8_t *shifts, int8_t *y);
void reference_depthwise(const window_t *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                         const int32_t *multipliers, const int8_t *shifts, int8_t *y);
void reference_pool(const window_t *p, int average, const int8_t *x, int8_t *y);

#endif
