/* The server as a whole: what it is made of, its signals, its end. */
#include "server/serve.h"

#include "common/clock.h"
#include "server/batch.h"
#include "server/clients.h"
#include "server/connections.h"
#include "server/dialects.h"
#include "server/fetcher.h"
#include "server/galleries.h"
#include "server/grpc.h"
#include "server/http.h"
#include "server/keys.h"
#include "server/log.h"
#include "server/models.h"
#include "server/repeats.h"
#include "server/route.h"
#include "server/server.h"
#include "server/work.h"
#include "server/workers.h"

#include <curl/curl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LAST_ANSWERS 1.0  /* seconds clients have to fetch them when the server ends */
#define LAST_RUN     0.5  /* seconds a run has to end by itself then */
#define LONG_RUN     10.0 /* seconds of one from which the server is not ready */

/* Returns 0 with the new keys in force, or -1 with a sentence in why and the old ones. */
static int load_keys(struct server *s, char why[WHY_SIZE]) {
    struct keys *keys, *old;
    int signs = 0;

    why[0] = '\0';
    if (!s->config->keys) return 0;
    for (const struct api **api = s->apis; *api; api++) signs |= (*api)->signs;
    if (keys_load(s->config->keys, signs, &keys, why)) return -1;
    if (why[0]) log_say(s->log, "%s", why);
    pthread_rwlock_wrlock(&s->keys_lock);
    old = s->keys;
    s->keys = keys;
    pthread_rwlock_unlock(&s->keys_lock);
    keys_free(old);
    return 0;
}

/* As many sockets as the system lets this process have. Returns how many connections that allows:
 * where a socket cannot be accepted, none could be closed to make room for it. */
static int raise_file_limit(int wanted) {
    enum { OTHER_FILES = 256 };
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit)) return wanted;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= (rlim_t)wanted + OTHER_FILES) return wanted;
    return limit.rlim_cur > 2 * OTHER_FILES ? (int)limit.rlim_cur - OTHER_FILES
                                            : (int)limit.rlim_cur / 2 + 1;
}

static const char **route_labels(const struct api *const *apis) {
    int n = route_count(apis);
    const char **labels = calloc((size_t)n + 1, sizeof *labels);

    for (int i = 0; labels && i < n; i++) labels[i] = route_path(apis, i);
    return labels;
}

int server_is_ready(struct server *s) {
    double limit = s->config->deadline < LONG_RUN ? s->config->deadline : LONG_RUN;

    return atomic_load(&s->state) == SERVER_READY && batcher_busy(s->batcher) <= limit;
}

static void server_free(struct server *s) {
    fetcher_free(s->fetcher);
    workers_free(s->workers);
    galleries_free(s->galleries);
    repeats_free(s->repeats);
    batcher_free(s->batcher);
    models_store_free(s->models);
    connections_free(s->connections);
    clients_free(s->clients);
    log_free(s->log);
    metrics_free(s->metrics);
    keys_free(s->keys);
    pthread_rwlock_destroy(&s->keys_lock);
    turns_destroy(&s->decoding);
    sync_budget_destroy(&s->pictures);
    sync_budget_destroy(&s->bodies);
}

/* As many as the networks use: those this process may run on. */
static int cores(const struct serve_config *c) {
    return c->machine.threads > 0 ? c->machine.threads : mien_cores();
}

/* labels stay the caller's. */
static int server_make(struct server *s, const struct serve_config *c, const char **labels) {
    const struct connections_limits limits = {.count = raise_file_limit(c->connections),
                                              .an_address = c->connections_per_address,
                                              .read_timeout = c->read_timeout,
                                              .idle_timeout = c->idle_timeout};

    s->config = c;
    pthread_rwlock_init(&s->keys_lock, NULL);
    turns_init(&s->decoding, cores(c));
    s->memory = memory_share(c);
    sync_budget_init(&s->pictures, s->memory.pictures);
    sync_budget_init(&s->bodies, s->memory.bodies);
    s->clients = clients_new();
    s->metrics = labels ? metrics_new(labels, route_count(s->apis)) : NULL;
    if (s->metrics && s->clients) {
        s->log = log_new((enum serve_log)c->log, s->metrics);
        s->models = models_store_new();
        s->batcher = batcher_new(&(struct batcher_options){.max_batch = c->max_batch,
                                                           .max_wait_us = c->max_wait_us,
                                                           .turns = &s->decoding,
                                                           .metrics = s->metrics});
        s->connections = connections_new(&limits, s->clients, s->metrics);
        s->workers = workers_new(c->workers, c->queue, s->clients, work_on);
        s->fetcher = c->allow_urls ? fetcher_new() : NULL;
    }
    if (c->allow_urls && !s->fetcher) return -1;
    if (config_keeps_gallery(c)) {
        s->galleries = galleries_new(c);
        s->repeats = repeats_new();
        if (!s->galleries || !s->repeats) return -1;
    }
    return s->log && s->models && s->batcher && s->connections && s->workers ? 0 : -1;
}

static void block_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL); /* threads made later inherit it */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error of whoever writes */
}

/* The next signal, or 0 after `seconds`. */
static int next_signal(const sigset_t *set, double seconds) {
    struct timespec t = {.tv_sec = (time_t)seconds,
                         .tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds))};
    int signal_number = sigtimedwait(set, NULL, &t);

    return signal_number > 0 ? signal_number : 0;
}

