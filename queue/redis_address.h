/*
 * redis_address.h - redis://[USER][:PASSWORD]@HOST[:PORT][/DATABASE or NAME][?ca=FILE&...]: which
 * Redis a queue is in, and what it is called there.
 */
#ifndef MIEN_QUEUE_REDIS_ADDRESS_H
#define MIEN_QUEUE_REDIS_ADDRESS_H

#include <stddef.h>

enum { REDIS_FIELD = 256 };

struct redis_address {
    int tls;
    char user[REDIS_FIELD], password[REDIS_FIELD]; /* "": none */
    char host[REDIS_FIELD], port[8];
    char name[64]; /* of the queue: what its keys begin with */
    int database;
    char ca[REDIS_FIELD], cert[REDIS_FIELD], key[REDIS_FIELD]; /* PEM files; "": none */
};

/* 0, or -1 with a sentence that repeats no password. */
int redis_address_read(const char *place, struct redis_address *a, char *why, size_t room);

#endif
