// Histograms as telemetry packs them (docs/spec/wire.md, Telemetry).
#ifndef FLEET_HISTOGRAM_H
#define FLEET_HISTOGRAM_H

#include <stdint.h>

#include "fleet_cbor.h"

#ifdef FLEET_PROFILE_REDUCED
typedef uint8_t fleet_count_t;
#else
typedef uint16_t fleet_count_t;
#endif

// A field of n counts, each in the bits of the largest.
void fleet_histogram_put(fleet_cbor_writer_t *w, fleet_size_t key, const fleet_count_t *counts, fleet_size_t n);

#endif
