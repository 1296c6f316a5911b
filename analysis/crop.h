/*
 * crop.h - the aligned face that an embedder sees, as a file that is kept: of it another embedder
 * can make its embedding when the picture is no longer there, and people see whom they have.
 */
#ifndef MIEN_ANALYSIS_CROP_H
#define MIEN_ANALYSIS_CROP_H

#include "analysis/analysis.h"

/* Keeps the crop of face i, for when the picture is no longer there. A MIEN_E code. */
int crop_keep(struct analysis *a, int i);
/* Makes a PNG of the aligned face i of an analysis: its pixels are those the embedder saw. *bytes
 * is to be freed with free(); a MIEN_E code, with its sentence in mien_error(). */
int crop_png(const struct analysis *a, int i, void **bytes, size_t *size);

#endif
