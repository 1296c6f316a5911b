#include "worker_haul.h"

#include "analysis/asked.h"
#include "common/json_values.h"
#include "prefetch.h"
#include "result.h"
#include "say.h"
#include "worker_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct haul {
    int n, room, failed;
    struct job *jobs;       /* [n], their texts and bytes copies */
    struct asked *asked;    /* [n] */
    struct job_end *ends;   /* [n] */
    char **results;         /* [n] */
    struct inputs inputs;   /* an item a job */
    struct feed feed;       /* of them */
    struct prefetch *ahead; /* NULL: not started */
};

static char *copy(const char *text, int *failed) {
    char *made = text ? strdup(text) : NULL;

    if (text && !made) *failed = 1;
    return made;
}

static void free_job(struct job *job) {
    free((char *)job->file);
    free((char *)job->options);
    free((char *)job->trace);
    free((char *)job->callback);
    free((void *)job->bytes);
}

static int keep(void *context, const struct job *job) {
    struct haul *h = context;
    struct job *kept = &h->jobs[h->n];
    void *bytes = NULL;

    if (h->n == h->room) return 0;
    *kept = *job;
    kept->file = copy(job->file ? job->file : "", &h->failed);
    kept->options = copy(job->options, &h->failed);
    kept->trace = copy(job->trace, &h->failed);
    kept->callback = copy(job->callback, &h->failed);
    kept->owner = kept->worker = kept->result = NULL;
    kept->bytes = NULL;
    if (job->bytes) {
        bytes = malloc(job->n + 1);
        if (bytes) memcpy(bytes, job->bytes, job->n);
        if (!bytes) h->failed = 1;
        kept->bytes = bytes;
    }
    h->n++;
    return 0;
}

static struct haul *new_haul(int room) {
    struct haul *h = calloc(1, sizeof *h);
    size_t n = (size_t)room;

    if (!h) return NULL;
    h->room = room;
    h->jobs = calloc(n, sizeof *h->jobs);
    h->asked = calloc(n, sizeof *h->asked);
    h->ends = calloc(n, sizeof *h->ends);
    h->results = calloc(n, sizeof *h->results);
    if (h->jobs && h->asked && h->ends && h->results) return h;
    haul_free(h);
    return NULL;
}

int haul_claim(struct queue *q, const char *worker, int most, struct haul **out) {
    struct haul *h = new_haul(most);
    int rc;

    *out = NULL;
    if (!h) return queue_failed(q, QUEUE_EFAILED, "out of memory");
    rc = queue_claim(q, worker, most, keep, h);
    if (rc == QUEUE_OK && h->failed) rc = queue_failed(q, QUEUE_EFAILED, "out of memory");
    if (rc || h->n == 0)
        haul_free(h);
    else
        *out = h;
    return rc;
}

int haul_count(const struct haul *h) {
    return h->n;
}

const struct job *haul_job(const struct haul *h, int i) {
    return &h->jobs[i];
}

int haul_is_suspect(const struct haul *h) {
    for (int i = 0; i < h->n; i++)
        if (h->jobs[i].tries > 1) return 1;
    return 0;
}

/* What job i asks, of the networks there are: -1 with the input's error where that cannot be. */
static int read_asked(struct haul *h, int i, const struct pipeline *p) {
    struct asked *a = &h->asked[i];
    struct input *input = &h->inputs.items[i];
    steps_t embedding = analysis_steps(&p->networks, MIEN_RESULT_EMBEDDING);
    const struct network *classifier = networks_giving(&p->networks, MIEN_RESULT_CLASSES);
    char why[ASKED_WHY];
    int rc = 0;

    *a = (struct asked){.options = p->analysis};
    if (asked_read(h->jobs[i].options, a, why)) {
        rc = asprintf(&input->error, "%s: %s", input->path, why);
    } else if (a->embeddings && !networks_giving(&p->networks, MIEN_RESULT_EMBEDDING)) {
        rc = asprintf(&input->error, "%s: this worker runs without an embedder", input->path);
    }
    if (rc < 0) input->error = NULL;
    if (rc < 0) return -1;
    if (!a->embeddings) a->options.steps &= ~embedding;
    if (classifier && a->options.top > classifier->info.classes)
        a->options.top = classifier->info.classes;
    return 0;
}

int haul_start(struct haul *h, const struct pipeline *p) {
    int threads = p->opt->threads ? p->opt->threads : mien_cores();

    if (h->ahead) return EXIT_OK;
    for (int i = 0; i < h->n; i++) {
        if (inputs_append(&h->inputs, h->jobs[i].file)) return say_no_memory();
        h->inputs.items[i].bytes = h->jobs[i].bytes;
        h->inputs.items[i].nbytes = h->jobs[i].n;
        if (read_asked(h, i, p)) return say_no_memory();
    }
    if (worker_fetch(&p->opt->serve, h->jobs, &h->inputs)) return say_no_memory();
    feed_of(&h->feed, h->inputs.items, h->inputs.count);
    h->ahead = prefetch_open(p, &h->feed, threads > 1 ? threads : 0);
    return h->ahead ? EXIT_OK : say_no_memory();
}

/* The result of job i as text. */
static int finish(struct haul *h, int i, const struct picture *picture) {
    json_t *result = result_json(picture);

    if (result) h->results[i] = json_value_dump(result, JSON_VALUES_DUMP | JSON_COMPACT, NULL);
    json_decref(result);
    memcpy(h->ends[i].id, h->jobs[i].id, JOB_ID);
    h->ends[i].failed = picture->error[0] != '\0';
    h->ends[i].result = h->results[i];
    return h->results[i] ? EXIT_OK : say_no_memory();
}

int haul_run(struct haul *h, const struct pipeline *p, struct job_end **ends) {
    int batch = p->opt->batch, status = haul_start(h, p);
    struct picture *pictures = calloc((size_t)batch, sizeof *pictures);

    if (!pictures && status == EXIT_OK) status = say_no_memory();
    for (int first = 0; first < h->n && status == EXIT_OK; first += batch) {
        int n = h->n - first < batch ? h->n - first : batch;
        for (int i = 0; i < n; i++) {
            prefetch_take(h->ahead, &pictures[i]);
            pictures[i].asked = &h->asked[first + i].options;
        }
        pipeline_run(p, pictures, n);
        for (int i = 0; i < n; i++) {
            if (status == EXIT_OK) status = finish(h, first + i, &pictures[i]);
            picture_free(&pictures[i]);
        }
    }
    free(pictures);
    *ends = h->ends;
    return status;
}

void haul_free(struct haul *h) {
    if (!h) return;
    prefetch_close(h->ahead);
    inputs_free(&h->inputs);
    for (int i = 0; i < h->n; i++) {
        free_job(&h->jobs[i]);
        free(h->results[i]);
    }
    free(h->jobs);
    free(h->asked);
    free(h->ends);
    free(h->results);
    free(h);
}
