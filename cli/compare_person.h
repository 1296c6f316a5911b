/*
 * compare_person.h - one picture against one person of a gallery: compare with --person.
 */
#ifndef MIEN_CLI_COMPARE_PERSON_H
#define MIEN_CLI_COMPARE_PERSON_H

#include "pipeline.h"

/* Tells how like the picture's main face is to the person's most similar sample. Returns an exit
 * status after saying what went wrong. */
int compare_person(const struct pipeline *p, const struct picture *picture, double threshold);

#endif
