// Packed windows: what goes in comes out, none is larger than promised, sums are those of the numbers, nonsense is refused.
#include <string.h>

#include "random_window.h"
#include "test.h"
#include "world.h"

enum { room = 1024, head_bytes = 3, message_bytes = 4 }; // of a long byte string; of map, component and the key before it

static uint32_t pack(fleet_window_t *window, uint8_t bytes[room]) {
  fleet_cbor_writer_t w = {bytes, room, 0, false};
  fleet_summary_put(&w, window);
  CHECK(!w.overflow);
  return w.used;
}

static uint32_t head_of(const uint8_t *bytes) { return bytes[0] == 0x59 ? 3 : bytes[0] == 0x58 ? 2 : 1; }

static bool add(fleet_window_t *window, const uint8_t *bytes, uint32_t n) {
  return fleet_summary_add(window, bytes + head_of(bytes), n - head_of(bytes));
}

// What two packings say must be equal; the structs also hold what is not told.
static bool same(fleet_window_t *a, fleet_window_t *b) {
  uint8_t left[room], right[room];
  const uint32_t n = pack(a, left);
  return n == pack(b, right) && memcmp(left, right, n) == 0;
}

static void should_unpack_what_it_has_packed(void) {
  uint32_t state = 7;
  for (uint32_t i = 0; i < 2000; i++) {
    fleet_window_t window, read;
    uint8_t bytes[room];
    random_window(&state, &window);
    const uint32_t n = pack(&window, bytes);
    CHECK(n + message_bytes <= FLEET_SUMMARY_BYTES + (uint32_t)window.classes * window.bins);
    fleet_summary_clear(&read);
    CHECK(add(&read, bytes, n));
    CHECK(read.boot_id == window.boot_id && read.sequence == window.sequence && read.schema == window.schema);
    CHECK(memcmp(read.build, window.build, 8) == 0 && read.classes == window.classes && read.bins == window.bins);
    CHECK(read.start_ms == window.start_ms && read.end_ms == window.end_ms && read.unix_ms == window.unix_ms);
    CHECK(read.n == window.n && read.merged == window.merged && read.first_index == window.first_index);
    CHECK(memcmp(read.counts, window.counts, sizeof read.counts) == 0 && memcmp(read.ood, window.ood, sizeof read.ood) == 0);
    CHECK(read.switches == window.switches && read.saturated == window.saturated && read.stuck == window.stuck);
    CHECK(read.dropped_frames == window.dropped_frames && read.invalid == window.invalid);
    CHECK(read.cycles_mean == window.cycles_mean && read.cycles_max == window.cycles_max);
    CHECK(read.arena_units == window.arena_units && read.stack_units == window.stack_units && read.battery == window.battery);
    for (uint32_t f = 0; f < window.features; f++) {
      const fleet_feature_t *x = &read.feature[f], *y = &window.feature[f];
      CHECK(x->n == y->n && x->sum == y->sum && x->sum_squares == y->sum_squares);
      CHECK(y->n == 0 || (x->min == y->min && x->max == y->max));
      CHECK(memcmp(x->histogram, y->histogram, sizeof x->histogram) == 0);
    }
  }
}

// Bits of a histogram for the worst counts of all that add up to n: (bins - 1)(k + 1) fixed ones, and one more for every 2^k of a count.
static uint32_t worst_histogram(uint32_t bins, uint32_t n) {
  uint32_t k = 0;
  while (bins > 1 && n >> (k + 1) >= bins - 1) k++;
  return n == 0 || bins < 2 ? 0 : (bins - 1) * (k + 1) + (n >> k);
}

static uint32_t worst_over_n(uint32_t bins) {
  uint32_t worst = 0;
  for (uint32_t n = 0; n <= FLEET_WINDOW_MAX_N; n++) {
    const uint32_t bits = worst_histogram(bins, n);
    if (bits > worst) worst = bits;
  }
  return worst;
}

// The bound over all inputs, written down independently of the encoder: the widest of every field.
static uint32_t bound(uint32_t cells) {
  const uint32_t kind = 64 + 64 + 32 + 8 + 5 + 3 + 1;
  const uint32_t head = 32 + 48 + 44 + 32 + 32 + 7 + 32 + 32 + 20 + 20 + 12 + 12;
  const uint32_t score = 1 + 12 + worst_over_n(16);
  const uint32_t feature = score + 16 + 16 + (12 + 17) + (12 + 2 * 16 - 2);
  const uint32_t counters = 1 + 3 * 12 + 2 * 16;
  const uint32_t bits = kind + head + worst_over_n(cells) + score + FLEET_WINDOW_FEATURES * feature + counters;
  return message_bytes + head_bytes + (bits + 7) / 8;
}

