// Fuzz target: packed windows. Any bytes are a window or are not; a window packs again into no more than is promised; what the input
// makes of a window comes out of its bits as it went in; two windows of one kind add up or are refused.
#include "fuzz.h"

#include "../../src/summary.h"

enum { room = 512 };

static uint32_t pack(fleet_window_t *window, uint8_t bytes[room]) {
  fleet_cbor_writer_t w = {bytes, room, 0, false};
  fleet_summary_put(&w, window);
  HOLDS(!w.overflow && w.used + 4 <= FLEET_SUMMARY_BYTES + (uint32_t)window->classes * window->bins);
  HOLDS(w.used + 4 <= FLEET_SUMMARY_MOST);
  return w.used;
}

static bool unpack(fleet_window_t *window, const uint8_t *bytes, uint32_t n) {
  const uint32_t head = bytes[0] == 0x59 ? 3 : bytes[0] == 0x58 ? 2 : 1;
  uint8_t *copy = copy_of(bytes + head, n - head);
  const bool taken = fleet_summary_add(window, copy, n - head);
  free(copy);
  return taken;
}

// Throws at most `n` values into bins as the input says; the rest goes into the last one.
static void scatter(input_t *input, uint16_t *counts, uint32_t bins, uint32_t n) {
  for (uint32_t i = 0; i + 1 < bins && n != 0; i++) {
    const uint32_t some = take_u32(input, 2) % (n + 1);
    counts[i] = (uint16_t)some;
    n -= some;
  }
  counts[bins - 1] = (uint16_t)(counts[bins - 1] + n);
}

// Some values, all of which are at one of two ends.
static void fill(input_t *input, fleet_feature_t *f) {
  f->n = (uint16_t)(take_u32(input, 2) % (FLEET_WINDOW_MAX_N + 1));
  scatter(input, f->histogram, 16, f->n);
  const int32_t a = (int16_t)take_u32(input, 2), b = (int16_t)take_u32(input, 2), centre = (int16_t)take_u32(input, 2);
  const int32_t low = a < b ? a : b, high = a < b ? b : a;
  const int32_t ups = f->n < 2 ? f->n : 1 + (int32_t)(take_u32(input, 2) % (f->n - 1u)), downs = f->n - ups;
  if (f->n == 0) return;
  f->max = (int16_t)high;
  f->min = (int16_t)(downs == 0 ? high : low);
  f->sum = ups * (high - centre) + downs * (low - centre);
  f->sum_squares = (uint64_t)((int64_t)ups * (high - centre) * (high - centre) + (int64_t)downs * (low - centre) * (low - centre));
}

static void make(input_t *input, fleet_window_t *w) {
  memset(w, 0, sizeof *w);
  w->boot_id = take_u32(input, 1);
  w->classes = (uint16_t)(1 + take_u8(input) % 24);
  w->bins = (uint8_t)(1 + take_u8(input) % 8);
  w->features = (uint8_t)(take_u8(input) % (FLEET_WINDOW_FEATURES + 1));
  w->has_ood = take_u8(input) & 1;
  w->length_ms = take_u32(input, 4);
  w->end_ms = (uint64_t)w->length_ms + take_u32(input, 4);
  w->start_ms = w->end_ms - w->length_ms;
  w->unix_ms = take_u32(input, 4);
  w->sequence = take_u32(input, 4);
  w->battery = take_u8(input) & 127;
  w->cycles_mean = w->cycles_max = take_u32(input, 4);
  w->arena_units = take_u32(input, 3);
  w->merged = (uint16_t)take_u32(input, 2);
  w->switches = (uint16_t)take_u32(input, 2);
  w->invalid = (uint16_t)take_u32(input, 2);
  w->n = (uint16_t)(take_u32(input, 2) % (FLEET_WINDOW_MAX_N + 1));
  scatter(input, w->counts, (uint32_t)w->classes * w->bins, w->n);
  if (w->has_ood) {
    w->ood_n = (uint16_t)(take_u32(input, 2) % (FLEET_WINDOW_MAX_N + 1));
    scatter(input, w->ood, 16, w->ood_n);
  }
  for (uint32_t i = 0; i < w->features; i++) fill(input, &w->feature[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input_t input = {data, (uint32_t)size};
  uint8_t first[room], second[room], again[room];
  fleet_window_t window, read;
  if ((take_u8(&input) & 1) == 0) {
    uint8_t *any = copy_of(input.at, input.left);
    fleet_summary_clear(&read);
    if (fleet_summary_add(&read, any, input.left)) (void)pack(&read, first);
    free(any);
    return 0;
  }
  make(&input, &window);
  const uint32_t n = pack(&window, first);
  fleet_summary_clear(&read);
  if (window.length_ms > FLEET_WINDOW_MAX_MS || window.merged > FLEET_WINDOW_MAX_N) return 0;
  HOLDS(unpack(&read, first, n));
  HOLDS(read.n == window.n && memcmp(read.counts, window.counts, sizeof read.counts) == 0);
  HOLDS(memcmp(read.ood, window.ood, sizeof read.ood) == 0);
  for (uint32_t i = 0; i < window.features; i++) {
    const fleet_feature_t *x = &read.feature[i], *y = &window.feature[i];
    HOLDS(x->n == y->n && x->sum == y->sum && x->sum_squares == y->sum_squares);
    HOLDS(x->n == 0 || (x->min == y->min && x->max == y->max));
    HOLDS(memcmp(x->histogram, y->histogram, sizeof x->histogram) == 0);
  }
  // A later one of the same kind.
  fleet_window_t later = window;
  memset(later.counts, 0, sizeof later.counts);
  later.n = (uint16_t)(take_u32(&input, 2) % (FLEET_WINDOW_MAX_N + 1));
  scatter(&input, later.counts, (uint32_t)later.classes * later.bins, later.n);
  later.length_ms = take_u32(&input, 4) % 1000000;
  later.end_ms += later.length_ms;
  const uint32_t m = pack(&later, second);
  if (!unpack(&read, second, m)) return 0;
  HOLDS(read.n == window.n + later.n && read.n <= FLEET_WINDOW_MAX_N);
  for (uint32_t i = 0; i < FLEET_WINDOW_CELLS; i++) HOLDS(read.counts[i] == window.counts[i] + later.counts[i]);
  (void)pack(&read, again);
  return 0;
}
