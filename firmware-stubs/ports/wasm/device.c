// The wasm port: one agent per device block, platform functions forwarded to the host's imports. The contract is
// device.h. No state of its own: everything is in the block, so any number of devices live in one memory.
#include "device.h"

#include <string.h>

#include "fleet_agent.h"
#include "fleet_payload.h"

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("device"), import_name(#name)))

IMPORT(now_us) extern double host_now_us(uint32_t index);
IMPORT(cycles) extern uint32_t host_cycles(uint32_t index);
IMPORT(flash_read) extern int32_t host_flash_read(uint32_t index, uint32_t offset, void *dst, uint32_t n);
IMPORT(flash_program) extern int32_t host_flash_program(uint32_t index, uint32_t offset, const void *src, uint32_t n);
IMPORT(flash_erase) extern int32_t host_flash_erase(uint32_t index, uint32_t offset);
IMPORT(flash_map) extern const void *host_flash_map(uint32_t index, uint32_t offset, uint32_t n);
IMPORT(net_open) extern int32_t host_net_open(uint32_t index);
IMPORT(net_send) extern int32_t host_net_send(uint32_t index, const void *src, uint32_t n);
IMPORT(net_receive) extern int32_t host_net_receive(uint32_t index, void *dst, uint32_t n);
IMPORT(net_close) extern void host_net_close(uint32_t index);
IMPORT(verify)
extern int32_t host_verify(uint32_t index, uint32_t alg, const void *key, uint32_t key_bytes, const void *msg,
                           uint32_t msg_bytes, const void *sig, uint32_t sig_bytes);
IMPORT(entropy) extern void host_entropy(uint32_t index, void *dst, uint32_t n);
IMPORT(sample) extern int32_t host_sample(uint32_t index, uint32_t sensor, void *dst, uint32_t count);
IMPORT(result)
extern void host_result(uint32_t index, uint32_t inference, uint32_t predicted, uint32_t confidence, const void *output,
                        uint32_t output_bytes);
IMPORT(reset) extern void host_reset(uint32_t index);
IMPORT(battery) extern int32_t host_battery(uint32_t index);
IMPORT(log)
extern void host_log(uint32_t index, uint32_t level, const char *text, uint32_t text_bytes, int32_t value);

typedef struct {
  uint32_t index;
  uint32_t alive;
  uint32_t cycles_per_step; // 0 = the host counts
  uint32_t steps;           // how often the watchdog was fed: after each plan step, and outside of inferences
  fleet_platform_t platform;
  fleet_agent_config_t config;
  fleet_sensor_t sensors[2];
  fleet_agent_t agent;
} device_t;

static uint32_t index_of(const void *user) { return ((const device_t *)user)->index; }

static uint64_t now_us(void *user) { return (uint64_t)host_now_us(index_of(user)); }

static uint32_t cycles(void *user) {
  const device_t *d = user;
  return d->cycles_per_step != 0 ? d->steps * d->cycles_per_step : host_cycles(d->index);
}

static void watchdog(void *user) { ((device_t *)user)->steps++; }

static int32_t flash_read(void *user, uint32_t offset, void *dst, uint32_t n) {
  return host_flash_read(index_of(user), offset, dst, n);
}

static int32_t flash_program(void *user, uint32_t offset, const void *src, uint32_t n) {
  return host_flash_program(index_of(user), offset, src, n);
}

static int32_t flash_erase(void *user, uint32_t offset) { return host_flash_erase(index_of(user), offset); }

static const void *flash_map(void *user, uint32_t offset, uint32_t n) {
  return host_flash_map(index_of(user), offset, n);
}

static int32_t net_open(void *user) { return host_net_open(index_of(user)); }

static int32_t net_send(void *user, const void *src, uint32_t n) { return host_net_send(index_of(user), src, n); }

static int32_t net_receive(void *user, void *dst, uint32_t n) { return host_net_receive(index_of(user), dst, n); }

static void net_close(void *user) { host_net_close(index_of(user)); }

static int32_t verify(void *user, uint32_t alg, const uint8_t *key, uint32_t key_bytes, const uint8_t *msg,
                      uint32_t msg_bytes, const uint8_t *sig, uint32_t sig_bytes) {
  return host_verify(index_of(user), alg, key, key_bytes, msg, msg_bytes, sig, sig_bytes);
}

static void entropy(void *user, void *dst, uint32_t n) { host_entropy(index_of(user), dst, n); }

static int32_t sample(void *user, uint32_t sensor, void *dst, uint32_t count) {
  return host_sample(index_of(user), sensor, dst, count);
}

static void result(void *user, const fleet_inference_t *inference) {
  host_result(index_of(user), inference->index, inference->predicted, inference->confidence, inference->output,
              inference->output_bytes);
}

static void reset(void *user) {
  ((device_t *)user)->alive = 0;
  host_reset(index_of(user));
}

static int32_t battery(void *user) { return host_battery(index_of(user)); }

static void log_text(void *user, uint32_t level, const char *text, int32_t value) {
  uint32_t n = 0;
  while (text[n] != 0) n++;
  host_log(index_of(user), level, text, n, value);
}

static const void *pointer(uint32_t offset) { return (const void *)(uintptr_t)offset; }

static fleet_text_t text_at(const uint32_t *words, uint32_t at) {
  const fleet_text_t text = {pointer(words[at]), words[at + 1]};
  return text;
}

static fleet_key_t key_at(const uint32_t *words, uint32_t alg, uint32_t at) {
  const fleet_key_t key = {words[alg], pointer(words[at]), words[at + 1]};
  return key;
}

static fleet_sensor_t sensor_at(const uint32_t *w) {
  const fleet_sensor_t sensor = {w[0], w[1], w[2], w[3], w[4]};
  return sensor;
}

static void read_config(device_t *d, const uint32_t *w) {
  fleet_agent_config_t *c = &d->config;
  c->project = text_at(w, device_config_project);
  c->device = text_at(w, device_config_device);
  c->token = text_at(w, device_config_token);
  c->device_type = text_at(w, device_config_device_type);
  c->firmware_version = text_at(w, device_config_firmware_version);
  c->vendor_id = pointer(w[device_config_vendor_id]);
  c->class_id = pointer(w[device_config_class_id]);
  c->keys[0] = key_at(w, device_config_key_alg, device_config_key);
  c->keys[1] = key_at(w, device_config_next_key_alg, device_config_next_key);
  c->flash.bytes = w[device_config_flash_bytes];
  c->flash.sector_bytes = w[device_config_sector_bytes];
  c->flash.unit_bytes = w[device_config_unit_bytes];
  c->flash.erased = w[device_config_erased];
  c->slot_bytes = w[device_config_slot_bytes];
  c->arena = (void *)(uintptr_t)w[device_config_arena];
  c->arena_bytes = w[device_config_arena + 1];
  c->state = (void *)(uintptr_t)w[device_config_state];
  c->state_bytes = w[device_config_state + 1];
  c->bundle_ram = (void *)(uintptr_t)w[device_config_bundle_ram];
  c->bundle_ram_bytes = w[device_config_bundle_ram + 1];
  c->inference_period_us =
      (uint64_t)w[device_config_inference_period_us_high] << 32 | w[device_config_inference_period_us];
  c->window_s = w[device_config_window_s];
  c->keepalive_s = w[device_config_keepalive_s];
  c->reset_cause = w[device_config_reset_cause];
  c->backoff_min_ms = w[device_config_backoff_min_ms];
  c->backoff_max_ms = w[device_config_backoff_max_ms];
  c->healthy_s = w[device_config_healthy_s];
  c->pick_every = w[device_config_pick_every];
  c->clock_khz = w[device_config_clock_khz];
  c->patch_scratch = (void *)(uintptr_t)w[device_config_patch_scratch];
  c->patch_scratch_bytes = w[device_config_patch_scratch + 1];
  c->shadow = (void *)(uintptr_t)w[device_config_shadow];
  c->shadow_bytes = w[device_config_shadow + 1];
  c->shadow_state = (void *)(uintptr_t)w[device_config_shadow_state];
  c->shadow_state_bytes = w[device_config_shadow_state + 1];
  c->sample_ram = (void *)(uintptr_t)w[device_config_sample_ram];
  c->sample_ram_bytes = w[device_config_sample_ram + 1];
  c->slots = w[device_config_slots];
  const uint32_t flags = w[device_config_flags];
  c->flags = (flags & 2 ? (uint32_t)FLEET_AGENT_OFFLINE : 0) | (flags & 4 ? (uint32_t)FLEET_AGENT_FIXED_WINDOW : 0);
  if (w[device_config_sensor] != 0) {
    d->sensors[0] = sensor_at(w + device_config_sensor);
    d->sensors[1] = sensor_at(w + device_config_sensor_2);
    c->sensors = d->sensors;
    c->sensor_count = d->sensors[1].sensor != 0 ? 2 : 1;
  }
  d->platform = (fleet_platform_t){d,         now_us,   flags & 1 ? cycles : NULL, flash_read, flash_program,
                                   flash_erase, flash_map, net_open, net_send,   net_receive, net_close,
                                   verify,    entropy,  sample,   result,       reset,       battery,
                                   watchdog,  log_text, NULL,     NULL};
  d->cycles_per_step = w[device_config_cycles_per_step];
}

EXPORT(device_abi) uint32_t device_abi(void) { return DEVICE_ABI; }

EXPORT(device_bytes) uint32_t device_bytes(void) { return (uint32_t)(sizeof(device_t) + 63) / 64 * 64; }

EXPORT(device_config_bytes) uint32_t device_config_bytes(void) { return DEVICE_CONFIG_WORDS * 4; }

EXPORT(device_info_bytes) uint32_t device_info_bytes(void) { return DEVICE_INFO_WORDS * 4; }

EXPORT(device_patch_bytes) uint32_t device_patch_bytes(void) { return (uint32_t)sizeof(fleet_payload_t); }

EXPORT(device_init) int32_t device_init(device_t *d, uint32_t index, const uint32_t *config) {
  memset(d, 0, sizeof *d);
  d->index = index;
  read_config(d, config);
  d->alive = 1;
  const int32_t result_code = fleet_agent_init(&d->agent, &d->platform, &d->config);
  if (result_code < 0) d->alive = 0;
  return result_code;
}

EXPORT(device_provision)
int32_t device_provision(uint32_t index, const uint32_t *config, uint32_t slot, const uint8_t *digest, uint32_t bytes,
                         uint32_t sequence) {
  device_t work;
  memset(&work, 0, sizeof work);
  work.index = index;
  read_config(&work, config);
  const fleet_factory_image_t image = {digest, slot, bytes, sequence};
  return fleet_agent_provision(&work.agent, &work.platform, &work.config, &image);
}

EXPORT(device_set_period) void device_set_period(device_t *d, double period_us) {
  if (period_us >= 1 && period_us <= 86400e6) (void)fleet_agent_set_period(&d->agent, (uint64_t)period_us);
}

EXPORT(device_step) double device_step(device_t *d) {
  if (d->alive == 0) return 0;
  const uint64_t due = fleet_agent_step(&d->agent);
  return d->alive == 0 ? 0 : (double)due;
}

EXPORT(device_info) void device_info(const device_t *d, uint32_t *out) {
  const fleet_agent_t *a = &d->agent;
  const fleet_persist_t *p = &a->persist;
  memset(out, 0, DEVICE_INFO_WORDS * 4);
  out[device_info_boot_id_low] = (uint32_t)a->boot_id;
  out[device_info_boot_id_high] = (uint32_t)(a->boot_id >> 32);
  out[device_info_connected] = a->session;
  out[device_info_update_state] = a->update.state;
  out[device_info_error] = a->update.error;
  const uint32_t active = a->update.active_slot;
  out[device_info_active_slot] = active == FLEET_NO_SLOT ? UINT32_MAX : active;
  if (active != FLEET_NO_SLOT) memcpy(&out[device_info_active_digest], p->slots[active].digest, 32);
  out[device_info_slot_state_0] = p->slots[0].state;
  out[device_info_slot_state_1] = p->slots[1].state;
  out[device_info_release_sequence] = p->highest_sequence;
  out[device_info_transfer_offset] = a->next_offset;
  out[device_info_transfer_bytes] = a->fetching ? a->payload_bytes : 0;
  out[device_info_inference_index] = a->inference_index;
  out[device_info_windows_made] = a->windows_made;
  out[device_info_windows_pending] = fleet_agent_windows_pending(a);
  out[device_info_windows_dropped] = p->windows_dropped;
  out[device_info_reconnects] = a->counters[FLEET_LOSS_COUNTER_RECONNECT];
  out[device_info_deployment] = p->deployment;
  out[device_info_revision] = p->revision;
  out[device_info_next_sequence] = a->sequence;
  out[device_info_messages_pending] =
      a->note_count + (uint32_t)a->hello_due + (a->in_flight == 1 || a->in_flight == 2);
  if (a->running) {
    fleet_tensor_t tensor;
    if (fleet_input(&a->runtime, 0, &tensor) == 0) out[device_info_input_bytes] = tensor.bytes;
    if (fleet_output(&a->runtime, 0, &tensor) == 0) out[device_info_output_bytes] = tensor.bytes;
    out[device_info_classes] = a->classes;
  }
  out[device_info_slot_offset_0] = fleet_agent_slot_offset(&d->config, 0);
  out[device_info_slot_offset_1] = fleet_agent_slot_offset(&d->config, 1);
  memcpy(&out[device_info_counters], a->counters, sizeof a->counters);
}
