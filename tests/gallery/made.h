/*
 * made.h - galleries that the tests make: a folder for the file, embeddings out of a number,
 * persons and samples in a line.
 */
#ifndef TESTS_GALLERY_MADE_H
#define TESTS_GALLERY_MADE_H

#include "mien_gallery.h"

enum { MADE_DIMS = 16 };

struct made {
    char folder[64], path[96];
    mien_gallery *gallery;
    int64_t collection, contract;
};

/* cmocka's setup and teardown: *state becomes a struct made with an empty gallery. */
int made_setup(void **state);
int made_teardown(void **state);
/* As what tests open galleries: with a key where MIEN_TEST_SEALED is set. Static. */
const mien_gallery_options *made_options(void);
/* Closes and opens the gallery. */
void made_reopen(struct made *m);
/* v: [MADE_DIMS] of length 1, another for each number. */
void made_embedding(int number, float *v);
int64_t made_person(struct made *m, const char *name);
/* A sample with the embedding of that number. */
int64_t made_sample(struct made *m, int64_t person, int number);
/* The person of a sample; 0: it is not there. */
int64_t made_person_of(struct made *m, int64_t sample);
/* How many samples a person has; -1: it is not there. */
int made_count(struct made *m, int64_t person);
/* The name of a person, which is there. */
const char *made_name(struct made *m, int64_t person);
/* The last event. */
int64_t made_last_event(struct made *m);
/* How many things mien_gallery_check() finds wrong. */
int made_problems(struct made *m);

#endif
