/* Jobs in Redis, for any number of machines: streams with a consumer group. What a step does stands
 * in redis_scripts.c; here are the connection, which is made anew when it was lost, and values. */
#include "queue/queue.h"
#include "queue/redis_link.h"
#include "queue/redis_scripts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct queue {
    struct queue_head head;
    struct redis_address address;
    struct redis_link *link; /* NULL: it was lost, or not made yet */
    char label[QUEUE_WHY];
    char prefix[80];
    char worker[256];            /* the last that claimed, "" */
    char sha[REDIS_SCRIPTS][41]; /* by which Redis knows the scripts, "": not told yet */
};

/* A command; its texts stay elsewhere. */
struct args {
    const char **at;
    size_t *sizes;
    int n, room, failed;
};

static void args_add(struct args *a, const void *text, size_t size) {
    if (a->n == a->room) {
        int room = a->room ? 2 * a->room : 32;
        const char **at = realloc(a->at, (size_t)room * sizeof *at);
        size_t *sizes;
        if (at) a->at = at;
        sizes = realloc(a->sizes, (size_t)room * sizeof *sizes);
        if (sizes) a->sizes = sizes;
        if (!at || !sizes) {
            a->failed = 1;
            return;
        }
        a->room = room;
    }
    a->at[a->n] = text;
    a->sizes[a->n++] = size;
}

/* NULL counts as "". */
static void args_text(struct args *a, const char *text) {
    args_add(a, text ? text : "", text ? strlen(text) : 0);
}

static void args_free(struct args *a) {
    free(a->at);
    free(a->sizes);
}

static void lose(struct queue *q) {
    redis_link_close(q->link);
    q->link = NULL;
}

/* What Redis says is wrong: whether another time it may work, and the sentence. */
static int failed_reply(struct queue *q, const char *says) {
    static const char *const passing[] = {"LOADING",  "MASTERDOWN",  "READONLY",
                                          "TRYAGAIN", "CLUSTERDOWN", "MISCONF",
                                          "OOM",      "BUSY",        "NOREPLICAS"};

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (strstr(says, passing[i])) /* also within what a script says */
            return queue_failed(q, QUEUE_EAWAY, "%.200s: %.250s", q->label, says);
    if (strstr(says, "NOGROUP")) { /* emptied meanwhile: it is made anew next time */
        lose(q);
        return queue_failed(q, QUEUE_EAWAY, "%.200s: the queue was emptied", q->label);
    }
    return queue_failed(q, QUEUE_EFAILED, "%.200s: %.250s", q->label, says);
}

static int call(struct queue *q, const struct args *a, int wait_ms, redisReply **out) {
    char why[QUEUE_WHY - 256] = "out of memory";

    *out = a->failed ? NULL
                     : redis_link_call(q->link, a->n, a->at, a->sizes, wait_ms, why, sizeof why);
    if (*out) return QUEUE_OK;
    lose(q);
    return queue_failed(q, QUEUE_EAWAY, "%.200s: %s", q->label, why);
}

/* EVALSHA where Redis has told us the name of the script; SCRIPT LOAD before. */
static int load(struct queue *q, enum redis_script script) {
    struct args a = {0};
    redisReply *reply = NULL;
    int rc;

    args_text(&a, "SCRIPT");
    args_text(&a, "LOAD");
    args_text(&a, REDIS_SCRIPT[script]);
    rc = call(q, &a, 0, &reply);
    args_free(&a);
    if (rc) return rc;
    if (reply->type == REDIS_REPLY_STRING && reply->len == 40)
        memcpy(q->sha[script], reply->str, 41);
    else
        rc = failed_reply(q, reply->type == REDIS_REPLY_ERROR ? reply->str : "no name of a script");
    redis_link_free_reply(reply);
    return rc;
}

static int connect_queue(struct queue *q);

