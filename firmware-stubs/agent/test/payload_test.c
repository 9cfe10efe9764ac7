// The payload decoder alone: what a writer wrote comes back in pieces of any size, and nothing that is wrong gets through or
// reaches memory that is not the payload's to reach. Interchange with libs/wire: tools/demo-model, and the golden ones below.
#include <string.h>

#include "../../vectors/fleet_payload_vectors.h"
#include "fleet_payload.h"
#include "fleet_runtime.h"
#include "payload_writer.h"
#include "test.h"

enum { room = 8192, sector = 512 };

typedef struct {
  const uint8_t *base;
  uint32_t base_bytes;
  uint8_t *result; // of just the size it may have, so that ASan sees a byte too many
  uint32_t result_bytes;
  uint32_t written;
  int32_t fail;
} side_t;

static payload_writer_t w;
static fleet_payload_t decoder;
static uint8_t base[4000];
static uint8_t wanted[room];

static int32_t read_side(void *user, bool own, uint32_t offset, void *dst, uint32_t n) {
  side_t *side = user;
  const uint32_t bytes = own ? side->written : side->base_bytes;
  CHECK(n <= 64 && offset <= bytes && n <= bytes - offset);
  memcpy(dst, (own ? side->result : side->base) + offset, n);
  return side->fail;
}

static int32_t write_side(void *user, uint32_t offset, const uint8_t *src, uint32_t n) {
  side_t *side = user;
  CHECK(offset == side->written && n <= 256 && n <= side->result_bytes - offset);
  memcpy(side->result + offset, src, n);
  side->written += n;
  return side->fail;
}

static const fleet_payload_io_t io = {read_side, write_side};

// Decodes in pieces; the result (malloc'ed) through `result` when it is not NULL.
static int32_t decode(const uint8_t *payload, uint32_t n, uint32_t result_bytes, uint32_t piece, uint8_t **result) {
  side_t side = {base, sizeof base, malloc(result_bytes), result_bytes, 0, 0};
  const fleet_payload_start_t start = {sizeof base, result_bytes, sector, 0, 0};
  fleet_payload_init(&decoder, &io, &side, &start);
  int32_t error = 0;
  for (uint32_t at = 0; at < n && error == 0; at += piece) {
    const uint32_t take = n - at < piece ? n - at : piece;
    uint8_t *copy = malloc(take);
    memcpy(copy, payload + at, take);
    error = fleet_payload_feed(&decoder, copy, take);
    free(copy);
  }
  if (error == 0 && decoder.block_start != result_bytes) error = -1; // not all of it
  if (result != NULL) *result = side.result;
  else free(side.result);
  return error;
}

static void fill(void) {
  uint32_t seed = 5;
  for (uint32_t i = 0; i < sizeof base; i++) base[i] = (uint8_t)(fleet_xorshift32(&seed) >> 24);
}

// Three blocks of a result of 1,300 bytes, with every kind of command.
static uint32_t write_mixed(void) {
  fill();
  memset(wanted, 0, sizeof wanted);
  memcpy(wanted, base + 100, 300);
  for (uint32_t i = 0; i < 212; i++) wanted[300 + i] = (uint8_t)(base[300 + i] + (i % 7 == 0 ? 128 : i % 3));
  memcpy(wanted + 512, base, 20);
  for (uint32_t i = 20; i < 512; i++) wanted[512 + i] = wanted[512 + i - 20];
  for (uint32_t i = 1024; i < 1300; i++) wanted[i] = (uint8_t)(i * i >> 3);
  writer_init(&w);
  writer_begin(&w);
  writer_copy(&w, 100, 300, NULL, NULL);
  writer_copy(&w, 0, 212, base + 300, wanted + 300);
  writer_end(&w, 512, fleet_crc32(0, wanted, 512));
  writer_begin(&w);
  writer_copy(&w, (uint32_t)-512, 20, NULL, NULL);
  writer_self(&w, 20, 492);
  writer_end(&w, 512, fleet_crc32(0, wanted + 512, 512));
  writer_begin(&w);
  writer_literals(&w, wanted + 1024, 276);
  writer_end(&w, 276, fleet_crc32(0, wanted + 1024, 276));
  return 1300;
}

static void should_decode_every_command_in_pieces_of_any_size(void) {
  const uint32_t bytes = write_mixed();
  const uint32_t pieces[] = {1, 2, 3, 11, 64, 255, 1024, sizeof w.bytes};
  for (uint32_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
    uint8_t *result;
    CHECK_EQUAL(decode(w.bytes, w.n, bytes, pieces[i], &result), 0);
    CHECK(memcmp(result, wanted, bytes) == 0);
    CHECK_EQUAL(decoder.block_taken, w.n);
    free(result);
  }
}

