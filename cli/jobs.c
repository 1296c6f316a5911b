/* The commands jobs list, show, cancel, retry, stats and purge: what is in a queue. */
#include "commands.h"
#include "common/json_values.h"
#include "jobs_open.h"
#include "output.h"
#include "queue/job_json.h"
#include "say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int cmd_jobs(const struct options *opt) {
    return say_usage(opt->command_name,
                     "say what to do: list, show, cancel, retry, export, stats or purge");
}

struct listing {
    const struct options *opt;
    int as_lines;
    long long left; /* rows that are wanted yet */
    int seen;       /* of one call */
    char last[JOB_ID];
};

static int print_job(void *context, const struct job *job) {
    struct listing *l = context;
    char time[JOB_TIME];

    memcpy(l->last, job->id, JOB_ID);
    l->seen++;
    l->left--;
    if (!l->as_lines) return output_json(job_json(job, 1), l->opt->pretty) ? 1 : 0;
    printf("%s  %-9s  %-6s  %d  %-24s  %s\n", job->id, JOB_STATE_NAMES[job->state],
           JOB_PRIORITY_NAMES[job->priority], job->tries, job_time(job->created, time),
           job->file ? job->file : "");
    output_flush();
    return output_broken();
}

static int is_for_people(const struct options *opt) {
    return !opt->json && !opt->pretty && isatty(STDOUT_FILENO);
}

int cmd_jobs_list(const struct options *opt) {
    struct listing l = {.opt = opt, .as_lines = is_for_people(opt), .left = opt->limit};
    struct queue_filter filter = {.state = opt->job_state - 1, .after = l.last};
    struct queue *q;
    int rc = 0, status = jobs_open(opt, 1, &q);

    if (status) return status;
    if (!opt->limit) l.left = INT64_MAX;
    if (l.as_lines)
        printf("%-32s  %-9s  %-6s  %s  %-24s  %s\n", "ID", "STATE", "ORDER", "N", "CREATED",
               "FILE");
    do {
        filter.limit = l.left < QUEUE_MOST ? (int)l.left : QUEUE_MOST;
        l.seen = 0;
        rc = queue_list(q, &filter, print_job, &l);
    } while (rc == 0 && l.seen == filter.limit && l.left > 0);
    if (rc < 0) status = jobs_say(q);
    queue_close(q);
    return status;
}

/* Each job that is named. Says of which it could not be done. */
static int each_named(const struct options *opt, int (*call)(struct queue *, const char *),
                      const char *done) {
    struct queue *q;
    int n = 0, status = jobs_open(opt, 1, &q);

    if (status) return status;
    for (int i = 0; i < opt->nargs; i++) {
        if (call(q, opt->args[i]))
            status = jobs_say(q);
        else
            n++;
    }
    say("%d %s %s", n, n == 1 ? "job" : "jobs", done);
    queue_close(q);
    return status;
}

int cmd_jobs_cancel(const struct options *opt) {
    return each_named(opt, queue_cancel, "cancelled");
}

int cmd_jobs_retry(const struct options *opt) {
    return each_named(opt, queue_retry, "waiting again");
}

int cmd_jobs_show(const struct options *opt) {
    struct listing l = {.opt = opt, .left = opt->nargs};
    struct queue *q;
    int status = jobs_open(opt, 1, &q);

    if (status) return status;
    for (int i = 0; i < opt->nargs && !output_broken(); i++)
        if (queue_get(q, opt->args[i], print_job, &l) < 0) status = jobs_say(q);
    queue_close(q);
    return status;
}

int cmd_jobs_stats(const struct options *opt) {
    struct queue_counts counts;
    struct queue *q;
    int status = jobs_open(opt, 1, &q);

    if (status) return status;
    if (queue_count(q, &counts)) {
        status = jobs_say(q);
    } else if (is_for_people(opt)) {
        for (int i = 0; i < JOB_STATES; i++)
            printf("%-9s  %lld\n", JOB_STATE_NAMES[i], (long long)counts.of[i]);
        output_flush();
    } else {
        output_json(job_counts_json(&counts), opt->pretty);
    }
    queue_close(q);
    return status;
}

int cmd_jobs_purge(const struct options *opt) {
    int64_t before = queue_now() - (int64_t)(opt->older * 86400e3);
    struct queue *q;
    long long total = 0;
    int n = 0, status = jobs_open(opt, 1, &q);

    if (status) return status;
    do {
        if (queue_purge(q, before, QUEUE_MOST, &n)) status = jobs_say(q);
        total += n;
    } while (status == EXIT_OK && n > 0);
    say("%lld %s forgotten", total, total == 1 ? "job" : "jobs");
    queue_close(q);
    return status;
}
