/*
 * faces.h - which faces of a picture are meant, and what an aligned crop is as a face: rules the
 * tool and the server share.
 */
#ifndef MIEN_COMMON_FACES_H
#define MIEN_COMMON_FACES_H

#include "mien.h"

enum { FACES_CROP = 112, FACES_CROP_BYTES = FACES_CROP * FACES_CROP * 3 };

enum face_pick { FACE_ALL, FACE_LARGEST, FACE_CENTRE };
/* "all", "largest", "centre"; ended by NULL. */
extern const char *const FACE_PICK_NAMES[];

/* Moves the face that is meant to the front of faces: [n], of a picture of width x height pixels.
 * Returns how many are kept. */
int faces_pick(mien_face *faces, int n, enum face_pick pick, int width, int height);

/* An aligned crop as the face that fills its picture, the landmarks where ArcFace's template has
 * them. */
mien_face faces_of_crop(void);
/* Copies a picture of FACES_CROP x FACES_CROP pixels to crop: [FACES_CROP][FACES_CROP][3]. */
void faces_copy_crop(const mien_image *image, uint8_t *crop);

/* A threshold as mien.h takes it, where zero stands for the default: who gives 0 means next to
 * nothing. */
float faces_above_zero(double v);

#endif
