// The component firmware: from a manifest to an image that runs and is kept, or to the old one again.
//
// The image is fetched as a bundle is, into the port's other slot, and started by the boot loader on trial. It must then load
// the model there is, pass that model's golden vectors and reach the platform: firmware that computes otherwise or finds no
// network is no firmware for this device. Then it soaks like a model, and only then it is confirmed: an image that dies before
// its agent counts anything is caught by the boot loader up to the end.
//
// Order, for a cut anywhere. The record of a trial precedes `activate`; a boot tells by the running image's digest whether the
// switch took place. `confirm` precedes the record that the soak is over: confirmed twice is confirmed. Going back is on record (an error
// in an open trial or soak) before `revert`, and is told by the firmware that remains. So what is reported is what runs.
#include "firmware.h"

#ifndef FLEET_WITHOUT_FIRMWARE

#include <string.h>

#include "fleet_bundle.h"

enum { patience_default_s = 3600, retry_ms = 1000 };

static const fleet_firmware_port_t *port_of(const fleet_agent_t *a) { return a->config->firmware; }

bool fleet_firmware_able(const fleet_agent_t *a) { return port_of(a) != NULL; }

fleet_slot_record_t *fleet_firmware_target(fleet_agent_t *a) {
  return &a->persist.firmware[a->update.state != FLEET_UPDATE_STATE_ACTIVE];
}

static void forget_partial(fleet_slot_record_t *slot) {
  if (slot->state == FLEET_SLOT_STATE_PARTIAL) memset(slot, 0, sizeof *slot);
}

void fleet_firmware_forget(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  if (fleet_firmware_is_target(a)) {
    forget_partial(&p->slots[0]);
    forget_partial(&p->slots[1]);
  } else {
    forget_partial(&p->firmware[1]);
  }
}

int32_t fleet_firmware_write(fleet_agent_t *a, uint32_t offset, const void *src, uint32_t n) {
  const fleet_firmware_port_t *f = port_of(a);
  int32_t result = offset == 0 ? f->begin(f->user, fleet_update_target(a)->bytes) : 0;
  if (result >= 0) result = f->write(f->user, offset, src, n);
  return result < 0 ? -(int32_t)fleet_err_agent_firmware_failed : 0;
}

int32_t fleet_firmware_read(fleet_agent_t *a, uint32_t offset, void *dst, uint32_t n) {
  const fleet_firmware_port_t *f = port_of(a);
  return f->read(f->user, offset, dst, n) < 0 ? -(int32_t)fleet_err_agent_firmware_failed : 0;
}

uint32_t fleet_firmware_sector(const fleet_agent_t *a) { return port_of(a)->sector_bytes; }

// ---- deciding ----------------------------------------------------------------------------------------------------------

// The conditions of firmware say what models find on it: the one that is here has to go on.
static bool runs_model(fleet_agent_t *a, const fleet_manifest_t *m) {
  uint8_t head[FLEET_HEADER_OWN_OP_SET + 8];
  if (!a->running) return true;
  if (fleet_slot_read(a, a->model_slot, 0, head, sizeof head) < 0) return false;
  const uint32_t major = (uint32_t)(head[FLEET_HEADER_ABI_MAJOR] | head[FLEET_HEADER_ABI_MAJOR + 1] << 8);
  const uint32_t minor = (uint32_t)(head[FLEET_HEADER_ABI_MINOR] | head[FLEET_HEADER_ABI_MINOR + 1] << 8);
  return major == m->abi >> 16 && minor <= (m->abi & 0xffff) && a->runtime.arena_bytes <= m->arena_bytes &&
         a->runtime.state_bytes <= m->state_bytes &&
         fleet_accept_bits(head + FLEET_HEADER_OP_SET, 32, m->op_set.at, m->op_set.n) &&
         fleet_accept_bits(head + FLEET_HEADER_OWN_OP_SET, 8, m->own_op_set.at, m->own_op_set.n);
}