/* Runs a script, whose name begin() has left room for. *out is for redis_link_free_reply(). */
static int run(struct queue *q, enum redis_script script, struct args *a, redisReply **out) {
    int rc = QUEUE_OK;

    *out = NULL;
    if (!q->link) rc = connect_queue(q);
    for (int loaded = 0; rc == QUEUE_OK; loaded++) {
        if (!q->sha[script][0]) rc = load(q, script);
        if (rc) break;
        if (a->n > 1) {
            a->at[1] = q->sha[script];
            a->sizes[1] = 40;
        }
        rc = call(q, a, 0, out);
        if (rc || (*out)->type != REDIS_REPLY_ERROR) break;
        if (loaded || strncmp((*out)->str, "NOSCRIPT", 8) != 0) {
            rc = failed_reply(q, (*out)->str);
            redis_link_free_reply(*out);
            *out = NULL;
            break;
        }
        redis_link_free_reply(*out);
        *out = NULL;
        q->sha[script][0] = '\0';
    }
    return rc;
}

static void begin(struct queue *q, struct args *a) {
    *a = (struct args){0};
    args_text(a, "EVALSHA");
    args_text(a, "");
    args_text(a, "1");
    args_text(a, q->prefix);
}

/* Text i of a list; "" where it is none. */
static const char *item(const redisReply *reply, size_t i) {
    const redisReply *r =
        reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements ? reply->element[i] : NULL;

    return r && r->str ? r->str : "";
}

/* Runs a script that says how it went, and ends the args. */
static int run_step(struct queue *q, enum redis_script script, struct args *a, const char *id) {
    redisReply *reply = NULL;
    int rc = run(q, script, a, &reply);
    const char *says = item(reply, 0);

    args_free(a);
    if (rc) return rc;
    if (strcmp(says, "NONE") == 0)
        rc = queue_failed(q, QUEUE_ENOTFOUND, "there is no job %s", id);
    else if (strcmp(says, "STATE") == 0)
        rc = queue_failed(q, QUEUE_ESTATE, "job %s is %s", id, item(reply, 1));
    else if (strcmp(says, "FULL") == 0)
        rc = queue_failed(q, QUEUE_EFULL, "the queue is full: %s jobs wait, of %d that may",
                          item(reply, 1), q->head.options.room);
    else if (strcmp(says, "NEWER") == 0)
        rc = queue_failed(q, QUEUE_EFAILED,
                          "%.200s: was made by a newer mien (version %s of its keys; this one "
                          "knows %d)",
                          q->label, item(reply, 1), REDIS_VERSION);
    redis_link_free_reply(reply);
    return rc;
}

/* Connects, and sees that the queue is there. */
static int connect_queue(struct queue *q) {
    char why[QUEUE_WHY - 256], version[8];
    struct args a;
    int away, rc;

    memset(q->sha, 0, sizeof q->sha);
    q->link = redis_link_open(&q->address, &away, why, sizeof why);
    if (!q->link)
        return queue_failed(q, away ? QUEUE_EAWAY : QUEUE_EFAILED, "%.200s: %s", q->label, why);
    snprintf(version, sizeof version, "%d", REDIS_VERSION);
    begin(q, &a);
    args_text(&a, version);
    rc = run_step(q, REDIS_INIT, &a, "");
    if (rc) lose(q);
    return rc;
}

static void close_queue(struct queue *q) {
    struct args a;

    if (q->link && q->worker[0]) {
        begin(q, &a);
        args_text(&a, q->worker);
        (void)run_step(q, REDIS_FORGET_WORKER, &a, "");
    }
    lose(q);
    explicit_bzero(&q->address, sizeof q->address);
    free(q->head.place);
    free(q);
}

