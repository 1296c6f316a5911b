/* Weak perspective: an image of a head is its points turned, two of the three coordinates kept,
 * scaled and moved (DeMenthon and Davis 1995, POS). The best linear map of six points is found in
 * closed form; the rotation is what of it is orthonormal. */
#include "vision/head_pose.h"

#include <math.h>
#include <string.h>

/*
 * A mean head: x to the right and y down as in an image, z away from the viewer, the tip of the
 * nose at 0; no unit. The usual six of tutorials with solvePnP (S. Mallick, "Head Pose Estimation
 * using OpenCV and Dlib", 2016).
 */
static const double HEAD[HEAD_POSE_POINTS][3] = {{0, 0, 0},         {0, 330, 65},
                                                 {-225, -170, 135}, {225, -170, 135},
                                                 {-150, 150, 125},  {150, 150, 125}};

static double dot(const double a[3], const double b[3]) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double a[3], const double b[3], double out[3]) {
    for (int i = 0; i < 3; i++)
        out[i] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
}

/* The head's points around their mean. */
static void centred_head(double out[HEAD_POSE_POINTS][3]) {
    for (int k = 0; k < 3; k++) {
        double mean = 0;
        for (int i = 0; i < HEAD_POSE_POINTS; i++) mean += HEAD[i][k] / HEAD_POSE_POINTS;
        for (int i = 0; i < HEAD_POSE_POINTS; i++) out[i][k] = HEAD[i][k] - mean;
    }
}

/* rows[0] and rows[1]: the linear map of the head to x and y with the least squared error. The
 * normal equations are solved by Cramer's rule: the columns of the inverse of a symmetric matrix
 * are cross products of its rows. The head is not flat, so its determinant is far from 0. */
static void best_map(const float points[HEAD_POSE_POINTS][2], double rows[2][3]) {
    double head[HEAD_POSE_POINTS][3], m[3][3] = {{0}}, v[2][3] = {{0}}, c[3][3];
    centred_head(head);
    for (int i = 0; i < HEAD_POSE_POINTS; i++)
        for (int a = 0; a < 3; a++) {
            for (int b = 0; b < 3; b++) m[a][b] += head[i][a] * head[i][b];
            for (int b = 0; b < 2; b++) v[b][a] += head[i][a] * (double)points[i][b];
        }
    for (int a = 0; a < 3; a++) cross(m[(a + 1) % 3], m[(a + 2) % 3], c[a]);
    for (int b = 0; b < 2; b++)
        for (int a = 0; a < 3; a++) rows[b][a] = dot(c[a], v[b]) / dot(m[0], c[0]);
}

static int normalise(double v[3]) {
    double length = sqrt(dot(v, v));
    if (!(length > 0 && isfinite(length))) return 0;
    for (int i = 0; i < 3; i++) v[i] /= length;
    return 1;
}

/* Two vectors as the nearest two of length 1 at a right angle: of two of length 1 the sum and the
 * difference are at one. */
static int orthonormal(double rows[2][3]) {
    double sum[3], difference[3];
    if (!normalise(rows[0]) || !normalise(rows[1])) return 0;
    for (int i = 0; i < 3; i++) {
        sum[i] = rows[0][i] + rows[1][i];
        difference[i] = rows[0][i] - rows[1][i];
    }
    if (!normalise(sum) || !normalise(difference)) return 0;
    for (int i = 0; i < 3; i++) {
        rows[0][i] = sqrt(0.5) * (sum[i] + difference[i]);
        rows[1][i] = sqrt(0.5) * (sum[i] - difference[i]);
    }
    return 1;
}

void head_pose(const float points[HEAD_POSE_POINTS][2], float angles[3]) {
    const double degrees = 180 / acos(-1);
    double r[3][3];
    memset(angles, 0, 3 * sizeof *angles);
    best_map(points, r);
    if (!orthonormal(r)) return;
    cross(r[0], r[1], r[2]);
    /* The face looks along -z: its direction in the image's frame is minus the third column. Roll
     * is what turns the face before it looks there: rotations by roll, pitch and yaw, in this
     * order, have cos(pitch) sin(roll), cos(pitch) cos(roll) in the second row. */
    angles[0] = (float)(degrees * asin(fmax(-1, fmin(1, r[1][2]))));
    angles[1] = (float)(degrees * atan2(-r[0][2], r[2][2]));
    angles[2] = (float)(degrees * atan2(r[1][0], r[1][1]));
}
