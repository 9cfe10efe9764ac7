// The runtime seen from the agent: binds a slot's bundle to the arena, pulls inputs on schedule, runs to the end and hands
// the result on. No update logic here; the numbers of a window are telemetry.c's.
#include <string.h>

#include "shadow.h"

enum { sample_retry_us = 10000, first_max_ms = 900000000 };

// The bundle's bytes: in place, or copied once to RAM where flash is not mapped.
static const void *bundle_at(fleet_agent_t *a, uint32_t slot, bool first) {
  const fleet_agent_config_t *c = a->config;
  if (fleet_slot_is_ram(a, slot)) return c->bundle_ram;
  const uint32_t offset = fleet_agent_slot_offset(c, slot);
  const uint32_t bytes = a->persist.slots[slot].bytes;
  if (a->platform->flash_map != NULL) {
    const void *mapped = a->platform->flash_map(a->platform->user, offset, bytes);
    if (mapped != NULL) return mapped;
  }
  if (c->bundle_ram == NULL || bytes > c->bundle_ram_bytes) return NULL;
  return first && fleet_flash_read(&a->flash, offset, c->bundle_ram, bytes) < 0 ? NULL : c->bundle_ram;
}

// An input whose bundle does not state a rate comes at the sensor's.
static int32_t check_sensor(const fleet_agent_t *a, fleet_tensor_t *input) {
  if (input->sensor == FLEET_SENSOR_TENSOR) return 0;
  for (uint32_t i = 0; i < a->config->sensor_count; i++) {
    const fleet_sensor_t *s = &a->config->sensors[i];
    if (s->sensor != input->sensor) continue;
    if (s->axes != input->axes) return -(int32_t)fleet_err_sensor_axes_mismatch;
    if (s->unit != input->unit) return -(int32_t)fleet_err_sensor_unit_mismatch;
    // 0 = the bundle does not state it: its front end says itself what a count is.
    if (input->full_scale != 0 && s->full_scale != input->full_scale)
      return -(int32_t)fleet_err_sensor_full_scale_mismatch;
    if (input->sample_rate_mhz != 0 && s->sample_rate_mhz != input->sample_rate_mhz)
      return -(int32_t)fleet_err_sensor_rate_mismatch;
    input->sample_rate_mhz = s->sample_rate_mhz;
    return 0;
  }
  return -(int32_t)fleet_err_sensor_missing;
}

static int32_t bind(fleet_agent_t *a, const void *bundle) {
  const fleet_agent_config_t *c = a->config;
  const fleet_memory_t memory = {bundle, a->persist.slots[a->model_slot].bytes, c->arena, c->arena_bytes, c->state,
                                 c->state_bytes};
  const int32_t result = fleet_load(&a->runtime, &memory, NULL);
  if (result < 0) return result;
  a->bundle = bundle;
  fleet_set_monitor_sink(&a->runtime, fleet_window_monitor, a);
  return 0;
}

int32_t fleet_model_load(fleet_agent_t *a, uint32_t slot) {
  fleet_model_unload(a);
  a->model_slot = (uint8_t)slot;
  const void *bundle = bundle_at(a, slot, true);
  if (bundle == NULL) return -(int32_t)fleet_err_flash_map_failed;
  int32_t result = bind(a, bundle);
  if (result < 0) return result;
  fleet_tensor_t input;
  fleet_tensor_t output;
  result = fleet_input(&a->runtime, 0, &input);
  if (result == 0) result = fleet_output(&a->runtime, 0, &output);
  if (result == 0) result = check_sensor(a, &input);
  if (result < 0) return result;
  a->classes = output.classes;
  a->streams = input.hop < input.frame;
  const uint64_t first_ms = input.sample_rate_mhz == 0 ? 0 : (uint64_t)input.frame * 1000000 / input.sample_rate_mhz;
  a->first_input_ms = first_ms < first_max_ms ? (uint32_t)first_ms : (uint32_t)first_max_ms;
  return 0;
}

void fleet_model_unload(fleet_agent_t *a) {
  if (a->inferring) fleet_abandon(&a->runtime);
  a->inferring = false;
  a->shadowing = false;
  a->running = false;
}

void fleet_model_start(fleet_agent_t *a) {
  a->running = true;
  a->model_runs = 0;
  fleet_samples_drop(a);
  a->next_inference_us = a->now_us;
  a->started_ms = a->progress_ms = now_ms(a);
  fleet_window_open(a);
}

