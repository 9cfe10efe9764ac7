// The agent's clockwork: boot, one step, the down messages, the order in which up messages are sent.
#include <stddef.h>
#include <string.h>

#include "firmware.h"

enum {
  default_period_us = 1000000,
  default_window_s = 3600,
  default_keepalive_s = 60,
  default_backoff_min_ms = 1000,
  default_backoff_max_ms = 120000,
  events_per_step = 8,
};

static const uint64_t period_max_us = UINT64_C(86400000000);

uint32_t fleet_agent_until(const fleet_agent_t *a, uint32_t at_ms) {
  const int32_t left = (int32_t)(at_ms - now_ms(a));
  return left < 0 ? 0 : (uint32_t)left;
}

uint32_t fleet_agent_until_uptime(const fleet_agent_t *a, uint64_t at_ms) {
  const int64_t left = (int64_t)(at_ms - a->uptime_ms);
  return left < 0 ? 0 : left > never_ms ? (uint32_t)never_ms : (uint32_t)left;
}

static void take_time(fleet_agent_t *a) {
  a->now_us = a->platform->now_us(a->platform->user);
  a->uptime_ms = a->now_us / 1000;
}

void fleet_agent_count_many(fleet_agent_t *a, uint32_t kind, uint32_t n) {
  if (kind >= FLEET_LOSS_COUNTERS) return;
  a->counters[kind] = a->counters[kind] > UINT32_MAX - n ? UINT32_MAX : a->counters[kind] + n;
}

void fleet_agent_count(fleet_agent_t *a, uint32_t kind) { fleet_agent_count_many(a, kind, 1); }

uint32_t fleet_agent_counter(const fleet_agent_t *a, uint32_t kind) {
  return kind < FLEET_LOSS_COUNTERS ? a->counters[kind] : 0;
}

bool fleet_agent_save(fleet_agent_t *a) {
  a->persist.update = a->update;
  return fleet_records_save(&a->records, &a->persist) == 0;
}

void fleet_agent_log(const fleet_agent_t *a, uint32_t level, const char *text, int32_t value) {
  if (a->platform->log != NULL) a->platform->log(a->platform->user, level, text, value);
}

uint32_t fleet_agent_slot_offset(const fleet_agent_config_t *config, uint32_t slot) {
  return 2 * fleet_records_sector_bytes(&config->flash) + slot * config->slot_bytes;
}

uint32_t fleet_agent_slots(const fleet_agent_config_t *config) { return config->slots == 1 ? 1 : 2; }

bool fleet_slot_is_ram(const fleet_agent_t *a, uint32_t slot) { return slot == 1 && fleet_agent_slots(a->config) == 1; }

int32_t fleet_slot_read(fleet_agent_t *a, uint32_t slot, uint32_t offset, void *dst, uint32_t n) {
  if (slot == FLEET_FIRMWARE_SLOT && fleet_firmware_able(a)) return fleet_firmware_read(a, offset, dst, n);
  if (!fleet_slot_is_ram(a, slot)) return fleet_flash_read(&a->flash, fleet_agent_slot_offset(a->config, slot) + offset, dst, n);
  memcpy(dst, (const uint8_t *)a->config->bundle_ram + offset, n);
  return 0;
}

// Functions that every platform has, and texts of the configuration with their lengths.
static const uint8_t required[] = {offsetof(fleet_platform_t, now_us),      offsetof(fleet_platform_t, flash_read),
                                   offsetof(fleet_platform_t, flash_program), offsetof(fleet_platform_t, flash_erase),
                                   offsetof(fleet_platform_t, net_open),    offsetof(fleet_platform_t, net_send),
                                   offsetof(fleet_platform_t, net_receive), offsetof(fleet_platform_t, net_close),
                                   offsetof(fleet_platform_t, entropy),     offsetof(fleet_platform_t, sample),
                                   offsetof(fleet_platform_t, reset)};

static const struct {
  uint8_t at;
  uint8_t min;
  uint8_t max;
} texts[] = {{offsetof(fleet_agent_config_t, project), 1, 63},
             {offsetof(fleet_agent_config_t, device), 1, 63},
             {offsetof(fleet_agent_config_t, token), 0, 128},
             {offsetof(fleet_agent_config_t, device_type), 1, 63},
             {offsetof(fleet_agent_config_t, firmware_version), 0, 32}};

