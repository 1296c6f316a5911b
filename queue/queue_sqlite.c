/* Jobs in a file, for one machine: SQLite. Who writes is alone, so that a job that is taken, or
 * ends, does so for all to see at once or not at all. */
#include "queue/sqlite_db.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS                                                                                    \
    "j.id, j.state, j.priority, j.tries, j.created, j.started, j.finished, j.lease, j.file,"       \
    " j.options, j.trace, j.owner, j.callback, j.worker"
enum { NCOLUMNS = 14 };

static const char *text(sqlite3_stmt *s, int column) {
    return (const char *)sqlite3_column_text(s, column);
}

static struct job job_of(sqlite3_stmt *s) {
    struct job job = {.state = (enum job_state)sqlite3_column_int(s, 1),
                      .priority = (enum job_priority)sqlite3_column_int(s, 2),
                      .tries = sqlite3_column_int(s, 3),
                      .created = sqlite3_column_int64(s, 4),
                      .started = sqlite3_column_int64(s, 5),
                      .finished = sqlite3_column_int64(s, 6),
                      .lease = sqlite3_column_int64(s, 7),
                      .file = text(s, 8),
                      .options = text(s, 9),
                      .trace = text(s, 10),
                      .owner = text(s, 11),
                      .callback = text(s, 12),
                      .worker = text(s, 13)};
    const char *id = text(s, 0);

    memcpy(job.id, id ? id : "", id ? strnlen(id, JOB_ID - 1) : 0);
    return job;
}

/* Hands rows on; behind a job's columns come its result and its bytes, where those are asked for.
 * *n: how many there were. */
static int hand_on(struct queue *q, sqlite3_stmt *s, queue_row *row, void *context, int *n) {
    int code = SQLITE_DONE, rc = QUEUE_OK, columns = sqlite3_column_count(s);

    while (rc == QUEUE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct job job = job_of(s);
        if (columns > NCOLUMNS) job.result = text(s, NCOLUMNS);
        if (columns > NCOLUMNS + 1) {
            job.bytes = sqlite3_column_blob(s, NCOLUMNS + 1);
            job.n = (size_t)sqlite3_column_bytes(s, NCOLUMNS + 1);
        }
        ++*n;
        rc = row(context, &job);
    }
    if (rc == QUEUE_OK && code != SQLITE_DONE) rc = db_failed(q, code);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc;
}

static int open_queue(const struct queue_options *options, struct queue **out,
                      char why[QUEUE_WHY]) {
    struct queue *q = calloc(1, sizeof *q);
    int rc;

    if (q) q->head.place = strdup(options->place);
    if (!q || !q->head.place) {
        free(q);
        memcpy(why, "out of memory", sizeof "out of memory");
        return QUEUE_EFAILED;
    }
    q->head.options = *options;
    q->head.options.place = q->head.place;
    rc = db_open(q);
    if (rc == QUEUE_OK) {
        *out = q;
        return QUEUE_OK;
    }
    memcpy(why, q->head.why, QUEUE_WHY);
    db_close(q);
    free(q->head.place);
    free(q);
    return rc;
}

static void close_queue(struct queue *q) {
    db_close(q);
    free(q->head.place);
    free(q);
}

static int insert(struct queue *q, const struct job *job) {
    sqlite3_stmt *s = db_prepare(
        q, "INSERT INTO jobs (id, state, priority, tries, created, file, options, trace, owner,"
           " callback) VALUES (?1, 0, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING"
           " RETURNING id");
    int rc, added = 0;

    if (!s) return QUEUE_EFAILED;
    db_bind_text(s, 1, job->id);
    sqlite3_bind_int64(s, 2, job->priority);
    sqlite3_bind_int64(s, 3, queue_now());
    db_bind_text(s, 4, job->file);
    db_bind_text(s, 5, job->options);
    db_bind_text(s, 6, job->trace);
    db_bind_text(s, 7, job->owner);
    db_bind_text(s, 8, job->callback);
    rc = db_run(q, s, &added);
    if (rc || !added || !job->bytes) return rc;
    s = db_prepare(q, "INSERT INTO pictures (job, bytes) VALUES (?1, ?2)");
    if (!s) return QUEUE_EFAILED;
    db_bind_text(s, 1, job->id);
    sqlite3_bind_blob64(s, 2, job->n ? job->bytes : "", job->n, SQLITE_STATIC);
    return db_run(q, s, NULL);
}

