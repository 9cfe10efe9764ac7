// The byte stream to the broker: resolve, connect, TLS when the parameters say so, then bytes; nothing here blocks.
#ifndef STREAM_H
#define STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "resolver.h"
#include "tls.h"

enum { STREAM_POLL_FDS = 1 };

typedef struct {
  int state;
  int fd;
  uint16_t port;
  uint32_t tried; // addresses of the resolver's answer
  bool blocked;   // the socket took less than it was given
  tls_t *tls;     // NULL = plain
  resolver_t resolver;
  char host[256];
  char problem[200]; // why the last open failed
} stream_t;

// NULL, or why the parameters cannot be used.
const char *stream_init(stream_t *stream, const fleet_device_parameters_t *parameters);
void stream_destroy(stream_t *stream);

// As in fleet_platform.h.
int32_t stream_open(stream_t *stream);
int32_t stream_send(stream_t *stream, const void *src, uint32_t n);
int32_t stream_receive(stream_t *stream, void *dst, uint32_t n);
void stream_close(stream_t *stream);

// Fills in what to poll for; fd -1 when there is nothing. True: do not sleep, bytes are there already.
bool stream_poll(const stream_t *stream, struct pollfd *fd);
// After the poll.
void stream_settle(stream_t *stream);

#endif
