// Updates of the firmware itself, seen from the other files of an update. A port that has none compiles everything with
// FLEET_WITHOUT_FIRMWARE.
//
// One update is open at a time, of the model or of the firmware: they share states, transfer and records, and the slot that
// is written says which it is.
#ifndef FLEET_FIRMWARE_PRIVATE_H
#define FLEET_FIRMWARE_PRIVATE_H

#include "update.h"

#ifndef FLEET_WITHOUT_FIRMWARE

static inline bool fleet_firmware_is_target(const fleet_agent_t *a) { return a->update.target_slot == FLEET_FIRMWARE_SLOT; }
bool fleet_firmware_able(const fleet_agent_t *a);
static inline const uint8_t *fleet_firmware_running(const fleet_agent_t *a) { return a->config->firmware->digest; }
// What the update is about: the other image, or the running one once it was kept.
fleet_slot_record_t *fleet_firmware_target(fleet_agent_t *a);
// Progress on record is of one slot: what was begun of the image is given up for the model, and the other way round.
void fleet_firmware_forget(fleet_agent_t *a);
// Whether the image that the (verified) manifest names may and can be installed: 0 or a registered error negated.
int32_t fleet_firmware_judge(fleet_agent_t *a, const fleet_manifest_t *m);
// What a release of firmware means now, as decide() of desired.c answers; `runs`: its image does.
int32_t fleet_firmware_decide(fleet_agent_t *a, const fleet_desired_t *d, const fleet_manifest_t *m, bool runs);
int32_t fleet_firmware_write(fleet_agent_t *a, uint32_t offset, const void *src, uint32_t n);
int32_t fleet_firmware_read(fleet_agent_t *a, uint32_t offset, void *dst, uint32_t n);
uint32_t fleet_firmware_sector(const fleet_agent_t *a);
// What runs, against what is on record; before the first save of a boot.
void fleet_firmware_boot(fleet_agent_t *a);
// The staged image was hashed again.
void fleet_firmware_checked(fleet_agent_t *a, bool matches);
uint32_t fleet_firmware_tick(fleet_agent_t *a);
bool fleet_firmware_finish(fleet_agent_t *a); // the soak is over: part of that record; false = it goes back instead
// Runs the old image again; what it finds on record then is told by it.
void fleet_firmware_go_back(fleet_agent_t *a, uint32_t error);
void fleet_firmware_fields(const fleet_agent_t *a, fleet_cbor_writer_t *w);

#else // nothing is left of it in the code

static inline bool fleet_firmware_is_target(const fleet_agent_t *a) { return (void)a, false; }
static inline bool fleet_firmware_able(const fleet_agent_t *a) { return (void)a, false; }
static inline const uint8_t *fleet_firmware_running(const fleet_agent_t *a) { return (void)a, NULL; }
static inline fleet_slot_record_t *fleet_firmware_target(fleet_agent_t *a) { return &a->persist.slots[0]; }
static inline void fleet_firmware_forget(fleet_agent_t *a) { (void)a; }
static inline int32_t fleet_firmware_decide(fleet_agent_t *a, const fleet_desired_t *d, const fleet_manifest_t *m, bool runs) {
  return (void)a, (void)d, (void)m, (void)runs, 1;
}
static inline int32_t fleet_firmware_judge(fleet_agent_t *a, const fleet_manifest_t *m) { return (void)a, (void)m, -1; }
static inline int32_t fleet_firmware_write(fleet_agent_t *a, uint32_t offset, const void *src, uint32_t n) {
  return (void)a, (void)offset, (void)src, (void)n, -1;
}
static inline int32_t fleet_firmware_read(fleet_agent_t *a, uint32_t offset, void *dst, uint32_t n) {
  return (void)a, (void)offset, (void)dst, (void)n, -1;
}
static inline uint32_t fleet_firmware_sector(const fleet_agent_t *a) { return a->config->flash.sector_bytes; }
static inline void fleet_firmware_boot(fleet_agent_t *a) { (void)a; }
static inline void fleet_firmware_checked(fleet_agent_t *a, bool matches) { (void)a, (void)matches; }
static inline uint32_t fleet_firmware_tick(fleet_agent_t *a) { return (void)a, (uint32_t)never_ms; }
static inline bool fleet_firmware_finish(fleet_agent_t *a) { return (void)a, true; }
static inline void fleet_firmware_go_back(fleet_agent_t *a, uint32_t error) { (void)a, (void)error; }
static inline void fleet_firmware_fields(const fleet_agent_t *a, fleet_cbor_writer_t *w) { (void)a, (void)w; }

#endif

// From the complete image to the end of its soak: nothing of the model changes meanwhile.
static inline bool fleet_firmware_open(const fleet_agent_t *a) {
  return fleet_firmware_is_target(a) && a->update.state >= FLEET_UPDATE_STATE_VERIFIED &&
         a->update.state <= FLEET_UPDATE_STATE_SOAK;
}
// The image of the open update runs.
static inline bool fleet_firmware_on_trial(const fleet_agent_t *a) {
  return fleet_firmware_open(a) && a->update.state >= FLEET_UPDATE_STATE_TRIAL;
}

#endif
