/*
 * summary.h - what became of a run over several pictures, in one sentence on standard error.
 *
 * A picture that failed is named where it stands among a thousand lines; here it is found again.
 */
#ifndef MIEN_CLI_SUMMARY_H
#define MIEN_CLI_SUMMARY_H

#include "pipeline.h"

enum { SUMMARY_NAMES = 10 };

struct summary {
    int pictures, faces, failed;
    int finds_faces;            /* they are looked for */
    char *names[SUMMARY_NAMES]; /* of the first that failed; NULL: no memory */
};

void summary_begin(struct summary *s, const struct pipeline *p);
/* Counts a picture that is done; failed: it, or writing what was found. */
void summary_add(struct summary *s, const struct picture *picture, int failed);
/* Says "77 pictures, 412 faces, 2 failed: bad.jpg, empty.jpg". more: what comes before those that
 * failed, or NULL. Begins anew. */
void summary_say(struct summary *s, const char *more);
void summary_free(struct summary *s);

#endif