static void put_all_ones(fleet_window_t *w) {
  memset(w, 0, sizeof *w);
  w->boot_id = UINT64_MAX;
  memset(w->build, 0xff, sizeof w->build);
  w->schema = w->sequence = w->first_index = w->cycles_mean = w->cycles_max = UINT32_MAX;
  w->end_ms = UINT64_MAX >> 16;
  w->length_ms = UINT32_MAX;
  w->unix_ms = UINT64_MAX >> 20;
  w->arena_units = w->stack_units = UINT32_MAX;
  w->battery = 127;
  w->merged = w->switches = w->saturated = w->stuck = w->dropped_frames = w->invalid = UINT16_MAX;
}

// All but the remainder in one bin, which is then a code of the longest kind.
static void put_worst(uint16_t *counts, uint32_t bins, uint32_t n) {
  uint32_t k = 0;
  while (n >> (k + 1) >= bins - 1) k++;
  memset(counts, 0, bins * sizeof *counts);
  counts[0] = (uint16_t)(n >> k << k);
  counts[bins - 1] = (uint16_t)(n - counts[0]);
}

static void should_need_300_bytes_for_4_classes_and_5_features_at_the_very_worst(void) {
  CHECK_EQUAL(FLEET_SUMMARY_BYTES + 32, 300);
  fleet_window_t w;
  uint8_t bytes[room];
  put_all_ones(&w);
  w.classes = 4;
  w.bins = 8;
  w.features = FLEET_WINDOW_FEATURES;
  w.has_ood = true;
  w.n = FLEET_WINDOW_MAX_N;
  w.ood_n = FLEET_WINDOW_MAX_N - 1; // differs, so it is told
  put_worst(w.counts, 32, w.n);
  put_worst(w.ood, 16, w.ood_n);
  for (uint32_t i = 0; i < w.features; i++) {
    fleet_feature_t *f = &w.feature[i];
    f->n = FLEET_WINDOW_MAX_N - 1;
    put_worst(f->histogram, 16, f->n);
    f->min = INT16_MIN;
    f->max = INT16_MAX;
    f->sum = -(int32_t)f->n * UINT16_MAX; // all at one end, the centre at the other
    f->sum_squares = (uint64_t)f->n * UINT16_MAX * UINT16_MAX;
  }
  const uint32_t worst = message_bytes + pack(&w, bytes);
  CHECK_EQUAL(bound(32), 300);
  CHECK_EQUAL(worst, 300);
  // No other n, and no other way to throw values into bins, makes it longer.
  uint32_t state = 3;
  for (uint32_t i = 0; i < 2000; i++) {
    random_counts(&state, &w, 1 + random_below(&state, FLEET_WINDOW_MAX_N));
    CHECK(message_bytes + pack(&w, bytes) <= 300);
  }
  for (uint32_t n = 1; n <= FLEET_WINDOW_MAX_N; n++) {
    w.n = (uint16_t)n;
    put_worst(w.counts, 32, n);
    CHECK(message_bytes + pack(&w, bytes) <= 300);
  }
}

// Greedy search for a longer one: it moves values between bins and keeps what makes the window longer.
static void should_not_be_made_longer_by_a_search(void) {
  uint32_t state = 11;
  fleet_window_t w;
  uint8_t bytes[room];
  put_all_ones(&w);
  w.classes = 4;
  w.bins = 8;
  w.features = FLEET_WINDOW_FEATURES;
  w.has_ood = true;
  random_counts(&state, &w, FLEET_WINDOW_MAX_N);
  uint32_t best = pack(&w, bytes);
  for (uint32_t i = 0; i < 4000; i++) {
    fleet_window_t next = w;
    const uint32_t which = random_below(&state, 7);
    uint16_t *counts = which == 6 ? next.ood : which == 5 ? next.counts : next.feature[which].histogram;
    const uint32_t bins = which == 5 ? 32 : 16;
    uint16_t *from = &counts[random_below(&state, bins)], *to = &counts[random_below(&state, bins)];
    const uint16_t some = (uint16_t)random_below(&state, *from + 1u);
    *from = (uint16_t)(*from - some);
    *to = (uint16_t)(*to + some);
    if (which < 5) {
      next.feature[which].sum = -(int32_t)random_below(&state, next.feature[which].n * 65535u + 1);
      next.feature[which].sum_squares = (uint64_t)next.feature[which].n * UINT16_MAX * UINT16_MAX;
    }
    const uint32_t n = pack(&next, bytes);
    CHECK(message_bytes + n <= 300);
    if (n < best) continue;
    best = n;
    w = next;
  }
}

