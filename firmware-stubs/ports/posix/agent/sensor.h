// Where inputs come from: a file that is read over and over, a FIFO or standard input, or a generator. Bytes are what the
// model asks for: its quantized input, or raw frames of int16, little-endian, axes interleaved.
#ifndef SENSOR_H
#define SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet_device.h"

typedef struct {
  const fleet_device_parameters_t *parameters;
  int fd;       // -1 = the generator
  bool endless; // a regular file starts again at its end, and is paced by the sample rate as the generator is
  uint32_t random;
  uint32_t dropped; // raw inputs that nobody took in time, since sensor_dropped was asked
  uint64_t next[FLEET_DEVICE_SENSORS_MAX]; // number of the next frame since boot
  uint8_t *buffer; // of an input that has come in part
  size_t buffered;
  size_t capacity;
} sensor_t;

// path: NULL = the generator, "-" = standard input. NULL, or what went wrong.
const char *sensor_open(sensor_t *sensor, const char *path, const fleet_device_parameters_t *parameters);
void sensor_close(sensor_t *sensor);

// As in fleet_platform.h, at time now_us since boot.
int32_t sensor_sample(sensor_t *sensor, uint64_t now_us, uint32_t which, void *dst, uint32_t count);

// Inputs lost since the last call.
uint32_t sensor_dropped(sensor_t *sensor);

#endif
