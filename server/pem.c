#include "server/pem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, char *why, size_t room) {
    enum { MOST = 1 << 20 };
    char *text = calloc(1, MOST + 1);
    FILE *f = text ? fopen(path, "re") : NULL;
    size_t n = f ? fread(text, 1, MOST, f) : 0;

    if (f && n > 0 && !ferror(f)) {
        fclose(f);
        return text;
    }
    snprintf(why, room, "%s: %s", path, text ? strerror(errno) : "out of memory");
    if (f) fclose(f);
    free(text);
    return NULL;
}

int pem_read(const char *cert, const char *key, struct pem_pair *out, char *why, size_t room) {
    *out = (struct pem_pair){.cert = read_file(cert, why, room)};
    if (out->cert) out->key = read_file(key, why, room);
    if (out->key) return 0;
    pem_free(out);
    return -1;
}

void pem_free(struct pem_pair *pair) {
    if (pair->key) explicit_bzero(pair->key, strlen(pair->key));
    free(pair->cert);
    free(pair->key);
    *pair = (struct pem_pair){NULL, NULL};
}
