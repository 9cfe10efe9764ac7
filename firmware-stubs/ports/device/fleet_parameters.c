// Reader of the parameter block, which is framed (magic, version, length, CRC-32) and holds one CBOR map, read like a message
// of the wire: by a table of its fields.
#include "fleet_device.h"

#include <stddef.h>
#include <string.h>

#include "fleet_cbor.h"
#include "fleet_device_keys.h"

enum { block_version = 1, default_slots = 2, id_bytes = 16, device_key_bytes = 32, key_min_bytes = 32 };

// The map as it is read: strings and nested items lie in the block.
typedef struct {
  fleet_cbor_span_t project, device, device_type, token, host, authority, certificate, private_key;
  fleet_cbor_span_t vendor_id, class_id, device_key;
  fleet_cbor_span_t key, next_key, flash, sensors; // whole items
  uint32_t port, arena_bytes, state_bytes, period_ms, window_s, pick_every, duty_cycle_s, seed;
  bool tls;
} map_t;

#define AT(member) (uint16_t) offsetof(map_t, member)
#define KEY(name) (uint8_t) FLEET_DEVICE_PARAMETERS_##name

// Lengths above 255 are left to the block's own limit.
static const fleet_cbor_row_t map_rows[] = {
    {KEY(PROJECT), cbor_row_text, 1, FLEET_NAME_MAX_BYTES, AT(project)},
    {KEY(DEVICE), cbor_row_text, 1, FLEET_NAME_MAX_BYTES, AT(device)},
    {KEY(DEVICE_TYPE), cbor_row_text, 1, FLEET_NAME_MAX_BYTES, AT(device_type)},
    {KEY(VENDOR_ID), cbor_row_bytes, id_bytes, id_bytes, AT(vendor_id)},
    {KEY(CLASS_ID), cbor_row_bytes, id_bytes, id_bytes, AT(class_id)},
    {KEY(TOKEN), cbor_row_text, 1, FLEET_DEVICE_PARAMETERS_TOKEN_MAX_BYTES, AT(token)},
    {KEY(BROKER_HOST), cbor_row_text, 1, FLEET_DEVICE_PARAMETERS_BROKER_HOST_MAX_BYTES, AT(host)},
    {KEY(BROKER_PORT), cbor_row_u32, 1, 0, AT(port)},
    {KEY(TLS), cbor_row_bool, 0, 0, AT(tls)},
    {KEY(AUTHORITY), cbor_row_text, 1, 0, AT(authority)},
    {KEY(CERTIFICATE), cbor_row_text, 1, 0, AT(certificate)},
    {KEY(PRIVATE_KEY), cbor_row_text, 1, 0, AT(private_key)},
    {KEY(KEY), cbor_row_item, 0, 0, AT(key)},
    {KEY(NEXT_KEY), cbor_row_item, 0, 0, AT(next_key)},
    {KEY(DEVICE_KEY), cbor_row_bytes, device_key_bytes, device_key_bytes, AT(device_key)},
    {KEY(FLASH), cbor_row_item, 0, 0, AT(flash)},
    {KEY(ARENA_BYTES), cbor_row_u32, 0, 0, AT(arena_bytes)},
    {KEY(STATE_BYTES), cbor_row_u32, 0, 0, AT(state_bytes)},
    {KEY(SENSORS), cbor_row_item, 0, 0, AT(sensors)},
    {KEY(INFERENCE_PERIOD_MS), cbor_row_u32, 1, 0, AT(period_ms)},
    {KEY(WINDOW_S), cbor_row_u32, 0, 0, AT(window_s)},
    {KEY(PICK_EVERY), cbor_row_u32, 0, 0, AT(pick_every)},
    {KEY(DUTY_CYCLE_S), cbor_row_u32, 0, 0, AT(duty_cycle_s)},
    {KEY(SEED), cbor_row_u32, 0, 0, AT(seed)},
};

#define BIT(name) (UINT32_C(1) << FLEET_DEVICE_PARAMETERS_##name)

static const uint32_t map_required = BIT(PROJECT) | BIT(DEVICE) | BIT(DEVICE_TYPE) | BIT(VENDOR_ID) | BIT(CLASS_ID) |
                                     BIT(BROKER_HOST) | BIT(BROKER_PORT) | BIT(FLASH) | BIT(ARENA_BYTES) |
                                     BIT(STATE_BYTES);

