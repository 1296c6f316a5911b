/*
 * Crops and detectors' outputs against what their publishers' programs make of them: numbers in
 * files beside the source tree (npz.h). Without those the whole program is skipped.
 */
#include "check.h"
#include "detectors.h"
#include "npz.h"
#include "vision/align.h"
#include "vision/nms.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77 };

static void align_as_opencv(void **state) {
    (void)state;
    struct npz z;
    npz_open_golden("align.npz", &z);
    struct npz_array image = npz_get(&z, "image_rgb"), crop = npz_get(&z, "crop_rgb");
    float *landmarks = npz_floats(&z, "landmarks");
    mien_image *img = NULL;
    mien_face face = {0};
    static uint8_t got[112 * 112 * 3];
    assert_int_equal(mien_image_new((int)image.shape[1], (int)image.shape[0], &img), MIEN_OK);
    memcpy(img->pixels, image.data, (size_t)(image.shape[0] * image.shape[1]) * 3);
    memcpy(face.landmarks, landmarks, sizeof face.landmarks);
    assert_int_equal(mien_align(img, &face, 1, got), MIEN_OK);
    double sum = 0;
    for (int i = 0; i < 112 * 112 * 3; i++) {
        int d = abs(got[i] - ((const uint8_t *)crop.data)[i]);
        assert_true(d <= 3); /* OpenCV samples at 1/32 of a pixel */
        sum += d;
    }
    assert_true(sum / (112 * 112 * 3) < 0.3);
    mien_image_free(img);
    free(landmarks);
    npz_close(&z);
}

/* NCHW [1][A * k][h][w] of an ONNX output to [h][w][A * k]. */
static float *to_nhwc(const float *src, int channels, int h, int w) {
    float *dst = malloc((size_t)(channels * h * w) * sizeof *dst);
    for (int k = 0; k < channels; k++)
        for (int i = 0; i < h * w; i++) dst[i * channels + k] = src[k * h * w + i];
    return dst;
}

/* Decoding, suppression and the golden boxes and landmarks agree within 0.01 pixel. */
static void assert_golden(const struct npz *z, const struct anchor_spec *s,
                          const struct anchor_output *out) {
    struct candidates c = {0};
    assert_int_equal(anchors_decode(s, out, 0.5f, &c), MIEN_OK);
    candidates_sort(&c);
    const struct nms_limit limit = {256, 256, c.n};
    candidates_nms(&c, 0.4f, 1, &limit);
    candidates_clip(&c, limit.width, limit.height);
    struct npz_array shape = npz_get(z, "boxes");
    float *boxes = npz_floats(z, "boxes"), *landmarks = npz_floats(z, "landmarks");
    assert_int_equal(c.n, shape.shape[0]);
    for (int i = 0; i < c.n; i++) {
        const mien_face *f = &c.at[i].face;
        for (int k = 0; k < 4; k++) assert_true(fabsf(f->box[k] - boxes[5 * i + k]) < 0.01f);
        assert_true(fabsf(f->score - boxes[5 * i + 4]) < 1e-6f);
        for (int k = 0; k < 10; k++)
            assert_true(fabsf((&f->landmarks[0][0])[k] - landmarks[10 * i + k]) < 0.01f);
    }
    free(boxes);
    free(landmarks);
    candidates_free(&c);
}

static void golden_insightface(void **state) {
    (void)state;
    struct npz z;
    npz_open_golden("mnet_v2_256.npz", &z);
    struct anchor_spec s = detectors_spec("retinaface", detectors_mnet_v2);
    struct anchor_output out[3];
    float *owned[9];
    for (int l = 0; l < 3; l++) {
        int stride = 8 << l, n = 256 / stride;
        char name[64];
        snprintf(name, sizeof name, "face_rpn_cls_prob_reshape_stride%d", stride);
        float *prob = npz_floats(&z, name); /* backgrounds of both anchors, then faces */
        owned[3 * l] = to_nhwc(prob + 2 * n * n, 2, n, n);
        free(prob);
        snprintf(name, sizeof name, "face_rpn_bbox_pred_stride%d", stride);
        float *box = npz_floats(&z, name);
        owned[3 * l + 1] = to_nhwc(box, 8, n, n);
        free(box);
        snprintf(name, sizeof name, "face_rpn_landmark_pred_stride%d", stride);
        float *landmark = npz_floats(&z, name);
        owned[3 * l + 2] = to_nhwc(landmark, 20, n, n);
        free(landmark);
        out[l] = (struct anchor_output){n, n, owned[3 * l], owned[3 * l + 1], owned[3 * l + 2]};
    }
    assert_golden(&z, &s, out);
    for (int i = 0; i < 9; i++) free(owned[i]);
    npz_close(&z);
}

static void golden_biubug6(void **state) {
    (void)state;
    struct npz z;
    npz_open_golden("biubug6_256.npz", &z);
    struct anchor_spec s = detectors_spec("retinaface", detectors_biubug6);
    float *conf = npz_floats(&z, "conf"), *loc = npz_floats(&z, "loc");
    float *lmk = npz_floats(&z, "lmk"), score[2688];
    struct anchor_output out[3];
    for (int i = 0; i < 2688; i++) score[i] = conf[2 * i + 1];
    for (int l = 0, at = 0; l < 3; l++) {
        int n = 32 >> l;
        out[l] = (struct anchor_output){n, n, score + at, loc + 4 * at, lmk + 10 * at};
        at += 2 * n * n;
    }
    assert_golden(&z, &s, out);
    free(conf);
    free(loc);
    free(lmk);
    npz_close(&z);
}

static void golden_scrfd(void **state) {
    (void)state;
    struct npz z;
    npz_open_golden("scrfd2.5g_256.npz", &z);
    struct anchor_spec s = detectors_spec("scrfd", NULL);
    struct anchor_output out[3];
    float *owned[9];
    for (int l = 0; l < 3; l++) {
        static const char *const names[3] = {"score", "bbox", "kps"};
        for (int k = 0; k < 3; k++) {
            char name[16];
            snprintf(name, sizeof name, "%s_%d", names[k], 8 << l);
            owned[3 * l + k] = npz_floats(&z, name);
        }
        out[l] = (struct anchor_output){32 >> l, 32 >> l, owned[3 * l], owned[3 * l + 1],
                                        owned[3 * l + 2]};
    }
    assert_golden(&z, &s, out);
    for (int i = 0; i < 9; i++) free(owned[i]);
    npz_close(&z);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(align_as_opencv),
        cmocka_unit_test(golden_insightface),
        cmocka_unit_test(golden_biubug6),
        cmocka_unit_test(golden_scrfd),
    };
    if (!npz_golden_is_there()) return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
