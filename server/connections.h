/*
 * connections.h - open connections, and the clock that ends those of clients that dawdle or have
 * gone.
 *
 * libmicrohttpd ends connections on which nothing moves; a client that sends a byte now and then
 * keeps one for as long as it likes. So each connection has a time by which it must have delivered
 * a request, or taken its answer, and a thread that cuts those that have not. The thread also looks
 * for clients that have closed: of an end that comes together with the last bytes libmicrohttpd
 * 0.9.75 is told once, by epoll's edge, reads the bytes and forgets the end.
 */
#ifndef MIEN_SERVER_CONNECTIONS_H
#define MIEN_SERVER_CONNECTIONS_H

#include "server/metrics.h"

struct connections;
struct connection;

/* read_timeout: seconds a request or an answer may take to pass; idle_timeout: seconds until the
 * first byte of the next. NULL where memory or threads ran out. */
struct connections *connections_new(double read_timeout, double idle_timeout,
                                    struct metrics *metrics);
/* None may be open. */
void connections_free(struct connections *c);
/* A connection on that socket; NULL where memory ran out: it then has no limit. */
struct connection *connections_open(struct connections *c, int fd);
/* To be called before the socket is closed. */
void connections_close(struct connections *c, struct connection *one);
int connections_count(struct connections *c);

/* What the client has to do next: send a request, wait, fetch an answer, or nothing. The clock runs
 * but while the server works. one may be NULL. */
void connection_sends(struct connections *c, struct connection *one);
void connection_works(struct connections *c, struct connection *one);
void connection_fetches(struct connections *c, struct connection *one);
void connection_idles(struct connections *c, struct connection *one);

#endif
