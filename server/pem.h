/*
 * pem.h - the files of --tls-cert and --tls-key, as both doors of the server take them.
 */
#ifndef MIEN_SERVER_PEM_H
#define MIEN_SERVER_PEM_H

#include <stddef.h>

struct pem_pair {
    char *cert, *key;
};

/* Reads both. Returns 0; pem_free() it. -1 with a sentence in why. */
int pem_read(const char *cert, const char *key, struct pem_pair *out, char *why, size_t room);
/* Leaves nothing of the key in memory. */
void pem_free(struct pem_pair *pair);

#endif
