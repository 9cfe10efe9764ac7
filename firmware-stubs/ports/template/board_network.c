// One byte stream to the broker: a TCP or TLS socket, or a modem's. Host, port, tls and certificates are in the parameters,
// `user`. The agent brings MQTT, time-outs, back-off and pings; here are bytes only.
#include "board.h"

int32_t board_net_open(void *user) {
  // Called again and again until the stream is open: start once, then tell how far it is. A negative answer means that the
  // attempt has failed and that you have cleaned up; board_net_close is then not called.
  // With tls: verify the broker by the authority in the parameters, or a certificate is worth nothing.
  //   Zephyr: zsock_socket, O_NONBLOCK, zsock_connect, TLS_SEC_TAG_LIST     ESP-IDF: esp_tls_conn_new_async
  //   lwIP: tcp_connect and its callback     modem: AT+CIPSTART, one command of the exchange per call
  (void)user;
  return -1; // FLEET_NET_PENDING, FLEET_NET_OPEN, or negative
}

int32_t board_net_send(void *user, const void *src, uint32_t n) {
  // How many bytes were taken, 0 when none can be now; negative when the stream is gone.
  (void)user;
  (void)src;
  (void)n;
  return -1;
}

int32_t board_net_receive(void *user, void *dst, uint32_t n) {
  // How many bytes came, 0 when none is there; negative when the stream has ended.
  (void)user;
  (void)dst;
  (void)n;
  return -1;
}

void board_net_close(void *user) { (void)user; }
