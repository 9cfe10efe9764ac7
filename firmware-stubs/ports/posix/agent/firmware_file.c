// The choice is one small file, replaced by rename: a cut leaves the one before or the one behind it. An image is tried once:
// that it is being tried is on record before it is executed, so whatever ends it, the next boot runs the old one, unless it has
// confirmed. The boot loader is the program that was started first: a reboot executes that again (power.c).
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE // realpath
#include "firmware_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fleet_sha256.h"

static const char slot_variable[] = "TINYFLEET_SLOT"; // of the image that is executed: which one it is

static bool path_of(const firmware_file_t *f, const char *name, char path[FIRMWARE_PATH_MAX]) {
  const int n = snprintf(path, FIRMWARE_PATH_MAX, "%s/firmware%s%s", f->folder, name[0] == '\0' ? "" : "/", name);
  return n > 0 && n < FIRMWARE_PATH_MAX;
}

static bool slot_path(const firmware_file_t *f, int slot, char path[FIRMWARE_PATH_MAX]) {
  char name[8] = "slot-0";
  name[5] = (char)('0' + slot);
  return path_of(f, name, path);
}

// ---- the record --------------------------------------------------------------------------------------------------------

static void sync_folder(const firmware_file_t *f) {
  char path[FIRMWARE_PATH_MAX];
  if (!path_of(f, "", path)) return;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);
  (void)close(fd);
}

// A read that fails may succeed in a moment; whoever runs this program waits a second for it.
enum { read_tries = 5 };
static void wait_a_moment(void) {
  static const struct timespec wait = {0, 200000000};
  (void)nanosleep(&wait, NULL);
}

// "active other trying", three digits, slot -1 written as 2; behind them `kept`, which records of before it do not have.
static void read_record(firmware_file_t *f) {
  char path[FIRMWARE_PATH_MAX];
  char text[4] = "";
  f->active = f->other = -1;
  f->trying = 0;
  memset(f->kept, 0, sizeof f->kept);
  if (!path_of(f, "boot", path)) return;
  int fd = -1;
  ssize_t n = -1;
  for (int tries = 0; tries < read_tries && n < 0; tries++) {
    if (tries != 0) wait_a_moment();
    if (fd < 0) fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return;
    if (fd >= 0) n = read(fd, text, 3);
  }
  if (fd < 0) return;
  const bool whole = n == 3;
  if (whole && read(fd, f->kept, sizeof f->kept) != (ssize_t)sizeof f->kept) memset(f->kept, 0, sizeof f->kept);
  (void)close(fd);
  for (int i = 0; i < 3; i++)
    if (!whole || text[i] < '0' || text[i] > '2') return; // never written, for it is renamed when it is whole
  f->active = text[0] == '2' ? -1 : text[0] - '0';
  f->other = text[1] == '2' ? -1 : text[1] - '0';
  f->trying = text[2] - '0';
}

static bool write_record(const firmware_file_t *f) {
  char path[FIRMWARE_PATH_MAX];
  char fresh[FIRMWARE_PATH_MAX];
  const char text[3] = {(char)(f->active < 0 ? '2' : '0' + f->active), (char)(f->other < 0 ? '2' : '0' + f->other),
                        (char)('0' + f->trying)};
  if (!path_of(f, "boot", path) || !path_of(f, "boot.new", fresh)) return false;
  const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = write(fd, text, sizeof text) == (ssize_t)sizeof text &&
                       write(fd, f->kept, sizeof f->kept) == (ssize_t)sizeof f->kept && fsync(fd) == 0;
  if (close(fd) != 0 || !written || rename(fresh, path) != 0) return false;
  sync_folder(f);
  return true;
}

// ---- the port ----------------------------------------------------------------------------------------------------------