static int open_queue(const struct queue_options *options, struct queue **out,
                      char why[QUEUE_WHY]) {
    struct redis_address address;
    struct queue *q;
    int rc;

    if (redis_address_read(options->place, &address, why, QUEUE_WHY)) return QUEUE_EFAILED;
    q = calloc(1, sizeof *q);
    if (q) q->head.place = strdup(options->place);
    if (!q || !q->head.place) {
        free(q);
        snprintf(why, QUEUE_WHY, "out of memory");
        return QUEUE_EFAILED;
    }
    q->head.options = *options;
    q->head.options.place = q->head.place;
    q->address = address;
    queue_label(options->place, q->label);
    q->label[strcspn(q->label, "?")] = '\0';
    snprintf(q->prefix, sizeof q->prefix, "{%s}:", address.name);
    rc = connect_queue(q);
    if (rc == QUEUE_OK) {
        *out = q;
        return QUEUE_OK;
    }
    memcpy(why, q->head.why, QUEUE_WHY);
    close_queue(q);
    return rc;
}

struct number {
    char text[24];
};

static const char *number(struct number *room, int64_t value) {
    snprintf(room->text, sizeof room->text, "%lld", (long long)value);
    return room->text;
}

static int submit(struct queue *q, struct job *jobs, int n) {
    struct number now, room;
    struct args a;

    begin(q, &a);
    args_text(&a, number(&now, queue_now()));
    args_text(&a, number(&room, q->head.options.room));
    for (int i = 0; i < n; i++) {
        const struct job *j = &jobs[i];
        args_text(&a, j->id);
        args_text(&a, JOB_PRIORITY_NAMES[j->priority]);
        args_text(&a, j->file);
        args_text(&a, j->bytes ? "1" : "0");
        args_add(&a, j->bytes ? j->bytes : "", j->bytes ? j->n : 0);
        args_text(&a, j->options);
        args_text(&a, j->trace);
        args_text(&a, j->owner);
        args_text(&a, j->callback);
    }
    return run_step(q, REDIS_SUBMIT, &a, "");
}

static void take_field(struct job *job, const char *name, const redisReply *value) {
    const char *text = value->str ? value->str : "";
    const struct {
        const char *name;
        const char **text;
    } texts[] = {{"file", &job->file},    {"options", &job->options},   {"trace", &job->trace},
                 {"owner", &job->owner},  {"callback", &job->callback}, {"worker", &job->worker},
                 {"result", &job->result}};
    const struct {
        const char *name;
        int64_t *number;
    } numbers[] = {{"created", &job->created},
                   {"started", &job->started},
                   {"finished", &job->finished},
                   {"lease", &job->lease}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i].name) == 0) *texts[i].text = text;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0) *numbers[i].number = strtoll(text, NULL, 10);
    if (strcmp(name, "state") == 0 && job_state_of(text) >= 0)
        job->state = (enum job_state)job_state_of(text);
    if (strcmp(name, "tries") == 0) job->tries = (int)strtol(text, NULL, 10);
    for (int i = 0; strcmp(name, "priority") == 0 && i < JOB_PRIORITIES; i++)
        if (strcmp(text, JOB_PRIORITY_NAMES[i]) == 0) job->priority = (enum job_priority)i;
    if (strcmp(name, "bytes") == 0) {
        job->bytes = text;
        job->n = (size_t)value->len;
    }
}

/* {id, {name, value, ...}}. */
static struct job job_of(const redisReply *row) {
    struct job job = {.priority = JOB_NORMAL};
    const redisReply *fields;

    if (row->type != REDIS_REPLY_ARRAY || row->elements < 2) return job;
    snprintf(job.id, sizeof job.id, "%s", item(row, 0));
    fields = row->element[1];
    if (fields->type != REDIS_REPLY_ARRAY) return job;
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        take_field(&job, item(fields, i), fields->element[i + 1]);
    return job;
}

static int hand_on(const redisReply *rows, queue_row *row, void *context, int *n) {
    int rc = QUEUE_OK;

    if (rows->type != REDIS_REPLY_ARRAY) return QUEUE_OK;
    for (size_t i = 0; i < rows->elements && rc == QUEUE_OK; i++) {
        struct job job = job_of(rows->element[i]);
        if (!job.id[0]) continue;
        ++*n;
        rc = row(context, &job);
    }
    return rc;
}

