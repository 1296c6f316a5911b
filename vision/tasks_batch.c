/* Many equal inputs through one network. */
#include "engine/err.h"
#include "vision/tasks.h"

#include <stdlib.h>

int tasks_batch(int left) {
    int n = 1;
    while (n < TASKS_MAX_BATCH && 2 * n <= left) n *= 2;
    return n;
}

static int run_part(const struct tasks_job *j, int first, int count, float *input, float **outputs,
                    const float **one) {
    struct net_plan *p;
    int rc = tasks_plan_get(j->net, count, j->width, j->height, &p), nout = j->net->net->noutputs;
    if (rc) return rc;
    size_t per_image = (size_t)j->width * (size_t)j->height * 3;
    for (int i = 0; i < nout && !rc; i++) {
        free(outputs[i]);
        outputs[i] = malloc(tasks_output_count(p, i) * sizeof(float));
        if (!outputs[i]) rc = err_set(MIEN_ENOMEM, "out of memory");
    }
    for (int b = 0; b < count && !rc; b++)
        rc = j->fill(j->context, first + b, input + per_image * (size_t)b);
    if (!rc) rc = j->net->ctx->ops->run(p->plan, input, outputs, j->net->observer);
    if (!rc) rc = j->net->ctx->ops->wait(p->plan);
    for (int b = 0; b < count && !rc; b++) {
        for (int i = 0; i < nout; i++)
            one[i] = outputs[i] + tasks_output_count(p, i) / (size_t)count * (size_t)b;
        rc = j->take(j->context, first + b, one);
    }
    tasks_plan_put(j->net, p);
    return rc;
}

int tasks_run_batches(const struct tasks_job *j) {
    if (j->n == 0) return MIEN_OK;
    size_t nout = (size_t)j->net->net->noutputs;
    size_t per_image = (size_t)j->width * (size_t)j->height * 3;
    float *input = malloc(per_image * (size_t)tasks_batch(j->n) * sizeof(float));
    float **outputs = calloc(nout, sizeof *outputs);
    const float **one = calloc(nout, sizeof *one);
    int rc = input && outputs && one ? MIEN_OK : err_set(MIEN_ENOMEM, "out of memory");
    for (int i = 0, count; i < j->n && !rc; i += count) {
        count = tasks_batch(j->n - i);
        rc = run_part(j, i, count, input, outputs, one);
    }
    for (size_t i = 0; outputs && i < nout; i++) free(outputs[i]);
    free(outputs);
    free(one);
    free(input);
    return rc;
}
