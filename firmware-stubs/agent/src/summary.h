// A window as bits: the format of telemetry's key `packed` (docs/spec/wire.md, Packed window). Not for ports.
#ifndef FLEET_SUMMARY_H
#define FLEET_SUMMARY_H

#include "fleet_agent.h"
#include "fleet_cbor.h"

// Boot, build, schema and shape: windows that agree in these first bits can be added. The next 7 are of the sequence number.
enum { FLEET_SUMMARY_KIND_BITS = 177 };

// Appends the window as a byte string, its head included. The window's counts must add up to its numbers of values.
void fleet_summary_put(fleet_cbor_writer_t *w, fleet_window_t *window);

// Adds `n` packed bytes of a later window to one that is clear or of the same kind. False when they are no window or the sum would be
// more than a window holds: what is there is then worth nothing.
bool fleet_summary_add(fleet_window_t *window, const uint8_t *packed, uint32_t n);

void fleet_summary_clear(fleet_window_t *window);

#endif
