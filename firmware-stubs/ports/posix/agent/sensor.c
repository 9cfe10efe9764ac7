// The generator is there to exercise a model, not to resemble a sensor: a triangle wave per axis with noise for raw frames,
// noise around zero for quantized inputs; one seed gives one sequence.
#define _POSIX_C_SOURCE 200809L
#include "sensor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ring_ms = 2000, raw_amplitude = 4000, wave_frames = 40 };

const char *sensor_open(sensor_t *s, const char *path, const fleet_device_parameters_t *parameters) {
  struct stat about;
  memset(s, 0, sizeof *s);
  s->parameters = parameters;
  s->random = parameters->seed != 0 ? parameters->seed : 1;
  s->fd = -1;
  s->endless = true;
  if (path == NULL) return NULL;
  // Read and write: a FIFO is then open before its writer is, and stays open after it.
  const bool standard = strcmp(path, "-") == 0;
  s->fd = standard ? STDIN_FILENO : open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (s->fd < 0) s->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (s->fd < 0 || fstat(s->fd, &about) != 0) return "the sensor's file cannot be opened";
  if (standard) (void)fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
  s->endless = S_ISREG(about.st_mode);
  return s->endless && about.st_size == 0 ? "the sensor's file is empty" : NULL;
}

void sensor_close(sensor_t *s) {
  free(s->buffer);
  s->buffer = NULL;
  if (s->fd > STDIN_FILENO) (void)close(s->fd);
}

// xorshift32 (Marsaglia 2003), never 0.
static uint32_t random_bits(sensor_t *s) {
  s->random ^= s->random << 13;
  s->random ^= s->random >> 17;
  s->random ^= s->random << 5;
  return s->random;
}

// Sum of four bytes, -510..510: near a normal distribution of deviation 148.
static int32_t noise(sensor_t *s) {
  const uint32_t bits = random_bits(s);
  return (int32_t)((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24)) - 510;
}

static void generate(sensor_t *s, const fleet_sensor_t *descriptor, uint64_t first, uint8_t *dst, uint32_t count) {
  if (descriptor == NULL) {
    for (uint32_t i = 0; i < count; i++) dst[i] = (uint8_t)(noise(s) / 4);
    return;
  }
  for (uint32_t frame = 0; frame < count; frame++) {
    for (uint32_t axis = 0; axis < descriptor->axes; axis++) {
      const int32_t phase = (int32_t)((first + frame + axis * (wave_frames / 4)) % wave_frames);
      const int32_t rise = phase < wave_frames / 2 ? phase : wave_frames - phase;
      const int32_t value = (rise * 4 - wave_frames) * raw_amplitude / wave_frames + noise(s);
      const int16_t sample = (int16_t)value; // within 4510
      memcpy(dst, &sample, sizeof sample);
      dst += sizeof sample;
    }
  }
}

// Bytes of one input: 1 = whole, 0 = not there yet, -1 = the source has ended or failed. Parts are kept here, for the caller's
// memory is the arena's and is not its own between two calls.
static int32_t read_input(sensor_t *s, uint8_t *dst, size_t n) {
  if (s->capacity < n) {
    uint8_t *larger = realloc(s->buffer, n);
    if (larger == NULL) return -1;
    s->buffer = larger;
    s->capacity = n;
  }
  while (s->buffered < n) {
    const ssize_t got = read(s->fd, s->buffer + s->buffered, n - s->buffered);
    if (got > 0) {
      s->buffered += (size_t)got;
    } else if (got == 0) {
      if (!s->endless || lseek(s->fd, 0, SEEK_SET) != 0) return -1;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return 0;
    } else if (errno != EINTR) {
      return -1;
    }
  }
  memcpy(dst, s->buffer, n);
  s->buffered -= n; // what a shorter input leaves of a longer one's part
  memmove(s->buffer, s->buffer + n, s->buffered);
  return 1;
}

static const fleet_sensor_t *find(const sensor_t *s, uint32_t which, uint32_t *index) {
  for (*index = 0; *index < s->parameters->sensor_count; (*index)++)
    if (s->parameters->sensors[*index].sensor == which) return &s->parameters->sensors[*index];
  return NULL;
}

static uint64_t frame_at(const fleet_sensor_t *descriptor, uint64_t us) {
  return us / 1000000 * descriptor->sample_rate_mhz / 1000 +
         us % 1000000 * descriptor->sample_rate_mhz / 1000000000;
}

// Frames come as time makes them; a ring of two seconds loses the oldest, as one behind a DMA channel does.
static bool are_there(sensor_t *s, uint64_t now_us, const fleet_sensor_t *descriptor, uint32_t index, uint32_t count) {
  const uint64_t now = frame_at(descriptor, now_us);
  const uint64_t ring = frame_at(descriptor, (uint64_t)ring_ms * 1000) + count;
  if (descriptor->sample_rate_mhz == 0) return true;
  if (now > s->next[index] + ring) {
    s->next[index] = now - count;
    s->dropped++;
  }
  return now >= s->next[index] + count;
}

int32_t sensor_sample(sensor_t *s, uint64_t now_us, uint32_t which, void *dst, uint32_t count) {
  uint32_t index = 0;
  const fleet_sensor_t *descriptor = NULL;
  if (which != FLEET_SENSOR_TENSOR) {
    descriptor = find(s, which, &index);
    if (descriptor == NULL) return -1;
    if (s->endless && !are_there(s, now_us, descriptor, index, count)) return 0;
  }
  if (s->fd < 0) {
    generate(s, descriptor, s->next[index], dst, count);
  } else {
    const size_t bytes = descriptor == NULL ? count : (size_t)count * descriptor->axes * sizeof(int16_t);
    const int32_t read = read_input(s, dst, bytes);
    if (read <= 0) return read;
  }
  if (descriptor != NULL) s->next[index] += count;
  return (int32_t)count;
}

uint32_t sensor_dropped(sensor_t *s) {
  const uint32_t dropped = s->dropped;
  s->dropped = 0;
  return dropped;
}
