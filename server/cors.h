/*
 * cors.h - whose pages, besides the server's own, a browser lets ask (fetch.spec.whatwg.org).
 *
 * --cors-origin is "*", or a list of origins with commas:
 * "https://a.example,http://localhost:3000". Nobody else's origin is ever named in an answer.
 * Cookies and logins of the browser are none of ours, so Access-Control-Allow-Credentials is never
 * sent; a page sends its API key by itself.
 */
#ifndef MIEN_SERVER_CORS_H
#define MIEN_SERVER_CORS_H

#include "server/config.h"
#include "server/request.h"
#include "server/why.h"

/* 0 where text is such a list; -1 with a sentence in why. */
int cors_check(const char *text, char why[WHY_SIZE]);
/* What an answer to that origin (header Origin; NULL where there is none) says may read it: the
 * origin itself, "*", or NULL for nobody. */
const char *cors_origin(const struct serve_config *c, const char *origin);
/* 1 where answers differ by the origin that asks. */
int cors_depends_on_origin(const struct serve_config *c);

/* Adds what lets the request's page read the answer; to OPTIONS, what it may send. */
void cors_headers(struct MHD_Response *response, struct request *r);

#endif