static int32_t begin(void *user, uint32_t bytes) {
  firmware_file_t *f = user;
  char path[FIRMWARE_PATH_MAX];
  (void)bytes;
  if (!path_of(f, "", path) || (mkdir(path, 0700) != 0 && errno != EEXIST)) return -1;
  f->other = f->active == 0 ? 1 : 0;
  f->trying = 0;
  memset(f->kept[f->other], 0, sizeof f->kept[0]);
  if (!write_record(f) || !slot_path(f, f->other, path)) return -1;
  (void)unlink(path); // another file: whoever runs from the old one goes on
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
  return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

static int open_other(const firmware_file_t *f, int flags) {
  char path[FIRMWARE_PATH_MAX];
  if (f->other < 0 || !slot_path(f, f->other, path)) return -1;
  return open(path, flags | O_CLOEXEC);
}

static int32_t write_other(void *user, uint32_t offset, const void *src, uint32_t n) {
  const int fd = open_other(user, O_WRONLY);
  if (fd < 0) return -1;
  const bool written = pwrite(fd, src, n, (off_t)offset) == (ssize_t)n;
  return close(fd) == 0 && written ? 0 : -1;
}

// The program that was started first is no slot, and what is read of it is the running program's when that is it.
static int32_t read_other(void *user, uint32_t offset, void *dst, uint32_t n) {
  const firmware_file_t *f = user;
  const char *loader = getenv("TINYFLEET_LOADER");
  const int fd = f->other >= 0 ? open_other(f, O_RDONLY) : loader != NULL ? open(loader, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return -1;
  const bool whole = pread(fd, dst, n, (off_t)offset) == (ssize_t)n;
  (void)close(fd);
  return whole ? 0 : -1;
}

static int32_t activate(void *user) {
  firmware_file_t *f = user;
  const int fd = f->other >= 0 ? open_other(f, O_RDONLY) : -1;
  const bool durable = f->other < 0 || (fd >= 0 && fsync(fd) == 0);
  if (fd >= 0) (void)close(fd);
  f->trying = 1;
  return durable && write_record(f) ? 0 : -1;
}

static void swap(firmware_file_t *f) {
  const int was = f->active;
  f->active = f->other;
  f->other = was;
}

static int32_t confirm(void *user) {
  firmware_file_t *f = user;
  if (f->trying == 2) swap(f);
  f->trying = 0;
  if (f->active >= 0 && f->active == f->running) memcpy(f->kept[f->active], f->digest, sizeof f->digest); // what runs was hashed
  return write_record(f) ? 0 : -1;
}

static int32_t revert(void *user) {
  firmware_file_t *f = user;
  if (f->trying == 0) swap(f);
  f->trying = 0;
  return write_record(f) ? 0 : -1;
}

// ---- boot --------------------------------------------------------------------------------------------------------------

static bool hash_file(const char *path, uint8_t digest[32], uint32_t *bytes) {
  uint8_t piece[4096];
  fleet_sha256_t sha;
  ssize_t n;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  fleet_sha256_init(&sha);
  *bytes = 0;
  while ((n = read(fd, piece, sizeof piece)) > 0) {
    fleet_sha256_update(&sha, piece, (uint32_t)n);
    *bytes += (uint32_t)n;
  }
  const int why = errno;
  (void)close(fd);
  errno = why;
  fleet_sha256_final(&sha, digest);
  return n == 0;
}

static bool was_kept(const firmware_file_t *f, int slot) {
  static const uint8_t none[32];
  return memcmp(f->kept[slot], none, sizeof none) != 0;
}

// NULL when the slot is what it was when it was confirmed; of one on its trial the agent has just looked at every byte. What cannot be
// read now may be whole: that it has rotted is only said of bytes that were read.
static const char *what_is_wrong(const firmware_file_t *f, int slot, const char *path) {
  uint8_t digest[32];
  uint32_t bytes;
  if (!was_kept(f, slot)) return NULL;
  for (int tries = 0; tries < read_tries; tries++) {
    if (hash_file(path, digest, &bytes)) return memcmp(digest, f->kept[slot], sizeof digest) == 0 ? NULL : "has rotted";
    if (errno == ENOENT) return "is not there";
    wait_a_moment();
  }
  return "cannot be read";
}

static const char *measure(firmware_file_t *f, const char *program) {
  return hash_file(program, f->digest, &f->port.bytes) ? NULL : "the program cannot read itself";
}

// Executes the image that is due and does not return, or returns NULL when that is this program, or what is wrong.
static const char *execute_due(firmware_file_t *f, char *const *argv) {
  char path[FIRMWARE_PATH_MAX];
  bool failed[2] = {false, false};
  for (;;) {
    const int due = f->trying == 2 ? f->other : f->active;
    if (due < 0) return NULL;
    if (!slot_path(f, due, path)) return "the folder's path is too long";
    const char *wrong = what_is_wrong(f, due, path);
    if (wrong == NULL) {
      const char name[2] = {(char)('0' + due), '\0'};
      if (setenv(slot_variable, name, 1) != 0) return "no memory";
      (void)execv(path, argv);
      (void)unsetenv(slot_variable);
      wrong = "does not come up";
    }
    (void)fprintf(stderr, "firmware slot %d %s\n", due, wrong);
    failed[due] = true;
    if (f->trying == 2) {
      f->trying = 0;
    } else { // its place is taken by the other one, or by the program that was started first: that is better than none
      const bool has_other = f->other >= 0 && !failed[f->other] && was_kept(f, f->other);
      f->active = has_other ? f->other : -1;
      f->other = due;
    }
    if (!write_record(f)) return "the boot record cannot be written";
  }
}

const char *firmware_file_boot(firmware_file_t *f, const char *folder, char *const *argv) {
  char path[FIRMWARE_PATH_MAX];
  const char *slot = getenv(slot_variable);
  memset(f, 0, sizeof *f);
  if (strlen(folder) >= sizeof f->folder) return "the folder's path is too long";
  memcpy(f->folder, folder, strlen(folder));
  read_record(f);
  f->running = -1;
  if (slot != NULL && (slot[0] == '0' || slot[0] == '1') && slot[1] == '\0') {
    f->running = slot[0] - '0';
    (void)unsetenv(slot_variable); // a reboot begins with the boot loader
  } else {
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) path[length] = '\0';
    if (length <= 0 && realpath(argv[0], path) == NULL) return "the program does not know its own path";
    if (setenv("TINYFLEET_LOADER", path, 1) != 0) return "no memory";
    const int before = f->trying;
    f->trying = before == 1 ? 2 : 0;
    if (before != f->trying && !write_record(f)) return "the boot record cannot be written";
    const char *problem = execute_due(f, argv);
    if (problem != NULL) return problem;
  }
  f->port = (fleet_firmware_port_t){.user = f,
                                    .digest = f->digest,
                                    .slot_bytes = 64u << 20,
                                    .sector_bytes = 4096,
                                    .begin = begin,
                                    .write = write_other,
                                    .read = read_other,
                                    .activate = activate,
                                    .confirm = confirm,
                                    .revert = revert};
  // What runs, and not what a variable or a path says it is.
  if (access("/proc/self/exe", R_OK) == 0) return measure(f, "/proc/self/exe");
  const char *loader = getenv("TINYFLEET_LOADER");
  if (f->running >= 0 ? !slot_path(f, f->running, path) : false) return "the folder's path is too long";
  return measure(f, f->running >= 0 ? path : loader != NULL ? loader : argv[0]);
}
