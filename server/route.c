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

static int fits_pattern(const char *pattern, const char *path,
                        char params[REQUEST_PARAMS][REQUEST_PARAM]) {
    int nparams = 0;

    for (int i = 0; i < REQUEST_PARAMS; i++) params[i][0] = '\0';
    if (path[0] != '/' || strstr(path, "//")) return 0;
    for (;;) {
        size_t n, m;
        const char *want = next_segment(&pattern, &n), *have = next_segment(&path, &m);
        if (!want || !have) return !want && !have;
        if (n == 2 && memcmp(want, "{}", 2) == 0) {
            if (m >= REQUEST_PARAM || nparams == REQUEST_PARAMS) return 0;
            memcpy(params[nparams], have, m);
            params[nparams++][m] = '\0';
        } else if (n != m || memcmp(want, have, n) != 0) {
            return 0;
        }
    }
}

static int fits(const struct route *route, const char *path,
                char params[REQUEST_PARAMS][REQUEST_PARAM]) {
    if (route->path[0] != '/') return asset_find(path) != NULL;
    return fits_pattern(route->path, path, params);
}

static int is_below(const char *prefix, const char *path) {
    size_t n = strlen(prefix);

    return strncmp(path, prefix, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static const struct api *api_of_prefix(const struct api *const *apis, const char *path) {
    const struct api *best = NULL;

    for (const struct api *const *api = apis; *api; api++)
        if ((*api)->prefix && is_below((*api)->prefix, path) &&
            (!best || strlen((*api)->prefix) > strlen(best->prefix)))
            best = *api;
    return best;
}

/* Adds to a list with commas what is not in it yet. */
static void add_method(char allow[ROUTE_ALLOW], const char *method) {
    size_t n = strlen(method), end = strlen(allow);

    for (const char *at = allow; (at = strstr(at, method)); at += n)
        if ((at == allow || at[-1] == ' ') && (at[n] == ',' || at[n] == '\0')) return;
    snprintf(allow + end, ROUTE_ALLOW - end, "%s%s", end ? ", " : "", method);
}

static void add_methods(char allow[ROUTE_ALLOW], const struct route *route) {
    add_method(allow, route->method);
    if (strcmp(route->method, "GET") == 0) add_method(allow, "HEAD");
}

void route_find(const struct api *const *apis, const char *method, const char *path,
                char params[REQUEST_PARAMS][REQUEST_PARAM], struct route_match *m) {
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    int is_all = strcmp(method, "OPTIONS") == 0 && strcmp(path, "*") == 0;

    *m = (struct route_match){.api = api_of_prefix(apis, path)};
    for (const struct api *const *api = apis; *api; api++) {
        for (const struct route *route = (*api)->routes; route->path; route++) {
            if (!is_all && !fits(route, path, params)) continue;
            if (strcmp(route->method, wanted) == 0) {
                *m = (struct route_match){.route = route, .api = *api};
                return;
            }
            if (!m->api && !is_all) m->api = *api;
            add_methods(m->allow, route);
        }
    }
    if (m->allow[0]) add_method(m->allow, "OPTIONS");
}

int route_count(const struct api *const *apis) {
    int n = 0;

    for (const struct api *const *api = apis; *api; api++)
        for (const struct route *route = (*api)->routes; route->path; route++) n++;
    return n;
}

const char *route_path(const struct api *const *apis, int position) {
    for (const struct api *const *api = apis; *api; api++)
        for (const struct route *route = (*api)->routes; route->path; route++)
            if (position-- == 0) return route->path;
    return NULL;
}

int route_index(const struct api *const *apis, const struct route *wanted) {
    int position = 0;

    for (const struct api *const *api = apis; wanted && *api; api++)
        for (const struct route *route = (*api)->routes; route->path; route++, position++)
            if (strcmp(route->path, wanted->path) == 0) return position;
    return -1;
}
