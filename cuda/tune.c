#include "cuda/tune.h"

#include "cuda/judge.h"
#include "engine/pack_cache.h"
#include "mien.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------- what is known */

enum { MOST_KNOWN = 1 << 12, MOST_BYTES = MOST_KNOWN * 72 };

static struct cuda_tuned *find(const struct cuda_tuning *t, uint64_t signature) {
    for (int i = 0; i < t->count; i++)
        if (t->known[i].signature == signature) return &t->known[i];
    return NULL;
}

static int grow(struct cuda_tuning *t) {
    int capacity = t->capacity ? 2 * t->capacity : 64;
    if (capacity > MOST_KNOWN) return 0;
    struct cuda_tuned *more = realloc(t->known, sizeof *more * (size_t)capacity);
    if (!more) return 0;
    t->known = more;
    t->capacity = capacity;
    return 1;
}

/* Where there is no room for it, it will be measured again. */
static void remember(struct cuda_tuning *t, uint64_t signature, const char *kernel, int splits) {
    struct cuda_tuned *to = find(t, signature);
    if (!to) {
        if (t->count == t->capacity && !grow(t)) return;
        to = &t->known[t->count++];
    }
    to->signature = signature;
    snprintf(to->kernel, sizeof to->kernel, "%s", kernel);
    to->splits = splits;
}

void cuda_tuning_read(struct cuda_tuning *t, const char *text) {
    while (text && *text) {
        uint64_t signature;
        char kernel[CUDA_TUNED_NAME];
        int splits, end = 0;
        if (sscanf(text, "%16" SCNx64 " %47[a-z0-9_] %d%n", &signature, kernel, &splits, &end) ==
                3 &&
            (text[end] == '\n' || text[end] == '\0'))
            remember(t, signature, kernel, splits);
        text = strchr(text, '\n');
        if (text) text++;
    }
}

static void read_file(struct cuda_tuning *t) {
    FILE *f = t->path ? fopen(t->path, "re") : NULL;
    char *text = f ? malloc(MOST_BYTES + 1) : NULL;
    if (text) {
        text[fread(text, 1, MOST_BYTES, f)] = '\0';
        cuda_tuning_read(t, text);
    }
    free(text);
    if (f) fclose(f);
}

/* The whole file anew, in the place of the old one once it is there: two processes at it leave what
 * the later one knows. */
static void write_file(const struct cuda_tuning *t) {
    char *temporary = NULL;
    if (!t->path || asprintf(&temporary, "%s.%ld", t->path, (long)getpid()) < 0) return;
    free(pack_cache_folder(1)); /* it exists now */
    FILE *f = fopen(temporary, "wxe");
    if (f) {
        for (int i = 0; i < t->count; i++)
            fprintf(f, "%016" PRIx64 " %s %d\n", t->known[i].signature, t->known[i].kernel,
                    t->known[i].splits);
        int good = !ferror(f);
        good = fclose(f) == 0 && good;
        if (!good || rename(temporary, t->path) != 0) unlink(temporary);
    }
    free(temporary);
}

/* A file for each kind of device, driver and version of mien. */
static char *path_of(const struct cuda_device *dev) {
    char *folder = pack_cache_folder(0), *path = NULL, name[sizeof dev->name];
    snprintf(name, sizeof name, "%s", dev->name);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '-';
    if (folder && asprintf(&path, "%s/cuda-%s-%d-%s.ways", folder, name, dev->driver->version,
                           MIEN_VERSION) < 0)
        path = NULL;
    free(folder);
    return path;
}

