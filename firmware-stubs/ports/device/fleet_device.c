// Reader of the parameter block, NOR rules and the loop. The block is framed (magic, version, length, CRC-32) and holds
// one CBOR map, read by one table: key, kind, where it goes, its limits.
#include "fleet_device.h"

#include <stddef.h>
#include <string.h>

#include "fleet_cbor.h"
#include "fleet_device_keys.h"

enum { block_version = 1, default_slots = 2 };

typedef enum { kind_text, kind_bytes, kind_number, kind_bool, kind_key, kind_sensors, kind_flash } kind_t;

typedef struct {
  uint8_t key;
  uint8_t kind;
  bool required;
  uint16_t at; // offset of the field
  uint32_t min; // of a length or a value
  uint32_t max;
} field_t;

#define END_OF(table) ((table) + sizeof(table) / sizeof(table)[0])
#define AT(member) (uint16_t) offsetof(fleet_device_parameters_t, member)

static const field_t fields[] = {
    {FLEET_DEVICE_PARAMETERS_PROJECT, kind_text, true, AT(project), 1, FLEET_NAME_MAX_BYTES},
    {FLEET_DEVICE_PARAMETERS_DEVICE, kind_text, true, AT(device), 1, FLEET_NAME_MAX_BYTES},
    {FLEET_DEVICE_PARAMETERS_DEVICE_TYPE, kind_text, true, AT(device_type), 1, FLEET_NAME_MAX_BYTES},
    {FLEET_DEVICE_PARAMETERS_VENDOR_ID, kind_bytes, true, AT(vendor_id), 16, 16},
    {FLEET_DEVICE_PARAMETERS_CLASS_ID, kind_bytes, true, AT(class_id), 16, 16},
    {FLEET_DEVICE_PARAMETERS_TOKEN, kind_text, false, AT(token), 1, FLEET_DEVICE_PARAMETERS_TOKEN_MAX_BYTES},
    {FLEET_DEVICE_PARAMETERS_BROKER_HOST, kind_text, true, AT(broker_host), 1,
     FLEET_DEVICE_PARAMETERS_BROKER_HOST_MAX_BYTES},
    {FLEET_DEVICE_PARAMETERS_BROKER_PORT, kind_number, true, AT(broker_port), 1, 65535},
    {FLEET_DEVICE_PARAMETERS_TLS, kind_bool, false, AT(tls), 0, 0},
    {FLEET_DEVICE_PARAMETERS_AUTHORITY, kind_text, false, AT(authority), 1,
     FLEET_DEVICE_PARAMETERS_AUTHORITY_MAX_BYTES},
    {FLEET_DEVICE_PARAMETERS_CERTIFICATE, kind_text, false, AT(certificate), 1,
     FLEET_DEVICE_PARAMETERS_CERTIFICATE_MAX_BYTES},
    {FLEET_DEVICE_PARAMETERS_PRIVATE_KEY, kind_text, false, AT(private_key), 1,
     FLEET_DEVICE_PARAMETERS_PRIVATE_KEY_MAX_BYTES},
    {FLEET_DEVICE_PARAMETERS_KEY, kind_key, false, AT(keys[0]), 0, 0},
    {FLEET_DEVICE_PARAMETERS_NEXT_KEY, kind_key, false, AT(keys[1]), 0, 0},
    {FLEET_DEVICE_PARAMETERS_DEVICE_KEY, kind_bytes, false, AT(device_key), 32, 32},
    {FLEET_DEVICE_PARAMETERS_FLASH, kind_flash, true, 0, 0, 0},
    {FLEET_DEVICE_PARAMETERS_ARENA_BYTES, kind_number, true, AT(arena_bytes), 0, UINT32_MAX},
    {FLEET_DEVICE_PARAMETERS_STATE_BYTES, kind_number, true, AT(state_bytes), 0, UINT32_MAX},
    {FLEET_DEVICE_PARAMETERS_SENSORS, kind_sensors, false, AT(sensors), 0, FLEET_DEVICE_SENSORS_MAX},
    {FLEET_DEVICE_PARAMETERS_INFERENCE_PERIOD_MS, kind_number, false, AT(inference_period_ms), 1, 86400000},
    {FLEET_DEVICE_PARAMETERS_WINDOW_S, kind_number, false, AT(window_s), 0, UINT32_MAX},
    {FLEET_DEVICE_PARAMETERS_PICK_EVERY, kind_number, false, AT(pick_every), 0, UINT16_MAX},
    {FLEET_DEVICE_PARAMETERS_DUTY_CYCLE_S, kind_number, false, AT(duty_cycle_s), 0, UINT32_MAX},
    {FLEET_DEVICE_PARAMETERS_SEED, kind_number, false, AT(seed), 0, UINT32_MAX},
};

