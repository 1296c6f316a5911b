/*
 * services.h - the services, a row each, and the names of pictures they agree on.
 *
 * A service is a file of this folder with a `const struct service service_NAME`, a row of table.c,
 * and for what is asked of it a file in grpc/module/ with its .proto (docs/services.md).
 */
#ifndef MIEN_SERVICES_SERVICES_H
#define MIEN_SERVICES_SERVICES_H

#include "server/service.h"

/* Ended by NULL. */
extern const struct service *const SERVICES[];
/* NULL: there is none of that name. */
const struct service *service_find(const char *name);

enum { IMAGE_ID = 1024 };

/* What a picture may be called: a path of segments with slashes between them, none of which is
 * empty or begins with a dot, in UTF-8 without control characters. 0, or -1 with a sentence. */
int image_id_check(const char *id, char *why, size_t room);

#endif
