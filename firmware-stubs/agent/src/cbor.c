// CBOR encoder and pull decoder, see fleet_cbor.h. Not a general CBOR library: what the wire does not use is refused.
#include "fleet_cbor.h"

#include <string.h>

enum { has_64 = sizeof(fleet_cbor_value_t) == 8 };

void fleet_cbor_raw(fleet_cbor_writer_t *w, const void *data, fleet_size_t n) {
  if (w->overflow || n > w->capacity - w->used) {
    w->overflow = true;
    return;
  }
  if (n != 0) memcpy(w->buffer + w->used, data, n);
  w->used += n;
}

#ifdef FLEET_CONST_APART
void fleet_cbor_raw_const(fleet_cbor_writer_t *w, const FLEET_CONST_MEMORY void *data, fleet_size_t n) {
  const FLEET_CONST_MEMORY uint8_t *from = data;
  for (; n != 0; n--) fleet_cbor_byte(w, *from++);
}
#endif

void fleet_cbor_byte(fleet_cbor_writer_t *w, fleet_size_t value) {
  const uint8_t byte = (uint8_t)value;
  fleet_cbor_raw(w, &byte, 1);
}

void fleet_cbor_head(fleet_cbor_writer_t *w, fleet_size_t major, fleet_cbor_value_t value) {
  uint8_t head[9];
  uint32_t info = (uint32_t)value;
  fleet_size_t extra = 0; // bytes after the first
  if (value > 23) {
    const fleet_size_t size = has_64 && value > UINT32_MAX ? 3 : (fleet_size_t)(info > UINT8_MAX) + (info > UINT16_MAX);
    extra = (fleet_size_t)(1u << size);
    info = 24 + size;
  }
  head[0] = (uint8_t)(major << 5 | info);
  for (fleet_size_t i = extra; i != 0; i--, value >>= 8) head[i] = (uint8_t)value;
  fleet_cbor_raw(w, head, 1 + extra);
}

void fleet_cbor_int(fleet_cbor_writer_t *w, int64_t value) {
  const bool negative = value < 0;
  fleet_cbor_head(w, negative ? cbor_nint : cbor_uint, (fleet_cbor_value_t)(negative ? ~(uint64_t)value : (uint64_t)value));
}

void fleet_cbor_bool(fleet_cbor_writer_t *w, bool value) { fleet_cbor_head(w, cbor_simple, value ? 21 : 20); }

void fleet_cbor_string(fleet_cbor_writer_t *w, fleet_size_t major, const void *data, fleet_size_t n) {
  fleet_cbor_head(w, major, n);
  fleet_cbor_raw(w, data, n);
}

void fleet_cbor_key(fleet_cbor_writer_t *w, uint32_t key) { fleet_cbor_head(w, cbor_uint, key); }

void fleet_cbor_array(fleet_cbor_writer_t *w, fleet_size_t n) { fleet_cbor_head(w, cbor_array, n); }

void fleet_cbor_field_wide(fleet_cbor_writer_t *w, fleet_size_t key, fleet_cbor_value_t value) {
  fleet_cbor_key(w, key);
  fleet_cbor_head(w, cbor_uint, value);
}

void fleet_cbor_field(fleet_cbor_writer_t *w, fleet_size_t key, uint32_t value) { fleet_cbor_field_wide(w, key, value); }

void fleet_cbor_field_bytes(fleet_cbor_writer_t *w, fleet_size_t key, const void *data, fleet_size_t n) {
  fleet_cbor_key(w, key);
  fleet_cbor_string(w, cbor_bytes, data, n);
}

fleet_size_t fleet_cbor_map_open(fleet_cbor_writer_t *w) {
  fleet_cbor_head(w, cbor_map, 0);
  return w->used;
}

void fleet_cbor_map_close(fleet_cbor_writer_t *w, fleet_size_t at) {
  if (w->overflow) return;
  fleet_cbor_reader_t r;
  fleet_cbor_reader_init(&r, w->buffer + at, w->used - at);
  fleet_size_t items = 0;
  while (fleet_cbor_skip(&r)) items++;
  uint8_t *head = w->buffer + at - 1;
  const fleet_size_t fields = items / 2;
  if (fields > 23) {
    fleet_cbor_raw(w, head, 1); // the second byte of the head, up to 255 fields
    if (w->overflow) return;
    memmove(head + 2, head + 1, w->used - at - 1);
    *head++ = cbor_map << 5 | 24;
    *head = (uint8_t)fields;
  } else {
    *head = (uint8_t)(cbor_map << 5 | fields);
  }
}

void fleet_cbor_write_rows(fleet_cbor_writer_t *w, const FLEET_CONST_MEMORY fleet_cbor_put_t *rows, fleet_size_t count,
                           const void *in) {
  for (; count != 0; count--, rows++) {
    const uint8_t *member = (const uint8_t *)in + rows->at;
    const uint32_t type = rows->type;
    const uint32_t n = type & 63;
    uint64_t value = 0;
    if (n > sizeof value) {
      fleet_cbor_field_bytes(w, rows->key, member, n - 1);
      continue;
    }
    memcpy(&value, member, n);
    if (type == cbor_put_i16) value = (uint64_t)(int64_t)(int16_t)value;
    if ((type & cbor_unless_zero) != 0 && value == 0) continue;
    fleet_cbor_key(w, rows->key);
    if ((type & 64) != 0) {
      fleet_cbor_int(w, (int64_t)value);
    } else {
      fleet_cbor_head(w, cbor_uint, value);
    }
  }
}