static void should_keep_its_bound_for_any_number_of_cells(void) {
  for (uint32_t c = 1; c <= FLEET_WINDOW_CELLS; c++) CHECK(bound(c) <= FLEET_SUMMARY_BYTES + c);
  CHECK(bound(FLEET_WINDOW_CELLS) <= FLEET_SUMMARY_MOST);
  CHECK(FLEET_SUMMARY_MOST + 2 <= FLEET_QUEUE_BYTES);
}

static void should_tell_numbers_that_do_not_fit_as_the_largest_that_do(void) {
  fleet_window_t w, read;
  uint8_t bytes[room];
  put_all_ones(&w);
  w.classes = w.bins = 1;
  w.length_ms = 1000;
  const uint32_t n = pack(&w, bytes);
  fleet_summary_clear(&read);
  CHECK(add(&read, bytes, n));
  CHECK_EQUAL(read.switches, 4095);
  CHECK_EQUAL(read.dropped_frames, 65535);
  CHECK_EQUAL(read.arena_units, (1 << 20) - 1);
  CHECK_EQUAL(read.merged, 4095);
}

// Three windows of one boot, one after the other, few enough values to be added.
static void three_of_a_kind(uint32_t *state, fleet_window_t w[3]) {
  random_window(state, &w[0]);
  w[0].length_ms = 60000;
  w[0].end_ms = 1000000;
  w[0].merged = 0;
  for (uint32_t i = 0; i < 3; i++) {
    if (i != 0) w[i] = w[0];
    w[i].sequence = 40 + i;
    w[i].end_ms += 60000 * i;
    w[i].start_ms = w[i].end_ms - 60000;
    w[i].first_index = 100 * i;
    random_counts(state, &w[i], 1 + random_below(state, 100));
    w[i].ood_n %= 101;
    memset(w[i].ood, 0, sizeof w[i].ood);
    w[i].ood[3] = w[i].ood_n;
    for (uint32_t f = 0; f < w[i].features; f++) {
      fleet_feature_t *one = &w[i].feature[f];
      if (one->n <= 100) continue;
      memset(one, 0, sizeof *one);
    }
  }
}

static void should_add_windows_as_their_numbers_add(void) {
  uint32_t state = 5;
  for (uint32_t i = 0; i < 500; i++) {
    fleet_window_t w[3], sum, right, left;
    uint8_t bytes[3][room], pair[room];
    uint32_t n[3];
    three_of_a_kind(&state, w);
    fleet_summary_clear(&sum);
    for (uint32_t k = 0; k < 3; k++) {
      n[k] = pack(&w[k], bytes[k]);
      CHECK(memcmp(bytes[k] + head_of(bytes[k]), bytes[0] + head_of(bytes[0]), FLEET_SUMMARY_KIND_BITS / 8) == 0);
      CHECK(add(&sum, bytes[k], n[k]));
    }
    CHECK_EQUAL(sum.n, w[0].n + w[1].n + w[2].n);
    CHECK_EQUAL(sum.merged, 2);
    CHECK_EQUAL(sum.sequence, 42);
    CHECK_EQUAL(sum.first_index, 0);
    CHECK(sum.start_ms == w[0].start_ms && sum.end_ms == w[2].end_ms && sum.length_ms == 180000);
    for (uint32_t c = 0; c < FLEET_WINDOW_CELLS; c++) CHECK_EQUAL(sum.counts[c], w[0].counts[c] + w[1].counts[c] + w[2].counts[c]);
    for (uint32_t f = 0; f < sum.features; f++) {
      const fleet_feature_t *x = &w[0].feature[f], *y = &w[1].feature[f], *z = &w[2].feature[f], *s = &sum.feature[f];
      CHECK_EQUAL(s->n, x->n + y->n + z->n);
      CHECK_EQUAL(s->sum, x->sum + y->sum + z->sum);
      CHECK(s->sum_squares == x->sum_squares + y->sum_squares + z->sum_squares);
      for (uint32_t c = 0; c < 16; c++) CHECK_EQUAL(s->histogram[c], x->histogram[c] + y->histogram[c] + z->histogram[c]);
    }
    // (a + b) + c = a + (b + c), but for the mean of cycles, which rounds down each time.
    fleet_summary_clear(&left);
    CHECK(add(&left, bytes[0], n[0]) && add(&left, bytes[1], n[1]));
    uint32_t bytes_of_pair = pack(&left, pair);
    fleet_summary_clear(&left);
    CHECK(add(&left, pair, bytes_of_pair) && add(&left, bytes[2], n[2]));
    fleet_summary_clear(&right);
    CHECK(add(&right, bytes[1], n[1]) && add(&right, bytes[2], n[2]));
    bytes_of_pair = pack(&right, pair);
    fleet_summary_clear(&right);
    CHECK(add(&right, bytes[0], n[0]) && add(&right, pair, bytes_of_pair));
    CHECK(sum.cycles_mean - left.cycles_mean <= 1 && sum.cycles_mean - right.cycles_mean <= 1);
    left.cycles_mean = right.cycles_mean = sum.cycles_mean;
    CHECK(same(&left, &sum) && same(&right, &sum));
  }
}

