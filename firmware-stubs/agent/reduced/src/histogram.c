// Packed histogram, see fleet_histogram.h.
#include "fleet_histogram.h"

// Bit width, then the counts back to back, least significant bit first.
void fleet_histogram_put(fleet_cbor_writer_t *w, fleet_size_t key, const fleet_count_t *counts, fleet_size_t n) {
  uint32_t all = 0;
  for (fleet_size_t i = 0; i < n; i++) all |= counts[i];
  fleet_size_t width = 0;
  while (all >> width != 0) width++;
  fleet_cbor_key(w, key);
  fleet_cbor_head(w, cbor_bytes, 1 + (n * width + 7) / 8);
  uint32_t bits = width; // those that wait for a whole byte, at most 7 + 16
  fleet_size_t waiting = 8;
  for (fleet_size_t i = 0; waiting >= 8 || i < n;) {
    if (waiting >= 8) {
      fleet_cbor_byte(w, bits);
      bits >>= 8;
      waiting -= 8;
    } else {
      bits |= (uint32_t)counts[i++] << waiting;
      waiting += width;
    }
  }
  if (waiting != 0) fleet_cbor_byte(w, bits);
}
