// MQTT 3.1.1 client of one device: clean session, one will, one subscription, QoS 0/1 both ways, one QoS 1
// publish in flight. Not a general client: no QoS 2, no retained messages, no other topics than the device's own.
// It moves bytes through the platform's stream only and never blocks; all buffers are in the struct.
#ifndef FLEET_MQTT_H
#define FLEET_MQTT_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_cbor.h"
#include "fleet_platform.h"

#ifdef FLEET_PROFILE_REDUCED // 2 KB of RAM: docs/spec/wire.md, Reduced profile
enum {
  FLEET_MQTT_RX_BYTES = 464,
  FLEET_MQTT_TX_BYTES = 288, // the longest hello has 285
  FLEET_MQTT_CTL_BYTES = 112,
  FLEET_MQTT_NAME_BYTES = 33,
};
#else
enum {
  FLEET_MQTT_RX_BYTES = 1536,  // largest packet taken, announced in hello
  FLEET_MQTT_TX_BYTES = 880,   // largest QoS 1 publish: topic 150, payload 720
  FLEET_MQTT_CTL_BYTES = 256,  // acknowledgements, pings, QoS 0 publishes
  FLEET_MQTT_NAME_BYTES = 127, // "<project>/<device>"
};
#endif

enum {
  fleet_mqtt_closed = 0, // waiting for the end of the back-off
  fleet_mqtt_opening,
  fleet_mqtt_sending_connect,
  fleet_mqtt_await_connack,
  fleet_mqtt_sending_subscribe,
  fleet_mqtt_await_suback,
  fleet_mqtt_up,
};

typedef enum {
  fleet_mqtt_nothing = 0, // no more work until bytes arrive or the timer fires
  fleet_mqtt_connected,   // session is up
  fleet_mqtt_lost,        // stream closed; back-off runs
  fleet_mqtt_message,     // topic_kind, payload: valid until the next poll, which acknowledges it
  fleet_mqtt_acked,       // the QoS 1 publish in flight was acknowledged
} fleet_mqtt_event_t;

// Last part of a down topic.
enum { fleet_down_desired = 0, fleet_down_chunk = 1, fleet_down_ask = 2, fleet_down_unknown = 3 };

// Milliseconds of the owner's clock, which wrap: times are compared by their difference, at most 24 days.
typedef uint32_t fleet_mqtt_time_t;

typedef struct {
  // Small fields first: short load instructions reach the first 31, 62 or 124 bytes only.
  bool publish_pending;  // tx holds a QoS 1 publish that is not acknowledged
  uint8_t topic_kind;
  uint8_t project_bytes;
  uint8_t device_bytes;
  uint8_t token_bytes;
  // From here to `ping` they are those of one connection, and 0 without one.
  uint8_t state;
  bool stream_open;
  bool blocked;          // the stream took fewer bytes than offered
  bool publish_sent;     // completely handed to the stream in this connection
  uint16_t ack_packet_id; // to acknowledge with the next poll, 0 = none
  uint16_t tx_sent;
  uint16_t ctl_used;
  uint16_t ctl_sent;
  uint16_t rx_used;
  uint16_t rx_sent;      // of a CONNECT or SUBSCRIBE in rx
  uint16_t rx_consume;   // size of the packet handed out by the last poll
  uint32_t skip;         // bytes of an oversized packet still to drop
  fleet_mqtt_time_t ping; // when the unanswered PINGREQ was sent, 0 = none
  uint16_t keepalive_s;
  uint16_t publish_packet_id; // of the last one
  uint16_t tx_end;
  const fleet_platform_t *platform;
  const FLEET_CONST_MEMORY char *project;
  const FLEET_CONST_MEMORY char *device;
  const FLEET_CONST_MEMORY char *token;
  const uint8_t *payload;
  fleet_size_t payload_bytes;
  uint32_t backoff_ms;   // of the next loss
  uint32_t backoff_min_ms;
  uint32_t backoff_max_ms;
  uint32_t reconnects;
  uint32_t too_large;    // packets skipped; the owner takes them
  fleet_mqtt_time_t now;       // of the last poll
  fleet_mqtt_time_t deadline;  // of the current state: end of back-off, or of patience
  fleet_mqtt_time_t last_sent;
  fleet_mqtt_time_t published; // when the publish in flight was sent completely

  uint8_t tx[FLEET_MQTT_TX_BYTES];
  uint8_t ctl[FLEET_MQTT_CTL_BYTES];
  uint8_t rx[FLEET_MQTT_RX_BYTES]; // also holds CONNECT and SUBSCRIBE while nothing can be received
} fleet_mqtt_t;

// The names must outlive the client. The first connect happens after a random part of backoff_min_ms.
void fleet_mqtt_init(fleet_mqtt_t *m, fleet_mqtt_time_t now);
// Does one bounded piece of work and says what happened. Call until it answers fleet_mqtt_nothing.
// make_will writes the will's payload (CBOR, below 256 bytes) when a CONNECT is built.
fleet_mqtt_event_t fleet_mqtt_poll(fleet_mqtt_t *m, fleet_mqtt_time_t now, void (*make_will)(void *, fleet_cbor_writer_t *),
                                   void *user);
// When poll wants to be called even if no byte arrives.
fleet_mqtt_time_t fleet_mqtt_due(const fleet_mqtt_t *m, fleet_mqtt_time_t now);
bool fleet_mqtt_can_publish(const fleet_mqtt_t *m);
// Sends what the stream takes of what was made since the poll; false when the stream is lost, which the next poll tells.
bool fleet_mqtt_flush(fleet_mqtt_t *m);
// A word in constant memory, as publish_begin takes them.
#ifdef FLEET_CONST_APART
#define FLEET_MQTT_WORD(text) (__extension__({ static const FLEET_CONST_MEMORY char word[] = text; &word[0]; }))
#else
#define FLEET_MQTT_WORD(text) (text)
#endif
// Opens a publish to `up/<suffix>`; write the payload, then end it. QoS 1 needs fleet_mqtt_can_publish; the packet stays
// until it is acknowledged and is sent again after a reconnect. Ends with false when it did not fit (nothing is sent).
void fleet_mqtt_publish_begin(fleet_mqtt_t *m, const FLEET_CONST_MEMORY char *suffix, fleet_size_t qos, fleet_cbor_writer_t *payload);
bool fleet_mqtt_publish_end(fleet_mqtt_t *m, fleet_size_t qos, const fleet_cbor_writer_t *payload);
// Forgets the publish in flight: nothing of it is sent (again) in this session. Only right after fleet_mqtt_connected.
void fleet_mqtt_take_back(fleet_mqtt_t *m);
// Sends DISCONNECT if the stream takes it, closes. The will is then not published by the broker.
void fleet_mqtt_disconnect(fleet_mqtt_t *m);
// While no stream is open: the next connect is at this time, not at the end of the back-off.
void fleet_mqtt_connect_at(fleet_mqtt_t *m, fleet_mqtt_time_t at);

#endif
