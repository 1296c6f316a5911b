#include "queue/redis_link.h"

#include "common/shared.h"
#include "queue/redis_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { CONNECT_MS = 5000, REPLY_MS = 30000, PIECE = 1 << 16 };

static struct {
    __typeof__(&redisReaderCreate) reader_create;
    __typeof__(&redisReaderFree) reader_free;
    __typeof__(&redisReaderFeed) reader_feed;
    __typeof__(&redisReaderGetReply) reader_get_reply;
    __typeof__(&redisFormatCommandArgv) format;
    __typeof__(&redisFreeCommand) free_command;
    __typeof__(&freeReplyObject) free_reply;
} lib;

static char lacks[256]; /* a sentence; empty: nothing */

struct redis_link {
    int fd;
    int wait_ms; /* what the socket waits for now */
    struct tls *tls;
    redisReader *reader;
};

static void open_library(void) {
#define ROW(field, name)                                                                           \
    { name, offsetof(__typeof__(lib), field) }
    const struct shared_function functions[] = {
        ROW(reader_create, "redisReaderCreate"), ROW(reader_free, "redisReaderFree"),
        ROW(reader_feed, "redisReaderFeed"),     ROW(reader_get_reply, "redisReaderGetReply"),
        ROW(format, "redisFormatCommandArgv"),   ROW(free_command, "redisFreeCommand"),
        ROW(free_reply, "freeReplyObject"),      {NULL, 0}};
#undef ROW

    (void)shared_open(QUEUE_HIREDIS, QUEUE_HIREDIS_PACKAGE, functions, &lib, lacks, sizeof lacks);
}

static void set_wait(struct redis_link *l, int ms) {
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    if (l->wait_ms == ms) return;
    l->wait_ms = ms;
    setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

/* Connects within its time: 0 or an errno. */
static int connect_socket(int fd, const struct sockaddr *to, socklen_t n) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0, flags = fcntl(fd, F_GETFL), one = 1;
    socklen_t size = sizeof error;

    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (connect(fd, to, n) && errno != EINPROGRESS) return errno;
    switch (poll(&p, 1, CONNECT_MS)) {
    case 0: return ETIMEDOUT;
    case 1: break;
    default: return errno;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size)) return errno;
    fcntl(fd, F_SETFL, flags);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    return error;
}

/* The first of the host's addresses that can be reached. */
static int dial(const struct redis_address *a, char *why, size_t room) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(a->host, a->port, &hints, &list), error = 0, fd = -1;

    if (code) {
        snprintf(why, room, "%s", gai_strerror(code));
        return -1;
    }
    for (const struct addrinfo *i = list; i; i = i->ai_next) {
        fd = socket(i->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        error = fd < 0 ? errno : connect_socket(fd, i->ai_addr, i->ai_addrlen);
        if (!error) break;
        if (fd >= 0) close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    if (fd < 0) snprintf(why, room, "%s", strerror(error));
    return fd;
}

static int send_all(struct redis_link *l, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t sent = l->tls ? tls_send(l->tls, bytes, n) : send(l->fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && !l->tls && errno == EINTR) continue;
        if (sent <= 0) return -1;
        bytes += sent;
        n -= (size_t)sent;
    }
    return 0;
}

/* More bytes for the reader. A signal does not end it: what was asked has an answer. */
static int receive(struct redis_link *l, char *why, size_t room) {
    char bytes[PIECE];
    ssize_t n;

    do {
        n = l->tls ? tls_recv(l->tls, bytes, sizeof bytes) : recv(l->fd, bytes, sizeof bytes, 0);
    } while (n < 0 && !l->tls && errno == EINTR);
    if (n > 0 && lib.reader_feed(l->reader, bytes, (size_t)n) == REDIS_OK) return 0;
    if (n > 0)
        snprintf(why, room, "its answer cannot be read");
    else if (n == 0)
        snprintf(why, room, "the connection was closed");
    else
        snprintf(why, room, "the connection was lost: %s",
                 l->tls                                    ? "TLS failed, or no answer came"
                 : errno == EAGAIN || errno == EWOULDBLOCK ? "no answer came"
                                                           : strerror(errno));
    return -1;
}

