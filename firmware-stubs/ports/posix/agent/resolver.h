// Host name to addresses without blocking: a child process asks the system and writes the answer into a pipe.
#ifndef RESOLVER_H
#define RESOLVER_H

#include <stdint.h>
#include <sys/socket.h>

enum { RESOLVER_ADDRESSES = 6 };

typedef struct {
  struct sockaddr_storage address;
  socklen_t bytes;
} resolver_address_t;

typedef struct {
  int fd; // readable when there is an answer, -1 = nothing is asked
  uint32_t count;
  resolver_address_t addresses[RESOLVER_ADDRESSES];
} resolver_t;

// Addresses are there at once. Otherwise, or when no child could be started, the count is 0.
void resolver_start(resolver_t *resolver, const char *host, uint16_t port);
// 1 = addresses are there, 0 = not yet, -1 = the host is not known.
int resolver_poll(resolver_t *resolver);
void resolver_stop(resolver_t *resolver);

#endif
