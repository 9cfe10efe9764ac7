// Shadow runs, see shadow.h and docs/spec/wire.md. The arena belongs to one model at a time, so the inputs are kept behind the
// arenas of both while the active one runs. The attempt record stays open as long as a shadow waits: nobody needs its
// answers, so three faulty resets are enough to give it up, however long it took.
#include "shadow.h"

#include <stddef.h>
#include <string.h>

#include "update.h"

enum { battery_floor_percent = 20 };

typedef char shadow_fits[sizeof(fleet_shadow_t) <= FLEET_SHADOW_BYTES ? 1 : -1];

bool fleet_shadow_able(const fleet_agent_t *a) {
  const fleet_agent_config_t *c = a->config;
  return c->shadow != NULL && c->shadow_bytes >= sizeof(fleet_shadow_t) && a->platform->flash_map != NULL &&
         fleet_agent_slots(c) == 2;
}

void fleet_shadow_enter(fleet_agent_t *a) {
  a->shadow_ready = false;
  a->update.state = FLEET_UPDATE_STATE_SHADOW;
  a->update.attempt_open = 1;
  fleet_agent_save(a); // the attempt is on record before the first run
}

// ---- what two models must have in common -------------------------------------------------------------------------------

static uint32_t load_16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }

static uint32_t load_32(const uint8_t *p) { return load_16(p) | load_16(p + 2) << 16; }

// The bundle was loaded, so its table of sections is sound.
static fleet_cbor_span_t front_end_of(const uint8_t *bundle) {
  const uint8_t *entry = bundle + load_16(bundle + FLEET_HEADER_HEADER_BYTES);
  for (uint32_t n = load_16(bundle + FLEET_HEADER_SECTION_COUNT); n != 0; n--, entry += FLEET_SECTION_ENTRY_RECORD_BYTES) {
    if (load_16(entry + FLEET_SECTION_ENTRY_TYPE) == FLEET_SECTION_FRONT_END) {
      return (fleet_cbor_span_t){bundle + load_32(entry + FLEET_SECTION_ENTRY_OFFSET),
                                 load_32(entry + FLEET_SECTION_ENTRY_LENGTH)};
    }
  }
  return (fleet_cbor_span_t){bundle, 0};
}

// Where the inputs are kept, from the arena's start.
static uint32_t keep_offset(const fleet_agent_t *a) {
  const uint32_t active = a->runtime.arena_bytes;
  const uint32_t shadow = fleet_shadow_of(a)->runtime.arena_bytes;
  return ((active > shadow ? active : shadow) + 15) & ~UINT32_C(15);
}

// Bytes of all inputs; 0 when the two models do not take the same ones.
static uint32_t common_input_bytes(const fleet_agent_t *a) {
  const fleet_runtime_t *shadow = &fleet_shadow_of(a)->runtime;
  const fleet_cbor_span_t own = front_end_of(a->bundle);
  const fleet_cbor_span_t other = front_end_of(fleet_shadow_of(a)->bundle);
  uint32_t bytes = 0;
  if (shadow->inputs != a->runtime.inputs || own.n != other.n || memcmp(own.at, other.at, own.n) != 0) return 0;
  for (uint32_t i = 0; i < a->runtime.inputs; i++) {
    fleet_tensor_t x;
    fleet_tensor_t y;
    (void)fleet_input(&a->runtime, i, &x);
    (void)fleet_input(shadow, i, &y);
    x.data = y.data = NULL; // each has its own place in the arena
    if (memcmp(&x, &y, sizeof x) != 0) return 0;
    bytes += x.bytes;
  }
  return bytes;
}

static const void *mapped(const fleet_agent_t *a) {
  const fleet_slot_record_t *slot = &a->persist.slots[a->update.target_slot];
  return a->platform->flash_map(a->platform->user, fleet_agent_slot_offset(a->config, a->update.target_slot), slot->bytes);
}

