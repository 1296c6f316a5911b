/*
 * uuid.h - the gallery's ids as UUIDs, for dialects whose clients know no others (RFC 9562, 5.8:
 * version 8, whose bits are its maker's business). Each id is one UUID and the other way round.
 */
#ifndef MIEN_SERVER_APIS_UUID_H
#define MIEN_SERVER_APIS_UUID_H

#include <stdint.h>

enum { UUID_SIZE = 37 };

/* Returns out. */
char *uuid_text(int64_t id, char out[UUID_SIZE]);
/* 0, or -1 where it is no UUID of ours. Letters may be of either case. */
int uuid_read(const char *text, int64_t *id);

#endif
