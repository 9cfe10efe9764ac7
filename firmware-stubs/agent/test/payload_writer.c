// Test payloads, see payload_writer.h.
#include "payload_writer.h"

#include <stdlib.h>
#include <string.h>

#include "fleet_runtime.h"
#include "fleet_sha256.h"

enum { context_copy = 0, context_self = 3, context_changed = 6, context_again = 7, context_below = 9, context_length = 16,
       context_self_length = 48, context_displacement = 80, context_distance = 112, context_literal = 144,
       context_difference = 400 };

static void put(payload_writer_t *w, uint32_t byte) {
  if (w->n == sizeof w->bytes) abort();
  w->bytes[w->n++] = (uint8_t)byte;
}

static void put_le(payload_writer_t *w, uint32_t at, uint32_t value, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) w->bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static void shift(payload_writer_t *w) {
  if (w->low >> 32 != 0) {
    uint32_t at = w->n;
    while (w->bytes[--at] == 0xff) w->bytes[at] = 0;
    w->bytes[at]++;
  }
  put(w, (uint32_t)w->low >> 24);
  w->low = (w->low & 0xffffff) << 8;
}

void writer_init(payload_writer_t *w) { w->n = 0; }

void writer_begin(payload_writer_t *w) {
  w->head = w->n;
  for (uint32_t i = 0; i < 11; i++) put(w, 0);
  w->after = w->displacement = 0;
  w->low = 0;
  w->range = UINT32_MAX;
  for (uint32_t i = 0; i < 912; i++) w->states[i] = 0x8000;
}

void writer_bit(payload_writer_t *w, uint32_t context, uint32_t bit) {
  const uint32_t seen = w->states[context] & 15u;
  uint32_t zero = w->states[context] >> 4;
  const uint32_t bound = (w->range >> 12) * zero;
  const uint32_t rate = seen == 0 ? 1 : seen < 3 ? 2 : seen < 7 ? 3 : seen < 15 ? 4 : 5;
  if (bit) {
    w->low += bound;
    w->range -= bound;
    zero -= zero >> rate;
  } else {
    w->range = bound;
    zero += (4096 - zero) >> rate;
  }
  w->states[context] = (uint16_t)(zero << 4 | (seen < 15 ? seen + 1 : 15));
  for (; w->range < 1u << 24; w->range <<= 8) shift(w);
}

void writer_byte(payload_writer_t *w, uint32_t context, uint32_t value) {
  for (uint32_t node = 1, i = 8; i-- != 0; node = node * 2 + (value >> i & 1)) writer_bit(w, context + node, value >> i & 1);
}

void writer_number(payload_writer_t *w, uint32_t context, uint32_t value) {
  uint32_t bits = 0;
  while (value >> (bits + 1) != 0) bits++;
  for (uint32_t i = 0; i < bits; i++) writer_bit(w, context + i, 1);
  writer_bit(w, context + bits, 0);
  for (uint32_t i = bits; i-- != 0;) writer_bit(w, context + 25 + (i < 6 ? i : 6), value >> i & 1);
}

void writer_literals(payload_writer_t *w, const uint8_t *bytes, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    writer_bit(w, context_copy + w->after, 0);
    writer_byte(w, context_literal, bytes[i]);
    w->after = 0;
  }
}

void writer_copy(payload_writer_t *w, uint32_t displacement, uint32_t n, const uint8_t *source, const uint8_t *bytes) {
  writer_bit(w, context_copy + w->after, 1);
  writer_bit(w, context_self + w->after, 0);
  writer_bit(w, context_changed, source != NULL);
  writer_bit(w, context_again, displacement == w->displacement);
  const int32_t step = (int32_t)(displacement - w->displacement);
  if (step != 0) {
    writer_bit(w, context_below, step < 0);
    writer_number(w, context_displacement, (uint32_t)(step < 0 ? -step : step));
  }
  writer_number(w, context_length, n);
  w->displacement = displacement;
  w->after = 1;
  uint32_t context = context_difference;
  for (uint32_t i = 0; source != NULL && i < n; i++) {
    const uint32_t difference = (uint8_t)(bytes[i] - source[i]);
    writer_byte(w, context, difference == 0 ? 0 : difference <= 128 ? 2 * difference - 1 : 2 * (256 - difference));
    context = context_difference + (difference != 0 ? 256 : 0);
  }
}

void writer_self(payload_writer_t *w, uint32_t distance, uint32_t n) {
  writer_bit(w, context_copy + w->after, 1);
  writer_bit(w, context_self + w->after, 1);
  writer_bit(w, context_again + 1, 0);
  writer_number(w, context_distance, distance);
  writer_number(w, context_self_length, n);
  w->after = 2;
}

void writer_end(payload_writer_t *w, uint32_t result_bytes, uint32_t crc) {
  // The value of the interval with most zeros at its end: they are left off.
  const uint64_t last = w->low + w->range - 1;
  for (uint32_t zeros = 32;; zeros -= 8) {
    const uint64_t mask = (UINT64_C(1) << zeros) - 1;
    const uint64_t value = (w->low + mask) & ~mask;
    if (value > last) continue;
    w->low = value;
    break;
  }
  for (uint32_t i = 0; i < 4; i++) shift(w);
  while (w->n > w->head + 11 && w->bytes[w->n - 1] == 0) w->n--;
  w->bytes[w->head] = 1;
  put_le(w, w->head + 1, result_bytes, 3);
  put_le(w, w->head + 4, w->n - w->head - 11, 3);
  put_le(w, w->head + 7, crc, 4);
}

void writer_finish(payload_writer_t *w) {
  fleet_sha256_t sha;
  fleet_sha256_init(&sha);
  fleet_sha256_update(&sha, w->bytes, w->n);
  fleet_sha256_final(&sha, w->digest);
}

void writer_plain(payload_writer_t *w, const uint8_t *base, const uint8_t *result, uint32_t n, uint32_t block_bytes) {
  writer_init(w);
  for (uint32_t at = 0; at < n; at += block_bytes) {
    const uint32_t take = n - at < block_bytes ? n - at : block_bytes;
    writer_begin(w);
    if (base != NULL) writer_copy(w, 0, take, base + at, result + at);
    else writer_literals(w, result + at, take);
    writer_end(w, take, fleet_crc32(0, result + at, take));
  }
  writer_finish(w);
}
