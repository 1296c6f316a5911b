/*
 * shelf.h - the gallery a command works on: opened as the options say, persons and samples found by
 * what people call them, and how its things are told.
 */
#ifndef MIEN_CLI_SHELF_H
#define MIEN_CLI_SHELF_H

#include "mien_gallery.h"
#include "options.h"

#include <jansson.h>

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

/* "2026-11-30T17:12:17Z" of microseconds since 1970. */
enum { SHELF_TIME = 32 };
char *shelf_time(int64_t time, char out[SHELF_TIME]);
/* An id as JSON; null for 0. */
json_t *shelf_id(int64_t id);

#endif
