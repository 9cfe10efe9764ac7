// One window's summary: filled by inferences, encoded once when it closes (docs/spec/wire.md, telemetry), then only
// carried: in RAM while the link is up, in the flash ring when it is not. What cannot be kept is counted.
#include <stddef.h>
#include <string.h>

#include "fleet_histogram.h"
#include "shadow.h"

enum { default_bins = 8, ood_bins = 16, window_head = 2 };

void fleet_window_increment(uint16_t *count) {
  if (*count < UINT16_MAX) (*count)++;
}

static void describe_model(const fleet_agent_t *a, fleet_window_t *w) {
  const bool classifies = a->classes >= 2 && a->classes <= FLEET_WINDOW_CELLS;
  memcpy(w->build, a->persist.slots[a->model_slot].digest, sizeof w->build);
  w->schema = fleet_monitors_crc(&a->runtime);
  w->classes = classifies ? a->classes : 1;
  const uint32_t bins = FLEET_WINDOW_CELLS / w->classes;
  w->bins = (uint8_t)(!classifies ? 1 : bins < default_bins ? bins : (uint32_t)default_bins);
  w->features = 0;
  for (uint32_t i = 0; i < a->runtime.monitor_count && w->features < FLEET_WINDOW_FEATURES; i++) {
    fleet_monitor_t monitor;
    if (fleet_monitor(&a->runtime, i, &monitor) < 0 || monitor.kind != FLEET_MONITOR_KIND_FEATURE) continue;
    fleet_feature_t *f = &w->feature[w->features++];
    f->monitor = (uint8_t)i;
    f->bins = monitor.bins;
  }
}

static void restart(const fleet_agent_t *a, fleet_window_t *w) {
  const uint16_t last_class = w->last_class;
  memset(w, 0, sizeof *w);
  w->open = true;
  w->start_ms = a->uptime_ms;
  w->first_index = a->inference_index;
  w->last_class = last_class;
  describe_model(a, w);
}

// Called when a model takes over. A window never spans two builds or two schemas.
void fleet_window_open(fleet_agent_t *a) {
  fleet_window_t *w = &a->window;
  if (w->open && memcmp(w->build, a->persist.slots[a->model_slot].digest, sizeof w->build) == 0 &&
      w->schema == fleet_monitors_crc(&a->runtime)) {
    return;
  }
  if (w->open) fleet_window_close(a);
  restart(a, w);
}

void fleet_window_monitor(void *user, uint32_t index, int32_t value) {
  fleet_agent_t *a = user;
  fleet_window_t *w = &a->window;
  fleet_monitor_t monitor;
  if (!w->open || w->n >= FLEET_WINDOW_MAX_N || fleet_monitor(&a->runtime, index, &monitor) < 0) return;
  const uint32_t bin = fleet_monitor_bin(&monitor, value);
  if (monitor.kind == FLEET_MONITOR_KIND_OOD) {
    if (bin < ood_bins && w->ood_n < FLEET_WINDOW_MAX_N) {
      w->ood[bin]++;
      w->ood_n++;
    }
    return;
  }
  for (uint32_t i = 0; i < w->features; i++) {
    fleet_feature_t *f = &w->feature[i];
    if (f->monitor != index || bin >= 16 || f->n == UINT16_MAX) continue;
    const int32_t delta = value - monitor.centre; // int16 - int16
    f->histogram[bin]++;
    f->n++;
    f->sum += delta;
    f->sum_squares += (uint64_t)((int64_t)delta * delta); // < 2^34 * 2^16
    if (f->n == 1 || value < f->min) f->min = (int16_t)value;
    if (f->n == 1 || value > f->max) f->max = (int16_t)value;
    return;
  }
}

