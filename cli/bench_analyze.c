/* The command bench analyze: how long each stage of whole pictures takes. */
#include "commands.h"
#include "common/clock.h"
#include "common/json_values.h"
#include "inputs.h"
#include "networks.h"
#include "output.h"
#include "peak.h"
#include "pipeline.h"
#include "say.h"
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOTAL = STAGES, ROWS }; /* the stages, then their sum */

struct measurement {
    int pictures, failed; /* measured, and left out */
    long faces;           /* of all pictures, once */
    int rounds;
    double seconds; /* all rounds took */
    struct times times[ROWS];
    mien_times spent[STAGES]; /* by the stage's network, in all rounds */
};

static void measurement_free(struct measurement *m) {
    for (int i = 0; i < ROWS; i++) times_free(&m->times[i]);
}

/* The network a stage runs; NULL where it runs none, or that one is left out. */
static mien_net *stage_network(const struct pipeline *p, int stage) {
    switch (stage) {
    case STAGE_DETECT: return p->detector;
    case STAGE_EMBED: return p->embedder;
    case STAGE_AGE_GENDER: return p->age_gender;
    case STAGE_CLASSIFY: return p->classifier;
    default: return NULL;
    }
}

/* ---- running ---- */

/* Adds what the networks have spent until now to m->spent, `sign` times. */
static void add_spent(struct measurement *m, const struct pipeline *p, int sign) {
    for (int i = 0; i < STAGES; i++) {
        mien_net *net = stage_network(p, i);
        mien_times t;
        if (!net) continue;
        mien_net_times(net, &t);
        m->spent[i].input += sign * t.input;
        m->spent[i].network += sign * t.network;
        m->spent[i].results += sign * t.results;
    }
}

/* Adds one picture's times. Returns -1 where memory ran out. */
static int add_times(struct measurement *m, const struct picture *picture) {
    double total = 0;

    for (int i = 0; i < STAGES; i++) {
        if (times_add(&m->times[i], picture->ms[i])) return -1;
        total += picture->ms[i];
    }
    return times_add(&m->times[TOTAL], total);
}

/* One round without times: whatever is made on first use is made, and pictures that fail drop out
 * of the list. */
static int warm_up(const struct pipeline *p, struct picture *batch, struct inputs *inputs,
                   struct measurement *m) {
    for (int i = 0; i < inputs->count; i++) {
        struct input swap = inputs->items[i];
        batch->input = &inputs->items[i];
        pipeline_decode(p, batch);
        pipeline_run(p, batch, 1);
        if (batch->error[0]) {
            say("%s", batch->error);
            m->failed++;
        } else {
            m->faces += batch->nfaces;
            inputs->items[i] = inputs->items[m->pictures]; /* to the front; none is lost */
            inputs->items[m->pictures++] = swap;
        }
        picture_free(batch);
    }
    if (m->pictures > 0) return EXIT_OK;
    say("no picture could be read: nothing to measure");
    return EXIT_FAILED;
}

static int run_round(const struct pipeline *p, struct picture *pictures,
                     const struct inputs *inputs, struct measurement *m) {
    int batch = p->opt->batch, status = EXIT_OK;

    for (int first = 0; first < m->pictures && status == EXIT_OK; first += batch) {
        int n = m->pictures - first < batch ? m->pictures - first : batch;
        for (int i = 0; i < n; i++) {
            pictures[i].input = &inputs->items[first + i];
            pipeline_decode(p, &pictures[i]);
        }
        pipeline_run(p, pictures, n);
        for (int i = 0; i < n; i++) {
            if (status == EXIT_OK && pictures[i].error[0]) { /* it was fine a moment ago */
                say("%s", pictures[i].error);
                status = EXIT_FAILED;
            } else if (status == EXIT_OK && add_times(m, &pictures[i])) {
                status = say_no_memory();
            }
            picture_free(&pictures[i]);
        }
    }
    return status;
}

