/*
 * search.h - finding faces where they are small, large or turned: which looks an image gets, and
 * what each is believed.
 */
#ifndef MIEN_TASKS_SEARCH_H
#define MIEN_TASKS_SEARCH_H

#include "tasks/detect.h"

/* mien_detect() for o->search other than FAST; want: of the results. */
int search_run(mien_net *net, const mien_image *const *images, int n, const mien_detect_options *o,
               const struct look_want *want, mien_face *faces, int *counts);
/* The smallest long side images may be decoded at; 0: all pixels. */
int search_side(const mien_net *net, const mien_detect_options *o);

#endif
