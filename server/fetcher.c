#include "server/fetcher.h"

#include "common/clock.h"

#include <pthread.h>
#include <stdlib.h>

/* Transfers of a job, of a client and of all. */
enum { OF_JOB = 16, OF_CLIENT = 64, OF_ALL = 128 };
/* Jobs are asked as often whether they are cancelled. */
enum { POLL_MS = 100, IDLE_MS = 60 * 1000 };

struct fetcher {
    pthread_mutex_t lock;
    pthread_t thread;
    struct fetch_job *submitted, **end; /* not yet seen by the thread */
    int is_closing;
    CURLM *multi;

    /* The thread's own. */
    struct fetch_job *jobs; /* oldest first */
    int running;
};

static long remaining_ms(const struct fetch_job *job) {
    return job->remaining_ms - (long)(1e3 * (clock_seconds() - job->submitted));
}

static int is_over(const struct fetch_job *job) {
    const struct fetch_limits *l = &job->limits;

    return remaining_ms(job) <= 0 || (l->cancelled && l->cancelled(l->cancelled_arg));
}

static void begin_one(struct fetcher *f, struct fetch_job *job) {
    if (!fetch_begin(f->multi, &job->limits, remaining_ms(job), &job->list[job->begun++], job))
        return;
    job->running++;
    job->client->fetches++;
    f->running++;
}

/* The job whose turn it is; NULL where none may begin another transfer. */
static struct fetch_job *next_job(const struct fetcher *f) {
    struct fetch_job *best = NULL;

    for (struct fetch_job *job = f->jobs; job; job = job->next)
        if (job->begun < job->n && job->running < OF_JOB && job->client->fetches < OF_CLIENT &&
            (!best || job->client->fetches < best->client->fetches))
            best = job;
    return best;
}

static void begin_transfers(struct fetcher *f) {
    struct fetch_job *job;

    for (job = f->jobs; job; job = job->next)
        if (job->begun < job->n && is_over(job))
            while (job->begun < job->n) begin_one(f, job);
    while (f->running < OF_ALL && (job = next_job(f))) begin_one(f, job);
}

/* Returns how many have ended. */
static int end_transfers(struct fetcher *f) {
    const CURLMsg *message;
    int n = 0, left;

    while ((message = curl_multi_info_read(f->multi, &left))) {
        struct fetch_job *job = fetch_end(f->multi, message);
        job->running--;
        job->client->fetches--;
        f->running--;
        n++;
    }
    return n;
}

static void end_jobs(struct fetcher *f) {
    struct fetch_job **at = &f->jobs, *job;

    while ((job = *at)) {
        if (job->begun < job->n || job->running > 0) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        job->done(job);
    }
}

/* Returns 0 where there will be no more. */
static int take_submitted(struct fetcher *f) {
    struct fetch_job **end = &f->jobs;
    int is_closing;

    while (*end) end = &(*end)->next;
    pthread_mutex_lock(&f->lock);
    *end = f->submitted;
    f->submitted = NULL;
    f->end = &f->submitted;
    is_closing = f->is_closing;
    pthread_mutex_unlock(&f->lock);
    return !is_closing;
}

static void *fetcher_main(void *arg) {
    struct fetcher *f = arg;

    while (take_submitted(f)) {
        int active, ended;
        begin_transfers(f);
        curl_multi_perform(f->multi, &active);
        ended = end_transfers(f);
        end_jobs(f);
        if (ended == 0) curl_multi_poll(f->multi, NULL, 0, f->jobs ? POLL_MS : IDLE_MS, NULL);
    }
    return NULL;
}

struct fetcher *fetcher_new(void) {
    struct fetcher *f = calloc(1, sizeof *f);

    if (!f) return NULL;
    pthread_mutex_init(&f->lock, NULL);
    f->end = &f->submitted;
    f->multi = curl_multi_init();
    if (f->multi && pthread_create(&f->thread, NULL, fetcher_main, f) == 0) return f;
    curl_multi_cleanup(f->multi);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return NULL;
}

void fetcher_free(struct fetcher *f) {
    if (!f) return;
    pthread_mutex_lock(&f->lock);
    f->is_closing = 1;
    pthread_mutex_unlock(&f->lock);
    curl_multi_wakeup(f->multi);
    pthread_join(f->thread, NULL);
    curl_multi_cleanup(f->multi);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void fetcher_submit(struct fetcher *f, struct fetch_job *job) {
    job->next = NULL;
    job->begun = job->running = 0;
    job->submitted = clock_seconds();
    pthread_mutex_lock(&f->lock);
    *f->end = job;
    f->end = &job->next;
    pthread_mutex_unlock(&f->lock);
    curl_multi_wakeup(f->multi);
}