static int claim(struct queue *q, const char *worker, int most, queue_row *row, void *context) {
    struct number now, count, lease, tries;
    redisReply *reply = NULL;
    struct args a;
    int rc, n = 0;

    snprintf(q->worker, sizeof q->worker, "%s", worker);
    begin(q, &a);
    args_text(&a, number(&now, queue_now()));
    args_text(&a, worker);
    args_text(&a, number(&count, most));
    args_text(&a, number(&lease, q->head.options.lease_ms));
    args_text(&a, number(&tries, q->head.options.tries));
    rc = run(q, REDIS_CLAIM, &a, &reply);
    args_free(&a);
    if (rc == QUEUE_OK) rc = hand_on(reply, row, context, &n);
    redis_link_free_reply(reply);
    return rc;
}

/* Blocks until one of the streams gets an entry. What came since the last claim is not noticed
 * here, but by the next claim. */
static int wait_for_jobs(struct queue *q, int ms) {
    char keys[JOB_PRIORITIES][112];
    struct number block;
    redisReply *reply = NULL;
    struct args a = {0};
    int rc = q->link ? QUEUE_OK : connect_queue(q);

    if (rc) return rc;
    args_text(&a, "XREAD");
    args_text(&a, "COUNT");
    args_text(&a, "1");
    args_text(&a, "BLOCK");
    args_text(&a, number(&block, ms > 0 ? ms : 1));
    args_text(&a, "STREAMS");
    for (int i = 0; i < JOB_PRIORITIES; i++) {
        snprintf(keys[i], sizeof keys[i], "%s%s", q->prefix, JOB_PRIORITY_NAMES[i]);
        args_text(&a, keys[i]);
    }
    for (int i = 0; i < JOB_PRIORITIES; i++) args_text(&a, "$");
    rc = call(q, &a, ms, &reply);
    args_free(&a);
    if (rc == QUEUE_OK && reply->type == REDIS_REPLY_ERROR) rc = failed_reply(q, reply->str);
    redis_link_free_reply(reply);
    return rc;
}

static int renew(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n) {
    struct number now, lease;
    struct args a;

    begin(q, &a);
    args_text(&a, number(&now, queue_now()));
    args_text(&a, worker);
    args_text(&a, number(&lease, q->head.options.lease_ms));
    for (int i = 0; i < n; i++) args_text(&a, ids[i]);
    return run_step(q, REDIS_RENEW, &a, "");
}

static int release(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n) {
    struct args a;

    begin(q, &a);
    args_text(&a, worker);
    for (int i = 0; i < n; i++) args_text(&a, ids[i]);
    return run_step(q, REDIS_RELEASE, &a, "");
}

static int end(struct queue *q, const char *worker, struct job_end *ends, int n) {
    struct number now;
    redisReply *reply = NULL;
    struct args a;
    int rc;

    begin(q, &a);
    args_text(&a, number(&now, queue_now()));
    args_text(&a, worker);
    for (int i = 0; i < n; i++) {
        args_text(&a, ends[i].id);
        args_text(&a, JOB_STATE_NAMES[ends[i].failed ? JOB_FAILED : JOB_DONE]);
        args_text(&a, ends[i].result);
    }
    rc = run(q, REDIS_END, &a, &reply);
    args_free(&a);
    for (int i = 0;
         rc == QUEUE_OK && reply->type == REDIS_REPLY_ARRAY && i < n && (size_t)i < reply->elements;
         i++)
        ends[i].taken = reply->element[i]->integer == 1;
    redis_link_free_reply(reply);
    return rc;
}