static int count(struct queue *q, struct queue_counts *counts) {
    sqlite3_stmt *s = db_prepare(q, "SELECT state, n FROM counts");
    int code;

    if (!s) return QUEUE_EFAILED;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        int state = sqlite3_column_int(s, 0);
        if (state >= 0 && state < JOB_STATES) counts->of[state] = sqlite3_column_int64(s, 1);
    }
    sqlite3_reset(s);
    return code == SQLITE_DONE ? QUEUE_OK : db_failed(q, code);
}

static int submit(struct queue *q, struct job *jobs, int n) {
    struct queue_counts counts = {{0}};
    int rc = db_begin(q);

    if (rc == QUEUE_OK) rc = count(q, &counts);
    if (rc == QUEUE_OK && counts.of[JOB_QUEUED] + n > q->head.options.room)
        rc = queue_failed(q, QUEUE_EFULL, "the queue is full: %lld jobs wait, of %d that may",
                          (long long)counts.of[JOB_QUEUED], q->head.options.room);
    for (int i = 0; i < n && rc == QUEUE_OK; i++) rc = insert(q, &jobs[i]);
    return db_finish(q, rc);
}

/* Without a lock: idle workers are in nobody's way. */
static int may_have_jobs(struct queue *q, int *there) {
    sqlite3_stmt *s = db_prepare(q, "SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 0) OR EXISTS"
                                    " (SELECT 1 FROM jobs WHERE state = 1 AND lease < ?1)");
    int code;

    if (!s) return QUEUE_EFAILED;
    sqlite3_bind_int64(s, 1, queue_now());
    code = sqlite3_step(s);
    *there = code == SQLITE_ROW && sqlite3_column_int(s, 0);
    sqlite3_reset(s);
    return code == SQLITE_ROW ? QUEUE_OK : db_failed(q, code);
}

static int bury(struct queue *q) {
    sqlite3_stmt *s = db_prepare(q, "UPDATE jobs SET state = 5, finished = ?1, lease = NULL"
                                    " WHERE state = 1 AND lease < ?1 AND tries >= ?2");

    if (!s) return QUEUE_EFAILED;
    sqlite3_bind_int64(s, 1, queue_now());
    sqlite3_bind_int64(s, 2, q->head.options.tries);
    return db_run(q, s, NULL);
}

/* Takes what a statement finds for a worker, whose jobs of this call have this time alone. */
static int take(struct queue *q, const char *sql, const char *worker, int64_t now, int most,
                int *n) {
    sqlite3_stmt *s = db_prepare(q, sql);
    int rc, took = 0;

    if (!s) return QUEUE_EFAILED;
    db_bind_text(s, 1, worker);
    sqlite3_bind_int64(s, 2, now);
    sqlite3_bind_int64(s, 3, now + q->head.options.lease_ms);
    sqlite3_bind_int64(s, 4, most);
    rc = db_run(q, s, &took);
    *n += took;
    return rc;
}

#define TAKE "UPDATE jobs SET state = 1, tries = tries + 1, worker = ?1, started = ?2, lease = ?3"

/* What somebody may have died of is taken alone. */
static int take_all(struct queue *q, const char *worker, int64_t now, int most) {
    int n = 0, rc = bury(q);

    if (rc == QUEUE_OK)
        rc = take(q,
                  TAKE " WHERE id IN (SELECT id FROM jobs WHERE state = 1 AND lease < ?2"
                       " ORDER BY lease LIMIT ?4) RETURNING id",
                  worker, now, 1, &n);
    if (rc == QUEUE_OK && n == 0)
        rc = take(q,
                  TAKE " WHERE id IN (SELECT id FROM jobs WHERE state = 0 ORDER BY priority, id"
                       " LIMIT ?4) RETURNING id",
                  worker, now, most, &n);
    return rc;
}