// detail: the arena that both would need, if it is that.
static int32_t cannot_run(fleet_agent_t *a, uint32_t detail) {
  a->job = job_none;
  a->update.attempt_open = a->update.attempts = 0;
  fleet_note_t *note = fleet_update_enter(a, FLEET_UPDATE_STATE_FAILED, fleet_err_agent_shadow_unavailable);
  note->detail = detail;
  note->has_detail = detail != 0;
  return 1;
}

int32_t fleet_shadow_load(fleet_agent_t *a) {
  const fleet_agent_config_t *c = a->config;
  fleet_shadow_t *s = fleet_shadow_of(a);
  if (!fleet_shadow_able(a)) return cannot_run(a, 0); // it was when it was staged
  memset(s, 0, sizeof *s);
  s->bundle = mapped(a);
  if (s->bundle == NULL) return cannot_run(a, 0);
  const fleet_memory_t memory = {s->bundle, a->persist.slots[a->update.target_slot].bytes, c->arena, c->arena_bytes,
                                 c->shadow_state, c->shadow_state_bytes};
  const int32_t result = fleet_load(&s->runtime, &memory, NULL);
  if (result == -(int32_t)fleet_err_bundle_state_too_small) return cannot_run(a, 0);
  if (result < 0) return result;
  const uint32_t input_bytes = common_input_bytes(a);
  if (input_bytes == 0) return cannot_run(a, 0);
  const uint32_t need = keep_offset(a) + input_bytes;
  return need > c->arena_bytes ? cannot_run(a, need) : 0;
}

void fleet_shadow_start(fleet_agent_t *a) {
  fleet_shadow_t *s = fleet_shadow_of(a);
  fleet_tensor_t output;
  (void)fleet_reset_state(&s->runtime);
  (void)fleet_output(&s->runtime, 0, &output);
  const uint32_t classes = output.classes > a->classes ? output.classes : a->classes;
  const uint32_t room = a->config->shadow_bytes - (uint32_t)offsetof(fleet_shadow_t, disagreed);
  s->classes = 0;
  if (classes <= UINT8_MAX && 2 * classes * classes <= room) {
    s->classes = (uint16_t)classes;
    memset(s->disagreed, 0, 2 * classes * classes);
  }
  s->cost_us = a->test_latency_us;
  a->shadow_ready = true;
  a->job = job_none;
  fleet_shadow_tell(a);
}

void fleet_shadow_tick(fleet_agent_t *a) {
  if (a->update.state != FLEET_UPDATE_STATE_SHADOW || a->shadow_ready || !a->running || a->inferring ||
      a->job != job_none) {
    return;
  }
  fleet_trial_job(a, job_check_shadow, a->update.target_slot);
}

// ---- runs ------------------------------------------------------------------------------------------------------------

// Copies all inputs of `rt` to or from the place where they are kept.
static void move_inputs(fleet_agent_t *a, const fleet_runtime_t *rt, bool keep) {
  uint8_t *at = (uint8_t *)a->config->arena + keep_offset(a);
  fleet_tensor_t input;
  for (uint32_t i = 0; fleet_input(rt, i, &input) == 0; i++) {
    memcpy(keep ? (void *)at : input.data, keep ? input.data : (void *)at, input.bytes);
    at += input.bytes;
  }
}

void fleet_shadow_keep(fleet_agent_t *a) {
  a->shadow_kept = false;
  const uint32_t every = a->persist.shadow_every;
  if (!a->shadow_ready || a->update.state != FLEET_UPDATE_STATE_SHADOW || every == 0 ||
      a->inference_index % every != 0) {
    return;
  }
  fleet_shadow_t *s = fleet_shadow_of(a);
  if (mapped(a) != s->bundle) {
    a->shadow_ready = false; // maybe because the bytes changed: it is checked from the start
    return;
  }
  const fleet_platform_t *f = a->platform;
  const int32_t battery = f->battery != NULL ? f->battery(f->user) : -1;
  if (((uint64_t)s->active_us + s->cost_us) * 2 > a->period_us || (battery >= 0 && battery < battery_floor_percent)) {
    s->cost_us -= s->cost_us / 8; // one slow run is forgotten in time
    s->skipped++;
    fleet_agent_count(a, FLEET_LOSS_COUNTER_SHADOW_SKIPPED);
    return;
  }
  move_inputs(a, &a->runtime, true);
  a->shadow_kept = true;
}

