/*
 * identify.h - what searches of a gallery keep in memory: of a collection under a contract an
 * index, and whose each sample is. It follows the log: what an event changed is looked up anew.
 */
#ifndef MIEN_GALLERY_IDENTIFY_H
#define MIEN_GALLERY_IDENTIFY_H

#include "gallery/gallery.h"

/* Frees what searches of the gallery keep. */
void identify_forget(mien_gallery *g);

#endif
