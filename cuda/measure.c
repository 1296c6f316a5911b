#include "cuda/measure.h"

#include "cuda/algorithms.h"
#include "kernels/number.h"
#include "mien.h"

#include <stdint.h>
#include <string.h>

struct repeated {
    const struct cuda_run *run;
    int step, pair, count;
};

static int launch_repeated(void *context) {
    const struct repeated *r = context;
    int rc = MIEN_OK;
    for (int i = 0; i < r->count && !rc; i++)
        rc = cuda_step_launch(r->run, r->step, r->pair, i > 0);
    return rc;
}

/* Milliseconds of one launch of a graph; 1e30 where that fails. */
static double time_graph(const struct cuda_bench *b, CUgraphExec graph) {
    const struct cuda_driver *driver = b->run.device->driver;
    float ms = 0;
    int good = driver->event_record(b->begin, b->run.stream) == CUDA_SUCCESS &&
               driver->graph_launch(graph, b->run.stream) == CUDA_SUCCESS &&
               driver->event_record(b->end, b->run.stream) == CUDA_SUCCESS &&
               driver->event_wait(b->end) == CUDA_SUCCESS &&
               driver->event_elapsed(&ms, b->begin, b->end) == CUDA_SUCCESS;
    return good ? (double)ms : 1e30;
}

/* `count` launches of a step behind each other, as run->algorithms says; NULL where that cannot be.
 */
static CUgraphExec record(const struct cuda_bench *b, int step, int pair, int count) {
    struct repeated launches = {&b->run, step, pair, count};
    CUgraphExec graph = NULL;
    if (cuda_step_ready(&b->run, step, pair) ||
        cuda_record(b->run.device, b->run.stream, launch_repeated, &launches, &graph))
        return NULL;
    return graph;
}

static void forget(const struct cuda_bench *b, CUgraphExec graph) {
    if (graph) b->run.device->driver->graph_exec_destroy(graph);
}

void cuda_bench_close(struct cuda_bench *b) {
    const struct cuda_device *dev = b->run.device;
    cuda_judge_close(&b->judge);
    if (b->begin) dev->driver->event_destroy(b->begin);
    if (b->end) dev->driver->event_destroy(b->end);
    if (b->run.stream) dev->driver->stream_destroy(b->run.stream);
    cuda_free(dev, b->memory);
}

/* Makes *out at least what these algorithms of a step want. */
static void add_scratch(const struct cuda_run *run, int step, const struct cuda_algorithm *list,
                        int count, struct cuda_algorithm *algorithms, struct cuda_scratch *out) {
    struct cuda_algorithm was = algorithms[step];
    for (int i = 0; i < count; i++) {
        struct cuda_launch shape;
        algorithms[step] = list[i];
        cuda_step_shape(run, step, &shape);
        if (shape.partial_bytes > out->partial) out->partial = shape.partial_bytes;
        if (shape.arrived_bytes > out->arrived) out->arrived = shape.arrived_bytes;
    }
    algorithms[step] = was;
}

/* The most that any algorithm of any step wants beside the activations. */
static void find_scratch(const struct cuda_run *run, struct cuda_algorithm *algorithms,
                         struct cuda_scratch *out) {
    memset(out, 0, sizeof *out);
    for (int step = 0; step < run->graph->nsteps; step++) {
        struct cuda_algorithm list[CUDA_MOST_ALGORITHMS];
        uint64_t signature;
        int count = cuda_step_algorithms(run, step, list, &signature);
        add_scratch(run, step, list, count, algorithms, out);
        count = cuda_pair_algorithms(run, step, list, &signature);
        add_scratch(run, step, list, count, algorithms, out);
    }
}

/* As kernels leave them that are right. */
static int clear_counters(const struct cuda_bench *b) {
    CUdeviceptr arrived = (CUdeviceptr)(uintptr_t)b->run.arrived;
    return b->run.device->driver->fill_bytes(arrived, 0, b->counters, b->run.stream) ==
           CUDA_SUCCESS;
}

