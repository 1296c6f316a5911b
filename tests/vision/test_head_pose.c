/* Angles of heads that were turned by known ones, by matrices written here. */
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
                                       cmocka_unit_test(no_head)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
