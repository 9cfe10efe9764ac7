// See random_window.h.
#include "random_window.h"

#include <string.h>

uint32_t random_below(uint32_t *state, uint32_t limit) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return (uint32_t)((uint64_t)*state * limit >> 32);
}

static uint64_t random_of(uint32_t *state, uint32_t bits) {
  const uint64_t high = random_below(state, UINT32_MAX);
  return (high << 32 | random_below(state, UINT32_MAX)) >> (64 - bits);
}

// Mostly in a few of the bins, as predictions are.
static void scatter(uint32_t *state, uint16_t *counts, uint32_t bins, uint32_t n) {
  memset(counts, 0, bins * sizeof *counts);
  const uint32_t liked = 1 + random_below(state, bins);
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t of = random_below(state, 8) == 0 ? bins : liked;
    counts[random_below(state, of)]++;
  }
}

static void fill_feature(uint32_t *state, fleet_feature_t *f, uint32_t n, int32_t centre) {
  const uint32_t range = 1u << random_below(state, 17);
  const int32_t low = (int32_t)random_below(state, 65537 - range) - 32768;
  scatter(state, f->histogram, 16, n);
  f->n = (uint16_t)n;
  f->sum = 0;
  f->sum_squares = 0;
  f->min = f->max = 0;
  for (uint32_t i = 0; i < n; i++) {
    const int32_t value = low + (int32_t)random_below(state, range);
    const int32_t delta = value - centre;
    f->sum += delta;
    f->sum_squares += (uint64_t)((int64_t)delta * delta);
    if (i == 0 || value < f->min) f->min = (int16_t)value;
    if (i == 0 || value > f->max) f->max = (int16_t)value;
  }
}

void random_counts(uint32_t *state, fleet_window_t *w, uint32_t n) {
  w->n = (uint16_t)n;
  scatter(state, w->counts, (uint32_t)w->classes * w->bins, n);
  w->ood_n = (uint16_t)(!w->has_ood ? 0 : random_below(state, 4) != 0 ? n : random_below(state, FLEET_WINDOW_MAX_N + 1));
  scatter(state, w->ood, 16, w->ood_n);
  for (uint32_t i = 0; i < w->features; i++) {
    const uint32_t values = random_below(state, 4) != 0 ? n : random_below(state, FLEET_WINDOW_MAX_N + 1);
    fill_feature(state, &w->feature[i], values, (int16_t)(w->schema >> i)); // one centre for all windows of a schema
  }
}

void random_window(uint32_t *state, fleet_window_t *w) {
  memset(w, 0, sizeof *w);
  w->boot_id = random_of(state, 64);
  for (uint32_t i = 0; i < sizeof w->build; i++) w->build[i] = (uint8_t)random_below(state, 256);
  w->schema = random_below(state, UINT32_MAX);
  w->classes = (uint16_t)(1 + random_below(state, 24));
  w->bins = (uint8_t)(1 + random_below(state, 8));
  w->features = (uint8_t)random_below(state, FLEET_WINDOW_FEATURES + 1);
  w->has_ood = random_below(state, 2) != 0;
  w->sequence = random_below(state, UINT32_MAX);
  w->length_ms = random_below(state, FLEET_WINDOW_MAX_MS + 1);
  w->end_ms = w->length_ms + random_of(state, 46);
  w->start_ms = w->end_ms - w->length_ms;
  w->unix_ms = random_below(state, 2) == 0 ? 0 : 1700000000000 + random_of(state, 40);
  w->first_index = random_below(state, UINT32_MAX);
  w->battery = (uint8_t)(random_below(state, 2) == 0 ? 127 : random_below(state, 101));
  w->cycles_max = random_below(state, 2) == 0 ? 0 : random_below(state, UINT32_MAX);
  w->cycles_mean = w->cycles_max == 0 ? 0 : random_below(state, w->cycles_max);
  w->arena_units = random_below(state, 1 << 20);
  w->stack_units = random_below(state, 2) == 0 ? 0 : random_below(state, 1 << 20);
  w->merged = (uint16_t)(random_below(state, 4) != 0 ? 0 : random_below(state, 4096));
  if (random_below(state, 2) != 0) {
    w->switches = (uint16_t)random_below(state, 4096);
    w->saturated = (uint16_t)random_below(state, 4096);
    w->stuck = (uint16_t)random_below(state, 2);
    w->dropped_frames = (uint16_t)random_below(state, 65536);
    w->invalid = (uint16_t)random_below(state, 65536);
  }
  random_counts(state, w, random_below(state, 3) == 0 ? random_below(state, FLEET_WINDOW_MAX_N + 1) : random_below(state, 100));
  if (w->n == 0) w->cycles_mean = w->cycles_max = 0;
}
