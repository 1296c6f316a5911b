/* The command jobs export: results as lines of JSON or as CSV, out of the queue or of where workers
 * keep them. */
#include "commands.h"
#include "common/json_text.h"
#include "common/json_values.h"
#include "eval/csv.h"
#include "jobs_open.h"
#include "output.h"
#include "queue/job_json.h"
#include "queue/record.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

struct export {
    const struct options *opt;
    int seen; /* of one call */
    char last[JOB_ID];
};

static void put_field(const char *text, const char *end) {
    csv_write(text ? text : "", stdout);
    fputs(end, stdout);
}

static void put_csv(const struct record_row *row, const json_t *result) {
    const json_t *faces = json_object_get(result, "faces");
    const char *error = json_string_value(json_object_get(result, "error"));
    char time[JOB_TIME];

    printf("%s,", row->id);
    put_field(row->file, ",");
    printf("%s,", JOB_STATE_NAMES[row->failed ? JOB_FAILED : JOB_DONE]);
    put_field(row->worker, ",");
    printf("%d,%s,", row->tries, job_time(row->finished, time));
    if (json_is_array(faces)) printf("%zu", json_array_size(faces));
    putchar(',');
    put_field(error, ",");
    put_field(row->result, "\r\n");
    output_flush();
}

static json_t *row_json(const struct record_row *row, json_t *result) {
    json_t *object = json_object();
    char time[JOB_TIME];
    int failed = 0;

    json_value_set(object, "id", json_string(row->id), &failed);
    json_value_set(object, "file", json_value_text(row->file), &failed);
    json_value_set(object, "state",
                   json_string(JOB_STATE_NAMES[row->failed ? JOB_FAILED : JOB_DONE]), &failed);
    json_value_set(object, "worker", json_value_text(row->worker), &failed);
    json_value_set(object, "trace_id", json_value_text(row->trace), &failed);
    json_value_set(object, "tries", json_integer(row->tries), &failed);
    json_value_set(object, "finished", json_string(job_time(row->finished, time)), &failed);
    json_value_set(object, "result", json_incref(result), &failed);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static int put_row(void *context, const struct record_row *row) {
    const struct export *e = context;
    json_error_t error;
    json_t *result = NULL;

    if (json_text_read(row->result, strlen(row->result), 0, &result, &error)) {
        say_no_memory();
        return 1;
    }
    if (!result) result = json_null();
    if (e->opt->csv)
        put_csv(row, result);
    else
        output_json(row_json(row, result), 0);
    json_decref(result);
    return output_broken();
}

static int put_job(void *context, const struct job *job) {
    struct export *e = context;
    struct record_row row = {.file = job->file,
                             .worker = job->worker,
                             .trace = job->trace,
                             .failed = job->state == JOB_FAILED,
                             .tries = job->tries,
                             .finished = job->finished,
                             .result = job->result};

    memcpy(e->last, job->id, JOB_ID);
    memcpy(row.id, job->id, JOB_ID);
    e->seen++;
    return job->result ? put_row(e, &row) : 0;
}

static int export_queue(struct export *e) {
    struct queue_filter filter = {
        .state = -1, .after = e->last, .limit = QUEUE_MOST / 10, .results = 1};
    struct queue *q;
    int rc, status = jobs_open(e->opt, 1, &q);

    if (status) return status;
    do {
        e->seen = 0;
        rc = queue_list(q, &filter, put_job, e);
    } while (rc == 0 && e->seen == filter.limit);
    if (rc < 0) status = jobs_say(q);
    queue_close(q);
    return status;
}

static int export_record(struct export *e) {
    char why[QUEUE_WHY];
    struct record *r;
    int status = EXIT_OK;

    if (record_open(e->opt->results, &r, why)) {
        say("%s", why);
        return EXIT_FAILED;
    }
    if (record_each(r, put_row, e) < 0) {
        say("%s", record_why(r));
        status = EXIT_FAILED;
    }
    record_close(r);
    return status;
}

int cmd_jobs_export(const struct options *opt) {
    struct export e = {.opt = opt};

    if (opt->csv) fputs("id,file,state,worker,tries,finished,faces,error,result\r\n", stdout);
    return opt->results ? export_record(&e) : export_queue(&e);
}
