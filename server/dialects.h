/*
 * dialects.h - which of the dialects of apis/table.c a server speaks: those without a name, and
 * others where --api names them.
 */
#ifndef MIEN_SERVER_DIALECTS_H
#define MIEN_SERVER_DIALECTS_H

#include "server/apis/api.h"
#include "server/why.h"

/* 0 where text is names of dialects with commas, or "all"; -1 with a sentence that lists them. */
int dialects_check(const char *text, char why[WHY_SIZE]);
/* The rows of APIS that are spoken, in its order and ended by NULL, for free(); NULL where memory
 * ran out. text: as checked; NULL: none by name. */
const struct api **dialects_choose(const char *text);

#endif