static void should_decode_the_golden_payloads_of_the_platform(void) {
  for (uint32_t i = 0; i < sizeof fleet_payload_vectors / sizeof fleet_payload_vectors[0]; i++) {
    const fleet_payload_vector_t *v = &fleet_payload_vectors[i];
    side_t side = {v->base, v->base_bytes, malloc(v->result_bytes), v->result_bytes, 0, 0};
    const fleet_payload_start_t start = {v->base_bytes, v->result_bytes, v->sector_bytes, 0, 0};
    fleet_payload_init(&decoder, &io, &side, &start);
    for (uint32_t at = 0; at < v->payload_bytes; at++) CHECK_EQUAL(fleet_payload_feed(&decoder, v->payload + at, 1), 0);
    CHECK_EQUAL(decoder.block_start, v->result_bytes);
    CHECK(memcmp(side.result, v->result, v->result_bytes) == 0);
    free(side.result);
  }
}

static void should_go_on_at_any_block_with_two_offsets(void) {
  const uint32_t bytes = write_mixed();
  uint32_t taken = 0;
  for (uint32_t made = 512; made < bytes; made += 512) {
    taken += 11 + (w.bytes[taken + 4] | (uint32_t)w.bytes[taken + 5] << 8);
    side_t side = {base, sizeof base, malloc(bytes), bytes, made, 0};
    const fleet_payload_start_t start = {sizeof base, bytes, sector, made, taken};
    fleet_payload_init(&decoder, &io, &side, &start);
    CHECK_EQUAL(fleet_payload_feed(&decoder, w.bytes + taken, w.n - taken), 0);
    CHECK_EQUAL(decoder.block_start, bytes);
    CHECK_EQUAL(decoder.block_taken, w.n);
    CHECK(memcmp(side.result + made, wanted + made, bytes - made) == 0);
    free(side.result);
  }
}

