// Reads one CBOR item of an expected type, for tests that look into what the agent sent.
#ifndef FLEET_TEST_READ_H
#define FLEET_TEST_READ_H

#include "fleet_cbor.h"

static inline bool read_item(fleet_cbor_reader_t *r, uint32_t major, fleet_cbor_item_t *item) {
  return fleet_cbor_next(r, item) && item->major == major;
}

static inline bool read_uint(fleet_cbor_reader_t *r, uint64_t *value) {
  fleet_cbor_item_t item;
  const bool ok = read_item(r, cbor_uint, &item);
  *value = item.value;
  return ok;
}

// A head's number as 32 bits: an unsigned integer, or the count of an array or map.
static inline bool read_head(fleet_cbor_reader_t *r, uint32_t major, uint32_t *value) {
  fleet_cbor_item_t item;
  const bool ok = read_item(r, major, &item) && item.value <= UINT32_MAX;
  *value = (uint32_t)item.value;
  return ok;
}

static inline bool read_int(fleet_cbor_reader_t *r, int64_t *value) {
  fleet_cbor_item_t item;
  if (!fleet_cbor_next(r, &item) || item.major > cbor_nint) return false;
  *value = item.major == cbor_uint ? (int64_t)item.value : -1 - (int64_t)item.value;
  return true;
}

static inline bool read_bytes(fleet_cbor_reader_t *r, const uint8_t **data, uint32_t *n) {
  fleet_cbor_item_t item;
  const bool ok = read_item(r, cbor_bytes, &item);
  *data = item.data;
  *n = (uint32_t)item.value;
  return ok;
}

#endif
