#include "queue/job_json.h"

#include "common/json_text.h"
#include "common/json_values.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *job_time(int64_t ms, char out[JOB_TIME]) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm t;
    size_t n = 0;

    if (ms > 0 && gmtime_r(&seconds, &t)) n = strftime(out, JOB_TIME, "%Y-%m-%dT%H:%M:%S", &t);
    if (n)
        snprintf(out + n, JOB_TIME - n, ".%03dZ", (int)(ms % 1000));
    else
        out[0] = '\0';
    return out;
}

static json_t *time_json(int64_t ms) {
    char text[JOB_TIME];

    return ms > 0 ? json_string(job_time(ms, text)) : json_null();
}

/* What is stored as text; null where it is no JSON. */
static json_t *read_json(const char *text, int *failed) {
    json_error_t error;
    json_t *value = NULL;

    if (text && json_text_read(text, strlen(text), JSON_DECODE_ANY, &value, &error)) *failed = 1;
    return value ? value : json_null();
}

json_t *job_json(const struct job *job, int result) {
    json_t *object = json_object();
    int failed = 0;

    json_value_set(object, "id", json_string(job->id), &failed);
    json_value_set(object, "state", json_string(JOB_STATE_NAMES[job->state]), &failed);
    json_value_set(object, "priority", json_string(JOB_PRIORITY_NAMES[job->priority]), &failed);
    json_value_set(object, "file", json_value_text(job->file), &failed);
    json_value_set(object, "options", read_json(job->options, &failed), &failed);
    json_value_set(object, "trace_id", json_value_text(job->trace), &failed);
    json_value_set(object, "tries", json_integer(job->tries), &failed);
    json_value_set(object, "worker", json_value_text(job->worker), &failed);
    json_value_set(object, "created", time_json(job->created), &failed);
    json_value_set(object, "started", time_json(job->started), &failed);
    json_value_set(object, "finished", time_json(job->finished), &failed);
    if (result && job->result)
        json_value_set(object, "result", read_json(job->result, &failed), &failed);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

json_t *job_counts_json(const struct queue_counts *counts) {
    json_t *object = json_object();
    int failed = 0;

    for (int i = 0; i < JOB_STATES; i++)
        json_value_set(object, JOB_STATE_NAMES[i], json_integer(counts->of[i]), &failed);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}