static void should_refuse_a_sum_that_a_window_does_not_hold(void) {
  uint32_t state = 9;
  fleet_window_t w[3], sum;
  uint8_t first[room], second[room];
  three_of_a_kind(&state, w);
  w[0].features = w[1].features = 0;
  w[0].has_ood = w[1].has_ood = false;
  for (uint32_t over = 0; over < 2; over++) {
    random_counts(&state, &w[0], 4000);
    random_counts(&state, &w[1], 95 + over);
    const uint32_t n = pack(&w[0], first), m = pack(&w[1], second);
    fleet_summary_clear(&sum);
    CHECK(add(&sum, first, n));
    CHECK_EQUAL(add(&sum, second, m), over == 0);
  }
  // The same of time: a week.
  for (uint32_t over = 0; over < 2; over++) {
    w[0].n = w[1].n = 0;
    memset(w[0].counts, 0, sizeof w[0].counts);
    memset(w[1].counts, 0, sizeof w[1].counts);
    w[1].end_ms = w[0].end_ms - w[0].length_ms + FLEET_WINDOW_MAX_MS + over;
    const uint32_t n = pack(&w[0], first), m = pack(&w[1], second);
    fleet_summary_clear(&sum);
    CHECK(add(&sum, first, n));
    CHECK_EQUAL(add(&sum, second, m), over == 0);
  }
}

static void should_survive_any_bytes(void) {
  uint32_t state = 13;
  for (uint32_t i = 0; i < 20000; i++) {
    fleet_window_t window, read;
    uint8_t bytes[room];
    random_window(&state, &window);
    const uint32_t n = pack(&window, bytes);
    const uint32_t flips = 1 + random_below(&state, 8);
    for (uint32_t f = 0; f < flips; f++) bytes[3 + random_below(&state, n - 3)] ^= (uint8_t)(1u << random_below(&state, 8));
    fleet_summary_clear(&read);
    if (!fleet_summary_add(&read, bytes + head_of(bytes), random_below(&state, n - head_of(bytes) + 1))) continue;
    (void)pack(&read, bytes);
    i += 100; // one that is whole by chance
  }
}

// Of 4 classes x 8 bins and 5 features: the window without the cells that they do not use, edges of their own and the watch.
static void should_need_no_more_than_a_kilobyte_of_memory(void) {
  const uint32_t unused = (FLEET_WINDOW_CELLS - 32) * sizeof(uint16_t);
  CHECK(sizeof(fleet_window_t) - unused + sizeof(fleet_watch_t) + sizeof(fleet_edges_t) + sizeof(fleet_capture_t) <= 1024);
}

const test_t summary_tests[] = {
    {"should unpack what it has packed", should_unpack_what_it_has_packed},
    {"should need 300 bytes for 4 classes and 5 features at the very worst",
     should_need_300_bytes_for_4_classes_and_5_features_at_the_very_worst},
    {"should not be made longer by a search", should_not_be_made_longer_by_a_search},
    {"should keep its bound for any number of cells", should_keep_its_bound_for_any_number_of_cells},
    {"should tell numbers that do not fit as the largest that do", should_tell_numbers_that_do_not_fit_as_the_largest_that_do},
    {"should add windows as their numbers add", should_add_windows_as_their_numbers_add},
    {"should refuse a sum that a window does not hold", should_refuse_a_sum_that_a_window_does_not_hold},
    {"should survive any bytes", should_survive_any_bytes},
    {"should need no more than a kilobyte of memory", should_need_no_more_than_a_kilobyte_of_memory},
    {NULL, NULL},
};