int cuda_bench_open(struct cuda_bench *b, struct cuda_algorithm *algorithms) {
    enum { PLACE = 256 };
    const struct cuda_driver *driver = b->run.device->driver;
    struct cuda_scratch scratch;
    find_scratch(&b->run, algorithms, &scratch);
    size_t arena = round_up_size(b->run.graph->arena_bytes, PLACE);
    size_t partial = round_up_size(scratch.partial, PLACE);
    b->counters = scratch.arrived + sizeof *b->run.arrived;
    if (cuda_alloc(b->run.device, arena + partial + b->counters, &b->memory)) return 0;
    b->run.arena = (char *)(uintptr_t)b->memory;
    b->run.partial = (float *)(void *)(b->run.arena + arena);
    b->run.arrived = (unsigned *)(void *)(b->run.arena + arena + partial);
    if (driver->stream_create(&b->run.stream, CU_STREAM_NON_BLOCKING) != CUDA_SUCCESS ||
        driver->event_create(&b->begin, CU_EVENT_DEFAULT) != CUDA_SUCCESS ||
        driver->event_create(&b->end, CU_EVENT_DEFAULT) != CUDA_SUCCESS || !clear_counters(b))
        return 0;
    cuda_judge_open(&b->judge, &b->run);
    return 1;
}

/* So many launches of a step that what surrounds them does not count: they take some 60 us. */
static int launches_of(const struct cuda_bench *b, int step, int pair) {
    enum { LEAST = 2, MOST = 20 };
    CUgraphExec graph = record(b, step, pair, LEAST);
    if (!graph) return LEAST;
    time_graph(b, graph); /* kernels come onto the device */
    double count = 0.06 * LEAST / (time_graph(b, graph) + 1e-6);
    forget(b, graph);
    return count < 1 ? 1 : count > MOST ? MOST : (int)count;
}

/* A device that was idle takes its time to run at full speed. */
static void warm_up(struct cuda_bench *b, CUgraphExec graph) {
    for (double ms = 0; graph && !b->warm && ms < 100;) ms += time_graph(b, graph) + 0.01;
    b->warm = 1;
}

int cuda_bench_fastest(struct cuda_bench *b, int step, int pair, const struct cuda_algorithm *list,
                       int count, struct cuda_algorithm *algorithms) {
    enum { ROUNDS = 4 };
    CUgraphExec graphs[CUDA_MOST_LISTED];
    double first[CUDA_MOST_LISTED], best[CUDA_MOST_LISTED], least = 1e30;
    int launches = 0, found = -1;
    cuda_judge_expect(&b->judge, step, pair, list, count, algorithms);
    for (int i = 0; i < count; i++) {
        algorithms[step] = list[i];
        graphs[i] = NULL;
        best[i] = 1e30;
        if (!cuda_judge_agrees(&b->judge, step)) {
            clear_counters(b);
            continue;
        }
        if (!launches) launches = launches_of(b, step, pair);
        graphs[i] = record(b, step, pair, launches);
        if (found < 0) found = i;
    }
    if (found < 0) return -1;
    warm_up(b, graphs[found]);
    for (int i = 0; i < count; i++) {
        first[i] = graphs[i] ? time_graph(b, graphs[i]) : 1e30;
        if (first[i] < least) least = first[i];
    }
    int rounds = least > 1 ? 2 : ROUNDS; /* what takes long is noisy by less */
    for (int round = 1; round < rounds; round++)
        for (int i = 0; i < count; i++) {
            if (!graphs[i] || first[i] > 2 * least) continue;
            double ms = time_graph(b, graphs[i]);
            if (ms < best[i]) best[i] = ms;
        }
    for (int i = 0; i < count; i++) {
        if (best[i] < best[found]) found = i;
        forget(b, graphs[i]);
    }
    return found;
}
