// What the agent needs from a board: one table of functions, filled in by a port. Everything outside the
// context (time, flash, network, keys, sensors, reset) is reached through it and through nothing else.
//
// Rules for every function: it does not block, it does not call back into the agent, and it is called only
// from inside fleet_agent_init and fleet_agent_step, on the thread that called those. `user` is the pointer
// given in the table. Results: 0 or a count is success, a negative number is a failure; the agent counts the
// failure and goes on, it never trusts a partial effect.
#ifndef FLEET_PLATFORM_H
#define FLEET_PLATFORM_H

#include <stdint.h>

#ifndef FLEET_FIRMWARE_VERSION // of whoever builds it
#define FLEET_FIRMWARE_VERSION "0.1.0"
#endif

typedef struct {
  uint32_t bytes;        // whole region given to TinyFleet, a multiple of sector_bytes
  uint32_t sector_bytes; // smallest erase, 512 .. 1 MiB
  uint32_t unit_bytes;   // program unit: 1, 2, 4, 8, 16 or 32; programmed at most once between erases
  uint32_t erased;       // value of an erased byte, 0xff or 0x00
} fleet_flash_geometry_t;

// What one inference gave. `output` points into the arena and is valid during the call only.
typedef struct {
  uint32_t index; // inference index in this boot, from 0
  uint32_t predicted;
  uint32_t confidence; // 0..255, the softmax output's share of 256
  uint32_t cycles;     // 0 when the port measures none
  const void *output;
  uint32_t output_bytes;
} fleet_inference_t;

enum { FLEET_LOG_ERROR = 0, FLEET_LOG_WARN = 1, FLEET_LOG_INFO = 2, FLEET_LOG_DEBUG = 3 };

// fleet_platform_t.net_open: still connecting, ask again; or the stream is open.
enum { FLEET_NET_PENDING = 0, FLEET_NET_OPEN = 1 };

typedef struct {
  void *user;

  // Microseconds since boot, never going back, never wrapping.
  uint64_t (*now_us)(void *user);
  // Free-running cycle counter, may wrap. NULL: latency is not measured and never a reason to fail.
  uint32_t (*cycles)(void *user);

  // Flash. Offsets count from the start of the region. program: offset and n are multiples of the unit and lie
  // in erased units only. erase: the sector that starts at offset. All return 0 or a negative number.
  int32_t (*flash_read)(void *user, uint32_t offset, void *dst, uint32_t n);
  int32_t (*flash_program)(void *user, uint32_t offset, const void *src, uint32_t n);
  int32_t (*flash_erase)(void *user, uint32_t offset);
  // Address at which n bytes from offset can be read in place (16-byte aligned when offset is), or NULL when
  // the flash is not memory mapped: the bundle is then copied to config.bundle_ram. Asked for again before every
  // inference, so an emulated flash may move or privatize the mapping between two inferences.
  const void *(*flash_map)(void *user, uint32_t offset, uint32_t n);

  // One byte stream to the broker. open starts connecting and is asked again until it answers FLEET_NET_OPEN or a
  // negative number. send/receive move 0..n bytes and answer how many; negative means the stream is gone.
  // close is always called once for every open that did not fail, before the next one.
  int32_t (*net_open)(void *user);
  int32_t (*net_send)(void *user, const void *src, uint32_t n);
  int32_t (*net_receive)(void *user, void *dst, uint32_t n);
  void (*net_close)(void *user);

  // 0 when sig is the signature of msg under key. alg: FLEET_SIGNATURE_ALGORITHM_*. NULL: nothing is accepted.
  int32_t (*verify)(void *user, uint32_t alg, const uint8_t *key, uint32_t key_bytes, const uint8_t *msg,
                    uint32_t msg_bytes, const uint8_t *sig, uint32_t sig_bytes);
  // n random bytes; need not be cryptographic, must differ between boots and devices.
  void (*entropy)(void *user, void *dst, uint32_t n);

  // Pulls one input. Sensor FLEET_SENSOR_TENSOR: count bytes of the model's quantized input tensor. Any other
  // sensor: count frames of raw int16 counts, axes interleaved. Returns count, 0 when the frame is not there yet
  // (asked again soon), or a negative number for a sensor error (counted as invalid).
  int32_t (*sample)(void *user, uint32_t sensor, void *dst, uint32_t count);
  // Optional: the application's use of a result.
  void (*result)(void *user, const fleet_inference_t *inference);

  // Restarts the device. On hosted ports it returns; the context is then dead until fleet_agent_init.
  void (*reset)(void *user);
  // 0..100, negative when unknown. NULL: never reported.
  int32_t (*battery)(void *user);
  // Feeds the watchdog. While a model runs it is fed between plan steps only, so a stuck kernel resets the device.
  void (*watchdog)(void *user);
  // Optional. `text` is a constant of the firmware, `value` its one number.
  void (*log)(void *user, uint32_t level, const char *text, int32_t value);
  // Optional. The most of the stack that was in use since boot, in bytes; goes into telemetry.
  uint32_t (*stack_bytes)(void *user);
  // Optional. Unix time in milliseconds that the board vouches for (GNSS, signed time), 0 = not known yet. Only with it are
  // manifests refused that have expired.
  uint64_t (*unix_ms)(void *user);
} fleet_platform_t;

#endif
