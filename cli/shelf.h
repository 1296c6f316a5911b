/*
 * shelf.h - the gallery a command works on: opened as the options say, persons and samples found by
 * what people call them.
 */
#ifndef MIEN_CLI_SHELF_H
#define MIEN_CLI_SHELF_H

#include "mien_gallery.h"
#include "options.h"

struct shelf {
    mien_gallery *gallery;
    int64_t collection; /* of --collection; 0: there is none yet */
    int as_lines;       /* for people, instead of JSON */
};

enum shelf_mode { SHELF_READ, SHELF_WRITE, SHELF_MAKE };

/* Opens --gallery and finds --collection. SHELF_MAKE: makes what is not there. Returns an exit
 * status after saying what went wrong; close it in either case. */
int shelf_open(const struct options *opt, enum shelf_mode mode, struct shelf *shelf);
void shelf_close(struct shelf *shelf);

/* Says the gallery's last error; returns EXIT_FAILED. */
int shelf_say_error(void);
/* The person of an id or a name of the collection. EXIT_OK, or EXIT_FAILED after saying what is
 * wrong; a name that nobody has gives 0 where `may_miss`. */
int shelf_person(const struct shelf *shelf, const char *text, int may_miss, int64_t *person);
/* The samples of n ids, malloc. */
int shelf_samples(char *const *texts, int n, int64_t **samples);
/* A person's name, malloc; NULL after saying why not. */
char *shelf_name(const struct shelf *shelf, int64_t person);

#endif
