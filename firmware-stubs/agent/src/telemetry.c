// One window's summary: filled by inferences, encoded once when it closes (docs/spec/wire.md, telemetry), then only
// carried: in RAM while the link is up, in the flash ring when it is not. What cannot be kept is counted.
#include <stddef.h>
#include <string.h>

#include "shadow.h"
#include "summary.h"

enum {
  default_bins = 8,
  ood_bins = 16,
  window_head = 2,
  day_ms = 86400000,
  default_early_bytes = 7200, // a day: 24 of the largest with 4 classes
  most_thin = 15, // 2^15 inferences for one: 4,095 of them are a week at 200 a second
};

void fleet_window_increment(uint16_t *count) {
  if (*count < UINT16_MAX) (*count)++;
}

// Whether the inference under way is summarized.
bool fleet_window_takes(const fleet_agent_t *a) {
  const fleet_window_t *w = &a->window;
  return w->open && w->n < FLEET_WINDOW_MAX_N && (a->inference_index & ((UINT32_C(1) << a->thin) - 1)) == 0;
}

// A feature whose elements are values each takes those of every n-th inference, so that a window of its whole length holds them. One
// inference with more than a window's values is cut off.
static uint32_t stride_of(const fleet_agent_t *a, const fleet_monitor_t *monitor) {
  if (monitor->reduction != FLEET_REDUCTION_EACH || monitor->count < 2) return 1;
  const uint32_t held = monitor->count < FLEET_WINDOW_MAX_N ? FLEET_WINDOW_MAX_N / monitor->count : 1; // inferences
  const uint64_t expected = (uint64_t)a->window_s * 1000000 / a->period_us + 1;
  return ((expected < FLEET_WINDOW_MAX_N ? (uint32_t)expected : (uint32_t)FLEET_WINDOW_MAX_N) + held - 1) / held;
}

// As many confidence bins as the bundle's monitor of the classes asks for: 8, or 16 where the area under the ROC curve is wanted.
static uint32_t bins_of(const fleet_agent_t *a) {
  fleet_monitor_t monitor;
  for (uint32_t i = 0; fleet_monitor(&a->runtime, i, &monitor) >= 0; i++) {
    if (monitor.kind == FLEET_MONITOR_KIND_CLASSES) return monitor.bins; // 1 to 16
  }
  return default_bins;
}