static int claim(struct queue *q, const char *worker, int most, queue_row *row, void *context) {
    int there = 0, n = 0, rc = may_have_jobs(q, &there);
    int64_t now = queue_now();
    sqlite3_stmt *s;

    if (rc || !there) return rc;
    if (now <= q->claimed) now = q->claimed + 1; /* it tells what was taken now from before */
    q->claimed = now;
    rc = db_begin(q);
    if (rc == QUEUE_OK) rc = take_all(q, worker, now, most);
    rc = db_finish(q, rc);
    if (rc) return rc;
    s = db_prepare(q, "SELECT " COLUMNS ", NULL, p.bytes FROM jobs j LEFT JOIN pictures p"
                      " ON p.job = j.id WHERE j.state = 1 AND j.lease = ?1 AND j.started = ?2"
                      " AND j.worker = ?3 ORDER BY j.priority, j.id");
    if (!s) return QUEUE_EFAILED;
    sqlite3_bind_int64(s, 1, now + q->head.options.lease_ms);
    sqlite3_bind_int64(s, 2, now);
    db_bind_text(s, 3, worker);
    return hand_on(q, s, row, context, &n);
}

static int wait_for_jobs(struct queue *q, int ms) {
    enum { PAUSE_MS = 100 };
    int pause = ms < PAUSE_MS ? ms : PAUSE_MS;
    struct timespec t = {.tv_nsec = (long)pause * 1000000};

    (void)q;
    nanosleep(&t, NULL);
    return QUEUE_OK;
}

/* One statement for each of a worker's jobs, with `number` where it wants one. */
static int each_of(struct queue *q, const char *sql, const char *worker, const char (*ids)[JOB_ID],
                   int n, int64_t number) {
    int rc = db_begin(q);

    for (int i = 0; i < n && rc == QUEUE_OK; i++) {
        sqlite3_stmt *s = db_prepare(q, sql);
        if (!s) {
            rc = QUEUE_EFAILED;
            break;
        }
        db_bind_text(s, 1, ids[i]);
        db_bind_text(s, 2, worker);
        sqlite3_bind_int64(s, 3, number);
        rc = db_run(q, s, NULL);
    }
    return db_finish(q, rc);
}

static int renew(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n) {
    return each_of(q, "UPDATE jobs SET lease = ?3 WHERE id = ?1 AND state = 1 AND worker = ?2",
                   worker, ids, n, queue_now() + q->head.options.lease_ms);
}

static int release(struct queue *q, const char *worker, const char (*ids)[JOB_ID], int n) {
    return each_of(q,
                   "UPDATE jobs SET state = 0, tries = tries - 1, lease = NULL WHERE id = ?1"
                   " AND state = 1 AND worker = ?2 AND ?3 = 0",
                   worker, ids, n, 0);
}

/* The job's end, where it has none yet, and its result, where that is kept here. */
static int end_one(struct queue *q, const char *worker, struct job_end *end) {
    sqlite3_stmt *s = db_prepare(q, "UPDATE jobs SET state = ?2, finished = ?3, worker = ?4,"
                                    " lease = NULL WHERE id = ?1 AND state IN (0, 1, 5)"
                                    " RETURNING id");
    int rc, changed = 0;

    if (!s) return QUEUE_EFAILED;
    db_bind_text(s, 1, end->id);
    sqlite3_bind_int64(s, 2, end->failed ? JOB_FAILED : JOB_DONE);
    sqlite3_bind_int64(s, 3, queue_now());
    db_bind_text(s, 4, worker);
    rc = db_run(q, s, &changed);
    end->taken = rc == QUEUE_OK && changed > 0;
    if (!end->taken || !end->result) return rc;
    s = db_prepare(q, "INSERT INTO results (job, file, state, result, worker, tries, finished)"
                      " SELECT id, file, ?2, ?3, worker, tries, finished FROM jobs WHERE id = ?1");
    if (!s) return QUEUE_EFAILED;
    db_bind_text(s, 1, end->id);
    db_bind_text(s, 2, JOB_STATE_NAMES[end->failed ? JOB_FAILED : JOB_DONE]);
    db_bind_text(s, 3, end->result);
    return db_run(q, s, NULL);
}

static int end(struct queue *q, const char *worker, struct job_end *ends, int n) {
    int rc = db_begin(q);

    for (int i = 0; i < n && rc == QUEUE_OK; i++) rc = end_one(q, worker, &ends[i]);
    return db_finish(q, rc);
}

static int find_none(struct queue *q, const char *id) {
    return queue_failed(q, QUEUE_ENOTFOUND, "there is no job %s", id);
}

