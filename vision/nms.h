/*
 * nms.h - from candidates to faces: order, suppress, scale back, clip.
 *
 * Everything after decoding is the same for all detectors. The sequence is that of the reference
 * programs: candidates are mapped to pixels of the original, sorted, suppressed greedily, and only
 * then clipped, because a clipped box would overlap others differently.
 */
#ifndef MIEN_VISION_NMS_H
#define MIEN_VISION_NMS_H

#include "vision/anchors.h"

/* Multiplies x and y of boxes and landmarks. */
void candidates_scale(struct candidates *c, double scale_x, double scale_y);

enum { CANDIDATES_BEST = 5000 }; /* looked at in a picture: suppression compares them in pairs */

/* Keeps the `most` that candidates_sort() would put first, in any order. */
void candidates_keep_best(struct candidates *c, int most);

/* Sorts by falling score, equal scores by order. */
void candidates_sort(struct candidates *c);

/* Where and when suppression ends. */
struct nms_limit {
    float width, height; /* what boxes are clipped to afterwards */
    int most;            /* faces with something left in there; the rest is not looked at */
};

/*
 * Greedy non-maximum suppression of sorted candidates: keeps a candidate unless its intersection
 * over union with a kept one is above iou. The kept ones move to the front in order, c->n is their
 * number. plus_one: 1 counts widths as x2 - x1 + 1, as py_cpu_nms does in the programs of
 * InsightFace (RetinaFace, SCRFD) and biubug6, whose figures were made that way; 0 is the plain
 * geometry. Ends when limit->most are kept that candidates_clip() leaves. Returns how many pairs
 * were compared.
 */
int64_t candidates_nms(struct candidates *c, float iou, int plus_one,
                       const struct nms_limit *limit);

/* Clips boxes to 0..width, 0..height and drops those of which nothing is left. Landmarks may lie
 * outside: a face at the border keeps its shape. */
void candidates_clip(struct candidates *c, float width, float height);

#endif
