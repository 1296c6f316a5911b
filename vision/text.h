/*
 * text.h - a line of text in the built-in font: how wide it is, and its letters filled.
 *
 * It is apart from draw.c because what is written on a face's tag and along the axis of a chart has
 * nothing else in common.
 */
#ifndef MIEN_VISION_TEXT_H
#define MIEN_VISION_TEXT_H

#include "mien.h"

/* Pixels of the text up to its end or the first newline, in letters of em pixels. */
float text_width(const char *text, float em);
/* Draws that line with its base line at y. What is not ASCII becomes a question mark a character.
 */
int text_draw(mien_image *img, const char *text, float x, float y, float em, const uint8_t rgb[3]);

#endif