static int get(struct queue *q, const char *id, queue_row *row, void *context) {
    sqlite3_stmt *s = db_prepare(q, "SELECT " COLUMNS ", r.result FROM jobs j LEFT JOIN results r"
                                    " ON r.job = j.id WHERE j.id = ?1");
    int rc, n = 0;

    if (!s) return QUEUE_EFAILED;
    db_bind_text(s, 1, id);
    rc = hand_on(q, s, row, context, &n);
    return rc || n ? rc : find_none(q, id);
}

static int list(struct queue *q, const struct queue_filter *filter, queue_row *row, void *context) {
    static const char *const sql[2][2] = {
        {"SELECT " COLUMNS " FROM jobs j WHERE j.id > ?1 ORDER BY j.id LIMIT ?2",
         "SELECT " COLUMNS " FROM jobs j WHERE j.id > ?1 AND j.state = ?3 ORDER BY j.id LIMIT ?2"},
        {"SELECT " COLUMNS ", r.result FROM jobs j LEFT JOIN results r ON r.job = j.id"
         " WHERE j.id > ?1 ORDER BY j.id LIMIT ?2",
         "SELECT " COLUMNS ", r.result FROM jobs j LEFT JOIN results r ON r.job = j.id"
         " WHERE j.id > ?1 AND j.state = ?3 ORDER BY j.id LIMIT ?2"}};
    sqlite3_stmt *s = db_prepare(q, sql[filter->results != 0][filter->state >= 0]);
    int n = 0;

    if (!s) return QUEUE_EFAILED;
    db_bind_text(s, 1, filter->after ? filter->after : "");
    sqlite3_bind_int64(s, 2, filter->limit);
    if (filter->state >= 0) sqlite3_bind_int64(s, 3, filter->state);
    return hand_on(q, s, row, context, &n);
}

static int take_state(void *context, const struct job *job) {
    *(enum job_state *)context = job->state;
    return 0;
}

/* Why a statement that wanted a job in some states found none. */
static int wrong_state(struct queue *q, const char *id) {
    enum job_state state = JOB_QUEUED;
    int rc = get(q, id, take_state, &state);

    return rc ? rc : queue_failed(q, QUEUE_ESTATE, "job %s is %s", id, JOB_STATE_NAMES[state]);
}

static int cancel(struct queue *q, const char *id) {
    sqlite3_stmt *s = db_prepare(q, "UPDATE jobs SET state = 4, finished = ?2, lease = NULL"
                                    " WHERE id = ?1 AND state IN (0, 1) RETURNING id");
    int rc, changed = 0;

    if (!s) return QUEUE_EFAILED;
    db_bind_text(s, 1, id);
    sqlite3_bind_int64(s, 2, queue_now());
    rc = db_run(q, s, &changed);
    return rc || changed ? rc : wrong_state(q, id);
}

static int retry(struct queue *q, const char *id) {
    sqlite3_stmt *s;
    int rc = db_begin(q), changed = 0;

    if (rc) return rc;
    s = db_prepare(q, "UPDATE jobs SET state = 0, tries = 0, started = NULL, finished = NULL,"
                      " lease = NULL, worker = NULL WHERE id = ?1 AND state IN (3, 4, 5)"
                      " RETURNING id");
    rc = s ? QUEUE_OK : QUEUE_EFAILED;
    if (s) db_bind_text(s, 1, id);
    if (s) rc = db_run(q, s, &changed);
    if (rc == QUEUE_OK && changed) {
        s = db_prepare(q, "DELETE FROM results WHERE job = ?1");
        if (s) db_bind_text(s, 1, id);
        rc = s ? db_run(q, s, NULL) : QUEUE_EFAILED;
    }
    rc = db_finish(q, rc);
    return rc || changed ? rc : wrong_state(q, id);
}

static int purge(struct queue *q, int64_t before, int most, int *purged) {
    sqlite3_stmt *s = db_prepare(q, "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs"
                                    " WHERE state > 1 AND finished < ?1 LIMIT ?2) RETURNING id");

    if (!s) return QUEUE_EFAILED;
    sqlite3_bind_int64(s, 1, before);
    sqlite3_bind_int64(s, 2, most);
    return db_run(q, s, purged);
}

const struct queue_ops QUEUE_SQLITE = {
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
