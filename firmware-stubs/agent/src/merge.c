// Makes room in a full ring: up to four neighbouring windows of the oldest sector that can be added become one. Not for other
// records: a sector without windows is left to be given up.
#include <string.h>

#include "ring.h"
#include "summary.h"

enum {
  most = 4,
  kind_bytes = FLEET_SUMMARY_KIND_BITS / 8,
  record_bytes = FLEET_SUMMARY_MOST, // a whole message
};

static const uint32_t alone = UINT32_C(1) << 31; // in a record's number: never merged again

typedef struct {
  fleet_ring_t *ring;
  uint32_t sector;
  uint32_t from; // the group begins here
  uint32_t to;   // and ends here
  uint32_t count;
  uint32_t flags;
  uint32_t bytes; // of its last record, as it was read
} group_t;

// The packed window of a message: {1: component, 6: packed, ...}.
static bool packed_of(const uint8_t *message, uint32_t n, fleet_cbor_span_t *packed) {
  fleet_cbor_reader_t r;
  fleet_cbor_item_t item;
  fleet_cbor_reader_init(&r, message, n);
  if (!fleet_cbor_next(&r, &item) || item.major != cbor_map || !fleet_cbor_skip(&r) || !fleet_cbor_skip(&r) ||
      !fleet_cbor_next(&r, &item) || item.value != FLEET_TELEMETRY_PACKED || !fleet_cbor_next(&r, &item) ||
      item.major != cbor_bytes || item.value < kind_bytes) {
    return false;
  }
  *packed = (fleet_cbor_span_t){item.data, (uint32_t)item.value};
  return true;
}

// Adds up what waits from `from` to before `to`. False when that is no one window. One that may have been delivered without our
// hearing of it keeps its own number, by which the platform knows a second one.
static bool gather(group_t *g, uint32_t to, fleet_window_t *sum, uint8_t bytes[record_bytes]) {
  uint8_t kind[kind_bytes];
  g->count = g->flags = 0;
  fleet_summary_clear(sum);
  for (uint32_t at = g->from; at < to;) {
    fleet_record_t record = {.dst = bytes, .capacity = record_bytes};
    const uint32_t begin = at;
    bool waits;
    if (!fleet_ring_read(g->ring, g->sector, &at, &record, &waits) || !waits) continue;
    const fleet_ring_t *r = g->ring;
    if (record.number >> 31 != 0 || (r->peeked && r->tail == g->sector && r->tail_at == begin)) g->flags = alone;
    g->bytes = record.n;
    fleet_cbor_span_t packed;
    if (!packed_of(bytes, record.n, &packed)) return false;
    if (g->count == 0) memcpy(kind, packed.at, sizeof kind);
    g->count++;
    if (g->count > most || (g->count > 1 && g->flags != 0) || memcmp(kind, packed.at, sizeof kind) != 0 ||
        !fleet_summary_add(sum, packed.at, packed.n)) {
      return false;
    }
  }
  return g->count != 0;
}

static uint32_t write_group(const group_t *g, uint32_t generation, fleet_window_t *sum, uint8_t bytes[record_bytes]) {
  fleet_cbor_writer_t w = {bytes, record_bytes, g->bytes, g->bytes > record_bytes}; // one alone stays as it was
  if (g->count != 1) {
    w.used = 0;
    fleet_cbor_head(&w, cbor_map, 2);
    fleet_cbor_field(&w, FLEET_ENVELOPE_COMPONENT, FLEET_COMPONENT_MODEL);
    fleet_cbor_key(&w, FLEET_TELEMETRY_PACKED);
    fleet_summary_put(&w, sum);
  }
  // Room for the record that ends it all stays free.
  const uint32_t room = g->ring->sector_bytes - g->ring->head_used;
  const uint32_t bytes_of = fleet_record_size(g->ring->flash, w.used) + g->ring->flash->geometry.unit_bytes;
  if (w.overflow || bytes_of + fleet_record_size(g->ring->flash, 0) > room) return 0;
  return fleet_ring_append(g->ring, generation | g->flags, bytes, w.used);
}

void fleet_ring_rescue(fleet_ring_t *r) {
  group_t g = {.ring = r, .sector = fleet_ring_oldest(r), .from = r->first};
  fleet_window_t sum;
  uint8_t bytes[record_bytes];
  const uint32_t generation = fleet_ring_generation(r, g.sector);
  const uint32_t head_used = r->head_used;
  uint32_t written = 0, lost = 0, merged = 0;
  // What lies before the tail was delivered, also where its mark could not be programmed.
  if (generation == 0 || generation >> 31 != 0 || r->tail != g.sector) return;
  g.from = r->tail_at;
  g.to = g.from;
  for (uint32_t at = g.from;;) {
    const bool more = at < r->sector_bytes;
    const uint32_t begin = at;
    bool waits = false;
    if (more) {
      fleet_record_t record = {.capacity = UINT16_MAX};
      if (!fleet_ring_read(r, g.sector, &at, &record, &waits) || !waits) continue;
      if (gather(&g, at, &sum, bytes)) {
        g.to = at;
        continue;
      }
    }
    // What was gathered before this record is a group, and this record begins the next one.
    if (gather(&g, g.to, &sum, bytes)) {
      const uint32_t done = write_group(&g, generation, &sum, bytes);
      written += done;
      merged += done * (g.count - 1);
      lost += (1 - done) * (sum.merged + 1u);
    }
    if (!more) break;
    g.from = begin;
    g.to = gather(&g, at, &sum, bytes) ? at : begin;
    if (g.to == begin) {
      lost++;
      g.from = g.to = at;
    }
  }
  if (written == 0 || !fleet_ring_replace(r, head_used, written)) return;
  r->lost += lost;
  r->merged = (uint16_t)(r->merged + merged);
}

uint32_t fleet_ring_windows(fleet_ring_t *r, uint32_t sector, uint32_t records) {
  group_t g = {.ring = r, .sector = sector, .from = r->tail_at};
  fleet_window_t sum;
  uint8_t bytes[record_bytes];
  for (uint32_t at = g.from; at < r->sector_bytes; g.from = at) {
    fleet_record_t record = {.capacity = UINT16_MAX};
    bool waits;
    if (fleet_ring_read(r, sector, &at, &record, &waits) && waits && gather(&g, at, &sum, bytes)) records += sum.merged;
  }
  return records;
}
