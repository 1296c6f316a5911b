#include "queue/redis_tls.h"

#include "common/clock.h"
#include "common/shared.h"

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTION(name) __typeof__(&gnutls_##name) name

static struct {
    FUNCTION(certificate_allocate_credentials);
    FUNCTION(certificate_free_credentials);
    FUNCTION(certificate_set_x509_system_trust);
    FUNCTION(certificate_set_x509_trust_file);
    FUNCTION(certificate_set_x509_key_file);
    FUNCTION(init);
    FUNCTION(deinit);
    FUNCTION(set_default_priority);
    FUNCTION(credentials_set);
    FUNCTION(server_name_set);
    FUNCTION(session_set_verify_cert);
    FUNCTION(session_get_verify_cert_status);
    FUNCTION(transport_set_int2);
    FUNCTION(handshake);
    FUNCTION(record_send);
    FUNCTION(record_recv);
    FUNCTION(bye);
    FUNCTION(strerror);
    FUNCTION(error_is_fatal);
} lib;

static char lacks[256]; /* a sentence; empty: nothing */

struct tls {
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static void open_library(void) {
#define ROW(name)                                                                                  \
    { "gnutls_" #name, offsetof(__typeof__(lib), name) }
    const struct shared_function functions[] = {ROW(certificate_allocate_credentials),
                                                ROW(certificate_free_credentials),
                                                ROW(certificate_set_x509_system_trust),
                                                ROW(certificate_set_x509_trust_file),
                                                ROW(certificate_set_x509_key_file),
                                                ROW(init),
                                                ROW(deinit),
                                                ROW(set_default_priority),
                                                ROW(credentials_set),
                                                ROW(server_name_set),
                                                ROW(session_set_verify_cert),
                                                ROW(session_get_verify_cert_status),
                                                ROW(transport_set_int2),
                                                ROW(handshake),
                                                ROW(record_send),
                                                ROW(record_recv),
                                                ROW(bye),
                                                ROW(strerror),
                                                ROW(error_is_fatal),
                                                {NULL, 0}};
#undef ROW

    (void)shared_open(QUEUE_GNUTLS, "libgnutls30", functions, &lib, lacks, sizeof lacks);
}

static int use_files(struct tls *t, const char *ca, const char *cert, const char *key, char *why,
                     size_t room) {
    int n = ca ? lib.certificate_set_x509_trust_file(t->credentials, ca, GNUTLS_X509_FMT_PEM)
               : lib.certificate_set_x509_system_trust(t->credentials);
    int code = 0;

    if (n <= 0) {
        snprintf(why, room, "%s: no certificates of authorities are there%s%s",
                 ca ? ca : "the system's trust store", n < 0 ? ": " : "",
                 n < 0 ? lib.strerror(n) : "");
        return -1;
    }
    if (cert)
        code = lib.certificate_set_x509_key_file(t->credentials, cert, key ? key : cert,
                                                 GNUTLS_X509_FMT_PEM);
    if (code < 0) snprintf(why, room, "%s: %s", cert, lib.strerror(code));
    return code < 0 ? -1 : 0;
}

static int shake_hands(struct tls *t, int fd, const char *host, int *away, char *why, size_t room) {
    int code;

    lib.transport_set_int2(t->session, fd, fd);
    lib.session_set_verify_cert(t->session, host, 0);
    do {
        code = lib.handshake(t->session);
    } while (code < 0 && code != GNUTLS_E_AGAIN && !lib.error_is_fatal(code));
    if (code == GNUTLS_E_SUCCESS) return 0;
    *away = code == GNUTLS_E_AGAIN || code == GNUTLS_E_PUSH_ERROR || code == GNUTLS_E_PULL_ERROR;
    if (code == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
        snprintf(why, room, "its certificate is not of %s, or of nobody who is trusted (status %u)",
                 host, lib.session_get_verify_cert_status(t->session));
    else
        snprintf(why, room, "no TLS came about: %s", lib.strerror(code));
    return -1;
}

struct tls *tls_open(int fd, const char *host, const char *ca, const char *cert, const char *key,
                     int *away, char *why, size_t room) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct tls *t;

    *away = 0;
    pthread_once(&once, open_library);
    if (*lacks) {
        snprintf(why, room, "%s", lacks);
        return NULL;
    }
    t = calloc(1, sizeof *t);
    if (!t || lib.certificate_allocate_credentials(&t->credentials) < 0) {
        free(t);
        snprintf(why, room, "out of memory");
        return NULL;
    }
    if (lib.init(&t->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0) {
        lib.certificate_free_credentials(t->credentials);
        free(t);
        snprintf(why, room, "out of memory");
        return NULL;
    }
    lib.set_default_priority(t->session);
    lib.credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->credentials);
    lib.server_name_set(t->session, GNUTLS_NAME_DNS, host, strlen(host));
    if (use_files(t, ca, cert, key, why, room) == 0 &&
        shake_hands(t, fd, host, away, why, room) == 0)
        return t;
    tls_close(t);
    return NULL;
}

ssize_t tls_send(struct tls *t, const void *bytes, size_t n) {
    ssize_t sent;

    do {
        sent = lib.record_send(t->session, bytes, n);
    } while (sent == GNUTLS_E_INTERRUPTED);
    return sent;
}

/* A ticket that comes by itself ends a call at once and empty, and a socket that has waited for as
 * long as it may ends one in the same way: only the time tells them apart. */
ssize_t tls_recv(struct tls *t, void *bytes, size_t n) {
    double start;
    ssize_t got;

    do {
        start = clock_seconds();
        got = lib.record_recv(t->session, bytes, n);
    } while (got == GNUTLS_E_INTERRUPTED ||
             (got == GNUTLS_E_AGAIN && clock_seconds() < start + 0.1));
    return got;
}

void tls_close(struct tls *t) {
    if (!t) return;
    lib.deinit(t->session);
    lib.certificate_free_credentials(t->credentials);
    free(t);
}
