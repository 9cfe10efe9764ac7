// What the agent must remember over a power cut: one struct, kept as an append-only log of CRC-checked records over two
// flash sectors. Not a file system: one writer, one value. docs/spec/flash.md fixes the bytes.
#ifndef FLEET_RECORDS_H
#define FLEET_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet_flash.h"

enum { FLEET_PERSIST_LAYOUT = 1, FLEET_NO_SLOT = 0xff, FLEET_FIRMWARE_SLOT = 2, FLEET_REFUSED_DIGESTS = 4 };

// All fields are naturally aligned and the structs have no padding: their little-endian bytes are the record payload.
typedef struct {
  uint8_t digest[32];
  uint32_t sequence; // of the manifest it came with
  uint32_t bytes;
  uint16_t error; // why it was rejected, 0 = it was not
  uint8_t state;  // FLEET_SLOT_STATE_*
  uint8_t reserved;
} fleet_slot_record_t;

typedef struct {
  uint8_t digest_prefix[8];
  uint32_t sequence; // a manifest above it lifts the refusal
  uint16_t error;    // 0 = entry not used
  uint16_t reserved;
} fleet_refused_t;

typedef struct {
  uint8_t alg; // FLEET_SIGNATURE_ALGORITHM_*, 0 = none
  uint8_t n;
  uint8_t bytes[66]; // the last one is 0
} fleet_stored_key_t;

// Where the update below stands.
typedef struct {
  uint8_t active_slot; // 0, 1 or FLEET_NO_SLOT
  uint8_t target_slot; // 0, 1 or FLEET_FIRMWARE_SLOT
  uint8_t state;    // FLEET_UPDATE_STATE_*
  uint8_t attempts; // faulty resets with the attempt open
  uint8_t attempt_open;
  uint8_t quick; // the trial is a switch back to a retained slot, no soak follows; 2 = from a bundle that has not soaked
  uint16_t error;
} fleet_update_t;

typedef struct {
  uint32_t layout;
  uint32_t boot_counter;
  uint32_t boot_entropy;      // of this boot
  uint32_t last_boot_counter; // 0 = there was none
  uint32_t last_boot_entropy;
  uint32_t highest_sequence; // of all accepted manifests
  uint32_t floor;
  uint32_t key_sequence;
  uint32_t windows_dropped;
  uint32_t deployment; // the update below, 0 = none so far
  uint32_t revision;
  uint32_t fetched; // bytes of the target slot that are known to be stored, whole sectors or blocks of a payload
  uint32_t soak_s;
  uint32_t soaked_s;
  uint32_t latency_limit_us; // of the trial, 0 = none
  fleet_slot_record_t slots[2];
  fleet_update_t update;
  fleet_refused_t refused[FLEET_REFUSED_DIGESTS];
  // Fields are appended only; a snapshot that ends before them is read with zeros.
  uint8_t transfer[8];    // the payload that `fetched` came from: first bytes of its digest
  uint32_t payload_taken; // its bytes that made them; the full one's are the bundle's
  uint32_t ask_counter; // highest of an authenticated command
  uint32_t next_key_sequence;
  uint8_t by_next_key; // the target slot's manifest was signed by the next key
  uint8_t reserved;
  uint16_t shadow_every; // the target slot's bundle waits as shadow and runs on every n-th inference; 0 = it does not run
  fleet_stored_key_t keys[2]; // current and next, before those of the configuration
#ifndef FLEET_WITHOUT_FIRMWARE
  fleet_slot_record_t firmware[2]; // the image that runs, but in the trial and soak of the other one; and the other one
#endif
} fleet_persist_t;

// What changes often lies in front of the keys: only of that a copy is kept to see what changed.
enum { FLEET_PERSIST_WARM_BYTES = offsetof(fleet_persist_t, keys) };

typedef struct {
  uint8_t loose;     // snapshots that must come before a patch may
  fleet_flash_t *flash;
  uint32_t bytes;      // of a record sector
  uint32_t sector;     // live record sector, 0 or 1
  uint32_t used;       // bytes of it that were written, or may have been
  uint32_t generation; // of the live sector, counted up when one is started; 0 = no valid sector
  uint32_t saved_crc; // of what lies behind `saved`
  uint8_t saved[FLEET_PERSIST_WARM_BYTES];
} fleet_records_t;

// Bytes of one of the two record sectors at the start of the flash: a flash sector, or two when that is below 1,024 bytes.
uint32_t fleet_records_sector_bytes(const fleet_flash_geometry_t *geometry);

// Reads the newest state into `state`. A first start, or damage, which is counted as an error of flash, gives the empty state.
// Cannot fail: what cannot be read counts as not there. The state is durable only after the next save.
void fleet_records_open(fleet_records_t *records, fleet_flash_t *flash, fleet_persist_t *state);
// Makes `state` durable: after 0 it survives a power cut, after a cut inside either the old or the new state is read.
// Costs nothing when nothing changed. After an error (flash.write-failed) the old state is what a boot will find, and
// the next save tries again.
int32_t fleet_records_save(fleet_records_t *records, const fleet_persist_t *state);

#endif
