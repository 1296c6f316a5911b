/*
 * raster.h - filling shapes with smooth edges.
 *
 * Boxes, dots, tags and letters are all closed outlines, so one routine that fills an outline with
 * exact pixel coverage draws everything. It is apart from draw.c because it knows about geometry
 * and nothing about faces.
 */
#ifndef MIEN_VISION_RASTER_H
#define MIEN_VISION_RASTER_H

#include "mien.h"

#define RASTER_LINES 1024

/* An outline of straight lines, pixel coordinates from the outer corner of the top left pixel.
 * Lines beyond RASTER_LINES are left out; no shape drawn here comes near. Start with n = 0. */
struct raster_path {
    int n;
    float line[RASTER_LINES][4]; /* x0, y0, x1, y1 */
};

void path_line(struct raster_path *p, float x0, float y0, float x1, float y1);
/* A quadratic Bezier curve from x0, y0 to x1, y1 with control point cx, cy. */
void path_curve(struct raster_path *p, float x0, float y0, float cx, float cy, float x1, float y1);
/* A rectangle with corners of radius r. reversed: 1 makes it a hole in an outer one. */
void path_rounded(struct raster_path *p, float x0, float y0, float x1, float y1, float r,
                  int reversed);
void path_circle(struct raster_path *p, float x, float y, float r);

/* Fills the path (non-zero winding, for outlines that do not cross themselves) with a colour of
 * opacity alpha (0..1), clipped to the picture. MIEN_ENOMEM. */
int raster_fill(mien_image *img, const struct raster_path *p, const uint8_t rgb[3], float alpha);

#endif
