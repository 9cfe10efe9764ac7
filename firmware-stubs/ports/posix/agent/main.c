// tinyfleet-device: one device as a process of a POSIX system. Its folder holds what a board has in flash:
//   parameters   the block that `npx tinyfleet flash` writes (docs/spec/device.md)
//   flash        the region of the agent, made erased when it is not there
//   reset-cause  one digit: why the next boot happens
//   firmware     images that came over the air (firmware_file.h)
// Usage: see `usage`. It reboots by executing itself, ends cleanly on SIGTERM and SIGINT, and says on stderr what happens.
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "flash_file.h"
#include "fleet_device.h"
#include "fleet_payload.h"
#include "firmware_file.h"
#include "power.h"
#include "sensor.h"
#include "stream.h"
#include "verify.h"

#if defined(__linux__)
#include <sys/random.h>
#endif

static const char usage[] =
    "usage: tinyfleet-device FOLDER [--sensor FILE|-] [--watchdog SECONDS] [--trust-clock] [--tied]\n"
    "                               [--quiet | --verbose]\n"
    "       tinyfleet-device FOLDER --provision BUNDLE [--sequence N]\n"
    "       tinyfleet-device --verify FILE|-\n"
    "  --sensor     inputs from a file (over and over), a FIFO or standard input; default: a generator\n"
    "  --watchdog   reboot when a step takes longer, default 8\n"
    "  --trust-clock  the system's clock is right (GNSS, authenticated time): expired manifests are refused\n"
    "  --tied       end when standard input is closed, as it is when the process that holds it dies\n"
    "  --provision  store a bundle in slot 0 as the committed model of a factory, and end\n"
    "  --sequence   release sequence of that bundle, default 0\n"
    "  --verify     answer lines `algorithm key signature message` with 1 or 0, and end\n";

enum { stop = 1, reboot = 2, exit_usage = 2, exit_parameters = 3, nanoseconds = 1000000000, sample_bytes = 65536 };

typedef struct {
  const char *folder, *sensor, *provision, *vectors;
  uint32_t sequence, watchdog_s;
  uint32_t log_level;
  bool tied;
  bool trust_clock;
} options_t;

typedef struct {
  fleet_device_parameters_t parameters;
  fleet_agent_config_t config;
  fleet_platform_t platform;
  fleet_agent_t agent;
  flash_file_t flash;
  firmware_file_t firmware;
  stream_t stream;
  sensor_t sensor;
  struct timespec booted;
  uint32_t log_level;
  bool tied;
  bool trust_clock;
  bool open;
  bool reset_asked;
  char *block;
} device_t;

// ---- clocks and log ------------------------------------------------------------------------------------------------

static uint64_t now_us(void *user) {
  const device_t *d = user;
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)(now.tv_sec - d->booted.tv_sec) * 1000000u + (uint64_t)now.tv_nsec / 1000u -
         (uint64_t)d->booted.tv_nsec / 1000u;
}

// Nanoseconds of processor time: what other processes take is not the model's latency.
static uint32_t cycles(void *user) {
  struct timespec now;
  (void)user;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (uint32_t)((uint64_t)now.tv_sec * nanoseconds + (uint64_t)now.tv_nsec);
}