void fleet_window_add(const fleet_agent_t *a, fleet_window_t *w, const fleet_inference_t *inference) {
  const uint32_t class_index = inference->predicted < w->classes ? inference->predicted : 0;
  const uint32_t bin = inference->confidence * w->bins / 256; // confidence <= 255, so bin < bins
  w->counts[class_index * w->bins + bin]++;
  if (a->model_runs != 0 && class_index != w->last_class) fleet_window_increment(&w->switches);
  w->last_class = (uint16_t)class_index;
  if (a->pick_every != 0 && inference->index % a->pick_every == 0 && w->picks < FLEET_WINDOW_PICKS &&
      w->classes > 1) {
    const uint32_t offset = inference->index - w->first_index;
    uint8_t *pick = w->pick[w->picks++];
    pick[0] = (uint8_t)offset;
    pick[1] = (uint8_t)(offset >> 8);
    pick[2] = (uint8_t)class_index;
    pick[3] = (uint8_t)inference->confidence;
  }
  w->cycles_sum += inference->cycles;
  if (inference->cycles > w->cycles_max) w->cycles_max = inference->cycles;
  w->n++;
}

static void put_features(fleet_cbor_writer_t *w, const fleet_window_t *window) {
  static const FLEET_CONST_MEMORY fleet_cbor_put_t rows[] = {
      {FLEET_FEATURE_SUMMARY_N, cbor_put_u16, offsetof(fleet_feature_t, n)},
      {FLEET_FEATURE_SUMMARY_SUM, cbor_put_i64, offsetof(fleet_feature_t, sum)},
      {FLEET_FEATURE_SUMMARY_SUM_SQUARES, cbor_put_u64, offsetof(fleet_feature_t, sum_squares)},
      {FLEET_FEATURE_SUMMARY_MIN, cbor_put_i16, offsetof(fleet_feature_t, min)},
      {FLEET_FEATURE_SUMMARY_MAX, cbor_put_i16, offsetof(fleet_feature_t, max)},
  };
  fleet_cbor_key(w, FLEET_TELEMETRY_FEATURES);
  fleet_cbor_array(w, window->features);
  for (uint32_t i = 0; i < window->features; i++) {
    const fleet_feature_t *f = &window->feature[i];
    fleet_cbor_head(w, cbor_map, 6);
    fleet_histogram_put(w, FLEET_FEATURE_SUMMARY_HISTOGRAM, f->histogram, f->bins);
    fleet_cbor_write_rows(w, FLEET_CBOR_ROWS(rows), f);
  }
}