int32_t fleet_firmware_judge(fleet_agent_t *a, const fleet_manifest_t *m) {
  int32_t result = fleet_accept_sequence(a, m);
  if (result == 0) result = fleet_accept_version(a, m);
  if (result < 0) return result;
  if (m->size > port_of(a)->slot_bytes) return -(int32_t)fleet_err_manifest_slot_too_small;
  return runs_model(a, m) ? 0 : -(int32_t)fleet_err_manifest_firmware_incompatible;
}

int32_t fleet_firmware_decide(fleet_agent_t *a, const fleet_desired_t *d, const fleet_manifest_t *m, bool runs) {
  fleet_persist_t *p = &a->persist;
  const uint32_t state = a->update.state;
  const fleet_slot_record_t *target = fleet_update_target(a);
  const bool again = fleet_firmware_is_target(a) && d->deployment == p->deployment && fleet_update_holds(target, m);
  if (state >= FLEET_UPDATE_STATE_VERIFIED && state <= FLEET_UPDATE_STATE_SOAK) {
    if (again) {
      fleet_update_answer_again(a, d);
      return 0;
    }
    // The way back to the image before is not waited for: a reset, behind which that image is what runs.
    if (fleet_firmware_on_trial(a) && fleet_update_holds(&p->firmware[0], m) && m->sequence >= p->floor) {
      fleet_firmware_go_back(a, fleet_err_agent_reverted);
    }
    return 1;
  }
  if (runs) {
    if (m->sequence < p->floor) return -(int32_t)fleet_err_manifest_below_floor;
    a->fetching = false;
    if (a->job == job_rehash) a->job = job_none;
    a->update.target_slot = FLEET_FIRMWARE_SLOT;
    a->update.state = FLEET_UPDATE_STATE_ACTIVE; // whose target is what runs
    fleet_update_adopt(a, d, m, fleet_update_target(a));
    fleet_accept_rotate(a);
    (void)fleet_update_enter(a, FLEET_UPDATE_STATE_ACTIVE, 0);
    return 0;
  }
  fleet_slot_record_t *other = &p->firmware[1];
  const bool refused = fleet_update_refused(a, m->digest, m->sequence);
  const bool is_left = other->state == FLEET_SLOT_STATE_RETAINED || other->state == FLEET_SLOT_STATE_STAGED;
  const bool ended = state == FLEET_UPDATE_STATE_REVERTED || state == FLEET_UPDATE_STATE_FAILED;
  if (again && (state == FLEET_UPDATE_STATE_ABORTED || (ended && (is_left || refused)))) {
    fleet_update_answer_again(a, d);
    return 0;
  }
  const bool here = is_left && fleet_update_holds(other, m) && other->bytes == m->size && other->sequence >= p->floor &&
                    m->sequence >= p->floor && !refused;
  // Sequence numbers guard installs, not the way back to an image that was verified when it came.
  int32_t result = here ? (runs_model(a, m) ? 0 : -(int32_t)fleet_err_manifest_firmware_incompatible) : 0;
  if (!here) result = fleet_firmware_judge(a, m);
  if (!here && result == 0) result = fleet_transfer_judge(a, d, m);
  if (result < 0) return result;
  a->update.state = FLEET_UPDATE_STATE_IDLE; // whose target is the other image
  a->update.target_slot = FLEET_FIRMWARE_SLOT;
  fleet_update_adopt(a, d, m, other);
  p->shadow_every = 0;
  if (!here) {
    fleet_transfer_begin(a, d, m);
    return 0;
  }
  a->fetching = false;
  a->update.attempts = 0;
  a->update.quick = other->state == FLEET_SLOT_STATE_RETAINED;
  other->state = FLEET_SLOT_STATE_STAGED;
  (void)fleet_update_enter(a, FLEET_UPDATE_STATE_STAGED, 0);
  return 0;
}

// ---- the switch --------------------------------------------------------------------------------------------------------

