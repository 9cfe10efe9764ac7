// up/sample: inputs that the platform asked for, or set a rule for. One is kept at a time, in the port's sample_ram, and sent in parts behind
// everything else; the next one is taken when it is delivered. A bundle with a front end gives the raw samples of the rows that
// were new to an inference, another its quantized input.
#include <stddef.h>
#include <string.h>

#include "agent.h"

enum {
  part_bytes = 512, // with topic, envelope and fields below FLEET_MQTT_TX_BYTES
  day_ms = 86400000,
  battery_default = 20,
};

bool fleet_samples_ask(fleet_agent_t *a, uint32_t count, uint32_t ask) {
  if (a->config->sample_ram == NULL || count > UINT16_MAX) return false;
  a->samples_left = (uint16_t)count;
  a->sample_ask = ask;
  if (a->sample_state != sample_ready && a->sample_state != sample_none) {
    a->sample_state = sample_none;
    a->capture.missed = true;
  }
  return true;
}

// Nothing is sent unasked: without a rule, which only a proven command brings and a reboot ends, there is no capture.
bool fleet_samples_capture(fleet_agent_t *a, fleet_cbor_span_t data) {
  typedef struct {
    uint32_t bytes;
    uint32_t confidence_below;
    uint32_t ood_from;
    uint32_t battery_percent;
  } rule_t;
  static const FLEET_CONST_MEMORY fleet_cbor_row_t rows[] = {
      {FLEET_CAPTURE_RULE_BYTES, cbor_row_u32, 0, 0, offsetof(rule_t, bytes)},
      {FLEET_CAPTURE_RULE_CONFIDENCE_BELOW, cbor_row_u32, 0, 255, offsetof(rule_t, confidence_below)},
      {FLEET_CAPTURE_RULE_OOD_FROM, cbor_row_u32, 0, 255, offsetof(rule_t, ood_from)},
      {FLEET_CAPTURE_RULE_BATTERY_PERCENT, cbor_row_u32, 0, 100, offsetof(rule_t, battery_percent)},
  };
  rule_t rule = {.ood_from = UINT8_MAX, .battery_percent = battery_default};
  if (a->config->sample_ram == NULL ||
      (fleet_cbor_read_map(data, FLEET_CBOR_ROWS(rows), &rule) & 1u << FLEET_CAPTURE_RULE_BYTES) == 0) {
    return false;
  }
  a->settings.capture = rule.bytes == 0 ? 0 : fleet_crc32(0, data.at, data.n);
  a->capture = (fleet_capture_t){rule.bytes, rule.bytes, now_ms(a), (uint8_t)rule.confidence_below, (uint8_t)rule.ood_from,
                                 (uint8_t)rule.battery_percent, a->capture.missed};
  return true;
}

// Why the input that was just inferred is sent, FLEET_SAMPLE_TRIGGER_ASKED when nothing but a command could want it. What it
// costs is taken from the day's budget.
static uint32_t own_trigger(fleet_agent_t *a, uint32_t confidence) {
  fleet_capture_t *c = &a->capture;
  if (now_ms(a) - c->day_ms >= day_ms) {
    c->day_ms = now_ms(a);
    c->left = c->bytes;
  }
  const uint32_t trigger = confidence < c->confidence_below ? FLEET_SAMPLE_TRIGGER_LOW_CONFIDENCE
                           : a->ood_bin >= c->ood_from      ? FLEET_SAMPLE_TRIGGER_HIGH_OOD
                                                            : FLEET_SAMPLE_TRIGGER_ASKED;
  if (trigger == FLEET_SAMPLE_TRIGGER_ASKED || a->sample_bytes > c->left) return FLEET_SAMPLE_TRIGGER_ASKED;
  const fleet_platform_t *f = a->platform;
  const int32_t battery = f->battery != NULL ? f->battery(f->user) : -1;
  if (battery >= 0 && (uint32_t)battery < c->battery_percent) return FLEET_SAMPLE_TRIGGER_ASKED;
  c->left -= a->sample_bytes;
  return trigger;
}

