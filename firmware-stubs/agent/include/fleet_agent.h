// TinyFleet agent: keeps one device in touch with its fleet. It speaks MQTT 3.1.1 to the broker, installs signed models
// over the air into two flash slots, proves them with their golden vectors before they become active, runs
// inference on a schedule and sends one telemetry summary per window. This header is the manual.
// It is not the inference runtime (fleet_runtime.h), and it knows no board: see fleet_platform.h for what a port gives.
//
// Use:   static fleet_agent_t agent;                       // about 6 KB, any number of them, caller's memory
//        fleet_agent_init(&agent, &platform, &config);     // once per boot
//        for (;;) { due = fleet_agent_step(&agent); sleep until `due`, or until bytes arrive; }
//
// Rules. No allocation, no globals, no blocking, no recursion, no floating point. One context belongs to one thread;
// no function may be called from an interrupt or from inside a platform function. Platform and config must outlive
// the context and stay unchanged. A context is plain memory: it must not move after init.
//
// Power may fail at any time. After every cut the next init finds the old model or the new one, complete and
// checked, or none and says so; never a mixture. The order of flash operations is argued in docs/spec/flash.md.
//
// A port may leave out what it does not want by not linking the file: commands (ask.c, hmac.c), inputs for the platform
// (samples.c), shadow runs (shadow.c), sleepers (sleep.c), edges by command (edges.c), cadence (watch.c), merging of a full ring
// (merge.c). optional.c, which every port links, says what happens without. Updates of the firmware itself are left out
// by compiling everything with FLEET_WITHOUT_FIRMWARE; the board then answers manifest.component-unknown to them.
//
// Results: 0 or a registered error negated (fleet_error.h). Errors of an update are reported to the platform in
// up/state; errors of the link are counted (fleet_agent_counter) and retried.
#ifndef FLEET_AGENT_H
#define FLEET_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_firmware.h"
#include "fleet_mqtt.h"
#include "fleet_records.h"
#include "fleet_ring.h"
#include "fleet_sha256.h"
#include "fleet_platform.h"
#include "fleet_runtime.h"
#include "fleet_wire.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- configuration -----------------------------------------------------------------------------------------------

typedef struct {
  const char *at; // not terminated
  uint32_t bytes;
} fleet_text_t;

typedef struct {
  uint32_t alg; // FLEET_SIGNATURE_ALGORITHM_*, 0 = no key
  const uint8_t *bytes;
  uint32_t n;
} fleet_key_t;

typedef struct {
  uint32_t sensor; // FLEET_SENSOR_*
  uint32_t axes;
  uint32_t unit; // FLEET_UNIT_*
  uint32_t full_scale;      // unit/1000 at raw 32767
  uint32_t sample_rate_mhz; // millihertz
} fleet_sensor_t;

enum {
  FLEET_AGENT_OFFLINE = 1,     // never connect; windows go to the ring
  FLEET_AGENT_FIXED_WINDOW = 2, // keep window_s whatever desired says
  FLEET_AGENT_KEY_MAX = 2,
};

