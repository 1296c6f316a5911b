/*
 * A detector finds faces of some 16 to 500 pixels of its input, upright. So an image is looked at
 * in several scales, in parts, and turned (scales_of() and is_good() say when), and of each
 * look those faces are believed that its scale is good for. The looks of all images run together,
 * those of one size side by side.
 */
#include "tasks/search.h"

#include "engine/err.h"
#include "tasks/net.h"
#include "vision/image.h"
#include "vision/nms.h"

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
    SCALES = 3,          /* of an image, at most */
    LOOKS_AT_ONCE = 64,  /* results of so many are held */
    LOOK_FACES = 2000,   /* of one look, at most */
    TURNED_AT_ONCE = 4,  /* images whose turned copies are held */
    PATCHES = 3,         /* of an image: where it may have faces, and is turned there alone, */
    PROBE_PATCHES = 2,   /* and of each of its turned copies, */
    PATCH_SIDE = 80,     /* at this size, */
    LEAST_PATCH = 12,    /* pixels of the image at least */
    PROBE_PERCENT = 60,  /* of the first scale: which way up other images are shows there, */
    LEAST_PROBE = 160,   /* and at this side */
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
/* Something is there that may be a face, if it were turned, from here on. */
static const float PATCH_SCORE = 0.1F;
/* A patch is this many times as large as what is in it. */
static const double PATCH_CONTEXT = 2.5;
/* A turn is believed from PATCH_TURNED on, of the whole from PROBE_TURNED, and clear where no other
 * is as near as PATCH_NEAR: a face that lies may have 0.95, too. An image stands with
 * PATCH_UPRIGHT, or with PATCH_STANDS where turned ones have PATCH_FAR at most. */
static const float PATCH_TURNED = 0.65F, PROBE_TURNED = 0.8F, PATCH_NEAR = 0.05F;
static const float PATCH_UPRIGHT = 0.985F, PATCH_STANDS = 0.7F, PATCH_FAR = 0.3F;
/* It stands with a face of this score, too, where no turn is believed. */
static const float KNOWN_SCORE = 0.8F;

/* One scale an image is looked at. */
struct scale {
    int side;        /* of the whole image */
    float most_face; /* pixels of the look */
    int in_parts;
};

/* One look of an image, of a part of it or of a turned copy. */
struct view {
    const mien_image *image;
    mien_image part;       /* of image; no pixels: all of it */
    int x, y;              /* where the part lies, pixels of image */
    int picture, quarters; /* whose it is, and by how many quarters it is turned clockwise */
    int side, w, h;        /* of the look; of its input */
    float scale;           /* pixels of the look in one of image */
    float most_face;       /* pixels of the look */
    int is_patch;          /* only the score of the best face that stands is wanted */
};

/* What is found in an image turned by 0 to 3 quarters, in pixels of the original turned so. */
struct picture {
    struct candidates found[4];
    int quarters;   /* which are its faces */
    int is_good;    /* it is known to stand upright */
    float patch[4]; /* the best score of a face that stands, of its patches turned so */
};

struct search {
    mien_net *net;
    const mien_detect_options *options;
    const mien_image *const *images;
    struct picture *pictures; /* [n] */
    int n, most;              /* faces of an image */
    struct look_want want;    /* of a look */
    struct view *views;       /* [nviews], room for capacity */
    int nviews, capacity;
    mien_face *faces; /* [LOOKS_AT_ONCE][want.row] */
};

static int long_side(const mien_image *img) {
    return img->width > img->height ? img->width : img->height;
}

static int at_most(int v, int most) {
    return v < most ? v : most;
}

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

/* The first scale finds all faces that are not small. Returns how many there are. */
static int scales_of(const mien_net *net, const mien_detect_options *o, const mien_image *img,
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

int search_side(const mien_net *net, const mien_detect_options *o) {
    int side = o->size < 0 ? MIEN_SEARCH_SIDE : o->size;
    if (o->search == MIEN_SEARCH_THOROUGH || side == 0) return 0;
    return side > net->info.width ? side : net->info.width;
}

static int add_view(struct search *s, const struct view *view) {
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
        rc = add_view(s, &view);
    }
    return rc;
}

/* Adds what a scale wants to see of image, that of a picture turned by so many quarters. */
static int add_scale(struct search *s, int picture, const mien_image *image, int quarters,
                     const struct scale *scale) {
    struct view view = {.image = image,
                        .picture = picture,
                        .quarters = quarters,
                        .side = scale->side,
                        .scale = (float)scale->side / (float)long_side(image),
                        .most_face = scale->most_face};
    return scale->in_parts ? add_parts(s, &view) : add_view(s, &view);
}

