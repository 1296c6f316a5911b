/*
 * fetch.h - pictures that come as a URL.
 *
 * Fetches http and https without doing a stranger's bidding: every address that is connected to,
 * also after a redirect, is looked at where the socket is made, so that no name can resolve to one
 * thing when it is checked and to another when it is used; sizes, times, ports and redirects are
 * bounded; no proxy, cookie, password or compression takes part. Its own module because it is the
 * only place of the server that opens connections; libcurl speaks the protocol, and fetcher.h says
 * which transfers are under way when.
 */
#ifndef MIEN_SERVER_FETCH_H
#define MIEN_SERVER_FETCH_H

#include "server/why.h"

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

struct fetch_limits {
    size_t max_bytes;  /* of the body, > 0 */
    long connect_ms;   /* to a connection, name and TLS included; > 0 */
    long total_ms;     /* to the last byte, all redirects included; > 0 */
    int max_redirects; /* 0 follows none */
    int allow_private; /* also addresses that are not of the public internet, on any port; a cloud's
                          metadata service stays refused */
    int (*room)(void *, size_t n); /* asked before n bytes more are kept: not 0 refuses; or NULL */
    void *room_arg;
    /* Of the request this is for; asked at least once a second; not 0 ends the fetch; may be NULL.
     */
    int (*cancelled)(void *);
    void *cancelled_arg;
};

struct fetch_result {
    uint8_t *bytes; /* [size], malloc'ed, never NULL after success; the caller frees it */
    size_t size;
    char content_type[64]; /* as the server said it, in printable ASCII; "" where it did not */
};

/* A URL, and what became of it. */
struct fetch_one {
    const char *url;
    struct fetch_result result; /* where status is 0; else all zero */
    /* 400 (no URL that is allowed, or its server did not answer with a picture to be had), 413
     * (more than max_bytes), 504 (too slow), 503 (cancelled, or no room), 500 (no memory), with a
     * sentence in why. */
    int status;
    char why[WHY_SIZE];
};

/* Makes the GET of one->url a transfer of multi, within limits, which must outlive it, and the time
 * that is left. Returns 1; or 0 where that is the end already: one->status says why. After the
 * program's one curl_global_init(). */
int fetch_begin(CURLM *multi, const struct fetch_limits *limits, long remaining_ms,
                struct fetch_one *one, void *owner);
/* The end of a transfer, of which libcurl's message tells: *one has what became of it. Returns its
 * owner. */
void *fetch_end(CURLM *multi, const CURLMsg *message);

#endif