void fleet_cbor_reader_init(fleet_cbor_reader_t *r, const uint8_t *data, fleet_size_t n) {
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
  const fleet_size_t first = *r->at++;
  const fleet_size_t info = first & 31;
  item->major = first >> 5;
  item->data = NULL;
  fleet_cbor_value_t value = info;
  if (info >= 24) {
    if (info > 27) return fail(r);
    const fleet_size_t extra = (fleet_size_t)(1u << (info - 24));
    if ((fleet_size_t)(r->end - r->at) < extra) return cut_short(r);
    value = 0;
    fleet_size_t upper = extra == 1; // the upper half of a number in its shortest form is not 0
    for (fleet_size_t i = 0; i < extra; i++) {
      if (i < extra / 2) upper |= *r->at;
      value = value << 8 | *r->at++;
    }
    if (!has_64 && extra == 8) value = UINT32_MAX; // its upper half is not 0, or it is refused
    if (upper == 0 || value < 24 || item->major == cbor_simple) return fail(r);
  }
  item->value = value;
  const fleet_size_t left = (fleet_size_t)(r->end - r->at);
  if (item->major < cbor_bytes || item->major > cbor_map) return true;
  if (value > (item->major == cbor_map ? left / 2 : left)) return cut_short(r);
  if (item->major <= cbor_text) {
    item->data = r->at;
    r->at += (fleet_size_t)value;
  }
  return true;
}

// The stack of counts replaces recursion: `pending[d]` items are still to be read at depth d.
bool fleet_cbor_skip(fleet_cbor_reader_t *r) {
  enum { max_depth = 8 };
  fleet_size_t pending[max_depth + 1];
  fleet_size_t depth = 0;
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
    fleet_size_t inner = 0;
    if (item.major == cbor_array) inner = (fleet_size_t)item.value;
    if (item.major == cbor_map) inner = (fleet_size_t)item.value * 2;
    if (item.major == cbor_tag) inner = 1;
    if (inner != 0) {
      if (depth == max_depth) return fail(r);
      pending[++depth] = inner;
    }
  }
}

// Reads the item of one row into its member.
static bool read_row(fleet_cbor_reader_t *r, const FLEET_CONST_MEMORY fleet_cbor_row_t *row, void *member) {
  static const FLEET_CONST_MEMORY uint8_t majors[] = {cbor_uint, cbor_uint, cbor_simple, cbor_bytes, cbor_text};
  fleet_cbor_span_t *span = member;
  if (row->type == cbor_row_item) {
    span->at = r->at;
    if (!fleet_cbor_skip(r)) return false;
    span->n = (fleet_size_t)(r->at - span->at);
    return true;
  }
  fleet_cbor_item_t item;
  if (!fleet_cbor_next(r, &item) || item.major != majors[row->type]) return false;
  if (has_64 && row->type == cbor_row_u64) {
    *(uint64_t *)member = item.value;
    return (item.value >> (has_64 ? 62 : 0)) == 0;
  }
  if (has_64 ? item.value > UINT32_MAX : item.value == UINT32_MAX) return false;
  uint32_t value = (uint32_t)item.value;
  uint32_t max = row->max != 0 ? row->max : UINT32_MAX;
  if (row->type == cbor_row_bool) {
    value -= 20; // false 20, true 21
    max = 1;
  }
  if (value < row->min || value > max) return false;
  if (row->type == cbor_row_u32) {
    *(uint32_t *)member = value;
  } else if (row->type == cbor_row_bool) {
    *(bool *)member = value != 0;
  } else {
    *span = (fleet_cbor_span_t){item.data, (fleet_size_t)value};
  }
  return true;
}

uint32_t fleet_cbor_read_map(fleet_cbor_span_t message, const FLEET_CONST_MEMORY fleet_cbor_row_t *rows, fleet_size_t count,
                             void *out) {
  fleet_cbor_reader_t r;
  fleet_cbor_item_t item;
  uint32_t seen = 0;
  uint32_t next = 0; // the least key that may follow
  fleet_cbor_reader_init(&r, message.at, message.n);
  if (!fleet_cbor_next(&r, &item) || item.major != cbor_map) return 0;
  for (fleet_size_t left = (fleet_size_t)item.value; left != 0; left--) {
    if (!fleet_cbor_next(&r, &item) || item.major != cbor_uint || item.value < next || item.value >= UINT32_MAX) return 0;
    const uint32_t key = (uint32_t)item.value;
    next = key + 1;
    seen |= UINT32_C(1) << (key < 31 ? key : 31);
    fleet_size_t i = 0;
    while (i < count && rows[i].key != key) i++;
    const bool ok = i == count ? fleet_cbor_skip(&r) : read_row(&r, &rows[i], (uint8_t *)out + rows[i].at);
    if (!ok) return 0;
  }
  return r.at == r.end ? seen : 0;
}
