/*
 * walk.h - the pictures below a folder, one after the other, in the order of their names.
 *
 * A walk holds a few thousand names of each folder on the way to where it is, however many there
 * are. Hidden files and files without a picture's extension are passed over. Folders that are links
 * are followed, except to a folder around them. What cannot be read is given as an input with an
 * error, in its place.
 */
#ifndef MIEN_CLI_WALK_H
#define MIEN_CLI_WALK_H

#include "input.h"

struct walk;

/* skip: see inputs_expand(). NULL where memory ran out. */
struct walk *walk_open(const char *root, const char *const skip[INPUTS_SKIP_MAX]);
/* The next picture, or what could not be read: 1, the caller's, for input_free(); 0 at the end; -1
 * where memory ran out. A folder without any gives one, with that as its error. */
int walk_next(struct walk *w, struct input *out);
void walk_close(struct walk *w);

struct walk_counts {
    long long pictures; /* that a walk gives, errors among them */
    long long skipped;  /* files passed over, other than hidden ones of no picture's name */
};

/* Adds what is below a folder, as far as it can be read; see(context, folder, name), which may be
 * NULL, is called for each picture. */
void walk_count(const char *root, const char *const skip[INPUTS_SKIP_MAX], struct walk_counts *c,
                void (*see)(void *context, const char *folder, const char *name), void *context);

/* Whether a name ends as a picture's does; *stem is then the number of bytes before that (stem may
 * be NULL). */
int walk_is_picture_name(const char *name, size_t *stem);
/* Whether a picture shares its name up to the extension with one that has a better right to it:
 * what is written for it then goes by its whole name. The first of them, by name, has that right;
 * one whose extension is in mixed case, or "a.jpg.png" where there is "a.jpg", has none. folder
 * ends in a slash, or is "". */
int walk_shares_stem(const char *folder, const char *name);

#endif
