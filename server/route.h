/*
 * route.h - which row of the dialects' tables answers a method and path.
 */
#ifndef MIEN_SERVER_ROUTE_H
#define MIEN_SERVER_ROUTE_H

#include "server/apis/api.h"
#include "server/request.h"

enum { ROUTE_ALLOW = 64 };

struct route_match {
    const struct route *route; /* NULL: none */
    const struct api *api;   /* the route's; else the one whose prefix the path is below, or NULL */
    char allow[ROUTE_ALLOW]; /* without a route: the methods the path has, as for the header Allow;
                                "" where there is no such path. Of "*": those of all paths */
};

/* HEAD counts as GET. params: what "{}" took; too long a text fits no route. */
void route_find(const struct api *const *apis, const char *method, const char *path,
                char params[REQUEST_PARAMS][REQUEST_PARAM], struct route_match *m);

/* Routes of all dialects: apis, here and below those a server speaks, ended by NULL. */
int route_count(const struct api *const *apis);
/* The path of the route at that position; for labels of metrics. */
const char *route_path(const struct api *const *apis, int position);
/* Position of the first route of the same path, -1 for NULL: methods share their path's metrics. */
int route_index(const struct api *const *apis, const struct route *wanted);

#endif
