#include "server/route.h"

#include "server/assets.h"

#include <stdio.h>
#include <string.h>

/* Takes the next segment of a path, without slashes; NULL at the end. */
static const char *next_segment(const char **at, size_t *n) {
    const char *start = *at;

    while (*start == '/') start++;
    *n = strcspn(start, "/");
    *at = start + *n;
    return *n ? start : NULL;
}

static int fits(const char *pattern, const char *path, char params[REQUEST_PARAMS][128]) {
    int nparams = 0;

    if (path[0] != '/' || strstr(path, "//")) return 0;
    for (;;) {
        size_t n, m;
        const char *want = next_segment(&pattern, &n), *have = next_segment(&path, &m);
        if (!want || !have) return !want && !have;
        if (n == 2 && memcmp(want, "{}", 2) == 0) {
            if (m >= 128 || nparams == REQUEST_PARAMS) return 0;
            memcpy(params[nparams], have, m);
            params[nparams++][m] = '\0';
        } else if (n != m || memcmp(want, have, n) != 0) {
            return 0;
        }
    }
}

const struct route *route_find(const char *method, const char *path,
                               char params[REQUEST_PARAMS][128], const char **allow) {
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

    *allow = NULL;
    for (const struct route *route = ROUTES; route->path; route++) {
        if (route->path[0] == '/' ? !fits(route->path, path, params) : !asset_find(path)) continue;
        if (strcmp(route->method, wanted) == 0) return route;
        *allow = strcmp(route->method, "GET") == 0 ? "GET, HEAD" : "POST";
    }
    return NULL;
}

int route_index(const struct route *route) {
    return route ? (int)(route - ROUTES) : -1;
}

int route_count(void) {
    int n = 0;

    while (ROUTES[n].path) n++;
    return n;
}
