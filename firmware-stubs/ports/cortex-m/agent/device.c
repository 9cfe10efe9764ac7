// The platform's functions of fleet_platform.h on the board, the parameters, and the loop.
//
// PSRAM, which the host backs with a file: 16 KiB for the parameter block, the agent's flash, and flash.h's probe at the
// very end. Words of the command line, all for tests: cut (flash operation in which power fails), erase-us and program-us
// (time of the flash), backoff-ms (least wait before a connect), watchdog-ms, hang and fault (number of the inference,
// from 1, after which the device hangs or faults), cycles (1: the timer is the cycle counter, true under -icount only),
// provision and sequence (bytes in slot 0 become the factory's model; the device then stops).
#include "device.h"

#include <stddef.h>
#include <string.h>

#include "../semihosting.h"
#include "clock.h"
#include "console.h"
#include "flash.h"
#include "fleet_device.h"
#include "fleet_ed25519.h"
#include "fleet_generator.h"
#include "fleet_payload.h"
#include "modem.h"
#include "mps2.h"
#include "reset.h"
#include "uart.h"

enum { sample_bytes = 32768 }; // the largest input that can be sent to the platform
enum { shadow_classes = 24 };  // of which a shadow run counts what was taken for what
enum { parameter_bytes = FLEET_DEVICE_BLOCK_MAX, paint = 0xa5, watchdog_default_ms = 60000, instructions_per_tick = 40 };

extern uint8_t link_stack_limit[], link_stack_top[], link_sram_free[], link_sram_end[], link_psram[], link_psram_end[];

static struct {
  fleet_agent_t agent;
  fleet_device_parameters_t parameters;
  flash_t flash;
  fleet_generator_t generator;
  uint64_t next_frame_us;
  uint32_t boot_seed[32 / 4];
  uint32_t seeds;
  uint32_t hang_at, fault_at; // inference index + 1
  uint8_t *free;
} device;

// ---- log -----------------------------------------------------------------------------------------------------------

static void print(const char *text, int64_t value) {
  console_text(text);
  console_text(" ");
  console_number(value);
  console_text("\n");
}

// As the POSIX port prints it: seconds since boot, level, text, number.
static void log_line(void *user, uint32_t level, const char *text, int32_t value) {
  (void)user;
  static const char *const names[] = {" error ", " warn ", " info ", " debug "};
  const uint32_t ms = (uint32_t)(clock_now_us() / 1000);
  console_number(ms / 1000);
  console_text(".");
  for (uint32_t digit = 100; digit > 1 && ms % 1000 < digit; digit /= 10) console_text("0");
  console_number(ms % 1000);
  console_text(names[level & 3]);
  print(text, value);
}

// ---- time, stack ---------------------------------------------------------------------------------------------------

static uint64_t now_us(void *user) {
  (void)user;
  return clock_now_us();
}

static uint32_t cycles(void *user) {
  (void)user;
  return clock_ticks();
}

static uint8_t *stack_pointer(void) {
  uint8_t *sp;
  __asm__ volatile("mov %0, sp" : "=r"(sp));
  return sp;
}

// Calls nothing, so what it paints is below every frame in use.
static void paint_stack(void) {
  uint8_t *const end = stack_pointer();
  for (volatile uint8_t *p = link_stack_limit; p < end; p++) *p = paint;
}

static uint32_t stack_bytes(void *user) {
  (void)user;
  const uint8_t *p = link_stack_limit;
  while (p < link_stack_top && *p == paint) p++;
  return (uint32_t)(link_stack_top - p);
}

// ---- flash, network ------------------------------------------------------------------------------------------------

static int32_t read_flash(void *user, uint32_t offset, void *dst, uint32_t n) {
  (void)user;
  return flash_read(&device.flash, offset, dst, n);
}

static int32_t program_flash(void *user, uint32_t offset, const void *src, uint32_t n) {
  (void)user;
  return flash_program(&device.flash, offset, src, n);
}

static int32_t erase_flash(void *user, uint32_t offset) {
  (void)user;
  return flash_erase(&device.flash, offset);
}

static const void *map_flash(void *user, uint32_t offset, uint32_t n) {
  (void)user;
  return flash_map(&device.flash, offset, n);
}

_Noreturn void device_power_fails(void) {
  console_text("cut\n");
  (void)mps2_mask_interrupts();
  for (;;) mps2_wait_for_interrupt();
}

