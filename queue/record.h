/*
 * record.h - where workers keep results outside the queue: one row a job, however often it ran.
 *
 * A result is kept before its job ends, and under the job's id, so that one that is kept twice is
 * there once. Each kind of record is a file with a `const struct record_ops` and a row of record.c.
 * Used by one thread at a time.
 */
#ifndef MIEN_QUEUE_RECORD_H
#define MIEN_QUEUE_RECORD_H

#include "queue/queue.h"

struct record_row {
    char id[JOB_ID];
    const char *file, *worker, *trace; /* NULL: none */
    int failed, tries;
    int64_t finished;   /* milliseconds since 1970 */
    const char *result; /* an object of JSON */
};

typedef int record_see(void *context, const struct record_row *row);

struct record; /* each kind has its own; the first member is a struct record_head */

struct record_ops {
    int (*open)(const char *place, struct record **out, char why[QUEUE_WHY]);
    void (*close)(struct record *r);
    int (*put)(struct record *r, const struct record_row *rows, int n);
    int (*each)(struct record *r, record_see *see, void *context);
};

struct record_head {
    const struct record_ops *ops;
    char why[QUEUE_WHY];
};

/* postgresql://... or a folder, which is made. A queue_error with a sentence. */
int record_open(const char *place, struct record **out, char why[QUEUE_WHY]);
/* NULL is let through. */
void record_close(struct record *r);
const char *record_why(const struct record *r);
/* All of them or none; what is there of a job stays as it is. On the disk when it returns.
 * QUEUE_EAWAY where trying again may help. */
int record_put(struct record *r, const struct record_row *rows, int n);
/* By job, which is by age. */
int record_each(struct record *r, record_see *see, void *context);

int record_failed(struct record *r, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

extern const struct record_ops RECORD_FOLDER, RECORD_POSTGRES;

#endif
