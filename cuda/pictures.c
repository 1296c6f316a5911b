#include "cuda/pictures.h"

#include "engine/err.h"
#include "kernels/number.h"
#include "mien.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The pixels of a picture that its output is made of: columns x0..x1-1 of rows y0..y1-1. */
struct part {
    int x0, y0, x1, y1;
};

static void include(struct part *p, int x0, int x1, int y0, int y1) {
    if (x0 < p->x0) p->x0 = x0;
    if (x1 > p->x1) p->x1 = x1;
    if (y0 < p->y0) p->y0 = y0;
    if (y1 > p->y1) p->y1 = y1;
}

static struct part scaled_part(const struct backend_picture *p) {
    struct part out = {INT32_MAX, INT32_MAX, 0, 0};
    for (int x = 0; x < p->w; x++) include(&out, p->first[x], p->first[x] + p->taps, INT32_MAX, 0);
    for (int y = 0; y < p->h; y++)
        if (p->row_count[y] > 0)
            include(&out, INT32_MAX, 0, p->row_first[y], p->row_first[y] + p->row_count[y]);
    if (out.y1 == 0) out = (struct part){0, 0, 0, 0}; /* wholly outside: all black */
    return out;
}

static int clamped(double v, int high) {
    return v > 0 ? v < high ? (int)v : high : 0; /* a NaN, too, is 0 */
}

/* The corners of what is sampled, and a pixel around for the neighbours. */
static struct part warped_part(const struct backend_picture *p) {
    double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int corner = 0; corner < 4; corner++) {
        double u = (corner & 1 ? p->w - 1 : 0) - p->tx, v = (corner & 2 ? p->h - 1 : 0) - p->ty;
        double x = p->a * u - p->b * v, y = p->b * u + p->a * v;
        x0 = fmin(x0, x);
        x1 = fmax(x1, x);
        y0 = fmin(y0, y);
        y1 = fmax(y1, y);
    }
    return (struct part){clamped(x0 - 1, p->width), clamped(y0 - 1, p->height),
                         clamped(x1 + 3, p->width), clamped(y1 + 3, p->height)};
}

static struct part part_of(const struct backend_picture *p) {
    switch (p->how) {
    case BACKEND_SCALED: return scaled_part(p);
    case BACKEND_WARPED: return warped_part(p);
    default: return (struct part){0, 0, p->w, p->h};
    }
}

/* Things laid out one after the other in memory of the host, to be copied as one. host NULL: only
 * how much they take counts. */
struct packer {
    char *host, *device;
    size_t at;
};

enum { PLACE = 256 /* bytes */ };

static size_t pack_room(struct packer *k, size_t bytes) {
    size_t at = k->at;
    k->at += round_up_size(bytes, PLACE);
    return at;
}

/* Where on the device `bytes` at from will be. */
static const void *pack(struct packer *k, const void *from, size_t bytes) {
    size_t at = pack_room(k, bytes);
    if (k->host) memcpy(k->host + at, from, bytes);
    return k->device ? k->device + at : NULL;
}

/* The part's pixels without gaps; where on the device pixel 0, 0 would be. */
static const uint8_t *pack_part(struct packer *k, const struct backend_picture *p, int64_t *pitch) {
    struct part part = part_of(p);
    size_t row = 3 * (size_t)(part.x1 > part.x0 ? part.x1 - part.x0 : 0);
    int rows = part.y1 > part.y0 ? part.y1 - part.y0 : 0;
    size_t at = pack_room(k, row * (size_t)rows);
    *pitch = (int64_t)row;
    if (!k->host) return NULL;
    const uint8_t *from = p->pixels + part.y0 * p->pitch + 3 * (ptrdiff_t)part.x0;
    for (int y = 0; y < rows; y++, from += p->pitch)
        memcpy(k->host + at + row * (size_t)y, from, row);
    uintptr_t begin = (uintptr_t)(k->device + at);
    return (const uint8_t *)(begin - row * (size_t)part.y0 - 3 * (size_t)part.x0);
}

static void pack_picture(struct packer *k, const struct backend *owner,
                         const struct backend_picture *p, struct cuda_picture *out) {
    *out = (struct cuda_picture){.how = (int32_t)p->how,
                                 .w = p->w,
                                 .h = p->h,
                                 .taps = p->taps,
                                 .most = p->most,
                                 .width = p->width,
                                 .height = p->height,
                                 .a = p->a,
                                 .b = p->b,
                                 .tx = p->tx,
                                 .ty = p->ty};
    if (p->how == BACKEND_SCALED) {
        size_t w = (size_t)p->w, h = (size_t)p->h;
        out->first = pack(k, p->first, w * sizeof *p->first);
        out->weight = pack(k, p->weight, (w + 3) / 4 * 4 * (size_t)p->taps * sizeof *p->weight);
        out->row_first = pack(k, p->row_first, h * sizeof *p->row_first);
        out->row_count = pack(k, p->row_count, h * sizeof *p->row_count);
        out->row_weight = pack(k, p->row_weight, h * (size_t)p->most * sizeof *p->row_weight);
    }
    if (p->resident && p->resident->owner == owner) {
        out->pixels = (const uint8_t *)p->resident->data + p->resident_at;
        out->pitch = p->resident->pitch;
    } else {
        out->pixels = pack_part(k, p, &out->pitch);
    }
}

/* All of a run; the pictures come first. */
static void pack_all(struct packer *k, const struct backend *owner,
                     const struct backend_picture *pictures, int batch) {
    size_t at = pack_room(k, (size_t)batch * sizeof(struct cuda_picture));
    for (int b = 0; b < batch; b++) {
        struct cuda_picture one;
        pack_picture(k, owner, &pictures[b], &one);
        if (k->host) memcpy(k->host + at + (size_t)b * sizeof one, &one, sizeof one);
    }
}

static void free_room(const struct cuda_device *dev, struct cuda_stage *s) {
    cuda_free(dev, s->device);
    cuda_free_host(dev, s->host);
    s->device = 0;
    s->host = NULL;
    s->size = 0;
}

void cuda_stage_free(const struct cuda_device *dev, struct cuda_stage *s) {
    free_room(dev, s);
    free(s->pictures);
    s->pictures = NULL;
}

static int grow(const struct cuda_device *dev, struct cuda_stage *s, size_t size) {
    if (size <= s->size) return MIEN_OK;
    size += size / 4; /* the next may be a little larger */
    free_room(dev, s);
    int rc = cuda_alloc(dev, size, &s->device);
    if (!rc) rc = cuda_alloc_host(dev, size, &s->host);
    if (!rc)
        s->size = size;
    else
        free_room(dev, s);
    return rc;
}

int cuda_pictures_bring(const struct cuda_run *run, const struct backend *owner,
                        struct cuda_stage *stage, const struct backend_input *input) {
    int batch = run->graph->batch;
    if (!stage->pictures) stage->pictures = calloc((size_t)batch, sizeof *stage->pictures);
    if (!stage->pictures) return err_set(MIEN_ENOMEM, "out of memory");
    for (int b = 0; b < batch; b++) input->picture(input->context, b, &stage->pictures[b]);
    struct packer size = {0};
    pack_all(&size, owner, stage->pictures, batch);
    int rc = grow(run->device, stage, size.at);
    if (rc) return rc;
    struct packer all = {stage->host, (char *)(uintptr_t)stage->device, 0};
    pack_all(&all, owner, stage->pictures, batch);
    rc = cuda_check(run->device->driver->copy_up(stage->device, stage->host, all.at, run->stream),
                    "copying pictures");
    return rc ? rc : cuda_pictures_launch(run, (const void *)(uintptr_t)stage->device);
}
