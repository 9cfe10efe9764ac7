// MQTT 3.1.1 (OASIS, 2014) client, see fleet_mqtt.h. Clauses are cited where a branch obeys one.
#include "fleet_mqtt.h"

#include <string.h>

enum {
  type_connect = 1,
  type_connack = 2,
  type_publish = 3,
  type_puback = 4,
  type_subscribe = 8,
  type_suback = 9,
  type_unsuback = 11,
  type_pingreq = 12,
  type_pingresp = 13,
  type_disconnect = 14,
};

enum { connect_patience_s = 30, header_room = 3, will_bytes = 64 };

static const char *const down_suffixes[3] = {"desired", "chunk", "ask"};

static uint32_t text_bytes(const char *s) {
  uint32_t n = 0;
  while (s[n] != 0) n++;
  return n;
}

static uint32_t random_u32(const fleet_mqtt_t *m) {
  uint32_t r = 0;
  m->platform->entropy(m->platform->user, &r, sizeof r);
  return r;
}

static uint16_t take_packet_id(fleet_mqtt_t *m) {
  // Non-zero [MQTT-2.3.1-1]; with one publish in flight it cannot collide.
  if (m->next_packet_id == 0) m->next_packet_id = 1;
  return m->next_packet_id++;
}

// Exponential back-off with jitter in [d/2, d]: a fleet that lost its broker comes back spread out.
static void schedule_reconnect(fleet_mqtt_t *m, uint64_t now_us) {
  uint64_t delay_ms = (uint64_t)m->backoff_min_ms << m->attempt;
  if (delay_ms >= m->backoff_max_ms) {
    delay_ms = m->backoff_max_ms;
  } else {
    m->attempt++;
  }
  const uint64_t half_us = delay_ms * 500;
  m->deadline_us = now_us + half_us + (half_us == 0 ? 0 : random_u32(m) % (half_us + 1));
}

static void close_stream(fleet_mqtt_t *m) {
  if (m->stream_open) m->platform->net_close(m->platform->user);
  m->stream_open = false;
  m->state = fleet_mqtt_closed;
  m->blocked = false;
  m->ping_us = 0;
  m->publish_sent = false;
  m->tx_sent = m->tx_start;
  m->ctl_used = m->ctl_sent = 0;
  m->rx_start = m->rx_used = m->rx_consume = 0;
  m->ack_packet_id = 0;
  m->skip = 0;
}

static fleet_mqtt_event_t lose(fleet_mqtt_t *m, uint64_t now_us) {
  close_stream(m);
  schedule_reconnect(m, now_us);
  m->reconnects++;
  return fleet_mqtt_lost;
}

void fleet_mqtt_init(fleet_mqtt_t *m, uint64_t now_us) {
  m->state = fleet_mqtt_closed;
  m->deadline_us = now_us + (m->backoff_min_ms == 0 ? 0 : random_u32(m) % ((uint64_t)m->backoff_min_ms * 1000));
}

static void put_u16(fleet_cbor_writer_t *w, uint32_t value) {
  if (w->overflow || w->capacity - w->used < 2) {
    w->overflow = true;
    return;
  }
  w->buffer[w->used++] = (uint8_t)(value >> 8);
  w->buffer[w->used++] = (uint8_t)value;
}

static void put_bytes(fleet_cbor_writer_t *w, const void *data, uint32_t n) {
  if (w->overflow || w->capacity - w->used < n) {
    w->overflow = true;
    return;
  }
  if (n != 0) memcpy(w->buffer + w->used, data, n);
  w->used += n;
}

// "<project>/<device>": client id and user name.
static void put_name(fleet_mqtt_t *m, fleet_cbor_writer_t *w) {
  put_u16(w, (uint32_t)m->project_bytes + 1 + m->device_bytes);
  put_bytes(w, m->project, m->project_bytes);
  put_bytes(w, "/", 1);
  put_bytes(w, m->device, m->device_bytes);
}

static uint32_t topic_bytes(const fleet_mqtt_t *m, const char *direction, const char *suffix) {
  return 8 + (uint32_t)m->project_bytes + 1 + m->device_bytes + text_bytes(direction) + text_bytes(suffix);
}

