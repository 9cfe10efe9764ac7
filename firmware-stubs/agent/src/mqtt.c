// MQTT 3.1.1 (OASIS, 2014) client, see fleet_mqtt.h. Clauses are cited where a branch obeys one.
#include "fleet_mqtt.h"

#include <stddef.h>
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

enum { connect_patience_s = 30, ack_patience_s = 90, header_room = 3, topic_limit = 33 + FLEET_MQTT_NAME_BYTES };

static const FLEET_CONST_MEMORY char down_suffixes[3][8] = {"desired", "chunk", "ask"};

// Whether `t` has come at `now`.
static bool has_come(fleet_mqtt_time_t now, fleet_mqtt_time_t t) {
  return (int32_t)(now - t) >= 0;
}

static fleet_size_t text_bytes(const FLEET_CONST_MEMORY char *s) {
  fleet_size_t n = 0;
  while (s[n] != 0) n++;
  return n;
}

static fleet_size_t load_be16(const uint8_t *p) { return (fleet_size_t)p[0] << 8 | p[1]; }

static uint32_t random_u32(const fleet_mqtt_t *m) {
  uint32_t r = 0;
  m->platform->entropy(m->platform->user, &r, sizeof r);
  return r;
}

static void close_stream(fleet_mqtt_t *m) {
  if (m->stream_open) m->platform->net_close(m->platform->user);
  const fleet_size_t first = offsetof(fleet_mqtt_t, state);
  memset((uint8_t *)m + first, 0, offsetof(fleet_mqtt_t, keepalive_s) - first); // fleet_mqtt_closed is 0
}

// Exponential back-off to twice the time with jitter in [d/2, d]: a fleet that lost its broker comes back spread out.
static void lose(fleet_mqtt_t *m) {
  close_stream(m);
  const uint32_t half_ms = m->backoff_ms / 2;
  m->deadline = m->now + half_ms + random_u32(m) % (half_ms + 1);
  m->backoff_ms = half_ms >= m->backoff_max_ms / 4 ? m->backoff_max_ms : 2 * m->backoff_ms;
  m->reconnects++;
}

void fleet_mqtt_init(fleet_mqtt_t *m, fleet_mqtt_time_t now) {
  m->state = fleet_mqtt_closed;
  m->backoff_ms = m->backoff_min_ms;
  m->deadline = now + random_u32(m) % (m->backoff_min_ms + 1);
}

// ---- packets -------------------------------------------------------------------------------------------------------

// A string starts with its length in two bytes. Ours are shorter than 256: names are at most 63 bytes, a token 128.
static fleet_size_t string_open(fleet_cbor_writer_t *w) {
  fleet_cbor_raw(w, "\0", 2);
  return w->used;
}

static void string_close(fleet_cbor_writer_t *w, fleet_size_t at) {
  if (!w->overflow) w->buffer[at - 1] = (uint8_t)(w->used - at);
}

static void put_name(const fleet_mqtt_t *m, fleet_cbor_writer_t *w) {
  fleet_cbor_raw_const(w, m->project, m->project_bytes);
  fleet_cbor_byte(w, '/');
  fleet_cbor_raw_const(w, m->device, m->device_bytes);
}

// "<project>/<device>": client id and user name.
static void put_client(const fleet_mqtt_t *m, fleet_cbor_writer_t *w) {
  const fleet_size_t at = string_open(w);
  put_name(m, w);
  string_close(w, at);
}

// direction: "/up/" or "/down/".
static void put_topic(const fleet_mqtt_t *m, fleet_cbor_writer_t *w, const FLEET_CONST_MEMORY char *direction,
                      const FLEET_CONST_MEMORY char *suffix) {
  const fleet_size_t at = string_open(w);
  fleet_cbor_raw_const(w, FLEET_MQTT_WORD("fleet/1/"), 8);
  put_name(m, w);
  fleet_cbor_raw_const(w, direction, text_bytes(direction));
  fleet_cbor_raw_const(w, suffix, text_bytes(suffix));
  string_close(w, at);
}