void cuda_tuning_open(struct cuda_tuning *t, const struct cuda_device *dev, int use_cache) {
    const char *wanted = getenv("MIEN_CUDA_TUNE"), *other = getenv("MIEN_LIBCUDA");
    memset(t, 0, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    t->on = wanted && *wanted ? strcmp(wanted, "0") != 0 : !(other && *other);
    if (!t->on) return;
    t->path = use_cache ? path_of(dev) : NULL;
    read_file(t);
}

void cuda_tuning_close(struct cuda_tuning *t) {
    pthread_mutex_destroy(&t->lock);
    free(t->known);
    free(t->path);
}

/* ---------------------------------------------------------------- measuring */

enum { MOST_LISTED = CUDA_MOST_WAYS + 1 }; /* all ways of a pair, and apart */

/* A plan with memory of its own, for one step at a time. */
struct bench {
    struct cuda_run run;
    CUdeviceptr memory;
    CUevent begin, end;
    struct cuda_judge judge;
    size_t counters; /* bytes of run.arrived */
    int warm;
};

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
static double time_graph(const struct bench *b, CUgraphExec graph) {
    const struct cuda_driver *driver = b->run.device->driver;
    float ms = 0;
    int good = driver->event_record(b->begin, b->run.stream) == CUDA_SUCCESS &&
               driver->graph_launch(graph, b->run.stream) == CUDA_SUCCESS &&
               driver->event_record(b->end, b->run.stream) == CUDA_SUCCESS &&
               driver->event_wait(b->end) == CUDA_SUCCESS &&
               driver->event_elapsed(&ms, b->begin, b->end) == CUDA_SUCCESS;
    return good ? (double)ms : 1e30;
}

/* `count` launches of a step behind each other, as run->ways says; NULL where that cannot be. */
static CUgraphExec record(const struct bench *b, int step, int pair, int count) {
    struct repeated launches = {&b->run, step, pair, count};
    CUgraphExec graph = NULL;
    if (cuda_step_ready(&b->run, step, pair) ||
        cuda_record(b->run.device, b->run.stream, launch_repeated, &launches, &graph))
        return NULL;
    return graph;
}

static void forget(const struct bench *b, CUgraphExec graph) {
    if (graph) b->run.device->driver->graph_exec_destroy(graph);
}

static void close_bench(struct bench *b) {
    const struct cuda_device *dev = b->run.device;
    cuda_judge_close(&b->judge);
    if (b->begin) dev->driver->event_destroy(b->begin);
    if (b->end) dev->driver->event_destroy(b->end);
    if (b->run.stream) dev->driver->stream_destroy(b->run.stream);
    cuda_free(dev, b->memory);
}

/* Makes *out at least what these ways of a step want. */
static void add_scratch(const struct cuda_run *run, int step, const struct cuda_way *list,
                        int count, struct cuda_way *ways, struct cuda_scratch *out) {
    struct cuda_way was = ways[step];
    for (int i = 0; i < count; i++) {
        struct cuda_launch shape;
        ways[step] = list[i];
        cuda_step_shape(run, step, &shape);
        if (shape.partial_bytes > out->partial) out->partial = shape.partial_bytes;
        if (shape.arrived_bytes > out->arrived) out->arrived = shape.arrived_bytes;
    }
    ways[step] = was;
}

/* The most that any way of any step wants beside the activations. */
static void find_scratch(const struct cuda_run *run, struct cuda_way *ways,
                         struct cuda_scratch *out) {
    memset(out, 0, sizeof *out);
    for (int step = 0; step < run->graph->nsteps; step++) {
        struct cuda_way list[CUDA_MOST_WAYS];
        uint64_t signature;
        int count = cuda_step_ways(run, step, list, &signature);
        add_scratch(run, step, list, count, ways, out);
        count = cuda_pair_ways(run, step, list, &signature);
        add_scratch(run, step, list, count, ways, out);
    }
}

/* As kernels leave them that are right. */
static int clear_counters(const struct bench *b) {
    CUdeviceptr arrived = (CUdeviceptr)(uintptr_t)b->run.arrived;
    return b->run.device->driver->fill_bytes(arrived, 0, b->counters, b->run.stream) ==
           CUDA_SUCCESS;
}

/* b->run is a plan without memory. */
static int open_bench(struct bench *b, struct cuda_way *ways) {
    enum { PLACE = 256 };
    const struct cuda_driver *driver = b->run.device->driver;
    struct cuda_scratch scratch;
    find_scratch(&b->run, ways, &scratch);
    size_t arena = (b->run.graph->arena_bytes + PLACE - 1) / PLACE * PLACE;
    size_t partial = (scratch.partial + PLACE - 1) / PLACE * PLACE;
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
static int launches_of(const struct bench *b, int step, int pair) {
    enum { LEAST = 2, MOST = 20 };
    CUgraphExec graph = record(b, step, pair, LEAST);
    if (!graph) return LEAST;
    time_graph(b, graph); /* kernels come onto the device */
    double count = 0.06 * LEAST / (time_graph(b, graph) + 1e-6);
    forget(b, graph);
    return count < 1 ? 1 : count > MOST ? MOST : (int)count;
}

/* A device that was idle takes its time to run at full speed. */
static void warm_up(struct bench *b, CUgraphExec graph) {
    for (double ms = 0; graph && !b->warm && ms < 100;) ms += time_graph(b, graph) + 0.01;
    b->warm = 1;
}

/* The fastest of a step's ways, or a pair's, that are right. Each is timed once a round, so that
 * whatever changes meanwhile changes for all, and its best time counts; the first round counts only
 * to see who is hopeless. Without a clock it is the first that is right; -1: none is. */
static int fastest(struct bench *b, int step, int pair, const struct cuda_way *list, int count,
                   struct cuda_way *ways) {
    enum { ROUNDS = 4 };
    CUgraphExec graphs[MOST_LISTED];
    double first[MOST_LISTED], best[MOST_LISTED], least = 1e30;
    int launches = 0, found = -1;
    cuda_judge_expect(&b->judge, step, pair, list, count, ways);
    for (int i = 0; i < count; i++) {
        ways[step] = list[i];
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

/* -------------------------------------------------------------------- tuning */

/* Which of a step's ways is the known one; -1: it is none of them. */
static int recall(const struct cuda_tuned *known, const struct cuda_run *run, int step,
                  const struct cuda_way *list, int count, struct cuda_way *ways) {
    for (int i = 0; known && i < count; i++) {
        struct cuda_launch shape;
        ways[step] = list[i];
        cuda_step_shape(run, step, &shape);
        if (strcmp(shape.kernel, known->kernel) == 0 && shape.splits == known->splits) return i;
    }
    return -1;
}

/* What goes on while a plan's ways are found. */
struct search {
    struct cuda_tuning *tuning;
    struct cuda_run shapes; /* without memory */
    struct cuda_way *ways;  /* as shapes and bench have them */
    struct bench bench;
    int opened, found; /* bench: -1: it cannot be; something that was not known */
};

static int is_open(struct search *s) {
    if (!s->opened) s->opened = open_bench(&s->bench, s->ways) ? 1 : -1;
    return s->opened > 0;
}

static void keep(struct search *s, int step, uint64_t signature) {
    struct cuda_launch shape;
    cuda_step_shape(&s->shapes, step, &shape);
    remember(s->tuning, signature, shape.kernel, shape.splits);
    s->found = 1;
}

static void tune_step(struct search *s, int step) {
    static const struct cuda_way by_model = {.family = CUDA_BY_MODEL},
                                 plain = {.family = CUDA_PLAIN};
    struct cuda_way list[CUDA_MOST_WAYS];
    uint64_t signature;
    int count = cuda_step_ways(&s->shapes, step, list, &signature);
    if (count == 0) return;
    int way = recall(find(s->tuning, signature), &s->shapes, step, list, count, s->ways);
    if (way >= 0 || !is_open(s)) {
        s->ways[step] = way < 0 ? by_model : list[way];
        return;
    }
    way = fastest(&s->bench, step, 0, list, count, s->ways);
    s->ways[step] = way < 0 ? plain : list[way];
    keep(s, step, signature);
}

/* A step and its producer, each of which has its way, against both together. What is kept
 * for the pair is the kernel that does both, or that of the step alone. */
static void tune_pair(struct search *s, int step) {
    struct cuda_way list[MOST_LISTED] = {s->ways[step]}; /* apart */
    uint64_t signature;
    int count = 1 + cuda_pair_ways(&s->shapes, step, list + 1, &signature);
    if (count == 1 || list[0].family == CUDA_BY_MODEL) return;
    const struct cuda_tuned *known = find(s->tuning, signature);
    int way = recall(known, &s->shapes, step, list, count, s->ways);
    if (way < 0 && is_open(s)) {
        way = fastest(&s->bench, step, 1, list, count, s->ways);
        s->ways[step] = list[way < 0 ? 0 : way];
        keep(s, step, signature);
        return;
    }
    s->ways[step] = list[way < 0 ? 0 : way];
}

void cuda_tune(struct cuda_tuning *t, const struct cuda_run *run, struct cuda_way *ways) {
    struct search s = {.tuning = t, .shapes = *run, .ways = ways, .bench = {.run = *run}};
    if (!t->on) return;
    s.bench.run.ways = s.shapes.ways = ways;
    pthread_mutex_lock(&t->lock); /* two that measure at once would measure each other */
    for (int step = 0; step < run->graph->nsteps; step++) {
        tune_step(&s, step);
        tune_pair(&s, step);
    }
    if (s.opened) close_bench(&s.bench);
    if (s.found) write_file(t);
    pthread_mutex_unlock(&t->lock);
}
