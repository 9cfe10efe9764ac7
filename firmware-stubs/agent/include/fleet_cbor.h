// CBOR (RFC 8949) as the wire uses it: a bounded encoder of deterministic encoding (4.2.1) and a pull decoder over
// one received message. Definite lengths only; no floats, no indefinite strings. Nothing is copied: strings are
// returned as pointers into the message.
#ifndef FLEET_CBOR_H
#define FLEET_CBOR_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_const.h"

enum {
  cbor_uint = 0,
  cbor_nint = 1,
  cbor_bytes = 2,
  cbor_text = 3,
  cbor_array = 4,
  cbor_map = 5,
  cbor_tag = 6,
  cbor_simple = 7,
};

// A number on the wire. The reduced profile has 32 bits: a larger one is read as UINT32_MAX, and UINT32_MAX is refused where it counts.
#ifdef FLEET_PROFILE_REDUCED
typedef uint32_t fleet_cbor_value_t;
#else
typedef uint64_t fleet_cbor_value_t;
#endif

// Writes past `capacity` are dropped and remembered: check `overflow` once at the end.
typedef struct {
  uint8_t *buffer;
  fleet_size_t capacity;
  fleet_size_t used;
  bool overflow;
} fleet_cbor_writer_t;

// Bytes as they are; from constant memory where that is another.
void fleet_cbor_raw(fleet_cbor_writer_t *w, const void *data, fleet_size_t n);
#ifdef FLEET_CONST_APART
void fleet_cbor_raw_const(fleet_cbor_writer_t *w, const FLEET_CONST_MEMORY void *data, fleet_size_t n);
#else
static inline void fleet_cbor_raw_const(fleet_cbor_writer_t *w, const void *data, fleet_size_t n) { fleet_cbor_raw(w, data, n); }
#endif
void fleet_cbor_byte(fleet_cbor_writer_t *w, fleet_size_t value); // its low 8 bits
void fleet_cbor_head(fleet_cbor_writer_t *w, fleet_size_t major, fleet_cbor_value_t value);
void fleet_cbor_int(fleet_cbor_writer_t *w, int64_t value);
void fleet_cbor_bool(fleet_cbor_writer_t *w, bool value);
void fleet_cbor_string(fleet_cbor_writer_t *w, fleet_size_t major, const void *data, fleet_size_t n);
void fleet_cbor_array(fleet_cbor_writer_t *w, fleet_size_t n);
// A number of 32 bits: a field's key, an element of an array.
void fleet_cbor_key(fleet_cbor_writer_t *w, uint32_t key);
// key, then unsigned value: the shape of most wire fields.
void fleet_cbor_field(fleet_cbor_writer_t *w, fleet_size_t key, uint32_t value);
void fleet_cbor_field_wide(fleet_cbor_writer_t *w, fleet_size_t key, fleet_cbor_value_t value);
void fleet_cbor_field_bytes(fleet_cbor_writer_t *w, fleet_size_t key, const void *data, fleet_size_t n);

// A map whose number of fields shows only when they are written: open leaves room for the head, close counts the items
// behind it and writes the head. `at` is what open returned; maps nest.
fleet_size_t fleet_cbor_map_open(fleet_cbor_writer_t *w);
void fleet_cbor_map_close(fleet_cbor_writer_t *w, fleet_size_t at);

// One field of a map and the member of a C struct that it is read into. A message is a table of these, in FLEET_CONST_MEMORY.
typedef struct {
  uint8_t key;
  uint8_t type; // cbor_row_type_t
  uint8_t min;  // of a number, or of a string's length
  uint8_t max;  // 0 = the type's
  uint16_t at;  // offset of the member
} fleet_cbor_row_t;

typedef enum {
  cbor_row_u32 = 0,
  cbor_row_u64 = 1, // at most 2^62 - 1, without bounds of its own
  cbor_row_bool = 2,
  cbor_row_bytes = 3, // fleet_cbor_span_t
  cbor_row_text = 4,  // fleet_cbor_span_t
  cbor_row_item = 5,  // fleet_cbor_span_t of one whole item of any type
} cbor_row_type_t;

// The same of a member that is written.
typedef struct {
  uint8_t key;
  uint8_t type; // cbor_put_type_t
  uint16_t at;
} fleet_cbor_put_t;

// Numbers by their bytes, in the order that all targets have: least significant first.
typedef enum {
  cbor_put_u8 = 1,
  cbor_put_u16 = 2,
  cbor_put_u32 = 4,
  cbor_put_u64 = 8,
  cbor_put_8_bytes = 9, // the member's own; from here on 1 more than there are
  cbor_put_32_bytes = 33,
  cbor_put_i16 = 64 + 2,
  cbor_put_i64 = 64 + 8,
  cbor_unless_zero = 128, // + type of a number: 0 is left out
} cbor_put_type_t;

typedef struct {
  const uint8_t *at;
  fleet_size_t n;
} fleet_cbor_span_t;

#define FLEET_CBOR_ROWS(table) (table), (fleet_size_t)(sizeof(table) / sizeof((table)[0]))

// Writes members of `in` in the table's order.
void fleet_cbor_write_rows(fleet_cbor_writer_t *w, const FLEET_CONST_MEMORY fleet_cbor_put_t *rows, fleet_size_t count, const void *in);
// Reads a message that is one map with rising keys: members of `out` that have a field are set, the others stay. Unknown
// keys are skipped. Answers the set of keys that were there (bit 31: 31 and above), 0 when the message is malformed, a
// field has another type or is out of its bounds, or bytes follow.
uint32_t fleet_cbor_read_map(fleet_cbor_span_t message, const FLEET_CONST_MEMORY fleet_cbor_row_t *rows, fleet_size_t count,
                             void *out);

// A decoder never reads outside [at, end). After the first malformed item every call answers false.
typedef struct {
  const uint8_t *at;
  const uint8_t *end;
  bool failed;
  bool truncated; // it failed because the bytes ended inside an item
} fleet_cbor_reader_t;

typedef struct {
  fleet_size_t major;
  fleet_cbor_value_t value; // integer, length, element count, tag or simple value
  const uint8_t *data; // of a string
} fleet_cbor_item_t;

void fleet_cbor_reader_init(fleet_cbor_reader_t *r, const uint8_t *data, fleet_size_t n);
// Reads one item's head (and skips a string's body). Refuses longer-than-shortest encodings, floats, indefinite
// lengths, and counts larger than the bytes left could hold.
bool fleet_cbor_next(fleet_cbor_reader_t *r, fleet_cbor_item_t *item);
// Skips one complete item, nested ones included, at most 8 levels deep.
bool fleet_cbor_skip(fleet_cbor_reader_t *r);

#endif