static struct look look_of(const struct view *v) {
    return (struct look){v->part.pixels ? &v->part : v->image, v->side};
}

/* 1 where a face stands upright, by its landmarks: from the eyes to the mouth is down, more or
 * less. Detectors without landmarks have them all in one place. */
static int stands(const mien_face *f) {
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
    if (v->part.pixels || v->quarters > 0 || !stands(f)) return 0;
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
            if (stands(&faces[i])) *best = fmaxf(*best, faces[i].score);
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

/* Runs the views that were added, and has none then. */
static int run_views(struct search *s) {
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

/* One suppression for all looks of an image turned so. */
static void settle(const struct search *s, int picture, int quarters) {
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

/* What speaks for an image standing upright when it is turned so. */
struct evidence {
    float sum, best; /* of the scores of faces that stand */
};

static struct evidence evidence(const struct candidates *found) {
    struct evidence e = {0};
    for (int i = 0; i < found->n; i++) {
        const mien_face *f = &found->at[i].face;
        if (f->score < SURE_SCORE || !stands(f)) continue;
        e.sum += f->score;
        e.best = fmaxf(e.best, f->score);
    }
    return e;
}

/* Looks at all images as they are. */
static int look_upright(struct search *s) {
    int rc = MIEN_OK;
    for (int i = 0; i < s->n && !rc; i++) {
        struct scale scales[SCALES];
        int n = scales_of(s->net, s->options, s->images[i], scales);
        for (int k = 0; k < n && !rc; k++) rc = add_scale(s, i, s->images[i], 0, &scales[k]);
    }
    if (!rc) rc = run_views(s);
    for (int i = 0; i < s->n && !rc; i++) settle(s, i, 0);
    return rc;
}

enum { COPIES = TURNED_AT_ONCE * PATCHES };

/* Copies of images or of patches of them, turned by 0 to 3 quarters. */
struct copies {
    mien_image *at[COPIES][4];
};

static void free_copies(struct copies *copies) {
    for (int i = 0; i < COPIES; i++)
        for (int q = 0; q < 4; q++) mien_image_free(copies->at[i][q]);
    *copies = (struct copies){0};
}

/* Copies turned by `first` to `last` quarters, no larger than they have to be for looks of `side`
 * pixels. */
static int make_turned(const mien_image *img, int side, int first, int last, mien_image *out[4]) {
    mien_image *reduced;
    int rc = image_reduce(img, side, &reduced);
    for (int q = first; q <= last && !rc; q++)
        rc = mien_image_turn(reduced ? reduced : img, 90 * q, &out[q]);
    mien_image_free(reduced);
    return rc;
}

static int probe_side(int first) {
    int side = first * PROBE_PERCENT / 100;
    return at_most(first, side > LEAST_PROBE ? side : LEAST_PROBE);
}

/* Looks at n images turned each way, at a small size. */
static int probe(struct search *s, const int *which, int n, struct copies *copies) {
    int rc = MIEN_OK;
    for (int i = 0; i < n && !rc; i++) {
        const mien_image *img = s->images[which[i]];
        struct scale scales[SCALES], small = {.most_face = INFINITY};
        (void)scales_of(s->net, s->options, img, scales);
        small.side = probe_side(scales[0].side);
        rc = make_turned(img, small.side, 1, 3, copies->at[i]);
        for (int q = 1; q < 4 && !rc; q++) rc = add_scale(s, which[i], copies->at[i][q], q, &small);
    }
    return rc ? rc : run_views(s);
}

/* Looks at an image turned as is likely, as thoroughly as was done upright, but for parts. */
static int add_turned(struct search *s, int picture, int quarters, mien_image *copies[4]) {
    struct scale scales[SCALES];
    int n = scales_of(s->net, s->options, s->images[picture], scales);
    while (scales[n - 1].in_parts) n--;
    int rc = make_turned(s->images[picture], scales[n - 1].side, quarters, quarters, copies);
    for (int k = 0; k < n && !rc; k++)
        rc = add_scale(s, picture, copies[quarters], quarters, &scales[k]);
    return rc;
}

static int clamp(double v, int most) {
    return v <= 0 ? 0 : v >= most ? most : (int)lround(v);
}

/* A square around what may be a face, as far as the image has it. */
static mien_image patch_of(const mien_image *img, const mien_face *f) {
    double scale[2], box[4];
    image_scale(img, scale);
    for (int i = 0; i < 4; i++) box[i] = (double)f->box[i] / scale[i % 2];
    double side = PATCH_CONTEXT * fmax(box[2] - box[0], box[3] - box[1]);
    int most = at_most((int)lround(fmin(fmax(side, LEAST_PATCH), long_side(img))), long_side(img));
    int w = at_most(most, img->width), h = at_most(most, img->height);
    int x = clamp((box[0] + box[2] - w) / 2, img->width - w);
    int y = clamp((box[1] + box[3] - h) / 2, img->height - h);
    return (mien_image){.pixels = img->pixels + y * img->pitch + 3 * (ptrdiff_t)x,
                        .width = w,
                        .height = h,
                        .pitch = img->pitch};
}

static int add_patch(struct search *s, int picture, const mien_face *f, int first, int last,
                     mien_image *copies[4]) {
    mien_image patch = patch_of(s->images[picture], f);
    int rc = make_turned(&patch, PATCH_SIDE, first, last, copies);
    for (int q = first; q <= last && !rc; q++)
        rc = add_view(s, &(struct view){copies[q], .picture = picture, .quarters = q,
                                        .side = PATCH_SIDE, .is_patch = 1});
    return rc;
}

/* Looks at the first to last places of n images where there may be faces, turned each way. */
static int look_at_patches(struct search *s, const int *which, int n, int first, int last) {
    struct copies copies = {0};
    int rc = MIEN_OK, made = 0;
    for (int i = 0; i < n; i++) {
        const struct candidates *found = &s->pictures[which[i]].found[0];
        for (int k = first; k <= last && k < found->n && !rc; k++)
            rc = add_patch(s, which[i], &found->at[k].face, 0, 3, copies.at[made++]);
    }
    if (!rc) rc = run_views(s);
    free_copies(&copies);
    return rc;
}

/* Looks at what the probes found alone, too, in their turn; it is forgotten then. */
static int look_at_probed(struct search *s, const int *which, int n) {
    struct copies copies = {0};
    int rc = MIEN_OK, size[2];
    for (int i = 0; i < 3 * n; i++) {
        int picture = which[i / 3], q = 1 + i % 3;
        struct picture *p = &s->pictures[picture];
        struct candidates *found = &p->found[q];
        settle(s, picture, q);
        float best = evidence(found).best;
        if (best >= PROBE_TURNED) p->patch[q] = fmaxf(p->patch[q], best);
        image_full_size(s->images[picture], &size[0], &size[1]);
        for (int k = 0; k < at_most(found->n, PROBE_PATCHES) && !rc; k++) {
            mien_face f = found->at[k].face;
            mien_face_turn(&f, 360 - 90 * q, size[q % 2], size[1 - q % 2]);
            rc = add_patch(s, picture, &f, q, q, copies.at[i / 3 * PATCHES + k]);
        }
        found->n = 0;
    }
    if (!rc) rc = run_views(s);
    free_copies(&copies);
    return rc;
}

/* Beside looks in several scales it costs little to turn an image whole. */
static int is_cheap_to_turn(const struct search *s, int picture) {
    struct scale scales[SCALES];
    return scales_of(s->net, s->options, s->images[picture], scales) > 1;
}

/* The turn that a picture's patches speak for; 0: none. */
static int turn_of_patches(const struct picture *p) {
    float best = fmaxf(p->patch[0], PATCH_TURNED);
    int turn = 0;
    for (int q = 1; q < 4; q++) {
        if (p->patch[q] <= best) continue;
        best = p->patch[q];
        turn = q;
    }
    return turn;
}

/* 1 where a picture's patches say that it stands upright. */
static int is_upright(const struct picture *p) {
    float turned = fmaxf(p->patch[1], fmaxf(p->patch[2], p->patch[3]));
    return p->patch[0] >= fmaxf(turned, PATCH_UPRIGHT) ||
           (p->patch[0] >= PATCH_STANDS && turned <= PATCH_FAR);
}

/* 1 where they say too little, or speak for two turns. */
static int is_unclear(const struct picture *p) {
    int turn = turn_of_patches(p), near = 0;
    float upright = fmaxf(evidence(&p->found[0]).best, p->patch[0]);
    if (!turn) return !is_upright(p) && upright < KNOWN_SCORE;
    for (int q = 0; q < 4; q++) near += p->patch[turn] - p->patch[q] < PATCH_NEAR;
    return near > 1;
}

/* How n images are likely to be turned. Where something may be a face it is looked at alone, which
 * costs little and shows small faces as well as large ones; the likeliest place first. Images of
 * which that says nothing are turned whole, and those that are large, to find other places. */
static int find_turns(struct search *s, const int *which, int n, int *turns) {
    struct copies copies = {0};
    int open[TURNED_AT_ONCE], unknown[TURNED_AT_ONCE], m = 0, k = 0;
    int rc = look_at_patches(s, which, n, 0, 0);
    for (int i = 0; i < n; i++)
        if (is_cheap_to_turn(s, which[i]) || !is_upright(&s->pictures[which[i]]))
            open[m++] = which[i];
    if (!rc) rc = look_at_patches(s, open, m, 1, PATCHES - 1);
    for (int i = 0; i < m; i++)
        if (is_cheap_to_turn(s, open[i]) || is_unclear(&s->pictures[open[i]]))
            unknown[k++] = open[i];
    if (!rc && k > 0) rc = probe(s, unknown, k, &copies);
    free_copies(&copies);
    if (!rc) rc = look_at_probed(s, unknown, k);
    for (int i = 0; i < n; i++) turns[i] = turn_of_patches(&s->pictures[which[i]]);
    return rc;
}

/* Finds out whether n images want to be turned: the likely way has to show more than upright, and a
 * better face. */
static int look_turned(struct search *s, const int *which, int n) {
    struct copies copies = {0};
    int likely[TURNED_AT_ONCE];
    int rc = find_turns(s, which, n, likely);
    for (int i = 0; i < n && !rc; i++)
        if (likely[i]) rc = add_turned(s, which[i], likely[i], copies.at[i]);
    if (!rc) rc = run_views(s);
    free_copies(&copies);
    for (int i = 0; i < n && !rc; i++) {
        struct picture *p = &s->pictures[which[i]];
        settle(s, which[i], likely[i]);
        struct evidence turned = evidence(&p->found[likely[i]]), upright = evidence(&p->found[0]);
        if (turned.sum > upright.sum && turned.best > upright.best) p->quarters = likely[i];
    }
    s->nviews = 0;
    return rc;
}

static int look_at_all(struct search *s) {
    int which[TURNED_AT_ONCE], n = 0;
    int rc = look_upright(s);
    for (int i = 0; i < s->n && !rc; i++) {
        if (!s->pictures[i].is_good) which[n++] = i;
        if (n < TURNED_AT_ONCE) continue;
        rc = look_turned(s, which, n);
        n = 0;
    }
    return n > 0 && !rc ? look_turned(s, which, n) : rc;
}

/* Faces of turned images are given as they lie in the image. */
static void give(const struct search *s, const struct look_want *want, mien_face *faces,
                 int *counts) {
    for (int i = 0; i < s->n; i++) {
        const struct picture *p = &s->pictures[i];
        int size[2], swap = p->quarters % 2;
        image_full_size(s->images[i], &size[0], &size[1]);
        const struct candidates *found = &p->found[p->quarters];
        mien_face *out = faces + (size_t)i * (size_t)want->row;
        int n = 0;
        for (; n < found->n && found->at[n].face.score >= want->threshold; n++) {
            out[n] = found->at[n].face;
            mien_face_turn(&out[n], (360 - 90 * p->quarters) % 360, size[swap], size[1 - swap]);
        }
        counts[i] = n;
        if (s->options->turned) s->options->turned[i] = 90 * p->quarters;
    }
}

int search_run(mien_net *net, const mien_image *const *images, int n, const mien_detect_options *o,
               const struct look_want *want, mien_face *faces, int *counts) {
    int most = at_most(want->most, LOOK_FACES);
    struct search s = {.net = net, .options = o, .images = images, .n = n, .most = want->most};
    s.want = (struct look_want){.threshold = fminf(want->threshold, PATCH_SCORE),
                                .nms = want->nms,
                                .most = most,
                                .row = most,
                                .stop = o->stop,
                                .stop_context = o->stop_context};
    s.pictures = calloc((size_t)n + 1, sizeof *s.pictures);
    s.faces = malloc((size_t)most * LOOKS_AT_ONCE * sizeof *s.faces);
    int rc = s.pictures && s.faces ? MIEN_OK : err_set(MIEN_ENOMEM, "out of memory");
    if (!rc) rc = look_at_all(&s);
    if (!rc) give(&s, want, faces, counts);
    for (int i = 0; i < n && s.pictures; i++)
        for (int q = 0; q < 4; q++) candidates_free(&s.pictures[i].found[q]);
    free(s.pictures);
    free(s.faces);
    free(s.views);
    return rc;
}