static int32_t net_open(void *user) {
  (void)user;
  return modem_open();
}

static int32_t net_send(void *user, const void *src, uint32_t n) {
  (void)user;
  return modem_send(src, n);
}

static int32_t net_receive(void *user, void *dst, uint32_t n) {
  (void)user;
  return modem_receive(dst, n);
}

static void net_close(void *user) {
  (void)user;
  modem_close();
}

// ---- keys, chance --------------------------------------------------------------------------------------------------

static int32_t verify(void *user, uint32_t alg, const uint8_t *key, uint32_t key_bytes, const uint8_t *msg,
                      uint32_t msg_bytes, const uint8_t *sig, uint32_t sig_bytes) {
  (void)user;
  if (alg != FLEET_SIGNATURE_ALGORITHM_ED25519 || key_bytes != 32 || sig_bytes != 64) return -1;
  const uint32_t start = clock_ticks();
  const int32_t result = fleet_ed25519_verify(key, msg, msg_bytes, sig);
  print("verified", (int64_t)(clock_ticks() - start) * instructions_per_tick);
  return result;
}

// What differs between boots and devices: the host's clock, the seed and token of the parameters, where the timer stands.
static void stir(void) {
  const uint32_t host[2] = {semihosting_time(), clock_ticks()};
  fleet_sha256_t sha;
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, host, sizeof host);
  fleet_sha256_update(&sha, &device.seeds, sizeof device.seeds);
  fleet_sha256_update(&sha, device.boot_seed, sizeof device.boot_seed);
  fleet_sha256_update(&sha, link_psram, parameter_bytes);
  fleet_sha256_final(&sha, (uint8_t *)device.boot_seed);
  device.seeds++;
}

static void entropy(void *user, void *dst, uint32_t n) {
  (void)user;
  uint8_t *to = dst;
  while (n != 0) {
    const uint32_t part = n < sizeof device.boot_seed ? n : (uint32_t)sizeof device.boot_seed;
    stir();
    memcpy(to, device.boot_seed, part);
    to += part;
    n -= part;
  }
}

// ---- sensors -------------------------------------------------------------------------------------------------------

static const fleet_sensor_t *find_sensor(uint32_t sensor) {
  for (uint32_t i = 0; i < device.parameters.sensor_count; i++)
    if (device.parameters.sensors[i].sensor == sensor) return &device.parameters.sensors[i];
  return NULL;
}

// Raw frames come at the sensor's rate; a device that falls behind by a second drops what it missed.
static int32_t sample(void *user, uint32_t sensor, void *dst, uint32_t count) {
  (void)user;
  if (sensor == FLEET_SENSOR_TENSOR) {
    fleet_generator_bytes(&device.generator, dst, count);
    return (int32_t)count;
  }
  const fleet_sensor_t *s = find_sensor(sensor);
  if (s == NULL || s->sample_rate_mhz == 0) return -1;
  const uint64_t now = clock_now_us();
  const uint64_t complete = device.next_frame_us + (uint64_t)count * 1000000000u / s->sample_rate_mhz;
  if (complete > now) return 0;
  device.next_frame_us = now - complete > 1000000 ? now : complete;
  fleet_generator_frames(&device.generator, dst, count, s->axes);
  return (int32_t)count;
}

static void result(void *user, const fleet_inference_t *inference) {
  (void)user;
  if (inference->index + 1 == device.fault_at) *(volatile uint32_t *)(uintptr_t)0xf0000000u = 0;
  while (inference->index + 1 == device.hang_at) {
  }
}

// ---- reset, start --------------------------------------------------------------------------------------------------

static void reset(void *user) {
  (void)user;
  reset_system(FLEET_RESET_CAUSE_SOFTWARE);
}

static void feed(void *user) {
  (void)user;
  watchdog_feed();
}

static int32_t wait(void *user, uint64_t due_us) {
  (void)user;
  clock_sleep_until(due_us, uart_is_ready);
  return 0;
}

static uint8_t *take(uint32_t bytes) {
  if (bytes > (uint32_t)(link_sram_end - device.free)) return NULL;
  uint8_t *memory = device.free;
  device.free += (bytes + 15u) & ~15u;
  return memory;
}