// direction: "/up/" or "/down/".
static void put_topic(fleet_mqtt_t *m, fleet_cbor_writer_t *w, const char *direction, const char *suffix) {
  put_u16(w, topic_bytes(m, direction, suffix));
  put_bytes(w, "fleet/1/", 8);
  put_bytes(w, m->project, m->project_bytes);
  put_bytes(w, "/", 1);
  put_bytes(w, m->device, m->device_bytes);
  put_bytes(w, direction, text_bytes(direction));
  put_bytes(w, suffix, text_bytes(suffix));
}

// Writes the fixed header in front of a body that starts at `body` and ends at `end`; returns the packet's first byte.
// Two length bytes at most: every packet of ours is below 16,384 bytes.
static uint32_t put_fixed_header(uint8_t *buffer, uint32_t body, uint32_t end, uint32_t type, uint32_t flags) {
  const uint32_t n = end - body;
  uint32_t at = body;
  if (n > 127) {
    buffer[--at] = (uint8_t)(n >> 7);
    buffer[--at] = (uint8_t)(n | 0x80);
  } else {
    buffer[--at] = (uint8_t)n;
  }
  buffer[--at] = (uint8_t)(type << 4 | flags);
  return at;
}

static bool build_connect(fleet_mqtt_t *m, void (*make_will)(void *, fleet_cbor_writer_t *), void *user) {
  fleet_cbor_writer_t w = {m->rx, FLEET_MQTT_RX_BYTES, header_room, false};
  put_u16(&w, 4);
  put_bytes(&w, "MQTT", 4);
  const uint32_t has_token = m->token_bytes != 0;
  // Protocol level 4; flags: user name, password, will QoS 1, will, clean session.
  const uint8_t head[2] = {4, (uint8_t)(0x80 | has_token << 6 | 1 << 3 | 1 << 2 | 1 << 1)};
  put_bytes(&w, head, 2);
  put_u16(&w, m->keepalive_s);
  put_name(m, &w);
  put_topic(m, &w, "/up/", "state");
  uint8_t will[will_bytes];
  fleet_cbor_writer_t payload = {will, sizeof will, 0, false};
  make_will(user, &payload);
  put_u16(&w, payload.used);
  put_bytes(&w, will, payload.used);
  put_name(m, &w);
  if (has_token) {
    put_u16(&w, m->token_bytes);
    put_bytes(&w, m->token, m->token_bytes);
  }
  if (w.overflow || payload.overflow) return false;
  m->rx_start = (uint16_t)put_fixed_header(m->rx, header_room, w.used, type_connect, 0);
  m->rx_used = (uint16_t)w.used;
  return true;
}

static void build_subscribe(fleet_mqtt_t *m) {
  fleet_cbor_writer_t w = {m->rx, FLEET_MQTT_RX_BYTES, header_room, false};
  put_u16(&w, take_packet_id(m));
  for (uint32_t i = 0; i < 3; i++) {
    put_topic(m, &w, "/down/", down_suffixes[i]);
    const uint8_t qos = i == fleet_down_chunk ? 0 : 1;
    put_bytes(&w, &qos, 1);
  }
  m->rx_start = (uint16_t)put_fixed_header(m->rx, header_room, w.used, type_subscribe, 2);
  m->rx_used = (uint16_t)w.used;
}

// Sends buffer[*sent, end). False when the stream is gone.
static bool send_some(fleet_mqtt_t *m, const uint8_t *buffer, uint16_t *sent, uint32_t end, uint64_t now_us) {
  if (*sent >= end) return true;
  const int32_t n = m->platform->net_send(m->platform->user, buffer + *sent, end - *sent);
  if (n < 0 || (uint32_t)n > end - *sent) return false;
  *sent = (uint16_t)(*sent + n);
  m->blocked = *sent < end;
  if (n > 0) m->last_sent_us = now_us;
  return true;
}

