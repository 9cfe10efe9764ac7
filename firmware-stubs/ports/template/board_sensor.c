// Inputs of the model, and what the application does with its results.
#include "board.h"

int32_t board_sample(void *user, uint32_t sensor, void *dst, uint32_t count) {
  // Two kinds of model ask here.
  //   sensor FLEET_SENSOR_TENSOR: fill in `count` bytes of its quantized input, made by your own pre-processing.
  //   another sensor of the parameters: `count` frames of raw int16 counts, axes interleaved, oldest first, none left out.
  //     Let a timer or DMA fill a ring, copy from it here, and count what overflowed by fleet_agent_count_dropped_frame.
  // 0 while the frames are not there yet: it is asked again soon. Negative: the sensor does not answer.
  (void)user;
  (void)sensor;
  (void)dst;
  (void)count;
  return -1;
}

void board_result(void *user, const fleet_inference_t *inference) {
  // inference->predicted is the class, ->confidence 0 to 255, ->output the raw tensor, readable during the call.
  (void)user;
  (void)inference;
}