redisReply *redis_link_call(struct redis_link *l, int argc, const char **argv, const size_t *sizes,
                            int wait_ms, char *why, size_t room) {
    char *command = NULL;
    void *reply = NULL;
    int rc, n = (int)lib.format(&command, argc, argv, sizes);

    if (n < 0) {
        snprintf(why, room, "out of memory");
        return NULL;
    }
    set_wait(l, REPLY_MS + wait_ms);
    rc = send_all(l, command, (size_t)n);
    lib.free_command(command);
    if (rc) {
        snprintf(why, room, "the connection was lost");
        return NULL;
    }
    while ((rc = lib.reader_get_reply(l->reader, &reply)) == REDIS_OK && !reply)
        if (receive(l, why, room)) return NULL;
    if (rc != REDIS_OK) snprintf(why, room, "its answer cannot be read: %s", l->reader->errstr);
    return rc == REDIS_OK ? reply : NULL;
}

void redis_link_free_reply(redisReply *reply) {
    if (reply) lib.free_reply(reply);
}

/* A command whose answer matters only where it is an error. Server errors: *away by their kind. */
static int tell(struct redis_link *l, int argc, const char **argv, int *away, char *why,
                size_t room) {
    size_t sizes[3];
    redisReply *reply;
    int rc = 0;

    for (int i = 0; i < argc; i++) sizes[i] = strlen(argv[i]);
    reply = redis_link_call(l, argc, argv, sizes, 0, why, room);
    if (!reply) {
        *away = 1;
        return -1;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        *away =
            strncmp(reply->str, "LOADING", 7) == 0 || strncmp(reply->str, "MASTERDOWN", 10) == 0;
        snprintf(why, room, "%s",
                 strncmp(reply->str, "WRONGPASS", 9) == 0 ? "the user or password is wrong"
                 : strncmp(reply->str, "NOAUTH", 6) == 0  ? "wants a password, and was given none"
                                                          : reply->str);
        rc = -1;
    }
    lib.free_reply(reply);
    return rc;
}

static int greet(struct redis_link *l, const struct redis_address *a, int *away, char *why,
                 size_t room) {
    char database[16];
    const char *plain[] = {"AUTH", a->password}, *named[] = {"AUTH", a->user, a->password};
    const char *select[] = {"SELECT", database}, *ping[] = {"PING"};

    snprintf(database, sizeof database, "%d", a->database);
    if (a->user[0] && tell(l, 3, named, away, why, room)) return -1;
    if (!a->user[0] && a->password[0] && tell(l, 2, plain, away, why, room)) return -1;
    if (a->database && tell(l, 2, select, away, why, room)) return -1;
    return tell(l, 1, ping, away, why, room);
}

struct redis_link *redis_link_open(const struct redis_address *a, int *away, char *why,
                                   size_t room) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct redis_link *l;

    *away = 0;
    pthread_once(&once, open_library);
    l = *lacks ? NULL : calloc(1, sizeof *l);
    if (l) l->reader = lib.reader_create();
    if (!l || !l->reader) {
        snprintf(why, room, "%s", *lacks ? lacks : "out of memory");
        free(l);
        return NULL;
    }
    *away = 1;
    l->fd = dial(a, why, room);
    if (l->fd >= 0) {
        set_wait(l, CONNECT_MS);
        if (a->tls)
            l->tls = tls_open(l->fd, a->host, a->ca[0] ? a->ca : NULL, a->cert[0] ? a->cert : NULL,
                              a->key[0] ? a->key : NULL, away, why, room);
        if ((!a->tls || l->tls) && greet(l, a, away, why, room) == 0) return l;
    }
    redis_link_close(l);
    return NULL;
}

void redis_link_close(struct redis_link *l) {
    if (!l) return;
    tls_close(l->tls);
    if (l->fd >= 0) close(l->fd);
    lib.reader_free(l->reader);
    free(l);
}