typedef struct {
  fleet_flash_geometry_t geometry;
  uint32_t slot_bytes;
  uint32_t slots;
} flash_t;

#define FLASH_AT(member) (uint16_t) offsetof(flash_t, member)

static const fleet_cbor_row_t flash_rows[] = {
    {FLEET_FLASH_GEOMETRY_BYTES, cbor_row_u32, 1, 0, FLASH_AT(geometry.bytes)},
    {FLEET_FLASH_GEOMETRY_SECTOR_BYTES, cbor_row_u32, 1, 0, FLASH_AT(geometry.sector_bytes)},
    {FLEET_FLASH_GEOMETRY_UNIT_BYTES, cbor_row_u32, 1, 32, FLASH_AT(geometry.unit_bytes)},
    {FLEET_FLASH_GEOMETRY_ERASED, cbor_row_u32, 0, 255, FLASH_AT(geometry.erased)},
    {FLEET_FLASH_GEOMETRY_SLOT_BYTES, cbor_row_u32, 1, 0, FLASH_AT(slot_bytes)},
    {FLEET_FLASH_GEOMETRY_SLOTS, cbor_row_u32, 1, 2, FLASH_AT(slots)},
};

#define SENSOR_AT(member) (uint16_t) offsetof(fleet_sensor_t, member)

static const fleet_cbor_row_t sensor_rows[] = {
    {FLEET_SENSOR_DESCRIPTOR_SENSOR, cbor_row_u32, 1, 255, SENSOR_AT(sensor)},
    {FLEET_SENSOR_DESCRIPTOR_AXES, cbor_row_u32, 1, 255, SENSOR_AT(axes)},
    {FLEET_SENSOR_DESCRIPTOR_UNIT, cbor_row_u32, 0, 255, SENSOR_AT(unit)},
    {FLEET_SENSOR_DESCRIPTOR_FULL_SCALE, cbor_row_u32, 0, 0, SENSOR_AT(full_scale)},
    {FLEET_SENSOR_DESCRIPTOR_SAMPLE_RATE_MHZ, cbor_row_u32, 0, 0, SENSOR_AT(sample_rate_mhz)},
};

typedef struct {
  uint32_t algorithm;
  fleet_cbor_span_t key;
} key_map_t;

static const fleet_cbor_row_t key_rows[] = {
    {FLEET_VERIFICATION_KEY_ALGORITHM, cbor_row_u32, 1, 255, (uint16_t)offsetof(key_map_t, algorithm)},
    {FLEET_VERIFICATION_KEY_KEY, cbor_row_bytes, key_min_bytes, FLEET_VERIFICATION_KEY_KEY_MAX_BYTES,
     (uint16_t)offsetof(key_map_t, key)},
};

static fleet_text_t text_of(fleet_cbor_span_t span) {
  const fleet_text_t text = {(const char *)span.at, span.n};
  return text;
}

// Keys 1 to n, all of them.
static bool has_all(uint32_t keys, uint32_t n) { return ((keys >> 1) & ((UINT32_C(1) << n) - 1)) == (UINT32_C(1) << n) - 1; }

static bool read_key(fleet_cbor_span_t item, fleet_key_t *key) {
  key_map_t map;
  if (item.n == 0) return true;
  if (!has_all(fleet_cbor_read_map(item, FLEET_CBOR_ROWS(key_rows), &map), 2)) return false;
  *key = (fleet_key_t){map.algorithm, map.key.at, map.key.n};
  return true;
}

static bool read_flash(fleet_cbor_span_t item, fleet_device_parameters_t *p) {
  flash_t flash = {.slots = default_slots};
  if (!has_all(fleet_cbor_read_map(item, FLEET_CBOR_ROWS(flash_rows), &flash), 5)) return false;
  p->flash = flash.geometry;
  p->slot_bytes = flash.slot_bytes;
  p->slots = flash.slots;
  return true;
}

static bool read_sensors(fleet_cbor_span_t list, fleet_device_parameters_t *p) {
  fleet_cbor_reader_t r;
  fleet_cbor_item_t head;
  if (list.n == 0) return true;
  fleet_cbor_reader_init(&r, list.at, list.n);
  if (!fleet_cbor_next(&r, &head) || head.major != cbor_array || head.value > FLEET_DEVICE_SENSORS_MAX) return false;
  p->sensor_count = (uint32_t)head.value;
  for (uint32_t i = 0; i < p->sensor_count; i++) {
    fleet_cbor_span_t item = {r.at, 0};
    if (!fleet_cbor_skip(&r)) return false;
    item.n = (uint32_t)(r.at - item.at);
    if (!has_all(fleet_cbor_read_map(item, FLEET_CBOR_ROWS(sensor_rows), &p->sensors[i]), 5)) return false;
  }
  return true;
}