void fleet_samples_feed(fleet_agent_t *a, const void *data, uint32_t bytes, uint32_t dtype) {
  if ((a->samples_left == 0 && a->capture.bytes == 0) || a->sample_state > sample_too_large) a->capture.missed = true;
  if (a->capture.missed) return;
  if (a->sample_state == sample_none) {
    a->sample_state = sample_filling;
    a->sample_bytes = a->sample_sent = 0;
  }
  if (bytes > a->config->sample_ram_bytes - a->sample_bytes) {
    a->sample_state = sample_too_large;
    return;
  }
  memcpy((uint8_t *)a->config->sample_ram + a->sample_bytes, data, bytes);
  a->sample_bytes += bytes;
  a->sample_encoding = dtype == FLEET_DTYPE_INT16 ? FLEET_SAMPLE_ENCODING_INT16_LE : FLEET_SAMPLE_ENCODING_INT8;
}

void fleet_samples_drop(fleet_agent_t *a) {
  a->capture.missed = false;
  a->sample_state = sample_none;
  if (a->in_flight == in_flight_sample) a->in_flight = in_flight_window; // of no window: its acknowledgement is nobody's
}

void fleet_samples_unused(fleet_agent_t *a) {
  a->capture.missed = false;
  if (a->sample_state <= sample_too_large) a->sample_state = sample_none;
}

void fleet_samples_done(fleet_agent_t *a, const fleet_inference_t *inference) {
  const bool asked = a->samples_left != 0;
  a->capture.missed = false;
  if (a->sample_state == sample_too_large) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_SAMPLE_DROPPED);
    a->sample_state = sample_none;
    if (!asked) a->capture.bytes = 0; // none will ever fit
  } else if (a->sample_state == sample_filling) {
    a->sample_trigger = (uint8_t)(asked ? FLEET_SAMPLE_TRIGGER_ASKED : own_trigger(a, inference->confidence));
    a->sample_state = asked || a->sample_trigger != FLEET_SAMPLE_TRIGGER_ASKED ? sample_ready : sample_none;
    a->sample_index = inference->index;
    a->sample_predicted = (uint8_t)(inference->predicted > UINT8_MAX ? UINT8_MAX : inference->predicted);
    a->sample_confidence = (uint8_t)inference->confidence;
  } else {
    return;
  }
  a->samples_left -= asked;
}

static uint32_t part_of(const fleet_agent_t *a) {
  const uint32_t left = a->sample_bytes - a->sample_sent;
  return left < part_bytes ? left : (uint32_t)part_bytes;
}

bool fleet_samples_publish(fleet_agent_t *a) {
  static const FLEET_CONST_MEMORY fleet_cbor_put_t before[] = {
      {FLEET_SAMPLE_OFFSET, cbor_put_u32, offsetof(fleet_agent_t, sample_sent)},
      {FLEET_SAMPLE_BYTES, cbor_put_u32, offsetof(fleet_agent_t, sample_bytes)},
  };
  static const FLEET_CONST_MEMORY fleet_cbor_put_t behind[] = {
      {FLEET_SAMPLE_PREDICTED, cbor_put_u8, offsetof(fleet_agent_t, sample_predicted)},
      {FLEET_SAMPLE_CONFIDENCE, cbor_put_u8, offsetof(fleet_agent_t, sample_confidence)},
      {FLEET_SAMPLE_ENCODING, cbor_put_u8, offsetof(fleet_agent_t, sample_encoding)},
      {FLEET_SAMPLE_TRIGGER, cbor_put_u8 | cbor_unless_zero, offsetof(fleet_agent_t, sample_trigger)},
  };
  if (a->sample_state != sample_ready) return false;
  fleet_cbor_writer_t w;
  const uint32_t at = fleet_messages_begin(a, &w, "sample", 1);
  fleet_cbor_field_bytes(&w, FLEET_SAMPLE_BUILD, a->persist.slots[a->model_slot].digest, 8);
  fleet_cbor_field(&w, FLEET_SAMPLE_INDEX, a->sample_index);
  fleet_cbor_field(&w, FLEET_SAMPLE_ASK, a->sample_trigger == FLEET_SAMPLE_TRIGGER_ASKED ? a->sample_ask : 0);
  fleet_cbor_write_rows(&w, FLEET_CBOR_ROWS(before), a);
  fleet_cbor_field_bytes(&w, FLEET_SAMPLE_DATA, (const uint8_t *)a->config->sample_ram + a->sample_sent, part_of(a));
  fleet_cbor_write_rows(&w, FLEET_CBOR_ROWS(behind), a);
  if (!fleet_messages_end(a, &w, at, 1)) return false;
  a->in_flight = in_flight_sample;
  return true;
}

void fleet_samples_acked(fleet_agent_t *a) {
  a->sample_sent += part_of(a);
  if (a->sample_sent == a->sample_bytes) a->sample_state = sample_none;
}
