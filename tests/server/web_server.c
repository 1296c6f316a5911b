#include "tests/server/web_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TLS_HELLO = 0x16 }; /* how a client begins that expects TLS, which is not spoken here */

static pthread_t thread;
static int listener, port;
static atomic_int connections, stopping;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last_request[8192]; /* guarded by lock */

/* 0 where the client took it. */
static int say(int fd, const void *bytes, size_t n) {
    for (const char *p = bytes; n;) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0) return -1;
        p += sent;
        n -= (size_t)sent;
    }
    return 0;
}

static int say_text(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int say_text(int fd, const char *fmt, ...) {
    char text[9000];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return say(fd, text, (size_t)n);
}

/* True until the test ends or the client goes, asked each 50 ms. */
static int wait_more(int fd) {
    struct pollfd client = {.fd = fd, .events = POLLRDHUP};
    return !stopping && poll(&client, 1, 50) == 0;
}

static void redirect(int fd, const char *location) {
    say_text(fd,
             "HTTP/1.1 302 Found\r\nSet-Cookie: a=b\r\nLocation: %s\r\n"
             "Content-Length: 0\r\n\r\n",
             location);
}

static void say_picture(int fd) {
    say_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(WEB_PICTURE), WEB_PICTURE);
}

static void say_endless(int fd) {
    char block[4096];
    memset(block, 'x', sizeof block);
    if (say_text(fd, "HTTP/1.1 200 OK\r\n\r\n")) return;
    while (!stopping && say(fd, block, sizeof block) == 0) continue;
}

static void say_headers(int fd) {
    if (say_text(fd, "HTTP/1.1 200 OK\r\n")) return;
    for (int i = 0; !stopping && say_text(fd, "X-Header-%d: %0500d\r\n", i, i) == 0; i++) continue;
}

static void answer(int fd, char *path) {
    char location[64];
    if (strcmp(path, "/picture") == 0) {
        say_picture(fd);
    } else if (strcmp(path, "/hops/0") == 0) {
        redirect(fd, "/picture");
    } else if (strncmp(path, "/hops/", 6) == 0) {
        snprintf(location, sizeof location, "/hops/%d", atoi(path + 6) - 1);
        redirect(fd, location);
    } else if (strncmp(path, "/to?", 4) == 0) {
        redirect(fd, path + 4);
    } else if (strncmp(path, "/status/", 8) == 0) {
        say_text(fd, "HTTP/1.1 %d Whatever\r\nContent-Length: 4\r\n\r\nbody", atoi(path + 8));
    } else if (strcmp(path, "/empty") == 0) {
        say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    } else if (strncmp(path, "/bytes/", 7) == 0) {
        int n = atoi(path + 7);
        say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", n);
        while (n-- > 0) say(fd, "x", 1);
    } else if (strcmp(path, "/endless") == 0) {
        say_endless(fd);
    } else if (strncmp(path, "/claims/", 8) == 0) {
        say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n0123456789", path + 8);
    } else if (strcmp(path, "/headers") == 0) {
        say_headers(fd);
    } else if (strcmp(path, "/drip") == 0) {
        say_text(fd, "HTTP/1.1 200 OK\r\n\r\n");
        while (wait_more(fd) && say(fd, "x", 1) == 0) continue;
    } else if (strcmp(path, "/silent") == 0) {
        while (wait_more(fd)) continue;
    } else {
        say_text(fd, "\x16\x03\x01 what?\r\n\r\n");
    }
}

static void serve(int fd) {
    char request[sizeof last_request] = "", path[4096] = "";
    size_t n = 0;
    ssize_t got;
    while (n < sizeof request - 1 && !strstr(request, "\r\n\r\n") && request[0] != TLS_HELLO &&
           (got = recv(fd, request + n, sizeof request - 1 - n, 0)) > 0)
        n += (size_t)got;
    pthread_mutex_lock(&lock);
    memcpy(last_request, request, sizeof request);
    pthread_mutex_unlock(&lock);
    if (sscanf(request, "GET %4095s ", path) == 1) answer(fd, path);
    shutdown(fd, SHUT_WR);
    close(fd);
}

static void *run(void *arg) {
    int fd;
    (void)arg;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        if (stopping) {
            close(fd);
            break;
        }
        connections++;
        serve(fd);
    }
    return NULL;
}

void web_start(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    port = ntohs(address.sin_port);
    connections = stopping = 0;
    assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
}

void web_stop(void) {
    stopping = 1;
    shutdown(listener, SHUT_RDWR); /* ends accept() */
    pthread_join(thread, NULL);
    close(listener);
}

int web_port(void) {
    return port;
}

int web_connections(void) {
    return connections;
}

const char *web_last_request(void) {
    static char copy[sizeof last_request];
    pthread_mutex_lock(&lock);
    memcpy(copy, last_request, sizeof copy);
    pthread_mutex_unlock(&lock);
    return copy;
}
