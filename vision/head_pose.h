/*
 * head_pose.h - how a head is turned, from six points of its face.
 *
 * A network of landmarks says where points of a face lie; which way the face looks follows from
 * where six of them lie on a mean head. It is geometry of one face and knows no network.
 */
#ifndef MIEN_VISION_HEAD_POSE_H
#define MIEN_VISION_HEAD_POSE_H

/* The six: tip of the nose, chin, outer corners of the left and the right eye, corners of the
 * mouth, left and right; left as seen. */
#define HEAD_POSE_POINTS 6

/* angles: pitch (up is positive), yaw (to the image's right is positive), roll (clockwise is
 * positive), in degrees. points: x, y in pixels. All 0 where the points coincide, or are no
 * numbers. */
void head_pose(const float points[HEAD_POSE_POINTS][2], float angles[3]);

#endif