// Fields that are used most first. Set them by name.
typedef struct {
  fleet_flash_geometry_t flash;
  uint32_t slot_bytes; // multiple of the sector; the slots start behind the two record sectors
  uint32_t slots;      // 0 = 2; 1 = a one-slot device: an update takes the running model's place (docs/spec/flash.md)
  void *arena;         // 16-byte aligned scratch of one inference, may be shared by agents of one thread
  uint32_t arena_bytes;
  void *state; // 16-byte aligned, this agent's
  uint32_t state_bytes;
  void *bundle_ram; // 16-byte aligned copy of the bundle where flash is not mapped, else NULL. One-slot devices with mapped
                    // flash stage an update here when it fits: it is proven before the running model goes
  uint32_t bundle_ram_bytes;
  void *patch_scratch; // 8-byte aligned, this agent's alone: what decodes compressed bundles and deltas, never the arena
  uint32_t patch_scratch_bytes; // at least sizeof(fleet_payload_t), or bundles come by the method full only
  void *sample_ram; // this agent's: holds one input that the platform asked for; NULL = none is sent
  uint32_t sample_ram_bytes;
  const fleet_sensor_t *sensors; // besides FLEET_SENSOR_TENSOR
  uint32_t sensor_count;         // 0..8
  uint32_t flags;
  void *shadow; // 8-byte aligned: context and counters of a staged model that runs beside the active one, NULL = it cannot
  uint32_t shadow_bytes; // >= FLEET_SHADOW_BYTES; 2 x classes x classes more count which class was taken for which
  void *shadow_state;    // 16-byte aligned, of the shadow model
  uint32_t shadow_state_bytes;
#ifndef FLEET_WITHOUT_FIRMWARE
  const fleet_firmware_port_t *firmware; // updates of the firmware itself, NULL = it takes none
#endif
  uint32_t duty_cycle_s;        // contact interval of a sleeper: it is connected at each contact only, 0 = always on
  uint32_t linger_s;            // a sleeper stays connected so long after the answer to its hello, 0 = 5; at most 100,000
  uint32_t healthy_s;           // inference without fault that closes an attempt record, 0 = 60; at most 100,000
  uint32_t slice_steps;         // plan steps per agent step; 0 = a whole inference, a must when the arena is shared
  uint32_t clock_khz;           // of the cycle counter, 0 = unknown: latency is then read from now_us
  uint32_t reset_cause;         // FLEET_RESET_CAUSE_* of this boot
  fleet_text_t project;     // 1..63 bytes
  fleet_text_t device;      // 1..63
  fleet_text_t token;       // 0..128, MQTT password
  fleet_text_t device_type; // 1..63
  fleet_text_t firmware_version; // 1..32, empty = FLEET_FIRMWARE_VERSION
  uint32_t window_s;            // until desired says otherwise, 0 = 3600; at most 604,800
  uint32_t early_bytes;         // of windows that close before window_s is over, in a day of uptime; 0 = 7200, 1 = none ever does
  uint32_t pick_every;          // keep every n-th prediction for labelling until desired says otherwise, 0 = none
  uint32_t keepalive_s;         // 0 = 60; at least 60 so that a broker waiting for its database is not given up
  uint32_t backoff_min_ms;      // 0 = 1000; below 2^31
  uint32_t backoff_max_ms;      // 0 = 120000; below 2^31
  uint64_t inference_period_us; // 0 = 1 s
  const uint8_t *vendor_id; // 16 bytes, NULL = any
  const uint8_t *class_id;  // 16 bytes, NULL = any
  fleet_key_t keys[FLEET_AGENT_KEY_MAX]; // current and next verification key until others are stored
  fleet_key_t device_key; // of commands, FLEET_SIGNATURE_ALGORITHM_HMAC_SHA256; none = made of the token
} fleet_agent_config_t;

// Of config.shadow without the counters by class.
#define FLEET_SHADOW_BYTES (FLEET_RUNTIME_BYTES + 32u)

// ---- the context: fields are private -------------------------------------------------------------------------------

enum {
  FLEET_WINDOW_CELLS = 192,   // classes x confidence bins
  FLEET_WINDOW_FEATURES = 5,  // monitored features; further ones are not summarized
  FLEET_WINDOW_PICKS = 16,
  FLEET_WINDOW_MAX_N = 4095,  // a window closes here, so a count fits 12 bits
  FLEET_WINDOW_MAX_MS = 604800000, // a longer one is not made of shorter ones
  FLEET_SUMMARY_BYTES = 268,  // and one for each cell: largest telemetry message, 300 with 4 classes x 8 bins
  FLEET_SUMMARY_MOST = 416,   // but no more than this, which 192 cells need at most
  FLEET_QUEUE_BYTES = 418,    // encoded windows waiting in RAM, one at least
  FLEET_NOTES = 5,            // state messages waiting
  FLEET_ATTEMPTS = 3,         // faulty resets with an attempt open that revert
  FLEET_LOSS_COUNTERS = 16,
};

typedef struct {
  uint64_t sum_squares; // < 2^44
  int32_t sum;          // of q - centre, |sum| < 2^28
  uint16_t n;
  int16_t min;
  int16_t max;
  uint8_t monitor; // index in the bundle
  uint16_t stride; // values are those of every so many inferences
  uint16_t histogram[16];
} fleet_feature_t;

typedef struct {
  bool open;
  bool held; // it would have closed before, but for the day's bytes
  bool has_ood;
  uint8_t bins;
  uint8_t features;
  uint8_t picks;
  uint8_t battery; // percent when it is closed, 127 = unknown
  uint16_t n;
  uint16_t classes;
  uint16_t merged; // further windows in it
  uint16_t switches;
  uint16_t saturated;
  uint16_t stuck;
  uint16_t dropped_frames;
  uint16_t invalid;
  uint16_t ood_n;
  uint16_t last_class;
  uint32_t first_index;
  uint32_t sequence;
  uint32_t cycles_max;
  uint32_t arena_units; // of 16 bytes, when it is closed
  uint32_t stack_units;
  uint32_t schema;
  uint32_t cycles_mean; // these three when it is closed
  uint32_t length_ms;
  uint64_t end_ms;
  uint64_t unix_ms; // at its end, 0 = unknown
  uint64_t boot_id;
  uint64_t start_ms;
  uint64_t cycles_sum;
  uint8_t build[8];
  uint8_t pick[FLEET_WINDOW_PICKS][4];
  uint16_t ood[16];
  uint16_t counts[FLEET_WINDOW_CELLS];
  fleet_feature_t feature[FLEET_WINDOW_FEATURES];
} fleet_window_t;