// The old image runs and will, whatever became of the other one.
static void came_back(fleet_agent_t *a, uint32_t error, bool refuse) {
  fleet_persist_t *p = &a->persist;
  const uint32_t attempts = a->update.attempts;
  p->firmware[0].state = FLEET_SLOT_STATE_ACTIVE;
  p->firmware[1].state = FLEET_SLOT_STATE_STAGED;
  a->update.attempts = 0;
  if (error == fleet_err_agent_aborted) {
    a->update.state = FLEET_UPDATE_STATE_STAGED; // from there it ends as any update that is aborted
    (void)fleet_update_abort(a);
    return;
  }
  if (error == fleet_err_agent_reverted) { // for another release: no fault of the image
    a->update.attempt_open = a->update.quick = p->by_next_key = 0;
    (void)fleet_update_enter(a, FLEET_UPDATE_STATE_REVERTED, error);
    return;
  }
  a->update.state = FLEET_UPDATE_STATE_TRIAL;
  fleet_update_fail(a, -(int32_t)error, refuse)->attempts = (uint8_t)attempts;
}

// A boot of the image that was not told to would take itself for one that was flashed by hand: the record of the trial first.
static void activate(fleet_agent_t *a) {
  const fleet_firmware_port_t *f = port_of(a);
  if (!fleet_agent_save(a) || f->activate(f->user) < 0) {
    came_back(a, fleet_err_agent_firmware_failed, false);
    return;
  }
  a->reset_due = true;
}

void fleet_firmware_checked(fleet_agent_t *a, bool matches) {
  a->job = job_none;
  if (!matches) {
    (void)fleet_update_fail(a, -(int32_t)fleet_err_agent_slot_corrupt, false);
    return;
  }
  fleet_update_target(a)->state = FLEET_SLOT_STATE_TRIAL;
  a->update.attempts = 0;
  (void)fleet_update_enter(a, FLEET_UPDATE_STATE_TRIAL, 0);
  activate(a);
}

void fleet_firmware_go_back(fleet_agent_t *a, uint32_t error) {
  const fleet_firmware_port_t *f = port_of(a);
  a->job = job_none;
  if (a->update.error == 0) a->update.error = (uint16_t)error; // else it is on its way already, and the first reason holds
  fleet_agent_save(a);
  if (a->reset_due) return; // the image that comes up carries it out; `revert` is called once, for a second one may undo it
  fleet_agent_log(a, FLEET_LOG_WARN, "firmware goes back", (int32_t)error);
  if (f->revert(f->user) < 0) fleet_agent_log(a, FLEET_LOG_ERROR, "firmware cannot go back", (int32_t)error);
  a->reset_due = true;
}

void fleet_firmware_boot(fleet_agent_t *a) {
  const fleet_firmware_port_t *f = port_of(a);
  fleet_persist_t *p = &a->persist;
  if (f == NULL) return;
  if (!fleet_firmware_on_trial(a)) {
    fleet_slot_record_t *running = &p->firmware[0];
    if (memcmp(running->digest, f->digest, 32) != 0) { // a first boot, or it was flashed by hand
      memset(running, 0, sizeof *running);
      memcpy(running->digest, f->digest, 32);
      running->bytes = f->bytes;
      running->state = FLEET_SLOT_STATE_ACTIVE;
      if (memcmp(p->firmware[1].digest, f->digest, 32) == 0) memset(&p->firmware[1], 0, sizeof p->firmware[1]);
    }
    return;
  }
  const uint32_t cause = a->config->reset_cause;
  const bool faulty = cause == FLEET_RESET_CAUSE_WATCHDOG || cause == FLEET_RESET_CAUSE_FAULT ||
                      cause == FLEET_RESET_CAUSE_BROWN_OUT;
  if (memcmp(f->digest, p->firmware[1].digest, 32) != 0) {
    // The boot loader has gone back, or was never told. A cut costs an attempt, not the update.
    a->update.attempts++;
    if (a->update.error != 0 || a->update.attempts >= FLEET_ATTEMPTS) {
      came_back(a, a->update.error != 0 ? a->update.error : (uint32_t)fleet_err_agent_firmware_lost, true);
    } else {
      activate(a);
    }
    return;
  }
  if (a->update.attempt_open && faulty) a->update.attempts++;
  if (a->update.error != 0 || a->update.attempts >= FLEET_ATTEMPTS) {
    fleet_firmware_go_back(a, a->update.error != 0 ? a->update.error : (uint32_t)fleet_err_agent_trial_resets);
    return;
  }
  a->update.attempt_open = 1;
  (void)fleet_report_note(a);
}

