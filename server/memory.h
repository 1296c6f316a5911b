/*
 * memory.h - how the memory of --memory is shared out.
 *
 * Three shares that never wait for each other: request bodies and what is read out of them, pixels
 * and tensors, and the plans of the networks (mien_options.memory). Were they one pot, bodies of
 * requests that wait could take all, and none of them could ever be worked on.
 */
#ifndef MIEN_SERVER_MEMORY_H
#define MIEN_SERVER_MEMORY_H

#include "server/config.h"

struct memory_shares {
    size_t all; /* the sum of the others */
    size_t bodies, pictures, plans;
};

struct memory_shares memory_share(const struct serve_config *c);

#endif
