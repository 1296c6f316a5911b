/*
 * search_turns.h - which way up images are, found out by looking at places of them, and at smaller
 * copies, turned.
 */
#ifndef MIEN_TASKS_SEARCH_TURNS_H
#define MIEN_TASKS_SEARCH_TURNS_H

#include "tasks/search_views.h"

enum { TURNED_AT_ONCE = 4 }; /* images whose turned copies are held */

/* Finds out whether n images want to be turned, TURNED_AT_ONCE at most: the likely way has to show
 * more than upright, and a better face. */
int turns_look(struct search *s, const int *which, int n);

#endif