// Writes the fixed header, `first` its first byte, at `start` of a packet whose body is [start + header_room, used); answers
// the packet's end. Two length bytes at most: every packet of ours is below 16,384 bytes.
static uint16_t seal(const fleet_cbor_writer_t *w, fleet_size_t start, fleet_size_t first) {
  const fleet_size_t n = w->used - start - header_room;
  uint8_t *p = w->buffer + start;
  p[0] = (uint8_t)first;
  if (n > 127) {
    p[1] = (uint8_t)(n | 0x80);
    p[2] = (uint8_t)(n >> 7);
    return (uint16_t)w->used;
  }
  p[1] = (uint8_t)n;
  memmove(p + 2, p + header_room, n);
  return (uint16_t)(w->used - 1);
}

static bool build_connect(fleet_mqtt_t *m, void (*make_will)(void *, fleet_cbor_writer_t *), void *user) {
  fleet_cbor_writer_t w = {m->rx, FLEET_MQTT_RX_BYTES, header_room, false};
  // Protocol name and level 4; flags: user name, password, will QoS 1, will, clean session; keep-alive.
  const fleet_size_t has_token = m->token_bytes != 0;
  const uint8_t head[] = {0, 4, 'M', 'Q', 'T', 'T', 4, (uint8_t)(0x80 | has_token << 6 | 1 << 3 | 1 << 2 | 1 << 1),
                          (uint8_t)(m->keepalive_s >> 8), (uint8_t)m->keepalive_s};
  fleet_cbor_raw(&w, head, sizeof head);
  put_client(m, &w);
  put_topic(m, &w, FLEET_MQTT_WORD("/up/"), FLEET_MQTT_WORD("state"));
  fleet_size_t at = string_open(&w);
  make_will(user, &w);
  string_close(&w, at);
  put_client(m, &w);
  if (has_token) {
    at = string_open(&w);
    fleet_cbor_raw_const(&w, m->token, m->token_bytes);
    string_close(&w, at);
  }
  if (w.overflow) return false;
  m->rx_used = seal(&w, 0, type_connect << 4);
  return true;
}

static void build_subscribe(fleet_mqtt_t *m) {
  fleet_cbor_writer_t w = {m->rx, FLEET_MQTT_RX_BYTES, header_room, false};
  fleet_cbor_raw(&w, "\0\1", 2); // packet id: no other packet is under way before its answer
  put_topic(m, &w, FLEET_MQTT_WORD("/down/"), FLEET_MQTT_WORD("#"));
  fleet_cbor_byte(&w, 1); // QoS
  m->rx_used = seal(&w, 0, type_subscribe << 4 | 2);
}

// ---- sending -------------------------------------------------------------------------------------------------------

// Sends buffer[*sent, end). False when the stream is gone.
static bool send_some(fleet_mqtt_t *m, const uint8_t *buffer, uint16_t *sent, fleet_size_t end) {
  const fleet_size_t left = end - *sent;
  if (left == 0) return true;
  const int32_t n = m->platform->net_send(m->platform->user, buffer + *sent, left);
  if (n < 0 || (fleet_size_t)n > left) return false;
  *sent = (uint16_t)(*sent + n);
  m->blocked = (fleet_size_t)n < left;
  if (n > 0) m->last_sent = m->now;
  return true;
}

// A packet of nothing but an id, or not even that: 0.
static bool append_control(fleet_mqtt_t *m, fleet_size_t type, fleet_size_t id) {
  const uint8_t packet[4] = {(uint8_t)(type << 4), id == 0 ? 0 : 2, (uint8_t)(id >> 8), (uint8_t)id};
  const fleet_size_t n = 2u + packet[1];
  if ((fleet_size_t)FLEET_MQTT_CTL_BYTES - m->ctl_used < n) return false;
  memcpy(m->ctl + m->ctl_used, packet, n);
  m->ctl_used = (uint16_t)(m->ctl_used + n);
  return true;
}

static bool send_control(fleet_mqtt_t *m) {
  if (!send_some(m, m->ctl, &m->ctl_sent, m->ctl_used)) return false;
  if (m->ctl_sent == m->ctl_used) m->ctl_sent = m->ctl_used = 0;
  return true;
}

// Packets never interleave: a started publish is finished first, then control packets, then the next publish.
static bool flush(fleet_mqtt_t *m) {
  const bool publish_open = m->publish_pending && !m->publish_sent;
  m->blocked = false;
  if (!(publish_open && m->tx_sent != 0) && !send_control(m)) return false;
  if (m->blocked || !publish_open) return true;
  if (!send_some(m, m->tx, &m->tx_sent, m->tx_end)) return false;
  if (m->blocked) return true;
  m->publish_sent = true;
  m->published = m->now;
  return send_control(m);
}

