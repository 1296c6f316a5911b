/* image-input: takes each picture that comes into a folder through the other services, and has it
 * in hand until data-storage says that its result is on the disk. */
#include "common/clock.h"
#include "common/trace.h"
#include "grpc/loader.h"
#include "server/log.h"
#include "server/server.h"
#include "services/arrivals.h"
#include "services/others.h"
#include "services/output.h"
#include "services/pile.h"
#include "services/services.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SENTENCE = 1200, GLANCE_MS = 500 };

static const double LOOK_EVERY = 10; /* seconds, where not every folder can be watched */

struct input {
    struct server *server;
    const struct service_config *config;
    struct others *others;
    struct arrivals *arrivals;
    struct pile *pile;
    pthread_t watcher, *senders;
    int has_watcher, nsenders;
    atomic_int is_ending;
    atomic_llong completed;
};

/* A picture in hand. */
struct hand {
    struct input *input;
    const char *name;
    uint8_t *bytes;
    size_t n;
    struct stat st;       /* when it was read */
    struct timespec read; /* before it was */
    struct trace trace;
    char said[SENTENCE]; /* what was last logged of it */
    int tries;
    long long others_done; /* pictures that had been completed when it was first tried */
};

static char *path_of(const struct input *in, const char *name) {
    char *path;

    return asprintf(&path, "%s/%s", in->config->input, name) < 0 ? NULL : path;
}

/* What arrivals tell: not 0 ends that. */
static int offer(void *context, const char *name) {
    struct input *in = context;
    struct stat st;
    char *path;
    int is_current;

    if (atomic_load(&in->is_ending)) return -1;
    if (in->config->output) {
        path = path_of(in, name);
        is_current =
            path && stat(path, &st) == 0 && output_is_current(in->config->output, name, &st);
        free(path);
        if (is_current) return 0;
    }
    return pile_put(in->pile, name);
}

static void *watch(void *context) {
    struct input *in = context;
    double looked = clock_seconds();

    while (!atomic_load(&in->is_ending)) {
        arrivals_wait(in->arrivals, GLANCE_MS, offer, in);
        if (!arrivals_misses_some(in->arrivals) || clock_seconds() < looked + LOOK_EVERY) continue;
        looked = clock_seconds();
        arrivals_look_again(in->arrivals);
    }
    return NULL;
}

/* Reads the whole file: 0, ENOENT where it has gone, or another errno. */
static int read_picture(struct hand *h) {
    struct input *in = h->input;
    char *path = path_of(in, h->name);
    size_t most = in->server->config->max_bytes;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1, error = 0;
    ssize_t got = 1;

    if (fd < 0) error = path ? errno : ENOMEM;
    free(path);
    free(h->bytes);
    h->bytes = NULL;
    h->n = 0;
    clock_gettime(CLOCK_REALTIME, &h->read);
    if (!error && fstat(fd, &h->st)) error = errno;
    if (!error && !S_ISREG(h->st.st_mode)) error = EINVAL;
    if (!error && (h->st.st_size < 0 || (uint64_t)h->st.st_size > most)) error = EFBIG;
    if (!error) {
        size_t room = (size_t)h->st.st_size;
        h->bytes = malloc(room + 1);
        if (!h->bytes) error = ENOMEM;
        while (!error && h->n < room && got > 0) {
            got = read(fd, h->bytes + h->n, room - h->n);
            if (got > 0) h->n += (size_t)got;
            if (got < 0 && errno != EINTR) error = errno;
            if (got < 0 && errno == EINTR) got = 1;
        }
    }
    if (fd >= 0) close(fd);
    return error;
}

/* 1 where it is not the file any more that was read. */
static int has_changed(const struct hand *h) {
    char *path = path_of(h->input, h->name);
    struct stat st;
    int changed =
        path && stat(path, &st) == 0 &&
        (st.st_ino != h->st.st_ino || st.st_size != h->st.st_size ||
         st.st_mtim.tv_sec != h->st.st_mtim.tv_sec || st.st_mtim.tv_nsec != h->st.st_mtim.tv_nsec ||
         st.st_ctim.tv_sec != h->st.st_ctim.tv_sec || st.st_ctim.tv_nsec != h->st.st_ctim.tv_nsec);

    free(path);
    return changed;
}

static void say(const struct hand *h, const char *what, const char *sentence) {
    log_say(h->input->server->log, "%s: %s%s trace=%s", h->name, what, sentence, h->trace.id);
}

