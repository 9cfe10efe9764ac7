// Names are checked against the certificate (RFC 6125 as OpenSSL does it), addresses against its IP entries. TLS 1.2 is the
// least. Nothing is cached between sessions.
#define _POSIX_C_SOURCE 200809L
#include "tls.h"

#ifdef FLEET_POSIX_TLS

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { out_bytes = 2048 };

struct tls {
  SSL_CTX *context;
  SSL *session;
  const char *host;
  bool host_is_address;
  bool wants_write;
  char problem[160];
  uint32_t used; // of out: handed over by the agent, not yet by OpenSSL
  uint8_t out[out_bytes];
};

static BIO *memory(fleet_text_t text) { return BIO_new_mem_buf(text.at, (int)text.bytes); }

// Every certificate of a PEM text is trusted, or sent along.
static int each_certificate(fleet_text_t text, int (*take)(SSL_CTX *, X509 *, int), SSL_CTX *context) {
  BIO *bio = memory(text);
  int count = 0;
  bool ok = bio != NULL;
  while (ok) {
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (certificate == NULL) break;
    ok = take(context, certificate, count) == 1;
    count++;
    X509_free(certificate);
  }
  BIO_free(bio);
  ERR_clear_error(); // the end of the text is told as an error
  return ok ? count : 0;
}

static int trust(SSL_CTX *context, X509 *certificate, int index) {
  (void)index;
  return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
}

static int present(SSL_CTX *context, X509 *certificate, int index) {
  return index == 0 ? SSL_CTX_use_certificate(context, certificate)
                    : (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static bool use_key(SSL_CTX *context, fleet_text_t text) {
  BIO *bio = memory(text);
  EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
  const bool ok = key != NULL && SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
  EVP_PKEY_free(key);
  BIO_free(bio);
  return ok;
}

static const char *configure(tls_t *tls, const fleet_device_parameters_t *p) {
  SSL_CTX *c = tls->context;
  if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1) return "OpenSSL has no TLS 1.2";
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  if (p->authority.bytes == 0) {
    if (SSL_CTX_set_default_verify_paths(c) != 1) return "the system has no list of authorities";
  } else if (each_certificate(p->authority, trust, c) == 0) {
    return "the authority is no certificate in PEM";
  }
  if (p->certificate.bytes == 0) return NULL;
  if (each_certificate(p->certificate, present, c) == 0) return "the client certificate is none in PEM";
  return use_key(c, p->private_key) ? NULL : "the private key is not that of the client certificate";
}

tls_t *tls_create(const fleet_device_parameters_t *p, const char *host, const char **problem) {
  uint8_t address[sizeof(struct in6_addr)];
  *problem = "no memory for TLS";
  tls_t *tls = calloc(1, sizeof *tls);
  if (tls == NULL) return NULL;
  tls->host = host;
  tls->host_is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
  tls->context = SSL_CTX_new(TLS_client_method());
  if (tls->context != NULL) *problem = configure(tls, p);
  if (*problem == NULL) return tls;
  tls_destroy(tls);
  return NULL;
}

void tls_destroy(tls_t *tls) {
  if (tls == NULL) return;
  tls_stop(tls);
  SSL_CTX_free(tls->context);
  free(tls);
}

bool tls_start(tls_t *tls, int fd) {
  tls_stop(tls);
  tls->session = SSL_new(tls->context);
  if (tls->session == NULL) return false;
  const int named = tls->host_is_address
                        ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->session), tls->host)
                        : SSL_set1_host(tls->session, tls->host) == 1 &&
                              SSL_set_tlsext_host_name(tls->session, tls->host) == 1;
  return named == 1 && SSL_set_fd(tls->session, fd) == 1;
}

void tls_stop(tls_t *tls) {
  if (tls->session != NULL) {
    (void)SSL_shutdown(tls->session); // tells the peer if the socket takes it; the answer is not waited for
    SSL_free(tls->session);
    ERR_clear_error();
  }
  tls->session = NULL;
  tls->used = 0;
  tls->wants_write = false;
}

