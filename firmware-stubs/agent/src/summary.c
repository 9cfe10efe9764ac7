// Packs a window into bits and adds packed ones up. One walk over the fields does both, so that no field can be written in
// one way and read in another; numbers that follow from others are left out (docs/spec/wire.md, Packed window).
#include "summary.h"

#include <stddef.h>
#include <string.h>

enum { feature_bins = 16 };

typedef struct {
  uint8_t *at;
  uint32_t bit; // next one
  uint32_t end;
  bool reading; // else writing
  bool failed;
} bits_t;

// A number of up to 64 bits, least significant first: written, as the largest that fits when it is too large, or read. Answers what
// stands there.
static uint64_t carry(bits_t *b, uint64_t value, uint32_t width) {
  uint64_t seen = 0;
  uint64_t left = value;
  for (uint32_t i = 0; i < width; i++) left >>= 1;
  if (left != 0) value = UINT64_MAX;
  if (width > b->end - b->bit) {
    b->failed = true;
    return 0;
  }
  for (uint64_t unit = 1; width != 0; width--, unit <<= 1, value >>= 1, b->bit++) {
    uint8_t *byte = b->at + b->bit / 8;
    const uint32_t in = b->bit % 8;
    if (!b->reading) *byte = (uint8_t)((in == 0 ? 0u : *byte) | ((uint32_t)value & 1) << in);
    if ((*byte >> in & 1) != 0) seen |= unit;
  }
  return seen;
}

// A member of the window; what is read takes its place unless it says otherwise.
typedef struct {
  uint16_t at;
  uint8_t width;
  uint8_t type; // its bytes + add or largest
} row_t;

enum { add = 64, largest = 128 };

static void carry_rows(bits_t *b, const row_t *rows, uint32_t count, fleet_window_t *w) {
  for (; count != 0; count--, rows++) {
    uint8_t *member = (uint8_t *)w + rows->at;
    const uint32_t bytes = rows->type & 15;
    uint64_t own = 0; // its low bytes: little-endian, as all targets are
    memcpy(&own, member, bytes);
    uint64_t value = carry(b, own, rows->width);
    if (!b->reading) continue;
    if ((rows->type & add) != 0) value += own;
    if ((rows->type & add) != 0 && value > UINT16_MAX) value = UINT16_MAX;
    if ((rows->type & largest) != 0 && own > value) value = own;
    memcpy(member, &value, bytes);
  }
}

#define ROWS(table) (table), (uint32_t)(sizeof(table) / sizeof((table)[0]))

static uint32_t bits_of(uint32_t value) {
  uint32_t bits = 0;
  while (value != 0) {
    bits++;
    value >>= 1;
  }
  return bits;
}

// Rice codes (Rice 1971, Golomb 1966) of all counts but the last one, which follows from n. With 2^k about the mean of a count they
// take at most (bins - 1)(k + 1) + n / 2^k bits, whatever the counts are.
static void carry_histogram(bits_t *b, uint16_t *counts, uint32_t bins, uint32_t n) {
  uint32_t k = 0;
  while (bins > 1 && n >> (k + 1) >= bins - 1) k++;
  for (uint32_t i = 0; i + 1 < bins && n != 0 && !b->failed; i++) {
    const uint32_t own = b->reading ? 0 : counts[i];
    uint32_t value = 0;
    while (carry(b, value < own >> k, 1) != 0) value++;
    value = value << k | (uint32_t)carry(b, own & ((1u << k) - 1), k);
    b->failed |= value > n;
    n -= value;
    if (b->reading) counts[i] = (uint16_t)(counts[i] + value);
  }
  if (b->reading) counts[bins - 1] = (uint16_t)(counts[bins - 1] + n);
}

// How many values a feature or the score has: mostly as many as the window.
static uint32_t carry_n(bits_t *b, uint16_t *own, uint32_t n) {
  if (carry(b, *own == n, 1) == 0) n = (uint32_t)carry(b, *own, 12);
  if (b->reading) *own = (uint16_t)(*own + n);
  b->failed |= *own > FLEET_WINDOW_MAX_N;
  return n;
}

// |q - centre| < 2^16, so |sum| < 2^(16 + bits of n). Of the squares what exceeds sum^2 / n is told, n times the variance: at most
// n range^2 / 4 (Popoviciu 1935).
static void carry_feature(bits_t *b, fleet_feature_t *f, uint32_t window_n) {
  const uint32_t n = carry_n(b, &f->n, window_n);
  if (n == 0) return;
  carry_histogram(b, f->histogram, feature_bins, n);
  const int32_t min = (int16_t)carry(b, (uint16_t)f->min, 16);
  const int32_t max = (int16_t)carry(b, (uint16_t)f->max, 16);
  const uint32_t range = bits_of((uint32_t)(max - min));
  const uint32_t width = bits_of(n);
  const uint32_t own = (uint32_t)f->sum << 1;
  const uint32_t zigzag = (uint32_t)carry(b, f->sum < 0 ? ~own : own, width + 17);
  const int32_t sum = (int32_t)(zigzag >> 1) ^ -(int32_t)(zigzag & 1);
  const uint64_t least = (uint64_t)((int64_t)sum * sum) / n;
  const uint64_t squares = carry(b, f->sum_squares - least, range == 0 ? 0 : width + 2 * range - 2);
  if (!b->reading) return;
  b->failed |= max < min;
  f->sum += sum;
  f->sum_squares += least + squares;
  if (min < f->min) f->min = (int16_t)min;
  if (max > f->max) f->max = (int16_t)max;
}

