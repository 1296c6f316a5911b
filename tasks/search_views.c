/* How images are looked at: in several scales, in parts, and turned. Of each look those faces are
 * believed that its scale is good for. */
#include "tasks/search_views.h"

#include "engine/err.h"
#include "tasks/net.h"
#include "vision/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL_SIDE = 200,    /* images up to here are enlarged, */
    ENLARGED_SIDE = 400, /* to this, */
    MOST_ENLARGED = 4,   /* and no more than this many times */
    PARTS_SIDE = 3840,   /* the largest size that parts are cut out of, */
    PARTS_ENLARGED = 2,  /* at most so many times an image's own */
    PART = 640,          /* pixels of a part's look: small ones run side by side */
    PART_OVERLAP = 96,   /* what two parts share: no larger face is looked for there */
    PART_EDGE = 4,       /* so near to where it was cut a part is not believed */
    SMALL_FACE = 28,     /* pixels of a look */
    LARGE_SCALE = 8      /* an image is never looked at in less than an eighth of its size alone: a
                            face of 256 pixels has 32 there */
};

/* A larger look is worth its time from here on: at 800 pixels it costs half as much again as at 640
 * and shows little more. */
static const double WORTH = 1.25;
/* Larger faces, in pixels of a look, are left to the smaller one: parts of them look like faces. */
static const float OWN_FACE = 256, PART_FACE = PART_OVERLAP - 2 * PART_EDGE;
/* An image with a face of this score stands upright; small ones never have as much. A detector that
 * is shown a crowd upside down is sure of a face up to 0.98. */
static const float GOOD_SCORE = 0.985F, GOOD_SMALL_SCORE = 0.9F;
/* Faces speak for a turn from here on, whatever threshold was asked for. */
static const float SURE_SCORE = 0.4F;

/* The largest size that is looked at whole. */
static int own_side(const mien_detect_options *o, int longer) {
    int most = o->size < 0 ? MIEN_SEARCH_SIDE : o->size == 0 ? longer : o->size;
    int least = (longer + LARGE_SCALE - 1) / LARGE_SCALE;
    return at_most(longer, most > least ? most : least);
}

static int first_side(const mien_net *net, const mien_detect_options *o, int longer) {
    int side = net->info.width;
    if (longer <= SMALL_SIDE) longer = at_most(ENLARGED_SIDE, MOST_ENLARGED * longer);
    if (o->size > 0) side = at_most(side, o->size);
    return at_most(longer, side);
}

int views_scales(const mien_net *net, const mien_detect_options *o, const mien_image *img,
                 struct scale out[SCALES]) {
    int longer = long_side(img), n = 0;
    int first = first_side(net, o, longer), own = own_side(o, longer), last = first;
    out[n++] = (struct scale){.side = first, .most_face = INFINITY};
    if (own > first && (o->size >= 0 || own > WORTH * first)) {
        out[n++] = (struct scale){.side = own, .most_face = OWN_FACE};
        last = own;
    }
    int parts = at_most(PARTS_ENLARGED * own, PARTS_SIDE);
    if (o->search == MIEN_SEARCH_THOROUGH && parts > WORTH * last)
        out[n++] = (struct scale){.side = parts, .most_face = PART_FACE, .in_parts = 1};
    return n;
}

int views_add(struct search *s, const struct view *view) {
    if (s->nviews == s->capacity) {
        int capacity = 2 * s->capacity + 16;
        struct view *more = realloc(s->views, (size_t)capacity * sizeof *more);
        if (!more) return err_set(MIEN_ENOMEM, "out of memory for %d looks", capacity);
        s->views = more;
        s->capacity = capacity;
    }
    s->views[s->nviews++] = *view;
    return MIEN_OK;
}

/* How an axis of an image is cut into parts of equal length. */
struct cut {
    int n, length;
};

static struct cut cut_axis(int whole, double scale) {
    int length = at_most(whole, (int)ceil(PART / scale));
    double step = (PART - PART_OVERLAP) / scale;
    return (struct cut){1 + (int)ceil(fmax(whole - length, 0) / step), length};
}

static int cut_at(struct cut cut, int whole, int i) {
    return cut.n > 1 ? (int)((int64_t)i * (whole - cut.length) / (cut.n - 1)) : 0;
}

static int add_parts(struct search *s, const struct view *whole) {
    const mien_image *img = whole->image;
    struct cut across = cut_axis(img->width, (double)whole->scale);
    struct cut down = cut_axis(img->height, (double)whole->scale);
    int rc = MIEN_OK;
    for (int i = 0; i < across.n * down.n && !rc; i++) {
        struct view view = *whole;
        view.x = cut_at(across, img->width, i % across.n);
        view.y = cut_at(down, img->height, i / across.n);
        view.part =
            (mien_image){.pixels = img->pixels + view.y * img->pitch + 3 * (ptrdiff_t)view.x,
                         .width = across.length,
                         .height = down.length,
                         .pitch = img->pitch};
        view.side = (int)lround((double)view.scale * long_side(&view.part));
        rc = views_add(s, &view);
    }
    return rc;
}

int views_add_scale(struct search *s, int picture, const mien_image *image, int quarters,
                    const struct scale *scale) {
    struct view view = {.image = image,
                        .picture = picture,
                        .quarters = quarters,
                        .side = scale->side,
                        .scale = (float)scale->side / (float)long_side(image),
                        .most_face = scale->most_face};
    return scale->in_parts ? add_parts(s, &view) : views_add(s, &view);
}

static struct look look_of(const struct view *v) {
    return (struct look){v->part.pixels ? &v->part : v->image, v->side};
}

