#include "cuda/faces.h"

#include "engine/err.h"
#include "kernels/number.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

_Static_assert(sizeof(mien_face) == CUDA_FACE_VALUES * sizeof(float), "the kernels' faces");
_Static_assert((int)ANCHOR_LEVELS == (int)CUDA_FACE_LEVELS, "the kernels' levels");
_Static_assert((int)ANCHOR_PER_CELL == (int)CUDA_FACE_CELL, "the kernels' cells");

enum { PLACE = 256 /* bytes, of each part of the memory */ };

/* Where the parts of the memory lie, bytes; what is copied down is first. */
struct parts {
    size_t found, faces, down, counts, boxes, candidates, size;
};

static size_t slice(size_t *at, size_t bytes) {
    size_t begin = *at;
    *at += round_up_size(bytes, PLACE);
    return begin;
}

static struct parts parts_of(int images, int most) {
    size_t batch = (size_t)images, all = batch * CUDA_CANDIDATES, at = 0;
    struct parts p;
    p.found = slice(&at, batch * sizeof(int32_t));
    p.faces = slice(&at, batch * (size_t)most * sizeof(mien_face));
    p.down = at;
    p.counts = slice(&at, batch * sizeof(unsigned));
    p.boxes = slice(&at, 4 * all * sizeof(float));
    p.candidates = slice(&at, all * sizeof(struct cuda_candidate));
    p.size = at;
    return p;
}

void cuda_finder_free(const struct cuda_device *dev, struct cuda_finder *f) {
    cuda_free(dev, f->memory);
    cuda_free_host(dev, f->host);
    *f = (struct cuda_finder){0};
}

static int64_t anchors_of(const struct plan_graph *g, const struct faces_post *want) {
    int64_t n = 0;
    for (int l = 0; l < want->anchors->levels; l++) {
        const struct plan_view *v = &g->outputs[want->head[l].score];
        n += (int64_t)v->h * v->w * want->anchors->level[l].anchors;
    }
    return n;
}

int cuda_faces_possible(const struct plan_graph *g, const struct faces_post *want) {
    return g->batch <= CUDA_FACE_BATCH && anchors_of(g, want) <= INT_MAX;
}

/* More than there are candidates are never found. */
static int most_of(const struct faces_post *want) {
    return want->most < CUDA_CANDIDATES ? want->most : CUDA_CANDIDATES;
}

static int load_kernels(const struct cuda_run *run) {
    struct cuda_launch shape;
    cuda_choose_decode(&run->machine, &(struct cuda_decode){.batch = 1, .anchors = 1}, &shape);
    int rc = cuda_ready(run->device, &shape);
    cuda_choose_select(&run->machine, 1, &shape);
    return rc ? rc : cuda_ready(run->device, &shape);
}

static int make_room(const struct cuda_run *run, struct cuda_finder *f, int most) {
    if (f->memory && most <= f->most) return MIEN_OK;
    struct parts p = parts_of(run->graph->batch, most);
    cuda_finder_free(run->device, f);
    int rc = cuda_alloc(run->device, p.size, &f->memory);
    if (!rc) rc = cuda_alloc_host(run->device, p.down, &f->host);
    if (!rc) rc = load_kernels(run);
    if (rc)
        cuda_finder_free(run->device, f);
    else
        f->most = most;
    return rc;
}

static const float *output_of(const struct cuda_run *run, int i) {
    return i < 0 ? NULL : run->output + cuda_output_at(run->graph, i);
}

static void describe_level(const struct cuda_run *run, const struct faces_post *want, int l,
                           struct cuda_face_level *out) {
    const struct anchor_spec *s = want->anchors;
    const struct plan_view *v = &run->graph->outputs[want->head[l].score];
    *out = (struct cuda_face_level){.score = output_of(run, want->head[l].score),
                                    .box = output_of(run, want->head[l].box),
                                    .landmark = output_of(run, want->head[l].landmark),
                                    .h = v->h,
                                    .w = v->w,
                                    .stride = s->level[l].stride,
                                    .anchors = s->level[l].anchors,
                                    .centre = s->centre[l]};
    memcpy(out->size, s->level[l].size, sizeof out->size);
}

static void describe_anchors(const struct cuda_run *run, const struct faces_post *want,
                             struct cuda_decode *out) {
    const struct anchor_spec *s = want->anchors;
    *out = (struct cuda_decode){.levels = s->levels,
                                .distances = s->kind == ANCHORS_DISTANCES,
                                .plus_one = s->plus_one,
                                .root = s->root,
                                .batch = run->graph->batch,
                                .anchors = (int32_t)anchors_of(run->graph, want),
                                .variance = {s->variance[0], s->variance[1]},
                                .landmark_variance = s->landmark_variance,
                                .threshold = want->threshold};
    for (int l = 0; l < s->levels; l++) describe_level(run, want, l, &out->level[l]);
}

int cuda_faces_find(const struct cuda_run *run, struct cuda_finder *f,
                    const struct faces_post *want, int first) {
    const struct cuda_driver *driver = run->device->driver;
    int batch = run->graph->batch, rc = make_room(run, f, most_of(want));
    if (rc) return rc;
    struct parts part = parts_of(batch, f->most);
    char *memory = (char *)(uintptr_t)f->memory;
    struct cuda_launch shape;
    struct cuda_decode d;
    describe_anchors(run, want, &d);
    d.candidates = (void *)(memory + part.candidates);
    d.counts = (void *)(memory + part.counts);
    struct cuda_select s = {.candidates = d.candidates,
                            .counts = d.counts,
                            .boxes = (void *)(memory + part.boxes),
                            .iou = want->iou,
                            .plus = want->plus_one ? 1 : 0,
                            .most = most_of(want),
                            .found = (void *)(memory + part.found),
                            .faces = (void *)(memory + part.faces)};
    for (int b = 0; b < batch; b++) {
        struct faces_place place;
        want->place(want->context, first + b, &place);
        memcpy(d.scale[b], place.scale, sizeof d.scale[b]);
        memcpy(s.size[b], place.size, sizeof s.size[b]);
    }
    rc = cuda_check(driver->fill_bytes(f->memory + part.counts, 0, (size_t)batch * sizeof(unsigned),
                                       run->stream),
                    "clearing counters");
    cuda_choose_decode(&run->machine, &d, &shape);
    if (!rc) rc = cuda_launch(run->device, run->stream, &shape, &d, 0);
    cuda_choose_select(&run->machine, batch, &shape);
    if (!rc) rc = cuda_launch(run->device, run->stream, &shape, &s, 1);
    if (rc) return rc;
    size_t down = part.faces + (size_t)batch * (size_t)s.most * sizeof(mien_face);
    return cuda_check(driver->copy_down(f->host, f->memory, down, run->stream), "copying faces");
}

int cuda_faces_read(const struct cuda_run *run, const struct cuda_finder *f,
                    const struct faces_post *want, int first) {
    struct parts part = parts_of(run->graph->batch, f->most);
    const int32_t *found = (const void *)((const char *)f->host + part.found);
    const mien_face *faces = (const void *)((const char *)f->host + part.faces);
    int most = most_of(want), left = 0;
    for (int b = 0; b < run->graph->batch; b++, faces += most) {
        want->counts[first + b] = found[b];
        if (found[b] < 0)
            left = 1;
        else
            memcpy(want->faces + (first + b) * want->row, faces, (size_t)found[b] * sizeof *faces);
    }
    return left;
}
