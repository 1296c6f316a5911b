/*
 * grpc.h - the server's second door: gRPC, by the module that is opened for it (grpc/loader.h).
 *
 * Without --grpc-port none of it is touched, and the program runs where gRPC is not installed.
 */
#ifndef MIEN_SERVER_GRPC_H
#define MIEN_SERVER_GRPC_H

#include "server/server.h"

/* Opens the socket of --grpc-port, where it is asked for. Returns 0, or -1 with a sentence in why.
 */
int grpc_start(struct server *s, char *why, size_t room);
/* The port it listens on; 0 where there is none. */
int grpc_port(const struct server *s);
/* What its health service says. */
void grpc_set_serving(struct server *s, int serving);
/* No new calls; those under way have so many seconds. Returns at once. */
void grpc_drain(struct server *s, double seconds);
/* Ends what is left. No request of a call may be with a worker. */
void grpc_stop(struct server *s);

#endif