/* 1 where a face stands upright, by its landmarks: from the eyes to the mouth is down, more or
 * less. Detectors without landmarks have them all in one place. */
static int views_face_stands(const mien_face *f) {
    float dx = 0, dy = 0;
    for (int i = 0; i < 2; i++) {
        dx += f->landmarks[3 + i][0] - f->landmarks[i][0];
        dy += f->landmarks[3 + i][1] - f->landmarks[i][1];
    }
    return 2 * dy >= hypotf(dx, dy);
}

/* 1 where a look's scale and place speak for the face, in pixels of what was looked at. */
static int is_believed(const struct view *v, const mien_face *f) {
    const float *b = f->box;
    double size[2];
    image_scale(v->image, size);
    float pixel = v->part.pixels ? 1 : (float)size[0];
    if (fmaxf(b[2] - b[0], b[3] - b[1]) * v->scale > v->most_face * pixel) return 0;
    if (!v->part.pixels) return 1;
    float edge = PART_EDGE / v->scale, w = (float)v->part.width, h = (float)v->part.height;
    return (v->x == 0 || b[0] > edge) && (v->y == 0 || b[1] > edge) &&
           (v->x + v->part.width == v->image->width || b[2] < w - edge) &&
           (v->y + v->part.height == v->image->height || b[3] < h - edge);
}

/* From pixels of a part to those of the original. */
static void place_part(const struct view *v, mien_face *f) {
    double size[2];
    image_scale(v->image, size);
    const float at[2] = {(float)v->x, (float)v->y};
    for (int i = 0; i < 4; i++) f->box[i] = (f->box[i] + at[i % 2]) * (float)size[i % 2];
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 2; k++)
            f->landmarks[i][k] = (f->landmarks[i][k] + at[k]) * (float)size[k];
}

/* 1 where such a face is seen only in an image that stands upright. */
static int is_good(const struct view *v, const mien_face *f) {
    double size[2];
    if (v->part.pixels || v->quarters > 0 || !views_face_stands(f)) return 0;
    image_scale(v->image, size);
    float side = fmaxf(f->box[2] - f->box[0], f->box[3] - f->box[1]) * v->scale / (float)size[0];
    return f->score >= (side < SMALL_FACE ? GOOD_SMALL_SCORE : GOOD_SCORE);
}

static int take_faces(struct search *s, const struct view *v, const mien_face *faces, int n) {
    struct picture *p = &s->pictures[v->picture];
    struct candidates *found = &p->found[v->quarters];
    int rc = MIEN_OK;
    if (v->is_patch) {
        float *best = &p->patch[v->quarters];
        for (int i = 0; i < n; i++)
            if (views_face_stands(&faces[i])) *best = fmaxf(*best, faces[i].score);
        return MIEN_OK;
    }
    if (found->n + n > found->capacity) rc = candidates_grow(found, found->n + n);
    for (int i = 0; i < n && !rc; i++) {
        mien_face f = faces[i];
        if (!is_believed(v, &f)) continue;
        p->is_good |= is_good(v, &f);
        if (v->part.pixels) place_part(v, &f);
        found->at[found->n] = (struct candidate){f, found->n};
        found->n++;
    }
    return rc;
}

static int by_input(const void *a, const void *b) {
    const struct view *p = a, *q = b;
    if (p->w != q->w) return p->w < q->w ? -1 : 1;
    if (p->h != q->h) return p->h < q->h ? -1 : 1;
    if (p->picture != q->picture) return p->picture < q->picture ? -1 : 1;
    if (p->quarters != q->quarters) return p->quarters < q->quarters ? -1 : 1;
    if (p->y != q->y) return p->y < q->y ? -1 : 1;
    return p->x < q->x ? -1 : p->x > q->x;
}

int views_run(struct search *s) {
    struct look looks[LOOKS_AT_ONCE];
    int counts[LOOKS_AT_ONCE], rc = MIEN_OK;
    for (int i = 0; i < s->nviews; i++) {
        struct look look = look_of(&s->views[i]);
        look_input(s->net, &look, &s->views[i].w, &s->views[i].h);
    }
    if (s->nviews > 0) qsort(s->views, (size_t)s->nviews, sizeof *s->views, by_input);
    for (int first = 0, n; first < s->nviews && !rc; first += n) {
        n = at_most(s->nviews - first, LOOKS_AT_ONCE);
        for (int i = 0; i < n; i++) looks[i] = look_of(&s->views[first + i]);
        rc = looks_run(s->net, looks, n, &s->want, s->faces, counts);
        for (int i = 0; i < n && !rc; i++)
            rc = take_faces(s, &s->views[first + i], s->faces + (size_t)i * (size_t)s->want.row,
                            counts[i]);
    }
    s->nviews = 0;
    return rc;
}

void views_settle(const struct search *s, int picture, int quarters) {
    struct candidates *found = &s->pictures[picture].found[quarters];
    int size[2];
    image_full_size(s->images[picture], &size[0], &size[1]);
    struct nms_limit limit = {.width = (float)size[quarters % 2],
                              .height = (float)size[1 - quarters % 2],
                              .most = s->most};
    candidates_keep_best(found, CANDIDATES_BEST);
    candidates_sort(found);
    candidates_nms(found, s->options->nms, LOOK_PLUS_ONE, &limit);
    candidates_clip(found, limit.width, limit.height);
}

struct evidence views_evidence(const struct candidates *found) {
    struct evidence e = {0};
    for (int i = 0; i < found->n; i++) {
        const mien_face *f = &found->at[i].face;
        if (f->score < SURE_SCORE || !views_face_stands(f)) continue;
        e.sum += f->score;
        e.best = fmaxf(e.best, f->score);
    }
    return e;
}