static bool append_control(fleet_mqtt_t *m, const uint8_t *packet, uint32_t n) {
  if ((uint32_t)FLEET_MQTT_CTL_BYTES - m->ctl_used < n) return false;
  memcpy(m->ctl + m->ctl_used, packet, n);
  m->ctl_used = (uint16_t)(m->ctl_used + n);
  return true;
}

// Packets never interleave: a started publish is finished first, then control packets, then the next publish.
static bool flush(fleet_mqtt_t *m, uint64_t now_us) {
  const bool publish_open = m->publish_pending && !m->publish_sent;
  const bool publish_started = publish_open && m->tx_sent > m->tx_start;
  m->blocked = false;
  if (!publish_started && m->ctl_sent < m->ctl_used) {
    if (!send_some(m, m->ctl, &m->ctl_sent, m->ctl_used, now_us)) return false;
    if (m->ctl_sent < m->ctl_used) return true;
  }
  if (m->ctl_sent == m->ctl_used) m->ctl_sent = m->ctl_used = 0;
  if (publish_open) {
    if (!send_some(m, m->tx, &m->tx_sent, m->tx_end, now_us)) return false;
    if (m->tx_sent < m->tx_end) return true;
    m->publish_sent = true;
    m->publish_us = now_us;
    if (m->ctl_used != 0 && !send_some(m, m->ctl, &m->ctl_sent, m->ctl_used, now_us)) return false;
    if (m->ctl_sent == m->ctl_used) m->ctl_sent = m->ctl_used = 0;
  }
  return true;
}

typedef enum { parse_more, parse_bad, parse_event, parse_ignored } parse_t;

static uint32_t down_kind(const fleet_mqtt_t *m, const uint8_t *topic, uint32_t n) {
  const uint32_t prefix = topic_bytes(m, "/down/", "");
  const uint32_t names = 8 + (uint32_t)m->project_bytes;
  if (n <= prefix || memcmp(topic, "fleet/1/", 8) != 0 || memcmp(topic + 8, m->project, m->project_bytes) != 0 ||
      topic[names] != '/' || memcmp(topic + names + 1, m->device, m->device_bytes) != 0 ||
      memcmp(topic + prefix - 6, "/down/", 6) != 0) {
    return fleet_down_unknown;
  }
  for (uint32_t i = 0; i < 3; i++) {
    if (n - prefix == text_bytes(down_suffixes[i]) && memcmp(topic + prefix, down_suffixes[i], n - prefix) == 0) return i;
  }
  return fleet_down_unknown;
}

static parse_t parse_publish(fleet_mqtt_t *m, const uint8_t *body, uint32_t n, uint32_t flags) {
  const uint32_t qos = (flags >> 1) & 3;
  // QoS 3 is malformed [MQTT-3.3.1-4]; QoS 2 was never granted by our subscriptions.
  if (qos > 1 || n < 2) return parse_bad;
  const uint32_t topic_n = (uint32_t)body[0] << 8 | body[1];
  const uint32_t head = 2 + topic_n + 2 * qos;
  if (n < head) return parse_bad;
  if (qos == 1) {
    m->ack_packet_id = (uint16_t)(body[2 + topic_n] << 8 | body[3 + topic_n]);
    if (m->ack_packet_id == 0) return parse_bad; // [MQTT-2.3.1-1]
  }
  m->topic_kind = (uint8_t)down_kind(m, body + 2, topic_n);
  m->payload = body + head;
  m->payload_bytes = n - head;
  return m->topic_kind == fleet_down_unknown ? parse_ignored : parse_event;
}