static void describe_model(const fleet_agent_t *a, fleet_window_t *w) {
  const bool classifies = a->classes >= 2 && a->classes <= FLEET_WINDOW_CELLS;
  memcpy(w->build, a->persist.slots[a->model_slot].digest, sizeof w->build);
  w->schema = fleet_edges_schema(a);
  w->classes = classifies ? a->classes : 1;
  const uint32_t room = FLEET_WINDOW_CELLS / w->classes;
  const uint32_t bins = classifies ? bins_of(a) : 1;
  w->bins = (uint8_t)(bins < room ? bins : room);
  w->features = 0;
  for (uint32_t i = 0; i < a->runtime.monitor_count; i++) {
    fleet_monitor_t monitor;
    if (!fleet_edges_monitor(a, i, &monitor)) continue;
    w->has_ood |= monitor.kind == FLEET_MONITOR_KIND_OOD;
    if (monitor.kind == FLEET_MONITOR_KIND_FEATURE && w->features < FLEET_WINDOW_FEATURES) {
      fleet_feature_t *f = &w->feature[w->features++];
      f->monitor = (uint8_t)i;
      f->stride = (uint16_t)stride_of(a, &monitor); // <= 4,095
    }
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

// Called when a model takes over, or edges. A window never spans two builds or two schemas.
void fleet_window_open(fleet_agent_t *a) {
  fleet_window_t *w = &a->window;
  const bool same_build = memcmp(w->build, a->persist.slots[a->model_slot].digest, sizeof w->build) == 0;
  if (w->open && same_build && w->schema == fleet_edges_schema(a)) return;
  memset(&a->watch, 0, sizeof a->watch);
  if (w->open) fleet_window_close(a);
  restart(a, w);
}

void fleet_window_monitor(void *user, uint32_t index, int32_t value) {
  fleet_agent_t *a = user;
  fleet_window_t *w = &a->window;
  fleet_monitor_t monitor;
  if (!fleet_window_takes(a) || !fleet_edges_monitor(a, index, &monitor)) return;
  const uint32_t bin = fleet_monitor_bin(&monitor, value);
  if (monitor.kind == FLEET_MONITOR_KIND_OOD) {
    fleet_watch_value(a, FLEET_WINDOW_FEATURES, &monitor, value);
    if (bin > a->ood_bin) a->ood_bin = (uint8_t)bin;
    if (bin < ood_bins && w->ood_n < FLEET_WINDOW_MAX_N) {
      w->ood[bin]++;
      w->ood_n++;
    }
    return;
  }
  for (uint32_t i = 0; i < w->features; i++) {
    fleet_feature_t *f = &w->feature[i];
    if (f->monitor != index || bin >= 16) continue;
    if (w->n % f->stride != 0) return;
    fleet_watch_value(a, i, &monitor, value);
    if (f->n == FLEET_WINDOW_MAX_N) return; // one inference alone may have more values
    const int32_t delta = value - monitor.centre; // int16 - int16
    f->histogram[bin]++;
    f->n++;
    f->sum += delta;
    f->sum_squares += (uint64_t)((int64_t)delta * delta); // < 2^32 * 2^12
    if (f->n == 1 || value < f->min) f->min = (int16_t)value;
    if (f->n == 1 || value > f->max) f->max = (int16_t)value;
    return;
  }
}

void fleet_window_add(const fleet_agent_t *a, fleet_window_t *w, const fleet_inference_t *inference) {
  if (!fleet_window_takes(a)) return;
  const uint32_t class_index = inference->predicted < w->classes ? inference->predicted : 0;
  const uint32_t bin = inference->confidence * w->bins / 256; // confidence <= 255, so bin < bins
  w->counts[class_index * w->bins + bin]++;
  if (a->model_runs != 0 && class_index != w->last_class) fleet_window_increment(&w->switches);
  w->last_class = (uint16_t)class_index;
  const uint32_t offset = inference->index - w->first_index;
  if (a->pick_every != 0 && inference->index % a->pick_every == 0 && w->picks < FLEET_WINDOW_PICKS && w->classes > 1 &&
      offset <= UINT16_MAX) {
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

static uint32_t units(uint32_t bytes) { return bytes / 16 + (bytes % 16 != 0); }

// Of a message: what the summary may take, and what is left of it for the rest.
static uint32_t limit_of(const fleet_window_t *w) {
  const uint32_t limit = FLEET_SUMMARY_BYTES + (uint32_t)w->classes * w->bins;
  return limit < FLEET_SUMMARY_MOST ? limit : (uint32_t)FLEET_SUMMARY_MOST;
}

// Picks and losses, which later messages tell as well, have the room that the summary leaves.
static void encode(fleet_agent_t *a, fleet_cbor_writer_t *out) {
  fleet_window_t *w = &a->window;
  const fleet_platform_t *f = a->platform;
  const int32_t battery = f->battery != NULL ? f->battery(f->user) : -1;
  w->boot_id = a->boot_id;
  if (a->time_known) w->unix_ms = (uint64_t)(a->unix_offset_ms + (int64_t)w->end_ms);
  w->arena_units = units(a->runtime.arena_bytes);
  w->stack_units = f->stack_bytes != NULL ? units(f->stack_bytes(f->user)) : 0;
  w->battery = (uint8_t)(battery < 0 ? 127 : battery > 100 ? 100 : battery);
  const uint32_t from = out->used;
  const uint32_t limit = limit_of(w);
  const uint32_t at = fleet_cbor_map_open(out);
  fleet_cbor_field(out, FLEET_ENVELOPE_COMPONENT, FLEET_COMPONENT_MODEL);
  fleet_cbor_key(out, FLEET_TELEMETRY_PACKED);
  fleet_summary_put(out, w);
  const uint32_t left = limit - (out->used - from);
  const uint32_t room = left < 5 ? 0 : (left - 4) / 4; // key and head, then 4 bytes each
  const uint32_t picks = w->picks < room ? w->picks : room;
  if (picks != 0) fleet_cbor_field_bytes(out, FLEET_TELEMETRY_PICKS, w->pick, 4 * picks);
  const uint32_t before = out->used;
  fleet_messages_counters(a, out, FLEET_TELEMETRY_COUNTERS);
  if (out->used - from > limit) out->used = before;
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
  const uint16_t merged = a->ring.merged;
  const bool taken = fleet_ring_push(&a->ring, data, n);
  count_lost(a, a->ring.lost - lost);
  fleet_agent_count_many(a, FLEET_LOSS_COUNTER_TELEMETRY_MERGED, (uint16_t)(a->ring.merged - merged));
  return taken;
}

// Moves the oldest window in RAM to the ring. One in flight may then be sent twice, which the platform sees by its pair.
static void spill_front(fleet_agent_t *a) {
  const bool sent = a->sending_bytes != 0; // the ring was empty then
  a->sending_bytes = 0;
  if (!push_ring(a, a->queue + window_head, front_bytes(a))) count_lost(a, 1);
  a->ring.peeked |= sent;
  drop_front(a);
}

uint32_t fleet_window_close(fleet_agent_t *a) {
  fleet_window_t *w = &a->window;
  uint32_t bytes = 0;
  if (!w->open) return bytes;
  w->open = false;
  w->end_ms = a->uptime_ms;
  const uint64_t length_ms = w->end_ms - w->start_ms;
  w->length_ms = length_ms < FLEET_WINDOW_MAX_MS ? (uint32_t)length_ms : (uint32_t)FLEET_WINDOW_MAX_MS; // nobody has stepped it in time
  if (w->n != 0) w->cycles_mean = (uint32_t)(w->cycles_sum / w->n);
  w->sequence = a->sequence++;
  a->windows_made++;
  for (;;) {
    const uint32_t at = a->queue_used + window_head;
    const uint32_t room = at < FLEET_QUEUE_BYTES ? FLEET_QUEUE_BYTES - at : 0;
    fleet_cbor_writer_t out = {a->queue + (FLEET_QUEUE_BYTES - room), room, 0, false};
    encode(a, &out);
    if (!out.overflow) {
      a->queue[a->queue_used] = (uint8_t)out.used;
      a->queue[a->queue_used + 1] = (uint8_t)(out.used >> 8);
      a->queue_used = (uint16_t)(at + out.used);
      bytes = out.used;
      break;
    }
    spill_front(a); // an empty queue takes any window
  }
  fleet_shadow_tell(a);
  // Without a session the window may have to survive a power cut.
  if (!a->session && a->ring.sectors != 0) {
    while (a->queue_used != 0) spill_front(a);
  }
  return bytes;
}

// Windows that close before their length is over come out of a budget, largest message by largest message: whatever moves, and however
// fast the model runs, a day costs no more bytes than that and its whole windows.
static bool affords_early(fleet_agent_t *a) {
  if (now_ms(a) - a->early_day_ms >= day_ms) {
    a->early_day_ms = now_ms(a);
    a->early_left = a->config->early_bytes == 0 ? (uint32_t)default_early_bytes : a->config->early_bytes;
  }
  return a->early_left >= limit_of(&a->window);
}

// One that was held although it was full takes fewer inferences the next time, spread over its length.
static void thin_out(fleet_agent_t *a) {
  const fleet_window_t *w = &a->window;
  if (w->held) fleet_agent_count(a, FLEET_LOSS_COUNTER_TELEMETRY_HELD);
  if (w->n == FLEET_WINDOW_MAX_N) {
    if (a->thin < most_thin) a->thin++;
  } else if (w->n < FLEET_WINDOW_MAX_N / 4 && a->thin != 0) {
    a->thin--;
  }
}

uint32_t fleet_window_tick(fleet_agent_t *a) {
  fleet_window_t *w = &a->window;
  if (!w->open) return never_ms;
  const uint32_t whole_ms = fleet_agent_until_uptime(a, w->start_ms + (uint64_t)a->window_s * 1000);
  if (whole_ms == 0) {
    if (a->inferring) return 0;
    thin_out(a);
    fleet_watch_window(a);
    fleet_window_close(a);
  } else {
    const uint32_t wait_ms = fleet_agent_until_uptime(a, w->start_ms + (uint64_t)fleet_watch_window_s(a) * 1000);
    if (a->inferring || (wait_ms != 0 && w->n < FLEET_WINDOW_MAX_N)) return wait_ms;
    if (!affords_early(a)) {
      w->held = true;
      return whole_ms;
    }
    fleet_watch_window(a);
    a->early_left -= fleet_window_close(a);
  }
  if (!a->running) return never_ms; // the next model opens one
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
  a->sending_epoch = a->ring.epoch;
  a->sending_bytes = (uint16_t)(from_ring ? 0 : front_bytes(a));
  return true;
}

void fleet_window_acked(fleet_agent_t *a) {
  if (a->in_flight == in_flight_ring) {
    if (a->sending_epoch == a->ring.epoch) fleet_ring_pop(&a->ring);
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
