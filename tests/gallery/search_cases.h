/*
 * search_cases.h - made-up embeddings and the search that cannot be wrong: every row compared with
 * the query.
 */
#ifndef MIEN_TESTS_GALLERY_SEARCH_CASES_H
#define MIEN_TESTS_GALLERY_SEARCH_CASES_H

#include "gallery/hit.h"

#include <stdint.h>

/* -1..1, of a seed that is kept in *state. */
float case_random(uint64_t *state);
int case_int(uint64_t *state, int below);

enum case_kind {
    CASE_EVEN,   /* directions without any order */
    CASE_CROWD,  /* all within a thousandth of one direction: rounding says nothing */
    CASE_TWINS,  /* of sixteen vectors, each many times: ties */
    CASE_SPIKES, /* one value that is large, the others far below a byte's step */
    CASE_HALVES, /* values half way between two bytes, which rounding changes the most */
    CASE_SIGNS,  /* all values of the same size */
    CASE_KINDS
};
/* v: [dims], of length 1. */
void case_row(enum case_kind kind, uint64_t *state, int dims, float *v);

/* rows: [n][dims], of which `there` says which count (NULL: all); ids: [n]. As index_search() for
 * one query; hits: [k]. Returns how many. */
int case_search(int dims, const float *rows, const int64_t *ids, const char *there, int n,
                const float *query, int k, const struct index_filter *filter,
                struct index_hit *hits);

#endif
