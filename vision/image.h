/*
 * image.h - what the layer itself needs of pictures, beyond the functions of mien.h.
 *
 * Images come from a decoder here, from mien_image_new(), or from a program's own pixels by
 * mien_image_from(). The helpers below let the rest of vision/ treat all three alike: they check
 * an image before it is read, and relate its pixels to those of the upright original, which is
 * larger where a JPEG was decoded at a reduced scale.
 */
#ifndef MIEN_VISION_IMAGE_H
#define MIEN_VISION_IMAGE_H

#include "engine/backend.h"
#include "mien.h"

/* Files above this many bytes are refused unread. */
#define IMAGE_MAX_FILE ((size_t)1 << 30)
/* Pixels of a side. */
#define IMAGE_MAX_SIDE (1 << 24)

/* MIEN_OK where img has pixels, a size of at least 1x1 and a pitch that holds its rows. */
int image_check(const mien_image *img);

/* Size of the upright original, pixels: full_width x full_height, or width x height where 0. */
void image_full_size(const mien_image *img, int *width, int *height);

/*
 * Pixels of the original per pixel of img, along x and y (1 where img is at full size):
 * x_original = x_img * scale[0] for coordinates counted from the outer corner. A JPEG decoded at
 * 1/k has ceil(full/k) pixels of exactly k original pixels each, so this is k there, not the
 * quotient of the sizes.
 */
void image_scale(const mien_image *img, double scale[2]);

/* *out becomes a copy at 1/2, 1/4 or 1/8 scale, each pixel the mean of those it stands for, whose
 * long side is still at least `least`; NULL, with MIEN_OK, where no such scale leaves as much. */
int image_reduce(const mien_image *img, int least, mien_image **out);

/* Fills out->resident and out->resident_at for pixels of img, where it has a copy on a device. */
void image_resident(const mien_image *img, const uint8_t *pixels, struct backend_picture *out);

#endif
