#include "server/guard.h"

#include "common/ascii.h"
#include "server/cors.h"

#include <arpa/inet.h>
#include <string.h>

enum { HOST_MAX = 256 };

/* The next of a list with commas, without blanks around it; NULL at the end. */
static const char *next_name(const char **at, size_t *n) {
    const char *start = *at + strspn(*at, ", ");

    *n = strcspn(start, ", ");
    *at = start + *n;
    return *n ? start : NULL;
}

static int is_name(const char *text, size_t n) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

    return n < HOST_MAX && strspn(text, letters) >= n;
}

int guard_check_hosts(const char *text, char why[WHY_SIZE]) {
    const char *name;
    size_t n;
    int count = 0;

    if (strcmp(text, "*") == 0) return 0;
    for (; (name = next_name(&text, &n)); count++)
        if (!is_name(name, n))
            return why_set(why, -1, "it takes names of hosts such as photos.example.org, no ports");
    return count ? 0 : why_set(why, -1, "there is no name in it");
}

/* The name or address of a Host, without port and brackets. Returns 0 where it is no such thing. */
static int split(const char *host, char out[HOST_MAX]) {
    int in_brackets = *host == '[';
    size_t n = in_brackets ? strcspn(++host, "]") : strcspn(host, ":");
    const char *port = host + n;

    if (in_brackets && *port++ != ']') return 0;
    if (n == 0 || n >= HOST_MAX || (*port && *port != ':')) return 0;
    if (*port && port[1 + strspn(port + 1, "0123456789")]) return 0;
    memcpy(out, host, n);
    if (n > 1 && out[n - 1] == '.') n--; /* of a name written with its root */
    out[n] = '\0';
    return 1;
}

static int is_ip(const char *text) {
    struct in6_addr address;

    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static int is_listed(const char *list, const char *name) {
    const char *one;
    size_t n;

    if (strcmp(list, "*") == 0) return 1;
    while ((one = next_name(&list, &n)))
        if (strlen(name) == n && ascii_same_n(one, name, n)) return 1;
    return 0;
}

int guard_knows_host(const struct serve_config *c, const char *host) {
    char name[HOST_MAX];

    if (!host || (!c->allowed_host && !config_is_loopback(c))) return 1;
    if (c->allowed_host && strcmp(c->allowed_host, "*") == 0) return 1;
    if (!split(host, name)) return 0;
    return is_ip(name) || ascii_same(name, "localhost") ||
           (c->allowed_host && is_listed(c->allowed_host, name));
}

/* An origin is scheme://host, with the port where it is not the scheme's own; so is Host. */
static int is_own(const char *origin, const char *host) {
    const char *end = strstr(origin, "://");

    return end && host && ascii_same(end + 3, host);
}

int guard_is_foreign(const struct serve_config *c, const char *host, const char *origin,
                     const char *fetch_site) {
    if (cors_origin(c, origin)) return 0;
    /* What the browser says itself, and no page can change; what follows is for older ones, and for
     * servers without TLS, to which browsers do not say it. */
    if (fetch_site)
        return !ascii_same(fetch_site, "same-origin") && !ascii_same(fetch_site, "none");
    return origin && !is_own(origin, host);
}
