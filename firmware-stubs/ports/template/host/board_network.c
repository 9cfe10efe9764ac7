// A non-blocking TCP socket to a broker named by its address. A name would have to be resolved without blocking, and `tls` is
// refused rather than ignored: both are in the POSIX port.
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board.h"

int host_socket = -1; // board_wait in board_system.c polls it

static int32_t fail(void) {
  if (host_socket >= 0) (void)close(host_socket);
  host_socket = -1;
  return -1;
}

static int32_t start(const fleet_device_parameters_t *p) {
  char host[64] = {0};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)p->broker_port)};
  if (p->tls || p->broker_host.bytes >= sizeof host) return -1;
  memcpy(host, p->broker_host.at, p->broker_host.bytes);
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) return -1;
  host_socket = socket(AF_INET, SOCK_STREAM, 0);
  if (host_socket < 0 || fcntl(host_socket, F_SETFL, O_NONBLOCK) != 0) return fail();
  if (connect(host_socket, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) return fail();
  return FLEET_NET_PENDING;
}

int32_t board_net_open(void *user) {
  if (host_socket < 0) return start(user);
  int error = 0;
  socklen_t bytes = sizeof error;
  struct pollfd ready = {.fd = host_socket, .events = POLLOUT};
  if (poll(&ready, 1, 0) == 0) return FLEET_NET_PENDING;
  if (getsockopt(host_socket, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 || error != 0) return fail();
  return FLEET_NET_OPEN;
}

static int32_t moved(ssize_t n) {
  if (n > 0) return (int32_t)n;
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

int32_t board_net_send(void *user, const void *src, uint32_t n) {
  (void)user;
  return moved(send(host_socket, src, n, MSG_NOSIGNAL));
}

int32_t board_net_receive(void *user, void *dst, uint32_t n) {
  (void)user;
  return n == 0 ? 0 : moved(recv(host_socket, dst, n, 0));
}

void board_net_close(void *user) {
  (void)user;
  (void)fail();
}