static uint64_t unix_ms(void *user) {
  struct timespec now;
  if (!((const device_t *)user)->trust_clock || clock_gettime(CLOCK_REALTIME, &now) != 0) return 0;
  return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static void print(device_t *d, uint32_t level, const char *text, const char *detail) {
  static const char *const names[] = {"error", "warn ", "info ", "debug"};
  if (level > d->log_level) return;
  const uint64_t now = now_us(d);
  (void)fprintf(stderr, "%8" PRIu64 ".%03u %s %s%s%s\n", now / 1000000, (unsigned)(now / 1000 % 1000), names[level & 3],
                text, detail[0] != '\0' ? " " : "", detail);
}

static void log_text(void *user, uint32_t level, const char *text, int32_t value) {
  char number[16];
  (void)snprintf(number, sizeof number, "%" PRId32, value);
  print(user, level, text, number);
}

// ---- the platform --------------------------------------------------------------------------------------------------

static int32_t flash_read(void *user, uint32_t offset, void *dst, uint32_t n) {
  return flash_file_read(&((device_t *)user)->flash, offset, dst, n);
}

static int32_t flash_program(void *user, uint32_t offset, const void *src, uint32_t n) {
  return flash_file_program(&((device_t *)user)->flash, offset, src, n);
}

static int32_t flash_erase(void *user, uint32_t offset) {
  return flash_file_erase(&((device_t *)user)->flash, offset);
}

static const void *flash_map(void *user, uint32_t offset, uint32_t n) {
  return flash_file_map(&((device_t *)user)->flash, offset, n);
}

static int32_t net_open(void *user) {
  device_t *d = user;
  const int32_t result = stream_open(&d->stream);
  if (result < 0) print(d, FLEET_LOG_WARN, "no connection to the broker:", d->stream.problem);
  if (result == FLEET_NET_OPEN) print(d, FLEET_LOG_INFO, "connected to", d->stream.host);
  d->open = result == FLEET_NET_OPEN;
  return result;
}

static int32_t net_send(void *user, const void *src, uint32_t n) {
  return stream_send(&((device_t *)user)->stream, src, n);
}

static int32_t net_receive(void *user, void *dst, uint32_t n) {
  return stream_receive(&((device_t *)user)->stream, dst, n);
}

static void net_close(void *user) {
  device_t *d = user;
  if (d->open) print(d, FLEET_LOG_INFO, "disconnected", "");
  d->open = false;
  stream_close(&d->stream);
}

static void entropy(void *user, void *dst, uint32_t n) {
  (void)user;
#if defined(__linux__)
  if (n <= 256 && getrandom(dst, n, 0) == (ssize_t)n) return;
#endif
  const int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  const bool read_all = fd >= 0 && read(fd, dst, n) == (ssize_t)n;
  if (fd >= 0) (void)close(fd);
  if (!read_all) abort(); // a boot id that repeats would make new data look old
}

static int32_t sample(void *user, uint32_t which, void *dst, uint32_t count) {
  device_t *d = user;
  return sensor_sample(&d->sensor, now_us(d), which, dst, count);
}

static void result(void *user, const fleet_inference_t *inference) {
  char text[64];
  (void)snprintf(text, sizeof text, "%" PRIu32 ": class %" PRIu32 ", confidence %" PRIu32, inference->index,
                 inference->predicted, inference->confidence);
  print(user, FLEET_LOG_DEBUG, "inference", text);
}

static void reset(void *user) { ((device_t *)user)->reset_asked = true; }

static void watchdog(void *user) {
  (void)user;
  power_watchdog_feed();
}

static fleet_platform_t platform_of(device_t *d) {
  const fleet_platform_t platform = {
      .user = d,
      .now_us = now_us,
      .cycles = cycles,
      .flash_read = flash_read,
      .flash_program = flash_program,
      .flash_erase = flash_erase,
      .flash_map = flash_map,
      .net_open = net_open,
      .net_send = net_send,
      .net_receive = net_receive,
      .net_close = net_close,
      .verify = verify_signature,
      .entropy = entropy,
      .sample = sample,
      .result = result,
      .reset = reset,
      .watchdog = watchdog,
      .log = log_text,
      .unix_ms = unix_ms,
  };
  return platform;
}

// Sleeps in poll. The watchdog rests meanwhile: a device that has nothing to do does not hang.
static int32_t wait_until(void *user, uint64_t due_us) {
  device_t *d = user;
  for (uint32_t lost = sensor_dropped(&d->sensor); lost != 0; lost--) fleet_agent_count_dropped_frame(&d->agent);
  if (d->reset_asked) return reboot;
  if (power_stop_asked()) return stop;
  const uint64_t now = now_us(d);
  if (due_us <= now) return 0;
  power_watchdog_pause();
  flash_file_settle(&d->flash);
  // Nobody writes to a tie: the one event it can have is its end, which poll tells unasked.
  struct pollfd fds[3] = {{.fd = power_stop_fd(), .events = POLLIN}, {.fd = d->tied ? STDIN_FILENO : -1}, {.fd = -1}};
  const bool ready = stream_poll(&d->stream, &fds[2]);
  const uint64_t ms = (due_us - now + 999) / 1000;
  (void)poll(fds, 3, ready ? 0 : ms > 3600000 ? 3600000 : (int)ms);
  power_watchdog_feed();
  stream_settle(&d->stream);
  return fds[1].revents != 0 ? stop : 0;
}

// ---- start ---------------------------------------------------------------------------------------------------------

static int complain(const char *what, const char *why) {
  (void)fprintf(stderr, "tinyfleet-device: %s: %s\n", what, why);
  return exit_parameters;
}

static char *path_in(const char *folder, const char *name) {
  const size_t bytes = strlen(folder) + strlen(name) + 2;
  char *path = malloc(bytes);
  if (path != NULL) (void)snprintf(path, bytes, "%s/%s", folder, name);
  return path;
}

// A whole file, NULL when it cannot be read or is larger than `max`.
static char *read_file(const char *path, size_t max, uint32_t *bytes) {
  struct stat about;
  FILE *file = fopen(path, "rb");
  char *data = NULL;
  if (file != NULL && fstat(fileno(file), &about) == 0 && about.st_size >= 0 && (size_t)about.st_size <= max) {
    *bytes = (uint32_t)about.st_size;
    data = malloc(*bytes != 0 ? *bytes : 1);
    if (data != NULL && fread(data, 1, *bytes, file) != *bytes) {
      free(data);
      data = NULL;
    }
  }
  if (file != NULL) (void)fclose(file);
  return data;
}

// 16-byte aligned; no bytes are no memory.
static bool allocate(void **to, uint32_t bytes) {
  *to = NULL;
  return bytes == 0 || posix_memalign(to, 16, bytes) == 0;
}

static int read_parameters(device_t *d, const char *folder) {
  uint32_t bytes = 0;
  char *path = path_in(folder, "parameters");
  d->block = path == NULL ? NULL : read_file(path, FLEET_DEVICE_BLOCK_MAX, &bytes);
  free(path);
  if (d->block == NULL) return complain(folder, "no parameters here; `npx tinyfleet flash` writes them");
  const int32_t error = fleet_device_parameters(&d->parameters, (const uint8_t *)d->block, bytes);
  if (error == 0) return 0;
  return complain(folder, error == -(int32_t)fleet_err_agent_parameters_missing
                              ? "the parameters are empty; `npx tinyfleet flash` writes them"
                              : "the parameters are damaged or of another version; `npx tinyfleet flash` writes them anew");
}

static int open_flash(device_t *d, const char *folder) {
  char *path = path_in(folder, "flash");
  const char *problem = path == NULL ? "no memory" : flash_file_open(&d->flash, path, &d->parameters.flash);
  free(path);
  return problem == NULL ? 0 : complain(folder, problem);
}

static bool configure(device_t *d) {
  fleet_agent_config_t *c = &d->config;
  fleet_device_configure(&d->parameters, c);
  c->arena_bytes = d->parameters.arena_bytes;
  c->state_bytes = d->parameters.state_bytes;
  c->clock_khz = nanoseconds / 1000;
  d->platform = platform_of(d);
  c->patch_scratch_bytes = sizeof(fleet_payload_t);
  c->sample_ram_bytes = sample_bytes;
  return allocate(&c->arena, c->arena_bytes) && allocate(&c->state, c->state_bytes) &&
         allocate(&c->patch_scratch, c->patch_scratch_bytes) && allocate(&c->sample_ram, c->sample_ram_bytes);
}

static int refuse(int32_t error) {
  (void)fprintf(stderr, "tinyfleet-device: the agent refuses: error %" PRId32 ", see docs/errors\n", -error);
  return 1;
}

static int provision(device_t *d, const options_t *options) {
  uint32_t bytes = 0;
  uint8_t digest[32];
  const fleet_flash_geometry_t *g = &d->parameters.flash;
  char *bundle = read_file(options->provision, d->parameters.slot_bytes, &bytes);
  if (bundle == NULL) return complain(options->provision, "the bundle cannot be read, or is larger than a slot");
  fleet_sha256_t sha;
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, bundle, bytes);
  fleet_sha256_final(&sha, digest);
  const uint32_t slot = fleet_agent_slot_offset(&d->config, 0);
  int32_t error = 0;
  for (uint32_t at = 0; error == 0 && at < bytes; at += g->sector_bytes)
    error = flash_erase(d, slot + at);
  // Whole units first; the last one is filled up with erased bytes.
  const uint32_t whole = bytes / g->unit_bytes * g->unit_bytes;
  uint8_t last[32];
  memset(last, (int)g->erased, sizeof last);
  memcpy(last, bundle + whole, bytes - whole);
  if (error == 0) error = flash_program(d, slot, bundle, whole);
  if (error == 0 && bytes != whole) error = flash_program(d, slot + whole, last, g->unit_bytes);
  free(bundle);
  if (error != 0) return complain(options->provision, "the flash file cannot be written");
  const fleet_factory_image_t image = {digest, 0, bytes, options->sequence};
  error = fleet_agent_provision(&d->agent, &d->platform, &d->config, &image);
  flash_file_settle(&d->flash);
  return error < 0 ? refuse(error) : 0;
}