static int32_t check(const fleet_platform_t *f, const fleet_agent_config_t *c) {
  for (uint32_t i = 0; i < sizeof required; i++) {
    void (*function)(void);
    memcpy(&function, (const uint8_t *)f + required[i], sizeof function);
    if (function == NULL) return -(int32_t)fleet_err_agent_platform_invalid;
  }
  bool ok = true;
  for (uint32_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    const fleet_text_t *text = (const void *)((const uint8_t *)c + texts[i].at);
    ok = ok && text->bytes >= texts[i].min && text->bytes <= texts[i].max && (text->bytes == 0 || text->at != NULL);
  }
  const uintptr_t misaligned = ((uintptr_t)c->arena | (uintptr_t)c->state | (uintptr_t)c->bundle_ram) & 15;
  if (!ok || c->sensor_count > 8 || (c->sensor_count != 0 && c->sensors == NULL) || c->arena == NULL || misaligned != 0 ||
      c->keepalive_s > 0xffff || ((c->backoff_min_ms | c->backoff_max_ms) >> 31) != 0 || c->healthy_s > 100000 || c->linger_s > 100000 ||
      c->window_s > FLEET_WINDOW_MAX_MS / 1000) {
    return -(int32_t)fleet_err_agent_argument_invalid;
  }
  const fleet_flash_geometry_t *g = &c->flash;
  const uint32_t unit = g->unit_bytes;
  const bool unit_ok = unit != 0 && unit <= 32 && (unit & (unit - 1)) == 0;
  if (!unit_ok || g->sector_bytes < 512 || g->sector_bytes > UINT32_C(1) << 20 || g->sector_bytes % 32 != 0 ||
      (g->erased != 0xff && g->erased != 0) || g->bytes % g->sector_bytes != 0 || c->slot_bytes == 0 ||
      c->slot_bytes % g->sector_bytes != 0 || g->bytes / 2 < fleet_records_sector_bytes(g) ||
      c->slots > 2 || c->slot_bytes > (g->bytes - 2 * fleet_records_sector_bytes(g)) / fleet_agent_slots(c)) {
    return -(int32_t)fleet_err_flash_geometry_invalid;
  }
  return 0;
}

static void init_mqtt(fleet_agent_t *a) {
  const fleet_agent_config_t *c = a->config;
  fleet_mqtt_t *m = &a->mqtt;
  m->platform = a->platform;
  m->project = c->project.at;
  m->project_bytes = (uint8_t)c->project.bytes;
  m->device = c->device.at;
  m->device_bytes = (uint8_t)c->device.bytes;
  m->token = c->token.at;
  m->token_bytes = (uint8_t)c->token.bytes;
  m->keepalive_s = (uint16_t)(c->keepalive_s == 0 ? (uint32_t)default_keepalive_s : c->keepalive_s);
  m->backoff_min_ms = c->backoff_min_ms == 0 ? (uint32_t)default_backoff_min_ms : c->backoff_min_ms;
  m->backoff_max_ms = c->backoff_max_ms == 0 ? (uint32_t)default_backoff_max_ms : c->backoff_max_ms;
  if (m->backoff_max_ms < m->backoff_min_ms) m->backoff_max_ms = m->backoff_min_ms;
  fleet_mqtt_init(m, now_ms(a));
}

// A record is checked before it becomes an offset: a firmware with other slots may have written it.
static void believe_records(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  for (uint32_t i = 0; i < 2; i++) {
    if (p->slots[i].bytes <= a->config->slot_bytes) continue;
    memset(&p->slots[i], 0, sizeof p->slots[i]);
    if (a->update.active_slot == i) a->update.active_slot = FLEET_NO_SLOT;
  }
  if (a->update.active_slot >= fleet_agent_slots(a->config)) {
    a->update.active_slot = FLEET_NO_SLOT;
    if (a->update.state == FLEET_UPDATE_STATE_SOAK && !fleet_firmware_is_target(a)) {
      a->update.state = FLEET_UPDATE_STATE_IDLE; // nothing that could end it
    }
  }
  if (a->update.target_slot > 1 && (!fleet_firmware_is_target(a) || !fleet_firmware_able(a))) {
    a->update.target_slot = 0;
    a->update.state = FLEET_UPDATE_STATE_IDLE; // it was of something that this firmware does not have
  }
  if (p->fetched > fleet_update_target(a)->bytes) p->fetched = 0;
}

