/* Detector outputs to boxes: cases by hand, and the outputs and boxes of the reference programs. */
#include "check.h"
#include "detectors.h"
#include "engine/err.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_box(const float *got, double x1, double y1, double x2, double y2) {
    const double want[4] = {x1, y1, x2, y2};
    for (int i = 0; i < 4; i++)
        if (fabs(got[i] - want[i]) > 1e-3)
            fail_msg("value %d: %g and %g", i, (double)got[i], want[i]);
}

/* A network of one level and one or two cells. */
static struct anchor_spec one_level(const char *arch, const char *variant, int level) {
    struct anchor_spec s = detectors_spec(arch, variant);
    s.level[0] = s.level[level];
    s.centre[0] = s.centre[level];
    s.levels = 1;
    return s;
}

/*
 * InsightFace's anchors of stride 8 are -8,-8,23,23 and 0,0,15,15 (generate_anchors, base 16, ratio
 * 1, scales 2 and 1). No offset gives the anchor itself; a size offset of ln 2 doubles the width
 * counted with its last pixel: 15.5 - 0.5 * (64 - 1) ... 15.5 + 31.5 in the next cell.
 */
static void insightface_by_hand(void **state) {
    (void)state;
    struct anchor_spec s = one_level("retinaface", detectors_mnet_v2, 0);
    const float score[4] = {0.9f, 0.2f, 0.8f, 0.7f};
    const float box[4][4] = {{0}, {0}, {0, 0, logf(2), logf(2)}, {0.5f, -0.25f, 0, 0}};
    const float landmark[4][10] = {{0}, {0}, {1, -1}, {0}};
    struct anchor_output out = {1, 2, score, &box[0][0], &landmark[0][0]};
    struct candidates c = {0};
    assert_int_equal(anchor_count(&s, &out), 4);
    assert_int_equal(anchors_decode(&s, &out, 0.5f, &c), MIEN_OK);
    assert_int_equal(c.n, 3);
    assert_box(c.at[0].face.box, -8, -8, 23, 23);
    assert_box(c.at[1].face.box, 15.5 - 31.5, 7.5 - 31.5, 15.5 + 31.5, 7.5 + 31.5);
    /* second anchor (16 pixels) moved by half and a quarter of its width */
    assert_box(c.at[2].face.box, 8 + 8, 0 - 4, 23 + 8, 15 - 4);
    assert_true(fabsf(c.at[1].face.landmarks[0][0] - (15.5f + 0.2f * 32)) < 1e-4f);
    assert_true(fabsf(c.at[1].face.landmarks[0][1] - (7.5f - 0.2f * 32)) < 1e-4f);
    assert_true(c.at[0].face.score == 0.9f && c.at[2].face.score == 0.7f);
    assert_int_equal(c.at[0].order, 0);
    assert_int_equal(c.at[2].order, 3);
    candidates_free(&c);
}

/* biubug6's prior of cell 1,0 of stride 16, 64 pixels: centre 24,8. Variances 0.1 and 0.2. */
static void biubug6_by_hand(void **state) {
    (void)state;
    struct anchor_spec s = one_level("retinaface", detectors_biubug6, 1);
    const float score[4] = {0, 0, 1, 0};
    const float box[4][4] = {{0}, {0}, {1, -2, 5 * logf(2), 0}, {0}};
    const float landmark[4][10] = {{0}, {0}, {0, 0, 10, -10}, {0}};
    struct anchor_output out = {1, 2, score, &box[0][0], &landmark[0][0]};
    struct candidates c = {0};
    assert_int_equal(anchors_decode(&s, &out, 0.5f, &c), MIEN_OK);
    assert_int_equal(c.n, 1);
    assert_box(c.at[0].face.box, 24 + 6.4 - 64, 8 - 12.8 - 32, 24 + 6.4 + 64, 8 - 12.8 + 32);
    assert_true(fabsf(c.at[0].face.landmarks[0][0] - 24) < 1e-4f);
    assert_true(fabsf(c.at[0].face.landmarks[1][0] - 88) < 1e-4f);
    assert_true(fabsf(c.at[0].face.landmarks[1][1] + 56) < 1e-4f);
    candidates_free(&c);
}

