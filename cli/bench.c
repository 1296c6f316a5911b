/* The command bench: runs a network on random input and says how fast, and how large, that is. */
#include "commands.h"
#include "common/clock.h"
#include "common/json_values.h"
#include "networks.h"
#include "output.h"
#include "peak.h"
#include "say.h"
#include "timing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP_RUNS = 2, FEWEST_RUNS = 3, GROUP_MS = 10, MOST_LAUNCHES = 200 };

struct measurement {
    mien_net_info net;
    mien_plan_info plan;
    const char *backend;
    int threads;
    int runs;
    double median, p99, fastest;          /* milliseconds a run */
    double device_median, device_fastest; /* milliseconds a run on a GPU alone; else 0 */
    double rss, rss_peak;                 /* bytes */
};

static void fill_random(float *data, size_t n) {
    uint32_t state =
        2463534242u; /* xorshift32, Marsaglia 2003: any noise does, the same each time */

    for (size_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        data[i] = (float)(state >> 24);
    }
}

static float *tensor_alloc(const mien_tensor *t) {
    return calloc((size_t)t->n * (size_t)t->h, (size_t)t->w * (size_t)t->c * sizeof(float));
}

static int say_library(void) {
    say("%s", mien_error());
    return EXIT_FAILED;
}

/* All outputs are asked for: copying them out is part of a run. */
static int outputs_alloc(mien_net *net, const mien_plan_info *plan, mien_tensor *outputs, int n) {
    for (int i = 0; i < n; i++) {
        if (mien_net_output_shape(net, i, plan->batch, plan->width, plan->height, &outputs[i]))
            return say_library();
        outputs[i].data = tensor_alloc(&outputs[i]);
        if (!outputs[i].data) return say_no_memory();
    }
    return EXIT_OK;
}

/* Runs for `seconds`, at least FEWEST_RUNS times, and fills in the times. */
static int run_timed(mien_net *net, const mien_tensor *input, mien_tensor *outputs, int n,
                     double seconds, struct measurement *m) {
    struct times times = {0};
    double begin, start;
    int status = EXIT_OK;

    for (int i = 0; i < WARM_UP_RUNS; i++)
        if (mien_run(net, input, outputs, n)) return say_library();
    begin = clock_seconds();
    while (status == EXIT_OK && (times.count < FEWEST_RUNS || clock_seconds() - begin < seconds)) {
        start = clock_seconds();
        if (mien_run(net, input, outputs, n))
            status = say_library();
        else if (times_add(&times, 1e3 * (clock_seconds() - start)))
            status = say_no_memory();
    }
    times_sort(&times);
    m->runs = times.count;
    m->fastest = times_percentile(&times, 0);
    m->median = times_percentile(&times, 50);
    m->p99 = times_percentile(&times, 99);
    times_free(&times);
    return status;
}

/* The same by the GPU's clock, a group of runs at a time: one alone is too short to be timed. */
static int device_timed(mien_net *net, double seconds, struct measurement *m) {
    const mien_plan_info *plan = &m->plan;
    struct times times = {0};
    double one, begin;
    int status = EXIT_OK, runs;

    if (mien_net_device_time(net, plan->batch, plan->width, plan->height, 1, &one))
        return say_library();
    runs = one > 0 && 1e3 * one < GROUP_MS ? (int)(1e-3 * GROUP_MS / one) + 1 : 1;
    if (runs > MOST_LAUNCHES) runs = MOST_LAUNCHES;
    begin = clock_seconds();
    while (status == EXIT_OK && (times.count < FEWEST_RUNS || clock_seconds() - begin < seconds)) {
        if (mien_net_device_time(net, plan->batch, plan->width, plan->height, runs, &one))
            status = say_library();
        else if (times_add(&times, 1e3 * one))
            status = say_no_memory();
    }
    times_sort(&times);
    m->device_median = times_percentile(&times, 50);
    m->device_fastest = times_percentile(&times, 0);
    times_free(&times);
    return status;
}