static const field_t flash_fields[] = {
    {FLEET_FLASH_GEOMETRY_BYTES, kind_number, true, AT(flash.bytes), 1, UINT32_MAX},
    {FLEET_FLASH_GEOMETRY_SECTOR_BYTES, kind_number, true, AT(flash.sector_bytes), 512, 1u << 20},
    {FLEET_FLASH_GEOMETRY_UNIT_BYTES, kind_number, true, AT(flash.unit_bytes), 1, 32},
    {FLEET_FLASH_GEOMETRY_ERASED, kind_number, true, AT(flash.erased), 0, 255},
    {FLEET_FLASH_GEOMETRY_SLOT_BYTES, kind_number, true, AT(slot_bytes), 1, UINT32_MAX},
    {FLEET_FLASH_GEOMETRY_SLOTS, kind_number, false, AT(slots), 1, 2},
};

#define SENSOR_AT(member) (uint16_t) offsetof(fleet_sensor_t, member)

static const field_t sensor_fields[] = {
    {FLEET_SENSOR_DESCRIPTOR_SENSOR, kind_number, true, SENSOR_AT(sensor), 1, UINT8_MAX},
    {FLEET_SENSOR_DESCRIPTOR_AXES, kind_number, true, SENSOR_AT(axes), 1, UINT8_MAX},
    {FLEET_SENSOR_DESCRIPTOR_UNIT, kind_number, true, SENSOR_AT(unit), 0, UINT8_MAX},
    {FLEET_SENSOR_DESCRIPTOR_FULL_SCALE, kind_number, true, SENSOR_AT(full_scale), 0, UINT32_MAX},
    {FLEET_SENSOR_DESCRIPTOR_SAMPLE_RATE_MHZ, kind_number, true, SENSOR_AT(sample_rate_mhz), 0, UINT32_MAX},
};

static bool read_text(fleet_cbor_reader_t *r, const field_t *f, uint8_t *to) {
  const uint8_t *data;
  uint32_t n;
  if (!fleet_cbor_read_string(r, cbor_text, &data, &n) || n < f->min || n > f->max) return false;
  const fleet_text_t text = {(const char *)data, n};
  memcpy(to, &text, sizeof text);
  return true;
}

static bool read_bytes(fleet_cbor_reader_t *r, const field_t *f, uint8_t *to) {
  const uint8_t *data;
  uint32_t n;
  if (!fleet_cbor_read_string(r, cbor_bytes, &data, &n) || n < f->min || n > f->max) return false;
  memcpy(to, &data, sizeof data);
  return true;
}

static bool read_number(fleet_cbor_reader_t *r, const field_t *f, uint8_t *to) {
  uint32_t number;
  if (!fleet_cbor_read_u32(r, &number) || number < f->min || number > f->max) return false;
  memcpy(to, &number, sizeof number);
  return true;
}

// The entry of a table for the next key of a map, NULL when the key is unknown. Keys and table rise, so `next` only goes
// forward; false when a required entry was passed over, or the key does not rise.
static bool match(fleet_cbor_reader_t *r, bool first, uint32_t *key, const field_t **next, const field_t *end,
                  const field_t **found) {
  if (!fleet_cbor_read_key(r, first, key)) return false;
  for (; *next != end && (*next)->key < *key; (*next)++)
    if ((*next)->required) return false;
  *found = *next != end && (*next)->key == *key ? (*next)++ : NULL;
  return true;
}

static bool none_required(const field_t *next, const field_t *end) {
  for (; next != end; next++)
    if (next->required) return false;
  return true;
}

// A map of numbers into the struct at `base`.
static bool read_numbers(fleet_cbor_reader_t *r, const field_t *next, const field_t *end, uint8_t *base) {
  const field_t *found;
  uint32_t count;
  uint32_t key = 0;
  if (!fleet_cbor_read_count(r, cbor_map, &count)) return false;
  for (uint32_t i = 0; i < count; i++) {
    if (!match(r, i == 0, &key, &next, end, &found)) return false;
    if (!(found != NULL ? read_number(r, found, base + found->at) : fleet_cbor_skip(r))) return false;
  }
  return none_required(next, end);
}

