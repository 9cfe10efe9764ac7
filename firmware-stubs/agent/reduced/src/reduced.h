// What the files of the reduced agent share: reduced.c steps and talks, update.c keeps the states, records.c remembers, model.c loads
// and runs. Not public.
#ifndef FLEET_REDUCED_PRIVATE_H
#define FLEET_REDUCED_PRIVATE_H

#include <string.h>

#include "fleet_reduced.h"
#include "fleet_sha256.h"

enum { in_flight_none = 0, in_flight_hello, in_flight_note, in_flight_window };

// records.c
// Reads the newest record, or the empty state. What it read may be used after the next save only.
void reduced_records_open(fleet_reduced_t *agent);
// One record: after true it survives a cut, after a cut inside either the state before it or this one is read.
bool reduced_save(fleet_reduced_t *agent);

// reduced.c
void reduced_count(fleet_reduced_t *agent, uint8_t kind); // FLEET_LOSS_COUNTER_*
// A state message about the update, made now and sent when the link allows.
fleet_reduced_note_t *reduced_note(fleet_reduced_t *agent, uint8_t update_state, uint16_t error);

// update.c
void reduced_boot(fleet_reduced_t *agent);
void reduced_desired(fleet_reduced_t *agent, fleet_cbor_span_t message);
void reduced_chunk(fleet_reduced_t *agent, fleet_cbor_span_t message);
// Trial, check of the active slot, end of a soak: whichever is due.
void reduced_work(fleet_reduced_t *agent);

// model.c
typedef struct {
  uint16_t offset, length;
} reduced_section_t;
typedef struct {
  fleet_runtime_t rt; // of which kernels use bundle, arena and constants
  reduced_section_t plan, golden, step_crcs; // in the bundle
  reduced_section_t input, output;           // in the arena
  uint16_t arena_bytes, constants_bytes;
  uint8_t steps, golden_count;
  uint8_t classes; // of an output that names classes, else 0
} reduced_model_t;
// Reads a bundle and checks what running it follows: sections, records, operands inside their spaces, contract, golden vectors. Whatever
// the bytes are, it reads none outside. Of shapes, multipliers and shifts the compiler is trusted, so what is run must have the digest
// that a MAC vouched for. 0, or an error of area 3 or 6 negated.
int32_t reduced_load(reduced_model_t *model, const FLEET_CONST_MEMORY uint8_t *bundle, uint16_t bytes, void *arena);
// Runs the plan on the input in the arena. With `crcs` runtime.step-mismatch, and the step.
int32_t reduced_run(const fleet_reduced_t *agent, const reduced_model_t *model, const FLEET_CONST_MEMORY uint8_t *crcs, uint8_t *failed);
// All golden vectors in order. 0, runtime.step-mismatch or runtime.golden-mismatch; says where.
int32_t reduced_self_test(const fleet_reduced_t *agent, const reduced_model_t *model, uint8_t *vector, uint8_t *step);
// CRC-32 of the bundle's monitors, 0 without.
uint32_t reduced_schema(const FLEET_CONST_MEMORY uint8_t *bundle);

#endif
