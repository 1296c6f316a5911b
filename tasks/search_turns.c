/* Which way up images are. */
#include "tasks/search_turns.h"

#include "vision/image.h"

#include <math.h>

enum {
    PATCHES = 3,        /* of an image: where it may have faces, and is turned there alone, */
    PROBE_PATCHES = 2,  /* and of each of its turned copies, */
    PATCH_SIDE = 80,    /* at this size, */
    LEAST_PATCH = 12,   /* pixels of the image at least */
    PROBE_PERCENT = 60, /* of the first scale: which way up other images are shows there, */
    LEAST_PROBE = 160   /* and at this side */
};

/* A patch is this many times as large as what is in it. */
static const double PATCH_CONTEXT = 2.5;
/* A turn is believed from PATCH_TURNED on, of the whole from PROBE_TURNED, and clear where no other
 * is as near as PATCH_NEAR: a face that lies may have 0.95, too. An image stands with
 * PATCH_UPRIGHT, or with PATCH_STANDS where turned ones have PATCH_FAR at most and the whole image
 * has one that stands, too. */
static const float PATCH_TURNED = 0.65F, PROBE_TURNED = 0.8F, PATCH_NEAR = 0.1F;
static const float PATCH_UPRIGHT = 0.985F, PATCH_STANDS = 0.7F, PATCH_FAR = 0.4F;
/* It stands with a face of this score, too, where no turn is believed; one of the whole image
 * counts where turned patches have less than PATCH_TURNS, as a crowd that lies shows one of 0.94.
 */
static const float KNOWN_SCORE = 0.8F, PATCH_TURNS = 0.5F;

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
        (void)views_scales(s->net, s->options, img, scales);
        small.side = probe_side(scales[0].side);
        rc = make_turned(img, small.side, 1, 3, copies->at[i]);
        for (int q = 1; q < 4 && !rc; q++)
            rc = views_add_scale(s, which[i], copies->at[i][q], q, &small);
    }
    return rc ? rc : views_run(s);
}

/* Looks at an image turned as is likely, as thoroughly as was done upright, but for parts. */
static int add_turned(struct search *s, int picture, int quarters, mien_image *copies[4]) {
    struct scale scales[SCALES];
    int n = views_scales(s->net, s->options, s->images[picture], scales);
    while (scales[n - 1].in_parts) n--;
    int rc = make_turned(s->images[picture], scales[n - 1].side, quarters, quarters, copies);
    for (int k = 0; k < n && !rc; k++)
        rc = views_add_scale(s, picture, copies[quarters], quarters, &scales[k]);
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
        rc = views_add(s, &(struct view){copies[q], .picture = picture, .quarters = q,
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
    if (!rc) rc = views_run(s);
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
        views_settle(s, picture, q);
        float best = views_evidence(found).best;
        if (best >= PROBE_TURNED) p->patch[q] = fmaxf(p->patch[q], best);
        image_full_size(s->images[picture], &size[0], &size[1]);
        for (int k = 0; k < at_most(found->n, PROBE_PATCHES) && !rc; k++) {
            mien_face f = found->at[k].face;
            mien_face_turn(&f, 360 - 90 * q, size[q % 2], size[1 - q % 2]);
            rc = add_patch(s, picture, &f, q, q, copies.at[i / 3 * PATCHES + k]);
        }
        found->n = 0;
    }
    if (!rc) rc = views_run(s);
    free_copies(&copies);
    return rc;
}

/* Beside looks in several scales it costs little to turn an image whole. */
static int is_cheap_to_turn(const struct search *s, int picture) {
    struct scale scales[SCALES];
    return views_scales(s->net, s->options, s->images[picture], scales) > 1;
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

static float best_turned(const struct picture *p) {
    return fmaxf(p->patch[1], fmaxf(p->patch[2], p->patch[3]));
}

/* 1 where a picture's patches say that it stands upright. */
static int is_upright(const struct picture *p) {
    float turned = best_turned(p);
    return p->patch[0] >= fmaxf(turned, PATCH_UPRIGHT) ||
           (p->patch[0] >= PATCH_STANDS && turned <= PATCH_FAR &&
            views_evidence(&p->found[0]).best > 0);
}

/* 1 where they say too little, or speak for two turns. */
static int is_unclear(const struct picture *p) {
    int turn = turn_of_patches(p), near = 0;
    float upright = p->patch[0];
    if (best_turned(p) < PATCH_TURNS) upright = fmaxf(upright, views_evidence(&p->found[0]).best);
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

int turns_look(struct search *s, const int *which, int n) {
    struct copies copies = {0};
    int likely[TURNED_AT_ONCE];
    int rc = find_turns(s, which, n, likely);
    for (int i = 0; i < n && !rc; i++)
        if (likely[i]) rc = add_turned(s, which[i], likely[i], copies.at[i]);
    if (!rc) rc = views_run(s);
    free_copies(&copies);
    for (int i = 0; i < n && !rc; i++) {
        struct picture *p = &s->pictures[which[i]];
        views_settle(s, which[i], likely[i]);
        struct evidence turned = views_evidence(&p->found[likely[i]]),
                        upright = views_evidence(&p->found[0]);
        if (turned.sum > upright.sum && turned.best > upright.best) p->quarters = likely[i];
    }
    s->nviews = 0;
    return rc;
}
