/*
 * photos.h - labelled pictures, made smaller.
 */
#ifndef TESTS_TASKS_PHOTOS_H
#define TESTS_TASKS_PHOTOS_H

#include "mien.h"

/* No larger than `side`: the nearest pixels of a picture that is. */
mien_image *photos_load(mien_ctx *ctx, const char *path, int side);

#endif
