// CBOR encoder and pull decoder, see fleet_cbor.h. Not a general CBOR library: what the wire does not use is refused.
#include "fleet_cbor.h"

#include <string.h>

static void put(fleet_cbor_writer_t *w, const void *data, uint32_t n) {
  if (w->overflow || n > w->capacity - w->used) {
    w->overflow = true;
    return;
  }
  if (n != 0) memcpy(w->buffer + w->used, data, n);
  w->used += n;
}

void fleet_cbor_head(fleet_cbor_writer_t *w, uint32_t major, uint64_t value) {
  uint8_t head[9];
  uint32_t extra = 0; // bytes after the first
  if (value > UINT32_MAX) {
    extra = 8;
  } else if (value > UINT16_MAX) {
    extra = 4;
  } else if (value > UINT8_MAX) {
    extra = 2;
  } else if (value > 23) {
    extra = 1;
  }
  static const uint8_t info[9] = {0, 24, 25, 0, 26, 0, 0, 0, 27};
  head[0] = (uint8_t)(major << 5 | (extra == 0 ? (uint32_t)value : info[extra]));
  for (uint32_t i = 0; i < extra; i++) head[1 + i] = (uint8_t)(value >> (8 * (extra - 1 - i)));
  put(w, head, 1 + extra);
}

void fleet_cbor_int(fleet_cbor_writer_t *w, int64_t value) {
  if (value < 0) {
    fleet_cbor_head(w, cbor_nint, ~(uint64_t)value);
  } else {
    fleet_cbor_head(w, cbor_uint, (uint64_t)value);
  }
}

void fleet_cbor_bool(fleet_cbor_writer_t *w, bool value) { fleet_cbor_head(w, cbor_simple, value ? 21 : 20); }

void fleet_cbor_string(fleet_cbor_writer_t *w, uint32_t major, const void *data, uint32_t n) {
  fleet_cbor_head(w, major, n);
  put(w, data, n);
}

void fleet_cbor_field(fleet_cbor_writer_t *w, uint32_t key, uint64_t value) {
  fleet_cbor_head(w, cbor_uint, key);
  fleet_cbor_head(w, cbor_uint, value);
}

void fleet_cbor_field_bytes(fleet_cbor_writer_t *w, uint32_t key, const void *data, uint32_t n) {
  fleet_cbor_head(w, cbor_uint, key);
  fleet_cbor_string(w, cbor_bytes, data, n);
}

void fleet_cbor_reader_init(fleet_cbor_reader_t *r, const uint8_t *data, uint32_t n) {
  r->at = data;
  r->end = data + n;
  r->failed = false;
  r->truncated = false;
}

static bool fail(fleet_cbor_reader_t *r) {
  r->failed = true;
  return false;
}

static bool cut_short(fleet_cbor_reader_t *r) {
  r->truncated = true;
  return fail(r);
}

bool fleet_cbor_next(fleet_cbor_reader_t *r, fleet_cbor_item_t *item) {
  if (r->failed) return false;
  if (r->at == r->end) return cut_short(r);
  const uint32_t first = *r->at++;
  const uint32_t info = first & 31;
  item->major = first >> 5;
  item->data = NULL;
  uint64_t value = info;
  if (info >= 24) {
    if (info > 27) return fail(r);
    const uint32_t extra = UINT32_C(1) << (info - 24);
    if ((uint32_t)(r->end - r->at) < extra) return cut_short(r);
    value = 0;
    for (uint32_t i = 0; i < extra; i++) value = value << 8 | *r->at++;
    const uint64_t least = extra == 1 ? 24 : UINT64_C(1) << (4 * extra);
    if (value < least || (item->major == cbor_simple)) return fail(r);
  }
  item->value = value;
  const uint64_t left = (uint64_t)(r->end - r->at);
  if (item->major == cbor_bytes || item->major == cbor_text) {
    if (value > left) return cut_short(r);
    item->data = r->at;
    r->at += (uint32_t)value;
  } else if (item->major == cbor_array) {
    if (value > left) return cut_short(r);
  } else if (item->major == cbor_map) {
    if (value > left / 2) return cut_short(r);
  }
  return true;
}

// The stack of counts replaces recursion: `pending[d]` items are still to be read at depth d.
bool fleet_cbor_skip(fleet_cbor_reader_t *r) {
  enum { max_depth = 8 };
  uint32_t pending[max_depth + 1];
  uint32_t depth = 0;
  pending[0] = 1;
  for (;;) {
    if (pending[depth] == 0) {
      if (depth == 0) return true;
      depth--;
      continue;
    }
    pending[depth]--;
    fleet_cbor_item_t item;
    if (!fleet_cbor_next(r, &item)) return false;
    uint32_t inner = 0;
    if (item.major == cbor_array) inner = (uint32_t)item.value;
    if (item.major == cbor_map) inner = (uint32_t)item.value * 2;
    if (item.major == cbor_tag) inner = 1;
    if (inner != 0) {
      if (depth == max_depth) return fail(r);
      pending[++depth] = inner;
    }
  }
}

bool fleet_cbor_read_uint(fleet_cbor_reader_t *r, uint64_t max, uint64_t *value) {
  fleet_cbor_item_t item;
  if (!fleet_cbor_next(r, &item)) return false;
  if (item.major != cbor_uint || item.value > max) return fail(r);
  *value = item.value;
  return true;
}

bool fleet_cbor_read_u32(fleet_cbor_reader_t *r, uint32_t *value) {
  uint64_t wide;
  if (!fleet_cbor_read_uint(r, UINT32_MAX, &wide)) return false;
  *value = (uint32_t)wide;
  return true;
}

bool fleet_cbor_read_key(fleet_cbor_reader_t *r, bool first, uint32_t *key) {
  const uint32_t before = *key;
  if (!fleet_cbor_read_u32(r, key)) return false;
  return first || *key > before ? true : fail(r);
}

bool fleet_cbor_read_int(fleet_cbor_reader_t *r, int64_t *value) {
  fleet_cbor_item_t item;
  if (!fleet_cbor_next(r, &item)) return false;
  if (item.major > cbor_nint || item.value > INT64_MAX) return fail(r);
  *value = item.major == cbor_uint ? (int64_t)item.value : -1 - (int64_t)item.value;
  return true;
}

bool fleet_cbor_read_string(fleet_cbor_reader_t *r, uint32_t major, const uint8_t **data, uint32_t *n) {
  fleet_cbor_item_t item;
  if (!fleet_cbor_next(r, &item)) return false;
  if (item.major != major) return fail(r);
  *data = item.data;
  *n = (uint32_t)item.value;
  return true;
}

bool fleet_cbor_read_count(fleet_cbor_reader_t *r, uint32_t major, uint32_t *count) {
  fleet_cbor_item_t item;
  if (!fleet_cbor_next(r, &item)) return false;
  if (item.major != major) return fail(r);
  *count = (uint32_t)item.value;
  return true;
}

bool fleet_cbor_read_bool(fleet_cbor_reader_t *r, bool *value) {
  fleet_cbor_item_t item;
  if (!fleet_cbor_next(r, &item)) return false;
  if (item.major != cbor_simple || (item.value != 20 && item.value != 21)) return fail(r);
  *value = item.value == 21;
  return true;
}
