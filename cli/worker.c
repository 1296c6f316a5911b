/* The command worker: takes jobs of a queue, does to their pictures what analyze does, and ends
 * them with their results. While one haul runs, the next is taken and decoded. */
#include "commands.h"
#include "common/clock.h"
#include "jobs_open.h"
#include "pipeline.h"
#include "queue/record.h"
#include "say.h"
#include "worker_haul.h"
#include "worker_lease.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LAST_TRIES 10.0 /* seconds results are offered to a queue that is away, at the end */

enum { IDLE_MS = 1000, PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 5000 };

static volatile sig_atomic_t stop;

struct worker {
    const struct options *opt;
    struct pipeline pipeline;
    struct queue_options options;
    struct queue *queue;
    struct record *record; /* NULL: results are the queue's */
    struct leases *leases;
    char name[128];
    int pause_ms;  /* before the next try of what is away; 0: it is there */
    double ending; /* when it was noticed that this is the end; 0: not yet */
    long long done, failed, dropped;
};

static void handle_stop(int number) {
    (void)number;
    stop = 1;
}

/* The first signal ends it in order, the second at once. */
static void catch_signals(void) {
    struct sigaction action = {.sa_handler = handle_stop, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static void pause_for(int ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* After a call of the queue or record: 1 where it is away and is to be called again, after a pause
 * that grows, a different one each worker. */
static int is_again(struct worker *w, int rc, const char *why) {
    if (rc != QUEUE_EAWAY) {
        if (rc == QUEUE_OK && w->pause_ms) say("%s: is there again", w->name);
        w->pause_ms = 0;
        return 0;
    }
    if (!w->pause_ms) say("%s; waiting for it", why);
    if (stop && !w->ending) w->ending = clock_seconds();
    if (stop && clock_seconds() > w->ending + LAST_TRIES) return 0;
    if (!w->pause_ms) w->pause_ms = PAUSE_FIRST_MS;
    pause_for(w->pause_ms / 2 + (int)(queue_now() % (w->pause_ms / 2 + 1)));
    if (w->pause_ms < PAUSE_MOST_MS) w->pause_ms *= 2;
    return 1;
}

/* The next haul, NULL where there is none or all is over. */
static int claim(struct worker *w, struct haul **out) {
    int rc;

    *out = NULL;
    do {
        if (stop) return EXIT_OK;
        rc = haul_claim(w->queue, w->name, w->opt->take, out);
    } while (is_again(w, rc, queue_why(w->queue)));
    if (rc && !stop) return jobs_say(w->queue);
    for (int i = 0; *out && i < haul_count(*out); i++) leases_add(w->leases, haul_job(*out, i)->id);
    return EXIT_OK;
}

static void forget(struct worker *w, struct haul *h) {
    for (int i = 0; h && i < haul_count(h); i++) leases_remove(w->leases, haul_job(h, i)->id);
    haul_free(h);
}

/* Gives back what was not begun. */
static void give_back(struct worker *w, struct haul *h) {
    int n = h ? haul_count(h) : 0;
    char(*ids)[JOB_ID] = n ? malloc((size_t)n * sizeof *ids) : NULL;

    for (int i = 0; ids && i < n; i++) memcpy(ids[i], haul_job(h, i)->id, JOB_ID);
    if (ids) (void)queue_release(w->queue, w->name, (const char(*)[JOB_ID])ids, n);
    free(ids);
    forget(w, h);
}

/* Keeps results where --results says. */
static int keep_results(struct worker *w, const struct haul *h, const struct job_end *ends) {
    int n = haul_count(h), rc;
    struct record_row *rows = calloc((size_t)n, sizeof *rows);

    if (!rows) return say_no_memory();
    for (int i = 0; i < n; i++) {
        const struct job *job = haul_job(h, i);
        rows[i] = (struct record_row){.file = job->file,
                                      .worker = w->name,
                                      .trace = job->trace,
                                      .failed = ends[i].failed,
                                      .tries = job->tries,
                                      .finished = queue_now(),
                                      .result = ends[i].result};
        memcpy(rows[i].id, job->id, JOB_ID);
    }
    do {
        rc = record_put(w->record, rows, n);
    } while (is_again(w, rc, record_why(w->record)));
    free(rows);
    if (rc == QUEUE_OK) return EXIT_OK;
    say("%s", record_why(w->record));
    return EXIT_FAILED;
}

static int end_jobs(struct worker *w, const struct haul *h, struct job_end *ends) {
    int n = haul_count(h), rc;

    for (int i = 0; i < n && w->record; i++) ends[i].result = NULL;
    do {
        rc = queue_end(w->queue, w->name, ends, n);
    } while (is_again(w, rc, queue_why(w->queue)));
    if (rc) return jobs_say(w->queue);
    for (int i = 0; i < n; i++) {
        if (!ends[i].taken)
            w->dropped++;
        else if (ends[i].failed)
            w->failed++;
        else
            w->done++;
    }
    return EXIT_OK;
}

static int run(struct worker *w, struct haul *h) {
    struct job_end *ends = NULL;
    int status = haul_run(h, &w->pipeline, &ends);

    if (status == EXIT_OK && w->record) status = keep_results(w, h, ends);
    return status ? status : end_jobs(w, h, ends);
}

/* Nothing was there: waits, or finds that there will be nothing. */
static int wait_for_jobs(struct worker *w, int *is_over) {
    struct queue_counts counts;
    int rc;

    if (w->opt->until_empty) {
        rc = queue_count(w->queue, &counts);
        if (rc == QUEUE_OK && counts.of[JOB_QUEUED] == 0 && counts.of[JOB_RUNNING] == 0)
            *is_over = 1;
        if (rc && rc != QUEUE_EAWAY) return jobs_say(w->queue);
    }
    if (!*is_over && queue_wait(w->queue, IDLE_MS) == QUEUE_EAWAY && !stop)
        pause_for(PAUSE_FIRST_MS);
    return EXIT_OK;
}

/* The haul behind the one that runs. One that somebody may have died of is taken when nothing else
 * is at hand, and then alone: the others need not die with it. */
static int look_ahead(struct worker *w, const struct haul *now, struct haul **next) {
    int status;

    *next = NULL;
    if (haul_is_suspect(now)) return EXIT_OK;
    status = claim(w, next);
    if (status || !*next || haul_is_suspect(*next)) return status;
    return haul_start(*next, &w->pipeline);
}

static int work(struct worker *w) {
    struct haul *now = NULL, *next = NULL;
    int status = EXIT_OK, is_over = 0;

    while (status == EXIT_OK && !is_over && !(stop && !now)) {
        if (!now) status = claim(w, &now);
        if (status == EXIT_OK && now) {
            status = look_ahead(w, now, &next);
            if (status == EXIT_OK) status = run(w, now);
            forget(w, now);
            now = next;
            next = NULL;
            if (stop && now) {
                give_back(w, now);
                now = NULL;
            }
        } else if (status == EXIT_OK && !stop) {
            status = wait_for_jobs(w, &is_over);
        }
    }
    give_back(w, now);
    return status;
}

static int open_record(struct worker *w) {
    char why[QUEUE_WHY];
    int rc;

    if (!w->opt->results) return EXIT_OK;
    do {
        rc = record_open(w->opt->results, &w->record, why);
    } while (is_again(w, rc, why) && !stop);
    if (rc == QUEUE_OK) return EXIT_OK;
    say("%s", why);
    return EXIT_FAILED;
}

static int open_queue(struct worker *w, char *place) {
    char why[QUEUE_WHY];
    int rc;

    w->options = (struct queue_options){.place = place,
                                        .tries = w->opt->tries,
                                        .lease_ms = (int)(1000 * w->opt->lease),
                                        .room = QUEUE_ROOM};
    do {
        rc = queue_open(&w->options, &w->queue, why);
    } while (is_again(w, rc, why) && !stop);
    if (rc == QUEUE_OK) return EXIT_OK;
    if (!stop) say("%s", why);
    return stop ? EXIT_OK : EXIT_FAILED;
}

static int open_all(struct worker *w, char *place) {
    char host[64] = "worker";
    int status;

    gethostname(host, sizeof host - 1);
    snprintf(w->name, sizeof w->name, "%s-%ld", host, (long)getpid());
    if (w->opt->serve.allow_urls) curl_global_init(CURL_GLOBAL_DEFAULT);
    catch_signals();
    status = open_queue(w, place);
    if (status == EXIT_OK && w->queue) status = open_record(w);
    if (status == EXIT_OK && w->queue)
        status = pipeline_open(&w->pipeline, w->opt, pipeline_steps(w->opt));
    if (status || !w->queue) return status;
    w->leases = leases_open(&w->options, w->name, 2 * w->opt->take);
    return w->leases ? EXIT_OK : say_no_memory();
}

int cmd_worker(const struct options *opt) {
    struct worker w = {.opt = opt};
    char label[QUEUE_WHY], *place = jobs_place(opt);
    int status = place ? open_all(&w, place) : EXIT_FAILED;

    if (status == EXIT_OK && w.leases) {
        say("%s takes jobs of %s", w.name, queue_label(place, label));
        status = work(&w);
        say("%s: %lld done, %lld failed, %lld no longer wanted", w.name, w.done, w.failed,
            w.dropped);
    }
    leases_close(w.leases);
    pipeline_close(&w.pipeline);
    record_close(w.record);
    queue_close(w.queue);
    free(place);
    return status;
}