static bool read_key(fleet_cbor_reader_t *r, uint8_t *to) {
  fleet_key_t k = {0, NULL, 0};
  uint32_t count;
  uint32_t key = 0;
  if (!fleet_cbor_read_count(r, cbor_map, &count)) return false;
  for (uint32_t i = 0; i < count; i++) {
    if (!fleet_cbor_read_key(r, i == 0, &key)) return false;
    const bool ok = key == FLEET_VERIFICATION_KEY_ALGORITHM ? fleet_cbor_read_u32(r, &k.alg)
                    : key == FLEET_VERIFICATION_KEY_KEY     ? fleet_cbor_read_string(r, cbor_bytes, &k.bytes, &k.n)
                                                            : fleet_cbor_skip(r);
    if (!ok) return false;
  }
  if (k.alg == 0 || k.n < 32 || k.n > FLEET_VERIFICATION_KEY_KEY_MAX_BYTES) return false;
  memcpy(to, &k, sizeof k);
  return true;
}

static bool read_sensors(fleet_cbor_reader_t *r, fleet_device_parameters_t *p) {
  uint32_t count;
  if (!fleet_cbor_read_count(r, cbor_array, &count) || count > FLEET_DEVICE_SENSORS_MAX) return false;
  p->sensor_count = count;
  for (uint32_t i = 0; i < count; i++)
    if (!read_numbers(r, sensor_fields, END_OF(sensor_fields), (uint8_t *)&p->sensors[i])) return false;
  return true;
}

static bool read_field(fleet_cbor_reader_t *r, const field_t *f, fleet_device_parameters_t *p) {
  uint8_t *to = (uint8_t *)p + f->at;
  switch ((kind_t)f->kind) {
    case kind_text:
      return read_text(r, f, to);
    case kind_bytes:
      return read_bytes(r, f, to);
    case kind_number:
      return read_number(r, f, to);
    case kind_bool:
      return fleet_cbor_read_bool(r, (bool *)to);
    case kind_key:
      return read_key(r, to);
    case kind_sensors:
      return read_sensors(r, p);
    case kind_flash:
    default:
      return read_numbers(r, flash_fields, END_OF(flash_fields), (uint8_t *)p);
  }
}

static bool read_all(fleet_cbor_reader_t *r, fleet_device_parameters_t *p) {
  const field_t *next = fields;
  const field_t *found;
  uint32_t count;
  uint32_t key = 0;
  if (!fleet_cbor_read_count(r, cbor_map, &count)) return false;
  for (uint32_t i = 0; i < count; i++) {
    if (!match(r, i == 0, &key, &next, END_OF(fields), &found)) return false;
    if (!(found != NULL ? read_field(r, found, p) : fleet_cbor_skip(r))) return false;
  }
  return none_required(next, END_OF(fields)) && r->at == r->end;
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
  fleet_cbor_reader_t r;
  fleet_cbor_reader_init(&r, block + FLEET_DEVICE_BLOCK_HEAD, bytes);
  p->slots = default_slots;
  if (!read_all(&r, p)) return invalid;
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
  c->flash = p->flash;
  c->slot_bytes = p->slot_bytes;
  c->inference_period_us = (uint64_t)p->inference_period_ms * 1000;
  c->window_s = p->window_s;
  c->pick_every = p->pick_every;
  c->duty_cycle_s = p->duty_cycle_s;
  c->sensors = p->sensors;
  c->sensor_count = p->sensor_count;
}

// ---- flash ---------------------------------------------------------------------------------------------------------

int32_t fleet_nor_check_program(const fleet_flash_geometry_t *g, const uint8_t *flash, uint32_t offset, uint32_t n) {
  if (offset % g->unit_bytes != 0 || n % g->unit_bytes != 0 || offset > g->bytes || n > g->bytes - offset) return -1;
  for (uint32_t i = 0; i < n; i++)
    if (flash[offset + i] != g->erased) return -1;
  return 0;
}

int32_t fleet_nor_check_erase(const fleet_flash_geometry_t *g, uint32_t offset) {
  return offset % g->sector_bytes == 0 && offset < g->bytes ? 0 : -1;
}

// ---- the loop ------------------------------------------------------------------------------------------------------

int32_t fleet_device_run(fleet_agent_t *agent, const fleet_platform_t *platform, const fleet_agent_config_t *config,
                         fleet_device_wait_t wait) {
  int32_t result = fleet_agent_init(agent, platform, config);
  while (result == 0) result = wait(platform->user, fleet_agent_step(agent));
  return result;
}
