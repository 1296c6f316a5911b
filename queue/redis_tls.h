/*
 * redis_tls.h - TLS over a socket, by GnuTLS, which is opened when the first rediss:// is.
 */
#ifndef MIEN_QUEUE_REDIS_TLS_H
#define MIEN_QUEUE_REDIS_TLS_H

#include <stddef.h>
#include <sys/types.h>

struct tls;

/* Speaks TLS with the other end of fd, which must be `host` by a certificate that ca, a PEM file,
 * or the system (NULL) vouches for. cert and key: PEM files of one's own, or NULL. The socket's
 * time-outs count. NULL with a sentence; *away says whether another time it may work. */
struct tls *tls_open(int fd, const char *host, const char *ca, const char *cert, const char *key,
                     int *away, char *why, size_t room);
/* As send() and recv(). */
ssize_t tls_send(struct tls *t, const void *bytes, size_t n);
ssize_t tls_recv(struct tls *t, void *bytes, size_t n);
/* Not the socket. NULL is let through. */
void tls_close(struct tls *t);

#endif