// How far each summarized stream has moved from the bundle's reference, in sixteenths of its standard deviation.
typedef struct {
  int16_t up[FLEET_WINDOW_FEATURES + 1]; // the last one is the OOD score's
  int16_t down[FLEET_WINDOW_FEATURES + 1];
  bool moved;
  uint8_t short_left; // windows that will be short
} fleet_watch_t;

enum { FLEET_EDGES_BYTES = 34, FLEET_EDGES = FLEET_WINDOW_FEATURES + 1 };

// Monitors that a command has put in the place of the bundle's, as it brought them (wire.cddl, new-edges).
typedef struct {
  uint8_t count; // 0 = those of the bundle
  uint8_t build[8]; // that they are for
  uint8_t monitors[FLEET_EDGES * FLEET_EDGES_BYTES];
} fleet_edges_t;

// What commands have set since boot, as hello tells it: 0 = nothing, else the CRC-32 of the command's data.
typedef struct {
  uint32_t cadence_ms; // this one as it is
  uint32_t edges;
  uint32_t capture;
} fleet_settings_t;

// Which inputs the device sends of its own accord (wire.cddl, capture-rule).
typedef struct {
  uint32_t bytes; // a day, 0 = none
  uint32_t left;  // of this day
  uint32_t day_ms; // when it began
  uint8_t confidence_below;
  uint8_t ood_from;
  uint8_t battery_percent;
  bool missed; // samples of the input under way went by: what follows is no whole one
} fleet_capture_t;

// A state message that waits to be sent.
typedef struct {
  uint8_t update_state;
  uint8_t attempts;
  uint8_t self_test; // 0 = none, 1 = failed, 2 = passed
  uint8_t vectors;
  uint8_t failed_vector;
  bool has_digest;
  bool has_detail;
  uint8_t component; // FLEET_COMPONENT_*
  uint16_t error;
  uint16_t failed_step;
  uint32_t sequence;
  uint32_t deployment;
  uint32_t revision;
  uint32_t offset;
  uint32_t detail;
  uint32_t latency_us;
  uint32_t cycles;
  uint32_t arena_bytes;
  uint64_t uptime_ms;
  uint8_t digest[32];
} fleet_note_t;

