/*
 * draw.h - what is drawn over a picture, piece by piece: a face's outline, a tag, a panel of text.
 *
 * How a piece looks and how large it is stands here; where it goes is another question
 * (vision/draw_faces.c), because it depends on all the others. Coordinates are pixels of the image
 * itself, not of the original it may be a reduced copy of.
 */
#ifndef MIEN_VISION_DRAW_H
#define MIEN_VISION_DRAW_H

#include "mien.h"

/* Letters below this are not read any more, pixels. */
#define DRAW_MIN_EM 11.0f

/* How a face is drawn. */
struct draw_look {
    float box[4], width; /* x1, y1, x2, y2, and x2 - x1 */
    float line;          /* of its frame, whose middle is the box */
    float em;            /* of its tag's letters */
    const uint8_t *rgb;
};

/* Checks what is drawn into and n faces, and forgets the image's copy on a device. MIEN_EINVAL. */
int draw_begin(mien_image *img, const mien_face *faces, int n);
void draw_look_of(const mien_image *img, const mien_face *face, int index, struct draw_look *look);
/* Frame and landmarks. */
int draw_outline(mien_image *img, const mien_face *face, const struct draw_look *look);

/* Width and height of a tag. */
void draw_tag_size(const char *text, float em, float size[2]);
/* A line of text on a plate of that colour whose top left corner is x, y. */
int draw_tag(mien_image *img, const char *text, float x, float y, float em, const uint8_t rgb[3]);

/* A dark panel with lines of text. */
struct draw_panel {
    float em, margin; /* margin: to the edges of the picture */
    float size[2];
    int lines;
};
/* As large as the picture suggests. */
void draw_panel_of(const mien_image *img, const char *text, struct draw_panel *panel);
int draw_panel(mien_image *img, const char *text, const struct draw_panel *panel, float x, float y);

#endif
