/* data-storage: joins what the others have found out about a picture, and writes it into the
 * folder of results. What it is asked twice it writes twice, and the same. */
#include "common/json_values.h"
#include "server/apis/api.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/server.h"
#include "services/output.h"
#include "services/results.h"
#include "services/services.h"
#include "services/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The shape of AggregateResponse. Takes path over. */
static void reply(struct request *r, int success, const char *message, char *path) {
    int failed = 0;
    json_t *object = json_object();

    json_value_set(object, "success", json_boolean(success), &failed);
    json_value_set(object, "message", json_value_text(message), &failed);
    if (path) json_value_set(object, "saved_path", json_value_text(path), &failed);
    free(path);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    reply_json(r, 200, object);
}

static int read_text(struct request *r, const char *name, char room[PARAM_TEXT], const char **v) {
    if (param_text(r, name, room, v)) return -1;
    if (*v) return 0;
    reply_error(r, 400, "bad_request", "%s is missing", name);
    return -1;
}

/* Nanoseconds since 1970; now, where it is not said. */
static int read_time(struct request *r, struct timespec *t) {
    char room[PARAM_TEXT], *end;
    const char *text = NULL;
    long long ns;

    clock_gettime(CLOCK_REALTIME, t);
    if (param_text(r, "image_read_ns", room, &text)) return -1;
    if (!text) return 0;
    errno = 0;
    ns = strtoll(text, &end, 10);
    if (*end || errno || ns <= 0) {
        reply_error(r, 400, "bad_request", "image_read_ns is nanoseconds since 1970");
        return -1;
    }
    *t = (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = ns % 1000000000};
    return 0;
}

/* The result as text, for free(); NULL after replying. */
static char *join(struct request *r, const char *image_id, const char *key, size_t *n) {
    struct store_all all;
    struct timespec now;
    char why[REDIS_WHY], *text = NULL;
    int failed = 0;
    json_t *value;

    if (store_get_all(r->server->service_state, key, &all, why)) {
        reply_error(r, 503, "redis_away", "%s", why);
        return NULL;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    value = results_join(image_id, all.at, all.n, now, &failed);
    store_all_free(&all);
    if (!value && !failed) {
        reply(r, 0, "not all that is to be joined is in Redis: ask the other services again", NULL);
        return NULL;
    }
    if (value && !failed) text = json_value_dump(value, JSON_VALUES_DUMP, n);
    json_decref(value);
    if (!text) reply_error(r, 500, "internal", "the server is out of memory");
    return text;
}

static void handle(struct request *r) {
    const char *image_id = NULL, *key = NULL;
    char room[2][PARAM_TEXT], why[OUTPUT_WHY], *text, *path;
    struct timespec read;
    size_t n;
    int error;

    if (read_text(r, "image_id", room[0], &image_id) || read_text(r, "redis_key", room[1], &key) ||
        read_time(r, &read))
        return;
    if (image_id_check(image_id, why, sizeof why)) {
        reply_error(r, 400, "bad_request", "image_id: %s", why);
        return;
    }
    if (!results_is_key(key)) {
        reply_error(r, 400, "bad_request", "redis_key is none that the other services answer with");
        return;
    }
    text = join(r, image_id, key, &n);
    if (!text) return;
    text[n] = '\n'; /* in place of the NUL */
    error =
        output_write(r->server->config->service.output, image_id, text, n + 1, read, &path, why);
    free(text);
    if (error == ENAMETOOLONG || error == EEXIST || error == ENOTDIR || error == EISDIR)
        reply(r, 0, why, NULL); /* another name would do; this one never */
    else if (error)
        reply_error(r, 503, "output_failed", "%s", why);
    else
        reply(r, 1, "saved", path);
}

static int start(struct server *s, char *why, size_t room) {
    const struct service_config *c = &s->config->service;
    struct stat st;

    if (mkdir(c->output, 0777) && errno != EEXIST) {
        snprintf(why, room, "%s: %s", c->output, strerror(errno));
        return -1;
    }
    if (stat(c->output, &st) || !S_ISDIR(st.st_mode)) {
        snprintf(why, room, "%s is no folder", c->output);
        return -1;
    }
    output_tidy(c->output);
    s->service_state = store_new(c->redis, c->expiry);
    if (s->service_state) return 0;
    snprintf(why, room, "out of memory");
    return -1;
}

static void end(struct server *s) {
    store_free(s->service_state);
    s->service_state = NULL;
}

static const struct route ROUTES[] = {
    {"POST", "/services/data-storage", ROUTE_WORK, handle},
    {.path = NULL},
};

static const struct api API = {.routes = ROUTES};
static const char *const GRPC[] = {"aggregator", NULL};

const struct service service_data_storage = {
    .name = "data-storage",
    .summary = "joins both and writes the result (aggregator.proto)",
    .port = 50053,
    .grpc = GRPC,
    .api = &API,
    .wants = SERVICE_REDIS | SERVICE_OUTPUT,
    .start = start,
    .free = end,
};
