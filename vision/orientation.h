/*
 * orientation.h - the EXIF orientation: finding it, and turning pictures upright.
 *
 * Cameras store the sensor's rows as they come and note in EXIF how to hold the picture. Three
 * formats carry the same EXIF block, so parsing it and moving the pixels live here, once. The
 * parser reads untrusted bytes and trusts no offset in them.
 */
#ifndef MIEN_VISION_ORIENTATION_H
#define MIEN_VISION_ORIENTATION_H

#include "mien.h"

/* The orientation, 1..8, in an EXIF block: a TIFF header, with or without "Exif\0\0" before it.
 * 1 (upright) where there is none or the block is broken. */
int exif_orientation(const uint8_t *exif, size_t size);

/* 1 where this orientation swaps width and height (5..8). */
int orientation_swaps(int orientation);

/*
 * Moves rows y0 .. y0+rows-1 of a stored picture of width x height pixels to their upright place.
 * src: [rows][width][3], row pitch src_pitch bytes. dst: the whole upright picture, of
 * width x height pixels, or height x width where orientation_swaps().
 */
void orientation_place(const uint8_t *src, ptrdiff_t src_pitch, int width, int height, int y0,
                       int rows, int orientation, mien_image *dst);

/* Replaces *img by its upright version; leaves it alone for orientation 1. On failure *img is
 * unchanged. */
int orientation_apply(mien_image **img, int orientation);

#endif
