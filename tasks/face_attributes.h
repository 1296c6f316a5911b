/*
 * face_attributes.h - networks that look at one face and tell attributes of it.
 *
 * Two tasks do that and differ in words alone: what a face is like (attributes.c) and where points
 * of it lie (landmarks.c). What stands here is theirs together: a row of the table of tasks takes
 * these functions, whose state is a struct face_crop.
 */
#ifndef MIEN_TASKS_FACE_ATTRIBUTES_H
#define MIEN_TASKS_FACE_ATTRIBUTES_H

#include "tasks/faces.h"

int face_attributes_open(struct mien_net *net);
int face_attributes_fill(const struct task_call *c, int i, int workers, struct resized *image);
int face_attributes_take(const struct task_call *c, int i, struct workspace *w,
                         const float *const *outputs);

#endif
