#include "cuda/tune.h"

#include "cuda/measure.h"
#include "cuda/steps.h"

#include <pthread.h>
#include <string.h>

/* Which of a step's algorithms is the known one; -1: it is none of them. */
static int recall(const struct cuda_tuned *known, const struct cuda_run *run, int step,
                  const struct cuda_algorithm *list, int count, struct cuda_algorithm *algorithms) {
    for (int i = 0; known && i < count; i++) {
        struct cuda_launch shape;
        algorithms[step] = list[i];
        cuda_step_shape(run, step, &shape);
        if (strcmp(shape.kernel, known->kernel) == 0 && shape.splits == known->splits) return i;
    }
    return -1;
}

/* What goes on while a plan's algorithms are found. */
struct search {
    struct cuda_tuning *tuning;
    struct cuda_run shapes;            /* without memory */
    struct cuda_algorithm *algorithms; /* as shapes and bench have them */
    struct cuda_bench bench;
    int opened, found; /* bench: -1: it cannot be; something that was not known */
};

static int is_open(struct search *s) {
    if (!s->opened) s->opened = cuda_bench_open(&s->bench, s->algorithms) ? 1 : -1;
    return s->opened > 0;
}

static void keep(struct search *s, int step, uint64_t signature) {
    struct cuda_launch shape;
    cuda_step_shape(&s->shapes, step, &shape);
    cuda_tuned_keep(s->tuning, signature, shape.kernel, shape.splits);
    s->found = 1;
}

/* Is the step's algorithm known or measured now? Else it stays the model's. */
static int tune_step(struct search *s, int step) {
    struct cuda_algorithm list[CUDA_MOST_ALGORITHMS], by_model = s->algorithms[step];
    uint64_t signature;
    int count = cuda_step_algorithms(&s->shapes, step, list, &signature);
    if (count == 0) return 0;
    const struct cuda_tuned *known = cuda_tuned_find(s->tuning, signature);
    int found = recall(known, &s->shapes, step, list, count, s->algorithms);
    if (found >= 0) {
        s->algorithms[step] = list[found];
        return 1;
    }
    s->algorithms[step] = by_model;
    if (!is_open(s)) return 0;
    found = cuda_bench_fastest(&s->bench, step, 0, list, count, s->algorithms);
    const struct cuda_algorithm plain = {.family = CUDA_PLAIN};
    s->algorithms[step] = found < 0 ? plain : list[found];
    keep(s, step, signature);
    return 1;
}

/* A step and its producer, each of which has its own, against both together. What is kept
 * for the pair is the kernel that does both, or that of the step alone. */
static void tune_pair(struct search *s, int step) {
    struct cuda_algorithm list[CUDA_MOST_LISTED] = {s->algorithms[step]}; /* apart */
    uint64_t signature;
    int count = 1 + cuda_pair_algorithms(&s->shapes, step, list + 1, &signature);
    if (count == 1) return;
    const struct cuda_tuned *known = cuda_tuned_find(s->tuning, signature);
    int found = recall(known, &s->shapes, step, list, count, s->algorithms), measured = 0;
    if (found < 0 && is_open(s)) {
        found = cuda_bench_fastest(&s->bench, step, 1, list, count, s->algorithms);
        measured = 1;
    }
    s->algorithms[step] = list[found < 0 ? 0 : found];
    if (measured) keep(s, step, signature);
}

void cuda_tune(struct cuda_tuning *t, const struct cuda_run *run,
               struct cuda_algorithm *algorithms) {
    struct search s = {
        .tuning = t, .shapes = *run, .algorithms = algorithms, .bench = {.run = *run}};
    if (!t->on) return;
    s.bench.run.algorithms = s.shapes.algorithms = algorithms;
    pthread_mutex_lock(&t->lock); /* two that measure at once would measure each other */
    for (int step = 0; step < run->graph->nsteps; step++) {
        if (tune_step(&s, step)) tune_pair(&s, step);
    }
    if (s.opened) cuda_bench_close(&s.bench);
    if (s.found) cuda_tuned_write(t);
    pthread_mutex_unlock(&t->lock);
}