typedef struct fleet_agent {
  // Fields that are used most first: short load instructions reach the first 31, 62 or 124 bytes only.
  fleet_update_t update; // that of `persist`, which fleet_agent_save makes equal
  uint8_t job;           // work in progress: hashing, self-test
  uint8_t job_slot;
  uint8_t test_vector;
  bool fetching;
  bool want_due;
  uint8_t timeouts;
  uint8_t in_flight; // what the QoS 1 publish is
  uint8_t sample_state;
  uint8_t note_first;
  uint8_t note_count;
  bool session; // MQTT is up
  bool hello_due;
  bool running; // a model is loaded and takes inputs
  bool inferring;
  bool shadow_ready; // checked and tested in this boot
  bool shadow_kept;  // the inputs of the inference under way
  bool shadowing;    // the run under way is the shadow's
  uint8_t model_slot; // of the running model
  uint8_t method;     // of the transfer, FLEET_TRANSFER_METHOD_*
  bool queued_hello;  // a newer desired release waits for the end of this update
  bool asleep;        // a sleeper between two contacts
  bool time_known;
  bool streams; // inputs of the running model share samples
  bool dead;    // reset was asked for
  bool reset_due; // by command, at the end of this step
  uint8_t asleep_notes; // state messages that could not be sent before it slept
  uint8_t sample_encoding;
  uint8_t sample_predicted;
  uint8_t sample_confidence;
  uint8_t sample_trigger;
  uint8_t ood_bin; // highest of the last inference
  uint8_t thin;    // windows take every 2^thin-th inference
  uint16_t queue_used;
  uint16_t classes;       // of the running model
  uint16_t samples_left;  // to be taken
  uint16_t chunk_bytes;
  uint16_t pick_every;
  uint16_t sending_epoch; // ring.epoch when the window in flight was read from it
  uint16_t sending_bytes; // size of the window in flight, 0 = it came from the ring
  const fleet_platform_t *platform;
  const fleet_agent_config_t *config;
  const void *bundle;
  uint32_t next_offset;
  uint32_t job_offset;
  uint32_t window_end;
  uint32_t payload_bytes; // of the transfer
  uint32_t sequence;      // next one to give
  uint32_t window_s;
  uint32_t inference_index;
  uint32_t model_runs; // inferences since this model took over in this boot
  uint32_t started_cycles;
  uint32_t test_cycles;
  uint32_t test_runs;
  uint32_t test_latency_us;
  uint32_t sample_bytes;
  uint32_t sample_sent;
  uint32_t next_contact_s; // what desired says, 0 = the duty cycle
  uint32_t ask_counter;    // highest of a command without proof taken in this session
  uint32_t sample_ask;     // counter of the command
  uint32_t sample_index;   // of its inference
  uint32_t input_crc;      // of the input before, to see a stuck sensor
  uint32_t windows_made;
  uint32_t early_left;   // bytes of this day for windows that close early
  uint32_t early_day_ms; // when it began
  // Times of 32 bits are the low half of uptime_ms.
  uint32_t want_due_ms;
  uint32_t awake_until_ms; // of a sleeper
  uint32_t healthy_since_ms;
  uint32_t soak_counted_ms;
  uint32_t started_ms;     // when the running model took over in this boot
  uint32_t progress_ms;    // its last pass over raw samples
  uint32_t first_input_ms; // what the samples of one input last, 0 = not known
  uint32_t run_us;         // start of the run under way
  uint64_t uptime_ms;
  uint64_t now_us;
  uint64_t period_us;
  uint64_t next_inference_us;
  uint64_t contact_ms; // next one of a sleeper
  uint64_t boot_id;
  int64_t unix_offset_ms; // unix time = offset + uptime
  fleet_persist_t persist;
  fleet_flash_t flash;
  fleet_ring_t ring;
  uint32_t counters[FLEET_LOSS_COUNTERS];
  fleet_runtime_t runtime;
  fleet_self_test_t test;
  fleet_sha256_t sha;
  fleet_records_t records;
  fleet_window_t window;
  fleet_watch_t watch;
  fleet_edges_t edges;
  fleet_capture_t capture;
  fleet_settings_t settings;
  fleet_mqtt_t mqtt;
  fleet_note_t notes[FLEET_NOTES];
  uint8_t queue[FLEET_QUEUE_BYTES]; // (length LE16, window) back to back
} fleet_agent_t;

// ---- functions -----------------------------------------------------------------------------------------------------

// Boots the agent: clears the context, opens the records (a first start formats them), counts the boot, judges an
// open attempt, and schedules the check of the active slot. Flash is read and written, the network is not.
// O(two sectors). Errors: agent.platform-invalid, agent.argument-invalid, flash.geometry-invalid, flash.*. After an error
// the context must not be stepped.
int32_t fleet_agent_init(fleet_agent_t *agent, const fleet_platform_t *platform, const fleet_agent_config_t *config);

// Does what is due, at most one bounded piece of each kind of work: a few packets, 4 KB of hashing, one inference.
// Returns the time (platform now_us) of the next thing to do; calling earlier is harmless, and right when bytes
// arrived. After platform.reset was called it returns 0 and does nothing.
uint64_t fleet_agent_step(fleet_agent_t *agent);

// Factory image: records that `slot` holds the bundle with this digest, active and committed, as release `sequence`. The
// bytes must be in the slot's flash already; the first boot checks them against the digest. Not for a device in the
// field: it overwrites what the records say. `agent` is work memory. Errors: as fleet_agent_init.
typedef struct {
  const uint8_t *digest; // 32 bytes, SHA-256 of the bundle
  uint32_t slot;
  uint32_t bytes;
  uint32_t sequence;
} fleet_factory_image_t;
int32_t fleet_agent_provision(fleet_agent_t *agent, const fleet_platform_t *platform, const fleet_agent_config_t *config,
                              const fleet_factory_image_t *image);

// Changes the time between two inferences, 1 to 86,400,000,000 us; the next one is due at once. O(1).
// Errors: agent.argument-invalid.
int32_t fleet_agent_set_period(fleet_agent_t *agent, uint64_t period_us);

// Losses since boot by FLEET_LOSS_COUNTER_*, 0 for an unknown kind. O(1).
uint32_t fleet_agent_counter(const fleet_agent_t *agent, uint32_t kind);

// Flash offset of slot 0 or 1. O(1).
uint32_t fleet_agent_slot_offset(const fleet_agent_config_t *config, uint32_t slot);

// Windows made and not acknowledged. O(windows in RAM).
uint32_t fleet_agent_windows_pending(const fleet_agent_t *agent);

// The application counts an input it had to drop (a sensor overrun); goes into the next summary. O(1).
void fleet_agent_count_dropped_frame(fleet_agent_t *agent);

#ifdef __cplusplus
}
#endif

#endif
