/*
 * connections.h - open connections: how many there may be, and the clock that ends those of clients
 * that dawdle or have gone.
 *
 * A connection costs a client nothing, so whoever likes could hold all there may be. A client has
 * its share of them, and where there is no room for another the one goes that has been idle
 * longest: of the client, or of all. A client that is about to be served loses none so.
 *
 * libmicrohttpd ends connections on which nothing moves; a client that sends a byte now and then
 * keeps one for as long as it likes. So each connection has a time by which it must have delivered
 * a request, or taken its answer, and a thread that cuts those that have not. The thread also looks
 * for clients that have closed: of an end that comes together with the last bytes libmicrohttpd
 * 0.9.75 is told once, by epoll's edge, reads the bytes and forgets the end.
 */
#ifndef MIEN_SERVER_CONNECTIONS_H
#define MIEN_SERVER_CONNECTIONS_H

#include "server/clients.h"
#include "server/metrics.h"

struct MHD_Connection;
struct connections;
struct connection;

struct connections_limits {
    int count;           /* open at once */
    int an_address;      /* of one address */
    double read_timeout; /* seconds a request or an answer may take to pass */
    double idle_timeout; /* seconds until the first byte of the next */
};

/* NULL where memory or threads ran out. */
struct connections *connections_new(const struct connections_limits *limits,
                                    struct clients *clients, struct metrics *metrics);
/* None may be open. */
void connections_free(struct connections *c);
/* A connection on that socket, from that address; NULL where memory ran out: it then has no limit.
 * Where there is no room for it, it, or an idle one, ends soon. */
struct connection *connections_open(struct connections *c, int fd, const struct sockaddr *address);
/* To be called before the socket is closed. */
void connections_close(struct connections *c, struct connection *one);
/* Whose it is: it holds the entry while it is open. */
struct client *connection_client(const struct connection *one);
int connections_count(struct connections *c);
/* How many there may be. */
int connections_limit(const struct connections *c);

/* What the client has to do next: send a request, wait, fetch an answer, or nothing. The clock runs
 * but while the server works. one may be NULL. */
void connection_sends(struct connections *c, struct connection *one);
void connection_works(struct connections *c, struct connection *one);
void connection_fetches(struct connections *c, struct connection *one);
void connection_idles(struct connections *c, struct connection *one);

/* The headers of a request are being parsed; until connection_sends(). one may be NULL. */
void connection_parses(struct connections *c, struct connection *one, struct MHD_Connection *http);
/* Calls look(context, http, socket) for each connection of which that is so; where it returns 1,
 * the connection ends. For the network thread. */
void connections_look(struct connections *c,
                      int (*look)(void *context, struct MHD_Connection *http, int fd),
                      void *context);

#endif
