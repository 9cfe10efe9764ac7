// The agent of the reduced profile: for devices of about 2 KB of RAM and 32 KB of flash, such as the ATmega328P. It says hello,
// takes manifests that the platform made for this device (a MAC under the device key, docs/spec/manifest.md), fetches a bundle of
// at most 2 KB into the inactive of two slots, proves it with its golden vectors, runs it, reports and sends a histogram of
// its predictions. It is not the agent of fleet_agent.h: no public keys, no deltas, no flash ring, no commands but say-hello.
// CBOR, MQTT, SHA-256, the manifest's parser and the kernels are the same sources, compiled with FLEET_PROFILE_REDUCED.
//
// Use:   static fleet_reduced_t agent;
//        fleet_reduced_init(&agent, &platform, &config);   // once per boot
//        for (;;) { fleet_reduced_step(&agent); sleep a millisecond, or until bytes arrive; }
//
// No allocation, no globals, no recursion, no floating point. Platform and config outlive the context. Power may fail at any time:
// after every cut the next init finds the old model or the new one, complete and checked, or none and says so.
// A step takes as long as one inference, one chunk (two flash pages and a record) or one hash of a slot.
#ifndef FLEET_REDUCED_H
#define FLEET_REDUCED_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_mqtt.h"
#include "fleet_platform.h"
#include "fleet_runtime.h"
#include "fleet_wire.h"

#ifndef FLEET_PROFILE_REDUCED
#error "compile every file with -DFLEET_PROFILE_REDUCED"
#endif

enum {
  FLEET_REDUCED_SLOT_BYTES = 2048,
  FLEET_REDUCED_PAGE_BYTES = 128,  // erased and programmed as one
  FLEET_REDUCED_CHUNK_BYTES = 256, // whole pages
  FLEET_REDUCED_ARENA_BYTES = 128,
  FLEET_REDUCED_RECORD_BYTES = 832, // of memory whose bytes are written one by one (EEPROM)
  FLEET_REDUCED_CELLS = 48,         // classes x confidence bins of a window
  FLEET_REDUCED_NOTES = 2,          // state messages that wait
  FLEET_REDUCED_ATTEMPTS = 3,       // faulty resets in a trial or soak that revert
  FLEET_REDUCED_NO_SLOT = 0xff,
};

// What a board gives. Of `base`: flash_erase, flash_program, net_open, net_send, net_receive, net_close, entropy, sample
// (FLEET_SENSOR_TENSOR only), watchdog and, if it can, stack_bytes. Flash is the two slots, slot 1 behind slot 0; erase
// takes a page, program a page or its first n bytes, the rest of it then reads erased.
typedef struct {
  fleet_platform_t base;
  // Milliseconds since boot; may wrap.
  uint32_t (*now_ms)(void *user);
  // Where n bytes of flash from offset are read in place. On AVR an address in program memory.
  const FLEET_CONST_MEMORY uint8_t *(*flash_at)(void *user, uint32_t offset);
  // Record memory: any byte may be written any time. What is written is read back, so neither has a result. A cut inside a write
  // leaves the byte that was being written as anything, and those behind it as they were.
  void (*record_read)(void *user, uint16_t offset, void *dst, uint8_t n);
  void (*record_write)(void *user, uint16_t offset, const void *src, uint8_t n);
  // Optional: the application's use of a prediction.
  void (*predicted)(void *user, uint8_t class_index, uint8_t confidence);
} fleet_reduced_platform_t;

typedef struct {
  const FLEET_CONST_MEMORY char *project; // not terminated; with the device's name 32 bytes at most
  const FLEET_CONST_MEMORY char *device;
  const FLEET_CONST_MEMORY char *device_type; // 1..24 bytes
  const FLEET_CONST_MEMORY char *token;       // 0..64, MQTT password
  const FLEET_CONST_MEMORY uint8_t *device_key; // 32 bytes; HMAC-SHA256(token, "tinyfleet:device-key:1"), or another that the platform knows
  uint8_t project_bytes;
  uint8_t device_bytes;
  uint8_t device_type_bytes;
  uint8_t token_bytes;
  uint8_t reset_cause;     // FLEET_RESET_CAUSE_*
  // The budget of bytes: full windows that may close before their length is over, from the boot on and again after each one that lasts
  // it. The next one that is full waits for its end, and what runs meanwhile is not summarized. 255 inferences fill one; a message of
  // one has 288 bytes at most.
  uint8_t early_windows;
  uint16_t period_ms;      // between two inferences, 0 = 1 s
  uint16_t backoff_max_ms; // between two connects, 0 = 60 s
} fleet_reduced_config_t;

