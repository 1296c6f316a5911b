/*
 * route.h - the table of paths: which method and path is answered by which handler, and how.
 */
#ifndef MIEN_SERVER_ROUTE_H
#define MIEN_SERVER_ROUTE_H

#include "server/request.h"

enum route_flags {
    ROUTE_OPEN = 1,    /* needs no API key */
    ROUTE_WORK = 2,    /* answered by a worker, has a body; else by the network thread, at once */
    ROUTE_EARLY = 4,   /* answered before the networks are loaded and while draining */
    ROUTE_METRICS = 8, /* needs a key unless the configuration opens metrics */
    ROUTE_MANY = 16    /* several pictures: the body may be larger than a picture's limit */
};

struct route {
    const char *method;
    const char *path; /* a segment "{}" takes any text; a slash at the end is optional. Without a
                         slash in front: the paths of the pages in the binary (assets.h) */
    unsigned flags;
    void (*handle)(struct request *r);
};

/* Ended by an entry without a path. */
extern const struct route ROUTES[];

/* The route; NULL where no path fits (*allow NULL) or the path has other methods (*allow their
 * names, static). HEAD counts as GET. params: what "{}" took; too long a text fits no route. */
const struct route *route_find(const char *method, const char *path,
                               char params[REQUEST_PARAMS][128], const char **allow);
/* Position in ROUTES, -1 for NULL: the index of its metrics. */
int route_index(const struct route *route);
int route_count(void);

#endif