/* SCRFD: cell 1,1 of stride 8 is centred on 8,8; distances are in strides; no landmarks. */
static void scrfd_by_hand(void **state) {
    (void)state;
    struct anchor_spec s = one_level("scrfd", "{}", 0);
    float score[8] = {0}, box[8][4] = {{0}};
    score[7] = 0.6f; /* row 1, column 1, second anchor */
    memcpy(box[7], (float[4]){1, 0.5f, 2, 3}, sizeof box[7]);
    struct anchor_output out = {2, 2, score, &box[0][0], NULL};
    struct candidates c = {0};
    assert_int_equal(anchors_decode(&s, &out, 0.5f, &c), MIEN_OK);
    assert_int_equal(c.n, 1);
    assert_box(c.at[0].face.box, 0, 4, 24, 32);
    assert_true(c.at[0].face.landmarks[4][1] == 0);
    candidates_free(&c);
}

/* YuNet, by OpenCV's face_detect.cpp: cell 1,2 of stride 16 with offsets 0.25, -0.5 has its centre
 * at 20,24; the logarithms of its sizes give 32x64; score sqrt(0.8 * 0.45) = 0.6. */
static void yunet_by_hand(void **state) {
    (void)state;
    struct anchor_spec s =
        one_level("graph",
                  "{\"anchors\":{\"kind\":\"offsets\",\"strides\":[8,16,32],"
                  "\"sizes\":[[8],[16],[32]],\"centre\":\"corner\",\"plus_one\":0,"
                  "\"score\":\"root\"},\"variances\":[1,1],\"landmark_variance\":1}",
                  1);
    float score[6] = {0}, box[6][4] = {{0}}, landmark[6][10] = {{0}};
    score[5] = 0.8f * 0.45f;
    score[4] = 0.59f * 0.59f;
    score[3] = -1; /* no root */
    memcpy(box[5], (float[4]){0.25f, -0.5f, logf(2), logf(4)}, sizeof box[5]);
    memcpy(landmark[5], (float[2]){-1, 0.5f}, 2 * sizeof(float));
    struct anchor_output out = {3, 2, score, &box[0][0], &landmark[0][0]};
    struct candidates c = {0};
    assert_true(s.kind == ANCHORS_OFFSETS && s.root == 1);
    assert_int_equal(anchors_decode(&s, &out, 0.5999f, &c), MIEN_OK);
    assert_int_equal(c.n, 1);
    assert_box(c.at[0].face.box, 20 - 16, 24 - 32, 20 + 16, 24 + 32);
    assert_true(fabsf(c.at[0].face.score - 0.6f) < 1e-6f);
    assert_true(fabsf(c.at[0].face.landmarks[0][0] - 0) < 1e-4f);
    assert_true(fabsf(c.at[0].face.landmarks[0][1] - 40) < 1e-4f);
    candidates_free(&c);
}

static void not_numbers(void **state) {
    (void)state;
    struct anchor_spec s = one_level("retinaface", detectors_mnet_v2, 0);
    const float score[8] = {NAN, 0.9f, 0.9f, 0.9f, INFINITY, 0.9f, -1, 0.9f};
    float box[8][4] = {{0}}, landmark[8][10] = {{0}};
    box[1][0] = NAN;
    box[2][2] = 1000; /* its exponential is infinite */
    landmark[3][9] = -INFINITY;
    struct anchor_output out = {2, 2, score, &box[0][0], &landmark[0][0]};
    struct candidates c = {0};
    assert_int_equal(anchors_decode(&s, &out, 0.5f, &c), MIEN_OK);
    assert_int_equal(c.n, 3);
    assert_int_equal(c.at[0].order, 4);
    assert_int_equal(c.at[1].order, 5);
    assert_int_equal(c.at[2].order, 7);
    candidates_free(&c);
}

static void specs(void **state) {
    (void)state;
    struct anchor_spec s = detectors_spec("retinaface", detectors_mnet_v2);
    assert_true(s.kind == ANCHORS_OFFSETS && s.levels == 3 && s.plus_one == 1);
    assert_true(s.level[2].stride == 32 && s.level[2].anchors == 2 && s.level[2].size[0] == 512);
    assert_true(s.centre[0] == 7.5f && s.centre[2] == 7.5f && s.landmark_variance == 0.2f);
    s = detectors_spec("retinaface", detectors_biubug6);
    assert_true(s.centre[0] == 4 && s.centre[2] == 16 && s.variance[1] == 0.2f && !s.plus_one);
    s = detectors_spec("scrfd", "{\"backbone\":\"resnet\"}");
    assert_true(s.kind == ANCHORS_DISTANCES && s.level[1].stride == 16 && s.centre[1] == 0);
    assert_true(s.levels == 3 && s.level[0].anchors == 2 && s.landmark_variance == 1);
}

