#include "server/cors.h"

#include "server/apis/api.h"
#include "server/server.h"

#include <stdio.h>
#include <string.h>

#define MAX_AGE "600" /* seconds a browser may remember what it was told */

/* The next of a list with commas, without blanks around it; NULL at the end. */
static const char *next_origin(const char **at, size_t *n) {
    const char *start = *at + strspn(*at, ", ");

    *n = strcspn(start, ", ");
    *at = start + *n;
    return *n ? start : NULL;
}

/* scheme://host or scheme://host:port, as browsers write it. */
static int is_origin(const char *text, size_t n) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    size_t scheme = strcspn(text, ":"), host = scheme + 3;

    return scheme > 0 && host < n && strncmp(text + scheme, "://", 3) == 0 &&
           strspn(text, letters) >= scheme && strspn(text + host, letters) == n - host;
}

int cors_check(const char *text, char why[WHY_SIZE]) {
    const char *origin;
    size_t n;
    int count = 0;

    if (strcmp(text, "*") == 0) return 0;
    while ((origin = next_origin(&text, &n))) {
        char name[WHY_NAME_SIZE];
        count++;
        if (is_origin(origin, n)) continue;
        snprintf(name, sizeof name, "%.*s", (int)n, origin);
        return why_set(why, -1, "'%s' is no origin such as https://example.org", name);
    }
    return count ? 0 : why_set(why, -1, "there is no origin in it");
}

const char *cors_origin(const struct serve_config *c, const char *origin) {
    const char *list = c->cors_origin, *one;
    size_t n;

    if (!list || !origin) return NULL;
    if (strcmp(list, "*") == 0) return "*";
    while ((one = next_origin(&list, &n)))
        if (strlen(origin) == n && memcmp(origin, one, n) == 0) return origin;
    return NULL;
}

int cors_depends_on_origin(const struct serve_config *c) {
    return c->cors_origin && strcmp(c->cors_origin, "*") != 0;
}

/* The core's headers, and those the dialects have. */
static void list_headers(const struct api *const *apis, char *out, size_t room, const char *core) {
    size_t n = (size_t)snprintf(out, room, "%s", core);

    for (const struct api *const *api = apis; *api; api++)
        if ((*api)->headers && n < room)
            n += (size_t)snprintf(out + n, room - n, ", %s", (*api)->headers);
}

/* The answer to a browser that asks before it sends: the methods are those of the path. */
static void add_preflight(struct MHD_Response *response, const struct request *r) {
    const struct reply *p = &r->reply;
    char headers[512];

    list_headers(r->server->apis, headers, sizeof headers,
                 "Authorization, Content-Type, x-api-key, x-request-id");
    for (int i = 0; i < p->nheaders; i++)
        if (strcmp(p->headers[i].name, "Allow") == 0)
            MHD_add_response_header(response, "Access-Control-Allow-Methods", p->headers[i].value);
    MHD_add_response_header(response, "Access-Control-Allow-Headers", headers);
    MHD_add_response_header(response, "Access-Control-Max-Age", MAX_AGE);
}

void cors_headers(struct MHD_Response *response, struct request *r) {
    char headers[512];

    if (!r->origin) return;
    MHD_add_response_header(response, "Access-Control-Allow-Origin", r->origin);
    list_headers(r->server->apis, headers, sizeof headers,
                 "x-request-id, Server-Timing, Retry-After, Allow");
    MHD_add_response_header(response, "Access-Control-Expose-Headers", headers);
    if (r->reply.status == 204 && request_header(r, "Access-Control-Request-Method"))
        add_preflight(response, r);
}
