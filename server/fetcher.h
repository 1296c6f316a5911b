/*
 * fetcher.h - the thread that fetches the URLs of all requests.
 *
 * A server elsewhere may take as long as it likes, so nobody who could work on something else waits
 * for it: a request goes to the fetcher and comes back when its pictures are there or their time is
 * over. So many transfers run at once; the next is one of the client that has the fewest, so that
 * whoever lists slow servers waits for those alone.
 */
#ifndef MIEN_SERVER_FETCHER_H
#define MIEN_SERVER_FETCHER_H

#include "server/clients.h"
#include "server/fetch.h"

/* The URLs of a request. */
struct fetch_job {
    struct fetch_limits limits;
    struct fetch_one *list; /* [n] */
    int n;
    long remaining_ms; /* for all of them, from when it is submitted; 0 or less: it has passed */
    struct client *client;
    /* Called by the fetcher's thread once each has its result or status. The job is the caller's
     * again then. */
    void (*done)(struct fetch_job *job);

    struct fetch_job *next; /* the rest is the fetcher's */
    double submitted;
    int begun, running;
};

struct fetcher;

/* NULL where memory or threads ran out. */
struct fetcher *fetcher_new(void);
/* No job may be left. NULL is let through. */
void fetcher_free(struct fetcher *f);
void fetcher_submit(struct fetcher *f, struct fetch_job *job);

#endif
