// TLS of the system's OpenSSL over a connected, non-blocking socket. Built without it (FLEET_POSIX_TLS undefined), setting up
// answers that there is none.
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet_device.h"

typedef struct tls tls_t;

// The identity and trust of all sessions, from the parameters. NULL and *problem when a certificate or key is unusable.
tls_t *tls_create(const fleet_device_parameters_t *parameters, const char *host, const char **problem);
void tls_destroy(tls_t *tls);

// A session on `fd`. false: no memory.
bool tls_start(tls_t *tls, int fd);
void tls_stop(tls_t *tls);

// 1 = the peer is who it should be, 0 = in progress, -1 = refused; tls_problem then says why.
int32_t tls_handshake(tls_t *tls);
const char *tls_problem(const tls_t *tls);

// As net_send and net_receive of fleet_platform.h. Bytes taken are kept until the socket takes them.
int32_t tls_send(tls_t *tls, const void *src, uint32_t n);
int32_t tls_receive(tls_t *tls, void *dst, uint32_t n);
// Tries again what the socket did not take; -1 = the stream is gone.
int32_t tls_flush(tls_t *tls);

// What the session waits for, and whether bytes are there that no poll will tell of.
bool tls_wants_write(const tls_t *tls);
bool tls_has_bytes(const tls_t *tls);

#endif