static void should_refuse_every_truncation_and_survive_every_bit_flip(void) {
  const uint32_t bytes = write_mixed();
  for (uint32_t n = 0; n < w.n; n++) CHECK(decode(w.bytes, n, bytes, 64, NULL) != 0);
  uint32_t refused = 0;
  for (uint32_t bit = 0; bit < w.n * 8; bit++) {
    w.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    uint8_t *result;
    const int32_t error = decode(w.bytes, w.n, bytes, 1 + bit % 40, &result);
    CHECK(error == 0 || error == -1 || error == -(int32_t)fleet_err_wire_payload_invalid ||
          error == -(int32_t)fleet_err_wire_payload_crc);
    CHECK(error != 0 || memcmp(result, wanted, bytes) == 0);
    refused += error != 0;
    free(result);
    w.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  CHECK(refused > w.n * 8 - 24); // the last bits of a block's code may say nothing
}

static void refused(uint32_t result_bytes) {
  for (uint32_t piece = 1; piece < 2000; piece = piece * 5 + 1) {
    CHECK_EQUAL(decode(w.bytes, w.n, result_bytes, piece, NULL), -(int)fleet_err_wire_payload_invalid);
  }
}

// A block of 512 whose commands are what `commands` writes, then literals that fill it up.
static void hostile(void (*commands)(void), uint32_t made) {
  fill();
  writer_init(&w);
  writer_begin(&w);
  commands();
  memset(wanted, 7, sizeof wanted);
  if (made < 512) writer_literals(&w, wanted, 512 - made);
  writer_end(&w, 512, 0);
  refused(512);
}

static void copy_too_long(void) { writer_copy(&w, 0, 513, NULL, NULL); }
static void copy_behind_the_base(void) { writer_copy(&w, sizeof base - 99, 100, NULL, NULL); }
static void copy_at_the_end_of_the_base(void) { writer_copy(&w, sizeof base, 1, NULL, NULL); }
static void copy_before_the_base(void) { writer_copy(&w, (uint32_t)-1, 1, NULL, NULL); }
static void self_before_the_block(void) { writer_self(&w, 1, 10); }
static void self_too_long(void) {
  writer_literals(&w, base, 2);
  writer_self(&w, 2, 511);
}
static void self_too_far(void) {
  writer_literals(&w, base, 2);
  writer_self(&w, 3, 4);
}
static void endless_number(void) {
  writer_bit(&w, 0, 1);
  writer_bit(&w, 3, 1);
  writer_bit(&w, 8, 0);
  for (uint32_t i = 0; i < 25; i++) writer_bit(&w, 112 + i, 1);
}
static void largest_number(void) { writer_copy(&w, 0, (1u << 25) - 1, NULL, NULL); }

static void should_refuse_commands_that_leave_the_block_or_the_base(void) {
  hostile(copy_too_long, 512);
  hostile(copy_behind_the_base, 100);
  hostile(copy_at_the_end_of_the_base, 1);
  hostile(copy_before_the_base, 1);
  hostile(self_before_the_block, 10);
  hostile(self_too_long, 512);
  hostile(self_too_far, 6);
  hostile(endless_number, 0);
  hostile(largest_number, 512);
}

static void should_refuse_a_second_block_that_refers_to_the_first(void) {
  fill();
  writer_init(&w);
  writer_begin(&w);
  writer_literals(&w, base, 512);
  writer_end(&w, 512, fleet_crc32(0, base, 512));
  writer_begin(&w);
  writer_self(&w, 512, 512);
  writer_end(&w, 512, fleet_crc32(0, base, 512));
  refused(1024);
}

static void put_head(uint32_t format, uint32_t result_bytes, uint32_t coded) {
  writer_init(&w);
  const uint8_t head[11] = {(uint8_t)format, (uint8_t)result_bytes, (uint8_t)(result_bytes >> 8),
                            (uint8_t)(result_bytes >> 16), (uint8_t)coded, (uint8_t)(coded >> 8), (uint8_t)(coded >> 16)};
  memset(w.bytes, 0, 4096);
  memcpy(w.bytes, head, sizeof head);
  w.n = 4096;
}

static void should_refuse_heads_that_promise_what_may_not_be(void) {
  put_head(0, 512, 100);
  refused(2048);
  put_head(2, 512, 100);
  refused(2048);
  put_head(1, 0, 100); // no progress
  refused(2048);
  put_head(1, 700, 100); // not whole sectors
  refused(2048);
  put_head(1, 2049, 100); // more than the result
  refused(2048);
  put_head(1, 0xfffe00, 0xffffff);
  refused(2048);
}

static void should_bound_what_little_input_can_make(void) {
  // Everything is there: 512 bytes, and the rest of the code is not needed. A code that goes on is refused, so is one that
  // is followed by anything.
  fill();
  for (uint32_t extra = 0; extra < 3; extra++) {
    writer_init(&w);
    writer_begin(&w);
    writer_copy(&w, 0, 512, NULL, NULL);
    writer_end(&w, 512, fleet_crc32(0, base, 512));
    if (extra == 0) {
      CHECK_EQUAL(decode(w.bytes, w.n, 512, 1, NULL), 0);
      continue;
    }
    memset(w.bytes + w.n, 0xff, 300);
    if (extra == 1) w.bytes[4] = (uint8_t)(w.bytes[4] + 200);
    w.n += 200;
    refused(512);
  }
  // Code of no bytes is zeros without end: it makes literals and ends with the block, by its CRC.
  put_head(1, 512, 0);
  w.n = 11;
  CHECK_EQUAL(decode(w.bytes, w.n, 512, 1, NULL), -(int)fleet_err_wire_payload_crc);
}

static void should_pass_on_what_reading_and_writing_answer(void) {
  const uint32_t bytes = write_mixed();
  side_t side = {base, sizeof base, malloc(bytes), bytes, 0, -(int)fleet_err_flash_read_failed};
  const fleet_payload_start_t start = {sizeof base, bytes, sector, 0, 0};
  fleet_payload_init(&decoder, &io, &side, &start);
  CHECK_EQUAL(fleet_payload_feed(&decoder, w.bytes, w.n), -(int)fleet_err_flash_read_failed);
  free(side.result);
}

const test_t payload_tests[] = {
    {"should decode every command in pieces of any size", should_decode_every_command_in_pieces_of_any_size},
    {"should decode the golden payloads of the platform", should_decode_the_golden_payloads_of_the_platform},
    {"should go on at any block with two offsets", should_go_on_at_any_block_with_two_offsets},
    {"should refuse every truncation and survive every bit flip", should_refuse_every_truncation_and_survive_every_bit_flip},
    {"should refuse commands that leave the block or the base", should_refuse_commands_that_leave_the_block_or_the_base},
    {"should refuse a second block that refers to the first", should_refuse_a_second_block_that_refers_to_the_first},
    {"should refuse heads that promise what may not be", should_refuse_heads_that_promise_what_may_not_be},
    {"should bound what little input can make", should_bound_what_little_input_can_make},
    {"should pass on what reading and writing answer", should_pass_on_what_reading_and_writing_answer},
    {NULL, NULL},
};