bool fleet_firmware_finish(fleet_agent_t *a) {
  const fleet_firmware_port_t *f = port_of(a);
  fleet_slot_record_t *images = a->persist.firmware;
  if (f->confirm(f->user) < 0) {
    fleet_firmware_go_back(a, fleet_err_agent_firmware_failed);
    return false;
  }
  const fleet_slot_record_t old = images[0];
  images[0] = images[1];
  images[0].state = FLEET_SLOT_STATE_ACTIVE;
  images[0].error = 0;
  images[1] = old;
  images[1].state = FLEET_SLOT_STATE_RETAINED;
  a->update.quick = 0;
  return true;
}

static void commit(fleet_agent_t *a) {
  fleet_persist_t *p = &a->persist;
  const bool soaks = p->soak_s != 0 && !a->update.quick;
  p->soaked_s = 0;
  a->healthy_since_ms = a->soak_counted_ms = now_ms(a);
  if (!soaks) {
    fleet_update_finish_soak(a);
    return;
  }
  a->update.attempts = 0;
  a->update.attempt_open = 1;
  p->firmware[0].state = FLEET_SLOT_STATE_RETAINED;
  p->firmware[1].state = FLEET_SLOT_STATE_ACTIVE;
  (void)fleet_update_enter(a, FLEET_UPDATE_STATE_SOAK, 0);
}

uint32_t fleet_firmware_tick(fleet_agent_t *a) {
  if (!fleet_firmware_is_target(a) || a->job != job_none || a->reset_due) return never_ms;
  if (a->update.state == FLEET_UPDATE_STATE_STAGED) {
    fleet_trial_job(a, job_check_target, FLEET_FIRMWARE_SLOT);
    return 0;
  }
  if (a->update.state != FLEET_UPDATE_STATE_TRIAL) return never_ms;
  // Its hello is acknowledged: it reaches the platform and is understood.
  if (a->session && !a->hello_due && a->in_flight != in_flight_hello) {
    commit(a);
    return 0;
  }
  const uint32_t given_s = port_of(a)->patience_s;
  const uint32_t patience_s = given_s == 0 ? (uint32_t)patience_default_s : given_s;
  const uint32_t sleeper_s = a->config->duty_cycle_s > 300000 ? 900000 : 3 * a->config->duty_cycle_s;
  const uint32_t end_ms = 1000 * (patience_s > sleeper_s ? patience_s : sleeper_s);
  if (now_ms(a) >= end_ms) {
    fleet_firmware_go_back(a, fleet_err_agent_firmware_offline);
    return 0;
  }
  const uint32_t left_ms = end_ms - now_ms(a);
  return a->session && left_ms > retry_ms ? (uint32_t)retry_ms : left_ms; // a session begins with an event
}

void fleet_firmware_fields(const fleet_agent_t *a, fleet_cbor_writer_t *w) {
  if (!fleet_firmware_able(a)) return;
  const fleet_slot_record_t *images = a->persist.firmware;
  const uint32_t running = fleet_firmware_on_trial(a);
  const uint32_t n = images[running ^ 1].state == FLEET_SLOT_STATE_EMPTY ? 1 : 2;
  fleet_cbor_key(w, FLEET_HELLO_FIRMWARE_SLOTS);
  fleet_cbor_array(w, n);
  for (uint32_t i = 0; i < n; i++) fleet_messages_slot(w, &images[running ^ i]);
  fleet_cbor_field(w, FLEET_HELLO_FIRMWARE_SLOT_BYTES, port_of(a)->slot_bytes);
}

#endif
