// Monitors that a command puts in the place of the bundle's (docs/spec/wire.md, Commands): which of those that the bundle names are
// summarized, and over which edges. They hold until the next boot, for the build that they were made for.
#include <stddef.h>
#include <string.h>

#include "agent.h"

enum { at_index = 0, at_bins = 1, at_centre = 2, at_edges = 4, max_bins = 16 };

static int32_t load_i16(const uint8_t *p) { return (int16_t)((uint32_t)p[0] | (uint32_t)p[1] << 8); }

static uint32_t count_of(const fleet_agent_t *a) {
  return memcmp(a->edges.build, a->persist.slots[a->model_slot].digest, sizeof a->edges.build) == 0 ? a->edges.count : 0;
}

bool fleet_edges_monitor(const fleet_agent_t *a, uint32_t index, fleet_monitor_t *monitor) {
  if (fleet_monitor(&a->runtime, index, monitor) < 0) return false;
  const uint32_t count = count_of(a);
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *m = a->edges.monitors + i * FLEET_EDGES_BYTES;
    if (m[at_index] != index) continue;
    monitor->bins = m[at_bins];
    monitor->centre = (int16_t)load_i16(m + at_centre);
    monitor->edges = m + at_edges;
    return true;
  }
  return count == 0;
}

uint32_t fleet_edges_schema(const fleet_agent_t *a) {
  return fleet_crc32(fleet_monitors_crc(&a->runtime), a->edges.monitors, count_of(a) * (uint32_t)FLEET_EDGES_BYTES);
}

// Indices rise, so that none is there twice and the same monitors have one schema.
static bool valid(const fleet_agent_t *a, const uint8_t *monitors, uint32_t count) {
  uint32_t features = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *m = monitors + i * FLEET_EDGES_BYTES;
    fleet_monitor_t of;
    if (fleet_monitor(&a->runtime, m[at_index], &of) < 0 || of.kind == FLEET_MONITOR_KIND_CLASSES) return false;
    if (i != 0 && m[at_index] <= m[at_index - FLEET_EDGES_BYTES]) return false;
    if (m[at_bins] < 2 || m[at_bins] > max_bins) return false;
    for (uint32_t b = 0; b + 2 < max_bins; b++) {
      if (load_i16(m + at_edges + 2 * b) > load_i16(m + at_edges + 2 * b + 2)) return false;
    }
    for (uint32_t b = m[at_bins] - 1u; b + 1 < max_bins; b++) {
      if (load_i16(m + at_edges + 2 * b) != INT16_MAX) return false;
    }
    features += of.kind == FLEET_MONITOR_KIND_FEATURE;
  }
  return features <= FLEET_WINDOW_FEATURES;
}

bool fleet_edges_set(fleet_agent_t *a, fleet_cbor_span_t data) {
  typedef struct {
    fleet_cbor_span_t build;
    fleet_cbor_span_t monitors;
  } new_t;
  static const FLEET_CONST_MEMORY fleet_cbor_row_t rows[] = {
      {FLEET_NEW_EDGES_BUILD, cbor_row_bytes, 8, 8, offsetof(new_t, build)},
      {FLEET_NEW_EDGES_MONITORS, cbor_row_bytes, 0, sizeof ((fleet_edges_t *)0)->monitors, offsetof(new_t, monitors)},
  };
  const uint32_t required = 1u << FLEET_NEW_EDGES_BUILD | 1u << FLEET_NEW_EDGES_MONITORS;
  new_t given;
  if (!a->running || (fleet_cbor_read_map(data, FLEET_CBOR_ROWS(rows), &given) & required) != required) return false;
  const uint32_t count = given.monitors.n / FLEET_EDGES_BYTES;
  if (memcmp(given.build.at, a->persist.slots[a->model_slot].digest, 8) != 0 ||
      given.monitors.n % FLEET_EDGES_BYTES != 0 || !valid(a, given.monitors.at, count)) {
    return false;
  }
  a->edges.count = (uint8_t)count;
  a->settings.edges = count == 0 ? 0 : fleet_crc32(0, data.at, data.n);
  memcpy(a->edges.build, given.build.at, sizeof a->edges.build);
  if (count != 0) memcpy(a->edges.monitors, given.monitors.at, given.monitors.n);
  fleet_window_open(a); // closes the one of another schema
  return true;
}