#define MEMBER(name) offsetof(fleet_window_t, name)

static void carry_window(bits_t *b, fleet_window_t *w) {
  static const row_t head[] = {
      // What windows have in common that can be added: FLEET_SUMMARY_KIND_BITS.
      {MEMBER(boot_id), 64, 8},
      {MEMBER(build), 64, 8},
      {MEMBER(schema), 32, 4},
      {MEMBER(classes), 8, 2},
      {MEMBER(bins), 5, 1},
      {MEMBER(features), 3, 1},
      {MEMBER(has_ood), 1, 1},
      // The later one's.
      {MEMBER(sequence), 32, 4},
      {MEMBER(end_ms), 48, 8},
      {MEMBER(unix_ms), 44, 8},
      {MEMBER(length_ms), 32, 4},
      {MEMBER(first_index), 32, 4},
      {MEMBER(battery), 7, 1},
      {MEMBER(cycles_mean), 32, 4},
      {MEMBER(cycles_max), 32, 4 + largest},
      {MEMBER(arena_units), 20, 4 + largest},
      {MEMBER(stack_units), 20, 4 + largest},
      {MEMBER(n), 12, 2 + add},
      {MEMBER(merged), 12, 2 + add},
  };
  static const row_t counts[] = {
      {MEMBER(switches), 12, 2 + add},        {MEMBER(saturated), 12, 2 + add}, {MEMBER(stuck), 12, 2 + add},
      {MEMBER(dropped_frames), 16, 2 + add}, {MEMBER(invalid), 16, 2 + add},
  };
  const uint32_t before = b->reading ? w->n : 0;
  carry_rows(b, ROWS(head), w);
  const uint32_t n = w->n - before;
  b->failed |= w->classes == 0 || w->bins == 0 || (uint32_t)w->classes * w->bins > FLEET_WINDOW_CELLS ||
               w->features > FLEET_WINDOW_FEATURES || w->n > FLEET_WINDOW_MAX_N;
  if (b->failed) return;
  carry_histogram(b, w->counts, (uint32_t)w->classes * w->bins, n);
  if (w->has_ood) carry_histogram(b, w->ood, feature_bins, carry_n(b, &w->ood_n, n));
  for (uint32_t i = 0; i < w->features; i++) carry_feature(b, &w->feature[i], n);
  if (carry(b, (w->switches | w->saturated | w->stuck | w->dropped_frames | w->invalid) != 0, 1) != 0) {
    carry_rows(b, ROWS(counts), w);
  }
}

void fleet_summary_put(fleet_cbor_writer_t *w, fleet_window_t *window) {
  enum { head_bytes = 3 };
  bits_t b = {w->buffer + w->used + head_bytes, 0, 0, false, false};
  if (w->capacity - w->used > head_bytes) b.end = 8 * (w->capacity - w->used - head_bytes);
  carry_window(&b, window);
  if (b.failed) {
    w->overflow = true;
    return;
  }
  // The bits lie where the longest head ends; a shorter one draws them up.
  const uint32_t n = (b.bit + 7) / 8;
  fleet_cbor_head(w, cbor_bytes, n);
  memmove(w->buffer + w->used, b.at, n);
  w->used += n;
}

bool fleet_summary_add(fleet_window_t *w, const uint8_t *packed, uint32_t n) {
  bits_t b = {(uint8_t *)(uintptr_t)packed, 0, 8 * n, true, false}; // only read
  const bool first = !w->open;
  const uint32_t first_index = w->first_index;
  const uint32_t before = w->n;
  carry_window(&b, w);
  if (b.failed || w->length_ms > w->end_ms || b.end - b.bit > 7) return false;
  w->cycles_sum += (uint64_t)w->cycles_mean * (w->n - before);
  w->cycles_mean = w->n == 0 ? 0 : (uint32_t)(w->cycles_sum / w->n);
  if (first) {
    w->start_ms = w->end_ms - w->length_ms;
  } else {
    w->first_index = first_index;
    w->merged++;
  }
  w->open = true;
  const uint64_t length_ms = w->end_ms - w->start_ms;
  w->length_ms = (uint32_t)length_ms;
  return w->start_ms <= w->end_ms && length_ms <= FLEET_WINDOW_MAX_MS && w->merged <= FLEET_WINDOW_MAX_N;
}

void fleet_summary_clear(fleet_window_t *window) {
  memset(window, 0, sizeof *window);
  for (uint32_t i = 0; i < FLEET_WINDOW_FEATURES; i++) {
    window->feature[i].min = INT16_MAX;
    window->feature[i].max = INT16_MIN;
  }
}
