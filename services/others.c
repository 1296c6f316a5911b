#include "services/others.h"

#include "common/clock.h"
#include "grpc/loader.h"
#include "server/sync.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16, KEY_FIELDS = 2, OVERHEAD = 1 << 20 };

#define LANDMARKS  "/landmark_detection.LandmarkDetection/DetectLandmarks"
#define AGE_GENDER "/age_gender.AgeGenderEstimation/EstimateAgeGender"
#define AGGREGATE  "/aggregator.DataAggregator/AggregateData"

/* A service that is asked. */
struct other {
    char *target, *method;
    struct grpc_client *client;
};

struct others {
    const struct grpc_client_ops *ops;
    struct other at[MOST]; /* [n]: those that look, in their order, then the one that stores */
    int n;
    char *key; /* the API key; NULL: none */
    double seconds;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int under_way, is_ending;
};

/* The next of a list with commas: HOST:PORT/PACKAGE.SERVICE/METHOD. 1, 0 at the end, -1 where it is
 * none; *target and *method are for free(). */
static int next_also(const char **at, char **target, char **method) {
    const char *word = *at, *slash;
    size_t n;

    *target = *method = NULL;
    if (!word || !*word) return 0;
    n = strcspn(word, ",");
    *at = word[n] ? word + n + 1 : word + n;
    slash = memchr(word, '/', n);
    if (!slash || slash == word || !memchr(word, ':', (size_t)(slash - word))) return -1;
    /* "/package.Service/Method" */
    if (!memchr(slash + 1, '/', (size_t)(word + n - slash - 1)) || word[n - 1] == '/') return -1;
    *target = strndup(word, (size_t)(slash - word));
    *method = strndup(slash, (size_t)(word + n - slash));
    return *target && *method ? 1 : -1;
}

int others_check(const char *also, char *why, size_t room) {
    char *target, *method;
    int n = 0, more;

    while ((more = next_also(&also, &target, &method)) != 0) {
        free(target);
        free(method);
        if (more > 0 && ++n <= MOST - 3) continue;
        snprintf(why, room,
                 more < 0 ? "it is HOST:PORT/PACKAGE.SERVICE/METHOD, several with commas"
                          : "too many services");
        return -1;
    }
    return 0;
}

static char *read_file(const char *path, char *why, size_t room) {
    enum { LARGEST = 1 << 20 };
    char *text = calloc(1, LARGEST + 1);
    FILE *f = text ? fopen(path, "re") : NULL;
    size_t n = f ? fread(text, 1, LARGEST, f) : 0;

    if (!f || ferror(f) || n == 0) {
        snprintf(why, room, "%s: %s", path,
                 !text ? "out of memory"
                 : !f  ? strerror(errno)
                       : "it is empty");
        free(text);
        text = NULL;
    }
    if (f) fclose(f);
    return text;
}

/* Takes target and method over. */
static int add(struct others *o, char *target, char *method,
               const struct grpc_client_options *options, char *why, size_t room) {
    struct grpc_client_options own = *options;

    if (!target || !method || o->n == MOST) {
        free(target);
        free(method);
        snprintf(why, room, "out of memory");
        return -1;
    }
    o->at[o->n] = (struct other){.target = target, .method = method};
    own.target = target;
    o->at[o->n].client = o->ops->open(&own, why, room);
    o->n++;
    return o->at[o->n - 1].client ? 0 : -1;
}

static int add_all(struct others *o, const struct service_config *c,
                   const struct grpc_client_options *options, char *why, size_t room) {
    const char *also = c->also;
    char *target = NULL, *method = NULL;

    if (add(o, strdup(c->face_landmark), strdup(LANDMARKS), options, why, room) ||
        add(o, strdup(c->age_gender), strdup(AGE_GENDER), options, why, room))
        return -1;
    while (next_also(&also, &target, &method) > 0)
        if (add(o, target, method, options, why, room)) return -1;
    free(target); /* of a last one for which memory ran out */
    free(method);
    return add(o, strdup(c->data_storage), strdup(AGGREGATE), options, why, room);
}

