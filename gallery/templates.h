/*
 * templates.h - one embedding for a person of several samples: their mean, of length 1, which finds
 * its person more often than the most alike of them (docs/gallery.md).
 *
 * Who has one sample has no row here: the sample is the template. A template's row is called by the
 * oldest sample of its person, so that of equals the same comes first wherever it lies.
 */
#ifndef MIEN_GALLERY_TEMPLATES_H
#define MIEN_GALLERY_TEMPLATES_H

#include "gallery/index.h"
#include "gallery/roster.h"

/* Makes the templates of those anew whose samples have changed. index: of all samples. */
int templates_refresh(struct index *templates, struct roster *roster, struct index *samples);

#endif
