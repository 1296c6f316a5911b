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
    int finds_faces;                  /* they are looked for */
    const char *names[SUMMARY_NAMES]; /* of the first that failed */
};

void summary_begin(struct summary *s, const struct pipeline *p);
/* Counts a picture that is done; failed: it, or writing what was found. */
void summary_add(struct summary *s, const struct picture *picture, int failed);
/* Says "77 pictures, 412 faces, 2 failed: bad.jpg, empty.jpg". */
void summary_say(const struct summary *s);

#endif