static bool read_map(fleet_cbor_span_t message, fleet_device_parameters_t *p) {
  map_t m;
  memset(&m, 0, sizeof m);
  const uint32_t keys = fleet_cbor_read_map(message, FLEET_CBOR_ROWS(map_rows), &m);
  if ((keys & map_required) != map_required || m.port > UINT16_MAX || m.pick_every > UINT16_MAX) return false;
  p->project = text_of(m.project);
  p->device = text_of(m.device);
  p->device_type = text_of(m.device_type);
  p->token = text_of(m.token);
  p->broker_host = text_of(m.host);
  p->broker_port = m.port;
  p->tls = m.tls;
  p->authority = text_of(m.authority);
  p->certificate = text_of(m.certificate);
  p->private_key = text_of(m.private_key);
  p->vendor_id = m.vendor_id.at;
  p->class_id = m.class_id.at;
  p->device_key = m.device_key.at;
  p->arena_bytes = m.arena_bytes;
  p->state_bytes = m.state_bytes;
  p->inference_period_ms = m.period_ms;
  p->window_s = m.window_s;
  p->pick_every = m.pick_every;
  p->duty_cycle_s = m.duty_cycle_s;
  p->seed = m.seed;
  return read_key(m.key, &p->keys[0]) && read_key(m.next_key, &p->keys[1]) && read_flash(m.flash, p) &&
         read_sensors(m.sensors, p);
}

static uint32_t load_le32(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

// 00 or ff throughout: nobody has written here yet.
static bool is_erased(const uint8_t *block) {
  for (uint32_t i = 1; i < FLEET_DEVICE_BLOCK_HEAD; i++)
    if (block[i] != block[0]) return false;
  return block[0] == 0 || block[0] == 0xff;
}

int32_t fleet_device_parameters(fleet_device_parameters_t *p, const uint8_t *block, uint32_t n) {
  const int32_t invalid = -(int32_t)fleet_err_agent_parameters_invalid;
  memset(p, 0, sizeof *p);
  if (n < FLEET_DEVICE_BLOCK_HEAD || is_erased(block)) return -(int32_t)fleet_err_agent_parameters_missing;
  if (memcmp(block, "TFDP", 4) != 0 || load_le32(block + 4) != block_version) return invalid;
  const uint32_t bytes = load_le32(block + 8);
  if (bytes > FLEET_DEVICE_BLOCK_MAX - FLEET_DEVICE_BLOCK_HEAD || bytes > n - FLEET_DEVICE_BLOCK_HEAD) return invalid;
  const uint32_t crc = fleet_crc32(fleet_crc32(0, block, 12), block + FLEET_DEVICE_BLOCK_HEAD, bytes);
  if (crc != load_le32(block + 12)) return invalid;
  const fleet_cbor_span_t map = {block + FLEET_DEVICE_BLOCK_HEAD, bytes};
  if (!read_map(map, p)) return invalid;
  // A key without its certificate, or an authority for a link without TLS, is a mistake of whoever made the block.
  if ((p->certificate.bytes == 0) != (p->private_key.bytes == 0)) return invalid;
  if (!p->tls && (p->certificate.bytes != 0 || p->authority.bytes != 0)) return invalid;
  return 0;
}

void fleet_device_configure(const fleet_device_parameters_t *p, fleet_agent_config_t *c) {
  c->project = p->project;
  c->device = p->device;
  c->token = p->token;
  c->device_type = p->device_type;
  c->vendor_id = p->vendor_id;
  c->class_id = p->class_id;
  memcpy(c->keys, p->keys, sizeof c->keys);
  if (p->device_key != NULL)
    c->device_key = (fleet_key_t){FLEET_SIGNATURE_ALGORITHM_HMAC_SHA256, p->device_key, device_key_bytes};
  c->flash = p->flash;
  c->slot_bytes = p->slot_bytes;
  c->inference_period_us = (uint64_t)p->inference_period_ms * 1000;
  c->window_s = p->window_s;
  c->pick_every = p->pick_every;
  c->duty_cycle_s = p->duty_cycle_s;
  c->sensors = p->sensors;
  c->sensor_count = p->sensor_count;
}
