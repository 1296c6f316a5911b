/*
 * faces.h - which faces of a picture are meant, and what an aligned crop is as bytes: rules the
 * tool and the server share.
 */
#ifndef MIEN_ANALYSIS_FACES_H
#define MIEN_ANALYSIS_FACES_H

#include "mien.h"

enum { FACES_CROP_BYTES = MIEN_CROP_SIDE * MIEN_CROP_SIDE * 3 };

enum face_pick { FACE_ALL, FACE_MAIN, FACE_LARGEST, FACE_CENTRE };
/* "all", "main" (mien_main_face()), "largest", "centre"; ended by NULL. */
extern const char *const FACE_PICK_NAMES[];

/* "fast", "auto", "thorough": enum mien_search; ended by NULL. */
extern const char *const FACE_SEARCH_NAMES[];

/* Moves the face that is meant to the front of faces: [n], of a picture of width x height pixels.
 * Returns how many are kept. */
int faces_pick(mien_face *faces, int n, enum face_pick pick, int width, int height);

/* Copies a picture of the size of an aligned crop to crop: [MIEN_CROP_SIDE][MIEN_CROP_SIDE][3]. */
void faces_copy_crop(const mien_image *image, uint8_t *crop);

/* A threshold as mien.h takes it, where zero stands for the default: who gives 0 means next to
 * nothing. */
float faces_above_zero(double v);

/* Of its box, in square pixels. */
float faces_area(const mien_face *face);

#endif