static int measure(const struct pipeline *p, struct inputs *inputs, struct measurement *m) {
    struct picture *pictures = calloc((size_t)p->opt->batch, sizeof *pictures);
    double begin;
    int status;

    if (!pictures) return say_no_memory();
    status = warm_up(p, pictures, inputs, m);
    /* The plans of a batch are made on its first run; so a batch has a round more to warm up. */
    if (status == EXIT_OK && p->opt->batch > 1) {
        status = run_round(p, pictures, inputs, m);
        for (int i = 0; i < ROWS; i++) m->times[i].count = 0;
    }
    add_spent(m, p, -1);
    begin = clock_seconds();
    while (status == EXIT_OK && (m->rounds == 0 || m->seconds < p->opt->seconds)) {
        status = run_round(p, pictures, inputs, m);
        m->rounds++;
        m->seconds = clock_seconds() - begin;
    }
    add_spent(m, p, 1);
    for (int i = 0; i < ROWS; i++) times_sort(&m->times[i]);
    free(pictures);
    return status;
}

/* ---- printing ---- */

/* Whether the stage's network is there; what is left out has no line. */
static int stage_runs(const struct pipeline *p, int row) {
    switch (row) {
    case STAGE_START: return 0; /* not of a picture */
    case STAGE_DECODE:
    case TOTAL: return 1;
    case STAGE_ALIGN: return p->embedder != NULL;
    default: return stage_network(p, row) != NULL;
    }
}

static double pictures_per_second(const struct measurement *m) {
    return (double)m->pictures * m->rounds / m->seconds;
}

static double faces_per_second(const struct measurement *m) {
    return (double)m->faces * m->rounds / m->seconds;
}

static double mean(const struct times *t) {
    return times_sum(t) / t->count;
}

/* Mean milliseconds a picture of the parts of a stage that runs a network. Their sum is less than
 * the stage's by what surrounds the calls, and more where threads work on pictures of their own. */
static mien_times mean_parts(const struct measurement *m, int stage) {
    const mien_times *t = &m->spent[stage];
    double scale = 1e3 / ((double)m->pictures * m->rounds);

    return (mien_times){
        .input = t->input * scale, .network = t->network * scale, .results = t->results * scale};
}

static const char *name_of(const mien_net *net) {
    mien_net_info info;

    return net && mien_net_info_get(net, &info) == MIEN_OK ? info.name : NULL;
}

static void print_text(const struct pipeline *p, const struct measurement *m) {
    const mien_net *nets[] = {p->detector, p->embedder, p->age_gender, p->classifier};

    printf("analyze  %d picture%s, %ld face%s, %d round%s\n", m->pictures,
           m->pictures == 1 ? "" : "s", m->faces, m->faces == 1 ? "" : "s", m->rounds,
           m->rounds == 1 ? "" : "s");
    if (m->failed) printf("  left out     %d that could not be read\n", m->failed);
    printf("  runs on      %s\n", mien_backend_name(p->ctx));
    for (size_t i = 0, n = 0; i < sizeof nets / sizeof *nets; i++)
        if (nets[i]) printf("  %-12s %s\n", n++ ? "" : "networks", name_of(nets[i]));
    printf("\n  stage            p50 ms      p99 ms     mean ms   share\n");
    for (int i = 0; i < ROWS; i++) {
        if (!stage_runs(p, i)) continue;
        printf("  %-12s %10.2f  %10.2f  %10.2f  %4.0f %%\n", i == TOTAL ? "total" : STAGE_NAMES[i],
               times_percentile(&m->times[i], 50), times_percentile(&m->times[i], 99),
               mean(&m->times[i]), 100 * times_sum(&m->times[i]) / times_sum(&m->times[TOTAL]));
        if (i < STAGES && stage_network(p, i)) {
            mien_times t = mean_parts(m, i);
            printf("    input %.2f, network %.2f, results %.2f\n", t.input, t.network, t.results);
        }
    }
    printf("\n  rate         %.1f pictures/s, %.1f faces/s\n", pictures_per_second(m),
           faces_per_second(m));
    fflush(stdout);
}