/* Resident memory of this process, now and at its peak, in bytes; 0 where /proc does not say. */
static void read_memory(double *rss, double *peak) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib;

    *rss = *peak = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "VmRSS: %ld kB", &kib) == 1) *rss = 1024.0 * (double)kib;
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1) *peak = 1024.0 * (double)kib;
    }
    if (file) fclose(file);
}

static int measure(const struct options *opt, mien_net *net, struct measurement *m) {
    int n = mien_net_outputs(net), status;
    mien_tensor *outputs = calloc((size_t)n + 1, sizeof *outputs), input = {0};

    if (!outputs) return say_no_memory();
    if (mien_net_plan(net, opt->batch, opt->width ? opt->width : m->net.width,
                      opt->width ? opt->height : m->net.height, &m->plan)) {
        status = say_library();
        goto done;
    }
    input.n = m->plan.batch;
    input.h = m->plan.height;
    input.w = m->plan.width;
    input.c = m->net.channels;
    input.data = tensor_alloc(&input);
    status = input.data ? outputs_alloc(net, &m->plan, outputs, n) : say_no_memory();
    if (status) goto done;
    fill_random(input.data, (size_t)input.n * (size_t)input.h * (size_t)input.w * (size_t)input.c);
    status = run_timed(net, &input, outputs, n, opt->seconds, m);
    if (status == EXIT_OK && opt->device == MIEN_DEVICE_CUDA)
        status = device_timed(net, opt->seconds, m);
    read_memory(&m->rss, &m->rss_peak);
done:
    free(input.data);
    for (int i = 0; i < n; i++) free(outputs[i].data);
    free(outputs);
    return status;
}

static double images_per_second(const struct measurement *m) {
    return 1e3 * m->plan.batch / m->median;
}

static double gflops(const struct measurement *m) {
    double ms = m->device_median > 0 ? m->device_median : m->median;

    return 2e-6 * (double)m->plan.macs / ms;
}

/* Of the processor's; a GPU's is not measured. */
static double percent_of_peak(const struct measurement *m, const struct peak *peak) {
    return peak->gflops > 0 ? 100 * gflops(m) / peak->gflops : 0;
}

static void print_text(const struct options *opt, const struct measurement *m,
                       const struct peak *peak) {
    const double mb = 1e-6;

    printf("%s  %dx%d, batch %d, %s\n", m->net.name, m->plan.width, m->plan.height, m->plan.batch,
           precision_name(opt->precision));
    printf("  runs on      %s\n", m->backend);
    printf("  time         %.2f ms median, %.2f ms p99, %.2f ms best of %d runs\n", m->median,
           m->p99, m->fastest, m->runs);
    if (m->device_median > 0)
        printf("  on the GPU   %.4f ms median, %.4f ms best, without copies\n", m->device_median,
               m->device_fastest);
    printf("  rate         %.1f images/s\n", images_per_second(m));
    printf("  arithmetic   %.1f GFLOP/s (%.2f GMAC a run)", gflops(m), 1e-9 * (double)m->plan.macs);
    if (peak->gflops > 0)
        printf(", %.0f %% of peak\n  peak         %.1f GFLOP/s (%s, %d thread%s, measured)",
               percent_of_peak(m, peak), peak->gflops, peak->unit, peak->threads,
               peak->threads == 1 ? "" : "s");
    putchar('\n');
    printf(
        "  plan         %d steps, activations %.1f MB (%.1f MB without reuse), scratch %.1f MB\n",
        m->plan.steps, mb * (double)m->plan.arena_bytes, mb * (double)m->plan.no_reuse_bytes,
        mb * (double)m->plan.scratch_bytes);
    printf("  weights      %.1f MB packed, %.1f MB blob\n", mb * (double)m->plan.weight_bytes,
           mb * (double)m->net.file_bytes);
    printf("  resident     %.1f MB, %.1f MB at its highest\n", mb * m->rss, mb * m->rss_peak);
    fflush(stdout);
}

