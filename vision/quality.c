/*
 * How good a picture of a face is: measures after ISO/IEC 29794-5 as its reference implementation
 * has them (BSI-OFIQ/OFIQ-Project, OFIQlib/modules/measures), taken of the crop an embedder sees.
 */
#include "vision/quality.h"

#include "engine/err.h"
#include "engine/sized.h"
#include "vision/align.h"
#include "vision/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = MIEN_CROP_SIDE };

/* The face of the crop: an ellipse from above the brows to the chin, and its pixels. */
#define MIDDLE_X 56.0
#define MIDDLE_Y 66.0
#define RADIUS_X 36.0
#define RADIUS_Y 46.0

struct face_pixels {
    uint8_t rgb[SIDE][SIDE][3];
    float luma[SIDE][SIDE];
    uint8_t seen[SIDE][SIDE]; /* 1: of the face, and inside the image */
    int face, inside;         /* pixels of the face; of these, inside */
};

/* Where a pixel of the crop lies in the image. */
static int lies_inside(const mien_image *img, const struct similarity *t, int x, int y) {
    double size = t->a * t->a + t->b * t->b, ux = x - t->tx, uy = y - t->ty;
    double px = (t->a * ux + t->b * uy) / size, py = (t->a * uy - t->b * ux) / size;
    return px >= -0.5 && py >= -0.5 && px <= img->width - 0.5 && py <= img->height - 0.5;
}

static void see(struct face_pixels *p, const mien_image *img, const struct similarity *t) {
    align_warp(img, t, &p->rgb[0][0][0], (ptrdiff_t)SIDE * 3, SIDE, SIDE);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const uint8_t *c = p->rgb[y][x];
            double dx = (x - MIDDLE_X) / RADIUS_X, dy = (y - MIDDLE_Y) / RADIUS_Y;
            int in_face = dx * dx + dy * dy <= 1;
            p->luma[y][x] = 0.299f * c[0] + 0.587f * c[1] + 0.114f * c[2]; /* ITU-R BT.601 */
            p->seen[y][x] = (uint8_t)(in_face && lies_inside(img, t, x, y));
            p->face += in_face;
            p->inside += p->seen[y][x];
        }
}

/*
 * The part of the differences between neighbours that another blur takes away, 0..1: much where
 * they are sharp. F. Crete, T. Dolmiere, P. Ladret and M. Nicolas, "The blur effect: perception and
 * estimation with a new no-reference perceptual blur metric" (2007); theirs is 1 minus that. Their
 * blur is the mean of nine, whose differences are those of two pixels nine apart.
 * step: from a pixel to its neighbour, across: from a line to the next.
 */
static double lost_to_blur(const struct face_pixels *p, int step, int across) {
    enum { HALF = 4 };
    double all = 0, lost = 0;
    for (int line = 0; line < SIDE; line++)
        for (int i = 1; i < SIDE; i++) {
            const float *v = &p->luma[0][0] + line * across;
            const uint8_t *seen = &p->seen[0][0] + line * across;
            int far = i + HALF < SIDE ? i + HALF : SIDE - 1, near = i > HALF ? i - HALF - 1 : 0;
            if (!seen[i * step] || !seen[(i - 1) * step]) continue;
            double sharp = fabs((double)v[i * step] - (double)v[(i - 1) * step]);
            double blurred = fabs((double)v[far * step] - (double)v[near * step]) / (2 * HALF + 1);
            all += sharp;
            lost += fmax(0, sharp - blurred);
        }
    return all > 0 ? lost / all : 0;
}

/* Standard deviation of the noise: what a filter leaves that is blind to edges. J. Immerkaer, "Fast
 * noise variance estimation" (1996). */
static double noise(const struct face_pixels *p) {
    double sum = 0;
    int n = 0;
    for (int y = 1; y + 1 < SIDE; y++)
        for (int x = 1; x + 1 < SIDE; x++) {
            const float *a = &p->luma[y - 1][x], *b = &p->luma[y][x], *c = &p->luma[y + 1][x];
            if (!p->seen[y][x]) continue;
            sum += fabs((double)(a[-1] + a[1] + c[-1] + c[1] - 2 * (a[0] + b[-1] + b[1] + c[0]) +
                                 4 * b[0]));
            n++;
        }
    return n > 0 ? sqrt(acos(-1) / 2) / 6 * sum / n : 0;
}

/* Shares of ill exposed pixels by OFIQ's bounds (UnderExposurePrevention, OverExposurePrevention),
 * and the standard deviation. */