static void encode(fleet_agent_t *a, fleet_cbor_writer_t *out, uint32_t sequence, bool with_features) {
  static const FLEET_CONST_MEMORY fleet_cbor_put_t what[] = {
      {FLEET_TELEMETRY_BUILD, cbor_put_8_bytes, offsetof(fleet_window_t, build)},
      {FLEET_TELEMETRY_SCHEMA, cbor_put_u32, offsetof(fleet_window_t, schema)},
      {FLEET_TELEMETRY_START_MS, cbor_put_u64, offsetof(fleet_window_t, start_ms)},
      {FLEET_TELEMETRY_LENGTH_MS, cbor_put_u64, offsetof(fleet_window_t, length_ms)},
      {FLEET_TELEMETRY_N, cbor_put_u16, offsetof(fleet_window_t, n)},
  };
  static const FLEET_CONST_MEMORY fleet_cbor_put_t counts[] = {
      {FLEET_TELEMETRY_SWITCHES, cbor_put_u16 | cbor_unless_zero, offsetof(fleet_window_t, switches)},
      {FLEET_TELEMETRY_SATURATED, cbor_put_u16 | cbor_unless_zero, offsetof(fleet_window_t, saturated)},
      {FLEET_TELEMETRY_STUCK, cbor_put_u16 | cbor_unless_zero, offsetof(fleet_window_t, stuck)},
      {FLEET_TELEMETRY_DROPPED_FRAMES, cbor_put_u16 | cbor_unless_zero, offsetof(fleet_window_t, dropped_frames)},
      {FLEET_TELEMETRY_INVALID, cbor_put_u16 | cbor_unless_zero, offsetof(fleet_window_t, invalid)},
      {FLEET_TELEMETRY_CYCLES_MEAN, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_window_t, cycles_mean)},
      {FLEET_TELEMETRY_CYCLES_MAX, cbor_put_u32 | cbor_unless_zero, offsetof(fleet_window_t, cycles_max)},
  };
  const fleet_window_t *w = &a->window;
  const fleet_platform_t *f = a->platform;
  const int32_t battery = f->battery != NULL ? f->battery(f->user) : -1;
  const uint32_t at = fleet_messages_open(a, out, sequence, a->uptime_ms);
  fleet_cbor_write_rows(out, FLEET_CBOR_ROWS(what), w);
  if (a->time_known) {
    fleet_cbor_field_wide(out, FLEET_TELEMETRY_START_UNIX_MS, (uint64_t)(a->unix_offset_ms + (int64_t)w->start_ms));
  }
  fleet_histogram_put(out, FLEET_TELEMETRY_CLASSES, w->counts, (uint32_t)w->classes * w->bins);
  if (w->bins != default_bins) fleet_cbor_field(out, FLEET_TELEMETRY_CONFIDENCE_BINS, w->bins);
  if (with_features && w->features != 0) put_features(out, w);
  if (w->ood_n != 0) fleet_histogram_put(out, FLEET_TELEMETRY_OOD, w->ood, ood_bins);
  fleet_cbor_write_rows(out, FLEET_CBOR_ROWS(counts), w);
  fleet_cbor_field(out, FLEET_TELEMETRY_ARENA_BYTES, a->runtime.arena_bytes);
  fleet_messages_stack(a, out, FLEET_TELEMETRY_STACK_BYTES);
  if (battery >= 0) fleet_cbor_field(out, FLEET_TELEMETRY_BATTERY_PERCENT, battery > 100 ? 100 : (uint32_t)battery);
  fleet_cbor_field(out, FLEET_TELEMETRY_RESETS, a->persist.boot_counter & UINT16_MAX);
  fleet_cbor_field(out, FLEET_TELEMETRY_FIRST_INDEX, w->first_index);
  if (w->picks != 0) fleet_cbor_field_bytes(out, FLEET_TELEMETRY_PICKS, w->pick, 4u * w->picks);
  fleet_messages_counters(a, out, FLEET_TELEMETRY_COUNTERS);
  fleet_cbor_map_close(out, at);
}

static uint32_t front_bytes(const fleet_agent_t *a) { return (uint32_t)a->queue[0] | (uint32_t)a->queue[1] << 8; }

static void drop_front(fleet_agent_t *a) {
  const uint32_t n = window_head + front_bytes(a);
  memmove(a->queue, a->queue + n, a->queue_used - n);
  a->queue_used = (uint16_t)(a->queue_used - n);
}

static void count_lost(fleet_agent_t *a, uint32_t n) {
  if (n == 0) return;
  fleet_agent_count_many(a, FLEET_LOSS_COUNTER_TELEMETRY_DROPPED, n);
  a->persist.windows_dropped += n; // saved with the next record: a loss is not worth an erase cycle of its own
}

static bool push_ring(fleet_agent_t *a, const uint8_t *data, uint32_t n) {
  const uint32_t lost = a->ring.lost;
  const bool taken = fleet_ring_push(&a->ring, data, n);
  count_lost(a, a->ring.lost - lost);
  return taken;
}

// Moves the oldest window in RAM to the ring. One in flight may then be sent twice, which the platform sees by its pair.
static void spill_front(fleet_agent_t *a) {
  a->sending_bytes = 0;
  if (!push_ring(a, a->queue + window_head, front_bytes(a))) count_lost(a, 1);
  drop_front(a);
}

