#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

/* Numeric addresses only: a name could mean several, and what is listened on should be plain. */
static int parse_address(const struct serve_config *c, struct sockaddr_storage *out, socklen_t *n,
                         char *why, size_t room) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, c->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)c->port);
        *n = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, c->address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)c->port);
        *n = sizeof *v6;
        return 0;
    }
    snprintf(why, room, "%s is not an IPv4 or IPv6 address", c->address);
    return -1;
}

int listen_open(const struct serve_config *c, char *why, size_t room) {
    struct sockaddr_storage address;
    socklen_t n;
    int fd, on = 1, off = 0;

    if (parse_address(c, &address, &n, why, room)) return -1;
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (address.ss_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (bind(fd, (struct sockaddr *)&address, n) == 0 && listen(fd, BACKLOG) == 0) return fd;
    }
    snprintf(why, room, "cannot listen on %s port %d: %s", c->address, c->port, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

int listen_port(int fd) {
    struct sockaddr_storage address;
    socklen_t n = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &n)) return 0;
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}
