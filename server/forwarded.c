#include "server/forwarded.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 128, MAPPED_BITS = 96, MOST = 64, MOST_PROXIES = 32 };

/* n characters as an address of IPv6, of IPv4 mapped; with a port behind it where `ported`, as some
 * proxies write it: a.b.c.d:port, [v6]:port. */
static int parse(const char *text, size_t n, int ported, struct in6_addr *out) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char name[MOST], *at = name, *end;
    struct in_addr v4;

    if (n == 0 || n >= sizeof name) return 0;
    snprintf(name, sizeof name, "%.*s", (int)n, text);
    if (ported && *name == '[' && (end = strchr(name, ']'))) {
        *end = '\0';
        at++;
    } else if (ported && (end = strchr(name, ':')) && end == strrchr(name, ':')) {
        *end = '\0';
    }
    if (inet_pton(AF_INET6, at, out) == 1) return 1;
    if (inet_pton(AF_INET, at, &v4) != 1) return 0;
    memcpy(out->s6_addr, mapped, sizeof mapped);
    memcpy(out->s6_addr + sizeof mapped, &v4, sizeof v4);
    return 1;
}

/* One of a list: an address, and how many of its bits count. */
static int parse_network(const char *text, size_t n, struct in6_addr *address, int *bits) {
    const char *slash = memchr(text, '/', n);
    char *end;
    long most, given;

    if (!parse(text, slash ? (size_t)(slash - text) : n, 0, address)) return 0;
    most = IN6_IS_ADDR_V4MAPPED(address) ? BITS - MAPPED_BITS : BITS;
    *bits = BITS;
    if (!slash) return 1;
    if (slash[1] < '0' || slash[1] > '9') return 0;
    given = strtol(slash + 1, &end, 10);
    *bits = (int)(BITS - most + given);
    return end == text + n && given <= most;
}

/* The next of a list with commas, without blanks around it; NULL at its end. */
static const char *next(const char **list, size_t *n) {
    const char *one = *list + strspn(*list, ", \t");

    if (!*one) return NULL;
    *n = strcspn(one, ",");
    *list = one + *n;
    while (*n && strchr(" \t", one[*n - 1])) --*n;
    return one;
}

int forwarded_check(const char *text, char why[WHY_SIZE]) {
    struct in6_addr address;
    const char *list = text, *one;
    size_t n;
    int bits, count = 0;

    for (; (one = next(&list, &n)); count++) {
        if (parse_network(one, n, &address, &bits)) continue;
        return why_set(why, -1, "'%.*s' is no address or network (192.0.2.1, 10.0.0.0/8, ::1)",
                       (int)(n < MOST ? n : MOST), one);
    }
    return count ? 0
                 : why_set(why, -1, "it takes an address or network (192.0.2.1, 10.0.0.0/8, ::1)");
}

static int is_within(const struct in6_addr *a, const struct in6_addr *network, int bits) {
    int bytes = bits / 8, rest = bits % 8;

    if (memcmp(a, network, (size_t)bytes) != 0) return 0;
    return rest == 0 || (a->s6_addr[bytes] ^ network->s6_addr[bytes]) >> (8 - rest) == 0;
}

static int is_trusted(const char *list, const struct in6_addr *a) {
    struct in6_addr network;
    const char *one;
    size_t n;
    int bits;

    while ((one = next(&list, &n)))
        if (parse_network(one, n, &network, &bits) && is_within(a, &network, bits)) return 1;
    return 0;
}

static int address_of(const struct sockaddr *peer, struct in6_addr *out) {
    char text[INET6_ADDRSTRLEN];

    if (peer && peer->sa_family == AF_INET6) {
        *out = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
        return 1;
    }
    if (!peer || peer->sa_family != AF_INET) return 0;
    inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, text,
              sizeof text);
    return parse(text, strlen(text), 0, out);
}

int forwarded_client(const char *trusted, const struct sockaddr *peer, const char *header,
                     struct sockaddr_in6 *client) {
    struct in6_addr at, before;
    size_t end = header ? strlen(header) : 0;
    int is_other = 0;

    if (!address_of(peer, &at)) return 0;
    for (int hops = 0; hops < MOST_PROXIES && end > 0 && is_trusted(trusted, &at); hops++) {
        size_t begin, n;
        while (end > 0 && strchr(", \t", header[end - 1])) end--;
        for (begin = end; begin > 0 && header[begin - 1] != ','; begin--) continue;
        n = end - begin;
        for (; n > 0 && strchr(" \t", header[begin]); begin++) n--;
        if (!parse(header + begin, n, 1, &before)) break;
        at = before;
        is_other = 1;
        end = begin;
    }
    *client = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = at};
    return is_other;
}