bool fleet_shadow_begin(fleet_agent_t *a, uint32_t predicted) {
  fleet_shadow_t *s = fleet_shadow_of(a);
  if (!a->shadow_ready) return false;
  s->active_us = fleet_model_elapsed_us(a);
  if (!a->shadow_kept || a->update.state != FLEET_UPDATE_STATE_SHADOW) return false; // or its slot is written by now
  a->shadow_kept = false;
  s->expected = (uint16_t)predicted;
  move_inputs(a, &s->runtime, false);
  fleet_model_started(a);
  a->shadowing = fleet_begin(&s->runtime) == 0;
  return a->shadowing;
}

void fleet_shadow_finish(fleet_agent_t *a) {
  fleet_shadow_t *s = fleet_shadow_of(a);
  fleet_tensor_t output;
  fleet_inference_t inference = {0};
  (void)fleet_output(&s->runtime, 0, &output);
  fleet_model_classify(&output, &inference);
  s->cost_us = fleet_model_elapsed_us(a);
  s->runs++;
  if (inference.predicted == s->expected) {
    s->agreed++;
  } else if (inference.predicted < s->classes && s->expected < s->classes) {
    uint16_t *cell = &s->disagreed[s->expected * s->classes + inference.predicted];
    if (*cell < UINT16_MAX) (*cell)++;
  }
}

// ---- telling -----------------------------------------------------------------------------------------------------------

void fleet_shadow_tell(fleet_agent_t *a) {
  if (!a->shadow_ready || a->update.state != FLEET_UPDATE_STATE_SHADOW) return;
  // The counters are written when the message is sent, so one that waits will tell these as well.
  if (a->note_count > (a->in_flight == in_flight_note) &&
      fleet_report_at(a, a->note_count - 1u)->update_state == FLEET_UPDATE_STATE_SHADOW) {
    return;
  }
  (void)fleet_report_note(a);
  if (a->asleep) a->asleep_notes = a->note_count; // no reason to come early
}

void fleet_shadow_field(const fleet_agent_t *a, fleet_cbor_writer_t *w) {
  static const FLEET_CONST_MEMORY fleet_cbor_put_t rows[] = {
      {FLEET_SHADOW_COUNTERS_RUNS, cbor_put_u32, offsetof(fleet_shadow_t, runs)},
      {FLEET_SHADOW_COUNTERS_AGREED, cbor_put_u32, offsetof(fleet_shadow_t, agreed)},
  };
  const fleet_shadow_t *s = fleet_shadow_of(a);
  const uint32_t matrix_bytes = 2u * s->classes * s->classes;
  fleet_cbor_key(w, FLEET_STATE_SHADOW);
  const uint32_t at = fleet_cbor_map_open(w);
  fleet_cbor_write_rows(w, FLEET_CBOR_ROWS(rows), s);
  // Behind it: its own head and that of the skipped runs, attempts, detail.
  if (s->runs != s->agreed && matrix_bytes != 0 && w->capacity - w->used >= matrix_bytes + 24) {
    fleet_cbor_key(w, FLEET_SHADOW_COUNTERS_DISAGREED);
    fleet_cbor_head(w, cbor_bytes, matrix_bytes);
    for (uint32_t i = 0; i < matrix_bytes / 2; i++) {
      const uint8_t cell[2] = {(uint8_t)s->disagreed[i], (uint8_t)(s->disagreed[i] >> 8)};
      fleet_cbor_raw(w, cell, 2);
    }
  }
  if (s->skipped != 0) fleet_cbor_field(w, FLEET_SHADOW_COUNTERS_SKIPPED, s->skipped);
  fleet_cbor_map_close(w, at);
}

bool fleet_shadow_rate(fleet_agent_t *a, uint32_t every) {
  if (a->update.state != FLEET_UPDATE_STATE_SHADOW || every > UINT16_MAX) return false;
  a->persist.shadow_every = (uint16_t)every;
  fleet_agent_save(a);
  fleet_shadow_tell(a);
  return true;
}