int32_t fleet_agent_open(fleet_agent_t *a, const fleet_platform_t *platform, const fleet_agent_config_t *config) {
  const int32_t checked = check(platform, config);
  if (checked < 0) return checked;
  memset(a, 0, sizeof *a);
  a->platform = platform;
  a->config = config;
  a->flash.platform = platform;
  a->flash.geometry = config->flash;
  fleet_records_open(&a->records, &a->flash, &a->persist);
  a->update = a->persist.update;
  believe_records(a);
  return 0;
}

uint64_t fleet_agent_own_period(const fleet_agent_config_t *config) {
  return config->inference_period_us == 0 ? default_period_us : config->inference_period_us;
}

int32_t fleet_agent_set_period(fleet_agent_t *a, uint64_t period_us) {
  if (period_us == 0 || period_us > period_max_us) return -(int32_t)fleet_err_agent_argument_invalid;
  a->period_us = period_us;
  a->next_inference_us = a->now_us;
  return 0;
}

int32_t fleet_agent_init(fleet_agent_t *a, const fleet_platform_t *platform, const fleet_agent_config_t *config) {
  const int32_t opened = fleet_agent_open(a, platform, config);
  if (opened < 0) return opened;
  take_time(a);
  a->early_day_ms = now_ms(a) - 86400000u; // a day begins with the first window
  a->window_s = config->window_s == 0 ? (uint32_t)default_window_s : config->window_s;
  a->pick_every = (uint16_t)(config->pick_every > UINT16_MAX ? UINT16_MAX : config->pick_every);
  a->period_us = fleet_agent_own_period(config);

  fleet_persist_t *p = &a->persist;
  uint32_t entropy = 0;
  platform->entropy(platform->user, &entropy, sizeof entropy);
  p->last_boot_counter = p->boot_counter;
  p->last_boot_entropy = p->boot_entropy;
  p->boot_counter++;
  p->boot_entropy = entropy;
  a->boot_id = (uint64_t)p->boot_counter << 32 | entropy;

  const uint32_t ring_base = fleet_agent_slot_offset(config, fleet_agent_slots(config));
  fleet_ring_open(&a->ring, &a->flash, ring_base, config->flash.bytes - ring_base);
  init_mqtt(a);
  fleet_sleep_wake(a);
  fleet_update_boot(a); // saves: the boot is counted before any message can carry its id
  return 0;
}

// ---- the step ------------------------------------------------------------------------------------------------------

static void handle_message(fleet_agent_t *a) {
  fleet_sleep_heard(a, false);
  const uint8_t *payload = a->mqtt.payload;
  const uint32_t n = a->mqtt.payload_bytes;
  switch (a->mqtt.topic_kind) {
    case fleet_down_desired:
      fleet_update_desired(a, payload, n);
      break;
    case fleet_down_chunk:
      fleet_transfer_chunk(a, payload, n);
      break;
    case fleet_down_ask:
      fleet_ask(a, payload, n);
      break;
    default:
      break;
  }
}

static void drop_note(fleet_agent_t *a) {
  if (++a->note_first == FLEET_NOTES) a->note_first = 0;
  a->note_count--;
}

static void handle_ack(fleet_agent_t *a) {
  if (a->in_flight == in_flight_window || a->in_flight == in_flight_ring) fleet_window_acked(a);
  if (a->in_flight == in_flight_note) drop_note(a);
  if (a->in_flight == in_flight_sample) fleet_samples_acked(a);
  a->in_flight = in_flight_none;
}

// A sleeper is not between two contacts, nor is a device that never connects.
static bool online(const fleet_agent_t *a) { return !a->asleep && (a->config->flags & FLEET_AGENT_OFFLINE) == 0; }