// Looks at one packet at rx_start. On parse_event and parse_ignored rx_consume is its size.
static parse_t parse(fleet_mqtt_t *m, uint64_t now_us, fleet_mqtt_event_t *event) {
  const uint8_t *p = m->rx + m->rx_start;
  const uint32_t have = (uint32_t)m->rx_used - m->rx_start;
  uint32_t remaining = 0;
  uint32_t header = 1;
  for (;; header++) {
    if (header == 5) return parse_bad; // more than four length bytes [MQTT-2.2.3]
    if (have <= header) return parse_more;
    remaining |= (uint32_t)(p[header] & 127) << (7 * (header - 1));
    if ((p[header] & 128) == 0) break;
  }
  header++;
  const uint32_t type = p[0] >> 4;
  const uint32_t flags = p[0] & 15;
  if (type != type_publish && flags != 0) return parse_bad; // [MQTT-2.2.2-2]
  const uint32_t total = header + remaining;

  if (total > FLEET_MQTT_RX_BYTES) {
    // Too large for this device: acknowledge it, or the broker would offer it again, and drop its bytes.
    if (type != type_publish || m->state != fleet_mqtt_up) return parse_bad;
    if (have < header + 2) return parse_more;
    const uint32_t topic_n = (uint32_t)p[header] << 8 | p[header + 1];
    const uint32_t head = header + 2 + topic_n + 2;
    if (head > FLEET_MQTT_RX_BYTES) return parse_bad;
    if (have < head) return parse_more;
    if (parse_publish(m, p + header, head - header, flags) == parse_bad) return parse_bad;
    m->too_large++;
    m->skip = total - have;
    m->rx_consume = (uint16_t)have;
    return parse_ignored;
  }
  if (have < total) return parse_more;
  m->rx_consume = (uint16_t)total;
  const uint8_t *body = p + header;

  // Nothing but CONNACK may come first [MQTT-3.2.0-1].
  if (m->state == fleet_mqtt_await_connack && type != type_connack) return parse_bad;
  switch (type) {
    case type_connack:
      if (m->state != fleet_mqtt_await_connack || remaining != 2) return parse_bad;
      if (body[1] != 0 || body[0] != 0) {
        m->refused++;
        return parse_bad;
      }
      m->state = fleet_mqtt_sending_subscribe;
      return parse_ignored;
    case type_suback:
      if (m->state != fleet_mqtt_await_suback || remaining != 5) return parse_bad;
      for (uint32_t i = 2; i < 5; i++) {
        if (body[i] > 1) {
          m->refused++;
          return parse_bad;
        }
      }
      m->state = fleet_mqtt_up;
      m->refused = 0;
      *event = fleet_mqtt_connected;
      return parse_event;
    case type_publish:
      *event = fleet_mqtt_message;
      return parse_publish(m, body, remaining, flags);
    case type_puback:
      if (remaining != 2) return parse_bad;
      if (!m->publish_pending || !m->publish_sent || (body[0] << 8 | body[1]) != m->publish_packet_id) {
        return parse_ignored;
      }
      m->publish_pending = m->publish_sent = false;
      m->attempt = 0;
      *event = fleet_mqtt_acked;
      return parse_event;
    case type_pingresp:
      if (remaining != 0) return parse_bad;
      m->ping_us = 0;
      return parse_ignored;
    case type_unsuback:
      return parse_ignored;
    default:
      (void)now_us;
      return parse_bad;
  }
}

static void consume(fleet_mqtt_t *m) {
  m->rx_start = (uint16_t)(m->rx_start + m->rx_consume);
  m->rx_consume = 0;
  if (m->rx_start == m->rx_used) m->rx_start = m->rx_used = 0;
}