/* The file's first line. */
static int read_key(struct others *o, const char *path, char *why, size_t room) {
    o->key = read_file(path, why, room);
    if (!o->key) return -1;
    o->key[strcspn(o->key, "\r\n")] = '\0';
    return 0;
}

struct others *others_new(const struct service_config *c, size_t max_bytes, char *why,
                          size_t room) {
    const struct grpc_module *module = grpc_load(why, room);
    struct others *o = module ? calloc(1, sizeof *o) : NULL;
    struct grpc_client_options options = {.max_message = max_bytes + OVERHEAD};
    char *ca = NULL;
    int failed;

    if (!o) return NULL;
    o->ops = module->client;
    o->seconds = c->call_timeout;
    pthread_mutex_init(&o->lock, NULL);
    sync_cond_init(&o->changed);
    failed = c->call_ca && !(ca = read_file(c->call_ca, why, room));
    options.ca = ca;
    if (!failed && c->call_key) failed = read_key(o, c->call_key, why, room);
    if (!failed) failed = add_all(o, c, &options, why, room);
    free(ca);
    if (!failed) return o;
    others_free(o);
    return NULL;
}

void others_free(struct others *o) {
    if (!o) return;
    for (int i = 0; i < o->n; i++) {
        if (o->at[i].client) o->ops->close(o->at[i].client);
        free(o->at[i].target);
        free(o->at[i].method);
    }
    free(o->key);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

static void ask_one(struct others *o, const struct other *other, const struct others_asked *asked,
                    const char *key, struct grpc_received *out) {
    char parent[TRACE_PARENT];
    const struct grpc_field metadata[KEY_FIELDS] = {
        {"traceparent", trace_header(asked->trace, parent)}, {"x-api-key", o->key}};
    const struct grpc_sent sent = {.method = other->method,
                                   .image_id = asked->image_id,
                                   .image = asked->image,
                                   .size = asked->size,
                                   .redis_key = key,
                                   .image_read_ns = (long long)asked->read.tv_sec * 1000000000 +
                                                    asked->read.tv_nsec,
                                   .metadata = metadata,
                                   .nmetadata = o->key ? 2 : 1,
                                   .seconds = o->seconds};

    o->ops->ask(other->client, &sent, out);
}

/* One after the other: the second looks at what the first has found. */
static enum others_outcome ask_all(struct others *o, const struct others_asked *asked, char *why,
                                   size_t room) {
    struct grpc_received got;
    char key[sizeof got.redis_key] = "";

    for (int i = 0; i < o->n; i++) {
        const struct other *other = &o->at[i];
        int stores = i == o->n - 1;
        ask_one(o, other, asked, stores ? key : NULL, &got);
        if (got.code) {
            snprintf(why, room, "%s at %s: %s", other->method + 1, other->target, got.text);
            return got.may_come_right ? OTHERS_AGAIN : OTHERS_FAILED;
        }
        snprintf(why, room, "%s", got.text);
        if (!got.success) return stores ? OTHERS_AGAIN : OTHERS_FAILED;
        if (i == 0) snprintf(key, sizeof key, "%s", got.redis_key);
    }
    return OTHERS_DONE;
}

enum others_outcome others_ask(struct others *o, const struct others_asked *asked, char *why,
                               size_t room) {
    enum others_outcome outcome = OTHERS_AGAIN;
    int is_ending;

    pthread_mutex_lock(&o->lock);
    is_ending = o->is_ending;
    if (!is_ending) o->under_way++;
    pthread_mutex_unlock(&o->lock);
    snprintf(why, room, "the service ends");
    if (is_ending) return outcome;
    outcome = ask_all(o, asked, why, room);
    pthread_mutex_lock(&o->lock);
    o->under_way--;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    return outcome;
}

void others_end(struct others *o, double seconds) {
    double until = clock_seconds() + seconds;

    pthread_mutex_lock(&o->lock);
    o->is_ending = 1;
    while (o->under_way > 0 && !sync_cond_wait(&o->changed, &o->lock, until)) {
    }
    pthread_mutex_unlock(&o->lock);
    for (int i = 0; i < o->n; i++) o->ops->cancel(o->at[i].client);
}