static int run(device_t *d, const options_t *options, char *const *argv) {
  char *path = path_in(options->folder, "reset-cause");
  const char *problem = path == NULL ? "no memory" : power_init(path, argv, options->watchdog_s);
  free(path);
  if (problem == NULL) problem = stream_init(&d->stream, &d->parameters);
  if (problem == NULL) problem = sensor_open(&d->sensor, options->sensor, &d->parameters);
  if (problem != NULL) return complain(options->folder, problem);
  d->config.reset_cause = power_reset_cause();
  d->config.firmware = &d->firmware.port;
  print(d, FLEET_LOG_INFO, "firmware", FLEET_FIRMWARE_VERSION);
  log_text(d, FLEET_LOG_INFO, "boot, reset cause", (int32_t)d->config.reset_cause);
  power_watchdog_feed();
  const int32_t ended = fleet_device_run(&d->agent, &d->platform, &d->config, wait_until);
  power_watchdog_pause();
  stream_destroy(&d->stream);
  sensor_close(&d->sensor);
  if (ended == reboot) {
    flash_file_close(&d->flash);
    power_reboot(FLEET_RESET_CAUSE_SOFTWARE);
  }
  return ended < 0 ? refuse(ended) : 0;
}

static bool number(const char *text, uint32_t *value) {
  char *end;
  errno = 0;
  const unsigned long parsed = strtoul(text, &end, 10);
  *value = (uint32_t)parsed;
  return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && parsed <= UINT32_MAX;
}

