#include "queue/queue.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

const char *const JOB_STATE_NAMES[JOB_STATES + 1] = {"queued",    "running", "done", "failed",
                                                     "cancelled", "dead",    NULL};
const char *const JOB_PRIORITY_NAMES[JOB_PRIORITIES + 1] = {"high", "normal", "low", NULL};

/* The kinds of queue by how their places begin; all that are left are files. */
static const struct {
    const char *prefix;
    const struct queue_ops *ops;
} KINDS[] = {
    {"redis://", &QUEUE_REDIS},
    {"rediss://", &QUEUE_REDIS},
    {"", &QUEUE_SQLITE},
};

static struct queue_head *head(struct queue *q) {
    return (struct queue_head *)q;
}

int queue_open(const struct queue_options *options, struct queue **out, char why[QUEUE_WHY]) {
    const char *place = options->place, *colon = strstr(place, "://");
    size_t i = 0;
    int rc;

    *out = NULL;
    why[0] = '\0';
    while (strncmp(place, KINDS[i].prefix, strlen(KINDS[i].prefix)) != 0) i++;
    if (!*KINDS[i].prefix && colon) {
        snprintf(why, QUEUE_WHY, "%.*s: no such kind of queue (redis://, rediss:// or a file)",
                 (int)(colon + 3 - place), place);
        return QUEUE_EFAILED;
    }
    rc = KINDS[i].ops->open(options, out, why);
    if (rc) return rc;
    head(*out)->ops = KINDS[i].ops;
    return QUEUE_OK;
}

void queue_close(struct queue *q) {
    if (q) head(q)->ops->close(q);
}

const char *queue_why(const struct queue *q) {
    return ((const struct queue_head *)q)->why;
}

const char *queue_label(const char *place, char out[QUEUE_WHY]) {
    const char *start = strstr(place, "://"), *at;

    start = start ? start + 3 : place;
    at = start == place ? NULL : memrchr(start, '@', strcspn(start, "/?"));
    snprintf(out, QUEUE_WHY, "%.*s%s", (int)(start - place), place, at ? at + 1 : start);
    return out;
}

int queue_failed(struct queue *q, int rc, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    vsnprintf(head(q)->why, QUEUE_WHY, fmt, args);
    va_end(args);
    return rc;
}

int64_t queue_now(void) {
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 12 digits of the time, 4 that count within it, and 16 by chance: by age, and nobody's twice. */
void job_id_make(char out[JOB_ID]) {
    static _Thread_local int64_t last;
    static _Thread_local unsigned count;
    int64_t now = queue_now();
    uint64_t chance = 0;

    if (now <= last) { /* of one millisecond, or the clock was set back */
        now = last;
        count++;
        if (count > 0xffff) {
            now++;
            count = 0;
        }
    } else {
        count = 0;
    }
    last = now;
    if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance)
        chance = (uint64_t)now * 0x9e3779b97f4a7c15U ^ (uint64_t)getpid();
    snprintf(out, JOB_ID, "%012llx%04x%016llx", (unsigned long long)now & 0xffffffffffffU, count,
             (unsigned long long)chance);
}

int job_id_is_good(const char *id) {
    return strlen(id) == JOB_ID - 1 && strspn(id, "0123456789abcdef") == JOB_ID - 1;
}

int job_state_of(const char *name) {
    for (int i = 0; i < JOB_STATES; i++)
        if (strcmp(name, JOB_STATE_NAMES[i]) == 0) return i;
    return -1;
}

int queue_submit(struct queue *q, struct job *jobs, int n) {
    for (int i = 0; i < n; i++)
        if (!jobs[i].id[0]) job_id_make(jobs[i].id);
    return n ? head(q)->ops->submit(q, jobs, n) : QUEUE_OK;
}

int queue_claim(struct queue *q, const char *worker, int most, queue_row *row, void *context) {
    return head(q)->ops->claim(q, worker, most < QUEUE_MOST ? most : QUEUE_MOST, row, context);
}

int queue_wait(struct queue *q, int ms) {
    return head(q)->ops->wait(q, ms);
}

int queue_renew(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n) {
    return n ? head(q)->ops->renew(q, worker, ids, n) : QUEUE_OK;
}

int queue_release(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n) {
    return n ? head(q)->ops->release(q, worker, ids, n) : QUEUE_OK;
}

int queue_end(struct queue *q, const char *worker, struct job_end *ends, int n) {
    for (int i = 0; i < n; i++) ends[i].taken = 0;
    return n ? head(q)->ops->end(q, worker, ends, n) : QUEUE_OK;
}

static int find_none(struct queue *q, const char *id) {
    return queue_failed(q, QUEUE_ENOTFOUND, "there is no job %.64s", id);
}

int queue_get(struct queue *q, const char *id, queue_row *row, void *context) {
    return job_id_is_good(id) ? head(q)->ops->get(q, id, row, context) : find_none(q, id);
}

int queue_list(struct queue *q, const struct queue_filter *filter, queue_row *row, void *context) {
    return head(q)->ops->list(q, filter, row, context);
}

int queue_cancel(struct queue *q, const char *id) {
    return job_id_is_good(id) ? head(q)->ops->cancel(q, id) : find_none(q, id);
}

int queue_retry(struct queue *q, const char *id) {
    return job_id_is_good(id) ? head(q)->ops->retry(q, id) : find_none(q, id);
}

int queue_count(struct queue *q, struct queue_counts *counts) {
    memset(counts, 0, sizeof *counts);
    return head(q)->ops->count(q, counts);
}

int queue_purge(struct queue *q, int64_t before, int most, int *purged) {
    *purged = 0;
    return head(q)->ops->purge(q, before, most, purged);
}