static int get(struct queue *q, const char *id, queue_row *row, void *context) {
    redisReply *reply = NULL;
    struct args a;
    int rc, n = 0;

    begin(q, &a);
    args_text(&a, id);
    rc = run(q, REDIS_GET, &a, &reply);
    args_free(&a);
    if (rc == QUEUE_OK) rc = hand_on(reply, row, context, &n);
    redis_link_free_reply(reply);
    if (rc == QUEUE_OK && n == 0) rc = queue_failed(q, QUEUE_ENOTFOUND, "there is no job %s", id);
    return rc;
}

/* One look at up to a thousand jobs. after: [JOB_ID], how far it came; "" at the end. */
static int list_some(struct queue *q, const struct queue_filter *filter, char after[JOB_ID],
                     int limit, queue_row *row, void *context, int *n) {
    struct number most;
    redisReply *reply = NULL;
    struct args a;
    int rc;

    begin(q, &a);
    args_text(&a, after);
    args_text(&a, number(&most, limit));
    args_text(&a, filter->state >= 0 ? JOB_STATE_NAMES[filter->state] : "");
    args_text(&a, filter->results ? "1" : "0");
    rc = run(q, REDIS_LIST, &a, &reply);
    args_free(&a);
    if (rc == QUEUE_OK) {
        snprintf(after, JOB_ID, "%s", item(reply, 0));
        if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 1)
            rc = hand_on(reply->element[1], row, context, n);
    }
    redis_link_free_reply(reply);
    return rc;
}

static int list(struct queue *q, const struct queue_filter *filter, queue_row *row, void *context) {
    char after[JOB_ID];
    int n = 0, rc;

    snprintf(after, sizeof after, "%s", filter->after ? filter->after : "");
    do {
        rc = list_some(q, filter, after, filter->limit - n, row, context, &n);
    } while (rc == QUEUE_OK && after[0] && n < filter->limit);
    return rc;
}

static int cancel(struct queue *q, const char *id) {
    struct number now;
    struct args a;

    begin(q, &a);
    args_text(&a, number(&now, queue_now()));
    args_text(&a, id);
    return run_step(q, REDIS_CANCEL, &a, id);
}

static int retry(struct queue *q, const char *id) {
    struct args a;

    begin(q, &a);
    args_text(&a, id);
    return run_step(q, REDIS_RETRY, &a, id);
}

static int count(struct queue *q, struct queue_counts *counts) {
    char key[112];
    redisReply *reply = NULL;
    struct args a = {0};
    int rc = q->link ? QUEUE_OK : connect_queue(q);

    if (rc) return rc;
    snprintf(key, sizeof key, "%scounts", q->prefix);
    args_text(&a, "HGETALL");
    args_text(&a, key);
    rc = call(q, &a, 0, &reply);
    args_free(&a);
    if (rc) return rc;
    if (reply->type == REDIS_REPLY_ERROR) rc = failed_reply(q, reply->str);
    for (size_t i = 0; rc == QUEUE_OK && i + 1 < reply->elements; i += 2) {
        int state = job_state_of(item(reply, i));
        if (state >= 0) counts->of[state] = strtoll(item(reply, i + 1), NULL, 10);
    }
    redis_link_free_reply(reply);
    return rc;
}

static int purge(struct queue *q, int64_t before, int most, int *purged) {
    struct number until, limit;
    redisReply *reply = NULL;
    struct args a;
    int rc;

    begin(q, &a);
    args_text(&a, number(&until, before));
    args_text(&a, number(&limit, most));
    rc = run(q, REDIS_PURGE, &a, &reply);
    args_free(&a);
    if (rc == QUEUE_OK && reply->type == REDIS_REPLY_ARRAY && reply->elements)
        *purged = (int)reply->element[0]->integer;
    redis_link_free_reply(reply);
    return rc;
}

const struct queue_ops QUEUE_REDIS = {
    .open = open_queue,
    .close = close_queue,
    .submit = submit,
    .claim = claim,
    .wait = wait_for_jobs,
    .renew = renew,
    .release = release,
    .end = end,
    .get = get,
    .list = list,
    .cancel = cancel,
    .retry = retry,
    .count = count,
    .purge = purge,
};