// A device that cannot start says why and waits for better parameters: whoever flashes it starts it again.
_Noreturn static void stop(int32_t error) {
  print("stopped", error);
  for (;;) mps2_wait_for_interrupt();
}

// Records the bytes that the host has stored in slot 0 as the committed model.
_Noreturn static void provision(const fleet_platform_t *platform, const fleet_agent_config_t *config, uint32_t bytes) {
  uint8_t digest[32];
  fleet_sha256_t sha;
  const fleet_factory_image_t image = {digest, 0, bytes, console_option("sequence")};
  const uint8_t *slot = flash_map(&device.flash, fleet_agent_slot_offset(config, 0), bytes);
  if (slot == NULL) stop(-(int32_t)fleet_err_agent_argument_invalid);
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, slot, bytes);
  fleet_sha256_final(&sha, digest);
  stop(fleet_agent_provision(&device.agent, platform, config, &image));
}

_Noreturn void device_main(void) {
  static fleet_agent_config_t config;
  static fleet_payload_t patch_scratch;
  static const fleet_platform_t measuring = {
      .now_us = now_us,
      .cycles = cycles,
      .flash_read = read_flash,
      .flash_program = program_flash,
      .flash_erase = erase_flash,
      .flash_map = map_flash,
      .net_open = net_open,
      .net_send = net_send,
      .net_receive = net_receive,
      .net_close = net_close,
      .verify = verify,
      .entropy = entropy,
      .sample = sample,
      .result = result,
      .reset = reset,
      .watchdog = feed,
      .log = log_line,
      .stack_bytes = stack_bytes,
  };
  static fleet_platform_t platform;
  config.reset_cause = reset_read_cause();
  paint_stack();
  clock_start();
  console_start();
  print("boot", config.reset_cause);

  const int32_t error = fleet_device_parameters(&device.parameters, link_psram, parameter_bytes);
  if (error < 0) stop(error);
  fleet_device_configure(&device.parameters, &config);
  device.flash.base = link_psram + parameter_bytes;
  device.flash.geometry = config.flash;
  device.flash.cut_at = console_option("cut");
  device.flash.erase_us = console_option("erase-us");
  device.flash.program_us_per_256 = console_option("program-us");
  config.backoff_min_ms = console_option("backoff-ms");
  device.hang_at = console_option("hang");
  device.fault_at = console_option("fault");
  device.free = link_sram_free;
  config.arena_bytes = device.parameters.arena_bytes;
  config.arena = take(config.arena_bytes);
  config.patch_scratch = &patch_scratch;
  config.patch_scratch_bytes = sizeof patch_scratch;
  config.state_bytes = device.parameters.state_bytes;
  config.state = take(config.state_bytes);
  const uint32_t flash_most = (uint32_t)(link_psram_end - link_psram) - parameter_bytes - flash_probe_bytes;
  config.sample_ram_bytes = sample_bytes;
  config.sample_ram = take(sample_bytes);
  config.shadow_bytes = FLEET_SHADOW_BYTES + 2u * shadow_classes * shadow_classes;
  config.shadow = take(config.shadow_bytes);
  config.shadow_state_bytes = device.parameters.state_bytes;
  config.shadow_state = take(config.shadow_state_bytes);
  if (config.arena == NULL || config.state == NULL || config.sample_ram == NULL || config.shadow == NULL ||
      config.shadow_state == NULL || config.flash.bytes > flash_most)
    stop(-(int32_t)fleet_err_agent_parameters_invalid);

  platform = measuring;
  if (console_option("cycles") != 0) {
    config.clock_khz = mps2_clock_hz / 1000;
  } else {
    platform.cycles = NULL; // the timer follows the host's clock: its figures would be the host's load
  }
  const uint32_t factory_bytes = console_option("provision");
  if (factory_bytes != 0) provision(&platform, &config, factory_bytes);
  fleet_generator_init(&device.generator, device.parameters.seed);
  uint32_t call;
  entropy(NULL, &call, sizeof call);
  modem_start(call);
  const uint32_t watchdog_ms = console_option("watchdog-ms");
  watchdog_start(watchdog_ms == 0 ? (uint32_t)watchdog_default_ms : watchdog_ms);
  __asm__ volatile("cpsie i" ::: "memory");
  stop(fleet_device_run(&device.agent, &platform, &config, wait));
}
