#include "tasks/faces.h"

#include "engine/err.h"
#include "engine/json_text.h"
#include "tasks/net.h"
#include "vision/align.h"
#include "vision/image.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static const char *const LANDMARKS[] = {"left_eye", "right_eye", "nose", "left_mouth",
                                        "right_mouth"};

/* A number of the metadata within bounds; `otherwise` where it is not given, NAN where wrong. */
static float bounded(const json_t *j, double low, double high, double otherwise) {
    double v = j ? json_is_number(j) ? json_number_value(j) : NAN : otherwise;
    return v >= low && v <= high ? (float)v : NAN;
}

static int read_margins(const json_t *list, struct face_crop *out) {
    out->kind = CROP_BOX;
    for (size_t i = 0; i < 4; i++) {
        out->margins[i] = bounded(json_array_get(list, i), -0.4, 4, NAN);
        if (isnan(out->margins[i])) return 0;
    }
    return json_array_size(list) == 4;
}

static int read_landmark(const json_t *j, struct face_crop *out) {
    const char *name = json_string_value(json_object_get(j, "landmark"));
    out->kind = CROP_LANDMARK;
    out->side = bounded(json_object_get(j, "side"), 0.01, 10, NAN);
    for (out->landmark = 0; name && out->landmark < 5; out->landmark++)
        if (strcmp(name, LANDMARKS[out->landmark]) == 0) return !isnan(out->side);
    return 0;
}

/* 1 where the metadata are those of a crop. */
static int read_crop(const json_t *j, struct face_crop *out) {
    const char *crop = json_string_value(json_object_get(j, "crop"));
    const char *filter = json_string_value(json_object_get(j, "filter"));
    const json_t *margins = json_object_get(j, "margins"), *inside = json_object_get(j, "inside");
    if (!crop) return 0;
    out->inside = json_is_true(inside);
    if (inside && !json_is_boolean(inside)) return 0;
    if (filter && strcmp(filter, "bilinear") != 0 && strcmp(filter, "triangle") != 0) return 0;
    out->filter = filter && strcmp(filter, "bilinear") == 0 ? RESIZE_BILINEAR : RESIZE_TRIANGLE;
    out->margin = bounded(json_object_get(j, "margin"), 0, 4, 0);
    if (isnan(out->margin)) return 0;
    if (strcmp(crop, "landmark") == 0) return read_landmark(j, out);
    if (strcmp(crop, "box") == 0 && margins) return read_margins(margins, out);
    out->kind = strcmp(crop, "box") == 0 ? CROP_SQUARE : CROP_ALIGNED;
    return out->kind == CROP_SQUARE || strcmp(crop, "aligned") == 0;
}

int face_crop_read(const struct mien_net *net, struct face_crop *out) {
    const char *text = blob_meta(net->blob, "preprocess");
    json_t *j = json_text(text ? text : "{}", NULL);
    int good = read_crop(j, out);
    json_decref(j);
    if (good) return MIEN_OK;
    return err_set(MIEN_EWEIGHTS, "%s: metadata preprocess does not say how faces are cut out",
                   blob_label(net->blob));
}

static struct rect_f around(double x, double y, double half_width, double half_height) {
    return (struct rect_f){x - half_width, y - half_height, x + half_width, y + half_height};
}

/* Shrunk where it is larger than the image, then moved into it: as getting a new box is done by
 * minivision-ai/Silent-Face-Anti-Spoofing (src/generate_patches.py). */
static struct rect_f moved_inside(struct rect_f r, const mien_image *img) {
    int w, h;
    image_full_size(img, &w, &h);
    double scale = fmin(1, fmin(w / (r.x1 - r.x0), h / (r.y1 - r.y0)));
    double half_width = scale * (r.x1 - r.x0) / 2, half_height = scale * (r.y1 - r.y0) / 2;
    double x = fmax(half_width, fmin(w - half_width, (r.x0 + r.x1) / 2));
    double y = fmax(half_height, fmin(h - half_height, (r.y0 + r.y1) / 2));
    return around(x, y, half_width, half_height);
}

struct rect_f face_crop_rect(const struct face_crop *f, const mien_image *img,
                             const mien_face *face) {
    const float *b = face->box, *m = f->margins;
    const float(*p)[2] = face->landmarks;
    double w = b[2] - b[0], h = b[3] - b[1];
    struct rect_f r = square_around(b, f->margin);
    if (f->kind == CROP_BOX)
        r = (struct rect_f){b[0] - m[0] * w, b[1] - m[1] * h, b[2] + m[2] * w, b[3] + m[3] * h};
    if (f->kind == CROP_LANDMARK) {
        double half = hypot(p[1][0] - p[0][0], p[1][1] - p[0][1]) * f->side / 2;
        r = around(p[f->landmark][0], p[f->landmark][1], half, half);
    }
    return f->inside ? moved_inside(r, img) : r;
}

/* A device that runs on images warps them itself. */
static int fill_aligned(const struct task_call *c, int i, struct resized *image) {
    if (c->crops) {
        size_t n = (size_t)MIEN_CROP_SIDE * MIEN_CROP_SIDE * 3;
        resize_none(image, c->crops + n * (size_t)i, (ptrdiff_t)MIEN_CROP_SIDE * 3, MIEN_CROP_SIDE,
                    MIEN_CROP_SIDE);
        return MIEN_OK;
    }
    int rc = align_prepare(image, c->images[i], &c->faces[i], c->net->ctx->ops->upload != NULL);
    return rc ? err_prefix(rc, "face %d", i) : MIEN_OK;
}

int face_crop_fill(const struct face_crop *f, const struct task_call *c, int i, int workers,
                   struct resized *image) {
    if (f->kind == CROP_ALIGNED) return fill_aligned(c, i, image);
    struct rect_f part = face_crop_rect(f, c->images[i], &c->faces[i]);
    return crop_part(image, c->images[i], &part, f->filter, c->net->info.width, c->net->info.height,
                     workers);
}

int face_crop_check_side(const struct mien_net *net) {
    if (net->info.width == MIEN_CROP_SIDE && net->info.height == MIEN_CROP_SIDE) return MIEN_OK;
    return err_set(MIEN_EUNSUPPORTED, "network '%s' does not take %dx%d crops", net->info.name,
                   MIEN_CROP_SIDE, MIEN_CROP_SIDE);
}

int face_crop_check_items(const mien_image *const *images, const mien_face *faces, int n,
                          const void *out) {
    if (n < 0 || (n > 0 && (!images || !faces || !out))) return err_set(MIEN_EINVAL, "%d faces", n);
    int rc = MIEN_OK;
    for (int i = 0; i < n && !rc; i++) rc = image_check(images[i]);
    return rc;
}