static void measure_light(const struct face_pixels *p, mien_quality *q) {
    double sum = 0, squares = 0;
    int dark = 0, bright = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        double v = (double)(&p->luma[0][0])[i];
        if (!(&p->seen[0][0])[i]) continue;
        dark += v < 25.5;
        bright += v >= 246.5;
        sum += v;
        squares += v * v;
    }
    double mean = sum / p->inside;
    q->dark = (float)dark / (float)p->inside;
    q->bright = (float)bright / (float)p->inside;
    q->brightness = (float)(mean / 255);
    q->contrast = (float)(sqrt(fmax(0, squares / p->inside - mean * mean)) / 255);
}

/* How far it looks away from the viewer, and the distance of its eyes as if it did not: OFIQ's
 * InterEyeDistance. */
static void measure_head(const mien_face *face, mien_quality *q) {
    const double degrees = 180 / acos(-1);
    double dx = (double)face->landmarks[1][0] - (double)face->landmarks[0][0];
    double dy = (double)face->landmarks[1][1] - (double)face->landmarks[0][1];
    float angles[3];
    mien_face_pose(face, angles);
    double ahead = cos((double)angles[0] / degrees), aside = cos((double)angles[1] / degrees);
    q->turned = (float)(degrees * acos(fmax(-1, fmin(1, ahead * aside))));
    q->eye_distance = (float)(hypot(dx, dy) / fmax(aside, 0.1));
}

/* Each measure is worth 0 at `bad` and 1 at `good`, which may be the smaller; docs/quality.md says
 * what they were set by. */
static const struct rule {
    const char *name;
    size_t member;
    float bad, good;
} RULES[] = {
    [MIEN_QUALITY_SMALL] = {"small", offsetof(mien_quality, eye_distance), 2, 11},
    [MIEN_QUALITY_BLURRED] = {"blurred", offsetof(mien_quality, sharpness), 0.1f, 0.42f},
    [MIEN_QUALITY_NOISY] = {"noisy", offsetof(mien_quality, noise), 28, 6},
    [MIEN_QUALITY_DARK] = {"dark", offsetof(mien_quality, dark), 1.04f, 0.8f},
    [MIEN_QUALITY_BRIGHT] = {"bright", offsetof(mien_quality, bright), 1.1f, 0.5f},
    [MIEN_QUALITY_FLAT] = {"flat", offsetof(mien_quality, contrast), 0, 0.05f},
    [MIEN_QUALITY_TURNED] = {"turned", offsetof(mien_quality, turned), 70, 20},
    [MIEN_QUALITY_CUT_OFF] = {"cut_off", offsetof(mien_quality, inside), 0.2f, 0.95f},
};
enum { RULES_N = sizeof RULES / sizeof *RULES };

/* All measures count, and the worst most: a product. */
static void judge(mien_quality *q) {
    q->score = 1;
    q->reasons = 0;
    for (int i = 0; i < RULES_N; i++) {
        const struct rule *r = &RULES[i];
        float v;
        memcpy(&v, (const char *)q + r->member, sizeof v);
        float part = fminf(1, fmaxf(0, (v - r->bad) / (r->good - r->bad)));
        if (part < 0.5f) q->reasons |= 1U << i;
        q->score *= part;
    }
}

void quality_add_norm(mien_quality *q, float norm, float bad, float good) {
    q->feature_norm = norm;
    if (!(bad < good)) return;
    q->unified_score = fminf(1, fmaxf(0, (norm - bad) / (good - bad)));
    if (q->unified_score < 0.5f) q->reasons |= 1U << MIEN_QUALITY_WEAK_FEATURES;
}

const char *mien_quality_reason_name(int reason) {
    if (reason == MIEN_QUALITY_WEAK_FEATURES) return "weak_features";
    return reason >= 0 && reason < RULES_N ? RULES[reason].name : NULL;
}

static int measure(const mien_image *img, const mien_face *face, mien_quality *q) {
    struct similarity t;
    int rc = align_face(img, face, &t);
    if (rc) return rc;
    struct face_pixels *p = calloc(1, sizeof *p);
    if (!p) return err_set(MIEN_ENOMEM, "mien_face_quality: out of memory");
    see(p, img, &t);
    measure_head(face, q);
    q->inside = (float)p->inside / (float)p->face;
    if (p->inside > 0) {
        q->sharpness = (float)fmin(lost_to_blur(p, 1, SIDE), lost_to_blur(p, SIDE, 1));
        q->noise = (float)noise(p);
        measure_light(p, q);
    }
    judge(q);
    free(p);
    return MIEN_OK;
}

int mien_face_quality(const mien_image *img, const mien_face *face, mien_quality *out) {
    mien_quality q = {.struct_size = sizeof q, .unified_score = -1};
    if (!face || !out) return err_null("mien_face_quality");
    int rc = image_check(img);
    if (!rc) rc = measure(img, face, &q);
    return rc ? rc : sized_write(out, &q, sizeof q, "mien_quality");
}
