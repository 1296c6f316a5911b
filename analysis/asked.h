/*
 * asked.h - what is asked about one picture, as an object of JSON.
 *
 * A job says it in a queue, where the program that submits it and the worker that runs it are
 * different ones, perhaps on different machines. The names are those of /v1's parameters:
 * threshold, nms, size, search, max_faces, top, face, quality, embeddings.
 */
#ifndef MIEN_ANALYSIS_ASKED_H
#define MIEN_ANALYSIS_ASKED_H

#include "analysis/analysis.h"

enum { ASKED_WHY = 160 };

struct asked {
    struct analysis_options options;
    int embeddings; /* are wanted; whose networks those are is the caller's to add to the steps */
};

/* Changes *a where text (NULL: nothing) says otherwise. 0, or -1 with a sentence: it is no such
 * object, has other names, or values out of range. */
int asked_read(const char *text, struct asked *a, char why[ASKED_WHY]);

#endif