static void reload(struct server *s) {
    char why[512];
    int failed = load_keys(s, why);

    if (failed) log_say(s->log, "the keys stay as they were: %s", why);
    if (models_store_load(s->models, s->config, why, sizeof why)) {
        log_say(s->log, "the networks stay as they were: %s", why);
        failed = 1;
    }
    metrics_reloaded(s->metrics, failed);
    if (!failed) log_say(s->log, "keys and networks are read anew");
}

/* Waits until no request is left; -1 where some are after `seconds` or when a signal has come. */
static int wait_for_requests(struct server *s, const sigset_t *set, double seconds) {
    double until = clock_seconds() + seconds;

    while (atomic_load(&s->active) > 0) {
        int signal_number = next_signal(set, 0.02);
        if (signal_number == SIGTERM || signal_number == SIGINT || clock_seconds() >= until)
            return -1;
    }
    return 0;
}

/* Takes no new connections, and waits for the requests that have begun. A second signal ends the
 * wait; whoever is still waiting or worked on is then told so, whatever runs. */
static void drain(struct server *s, const sigset_t *set) {
    log_say(s->log, "draining: %d requests under way", atomic_load(&s->active));
    atomic_store(&s->state, SERVER_DRAINING);
    service_stop(s);
    if (s->daemon) http_stop_listening(s);
    grpc_drain(s, s->config->drain_timeout);
    if (wait_for_requests(s, set, s->config->drain_timeout) == 0) return;
    log_say(s->log, "%d requests did not end in time", atomic_load(&s->active));
    atomic_store(&s->state, SERVER_ENDING);
    workers_stop(s->workers);
    wait_for_requests(s, set, LAST_ANSWERS);
}

static int wait_for_end(struct server *s, const sigset_t *set) {
    for (;;) {
        int signal_number = 0;
        if (sigwait(set, &signal_number)) return -1;
        if (signal_number != SIGHUP) return 0;
        reload(s);
    }
}

static void say_listening(struct server *s) {
    const struct serve_config *c = s->config;
    const char *format =
        strchr(c->address, ':') ? "listening on %s://[%s]:%d" : "listening on %s://%s:%d";

    if (s->daemon)
        log_say(s->log, format, c->tls_cert ? "https" : "http", c->address, http_port(s));
    if (grpc_port(s))
        log_say(s->log, format, c->tls_cert ? "grpcs" : "grpc", c->address, grpc_port(s));
    if (!c->gallery && !s->galleries)
        log_say(s->log,
                "no people are kept, because whoever reaches %s could ask who they are: "
                "--keys or --gallery changes that",
                c->address);
}

/* Between the opening of the socket and the loaded networks /health already answers. A signal that
 * comes meanwhile is taken when they are loaded. */
static int serve(struct server *s, const sigset_t *set) {
    char why[512];
    double start = clock_seconds();
    struct models *m;
    int status = 0;

    if (s->galleries && galleries_check_key(s->galleries)) {
        log_say(s->log, "%s", mien_gallery_error());
        return -1;
    }
    if (load_keys(s, why) || (s->config->port >= 0 && http_start(s, why, sizeof why)) ||
        grpc_start(s, why, sizeof why)) {
        log_say(s->log, "%s", why);
        return -1;
    }
    say_listening(s);
    if (models_store_load(s->models, s->config, why, sizeof why) ||
        service_start(s, why, sizeof why)) {
        log_say(s->log, "%s", why);
        status = -1;
    } else {
        atomic_store(&s->state, SERVER_READY); /* before it is said: who reads that may ask */
        grpc_set_serving(s, 1);
        m = models_acquire(s->models);
        log_say(s->log, "ready after %.2f s: %s", clock_seconds() - start,
                mien_backend_name(m->networks.ctx));
        models_release(s->models, m);
        status = wait_for_end(s, set);
    }
    drain(s, set);
    return status;
}

/* Each thread's own heap would come to hold what once was a picture: two heaps for all take a third
 * less memory, and large pictures go back to the system. */
static void set_up_malloc(void) {
    enum { HEAPS = 2, MAPPED_FROM = 4 << 20 };

    mallopt(M_ARENA_MAX, HEAPS);
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
}

int serve_run(const struct serve_config *config) {
    struct server s = {.config = config};
    const char **labels;
    sigset_t set;
    int status;

    block_signals(&set);
    set_up_malloc();
    if (config->allow_urls) curl_global_init(CURL_GLOBAL_DEFAULT);
    s.apis = config->service.service ? service_apis(config->service.service)
                                     : dialects_choose(config->apis);
    labels = s.apis ? route_labels(s.apis) : NULL;
    status = server_make(&s, config, labels);
    if (status)
        fprintf(stderr, "mien: out of memory or threads\n");
    else
        status = serve(&s, &set);
    workers_stop(s.workers); /* before http_stop(), which finds no connection suspended then */
    grpc_stop(&s);
    if (s.daemon) http_stop(&s);
    if (s.batcher && batcher_stop(s.batcher, LAST_RUN)) {
        log_say(s.log, "ended; a run of a network that had not was left");
        log_flush(s.log);
        _exit(status ? EXIT_FAILURE : EXIT_SUCCESS); /* it looks at what would be freed */
    }
    service_free(&s);
    if (status == 0) log_say(s.log, "ended");
    server_free(&s);
    if (config->allow_urls) curl_global_cleanup();
    free(labels);
    free(s.apis);
    return status;
}
