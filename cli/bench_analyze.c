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

enum { TOTAL = STAGES_MAX, ROWS }; /* the stages, then their sum */

struct measurement {
    int pictures, failed; /* measured, and left out */
    long faces;           /* of all pictures, once */
    int rounds;
    double seconds; /* all rounds took */
    struct times times[ROWS];
    mien_times spent[NETWORKS_MAX]; /* by each network, in all rounds */
};

static void measurement_free(struct measurement *m) {
    for (int i = 0; i < ROWS; i++) times_free(&m->times[i]);
}

/* The network a row is about; NULL where it runs none, or that one is left out. */
static mien_net *row_network(const struct pipeline *p, int row) {
    int task = row - STAGE_TASK;

    return task >= 0 && task < p->networks.n ? p->networks.at[task].net : NULL;
}

/* Adds what the networks have spent until now to m->spent, `sign` times. */
static void add_spent(struct measurement *m, const struct pipeline *p, int sign) {
    for (int i = 0; i < p->networks.n; i++) {
        mien_net *net = p->networks.at[i].net;
        mien_times t = {.struct_size = sizeof t};
        if (!net || mien_net_times(net, &t)) continue;
        m->spent[i].input += sign * t.input;
        m->spent[i].network += sign * t.network;
        m->spent[i].results += sign * t.results;
    }
}

/* Adds one picture's times. Returns -1 where memory ran out. */
static int add_times(struct measurement *m, const struct picture *picture) {
    double total = 0;

    for (int i = 0; i < STAGES_MAX; i++) {
        if (times_add(&m->times[i], 1e3 * picture->seconds[i])) return -1;
        total += 1e3 * picture->seconds[i];
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
            m->faces += batch->analysis->nfaces;
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

/* What is left out has no line. */
static int row_runs(const struct pipeline *p, int row) {
    switch (row) {
    case STAGE_DECODE:
    case TOTAL: return 1;
    case STAGE_ALIGN: return networks_giving(&p->networks, MIEN_RESULT_EMBEDDING) != NULL;
    default: return row_network(p, row) != NULL;
    }
}

/* The i-th row in the order of things, the total last. */
static int row_at(int i) {
    return i < stages_count() ? stages_at(i) : TOTAL;
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
static mien_times mean_parts(const struct measurement *m, int row) {
    const mien_times *t = &m->spent[row - STAGE_TASK];
    double scale = 1e3 / ((double)m->pictures * m->rounds);

    return (mien_times){
        .input = t->input * scale, .network = t->network * scale, .results = t->results * scale};
}

static void print_text(const struct pipeline *p, const struct measurement *m) {
    printf("analyze  %d picture%s, %ld face%s, %d round%s\n", m->pictures,
           m->pictures == 1 ? "" : "s", m->faces, m->faces == 1 ? "" : "s", m->rounds,
           m->rounds == 1 ? "" : "s");
    if (m->failed) printf("  left out     %d that could not be read\n", m->failed);
    printf("  runs on      %s\n", mien_backend_name(p->networks.ctx));
    for (int i = 0, n = 0; i < p->networks.n; i++)
        if (p->networks.at[i].net)
            printf("  %-12s %s\n", n++ ? "" : "networks", p->networks.at[i].info.name);
    printf("\n  stage            p50 ms      p99 ms     mean ms   share\n");
    for (int i = 0; i <= stages_count(); i++) {
        int row = row_at(i);
        const struct times *t = &m->times[row];
        if (!row_runs(p, row)) continue;
        printf("  %-12s %10.2f  %10.2f  %10.2f  %4.0f %%\n",
               row == TOTAL ? "total" : stage_name(row), times_percentile(t, 50),
               times_percentile(t, 99), mean(t), 100 * times_sum(t) / times_sum(&m->times[TOTAL]));
        if (row_network(p, row)) {
            mien_times parts = mean_parts(m, row);
            printf("    input %.2f, network %.2f, results %.2f\n", parts.input, parts.network,
                   parts.results);
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
static json_t *stage_json(const struct pipeline *p, const struct measurement *m, int row) {
    json_t *object = times_json(&m->times[row]);
    mien_times t;

    if (!row_network(p, row)) return object;
    t = mean_parts(m, row);
    if (json_object_set_new(object, "input_ms", json_value_number(t.input, 4)) ||
        json_object_set_new(object, "network_ms", json_value_number(t.network, 4)) ||
        json_object_set_new(object, "results_ms", json_value_number(t.results, 4))) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* The names of the networks, by what programs call them: "detector", "age_gender". */
static json_t *networks_json(const struct pipeline *p, int *failed) {
    json_t *object = json_object();

    for (int i = 0; i < p->networks.n; i++) {
        const struct network *network = &p->networks.at[i];
        char key[64];
        snprintf(key, sizeof key, "%s", network->task.option);
        for (char *c = key; *c; c++)
            if (*c == '-') *c = '_';
        json_value_set(object, key, json_value_text(network->net ? network->info.name : NULL),
                       failed);
    }
    return object;
}

static int print_json(const struct pipeline *p, const struct measurement *m) {
    const struct options *opt = p->opt;
    json_t *stages = json_object(), *more;
    int failed = 0;
    json_t *object = networks_json(p, &failed);

    for (int i = 0; i < stages_count(); i++) {
        int row = row_at(i);
        if (row_runs(p, row))
            json_value_set(stages, stage_name(row), stage_json(p, m, row), &failed);
    }
    more = json_pack(
        "{s:s, s:i, s:s, s:i, s:i, s:i, s:I, s:i, s:o, s:o, s:o, s:o, s:o}", "backend",
        mien_backend_name(p->networks.ctx), "threads", opt->threads ? opt->threads : mien_cores(),
        "precision", precision_name(opt->precision), "batch", opt->batch, "pictures", m->pictures,
        "failed", m->failed, "faces", (json_int_t)m->faces, "rounds", m->rounds, "seconds",
        json_value_number(m->seconds, 3), "stages", stages, "total", times_json(&m->times[TOTAL]),
        "pictures_per_s", json_value_number(pictures_per_second(m), 3), "faces_per_s",
        json_value_number(faces_per_second(m), 3));
    if (!more || json_object_update(object, more)) failed = 1;
    json_decref(more);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    return output_json(object, 0) ? EXIT_FAILED : EXIT_OK;
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
    if (status == EXIT_OK) status = pipeline_open(&pipeline, opt, pipeline_steps(opt));
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
