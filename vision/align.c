/* Faces onto ArcFace's template, and squares around boxes. */
#include "vision/align.h"

#include "engine/err.h"
#include "vision/image.h"

#include <math.h>
#include <string.h>

/* insightface/python-package/insightface/utils/face_align.py, arcface_dst. */
const float align_template[5][2] = {{38.2946f, 51.6963f},
                                    {73.5318f, 51.5014f},
                                    {56.0252f, 71.7366f},
                                    {41.5493f, 92.3655f},
                                    {70.7299f, 92.2041f}};

/*
 * Umeyama, "Least-squares estimation of transformation parameters between two point patterns"
 * (1991). In two dimensions a similarity is a complex factor a + ib, and the least squares one is
 * sum(conj(p) q) / sum(|p|^2) over centred points p and q: the rotation his singular value
 * decomposition finds, reflections excluded, without the decomposition.
 */
int align_estimate(const float from[5][2], const float to[5][2], struct similarity *out) {
    double px = 0, py = 0, qx = 0, qy = 0, dot = 0, cross = 0, norm = 0;
    for (int i = 0; i < 5; i++) {
        px += from[i][0] / 5.0;
        py += from[i][1] / 5.0;
        qx += to[i][0] / 5.0;
        qy += to[i][1] / 5.0;
    }
    for (int i = 0; i < 5; i++) {
        double ux = from[i][0] - px, uy = from[i][1] - py;
        double vx = to[i][0] - qx, vy = to[i][1] - qy;
        dot += ux * vx + uy * vy;
        cross += ux * vy - uy * vx;
        norm += ux * ux + uy * uy;
    }
    double a = dot / norm, b = cross / norm, size = a * a + b * b;
    if (!isfinite(size) || size < 1e-16)
        return err_set(MIEN_EINVAL, "the five landmarks coincide or are not numbers");
    *out = (struct similarity){a, b, qx - a * px + b * py, qy - b * px - a * py};
    return MIEN_OK;
}

/* Pixel x, y, or black outside of the picture. */
static const uint8_t *pixel(const mien_image *img, int x, int y) {
    static const uint8_t black[3] = {0, 0, 0};
    if (x < 0 || y < 0 || x >= img->width || y >= img->height) return black;
    return img->pixels + y * img->pitch + 3 * (ptrdiff_t)x;
}

static void sample(const mien_image *img, double x, double y, uint8_t dst[3]) {
    /* Compared this way round so that a NaN counts as outside. */
    if (!(x > -1 && y > -1 && x < img->width && y < img->height)) {
        dst[0] = dst[1] = dst[2] = 0;
        return;
    }
    int x0 = (int)floor(x), y0 = (int)floor(y);
    float fx = (float)(x - x0), fy = (float)(y - y0);
    const uint8_t *a = pixel(img, x0, y0), *b = pixel(img, x0 + 1, y0);
    const uint8_t *c = pixel(img, x0, y0 + 1), *d = pixel(img, x0 + 1, y0 + 1);
    for (int i = 0; i < 3; i++) {
        float top = a[i] + fx * ((float)b[i] - a[i]), bottom = c[i] + fx * ((float)d[i] - c[i]);
        dst[i] = (uint8_t)(top + fy * (bottom - top) + 0.5f);
    }
}

/* The factor of the inverse; its offset comes first: what it is applied to is p - (tx, ty). */
static void invert(const struct similarity *t, double out[4]) {
    double size = t->a * t->a + t->b * t->b;
    out[0] = t->a / size;
    out[1] = -t->b / size;
    out[2] = t->tx;
    out[3] = t->ty;
}

void align_warp(const mien_image *img, const struct similarity *t, uint8_t *dst, ptrdiff_t dst_row,
                int dw, int dh) {
    double inverse[4];
    invert(t, inverse);
    double a = inverse[0], b = inverse[1];
    for (int y = 0; y < dh; y++)
        for (int x = 0; x < dw; x++) {
            double ux = x - t->tx, uy = y - t->ty;
            sample(img, a * ux - b * uy, b * ux + a * uy, dst + y * dst_row + 3 * (ptrdiff_t)x);
        }
}

int align_face(const mien_image *img, const mien_face *face, struct similarity *out) {
    double scale[2];
    float at[5][2];
    image_scale(img, scale);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 2; j++)
            at[i][j] = (float)((face->landmarks[i][j] + 0.5) / scale[j] - 0.5);
    return align_estimate((const float(*)[2])at, align_template, out);
}

void mien_crop_face(mien_face *face) {
    if (!face) return;
    *face = (mien_face){.box = {0, 0, MIEN_CROP_SIDE, MIEN_CROP_SIDE}, .score = 1};
    memcpy(face->landmarks, align_template, sizeof align_template);
}

int mien_align(const mien_image *img, const mien_face *faces, int nfaces, uint8_t *crops) {
    int rc = image_check(img);
    if (rc != MIEN_OK) return rc;
    if (nfaces < 0 || (nfaces > 0 && (!faces || !crops)))
        return err_set(MIEN_EINVAL, "mien_align: no faces or no room for crops given");
    for (int f = 0; f < nfaces; f++) {
        struct similarity t;
        rc = align_face(img, &faces[f], &t);
        if (rc != MIEN_OK) return err_prefix(rc, "face %d", f);
        align_warp(img, &t, crops + (size_t)f * MIEN_CROP_SIDE * MIEN_CROP_SIDE * 3,
                   MIEN_CROP_SIDE * 3, MIEN_CROP_SIDE, MIEN_CROP_SIDE);
    }
    return MIEN_OK;
}

int align_prepare(struct resized *r, const mien_image *img, const mien_face *face, int on_device) {
    struct similarity t;
    uint8_t *crop;
    int rc = align_face(img, face, &t);
    if (rc != MIEN_OK) return rc;
    if (on_device) {
        double inverse[4];
        invert(&t, inverse);
        resize_warp(r, img, inverse, MIEN_CROP_SIDE, MIEN_CROP_SIDE);
        return MIEN_OK;
    }
    rc = resize_room(r, MIEN_CROP_SIDE, MIEN_CROP_SIDE, &crop);
    if (rc == MIEN_OK)
        align_warp(img, &t, crop, MIEN_CROP_SIDE * 3, MIEN_CROP_SIDE, MIEN_CROP_SIDE);
    return rc;
}

struct rect_f square_around(const float box[4], float margin) {
    double half = fmaxf(box[2] - box[0], box[3] - box[1]) * (0.5 + margin);
    double cx = (box[0] + box[2]) / 2.0, cy = (box[1] + box[3]) / 2.0;
    return (struct rect_f){cx - half, cy - half, cx + half, cy + half};
}

int crop_part(struct resized *r, const mien_image *img, const struct rect_f *part,
              enum resize_filter filter, int w, int h, int workers) {
    int rc = image_check(img);
    if (rc != MIEN_OK) return rc;
    double scale[2];
    image_scale(img, scale);
    struct rect_f box = {part->x0 / scale[0], part->y0 / scale[1], part->x1 / scale[0],
                         part->y1 / scale[1]};
    return resize_picture(r, img, &box, w, h, filter | RESIZE_ZERO_OUTSIDE, workers);
}
