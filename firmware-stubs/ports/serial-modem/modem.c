// The calls of a modem on a serial line, see modem.h.
#include "modem.h"

#include <stdbool.h>
#include <stddef.h>

#include "serial.h"

enum { escape = 0x10, first_call_number = 0x20, call_numbers = 0x7f - first_call_number };
enum { out_bytes = 16 };

typedef enum { call_idle = 0, call_dialing, call_open, call_over } call_state_t;

static struct {
  uint8_t out[out_bytes]; // escapes that wait for the transmitter, [out_sent, out_used)
  uint8_t out_sent, out_used;
  uint8_t number;  // of the call, 0..call_numbers - 1
  uint8_t state;   // call_state_t
  uint8_t escaped; // 0, or `escape`, or the letter whose call number comes next
} line;

// ---- bytes ---------------------------------------------------------------------------------------------------------

static bool flush(void) {
  while (line.out_sent != line.out_used) {
    if (!serial_put(line.out[line.out_sent])) return false;
    line.out_sent++;
  }
  line.out_sent = line.out_used = 0;
  return true;
}

// Whole or not at all. A line that has stood still for so long is lost: the agent's patience ends the call.
static void send_escape(const uint8_t *bytes, uint8_t n) {
  if (n > out_bytes - line.out_used) return;
  for (uint8_t i = 0; i < n; i++) line.out[line.out_used++] = bytes[i];
  (void)flush();
}

static void say(char letter) {
  const uint8_t signal[3] = {escape, (uint8_t)letter, (uint8_t)(first_call_number + line.number)};
  send_escape(signal, sizeof signal);
}

// ---- calls ---------------------------------------------------------------------------------------------------------

static void on_signal(uint8_t letter, uint8_t number) {
  if (number != first_call_number + line.number) return;
  if (letter == 'C' && line.state == call_dialing) line.state = call_open;
  if (letter == 'H' && (line.state == call_dialing || line.state == call_open)) line.state = call_over;
}

// Reads on until a data byte of the open call, the end of what came, or the end of the call.
static bool next_data(uint8_t *data) {
  uint8_t byte;
  while (line.state != call_over && serial_take(&byte)) {
    if (line.escaped == 0) {
      if (byte == escape) {
        line.escaped = escape;
        continue;
      }
    } else if (line.escaped != escape) {
      on_signal(line.escaped, byte);
      line.escaped = 0;
      if (line.state == call_open && data == NULL) return true;
      continue;
    } else if (byte != escape) {
      line.escaped = byte;
      continue;
    } else {
      line.escaped = 0;
    }
    if (line.state != call_open) continue;
    *data = byte;
    return true;
  }
  return false;
}

int32_t modem_open(void) {
  if (line.state == call_idle) {
    line.number = (uint8_t)((line.number + 1) % call_numbers);
    line.state = call_dialing;
    say('D');
    return 0;
  }
  (void)flush();
  if (line.state == call_dialing) (void)next_data(NULL); // returns at the connect, before the first data byte
  if (line.state == call_open) return 1;
  if (line.state == call_dialing) return 0;
  line.state = call_idle;
  return -1;
}

int32_t modem_send(const uint8_t *src, fleet_size_t n) {
  if (line.state != call_open) return -1;
  fleet_size_t sent = 0;
  while (sent < n && flush()) {
    if (src[sent] == escape) {
      const uint8_t pair[2] = {escape, escape};
      send_escape(pair, sizeof pair);
    } else if (!serial_put(src[sent])) {
      break;
    }
    sent++;
  }
  return (int32_t)sent;
}

int32_t modem_receive(uint8_t *dst, fleet_size_t n) {
  (void)flush();
  fleet_size_t got = 0;
  while (got < n && next_data(&dst[got])) got++;
  // What came before the end of the call is handed out first.
  return got == 0 && line.state != call_open ? -1 : (int32_t)got;
}

void modem_close(void) {
  if (line.state == call_dialing || line.state == call_open) say('H');
  line.state = call_idle;
}

void modem_start(uint32_t first_call) {
  line.number = (uint8_t)(first_call % call_numbers);
  serial_start();
  say('H'); // of whatever call a reset has left open
}
