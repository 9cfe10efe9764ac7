// What a port gives the agent for updates of the firmware itself. Optional: without it (config.firmware = NULL, or compiled with
// FLEET_WITHOUT_FIRMWARE) every manifest of the component firmware is refused with manifest.component-unknown.
//
// Two images: the one that runs, and the other one. The agent writes the other one only, and it never believes the port about
// which one runs: it compares `digest` with what it has on record. How a boot loader does it (MCUboot, ESP-IDF) is in
// docs/porting-agent.md.
//
//   begin, write ..    the other image is fetched; what was in its place is gone
//   activate           the next reset runs the other image once, on trial
//   (reset)            a reset of an image on trial that was not confirmed runs the old image again; the agent tries it again
//   confirm            by the image on trial, at the end of its soak: it stays
//   revert             by the image on trial: the next reset runs the old image
//
// All functions answer 0, or a negative number for a failure, which is reported (agent.firmware-failed). A cut inside activate,
// confirm or revert must leave the state before or after it.
#ifndef FLEET_FIRMWARE_H
#define FLEET_FIRMWARE_H

#include <stdint.h>

typedef struct {
  void *user;
  const uint8_t *digest; // 32 bytes, SHA-256 of the running image as it was written
  uint32_t bytes;        // of it
  uint32_t slot_bytes;   // largest image that there is room for
  uint32_t sector_bytes; // smallest erase of that room; a fetch is resumed at a multiple of it
  uint32_t patience_s;   // an image on trial that has not reached the platform by then goes back, 0 = 3600; at most 1,000,000

  int32_t (*begin)(void *user, uint32_t bytes);
  // In order but for resumes, which start again at the last sector on record, and never across the end of a sector: the port
  // erases a sector when `offset` is its start.
  int32_t (*write)(void *user, uint32_t offset, const void *src, uint32_t n);
  int32_t (*read)(void *user, uint32_t offset, void *dst, uint32_t n); // of the other image
  int32_t (*activate)(void *user);
  int32_t (*confirm)(void *user);
  int32_t (*revert)(void *user);
} fleet_firmware_port_t;

#endif