// Receives and parses until an event, no more bytes, or a full control buffer (back-pressure).
static fleet_mqtt_event_t receive(fleet_mqtt_t *m, uint64_t now_us) {
  for (uint32_t packets = 0; packets < 16; packets++) {
    if (m->ack_packet_id != 0) {
      const uint8_t ack[4] = {type_puback << 4, 2, (uint8_t)(m->ack_packet_id >> 8), (uint8_t)m->ack_packet_id};
      if (!append_control(m, ack, sizeof ack)) return fleet_mqtt_nothing;
      m->ack_packet_id = 0;
      if (!flush(m, now_us)) return lose(m, now_us);
    }
    consume(m);
    fleet_mqtt_event_t event = fleet_mqtt_nothing;
    parse_t parsed = m->skip == 0 ? parse(m, now_us, &event) : parse_more;
    if (parsed == parse_more) {
      if (m->rx_start != 0) {
        memmove(m->rx, m->rx + m->rx_start, (uint32_t)m->rx_used - m->rx_start);
        m->rx_used = (uint16_t)(m->rx_used - m->rx_start);
        m->rx_start = 0;
      }
      uint32_t room = (uint32_t)FLEET_MQTT_RX_BYTES - m->rx_used;
      if (m->skip != 0 && m->skip < room) room = m->skip;
      const int32_t n = m->platform->net_receive(m->platform->user, m->rx + m->rx_used, room);
      if (n < 0 || (uint32_t)n > room) return lose(m, now_us);
      if (n == 0) return fleet_mqtt_nothing;
      if (m->skip != 0) {
        m->skip -= (uint32_t)n;
      } else {
        m->rx_used = (uint16_t)(m->rx_used + n);
      }
      continue;
    }
    if (parsed == parse_bad) return lose(m, now_us);
    if (m->state == fleet_mqtt_sending_subscribe) {
      // Bytes behind CONNACK would be answers to packets that were never sent.
      if ((uint32_t)m->rx_start + m->rx_consume != m->rx_used) return lose(m, now_us);
      m->rx_consume = 0;
      build_subscribe(m);
      return fleet_mqtt_nothing;
    }
    if (parsed == parse_event) return event;
  }
  m->blocked = true; // more may be waiting: ask to be polled soon
  return fleet_mqtt_nothing;
}

static fleet_mqtt_event_t send_from_rx(fleet_mqtt_t *m, uint64_t now_us, uint8_t next_state) {
  if (!send_some(m, m->rx, &m->rx_start, m->rx_used, now_us)) return lose(m, now_us);
  if (m->rx_start < m->rx_used) return fleet_mqtt_nothing;
  m->rx_start = m->rx_used = m->rx_consume = 0;
  m->state = next_state;
  return receive(m, now_us);
}

static fleet_mqtt_event_t keep_alive(fleet_mqtt_t *m, uint64_t now_us) {
  const uint64_t keepalive_us = (uint64_t)m->keepalive_s * 1000000;
  if (m->ping_us != 0 && now_us - m->ping_us > keepalive_us) return lose(m, now_us);
  if (m->publish_sent && now_us - m->publish_us > (uint64_t)m->ack_timeout_s * 1000000) return lose(m, now_us);
  if (m->ping_us == 0 && now_us - m->last_sent_us >= keepalive_us / 4 * 3) {
    static const uint8_t ping[2] = {type_pingreq << 4, 0};
    if (append_control(m, ping, sizeof ping)) m->ping_us = now_us == 0 ? 1 : now_us;
  }
  return flush(m, now_us) ? fleet_mqtt_nothing : lose(m, now_us);
}

fleet_mqtt_event_t fleet_mqtt_poll(fleet_mqtt_t *m, uint64_t now_us, void (*make_will)(void *, fleet_cbor_writer_t *),
                                   void *user) {
  const fleet_platform_t *platform = m->platform;
  if (m->state == fleet_mqtt_closed) {
    if (now_us < m->deadline_us) return fleet_mqtt_nothing;
    m->state = fleet_mqtt_opening;
    m->deadline_us = now_us + (uint64_t)connect_patience_s * 1000000;
  }
  if (m->state < fleet_mqtt_up && now_us >= m->deadline_us) return lose(m, now_us);
  switch (m->state) {
    case fleet_mqtt_opening: {
      const int32_t opened = platform->net_open(platform->user);
      if (opened < 0) return lose(m, now_us);
      m->stream_open = true;
      if (opened != FLEET_NET_OPEN) return fleet_mqtt_nothing;
      if (!build_connect(m, make_will, user)) return lose(m, now_us);
      m->state = fleet_mqtt_sending_connect;
      return send_from_rx(m, now_us, fleet_mqtt_await_connack);
    }
    case fleet_mqtt_sending_connect:
      return send_from_rx(m, now_us, fleet_mqtt_await_connack);
    case fleet_mqtt_sending_subscribe:
      return send_from_rx(m, now_us, fleet_mqtt_await_suback);
    case fleet_mqtt_await_connack:
    case fleet_mqtt_await_suback: {
      const fleet_mqtt_event_t event = receive(m, now_us);
      if (m->state == fleet_mqtt_sending_subscribe) return send_from_rx(m, now_us, fleet_mqtt_await_suback);
      return event;
    }
    default: {
      const fleet_mqtt_event_t kept = keep_alive(m, now_us);
      return kept != fleet_mqtt_nothing ? kept : receive(m, now_us);
    }
  }
}

