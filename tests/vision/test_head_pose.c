/* Angles of heads that were turned by known ones, by matrices written here. */
#include "mien.h"
#include "vision/head_pose.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* x right, y down, z away from the viewer. */
static const double head[6][3] = {{0, 0, 0},        {0, 330, 65},     {-225, -170, 135},
                                  {225, -170, 135}, {-150, 150, 125}, {150, 150, 125}};

static void turn(double v[3], int a, int b, double degrees) {
    double s = sin(degrees * acos(-1) / 180), c = cos(degrees * acos(-1) / 180);
    double x = c * v[a] - s * v[b], y = s * v[a] + c * v[b];
    v[a] = x;
    v[b] = y;
}

/* Turned in its own plane, then up, then to the image's right; seen from far. */
static void look(double pitch, double yaw, double roll, double scale, float out[6][2]) {
    for (int i = 0; i < 6; i++) {
        double v[3] = {head[i][0], head[i][1], head[i][2]};
        turn(v, 0, 1, roll);
        turn(v, 2, 1, pitch); /* the nose, at -z, goes to -y */
        turn(v, 0, 2, yaw);   /* it goes to +x */
        out[i][0] = (float)(v[0] * scale + 200);
        out[i][1] = (float)(v[1] * scale - 30);
    }
}

static void check(double pitch, double yaw, double roll, double scale) {
    float points[6][2], angles[3];
    look(pitch, yaw, roll, scale, points);
    head_pose((const float(*)[2])points, angles);
    if (fabs(angles[0] - pitch) > 0.02 || fabs(angles[1] - yaw) > 0.02 ||
        fabs(angles[2] - roll) > 0.02)
        fail_msg("%g %g %g at %g: %g %g %g", pitch, yaw, roll, scale, (double)angles[0],
                 (double)angles[1], (double)angles[2]);
}

static void known_angles(void **state) {
    (void)state;
    static const double each[] = {-70, -30, -5, 0, 12, 45, 80};
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 7; j++)
            for (int k = 0; k < 7; k++) check(each[i], each[j], 2 * each[k], 0.1 + 0.3 * i);
}

/* What the words mean, by hand: a nose that has moved right of the middle looks right; a right eye
 * that lies lower is a head turned clockwise. */
static void directions(void **state) {
    (void)state;
    float points[6][2], angles[3];
    look(0, 0, 0, 1, points);
    points[0][0] += 40;
    head_pose((const float(*)[2])points, angles);
    assert_true(angles[1] > 5 && fabsf(angles[0]) < 1 && fabsf(angles[2]) < 1);
    look(0, 0, 0, 1, points);
    points[0][1] -= 40;
    head_pose((const float(*)[2])points, angles);
    assert_true(angles[0] > 5 && fabsf(angles[1]) < 1);
    look(0, 0, 30, 1, points);
    assert_true(points[3][1] > points[2][1]);
}

/* Any head that is like itself mirrored turns by known angles, if it is the one that is meant; this
 * one is only a face, so what is known are signs, order and size. */
static const double five[5][3] = {
    {-31, -30, 35}, {31, -30, 35}, {0, 0, 0}, {-25, 32, 25}, {25, 32, 25}};

static void look_five(double pitch, double yaw, double roll, mien_face *face) {
    for (int i = 0; i < 5; i++) {
        double v[3] = {five[i][0], five[i][1], five[i][2]};
        turn(v, 0, 1, roll);
        turn(v, 2, 1, pitch);
        turn(v, 0, 2, yaw);
        face->landmarks[i][0] = (float)(v[0] + 90);
        face->landmarks[i][1] = (float)(v[1] + 70);
    }
}

/* Where a face of these angles looks in the image, x and y of a vector of length 1. */
static void gaze(const float angles[3], double out[2]) {
    double pitch = angles[0] * acos(-1) / 180, yaw = angles[1] * acos(-1) / 180;
    out[0] = cos(pitch) * sin(yaw);
    out[1] = -sin(pitch);
}

static void landmarks(void **state) {
    (void)state;
    mien_face face = {.score = 1};
    float last = -90, a[3], b[3];
    for (int yaw = -45; yaw <= 45; yaw += 5) {
        look_five(0, yaw, 0, &face);
        assert_int_equal(mien_face_pose(&face, a), MIEN_OK);
        assert_true(a[1] > last && fabs(a[1] - yaw) < 15 && fabsf(a[2]) < 5);
        last = a[1];
    }
    for (int pitch = -25; pitch < 25; pitch += 5) {
        look_five(pitch, 0, 0, &face);
        assert_int_equal(mien_face_pose(&face, a), MIEN_OK);
        look_five(pitch + 5, 0, 0, &face);
        assert_int_equal(mien_face_pose(&face, b), MIEN_OK);
        assert_true(b[0] > a[0] + 1 && fabsf(a[1]) < 0.1f && fabsf(a[2]) < 0.1f);
    }
    /* Where it looks turns with the image, however little this head is like the one meant. */
    look_five(10, 20, 0, &face);
    assert_int_equal(mien_face_pose(&face, a), MIEN_OK);
    for (int roll = -90; roll <= 90; roll += 30) {
        double s = sin(roll * acos(-1) / 180), c = cos(roll * acos(-1) / 180);
        mien_face turned = face;
        for (int i = 0; i < 5; i++) {
            double x = face.landmarks[i][0], y = face.landmarks[i][1];
            turned.landmarks[i][0] = (float)(c * x - s * y);
            turned.landmarks[i][1] = (float)(s * x + c * y);
        }
        assert_int_equal(mien_face_pose(&turned, b), MIEN_OK);
        double from[2], to[2];
        gaze(a, from);
        gaze(b, to);
        assert_true(fabs(to[0] - (c * from[0] - s * from[1])) < 1e-3);
        assert_true(fabs(to[1] - (s * from[0] + c * from[1])) < 1e-3);
    }
}

static void no_landmarks(void **state) {
    (void)state;
    mien_face face = {.score = 1};
    float angles[3] = {1, 2, 3};
    assert_int_equal(mien_face_pose(&face, angles), MIEN_EINVAL);
    for (int k = 0; k < 3; k++) assert_true(angles[k] == 0);
    mien_crop_face(&face);
    face.landmarks[4][1] = INFINITY;
    assert_int_equal(mien_face_pose(&face, angles), MIEN_EINVAL);
    assert_int_equal(mien_face_pose(NULL, angles), MIEN_EINVAL);
    assert_int_equal(mien_face_pose(&face, NULL), MIEN_EINVAL);
}

static void no_head(void **state) {
    (void)state;
    float points[6][2] = {{0}}, angles[3] = {1, 2, 3};
    for (int i = 0; i < 2; i++) {
        head_pose((const float(*)[2])points, angles);
        for (int k = 0; k < 3; k++) assert_true(angles[k] == 0);
        points[2][1] = NAN;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_angles), cmocka_unit_test(directions),
                                       cmocka_unit_test(landmarks), cmocka_unit_test(no_landmarks),
                                       cmocka_unit_test(no_head)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
