/* Images turned and at a reduced scale, and where faces are then. */
#include "engine/err.h"
#include "vision/image.h"
#include "vision/orientation.h"

#include <math.h>
#include <string.h>

static int is_quarter(int degrees) {
    return degrees == 0 || degrees == 90 || degrees == 180 || degrees == 270;
}

int mien_image_turn(const mien_image *img, int degrees, mien_image **out) {
    static const int orientations[] = {1, 6, 3, 8};
    if (!out) return err_null("mien_image_turn");
    *out = NULL;
    int rc = image_check(img);
    if (rc) return rc;
    if (!is_quarter(degrees))
        return err_set(MIEN_EINVAL, "an image is turned by 0, 90, 180 or 270 degrees, not by %d",
                       degrees);
    int orientation = orientations[degrees / 90], swap = orientation_swaps(orientation);
    mien_image *dst;
    rc = mien_image_new(swap ? img->height : img->width, swap ? img->width : img->height, &dst);
    if (rc) return rc;
    orientation_place(img->pixels, img->pitch, img->width, img->height, 0, img->height, orientation,
                      dst);
    int width, height;
    image_full_size(img, &width, &height);
    dst->full_width = swap ? height : width;
    dst->full_height = swap ? width : height;
    dst->has_alpha = img->has_alpha;
    *out = dst;
    return MIEN_OK;
}

static void turn_point(float at[2], int degrees, float width, float height) {
    float x = at[0], y = at[1];
    if (degrees == 90) {
        at[0] = height - y;
        at[1] = x;
    } else if (degrees == 180) {
        at[0] = width - x;
        at[1] = height - y;
    } else {
        at[0] = y;
        at[1] = width - x;
    }
}

int mien_face_turn(mien_face *face, int degrees, int width, int height) {
    if (!face) return err_null("mien_face_turn");
    if (!is_quarter(degrees))
        return err_set(MIEN_EINVAL, "a face is turned by 0, 90, 180 or 270 degrees, not by %d",
                       degrees);
    if (degrees == 0) return MIEN_OK;
    float w = (float)width, h = (float)height, corner[2][2];
    memcpy(corner, face->box, sizeof corner);
    for (int i = 0; i < 2; i++) turn_point(corner[i], degrees, w, h);
    for (int k = 0; k < 2; k++) {
        face->box[k] = fminf(corner[0][k], corner[1][k]);
        face->box[2 + k] = fmaxf(corner[0][k], corner[1][k]);
    }
    for (int i = 0; i < 5; i++) turn_point(face->landmarks[i], degrees, w, h);
    return MIEN_OK;
}

/* The mean of up to k x k pixels, w x h of which there are. */
static void mean_of(const mien_image *img, int x, int y, int w, int h, uint8_t *dst) {
    unsigned sum[3] = {0}, n = (unsigned)(w * h);
    for (int dy = 0; dy < h; dy++) {
        const uint8_t *p = img->pixels + (ptrdiff_t)(y + dy) * img->pitch + 3 * (ptrdiff_t)x;
        for (int dx = 0; dx < w; dx++, p += 3)
            for (int c = 0; c < 3; c++) sum[c] += p[c];
    }
    for (int c = 0; c < 3; c++) dst[c] = (uint8_t)((sum[c] + n / 2) / n);
}

int image_reduce(const mien_image *img, int least, mien_image **out) {
    int k = 1, longer = img->width > img->height ? img->width : img->height;
    while (k < 8 && longer / (2 * k) >= least) k *= 2;
    *out = NULL;
    if (k == 1) return MIEN_OK;
    mien_image *dst;
    int rc = mien_image_new((img->width - 1) / k + 1, (img->height - 1) / k + 1, &dst);
    if (rc) return rc;
    for (int y = 0; y < dst->height; y++) {
        int h = img->height - k * y < k ? img->height - k * y : k;
        uint8_t *row = dst->pixels + (ptrdiff_t)y * dst->pitch;
        for (int x = 0; x < dst->width; x++) {
            int w = img->width - k * x < k ? img->width - k * x : k;
            mean_of(img, k * x, k * y, w, h, row + 3 * (ptrdiff_t)x);
        }
    }
    image_full_size(img, &dst->full_width, &dst->full_height);
    *out = dst;
    return MIEN_OK;
}
