/*
 * loader.h - finds and opens the gRPC module.
 */
#ifndef MIEN_GRPC_LOADER_H
#define MIEN_GRPC_LOADER_H

#include "grpc/module.h"

/* The module: the file that MIEN_GRPC_MODULE names, or the one beside the program or where
 * `cmake --install` puts it. NULL with a sentence in why where there is none, it cannot be opened
 * (gRPC itself is not installed), or it is of another version of mien. It is never closed. */
const struct grpc_module *grpc_load(char *why, size_t room);

#endif