/* A detector no file of ours names: its blob says what its anchors are. */
static void unknown_arch(void **state) {
    (void)state;
    struct anchor_spec s = detectors_spec(
        "another", "{\"anchors\":{\"kind\":\"distances\",\"strides\":[4,64],\"per_cell\":1,"
                   "\"centre\":\"half\"}}");
    assert_true(s.kind == ANCHORS_DISTANCES && s.levels == 2 && s.level[1].stride == 64);
    assert_true(s.level[1].anchors == 1 && s.centre[0] == 2 && s.centre[1] == 32);
    s = detectors_spec("another", detectors_biubug6);
    assert_true(s.kind == ANCHORS_OFFSETS && s.level[2].size[1] == 512);
}

/* biubug6's text with one part replaced must be refused with a sentence that names the field. */
static void expect_refused(const char *part, const char *by, const char *sentence) {
    char text[1024];
    struct anchor_spec s;
    const char *at = strstr(detectors_biubug6, part);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - detectors_biubug6), detectors_biubug6, by,
             at + strlen(part));
    int rc = anchor_spec_from_json("retinaface", text, &s);
    if (rc != MIEN_EWEIGHTS || !strstr(err_text(), sentence))
        fail_msg("%s: %d \"%s\"", by, rc, err_text());
}

static void spec_errors(void **state) {
    (void)state;
    struct anchor_spec s;
    expect_refused("\"anchors\"", "\"anchor\"", "anchors is missing");
    expect_refused("[8,16,32]", "[]", "anchors.strides has 0 values");
    expect_refused("[8,16,32]", "8", "anchors.strides is not an array");
    expect_refused("[8,16,32]", "[8,16,32,64,128,256]", "anchors.strides has 6 values");
    expect_refused("[8,16,32]", "[8,16.5,32]", "anchors.strides[] is 16.5, not whole");
    expect_refused("[8,16,32]", "[0,16,32]", "anchors.strides[] is 0, not in");
    expect_refused("[8,16,32]", "[8,16]", "anchors.sizes has 3 values, not 2 to 2");
    expect_refused("[16,32]", "[]", "anchors.sizes[] has 0 values");
    expect_refused("[16,32]", "[16,32,1,2,3]", "anchors.sizes[] has 5 values");
    expect_refused("[16,32]", "[16,\"a\"]", "anchors.sizes[][] is not a number");
    expect_refused("\"half\"", "\"middle\"", "anchors.centre is none of");
    expect_refused("\"half\"", "7", "anchors.centre is none of");
    expect_refused("\"half\"", "\"half\",\"score\":\"square\"", "anchors.score is neither");
    expect_refused("\"half\"", "\"half\",\"score\":2", "anchors.score is neither");
    expect_refused("\"strides\"", "\"kind\":\"points\",\"strides\"", "anchors.kind is neither");
    expect_refused("\"strides\"", "\"kind\":1,\"strides\"", "anchors.kind is neither");
    expect_refused("\"sizes\"", "\"kind\":\"distances\",\"sizes\"", "anchors.per_cell is not a");
    expect_refused("\"sizes\"", "\"kind\":\"distances\",\"per_cell\":1.5,\"sizes\"",
                   "anchors.per_cell is 1.5, not whole");
    expect_refused("\"sizes\"", "\"kind\":\"distances\",\"per_cell\":5,\"sizes\"",
                   "anchors.per_cell is 5, not in 1..4");
    expect_refused("\"plus_one\":0", "\"plus_one\":2", "anchors.plus_one is 2");
    expect_refused("\"plus_one\":0", "\"plus\":0", "anchors.plus_one is not a number");
    expect_refused("[0.1,0.2]", "[0.1]", "variances has 1 values");
    expect_refused("[0.1,0.2]", "[0.1,-1]", "variances[] is -1");
    expect_refused("\"landmark_variance\":0.1", "\"x\":0.1", "landmark_variance is not a number");
    expect_refused("}", "", "variant: ");
    assert_int_equal(anchor_spec_from_json("resnet", "{}", &s), MIEN_EWEIGHTS);
    assert_non_null(strstr(err_text(), "anchors is missing"));
    assert_int_equal(anchor_spec_from_json("retinaface", NULL, &s), MIEN_EWEIGHTS);
    assert_int_equal(anchor_spec_from_json("retinaface", "[1]", &s), MIEN_EWEIGHTS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(insightface_by_hand), cmocka_unit_test(biubug6_by_hand),
        cmocka_unit_test(scrfd_by_hand),       cmocka_unit_test(yunet_by_hand),
        cmocka_unit_test(not_numbers),         cmocka_unit_test(specs),
        cmocka_unit_test(unknown_arch),        cmocka_unit_test(spec_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
