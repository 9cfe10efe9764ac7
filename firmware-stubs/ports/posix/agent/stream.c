// One attempt goes through closed, resolving, connecting, handshake, open; each call of stream_open moves it as far as it can go.
#define _POSIX_C_SOURCE 200809L
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 // SIGPIPE is ignored anyway
#endif

enum { state_closed = 0, state_resolving, state_connecting, state_handshake, state_open };

const char *stream_init(stream_t *s, const fleet_device_parameters_t *p) {
  const char *problem = NULL;
  memset(s, 0, sizeof *s);
  s->fd = s->resolver.fd = -1;
  s->port = (uint16_t)p->broker_port;
  memcpy(s->host, p->broker_host.at, p->broker_host.bytes); // at most 255, so it is terminated
  if (p->tls) s->tls = tls_create(p, s->host, &problem);
  return problem;
}

void stream_destroy(stream_t *s) {
  stream_close(s);
  tls_destroy(s->tls);
}

void stream_close(stream_t *s) {
  resolver_stop(&s->resolver);
  if (s->tls != NULL) tls_stop(s->tls);
  if (s->fd >= 0) (void)close(s->fd);
  s->fd = -1;
  s->state = state_closed;
  s->blocked = false;
}

static int32_t fail(stream_t *s, const char *what) {
  (void)snprintf(s->problem, sizeof s->problem, "%s", what);
  stream_close(s);
  return -1;
}

// The next address that a socket can be made for. False: none is left.
static bool connect_next(stream_t *s) {
  const int on = 1;
  while (s->tried < s->resolver.count) {
    const resolver_address_t *a = &s->resolver.addresses[s->tried++];
    s->fd = socket(a->address.ss_family, SOCK_STREAM, 0);
    if (s->fd < 0) continue;
    (void)fcntl(s->fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(s->fd, F_SETFL, O_NONBLOCK);
    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(s->fd, (const struct sockaddr *)&a->address, a->bytes) == 0 || errno == EINPROGRESS) return true;
    (void)close(s->fd);
    s->fd = -1;
  }
  return false;
}

static int32_t connected(stream_t *s) {
  if (s->tls == NULL) {
    s->state = state_open;
    return FLEET_NET_OPEN;
  }
  if (!tls_start(s->tls, s->fd)) return fail(s, "no TLS session");
  s->state = state_handshake;
  return FLEET_NET_PENDING;
}

static int32_t await_connect(stream_t *s) {
  int error = 0;
  socklen_t bytes = sizeof error;
  struct pollfd ready = {.fd = s->fd, .events = POLLOUT, .revents = 0};
  if (poll(&ready, 1, 0) == 0) return FLEET_NET_PENDING;
  if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) error = errno;
  if (error == 0) return connected(s);
  (void)close(s->fd);
  s->fd = -1;
  return connect_next(s) ? FLEET_NET_PENDING : fail(s, strerror(error));
}

int32_t stream_open(stream_t *s) {
  if (s->state == state_closed) {
    resolver_start(&s->resolver, s->host, s->port);
    s->tried = 0;
    s->state = state_resolving;
  }
  if (s->state == state_resolving) {
    const int known = resolver_poll(&s->resolver);
    if (known == 0) return FLEET_NET_PENDING;
    if (known < 0) return fail(s, "the host name is not known");
    if (!connect_next(s)) return fail(s, strerror(errno));
    s->state = state_connecting;
  }
  int32_t result = FLEET_NET_PENDING;
  if (s->state == state_connecting) result = await_connect(s);
  if (result == FLEET_NET_PENDING && s->state == state_handshake) {
    result = tls_handshake(s->tls);
    if (result < 0) return fail(s, tls_problem(s->tls));
    if (result == FLEET_NET_OPEN) s->state = state_open;
  }
  return result;
}

int32_t stream_send(stream_t *s, const void *src, uint32_t n) {
  if (s->state != state_open) return -1;
  int32_t sent;
  if (s->tls != NULL) {
    sent = tls_send(s->tls, src, n);
  } else {
    const ssize_t done = send(s->fd, src, n, MSG_NOSIGNAL);
    sent = done >= 0 ? (int32_t)done : errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
  }
  s->blocked = sent >= 0 && (uint32_t)sent < n;
  return sent;
}

int32_t stream_receive(stream_t *s, void *dst, uint32_t n) {
  if (s->state != state_open) return -1;
  if (s->tls != NULL) return tls_receive(s->tls, dst, n);
  if (n == 0) return 0;
  const ssize_t got = recv(s->fd, dst, n, 0);
  if (got > 0) return (int32_t)got;
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

bool stream_poll(const stream_t *s, struct pollfd *fd) {
  fd->fd = s->state == state_resolving ? s->resolver.fd : s->fd;
  fd->events = s->state == state_connecting ? POLLOUT : POLLIN;
  fd->revents = 0;
  if (s->state < state_handshake || s->state > state_open) return false;
  if (s->blocked || (s->tls != NULL && tls_wants_write(s->tls))) fd->events |= POLLOUT;
  return s->state == state_open && s->tls != NULL && tls_has_bytes(s->tls);
}

void stream_settle(stream_t *s) {
  // A failure shows in the agent's next send or receive.
  if (s->state == state_open && s->tls != NULL) (void)tls_flush(s->tls);
}
