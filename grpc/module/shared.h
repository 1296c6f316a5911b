/*
 * shared.h - what the services of a server share; it outlives them.
 */
#ifndef MIEN_GRPC_MODULE_SHARED_H
#define MIEN_GRPC_MODULE_SHARED_H

#include "grpc/module.h"
#include "grpc/module/open_streams.h"

#include <atomic>

struct Shared {
    grpc_host host;
    int in_flight; /* grpc_options.in_flight */
    OpenStreams streams;
    std::atomic<int> open_calls{0}; /* of the services: whose answers have not left */
};

#endif