static int32_t element(uint32_t dtype, const uint8_t *data, uint32_t i) {
  if (dtype == FLEET_DTYPE_INT16) return (int16_t)((uint32_t)data[2 * i] | (uint32_t)data[2 * i + 1] << 8);
  return dtype == FLEET_DTYPE_UINT8 ? data[i] : (int8_t)data[i];
}

// First largest class; confidence 0..255 as the softmax kernels scale it (1/256, or 1/32768 for int16).
void fleet_model_classify(const fleet_tensor_t *t, fleet_inference_t *inference) {
  const uint32_t n = t->bytes >> (t->dtype == FLEET_DTYPE_INT16);
  int32_t best = INT32_MIN;
  for (uint32_t i = 0; i < n; i++) {
    const int32_t value = element(t->dtype, t->data, i);
    if (value > best) {
      best = value;
      inference->predicted = i;
    }
  }
  int32_t share = t->dtype == FLEET_DTYPE_INT16 ? best >> 7 : t->dtype == FLEET_DTYPE_UINT8 ? best : best + 128;
  if (share < 0) share = 0;
  inference->confidence = share > 255 ? 255 : (uint32_t)share;
}

// Sensor faults that need no model: a quarter of the elements at the ends of the type's range, or the very same input
// twice. `data` is the quantized input, or the raw samples that a front end takes next.
static void inspect(fleet_agent_t *a, const void *data, uint32_t bytes, uint32_t dtype) {
  const uint32_t n = dtype == FLEET_DTYPE_INT16 ? bytes / 2 : bytes;
  const int32_t low = dtype == FLEET_DTYPE_INT16 ? INT16_MIN : dtype == FLEET_DTYPE_UINT8 ? 0 : INT8_MIN;
  const int32_t high = dtype == FLEET_DTYPE_INT16 ? INT16_MAX : dtype == FLEET_DTYPE_UINT8 ? UINT8_MAX : INT8_MAX;
  uint32_t at_end = 0;
  for (uint32_t i = 0; i < n; i++) {
    const int32_t value = element(dtype, data, i);
    at_end += value == low || value == high;
  }
  const uint32_t crc = fleet_crc32(0, data, bytes);
  if (fleet_window_takes(a)) {
    if (at_end * 4 >= n) fleet_window_increment(&a->window.saturated);
    if (a->model_runs != 0 && crc == a->input_crc) fleet_window_increment(&a->window.stuck);
  }
  a->input_crc = crc;
}

// 1 = inputs are in the arena, 0 = not yet, negative = sensor error. A bundle with a front end takes raw frames of its
// sensor, one pass each, until the inputs are complete; another takes each quantized input itself.
static int32_t pull_inputs(fleet_agent_t *a, bool due) {
  const fleet_platform_t *f = a->platform;
  for (uint32_t i = 0;;) {
    fleet_raw_t raw; // cannot fail: the bundle is loaded
    (void)fleet_raw(&a->runtime, &raw);
    const bool direct = raw.frames == 0; // its sensor is then 0, FLEET_SENSOR_TENSOR
    if (direct) {
      fleet_tensor_t input;
      if (fleet_input(&a->runtime, i++, &input) < 0) {
        (void)fleet_input(&a->runtime, 0, &input);
        inspect(a, input.data, input.bytes, input.dtype);
        fleet_samples_feed(a, input.data, input.bytes, input.dtype);
        return 1;
      }
      raw.data = input.data;
      raw.frames = input.bytes;
    }
    const int32_t n = f->sample(f->user, raw.sensor, raw.data, raw.frames);
    if (n < 0) return n;
    if ((uint32_t)n != raw.frames) return 0;
    if (direct) continue;
    if (due && raw.passes == 1) inspect(a, raw.data, raw.frames * raw.axes * 2, FLEET_DTYPE_INT16);
    fleet_samples_feed(a, raw.data, raw.frames * raw.axes * 2, FLEET_DTYPE_INT16);
    const int32_t left = fleet_feed(&a->runtime); // never an error after a load
    a->progress_ms = now_ms(a);
    if (f->watchdog != NULL) f->watchdog(f->user);
    if (left == 0) return 1;
  }
}

