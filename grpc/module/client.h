/*
 * client.h - the module's own client (grpc/client.h).
 */
#ifndef MIEN_GRPC_MODULE_CLIENT_H
#define MIEN_GRPC_MODULE_CLIENT_H

#include "grpc/client.h"

extern const grpc_client_ops CLIENT_OPS;

#endif
