#include "engine/calibrate.h"

#include "engine/err.h"
#include "engine/ranges.h"
#include "mien.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { HALF = 256, BINS = 2 * HALF, STEPS = 255, CANDIDATES = 64 };

/* Of one channel. Bin i holds values from (i - HALF) range / HALF on; the range doubles when a
 * value exceeds it. */
struct histogram {
    uint32_t bins[BINS];
    double range, low, high, sum;
    uint64_t count;
};

struct calibration {
    const struct net *net;
    struct backend_observer observer;
    struct histogram **values; /* [net->count][channels]; NULL: nothing seen */
    unsigned char *flat;       /* [net->count], net_find_flat() */
    pthread_mutex_t lock;
    int out_of_memory;
};

static void widen_range(struct histogram *h) {
    uint32_t wide[BINS] = {0};
    for (int i = 0; i < BINS; i++) wide[HALF / 2 + i / 2] += h->bins[i];
    memcpy(h->bins, wide, sizeof wide);
    h->range *= 2;
}

static void count(struct histogram *h, double v) {
    if (!(fabs(v) < 1e9)) return; /* broken weights make infinities */
    if (h->range == 0) h->range = 1.0 / 1024;
    while (fabs(v) >= h->range) widen_range(h);
    h->bins[(int)floor(v / h->range * HALF) + HALF]++;
    h->count++;
    h->sum += v;
    if (v < h->low) h->low = v;
    if (v > h->high) h->high = v;
}

static void see_row(void *context, int node, int w, int c, const float *pixels, ptrdiff_t px) {
    struct calibration *cal = context;
    if (cal->flat[node]) return;
    pthread_mutex_lock(&cal->lock);
    struct histogram **h = &cal->values[node];
    if (!*h) *h = calloc((size_t)c, sizeof **h);
    if (!*h)
        cal->out_of_memory = 1;
    else
        for (int x = 0; x < w; x++)
            for (int j = 0; j < c; j++) count(&(*h)[j], (double)pixels[x * px + j]);
    pthread_mutex_unlock(&cal->lock);
}

int calibration_new(const struct net *net, struct calibration **out) {
    struct calibration *c = calloc(1, sizeof *c);
    if (!c) return err_set(MIEN_ENOMEM, "out of memory");
    c->values = calloc((size_t)net->count, sizeof *c->values);
    c->flat = malloc((size_t)net->count);
    if (!c->values || !c->flat) {
        free(c->values);
        free(c->flat);
        free(c);
        return err_set(MIEN_ENOMEM, "out of memory");
    }
    net_find_flat(net, c->flat);
    c->net = net;
    c->observer = (struct backend_observer){see_row, c};
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return MIEN_OK;
}

void calibration_free(struct calibration *c) {
    if (!c) return;
    for (int i = 0; i < c->net->count; i++) free(c->values[i]);
    free(c->values);
    free(c->flat);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

const struct backend_observer *calibration_observer(const struct calibration *c) {
    return &c->observer;
}

/* Mean squared error, times the count, of storing the histogram in STEPS steps from low to high:
 * step^2 / 12 within, the distance to the end beyond. */
static double error_of(const struct histogram *h, double low, double high) {
    double step = (high - low) / STEPS, inside = step * step / 12, sum = 0;
    for (int i = 0; i < BINS; i++) {
        if (!h->bins[i]) continue;
        double v = (i - HALF + 0.5) * h->range / HALF;
        double beyond = v < low ? low - v : v > high ? v - high : 0;
        sum += (double)h->bins[i] * (inside + beyond * beyond);
    }
    return sum;
}

/* Shrinks each end in turn while that makes the error smaller. */
static void best_range(const struct histogram *h, double *low, double *high) {
    *low = h->low;
    *high = h->high;
    for (int round = 0; round < 2; round++)
        for (int end = 0; end < 2; end++) {
            double full = end ? h->high : h->low, best = INFINITY, chosen = full;
            for (int i = 0; i < CANDIDATES && full != 0; i++) {
                double at = full * (1 - (double)i / CANDIDATES);
                double e = end ? error_of(h, *low, at) : error_of(h, at, *high);
                if (e < best) {
                    best = e;
                    chosen = at;
                }
            }
            *(end ? high : low) = chosen;
        }
}

/* low, high and mean of each channel. */
static void fill_ranges(const struct histogram *h, int channels, float *out) {
    for (int j = 0; j < channels; j++) {
        double low, high;
        best_range(&h[j], &low, &high);
        out[j] = (float)low;
        out[channels + j] = (float)high;
        out[2 * channels + j] = h[j].count ? (float)(h[j].sum / (double)h[j].count) : 0;
    }
}

static void free_tensors(struct blob_tensor *t, int n) {
    for (int i = 0; i < n; i++) {
        free((void *)(uintptr_t)t[i].name);
        free((void *)(uintptr_t)t[i].data);
    }
    free(t);
}

/* One tensor a value that was seen; *n is their number. NULL without memory. */
static struct blob_tensor *range_tensors(const struct calibration *c, int *n) {
    struct blob_tensor *t = calloc((size_t)c->net->count, sizeof *t);
    *n = 0;
    for (int i = 0; t && i < c->net->count; i++) {
        int channels = c->net->nodes[i].channels;
        if (!c->values[i]) continue;
        char name[RANGES_NAME];
        ranges_name(c->net->nodes[i].number, c->net->nodes[i].name, name);
        struct blob_tensor *new = &t[(*n)++];
        float *data = malloc(sizeof *data * 3 * (size_t)channels);
        *new = (struct blob_tensor){
            .name = strdup(name), .dims = 2, .shape = {3, channels}, .data = data};
        new->count = 3 * (size_t)channels;
        if (!new->name || !data) {
            free_tensors(t, *n);
            return NULL;
        }
        fill_ranges(c->values[i], channels, data);
    }
    return t;
}

int calibration_save(const struct calibration *c, const char *path) {
    int n;
    struct blob_tensor *t = c->out_of_memory ? NULL : range_tensors(c, &n);
    if (!t) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = n > 0 ? blob_save(c->net->blob, path, RANGES_PREFIX, t, n)
                   : err_set(MIEN_EINVAL, "%s: nothing was run during the calibration",
                             blob_label(c->net->blob));
    free_tensors(t, n);
    return rc;
}
