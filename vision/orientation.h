/*
 * orientation.h - the orientation of a picture: finding it, and turning pictures upright.
 *
 * Cameras store the sensor's rows as they come and note how to hold the picture, in EXIF or in XMP.
 * Several formats carry the same blocks, so parsing them and moving the pixels live here, once. The
 * parsers read untrusted bytes and trust no offset in them.
 */
#ifndef MIEN_VISION_ORIENTATION_H
#define MIEN_VISION_ORIENTATION_H

#include "mien.h"

/* The orientation, 1..8, in an EXIF block: a TIFF header, with or without "Exif\0\0" before it.
 * 0 where there is none or the block is broken. */
int exif_orientation(const uint8_t *exif, size_t size);

/* The orientation, 1..8, in an XMP packet (tiff:Orientation); 0 where there is none. */
int xmp_orientation(const uint8_t *xmp, size_t size);

/* *orientation becomes the one, 1..8, noted in the chunks of a PNG file; 0 where there is none.
 * MIEN_ENOMEM. */
int png_orientation(const uint8_t *bytes, size_t size, int *orientation);

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
