/*
 * embeddings.h - embeddings that a request brings ready-made, in JSON: those of /v1/embed, with the
 * contract they were made under.
 */
#ifndef MIEN_SERVER_APIS_EMBEDDINGS_H
#define MIEN_SERVER_APIS_EMBEDDINGS_H

#include "server/request.h"

struct embeddings {
    float *values; /* [n][dims], for free() */
    int n, dims;
};

/* 1 where the body is a JSON object that has embeddings instead of pictures. */
int embeddings_are_given(struct request *r);
/* Reads "embeddings", a list of lists, or "embedding", one; the contract must be the server's. What
 * else is in the body becomes the request's parameters. 0, or -1 after replying. */
int embeddings_read(struct request *r, struct embeddings *out);

#endif