// ---- receiving -----------------------------------------------------------------------------------------------------

enum { parse_more = -1, parse_subscribe = -2 }; // besides the events

static fleet_size_t down_kind(const fleet_mqtt_t *m, const uint8_t *topic, fleet_size_t n) {
  for (fleet_size_t i = 0; i < fleet_down_unknown; i++) {
    uint8_t own[topic_limit];
    fleet_cbor_writer_t w = {own, sizeof own, 0, false};
    put_topic(m, &w, FLEET_MQTT_WORD("/down/"), down_suffixes[i]);
    if (n >= w.used && memcmp(topic, own, w.used) == 0) return i; // with its length in front
  }
  return fleet_down_unknown;
}

static int32_t parse_publish(fleet_mqtt_t *m, const uint8_t *body, fleet_size_t n, fleet_size_t flags) {
  const fleet_size_t qos = (flags >> 1) & 3;
  // QoS 3 is malformed [MQTT-3.3.1-4]; QoS 2 was never granted by our subscription.
  if (qos > 1 || n < 2) return fleet_mqtt_lost;
  const fleet_size_t topic_end = 2 + load_be16(body);
  const fleet_size_t head = topic_end + 2 * qos;
  if (n < head) return fleet_mqtt_lost;
  if (qos == 1) {
    m->ack_packet_id = (uint16_t)load_be16(body + topic_end);
    if (m->ack_packet_id == 0) return fleet_mqtt_lost; // [MQTT-2.3.1-1]
  }
  m->topic_kind = (uint8_t)down_kind(m, body, n);
  m->payload = body + head;
  m->payload_bytes = n - head;
  return m->topic_kind == fleet_down_unknown ? fleet_mqtt_nothing : fleet_mqtt_message;
}

// Looks at the first packet received: parse_more, fleet_mqtt_lost when it is malformed or refuses us, else what it means;
// rx_consume is then its size, or what is here of one that is too large.
static int32_t parse(fleet_mqtt_t *m) {
  const uint8_t *body = m->rx + 1;
  const fleet_size_t have = m->rx_used;
  uint32_t remaining = 0;
  for (fleet_size_t shift = 0;; shift += 7) {
    if (shift == 28) return fleet_mqtt_lost; // more than four length bytes [MQTT-2.2.3]
    if (body >= m->rx + have) return parse_more;
    remaining |= (uint32_t)(*body & 127) << shift;
    if ((*body++ & 128) == 0) break;
  }
  const fleet_size_t type = m->rx[0] >> 4;
  const fleet_size_t flags = m->rx[0] & 15;
  if (type != type_publish && flags != 0) return fleet_mqtt_lost; // [MQTT-2.2.2-2]
  // Of a packet too large for this device as much as there is room for is looked at: it is acknowledged, or the broker would
  // offer it again, and dropped.
  const fleet_size_t room = FLEET_MQTT_RX_BYTES - (fleet_size_t)(body - m->rx);
  const fleet_size_t n = (fleet_size_t)(remaining < room ? remaining : room);
  m->rx_consume = (uint16_t)(FLEET_MQTT_RX_BYTES - room + n);
  if (have < m->rx_consume) {
    m->rx_consume = 0;
    return parse_more;
  }
  // CONNACK comes first [MQTT-3.2.0-1] and only once.
  if ((m->state == fleet_mqtt_await_connack) != (type == type_connack)) return fleet_mqtt_lost;
  if (type == type_publish) {
    const int32_t event = parse_publish(m, body, n, flags);
    if (n == remaining || event == fleet_mqtt_lost) return event;
    m->too_large++;
    m->skip = remaining - n;
    return fleet_mqtt_nothing;
  }
  if (type == type_puback && remaining == 2) {
    if (!m->publish_sent || load_be16(body) != m->publish_packet_id) return fleet_mqtt_nothing;
    m->publish_pending = m->publish_sent = false;
    m->backoff_ms = m->backoff_min_ms;
    return fleet_mqtt_acked;
  }
  if (type == type_pingresp && remaining == 0) {
    m->ping = 0;
    return fleet_mqtt_nothing;
  }
  // Bytes behind CONNACK would be answers to packets that were never sent.
  if (type == type_connack && remaining == 2 && (body[0] | body[1]) == 0 && have == m->rx_consume) return parse_subscribe;
  if (type == type_suback && remaining == 3 && body[2] <= 1 && m->state == fleet_mqtt_await_suback) {
    m->state = fleet_mqtt_up;
    return fleet_mqtt_connected;
  }
  return fleet_mqtt_lost;
}