/* Something that may come right: said once, waited for longer each time. A picture that fails
 * while others do not is the fault of none but itself: it does not stop a place for ever. Returns 0
 * where it is to be tried again. */
static int wait_a_while(struct hand *h, const char *why) {
    enum { MOST_TRIES = 8, OTHERS = 8 };
    struct input *in = h->input;
    double seconds = 0.1 * (1 << (h->tries < 6 ? h->tries : 6));

    h->tries++;
    if (h->tries >= MOST_TRIES && atomic_load(&in->completed) >= h->others_done + OTHERS) {
        say(h, "given up until it changes: ", why);
        return -1;
    }
    if (strcmp(h->said, why) != 0) {
        snprintf(h->said, sizeof h->said, "%s", why);
        say(h, "waits: ", why);
    }
    return pile_sleep(in->pile, seconds < 5 ? seconds : 5);
}

/* Takes a picture through all services, as often as it takes. */
static void work(struct input *in, const char *name) {
    struct hand h = {.input = in, .name = name, .others_done = atomic_load(&in->completed)};
    char why[SENTENCE];
    int is_done = 0;

    trace_begin(&h.trace);
    if (image_id_check(name, why, sizeof why)) {
        say(&h, "failed: ", why);
        return;
    }
    while (!is_done && !atomic_load(&in->is_ending)) {
        int error = read_picture(&h);
        if (error == ENOENT) break;
        if (error) {
            say(&h, "failed: ",
                error == EFBIG ? "it is over the limit of --max-bytes" : strerror(error));
            break;
        }
        struct others_asked asked = {
            .image_id = name, .image = h.bytes, .size = h.n, .read = h.read, .trace = &h.trace};
        switch (others_ask(in->others, &asked, why, sizeof why)) {
        case OTHERS_DONE: say(&h, "", why); break;
        case OTHERS_FAILED: say(&h, "failed: ", why); break;
        case OTHERS_AGAIN:
            if (wait_a_while(&h, why) == 0) continue;
            break;
        }
        is_done = !has_changed(&h);
        if (is_done) atomic_fetch_add(&in->completed, 1);
    }
    free(h.bytes);
}

static void *send_all(void *context) {
    struct input *in = context;
    char *name;

    while ((name = pile_take(in->pile))) {
        work(in, name);
        pile_done(in->pile, name);
    }
    return NULL;
}

static void stop(struct server *s) {
    struct input *in = s->service_state;

    if (!in) return;
    atomic_store(&in->is_ending, 1);
    if (in->pile) pile_end(in->pile);
    if (in->has_watcher) pthread_join(in->watcher, NULL);
    in->has_watcher = 0;
    /* Those in hand may be answered in time; what is not is taken up at the next start. */
    if (in->others) others_end(in->others, s->config->drain_timeout);
    for (int i = 0; i < in->nsenders; i++) pthread_join(in->senders[i], NULL);
    in->nsenders = 0;
}

static void end(struct server *s) {
    struct input *in = s->service_state;

    if (!in) return;
    stop(s);
    others_free(in->others);
    arrivals_close(in->arrivals);
    pile_free(in->pile);
    free(in->senders);
    free(in);
    s->service_state = NULL;
}

static int start(struct server *s, char *why, size_t room) {
    const struct service_config *c = &s->config->service;
    struct input *in = calloc(1, sizeof *in);

    snprintf(why, room, "out of memory or threads");
    if (!in) return -1;
    s->service_state = in;
    in->server = s;
    in->config = c;
    in->arrivals = arrivals_open(c->input, why, room);
    if (in->arrivals) in->others = others_new(c, s->config->max_bytes, why, room);
    in->pile = in->others ? pile_new(4 * (size_t)c->in_hand) : NULL;
    in->senders = calloc((size_t)c->in_hand, sizeof *in->senders);
    while (in->pile && in->senders && in->nsenders < c->in_hand &&
           pthread_create(&in->senders[in->nsenders], NULL, send_all, in) == 0)
        in->nsenders++;
    if (in->nsenders == c->in_hand)
        in->has_watcher = pthread_create(&in->watcher, NULL, watch, in) == 0;
    if (in->has_watcher) return 0;
    end(s);
    return -1;
}

static const char *const GRPC[] = {NULL};

const struct service service_image_input = {
    .name = "image-input",
    .summary = "takes the pictures of a folder through the others",
    .port = 50050,
    .grpc = GRPC,
    .wants = SERVICE_INPUT | SERVICE_CALLS,
    .start = start,
    .stop = stop,
    .free = end,
};
