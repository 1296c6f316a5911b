/*
 * http.h - requests in, answers out: the callbacks libmicrohttpd runs on its network threads.
 *
 * Here a request gets its id, its route, its key checked and its body collected within limits; then
 * it is answered at once or handed to a worker while its connection is suspended. Nothing here
 * decodes, waits or computes.
 */
#ifndef MIEN_SERVER_HTTP_H
#define MIEN_SERVER_HTTP_H

#include "server/request.h"
#include "server/server.h"

/* Opens the socket and starts the network thread. Returns 0, or -1 with a sentence in why. */
int http_start(struct server *s, char *why, size_t room);
/* The port it listens on. */
int http_port(const struct server *s);
/* No new connections; those that are open go on. */
void http_stop_listening(struct server *s);
/* Ends connections and the network thread. No request may be with a worker. */
void http_stop(struct server *s);

#endif