static json_t *times_json(const struct times *t) {
    return json_pack("{s:o, s:o, s:o}", "p50_ms", json_value_number(times_percentile(t, 50), 4),
                     "p99_ms", json_value_number(times_percentile(t, 99), 4), "mean_ms",
                     json_value_number(mean(t), 4));
}

/* A stage's times, with its parts where it runs a network. */
static json_t *stage_json(const struct pipeline *p, const struct measurement *m, int stage) {
    json_t *object = times_json(&m->times[stage]);
    mien_times t = mean_parts(m, stage);

    if (stage_network(p, stage) &&
        (json_object_set_new(object, "input_ms", json_value_number(t.input, 4)) ||
         json_object_set_new(object, "network_ms", json_value_number(t.network, 4)) ||
         json_object_set_new(object, "results_ms", json_value_number(t.results, 4)))) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

static int print_json(const struct pipeline *p, const struct measurement *m) {
    const struct options *opt = p->opt;
    json_t *stages = json_object();
    int failed = 0;

    for (int i = 0; i < STAGES; i++)
        if (stage_runs(p, i) && json_object_set_new(stages, STAGE_NAMES[i], stage_json(p, m, i)))
            failed = 1;
    if (failed) {
        json_decref(stages);
        return output_json(NULL, 0) ? EXIT_FAILED : EXIT_OK;
    }
    return output_json(
               json_pack("{s:o, s:o, s:o, s:o, s:s, s:i, s:s, s:i, s:i, s:i, s:I, s:i, s:o, s:o, "
                         "s:o, s:o, s:o}",
                         "detector", json_value_text(name_of(p->detector)), "embedder",
                         json_value_text(name_of(p->embedder)), "age_gender",
                         json_value_text(name_of(p->age_gender)), "classifier",
                         json_value_text(name_of(p->classifier)), "backend",
                         mien_backend_name(p->ctx), "threads",
                         opt->threads ? opt->threads : peak_cores(), "precision",
                         precision_name(opt->precision), "batch", opt->batch, "pictures",
                         m->pictures, "failed", m->failed, "faces", (json_int_t)m->faces, "rounds",
                         m->rounds, "seconds", json_value_number(m->seconds, 3), "stages", stages,
                         "total", times_json(&m->times[TOTAL]), "pictures_per_s",
                         json_value_number(pictures_per_second(m), 3), "faces_per_s",
                         json_value_number(faces_per_second(m), 3)),
               0)
               ? EXIT_FAILED
               : EXIT_OK;
}

/* A round reads every picture again, which standard input cannot do. */
static int check_inputs(const struct options *opt, const struct inputs *inputs) {
    for (int i = 0; i < inputs->count; i++)
        if (inputs->items[i].is_stdin)
            return say_usage(opt->command_name, "standard input (-) can be read only once");
    return EXIT_OK;
}

int cmd_bench_analyze(const struct options *opt) {
    struct pipeline pipeline = {0};
    struct measurement m = {0};
    struct inputs inputs;
    int status;

    if (inputs_expand(opt->args, opt->nargs, NULL, &inputs)) return say_no_memory();
    status = check_inputs(opt, &inputs);
    if (status == EXIT_OK) status = pipeline_open(&pipeline, opt);
    if (status == EXIT_OK) status = measure(&pipeline, &inputs, &m);
    if (status == EXIT_OK) {
        if (opt->json)
            status = print_json(&pipeline, &m);
        else
            print_text(&pipeline, &m);
    }
    if (m.failed) status = EXIT_FAILED;
    measurement_free(&m);
    pipeline_close(&pipeline);
    inputs_free(&inputs);
    return status;
}
