#include "server/repeats.h"

#include "common/clock.h"
#include "mien_gallery.h"
#include "server/apis/api.h"
#include "server/clients.h"
#include "server/reply.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Answers, their bytes together, and seconds they are kept; letters of a key. */
enum { MOST = 4096, BYTES_MOST = 16 << 20, KEPT = 24 * 60 * 60, KEY_MOST = 128 };

enum state { FREE, UNDER_WAY, ANSWERED };

struct repeat {
    enum state state;
    uint8_t who[MIEN_GALLERY_HASH_SIZE];  /* client, path and key */
    uint8_t what[MIEN_GALLERY_HASH_SIZE]; /* the request */
    double time;                          /* clock_seconds() when it came */
    int status;
    const char *type;
    uint8_t *body;
    size_t size;
};

struct repeats {
    pthread_mutex_t lock;
    size_t bytes;
    struct repeat at[MOST];
};

struct repeats *repeats_new(void) {
    struct repeats *s = calloc(1, sizeof *s);

    if (s) pthread_mutex_init(&s->lock, NULL);
    return s;
}

void repeats_free(struct repeats *s) {
    if (!s) return;
    for (int i = 0; i < MOST; i++) free(s->at[i].body);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* With the lock. */
static void forget(struct repeats *s, struct repeat *one) {
    s->bytes -= one->size;
    free(one->body);
    *one = (struct repeat){.state = FREE};
}

/* A hash of hashes, each of one thing, so that none can run into the next. */
static void add(uint8_t hash[MIEN_GALLERY_HASH_SIZE], const void *bytes, size_t n) {
    uint8_t pair[2][MIEN_GALLERY_HASH_SIZE];

    memcpy(pair[0], hash, sizeof pair[0]);
    mien_gallery_hash(bytes, n, pair[1]);
    mien_gallery_hash(pair, sizeof pair, hash);
}

static int add_argument(void *hash, const char *name, const char *value) {
    add(hash, name, strlen(name));
    add(hash, value ? value : "", value ? strlen(value) : 0);
    return 0;
}

static void hash_request(struct request *r, const char *key, struct repeat *out) {
    memset(out->who, 0, sizeof out->who);
    memset(out->what, 0, sizeof out->what);
    add(out->who, r->client->name, strlen(r->client->name));
    add(out->who, r->method, strlen(r->method));
    add(out->who, r->route->path, strlen(r->route->path));
    for (int i = 0; i < REQUEST_PARAMS; i++) add(out->who, r->param[i], strlen(r->param[i]));
    add(out->who, key, strlen(key));
    r->transport->arguments(r, add_argument, out->what);
    add(out->what, r->body.at, r->body.n);
    for (int i = 0; i < r->nparts; i++) {
        add(out->what, r->parts[i].name, strlen(r->parts[i].name));
        add(out->what, r->parts[i].data.at, r->parts[i].data.n);
    }
}

/* With the lock: that of who; what has become too old goes on the way. NULL: there is none. */
static struct repeat *find(struct repeats *s, const uint8_t who[MIEN_GALLERY_HASH_SIZE]) {
    double oldest = clock_seconds() - KEPT;
    struct repeat *found = NULL;

    for (int i = 0; i < MOST; i++) {
        struct repeat *one = &s->at[i];
        if (one->state == ANSWERED && one->time < oldest) forget(s, one);
        if (one->state != FREE && memcmp(one->who, who, sizeof one->who) == 0) found = one;
    }
    return found;
}

/* With the lock: the oldest answer; NULL: there is none. */
static struct repeat *oldest_answer(struct repeats *s) {
    struct repeat *oldest = NULL;

    for (int i = 0; i < MOST; i++)
        if (s->at[i].state == ANSWERED && (!oldest || s->at[i].time < oldest->time))
            oldest = &s->at[i];
    return oldest;
}

/* With the lock: a free place, if need be that of the oldest answer; NULL: all are under way. */
static struct repeat *make_room(struct repeats *s) {
    struct repeat *oldest;

    for (int i = 0; i < MOST; i++)
        if (s->at[i].state == FREE) return &s->at[i];
    oldest = oldest_answer(s);
    if (oldest) forget(s, oldest);
    return oldest;
}

/* With the lock: answers what was answered, or why not. */
static void repeat(struct request *r, const struct repeat *before, const struct repeat *now) {
    uint8_t *copy;

    if (memcmp(before->what, now->what, sizeof now->what) != 0) {
        reply_error(r, 409, "conflict", "this Idempotency-Key was sent with another request");
    } else if (before->state == UNDER_WAY) {
        reply_error(r, 409, "conflict", "the request of this Idempotency-Key is being worked on");
        reply_header(r, "Retry-After", "1");
    } else {
        copy = malloc(before->size + 1);
        if (copy && before->size) memcpy(copy, before->body, before->size);
        if (copy)
            reply_bytes(r, before->status, before->type, copy, before->size);
        else
            reply_error(r, 500, "internal", "the server is out of memory");
    }
}

int repeats_begin(struct repeats *s, struct request *r) {
    const char *key = request_header(r, "Idempotency-Key");
    struct repeat now = {.state = UNDER_WAY, .time = clock_seconds()}, *one;

    if (!key || r->repeat) return 0;
    if (!*key || strlen(key) > KEY_MOST) {
        reply_error(r, 400, "bad_request", "an Idempotency-Key has 1 to %d letters", KEY_MOST);
        return -1;
    }
    hash_request(r, key, &now);
    pthread_mutex_lock(&s->lock);
    one = find(s, now.who);
    if (one) {
        repeat(r, one, &now);
    } else {
        one = make_room(s);
        if (one) {
            *one = now;
            r->repeat = one;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return r->reply.status ? -1 : 0;
}

/* With the lock: keeps a copy of the reply; -1 where it is not to be, or there is no room for it.
 */
static int keep(struct repeats *s, const struct reply *reply, struct repeat *one) {
    struct repeat *oldest;

    if (!reply->status || reply->status >= 500 || reply->status == 429 || reply->asset ||
        reply->size > BYTES_MOST)
        return -1;
    while (s->bytes + reply->size > BYTES_MOST && (oldest = oldest_answer(s))) forget(s, oldest);
    one->body = malloc(reply->size + 1);
    if (!one->body) return -1;
    if (reply->size) memcpy(one->body, reply->body, reply->size);
    one->state = ANSWERED;
    one->status = reply->status;
    one->type = reply->type;
    one->size = reply->size;
    s->bytes += reply->size;
    return 0;
}

void repeats_end(struct repeats *s, struct request *r) {
    struct repeat *one = r->repeat;

    if (!one) return;
    r->repeat = NULL;
    pthread_mutex_lock(&s->lock);
    if (keep(s, &r->reply, one)) forget(s, one);
    pthread_mutex_unlock(&s->lock);
}