static void note(tls_t *tls) {
  const long verified = SSL_get_verify_result(tls->session);
  const unsigned long error = ERR_peek_error();
  const char *text = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                     : error != 0          ? ERR_reason_error_string(error)
                                           : "the connection was closed";
  (void)strncpy(tls->problem, text != NULL ? text : "unknown", sizeof tls->problem - 1);
}

// What the last call of the session asks for: 0 = try again, -1 = over.
static int32_t again(tls_t *tls, int result) {
  const int error = SSL_get_error(tls->session, result);
  tls->wants_write = error == SSL_ERROR_WANT_WRITE;
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

int32_t tls_handshake(tls_t *tls) {
  ERR_clear_error();
  const int result = SSL_connect(tls->session);
  if (result == 1) {
    tls->wants_write = false;
    return 1;
  }
  const int32_t next = again(tls, result);
  if (next < 0) note(tls);
  return next;
}

const char *tls_problem(const tls_t *tls) { return tls->problem; }

int32_t tls_flush(tls_t *tls) {
  while (tls->used != 0) {
    ERR_clear_error();
    const int sent = SSL_write(tls->session, tls->out, (int)tls->used);
    if (sent <= 0) return again(tls, sent);
    tls->used -= (uint32_t)sent;
    memmove(tls->out, tls->out + sent, tls->used);
  }
  tls->wants_write = false;
  return 0;
}

// A write that OpenSSL asked to repeat must be repeated with the same bytes, but the agent may come with others next time (an
// acknowledgement overtakes a publish): so what is taken is copied first, and nothing is taken while some is left.
int32_t tls_send(tls_t *tls, const void *src, uint32_t n) {
  if (tls_flush(tls) < 0) return -1;
  if (tls->used != 0) return 0;
  const uint32_t taken = n < out_bytes ? n : out_bytes;
  memcpy(tls->out, src, taken);
  tls->used = taken;
  return tls_flush(tls) < 0 ? -1 : (int32_t)taken;
}

int32_t tls_receive(tls_t *tls, void *dst, uint32_t n) {
  if (n == 0) return 0;
  ERR_clear_error();
  const int got = SSL_read(tls->session, dst, n > INT32_MAX ? INT32_MAX : (int)n);
  if (got > 0) return got;
  const bool sending = tls->wants_write;
  const int32_t next = again(tls, got);
  tls->wants_write = tls->wants_write || (sending && tls->used != 0);
  return next;
}

bool tls_wants_write(const tls_t *tls) { return tls->wants_write; }

bool tls_has_bytes(const tls_t *tls) { return tls->session != NULL && SSL_pending(tls->session) > 0; }

#else

#include <stddef.h>

tls_t *tls_create(const fleet_device_parameters_t *p, const char *host, const char **problem) {
  (void)p;
  (void)host;
  *problem = "this program was built without OpenSSL: install libssl-dev and build it again";
  return NULL;
}
void tls_destroy(tls_t *tls) { (void)tls; }
bool tls_start(tls_t *tls, int fd) { return (void)tls, (void)fd, false; }
void tls_stop(tls_t *tls) { (void)tls; }
int32_t tls_handshake(tls_t *tls) { return (void)tls, -1; }
const char *tls_problem(const tls_t *tls) { return (void)tls, ""; }
int32_t tls_send(tls_t *tls, const void *src, uint32_t n) { return (void)tls, (void)src, (void)n, -1; }
int32_t tls_receive(tls_t *tls, void *dst, uint32_t n) { return (void)tls, (void)dst, (void)n, -1; }
int32_t tls_flush(tls_t *tls) { return (void)tls, -1; }
bool tls_wants_write(const tls_t *tls) { return (void)tls, false; }
bool tls_has_bytes(const tls_t *tls) { return (void)tls, false; }

#endif