void fleet_window_close(fleet_agent_t *a) {
  fleet_window_t *w = &a->window;
  if (!w->open) return;
  w->open = false;
  w->length_ms = a->uptime_ms - w->start_ms;
  if (w->n != 0) w->cycles_mean = (uint32_t)(w->cycles_sum / w->n);
  const uint32_t sequence = a->sequence++;
  a->windows_made++;
  for (bool with_features = true;;) {
    const uint32_t at = a->queue_used + window_head;
    if (at < FLEET_QUEUE_BYTES) {
      fleet_cbor_writer_t out = {a->queue + at, FLEET_QUEUE_BYTES - at, 0, false};
      encode(a, &out, sequence, with_features);
      if (!out.overflow) {
        a->queue[a->queue_used] = (uint8_t)out.used;
        a->queue[a->queue_used + 1] = (uint8_t)(out.used >> 8);
        a->queue_used = (uint16_t)(at + out.used);
        break;
      }
    }
    if (a->queue_used != 0) {
      spill_front(a);
    } else if (with_features) {
      with_features = false;
    } else {
      count_lost(a, 1);
      break;
    }
  }
  fleet_shadow_tell(a);
  // Without a session the window may have to survive a power cut.
  if (!a->session && a->ring.sectors != 0) {
    while (a->queue_used != 0) spill_front(a);
  }
}

uint32_t fleet_window_tick(fleet_agent_t *a) {
  fleet_window_t *w = &a->window;
  if (!w->open || !a->running) return never_ms;
  const uint32_t wait_ms = fleet_agent_until_uptime(a, w->start_ms + (uint64_t)a->window_s * 1000);
  if (a->inferring || (wait_ms != 0 && w->n < FLEET_WINDOW_MAX_N)) return wait_ms;
  fleet_window_close(a);
  restart(a, w);
  return 0; // what the new one waits for is told at once
}

// Oldest first: the ring, then RAM.
bool fleet_window_publish(fleet_agent_t *a) {
  const bool from_ring = a->ring.pending != 0;
  if (!from_ring && a->queue_used == 0) return false;
  fleet_cbor_writer_t w;
  fleet_mqtt_publish_begin(&a->mqtt, "telemetry", 1, &w);
  if (from_ring) {
    const uint32_t lost = a->ring.lost;
    const uint32_t n = w.overflow ? 0 : fleet_ring_peek(&a->ring, w.buffer + w.used, w.capacity - w.used);
    count_lost(a, a->ring.lost - lost);
    if (n == 0) return false;
    w.used += n;
  } else {
    fleet_cbor_raw(&w, a->queue + window_head, front_bytes(a));
  }
  if (!fleet_mqtt_publish_end(&a->mqtt, 1, &w)) return false;
  a->in_flight = from_ring ? in_flight_ring : in_flight_window;
  a->sending_lost = a->ring.lost;
  a->sending_bytes = (uint16_t)(from_ring ? 0 : front_bytes(a));
  return true;
}

void fleet_window_acked(fleet_agent_t *a) {
  if (a->in_flight == in_flight_ring) {
    // When the ring gave up sectors meanwhile, its oldest record is another one.
    if (a->sending_lost == a->ring.lost) fleet_ring_pop(&a->ring);
  } else if (a->sending_bytes != 0) {
    drop_front(a);
    a->sending_bytes = 0;
  }
}

void fleet_window_spill(fleet_agent_t *a) {
  if (a->window.open && a->window.n != 0) fleet_window_close(a);
  while (a->queue_used != 0) spill_front(a);
}

uint32_t fleet_agent_windows_pending(const fleet_agent_t *a) {
  uint32_t n = a->ring.pending;
  for (uint32_t at = 0; at < a->queue_used; n++) {
    at += window_head + ((uint32_t)a->queue[at] | (uint32_t)a->queue[at + 1] << 8);
  }
  return n;
}

void fleet_agent_count_dropped_frame(fleet_agent_t *a) { fleet_window_increment(&a->window.dropped_frames); }
