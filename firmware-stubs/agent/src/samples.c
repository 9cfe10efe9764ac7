// up/sample: inputs that the platform asked for. One is kept at a time, in the port's sample_ram, and sent in parts behind
// everything else; the next one is taken when it is delivered. A bundle with a front end gives the raw samples of the rows that
// were new to an inference, another its quantized input.
#include <stddef.h>
#include <string.h>

#include "agent.h"

enum { part_bytes = 512 }; // with topic, envelope and fields below FLEET_MQTT_TX_BYTES

bool fleet_samples_ask(fleet_agent_t *a, uint32_t count, uint32_t ask) {
  if (a->config->sample_ram == NULL || count > UINT16_MAX) return false;
  a->samples_left = (uint16_t)count;
  a->sample_ask = ask;
  if (a->sample_state != sample_ready) a->sample_state = sample_none;
  return true;
}

void fleet_samples_feed(fleet_agent_t *a, const void *data, uint32_t bytes, uint32_t dtype) {
  if (a->samples_left == 0 || a->sample_state > sample_too_large) return;
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
  a->sample_state = sample_none;
  if (a->in_flight == in_flight_sample) a->in_flight = in_flight_window; // of no window: its acknowledgement is nobody's
}

void fleet_samples_unused(fleet_agent_t *a) {
  if (a->sample_state <= sample_too_large) a->sample_state = sample_none;
}

void fleet_samples_done(fleet_agent_t *a, const fleet_inference_t *inference) {
  if (a->sample_state == sample_too_large) {
    fleet_agent_count(a, FLEET_LOSS_COUNTER_SAMPLE_DROPPED);
    a->sample_state = sample_none;
    a->samples_left--;
  } else if (a->sample_state == sample_filling) {
    a->sample_state = sample_ready;
    a->samples_left--;
    a->sample_index = inference->index;
    a->sample_predicted = (uint8_t)(inference->predicted > UINT8_MAX ? UINT8_MAX : inference->predicted);
    a->sample_confidence = (uint8_t)inference->confidence;
  }
}

static uint32_t part_of(const fleet_agent_t *a) {
  const uint32_t left = a->sample_bytes - a->sample_sent;
  return left < part_bytes ? left : (uint32_t)part_bytes;
}

bool fleet_samples_publish(fleet_agent_t *a) {
  static const FLEET_CONST_MEMORY fleet_cbor_put_t before[] = {
      {FLEET_SAMPLE_INDEX, cbor_put_u32, offsetof(fleet_agent_t, sample_index)},
      {FLEET_SAMPLE_ASK, cbor_put_u32, offsetof(fleet_agent_t, sample_ask)},
      {FLEET_SAMPLE_OFFSET, cbor_put_u32, offsetof(fleet_agent_t, sample_sent)},
      {FLEET_SAMPLE_BYTES, cbor_put_u32, offsetof(fleet_agent_t, sample_bytes)},
  };
  static const FLEET_CONST_MEMORY fleet_cbor_put_t behind[] = {
      {FLEET_SAMPLE_PREDICTED, cbor_put_u8, offsetof(fleet_agent_t, sample_predicted)},
      {FLEET_SAMPLE_CONFIDENCE, cbor_put_u8, offsetof(fleet_agent_t, sample_confidence)},
      {FLEET_SAMPLE_ENCODING, cbor_put_u8, offsetof(fleet_agent_t, sample_encoding)},
  };
  if (a->sample_state != sample_ready) return false;
  fleet_cbor_writer_t w;
  const uint32_t at = fleet_messages_begin(a, &w, "sample", 1);
  fleet_cbor_field_bytes(&w, FLEET_SAMPLE_BUILD, a->persist.slots[a->model_slot].digest, 8);
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
