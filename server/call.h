/*
 * call.h - requests that come as calls of gRPC: the server as the gRPC module's host.
 *
 * An ask of the module (grpc/module.h) becomes a request of the server's routes: the same keys,
 * limits, queue, fairness and batches, the same answers. A call that waits costs no thread.
 */
#ifndef MIEN_SERVER_CALL_H
#define MIEN_SERVER_CALL_H

#include "grpc/module.h"
#include "server/server.h"

/* The server as a host; its context is s. */
struct grpc_host call_host(struct server *s);

#endif