void fleet_model_started(fleet_agent_t *a) {
  const fleet_platform_t *f = a->platform;
  a->run_us = (uint32_t)f->now_us(f->user);
  a->started_cycles = f->cycles != NULL ? f->cycles(f->user) : 0;
}

uint32_t fleet_model_elapsed_us(const fleet_agent_t *a) {
  const fleet_platform_t *f = a->platform;
  uint64_t us = (uint32_t)f->now_us(f->user) - a->run_us;
  if (f->cycles != NULL && a->config->clock_khz != 0) {
    us = (uint64_t)(f->cycles(f->user) - a->started_cycles) * 1000 / a->config->clock_khz;
  }
  return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

// Answers whether the shadow's run has begun.
static bool finish(fleet_agent_t *a) {
  const fleet_platform_t *f = a->platform;
  fleet_inference_t inference = {0};
  inference.index = a->inference_index;
  inference.cycles = f->cycles != NULL ? f->cycles(f->user) - a->started_cycles : 0;
  fleet_tensor_t output;
  (void)fleet_output(&a->runtime, 0, &output);
  inference.output = output.data;
  inference.output_bytes = output.bytes;
  fleet_model_classify(&output, &inference);
  fleet_window_add(a, &a->window, &inference);
  fleet_samples_done(a, &inference);
  a->inference_index++;
  a->model_runs++;
  if (f->result != NULL) f->result(f->user, &inference);
  return fleet_shadow_begin(a, inference.predicted);
}

uint64_t fleet_model_tick(fleet_agent_t *a) {
  if (!a->running || a->job != job_none) return UINT64_MAX;
  const fleet_platform_t *f = a->platform;
  // Inputs that share samples are made of a stream: it is followed between two inferences as well, or its rows would not
  // belong together.
  if (!a->inferring) {
    const bool due = a->now_us >= a->next_inference_us;
    if (!due && !a->streams) return a->next_inference_us;
    const uint64_t late = due ? (a->now_us - a->next_inference_us) / a->period_us : 0;
    if (late != 0) {
      // A sensor with a pace of its own paces the model: waiting for its frames skips nothing.
      if (a->runtime.front_end == 0) {
        fleet_agent_count_many(a, FLEET_LOSS_COUNTER_INFERENCE_SKIPPED, (uint32_t)late);
      }
      a->next_inference_us += late * a->period_us;
    }
    const void *bundle = bundle_at(a, a->model_slot, false);
    if (bundle != a->bundle) {
      // The mapping moved, maybe because the bytes changed: trust nothing, check it like a new bundle.
      if (bundle == NULL || bind(a, bundle) < 0) {
        fleet_update_active_corrupt(a);
        return a->now_us;
      }
    }
    const int32_t pulled = pull_inputs(a, due);
    if (pulled == 0) return a->now_us + sample_retry_us;
    if (pulled < 0) {
      fleet_window_increment(&a->window.invalid);
      a->next_inference_us += due ? a->period_us : 0;
      return due ? a->next_inference_us : a->now_us + sample_retry_us;
    }
    if (!due) {
      fleet_samples_unused(a);
      return a->now_us;
    }
    fleet_shadow_keep(a);
    fleet_model_started(a);
    a->ood_bin = 0;
    if (fleet_begin(&a->runtime) < 0) return a->now_us + a->period_us;
    a->inferring = true;
  }
  // The slot may be wanted for something else meanwhile.
  if (a->shadowing && a->update.state != FLEET_UPDATE_STATE_SHADOW) a->shadowing = a->inferring = false;
  for (uint32_t steps = 0; a->inferring && (a->config->slice_steps == 0 || steps < a->config->slice_steps); steps++) {
    const int32_t left = fleet_run(a->shadowing ? &fleet_shadow_of(a)->runtime : &a->runtime, 1);
    if (f->watchdog != NULL) f->watchdog(f->user);
    if (left > 0) continue;
    if (!a->shadowing) {
      a->next_inference_us += a->period_us;
      if (left == 0 && finish(a)) continue;
      if (left < 0) fleet_agent_count(a, FLEET_LOSS_COUNTER_INFERENCE_SKIPPED);
    } else if (left == 0) {
      fleet_shadow_finish(a);
    }
    a->inferring = a->shadowing = false;
  }
  return a->inferring || a->streams ? a->now_us : a->next_inference_us;
}
