// A world for one agent in a host test: flash with NOR rules and power cuts, a clock, a sensor, and the other end of its
// MQTT stream with a small platform behind it. The agent and the runtime are the real ones; only the outside is fake.
#ifndef FLEET_TEST_WORLD_H
#define FLEET_TEST_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "../src/agent.h"
#include "../src/manifest.h"
#include "../src/summary.h"
#include "payload_writer.h"

enum {
  world_flash_bytes = 64 * 1024,
  world_slot_bytes = 8 * 1024,
  world_pipe_bytes = 32 * 1024,
  world_messages = 256,
  world_message_bytes = 900,
};

typedef enum { cut_before, cut_torn, cut_after } cut_t;

typedef struct {
  uint8_t bytes[world_slot_bytes];
  uint32_t n;
  uint8_t digest[32];
} bundle_t;

typedef struct {
  char topic[24]; // behind up/
  uint8_t payload[world_message_bytes];
  uint32_t n;
  uint32_t qos;
} message_t;

typedef struct {
  uint32_t sequence;
  uint32_t floor;
  uint32_t soak_s;
  uint32_t abi;
  uint32_t arena_bytes;
  uint32_t supersede;
  uint32_t not_after;
  uint32_t latency_us;
  uint8_t op_set[32];
  uint32_t op_set_bytes;
  const char *firmware_min;
  bool firmware; // its component
  bool allow_downgrade;
  bool wrong_signature;
  bool wrong_key;
  uint8_t class_id;
  uint8_t key; // number of the key that signs
} release_t;

typedef struct {
  // device side
  fleet_agent_t agent;
  fleet_platform_t platform;
  fleet_agent_config_t config;
  _Alignas(16) uint8_t flash[world_flash_bytes];
  uint8_t written[world_flash_bytes / 4]; // program unit 4: programmed since the erase
  _Alignas(16) uint8_t mapping[world_slot_bytes];
  uint64_t now_us;
  uint64_t boot_us;
  uint64_t uptime_us; // that the device's clock starts with
  uint32_t random;
  uint32_t cycles;
  uint32_t cycles_per_call;
  int32_t sample_result; // -1 = sensor error, 0 = never there, else works
  uint32_t samples;
  uint32_t results;
  uint32_t resets;
  uint8_t key[32]; // of the configuration
  uint8_t next_class;
  bool hold_input; // the sensor repeats one saturated frame
  bool half;       // raw samples: the second half of an input is next
  uint64_t sample_pace_us; // between two rows of raw samples, 0 = always there
  uint64_t next_sample_us;
  bool streams; // rows are shared: the class of an input depends on how many came before
  bool unmapped;
  bool moved; // the mapping is a copy elsewhere, made when it is asked for

  // power
  jmp_buf cut;
  int64_t cut_at; // flash operation to cut, -1 = never
  cut_t cut_mode;
  int64_t operations;
  uint32_t rule_breaches;
  uint32_t erases[world_flash_bytes / 512]; // by sector
  int64_t fail_at; // flash operation that answers an error, -1 = never
  bool flash_broken; // every one does

  // network
  bool open;
  bool any_payload; // what waits in the flash is not the agent's: it may say anything
  bool refuse_connect; // CONNACK 5
  uint32_t opens;
  uint32_t read_limit; // bytes per receive, 0 = all
  uint32_t write_limit;
  uint8_t to_device[world_pipe_bytes];
  uint32_t to_device_n;
  uint8_t from_device[4096];
  uint32_t from_device_n;
  bool hold_acks;
  bool drop_wants; // wants are lost
  uint32_t corrupt_chunks; // so many chunks get a wrong CRC
  uint32_t skip_chunks;    // so many chunks are lost
  uint32_t chunks_sent;
  uint32_t pings;
  uint32_t disconnects;
  uint32_t acks; // PUBACKs of the device
  uint32_t disconnect_after; // so many chunks, then the broker is gone; 0 = never
  bool unreachable;          // connecting fails
  message_t messages[world_messages];
  uint32_t message_count;

  // platform side
  uint32_t deployment;
  uint32_t revision;
  release_t release;
  const bundle_t *bundle;
  const payload_writer_t *payload; // how it comes, NULL = as it is
  const bundle_t *base;            // a delta's, NULL = compressed
  uint32_t chunk_bytes; // told in desired, 0 = not told
  uint32_t window_s;
  uint32_t pick_every;
  uint32_t next_contact_s;
  uint32_t unsigned_soak_s;
  uint32_t shadow_every;
} world_t;

// A bundle of one RESHAPE: output = input, 4 classes, `golden` vectors. Different `tag`s have different digests.
void make_bundle(bundle_t *bundle, uint32_t tag, uint32_t golden, bool broken_golden);
// The same with monitors: classes, then `features` features (the input's elements, 16 bins of 8 from -56, centre 3), then one
// OOD score (the output's maximum).
extern uint32_t world_class_bins; // of the class monitor, in bundles that are made from now on
void make_monitored_bundle(bundle_t *bundle, uint32_t tag, uint32_t features);
// A bundle with a front end: two rows of two samples of sensor generic, one axis, each / 256; an inference takes `passes` rows.
typedef struct {
  uint32_t passes; // 1 or 2
  uint32_t rate_mhz;
} sampled_t;
void make_sampled_bundle(bundle_t *bundle, uint32_t tag, sampled_t sampled);
// Its output is the input rotated by one: it takes class (c + 3) % 4 for c.
void make_other_bundle(bundle_t *bundle, uint32_t tag);
uint32_t make_manifest(uint8_t *out, uint32_t capacity, const bundle_t *bundle, const release_t *release);

// Keys by number, 0 is the device's first. A signature is a hash of key and message: who knows the key can sign.
void world_key(uint32_t number, uint8_t public_key[32]);
void world_sign(const uint8_t public_key[32], const uint8_t *message, uint32_t n, uint8_t signature[64]);

void world_init(world_t *w);
// Gives the device a 1 MHz cycle counter that advances by so much per reading: an inference takes that long.
void world_measure(world_t *w, uint32_t cycles_per_call);
// Boots the device; false when the power was cut during init.
bool world_boot(world_t *w, uint32_t reset_cause);
// Steps the device until `seconds` of its time passed; false when the power was cut. Every step is followed by the broker.
bool world_run(world_t *w, uint32_t seconds);
// One step of the device and of the broker; false when the power was cut.
bool world_run_step(world_t *w);
void world_send(world_t *w, const char *topic, const uint8_t *payload, uint32_t n, uint32_t qos);
void world_send_desired(world_t *w);
// Last message of a topic, NULL when there was none; field reads one unsigned field of a message, or `missing`.
const message_t *world_last(const world_t *w, const char *topic);
uint32_t world_count(const world_t *w, const char *topic);
uint64_t message_field(const message_t *m, uint32_t key, uint64_t missing);
// The window that a telemetry message has packed; false when it has none or it is not a window.
bool message_window(const message_t *m, fleet_window_t *window);
// Number of state messages with this update state.
uint32_t world_states(const world_t *w, uint32_t update_state);
release_t release_of(uint32_t sequence);

#endif