static int print_json(const struct options *opt, const struct measurement *m,
                      const struct peak *peak) {
    json_t *object = json_pack(
        "{s:o, s:o, s:i, s:i, s:i, s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o}",
        "name", json_value_text(m->net.name), "arch", json_value_text(m->net.arch), "batch",
        m->plan.batch, "width", m->plan.width, "height", m->plan.height, "precision",
        precision_name(opt->precision), "backend", json_value_text(m->backend), "threads",
        m->threads, "runs", m->runs, "median_ms", json_value_number(m->median, 4), "p99_ms",
        json_value_number(m->p99, 4), "best_ms", json_value_number(m->fastest, 4), "images_per_s",
        json_value_number(images_per_second(m), 2), "gflops", json_value_number(gflops(m), 2),
        "peak_gflops", json_value_number(peak->gflops, 2), "peak_unit", peak->unit, "peak_percent",
        json_value_number(percent_of_peak(m, peak), 1));
    json_t *gpu = m->device_median > 0
                      ? json_pack("{s:o, s:o}", "device_ms", json_value_number(m->device_median, 5),
                                  "device_best_ms", json_value_number(m->device_fastest, 5))
                      : json_object();
    json_t *memory =
        json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "steps", m->plan.steps, "macs",
                  (json_int_t)m->plan.macs, "weight_bytes", (json_int_t)m->plan.weight_bytes,
                  "arena_bytes", (json_int_t)m->plan.arena_bytes, "no_reuse_bytes",
                  (json_int_t)m->plan.no_reuse_bytes, "scratch_bytes",
                  (json_int_t)m->plan.scratch_bytes, "blob_bytes", (json_int_t)m->net.file_bytes,
                  "rss_bytes", (json_int_t)m->rss, "rss_peak_bytes", (json_int_t)m->rss_peak);

    if (!object || !memory || !gpu || json_object_update(object, memory) ||
        json_object_update(object, gpu)) {
        json_decref(object);
        object = NULL;
    }
    json_decref(memory);
    json_decref(gpu);
    return output_json(object, 0) ? EXIT_FAILED : EXIT_OK;
}

static int bench_one(const struct options *opt, mien_ctx *ctx, const char *name,
                     const struct peak *peak) {
    struct measurement m = {.net.struct_size = sizeof m.net, .plan.struct_size = sizeof m.plan};
    mien_net *net;
    int status = network_load(ctx, name, &net);

    if (status) return status;
    m.backend = mien_backend_name(ctx);
    m.threads = peak->threads;
    if (mien_net_info_get(net, &m.net)) status = say_library();
    if (status == EXIT_OK) status = measure(opt, net, &m);
    if (status == EXIT_OK && opt->json)
        status = print_json(opt, &m, peak);
    else if (status == EXIT_OK)
        print_text(opt, &m, peak);
    mien_net_free(net);
    return status;
}

/* The instruction a precision is meant for, where this processor has it: what peak means. */
static enum peak_unit precision_unit(int precision) {
    if (precision == MIEN_BF16 && peak_has(PEAK_BF16_AVX512)) return PEAK_BF16_AVX512;
    if (precision == MIEN_INT8 && peak_has(PEAK_U8_AVX512)) return PEAK_U8_AVX512;
    return peak_widest_f32();
}

int cmd_bench(const struct options *opt) {
    struct peak peak = {.unit = "not measured"};
    mien_ctx *ctx;
    int status = context_open(opt, &ctx);

    if (status) return status;
    if (opt->device == MIEN_DEVICE_CPU)
        peak_measure(precision_unit(opt->precision), opt->threads ? opt->threads : mien_cores(),
                     &peak);
    for (int i = 0; i < opt->nargs && status == EXIT_OK && !output_broken(); i++) {
        if (i > 0 && !opt->json) putchar('\n');
        status = bench_one(opt, ctx, opt->args[i], &peak);
    }
    mien_close(ctx);
    return status;
}