static bool parse(int argc, char **argv, options_t *o) {
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i];
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(word, "--quiet") == 0) o->log_level = FLEET_LOG_ERROR;
    else if (strcmp(word, "--tied") == 0) o->tied = true;
    else if (strcmp(word, "--trust-clock") == 0) o->trust_clock = true;
    else if (strcmp(word, "--verbose") == 0) o->log_level = FLEET_LOG_DEBUG;
    else if (word[0] != '-' && o->folder == NULL) o->folder = word;
    else if (value == NULL) return false;
    else if (i++, strcmp(word, "--sensor") == 0) o->sensor = value;
    else if (strcmp(word, "--provision") == 0) o->provision = value;
    else if (strcmp(word, "--verify") == 0) o->vectors = value;
    else if (strcmp(word, "--sequence") == 0 ? !number(value, &o->sequence)
                                             : strcmp(word, "--watchdog") != 0 || !number(value, &o->watchdog_s))
      return false;
  }
  const bool input_is_taken = o->sensor != NULL && strcmp(o->sensor, "-") == 0;
  return (o->folder != NULL) != (o->vectors != NULL) && !(o->tied && input_is_taken);
}

int main(int argc, char **argv) {
  options_t options = {.watchdog_s = 8, .log_level = FLEET_LOG_INFO};
  if (!parse(argc, argv, &options)) {
    (void)fputs(usage, stderr);
    return exit_usage;
  }
  if (options.vectors != NULL) return verify_answer(options.vectors);
  device_t *d = calloc(1, sizeof *d);
  if (d == NULL) return complain(options.folder, "no memory");
  d->log_level = options.log_level;
  d->tied = options.tied;
  d->trust_clock = options.trust_clock;
  (void)clock_gettime(CLOCK_MONOTONIC, &d->booted);
  const char *problem = options.provision == NULL ? firmware_file_boot(&d->firmware, options.folder, argv) : NULL;
  if (problem != NULL) return complain(options.folder, problem);
  int code = read_parameters(d, options.folder);
  if (code == 0) code = open_flash(d, options.folder);
  if (code == 0) {
    if (!configure(d)) code = complain(options.folder, "no memory for arena and state");
    else code = options.provision != NULL ? provision(d, &options) : run(d, &options, argv);
    flash_file_close(&d->flash);
  }
  free(d->config.arena);
  free(d->config.state);
  free(d->config.patch_scratch);
  free(d->config.sample_ram);
  free(d->block);
  free(d);
  return code;
}