// ---- the context: fields are private -------------------------------------------------------------------------------

typedef struct {
  uint8_t digest[32];
  uint32_t sequence;
  uint16_t bytes;
  uint16_t error; // why it was rejected
} fleet_reduced_slot_t;

// What a power cut must not lose. No padding: its bytes are the record.
typedef struct {
  uint32_t boots;
  uint32_t highest_sequence;
  uint32_t floor;
  uint32_t deployment;
  uint32_t revision;
  uint32_t soak_s;
  uint32_t refused_sequence; // a manifest above it lifts the refusal
  fleet_reduced_slot_t slots[2];
  uint8_t refused[8]; // first bytes of the digest that failed last, zeros = none
  uint16_t fetched;   // bytes of the target slot that are stored
  uint16_t error;     // of the update
  uint8_t slot_state[2]; // FLEET_SLOT_STATE_*
  uint8_t active_slot;
  uint8_t target_slot;
  uint8_t update_state; // FLEET_UPDATE_STATE_*
  uint8_t attempts;
  uint8_t quick; // the trial is of the retained slot: no soak follows
  uint8_t reserved;
} fleet_reduced_persist_t;

typedef struct {
  uint32_t sequence;
  uint32_t deployment;
  uint32_t revision;
  uint16_t error;
  uint16_t offset;
  uint8_t update_state;
  uint8_t attempts;
  uint8_t self_test; // 0 = none, 1 = failed, 2 = passed
  uint8_t vectors;
  uint8_t failed_step;
} fleet_reduced_note_t;

typedef struct {
  uint8_t state; // 0 = none, 1 = open, 2 = closed and not yet acknowledged
  uint8_t classes;
  uint8_t bins;
  uint8_t n;
  uint32_t sequence; // of the message once it is closed
  uint32_t start_ms;
  uint32_t length_ms;
  uint32_t first_index;
  uint8_t counts[FLEET_REDUCED_CELLS];
} fleet_reduced_window_t;

typedef struct {
  const fleet_reduced_platform_t *platform;
  const fleet_reduced_config_t *config;
  bool session;
  bool hello_due;
  bool running; // the active slot was checked in this boot
  bool proven; // the active model has made an inference since it took over, or since boot
  bool check_due;
  bool trial_due;
  bool fetching;
  bool want_due;
  bool queued_hello;
  uint8_t in_flight; // what the QoS 1 publish is
  uint8_t notes;
  uint8_t cell; // of the newest record
  uint8_t timeouts;
  uint8_t early_left; // of config's early_windows
  uint16_t losses[FLEET_LOSS_COUNTER_INFERENCE_SKIPPED + 1]; // by kind
  uint32_t entropy;
  uint32_t sequence;
  uint32_t generation; // of the newest record
  uint32_t now_ms;
  uint32_t want_ms;      // when it is repeated
  uint32_t inference_ms; // when the next one is due
  uint32_t soak_ms;      // when the soak began
  uint32_t window_ms;
  uint32_t index; // inferences in this boot
  fleet_reduced_persist_t persist;
  fleet_reduced_note_t note[FLEET_REDUCED_NOTES];
  fleet_reduced_window_t window;
  fleet_mqtt_t mqtt;
} fleet_reduced_t;

// ---- functions -----------------------------------------------------------------------------------------------------

// Boots: reads the records, counts the boot, judges an open trial or soak. Errors: agent.argument-invalid, flash.write-failed when no
// record could be written. After an error the context must not be stepped.
int32_t fleet_reduced_init(fleet_reduced_t *agent, const fleet_reduced_platform_t *platform, const fleet_reduced_config_t *config);

// Does what is due, at most one piece of each kind of work.
void fleet_reduced_step(fleet_reduced_t *agent);

// The model that runs, 0 or 1; FLEET_REDUCED_NO_SLOT when there is none, or it was not checked yet.
uint32_t fleet_reduced_running(const fleet_reduced_t *agent);

#endif
