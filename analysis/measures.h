/*
 * measures.h - what is told of faces without a network: how they are turned, and how good their
 * pictures are (mien_face_pose, mien_face_quality).
 *
 * It is no step of an analysis: it costs a tenth of an embedding and needs no batch. It runs as an
 * item as soon as the faces are known, where it was asked for, so that it can be given up.
 */
#ifndef MIEN_ANALYSIS_MEASURES_H
#define MIEN_ANALYSIS_MEASURES_H

#include "mien.h"

#include <jansson.h>

struct measures {
    int known; /* 0: the face's landmarks are those of none */
    float pose[3];
    mien_quality quality;
};

/* Those of n faces of an image: list[n], zeros before. Returns a MIEN_E code. */
int measures_take(struct measures *list, const mien_image *image, const mien_face *faces, int n);
/* Adds `pose` and `quality` to a face's object, where they are known. failed: as result_json.h. */
void measures_add_json(json_t *object, const struct measures *m, int *failed);

#endif