// Receives and parses until an event, no more bytes, or a full control buffer (back-pressure).
static int32_t receive(fleet_mqtt_t *m) {
  for (fleet_size_t packets = 0; packets < 16; packets++) {
    if (m->ack_packet_id != 0) {
      if (!append_control(m, type_puback, m->ack_packet_id)) return fleet_mqtt_nothing;
      m->ack_packet_id = 0;
      if (!flush(m)) return fleet_mqtt_lost;
    }
    m->rx_used = (uint16_t)(m->rx_used - m->rx_consume);
    memmove(m->rx, m->rx + m->rx_consume, m->rx_used);
    m->rx_consume = 0;
    const int32_t event = m->skip == 0 ? parse(m) : parse_more;
    if (event == parse_more) {
      fleet_size_t room = (fleet_size_t)FLEET_MQTT_RX_BYTES - m->rx_used;
      if (m->skip != 0 && m->skip < room) room = (fleet_size_t)m->skip;
      const int32_t n = m->platform->net_receive(m->platform->user, m->rx + m->rx_used, room);
      if (n < 0 || (fleet_size_t)n > room) return fleet_mqtt_lost;
      if (n == 0) return fleet_mqtt_nothing;
      m->rx_used = (uint16_t)(m->rx_used + n);
      if (m->skip != 0) {
        m->skip -= (uint32_t)n;
        m->rx_consume = m->rx_used;
      }
      continue;
    }
    if (event != fleet_mqtt_nothing) return event;
  }
  m->blocked = true; // more may be waiting: ask to be polled soon
  return fleet_mqtt_nothing;
}

// ---- the session ---------------------------------------------------------------------------------------------------

// A ping goes out when three quarters of the keep-alive have passed without a packet of ours.
static fleet_mqtt_time_t ping_due(const fleet_mqtt_t *m) { return m->last_sent + (fleet_mqtt_time_t)m->keepalive_s * 750; }

// When a session has something to do although no byte arrives: a ping is due, or an answer is missing.
static fleet_mqtt_time_t session_due(const fleet_mqtt_t *m) {
  const fleet_mqtt_time_t due = m->ping != 0 ? m->ping + (fleet_mqtt_time_t)m->keepalive_s * 1000 + 1 : ping_due(m);
  const fleet_mqtt_time_t ack = m->published + (fleet_mqtt_time_t)ack_patience_s * 1000 + 1;
  return m->publish_sent && !has_come(ack, due) ? ack : due;
}

static bool keep_alive(fleet_mqtt_t *m) {
  if (has_come(m->now, session_due(m))) {
    if (m->ping != 0 || !has_come(m->now, ping_due(m))) return false;
    if (append_control(m, type_pingreq, 0)) m->ping = m->now | 1; // 0 = none
  }
  return flush(m);
}

static fleet_mqtt_event_t advance(fleet_mqtt_t *m, void (*make_will)(void *, fleet_cbor_writer_t *), void *user) {
  const fleet_mqtt_time_t now = m->now;
  if (m->state == fleet_mqtt_closed) {
    if (!has_come(now, m->deadline)) return fleet_mqtt_nothing;
    m->state = fleet_mqtt_opening;
    m->deadline = now + (fleet_mqtt_time_t)connect_patience_s * 1000;
  }
  if (m->state < fleet_mqtt_up && has_come(now, m->deadline)) return fleet_mqtt_lost;
  if (m->state == fleet_mqtt_opening) {
    const int32_t opened = m->platform->net_open(m->platform->user);
    if (opened < 0) return fleet_mqtt_lost;
    m->stream_open = true;
    if (opened != FLEET_NET_OPEN) return fleet_mqtt_nothing;
    if (!build_connect(m, make_will, user)) return fleet_mqtt_lost;
    m->state = fleet_mqtt_sending_connect;
  }
  for (;;) {
    if (m->state == fleet_mqtt_sending_connect || m->state == fleet_mqtt_sending_subscribe) {
      if (!send_some(m, m->rx, &m->rx_sent, m->rx_used)) return fleet_mqtt_lost;
      if (m->rx_sent < m->rx_used) return fleet_mqtt_nothing;
      m->rx_sent = m->rx_used = 0;
      m->state++; // its answer is awaited
    } else if (m->state == fleet_mqtt_up && !keep_alive(m)) {
      return fleet_mqtt_lost;
    }
    const int32_t event = receive(m);
    if (event != parse_subscribe) return (fleet_mqtt_event_t)event;
    m->rx_consume = 0;
    m->state = fleet_mqtt_sending_subscribe;
    build_subscribe(m);
  }
}