uint64_t fleet_mqtt_due_us(const fleet_mqtt_t *m, uint64_t now_us) {
  // Where progress depends on the stream, ask again after 20 ms in case the port has no wake-up for it.
  enum { poll_us = 20000 };
  uint64_t due = m->deadline_us;
  if (m->state == fleet_mqtt_opening || m->state == fleet_mqtt_sending_connect ||
      m->state == fleet_mqtt_sending_subscribe) {
    const uint64_t soon = now_us + poll_us;
    return soon < due ? soon : due;
  }
  if (m->state != fleet_mqtt_up) return due;
  if (m->blocked || (m->ack_packet_id != 0)) return now_us + poll_us;
  const uint64_t keepalive_us = (uint64_t)m->keepalive_s * 1000000;
  due = m->ping_us != 0 ? m->ping_us + keepalive_us + 1 : m->last_sent_us + keepalive_us / 4 * 3;
  if (m->publish_sent) {
    const uint64_t ack = m->publish_us + (uint64_t)m->ack_timeout_s * 1000000 + 1;
    if (ack < due) due = ack;
  }
  return due;
}

bool fleet_mqtt_can_publish(const fleet_mqtt_t *m) { return m->state == fleet_mqtt_up && !m->publish_pending; }

void fleet_mqtt_publish_begin(fleet_mqtt_t *m, const char *suffix, uint32_t qos, fleet_cbor_writer_t *payload) {
  if (qos != 0) {
    *payload = (fleet_cbor_writer_t){m->tx, FLEET_MQTT_TX_BYTES, header_room, false};
    put_topic(m, payload, "/up/", suffix);
    m->publish_packet_id = take_packet_id(m);
    put_u16(payload, m->publish_packet_id);
    return;
  }
  *payload = (fleet_cbor_writer_t){m->ctl, FLEET_MQTT_CTL_BYTES, (uint32_t)m->ctl_used + header_room, false};
  if (payload->used > payload->capacity) {
    payload->used = payload->capacity;
    payload->overflow = true;
  }
  put_topic(m, payload, "/up/", suffix);
}

bool fleet_mqtt_publish_end(fleet_mqtt_t *m, uint32_t qos, const fleet_cbor_writer_t *payload) {
  if (payload->overflow) return false;
  if (qos != 0) {
    m->tx_start = (uint16_t)put_fixed_header(m->tx, header_room, payload->used, type_publish, 1 << 1);
    m->tx_end = (uint16_t)payload->used;
    m->tx_sent = m->tx_start;
    m->publish_pending = true;
    m->publish_sent = false;
    return true;
  }
  // Control packets lie back to back: close the gap that the short form of the length may have left.
  const uint32_t body = (uint32_t)m->ctl_used + header_room;
  const uint32_t start = put_fixed_header(m->ctl, body, payload->used, type_publish, 0);
  const uint32_t gap = start - m->ctl_used;
  if (gap != 0) memmove(m->ctl + m->ctl_used, m->ctl + start, payload->used - start);
  m->ctl_used = (uint16_t)(payload->used - gap);
  return true;
}

void fleet_mqtt_take_back(fleet_mqtt_t *m) {
  m->publish_pending = m->publish_sent = false;
  m->tx_sent = m->tx_start;
}

void fleet_mqtt_disconnect(fleet_mqtt_t *m) {
  if (m->state == fleet_mqtt_up) {
    static const uint8_t packet[2] = {type_disconnect << 4, 0};
    const bool between_packets =
        m->ctl_sent == m->ctl_used && (!m->publish_pending || m->publish_sent || m->tx_sent == m->tx_start);
    if (between_packets) (void)m->platform->net_send(m->platform->user, packet, sizeof packet);
  }
  close_stream(m);
}