static bool network(fleet_agent_t *a) {
  if (!online(a)) return false;
  bool more = true;
  for (uint32_t i = 0; i < events_per_step && more; i++) {
    switch (fleet_mqtt_poll(&a->mqtt, now_ms(a), fleet_messages_will, a)) {
      case fleet_mqtt_connected:
        a->session = true;
        a->ask_counter = 0;
        // Hello is the first message of every session. One still in flight is sent again by the client and serves
        // this session too; any other publish is taken back and made again, from its own copy, behind the hello.
        if (a->in_flight != in_flight_hello) {
          fleet_mqtt_take_back(&a->mqtt);
          a->in_flight = in_flight_none;
          a->hello_due = true;
        }
        fleet_transfer_connected(a);
        break;
      case fleet_mqtt_lost:
        // Failed attempts are no losses: a device without coverage would count nothing else.
        if (a->session) fleet_agent_count(a, FLEET_LOSS_COUNTER_RECONNECT);
        a->session = false;
        break;
      case fleet_mqtt_message:
        handle_message(a);
        break;
      case fleet_mqtt_acked:
        handle_ack(a);
        break;
      case fleet_mqtt_nothing:
      default:
        more = false;
        break;
    }
  }
  return more;
}

// Losses that files below the agent have counted for it.
static void collect_losses(fleet_agent_t *a) {
  fleet_agent_count_many(a, FLEET_LOSS_COUNTER_PACKET_TOO_LARGE, a->mqtt.too_large);
  fleet_agent_count_many(a, FLEET_LOSS_COUNTER_FLASH_ERROR, a->flash.errors);
  a->mqtt.too_large = a->flash.errors = 0;
}

// One QoS 1 publish at a time: the boot report first, then what changed, then what was measured.
static void send_next(fleet_agent_t *a) {
  if (!a->session || !fleet_mqtt_can_publish(&a->mqtt)) return;
  if (a->hello_due) {
    a->hello_due = false;
    if (fleet_messages_hello(a)) {
      a->in_flight = in_flight_hello;
    } else {
      fleet_agent_count(a, FLEET_LOSS_COUNTER_MQTT_OVERFLOW);
    }
  } else if (a->note_count != 0) {
    if (fleet_messages_note(a, fleet_report_at(a, 0))) {
      a->in_flight = in_flight_note;
    } else {
      fleet_agent_count(a, FLEET_LOSS_COUNTER_MQTT_OVERFLOW);
      drop_note(a);
    }
  } else {
    if (!fleet_window_publish(a)) (void)fleet_samples_publish(a);
  }
}

static uint32_t sooner(uint32_t x, uint32_t y) { return x < y ? x : y; }

uint64_t fleet_agent_step(fleet_agent_t *a) {
  if (a->dead) return 0;
  take_time(a);
  bool busy = network(a);
  if (fleet_trial_work(a)) busy = true;
  if (a->reset_due) {
    fleet_window_spill(a);
    (void)network(a); // acknowledges the command
    a->dead = true;
    fleet_mqtt_disconnect(&a->mqtt);
    a->platform->reset(a->platform->user);
    return 0;
  }
  uint32_t wait_ms = fleet_window_tick(a); // first: an inference due at a window's end belongs to the next one
  const uint64_t inference_us = fleet_model_tick(a);
  wait_ms = sooner(wait_ms, fleet_update_tick(a));
  collect_losses(a);
  if (a->session && fleet_mqtt_can_publish(&a->mqtt)) send_next(a);
  // What this step has made goes out with it: a want's patience has begun. Nothing is received here, for the ticks are over.
  if (!fleet_mqtt_flush(&a->mqtt)) busy = true; // the next poll meets the loss
  wait_ms = sooner(wait_ms, fleet_sleep_tick(a));
  if (a->job != job_none) busy = true;
  if (a->platform->watchdog != NULL && !a->inferring) a->platform->watchdog(a->platform->user);
  if (busy) return a->now_us;
  if (online(a)) wait_ms = sooner(wait_ms, fleet_agent_until(a, fleet_mqtt_due(&a->mqtt, now_ms(a))));
  const uint64_t due_us = a->now_us + (uint64_t)wait_ms * 1000;
  return inference_us < due_us ? inference_us : due_us;
}
