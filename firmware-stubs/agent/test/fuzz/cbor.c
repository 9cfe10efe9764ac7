// Fuzz target: any bytes as CBOR. What the reader takes as one item is in deterministic encoding: the writer gives the same
// bytes again, but for the order of keys, which only maps of the wire check.
#include "fuzz.h"

static void walk_again(const uint8_t *bytes, uint32_t n) {
  uint8_t *again = malloc(n);
  HOLDS(again != NULL);
  fleet_cbor_writer_t w = {again, n, 0, false};
  fleet_cbor_reader_t r;
  fleet_cbor_reader_init(&r, bytes, n);
  while (r.at != r.end) {
    fleet_cbor_item_t item;
    HOLDS(fleet_cbor_next(&r, &item));
    if (item.major == cbor_bytes || item.major == cbor_text) {
      HOLDS(item.data >= bytes && item.data + item.value <= bytes + n);
      fleet_cbor_string(&w, item.major, item.data, (uint32_t)item.value);
    } else {
      fleet_cbor_head(&w, item.major, item.value);
    }
  }
  HOLDS(!w.overflow && w.used == n && memcmp(again, bytes, n) == 0);
  free(again);
}

typedef struct {
  uint32_t a;
  uint64_t b;
  bool c;
  fleet_cbor_span_t d, e, f;
} fields_t;

static const fleet_cbor_row_t rows[] = {
    {1, cbor_row_u32, 2, 9, offsetof(fields_t, a)},    {2, cbor_row_u64, 0, 0, offsetof(fields_t, b)},
    {3, cbor_row_bool, 0, 0, offsetof(fields_t, c)},   {4, cbor_row_bytes, 1, 32, offsetof(fields_t, d)},
    {40, cbor_row_text, 0, 0, offsetof(fields_t, e)},  {200, cbor_row_item, 0, 0, offsetof(fields_t, f)},
};

static bool inside(fleet_cbor_span_t span, const uint8_t *bytes, uint32_t n) {
  return span.n == 0 || (span.at >= bytes && span.at <= bytes + n && span.n <= n - (uint32_t)(span.at - bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint32_t n = (uint32_t)size;
  uint8_t *bytes = copy_of(data, n);
  fleet_cbor_reader_t r;
  fleet_cbor_reader_init(&r, bytes, n);
  if (fleet_cbor_skip(&r)) {
    HOLDS(!r.failed && r.at > bytes && r.at <= bytes + n);
    walk_again(bytes, (uint32_t)(r.at - bytes));
  } else {
    HOLDS(r.failed);
  }
  fields_t fields;
  memset(&fields, 0, sizeof fields);
  const uint32_t seen = fleet_cbor_read_map((fleet_cbor_span_t){bytes, n}, FLEET_CBOR_ROWS(rows), &fields);
  if (seen != 0) {
    HOLDS((seen & 1u << 1) == 0 || (fields.a >= 2 && fields.a <= 9));
    HOLDS((seen & 1u << 4) == 0 || (fields.d.n >= 1 && fields.d.n <= 32));
    HOLDS(inside(fields.d, bytes, n) && inside(fields.e, bytes, n) && inside(fields.f, bytes, n));
  }
  // Heads and whole items in an order that the input gives.
  input_t choice = {data, n};
  fleet_cbor_reader_init(&r, bytes, n);
  for (uint32_t i = 0; i < 64 && !r.failed; i++) {
    fleet_cbor_item_t item;
    if ((take_u8(&choice) & 1) != 0) {
      (void)fleet_cbor_skip(&r);
    } else if (fleet_cbor_next(&r, &item) && item.data != NULL) {
      HOLDS(inside((fleet_cbor_span_t){item.data, (uint32_t)item.value}, bytes, n));
    }
    HOLDS(r.at >= bytes && r.at <= bytes + n);
  }
  free(bytes);
  return 0;
}
