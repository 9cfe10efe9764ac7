// Two images of the firmware as files, and the boot loader that chooses one: the part of the port that stands for MCUboot.
// In the folder `firmware` of the device: `slot-0` and `slot-1`, programs, and `boot`, which says which of them runs. A device
// without it runs the program that it was started with. A slot that was kept is hashed at every boot; one that has rotted gives way to the
// other one, and without that to the program that was started first.
#ifndef FLEET_POSIX_FIRMWARE_FILE_H
#define FLEET_POSIX_FIRMWARE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_firmware.h"

enum { FIRMWARE_PATH_MAX = 4096 };

// -1 is the program that was started first, which is never overwritten.
typedef struct {
  char folder[FIRMWARE_PATH_MAX];
  int running;
  int active; // is run
  int other;  // holds the other image
  int trying; // 0 no, 1 = the other one, once, at the next boot, 2 = it is being tried
  uint8_t kept[2][32]; // SHA-256 of a slot since it was confirmed; zeros: it was not
  uint8_t digest[32];
  fleet_firmware_port_t port;
} firmware_file_t;

// The boot loader, before anything else of a boot: executes the image that is due, and does not return; or returns because
// this program is it. A program that cannot be executed counts as one that does not come up. NULL, or what is wrong.
const char *firmware_file_boot(firmware_file_t *f, const char *folder, char *const *argv);

#endif
