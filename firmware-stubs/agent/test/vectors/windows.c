// Prints packed windows and the numbers in them, as JSON: the golden vectors firmware-stubs/vectors/window.json. With an argument:
// windows of one kind, and what a full ring makes of them, window-sum.json.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../random_window.h"

// Its message as JSON text.
static void print_message(fleet_window_t *w) {
  uint8_t bytes[1024];
  fleet_cbor_writer_t out = {bytes, sizeof bytes, 0, false};
  fleet_cbor_head(&out, cbor_map, 2);
  fleet_cbor_field(&out, FLEET_ENVELOPE_COMPONENT, FLEET_COMPONENT_MODEL);
  fleet_cbor_key(&out, FLEET_TELEMETRY_PACKED);
  fleet_summary_put(&out, w);
  printf("\"");
  for (uint32_t i = 0; i < out.used; i++) printf("%02x", bytes[i]);
  printf("\"");
}

static void print_counts(const char *name, const uint16_t *counts, uint32_t n) {
  printf("\"%s\":[", name);
  for (uint32_t i = 0; i < n; i++) printf("%s%u", i == 0 ? "" : ",", counts[i]);
  printf("]");
}

static void print_feature(const fleet_feature_t *f) {
  printf("{\"n\":%u,\"sum\":%" PRId32 ",\"sumSquares\":%" PRIu64 ",\"min\":%d,\"max\":%d,", f->n, f->sum, f->sum_squares, f->min,
         f->max);
  print_counts("histogram", f->histogram, 16);
  printf("}");
}

static void print_window(fleet_window_t *w, bool last) {
  printf("{\"message\":");
  print_message(w);
  printf(",\n\"bootId\":\"%" PRIu64 "\",\"build\":\"", w->boot_id);
  for (uint32_t i = 0; i < sizeof w->build; i++) printf("%02x", w->build[i]);
  printf("\",\"schema\":%" PRIu32 ",\"confidenceBins\":%u,\"sequence\":%" PRIu32 ",\"uptimeMs\":%" PRIu64 ",\"lengthMs\":%" PRIu32
         ",\"unixTimeMs\":%" PRIu64 ",\"n\":%u,\"merged\":%u,\"firstIndex\":%" PRIu32 ",\"batteryPercent\":%u,\n",
         w->schema, w->bins, w->sequence, w->end_ms, w->length_ms, w->unix_ms, w->n, w->merged, w->first_index, w->battery);
  printf("\"cyclesMean\":%" PRIu32 ",\"cyclesMax\":%" PRIu32 ",\"arenaBytes\":%" PRIu32 ",\"stackBytes\":%" PRIu32
         ",\"switches\":%u,\"saturated\":%u,\"stuck\":%u,\"droppedFrames\":%u,\"invalid\":%u,\n",
         w->cycles_mean, w->cycles_max, 16 * w->arena_units, 16 * w->stack_units, w->switches, w->saturated, w->stuck,
         w->dropped_frames, w->invalid);
  print_counts("classes", w->counts, (uint32_t)w->classes * w->bins);
  printf(",");
  print_counts("ood", w->ood, w->ood_n == 0 ? 0 : 16);
  printf(",\"features\":[");
  for (uint32_t i = 0; i < w->features; i++) {
    if (i != 0) printf(",\n");
    print_feature(&w->feature[i]);
  }
  printf("]}%s\n", last ? "" : ",");
}

// Two to four windows of one boot, build and schema, one after the other.
static uint32_t of_one_kind(uint32_t *state, fleet_window_t w[4]) {
  const uint32_t count = 2 + random_below(state, 3);
  random_window(state, &w[0]);
  for (uint32_t i = 0; i < count; i++) {
    if (i != 0) w[i] = w[0];
    w[i].sequence = 40 + i;
    w[i].length_ms = 60000;
    w[i].start_ms = 1000000 + 60000 * i;
    w[i].end_ms = w[i].start_ms + w[i].length_ms;
    w[i].unix_ms = w[0].unix_ms == 0 ? 0 : 1790000000000 + w[i].end_ms;
    w[i].first_index = 1000 * i;
    w[i].merged = 0;
    w[i].switches = (uint16_t)random_below(state, 1000);
    w[i].saturated = (uint16_t)random_below(state, 1000);
    w[i].stuck = (uint16_t)random_below(state, 1000);
    w[i].dropped_frames = (uint16_t)random_below(state, 16000);
    w[i].invalid = (uint16_t)random_below(state, 16000);
    w[i].cycles_mean = random_below(state, 1000000);
    w[i].cycles_max = 1000000 + random_below(state, 1000000);
    random_counts(state, &w[i], 1 + random_below(state, 1000));
    if (random_below(state, 4) == 0) memset(&w[i].feature[0], 0, sizeof w[i].feature[0]); // a feature without a value
  }
  return count;
}

static bool adds_up(fleet_window_t w[4], uint32_t count, fleet_window_t *sum) {
  fleet_summary_clear(sum);
  for (uint32_t i = 0; i < count; i++) {
    uint8_t bytes[1024];
    fleet_cbor_writer_t out = {bytes, sizeof bytes, 0, false};
    fleet_summary_put(&out, &w[i]);
    const uint32_t head = bytes[0] == 0x59 ? 3u : bytes[0] == 0x58 ? 2u : 1u;
    if (out.overflow || !fleet_summary_add(sum, bytes + head, out.used - head)) return false; // more than a window holds
  }
  return true;
}

static void print_sums(void) {
  enum { groups = 40 };
  uint32_t state = 2027;
  printf("[\n");
  for (uint32_t i = 0; i < groups;) {
    fleet_window_t w[4], sum;
    const uint32_t count = of_one_kind(&state, w);
    if (!adds_up(w, count, &sum)) continue;
    printf("{\"classes\":%u,\"windows\":[", w[0].classes);
    for (uint32_t k = 0; k < count; k++) {
      if (k != 0) printf(",\n");
      print_message(&w[k]);
    }
    printf("],\n\"sum\":");
    print_message(&sum);
    printf("}%s\n", ++i == groups ? "" : ",");
  }
  printf("]\n");
}

int main(int argc, char **argv) {
  enum { windows = 24 };
  uint32_t state = 2026;
  (void)argv;
  if (argc > 1) {
    print_sums();
    return 0;
  }
  printf("[\n");
  for (uint32_t i = 0; i < windows; i++) {
    fleet_window_t w;
    random_window(&state, &w);
    for (uint32_t f = 0; f < w.features; f++) {
      if (w.feature[f].n == 0) w.feature[f].min = w.feature[f].max = 0;
    }
    print_window(&w, i + 1 == windows);
  }
  printf("]\n");
  return 0;
}