fleet_mqtt_event_t fleet_mqtt_poll(fleet_mqtt_t *m, fleet_mqtt_time_t now, void (*make_will)(void *, fleet_cbor_writer_t *),
                                   void *user) {
  m->now = now;
  const fleet_mqtt_event_t event = advance(m, make_will, user);
  if (event == fleet_mqtt_lost) lose(m);
  return event;
}

fleet_mqtt_time_t fleet_mqtt_due(const fleet_mqtt_t *m, fleet_mqtt_time_t now) {
  // Where progress depends on the stream, ask again after 20 ms in case the port has no wake-up for it.
  const fleet_mqtt_time_t soon = now + 20;
  switch (m->state) {
    case fleet_mqtt_opening:
    case fleet_mqtt_sending_connect:
    case fleet_mqtt_sending_subscribe:
      return has_come(m->deadline, soon) ? soon : m->deadline;
    case fleet_mqtt_up:
      if (m->blocked || m->ack_packet_id != 0) return soon;
      return m->ctl_sent < m->ctl_used ? now : session_due(m); // now: a QoS 0 publish made after the poll
    default:
      return m->deadline;
  }
}

bool fleet_mqtt_flush(fleet_mqtt_t *m) {
  if (m->state != fleet_mqtt_up) return true;
  const bool more = m->blocked; // the poll has left something behind
  const bool ok = flush(m);
  m->blocked = m->blocked || more;
  return ok;
}

bool fleet_mqtt_can_publish(const fleet_mqtt_t *m) { return m->state == fleet_mqtt_up && !m->publish_pending; }

void fleet_mqtt_publish_begin(fleet_mqtt_t *m, const FLEET_CONST_MEMORY char *suffix, fleet_size_t qos, fleet_cbor_writer_t *payload) {
  uint8_t *buffer = m->tx;
  fleet_size_t capacity = FLEET_MQTT_TX_BYTES;
  fleet_size_t body = header_room;
  if (qos == 0) {
    buffer = m->ctl;
    capacity = FLEET_MQTT_CTL_BYTES;
    body += m->ctl_used;
  }
  *payload = (fleet_cbor_writer_t){buffer, capacity, body, body > capacity};
  put_topic(m, payload, FLEET_MQTT_WORD("/up/"), suffix);
  if (qos != 0) {
    // Non-zero [MQTT-2.3.1-1]; with one publish in flight it cannot collide.
    if (++m->publish_packet_id == 0) m->publish_packet_id = 1;
    fleet_cbor_byte(payload, (fleet_size_t)m->publish_packet_id >> 8);
    fleet_cbor_byte(payload, m->publish_packet_id);
  }
}

bool fleet_mqtt_publish_end(fleet_mqtt_t *m, fleet_size_t qos, const fleet_cbor_writer_t *payload) {
  if (payload->overflow) return false;
  if (qos == 0) {
    m->ctl_used = seal(payload, m->ctl_used, type_publish << 4);
    return true;
  }
  m->tx_end = seal(payload, 0, type_publish << 4 | 1 << 1);
  m->tx_sent = 0;
  m->publish_pending = true;
  m->publish_sent = false;
  return true;
}

void fleet_mqtt_take_back(fleet_mqtt_t *m) {
  m->publish_pending = m->publish_sent = false;
  m->tx_sent = 0;
}

void fleet_mqtt_disconnect(fleet_mqtt_t *m) {
  if (m->state == fleet_mqtt_up) {
    static const uint8_t packet[2] = {type_disconnect << 4, 0};
    const bool between_packets = m->ctl_sent == m->ctl_used && (!m->publish_pending || m->publish_sent || m->tx_sent == 0);
    if (between_packets) (void)m->platform->net_send(m->platform->user, packet, sizeof packet);
  }
  close_stream(m);
}

void fleet_mqtt_connect_at(fleet_mqtt_t *m, fleet_mqtt_time_t at) {
  if (m->state == fleet_mqtt_closed) m->deadline = at;
}
