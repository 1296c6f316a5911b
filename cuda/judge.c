#include "cuda/judge.h"

#include "engine/half.h"
#include "mien.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 64 << 10,   /* bytes */
    NOISE = 1000000 - 8, /* bytes: no distance between pixels divides it */
    POISON = 0x7F        /* bytes of a NaN of fp16, of 3e38 of fp32 */
};
static const uint64_t MOST_MACS = 4000000000; /* that the plain kernel does in some 20 ms */

/* Numbers that are finite and of both signs as fp16 (0.25 to 2), as fp32, and as bytes. */
static void make_noise(uint16_t *out, size_t count) {
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        out[i] = (uint16_t)(0x3400 + (state >> 12) % 0x0C00) | (uint16_t)(state >> 31 << 15);
    }
}

void cuda_judge_open(struct cuda_judge *j, const struct cuda_run *run) {
    const struct cuda_device *dev = run->device;
    memset(j, 0, sizeof *j);
    j->run = run;
    j->expected = malloc((size_t)CUDA_JUDGE_WINDOWS * WINDOW);
    j->got = malloc((size_t)CUDA_JUDGE_WINDOWS * WINDOW);
    uint16_t *noise = malloc(NOISE);
    if (noise) make_noise(noise, NOISE / sizeof *noise);
    int rc = !j->expected || !j->got || !noise || cuda_alloc(dev, NOISE, &j->noise) ||
             dev->driver->copy_up(j->noise, noise, NOISE, run->stream) != CUDA_SUCCESS ||
             dev->driver->stream_wait(run->stream) != CUDA_SUCCESS;
    free(noise);
    if (!rc) return;
    cuda_judge_close(j);
    j->run = NULL;
}

void cuda_judge_close(struct cuda_judge *j) {
    if (j->run) cuda_free(j->run->device, j->noise);
    free(j->expected);
    free(j->got);
    j->expected = j->got = NULL;
}

static double value_of(int type, const char *p, size_t i) {
    float f;
    uint16_t h;
    if (type == CUDA_U8) return (double)(uint8_t)p[i];
    if (type == CUDA_F16) {
        memcpy(&h, p + i * sizeof h, sizeof h);
        return (double)half_to_float(h);
    }
    memcpy(&f, p + i * sizeof f, sizeof f);
    return (double)f;
}

int cuda_judge_same(int type, int exact, const char *expected, const char *got, size_t bytes) {
    size_t size = type == CUDA_F32 ? 4 : type == CUDA_F16 ? 2 : 1, n = bytes / size;
    double error = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        if (memcmp(expected + i * size, got + i * size, size) == 0) {
            double same = value_of(type, expected, i);
            if (isfinite(same)) all += same * same;
            continue;
        }
        double a = value_of(type, expected, i), b = value_of(type, got, i);
        if (isnan(a) && isnan(b)) continue;
        if (!isfinite(a) || !isfinite(b)) return 0;
        error += (a - b) * (a - b);
        all += a * a;
    }
    if (type == CUDA_U8) return error <= 0.25 * (double)n; /* a step here and there */
    double limit = exact ? 1e-4 : 5e-3;
    return error <= limit * limit * all;
}

/* Where step's output is compared: at its begin, in its middle, at its end. */
static void place_windows(struct cuda_judge *j, int step) {
    const struct plan_graph *g = j->run->graph;
    const struct plan_view *v = &g->steps[step].out;
    size_t size = kern_type_size(v->type);
    size_t values = (size_t)((g->batch - 1) * v->image + (v->h - 1) * v->row + (v->w - 1) * v->px) +
                    (size_t)v->c;
    size_t bytes = values * size, most = bytes < WINDOW ? bytes : WINDOW;
    j->windows = bytes <= WINDOW ? 1 : CUDA_JUDGE_WINDOWS;
    for (int i = 0; i < j->windows; i++) {
        size_t room = bytes - most, skip = j->windows > 1 ? room * (size_t)i / 2 : 0;
        j->window[i].at = v->offset + skip / size * size;
        j->window[i].bytes = most;
    }
}

/* A step once, and what is in the windows then. */
static int compute(const struct cuda_judge *j, const struct cuda_run *run, int step, char *out) {
    const struct cuda_driver *driver = run->device->driver;
    CUdeviceptr arena = (CUdeviceptr)(uintptr_t)run->arena;
    CUresult r = CUDA_SUCCESS;
    for (int i = 0; i < j->windows && r == CUDA_SUCCESS; i++)
        r = driver->fill_bytes(arena + j->window[i].at, POISON, j->window[i].bytes, run->stream);
    if (r != CUDA_SUCCESS || cuda_step_ready(run, step, j->pair) ||
        cuda_step_launch(run, step, j->pair, 0))
        return 0;
    for (int i = 0; i < j->windows && r == CUDA_SUCCESS; i++)
        r = driver->copy_down(out + (size_t)i * WINDOW, arena + j->window[i].at, j->window[i].bytes,
                              run->stream);
    return r == CUDA_SUCCESS && driver->stream_wait(run->stream) == CUDA_SUCCESS;
}

static int fill(const struct cuda_judge *j) {
    const struct cuda_run *run = j->run;
    CUresult r = CUDA_SUCCESS;
    size_t all = run->graph->arena_bytes;
    for (size_t at = 0; at < all && r == CUDA_SUCCESS; at += NOISE)
        r = run->device->driver->copy((CUdeviceptr)(uintptr_t)run->arena + at, j->noise,
                                      all - at < NOISE ? all - at : NOISE, run->stream);
    return r == CUDA_SUCCESS;
}

void cuda_judge_expect(struct cuda_judge *j, int step, int pair, const struct cuda_algorithm *list,
                       int count, struct cuda_algorithm *algorithms) {
    j->is_there = 0;
    j->pair = pair;
    if (!j->run || !fill(j)) return;
    place_windows(j, step);
    if (j->run->graph->steps[step].macs <= MOST_MACS) {
        struct cuda_run plain = *j->run;
        plain.algorithms = NULL;
        j->is_there = compute(j, &plain, step, j->expected);
        return;
    }
    for (int i = 0; i < count && !j->is_there; i++) {
        algorithms[step] = list[i];
        if (list[i].family == CUDA_MMA || pair) j->is_there = compute(j, j->run, step, j->expected);
    }
}

int cuda_judge_agrees(struct cuda_judge *j, int step) {
    const struct plan_step *s;
    if (!j->is_there) return 1;
    if (!compute(j, j->run, step, j->got)) return 0;
    s = &j->run->graph->steps[step];
    for (int i = 0; i < j->windows; i++)
        if (!cuda_judge_same((int)s->out.type, s->in.type == KERN_F32, j->expected + i * WINDOW,
                             j->got + i * WINDOW, j->window[i].bytes))
            return 0;
    return 1;
}
