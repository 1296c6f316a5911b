/*
 * queue.h - jobs that wait for whoever has time: a picture each, and what is asked about it.
 *
 * A job is taken by a worker for a while (its lease), which the worker prolongs as long as it works
 * on it. What a dead worker had is taken by another when the lease has ended, so a job may run more
 * than once; its result is taken once, by whoever is first, together with the end of the job.
 * Beneath is a kind of queue: a file of its own with a `const struct queue_ops` and a row of
 * queue.c, chosen by how its place begins. A queue is used by one thread at a time.
 */
#ifndef MIEN_QUEUE_QUEUE_H
#define MIEN_QUEUE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

enum {
    JOB_ID = 33,       /* 32 hexadecimal digits and the NUL; those of later jobs are greater */
    QUEUE_WHY = 512,   /* a sentence */
    QUEUE_MOST = 1000, /* jobs of one call */
    QUEUE_TRIES = 3,
    QUEUE_LEASE_MS = 60000,
    QUEUE_ROOM = 1000000 /* jobs that may wait */
};

enum job_state {
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_DONE,      /* with a result */
    JOB_FAILED,    /* the picture cannot be worked on; the result says why */
    JOB_CANCELLED, /* nobody wants it any more; without a result */
    JOB_DEAD,      /* each of its workers died with it; without a result */
    JOB_STATES
};
extern const char *const JOB_STATE_NAMES[JOB_STATES + 1]; /* ended by NULL */

enum job_priority { JOB_HIGH, JOB_NORMAL, JOB_LOW, JOB_PRIORITIES };
extern const char *const JOB_PRIORITY_NAMES[JOB_PRIORITIES + 1];

enum queue_error {
    QUEUE_OK = 0,
    QUEUE_EAWAY = -1,     /* the database cannot be reached; another time it may */
    QUEUE_EFULL = -2,     /* too many jobs wait */
    QUEUE_ENOTFOUND = -3, /* there is no such job */
    QUEUE_ESTATE = -4,    /* the job is in no state for that */
    QUEUE_EFAILED = -5    /* anything else, which trying again does not mend */
};

/* Times are milliseconds since 1970, 0: not yet. Texts are NULL where there is none; in what a
 * queue hands out all are valid until the function they are given to returns. */
struct job {
    char id[JOB_ID]; /* of one that is submitted "": it is given one */
    enum job_state state;
    enum job_priority priority;
    int tries; /* times it was taken */
    int64_t created, started, finished, lease;
    const char *file;  /* a path or URL; where the picture is in `bytes`, what it is called */
    const void *bytes; /* [n] of the picture; NULL: it is fetched from `file` */
    size_t n;
    const char *options;  /* an object of JSON (analysis/asked.h) */
    const char *trace;    /* what connects it with the logs of other programs */
    const char *owner;    /* who submitted it */
    const char *callback; /* a URL that is told of its end */
    const char *worker;   /* who has it, or had it last */
    const char *result;   /* an object of JSON */
};

/* What a worker found out. */
struct job_end {
    char id[JOB_ID];
    int failed;         /* the picture cannot be worked on */
    const char *result; /* an object of JSON; NULL: it is kept elsewhere */
    int taken;          /* set: it was the first of its job, which was still wanted */
};

struct queue_options {
    const char *place;
    int tries;     /* after which a job is dead */
    int lease_ms;  /* of a worker */
    int room;      /* jobs that may wait */
    int read_only; /* nothing is made where there is no queue */
};

struct queue_counts {
    int64_t of[JOB_STATES];
};

struct queue_filter {
    int state;         /* -1: any */
    const char *after; /* an id; "" or NULL: from the first */
    int limit;         /* 1 .. QUEUE_MOST */
    int results;       /* with their results */
};

/* Not 0 ends what calls it, and is returned by that. */
typedef int queue_row(void *context, const struct job *job);

struct queue; /* each kind has its own; the first member is a struct queue_head */

struct queue_ops {
    int (*open)(const struct queue_options *options, struct queue **out, char why[QUEUE_WHY]);
    void (*close)(struct queue *q);
    int (*submit)(struct queue *q, struct job *jobs, int n);
    int (*claim)(struct queue *q, const char *worker, int most, queue_row *row, void *context);
    int (*wait)(struct queue *q, int ms);
    int (*renew)(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n);
    int (*release)(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n);
    int (*end)(struct queue *q, const char *worker, struct job_end *ends, int n);
    int (*get)(struct queue *q, const char *id, queue_row *row, void *context);
    int (*list)(struct queue *q, const struct queue_filter *filter, queue_row *row, void *context);
    int (*cancel)(struct queue *q, const char *id);
    int (*retry)(struct queue *q, const char *id);
    int (*count)(struct queue *q, struct queue_counts *counts);
    int (*purge)(struct queue *q, int64_t before, int most, int *purged);
};

struct queue_head {
    const struct queue_ops *ops;
    struct queue_options options;
    char *place; /* a copy */
    char why[QUEUE_WHY];
};

/* Opens a queue: redis://..., rediss://..., or a file. Returns a queue_error with a sentence. */
int queue_open(const struct queue_options *options, struct queue **out, char why[QUEUE_WHY]);
/* NULL is let through. */
void queue_close(struct queue *q);
/* The sentence of the last function that failed. */
const char *queue_why(const struct queue *q);
/* The place without its password, for sentences; into out, and returned. */
const char *queue_label(const char *place, char out[QUEUE_WHY]);

/* All of them or none; one whose id is there already is left as it is, so that a call whose answer
 * was lost can be made again. Sets ids. QUEUE_EFULL. */
int queue_submit(struct queue *q, struct job *jobs, int n);
/* Takes at most `most` jobs, high priorities first and of one the oldest first. What has been taken
 * too often without an end becomes dead instead. */
int queue_claim(struct queue *q, const char *worker, int most, queue_row *row, void *context);
/* Until there may be jobs to take, or the time is up. */
int queue_wait(struct queue *q, int ms);
/* Prolongs leases of jobs that are still the worker's. */
int queue_renew(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n);
/* Gives back what was not begun; it counts as not taken. */
int queue_release(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n);
/* Jobs end with their results, each job once: also of a worker whose lease has ended, since a
 * result is as good as another. */
int queue_end(struct queue *q, const char *worker, struct job_end *ends, int n);
/* QUEUE_ENOTFOUND; with its result. */
int queue_get(struct queue *q, const char *id, queue_row *row, void *context);
/* By id, which is by age. Without bytes. */
int queue_list(struct queue *q, const struct queue_filter *filter, queue_row *row, void *context);
/* Of one that waits or runs; QUEUE_ESTATE of one that has ended. */
int queue_cancel(struct queue *q, const char *id);
/* A job that is dead, failed or cancelled waits again, its tries forgotten and its result gone;
 * QUEUE_ESTATE of others. */
int queue_retry(struct queue *q, const char *id);
int queue_count(struct queue *q, struct queue_counts *counts);
/* Forgets at most `most` jobs that ended before a time. */
int queue_purge(struct queue *q, int64_t before, int most, int *purged);

/* Of the kinds of queue. Sets the sentence of q and returns rc. */
int queue_failed(struct queue *q, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A new id. */
void job_id_make(char out[JOB_ID]);
int job_id_is_good(const char *id);
int64_t queue_now(void); /* milliseconds since 1970 */
/* The number of a name, -1 where there is none. */
int job_state_of(const char *name);

extern const struct queue_ops QUEUE_SQLITE, QUEUE_REDIS;

#endif
