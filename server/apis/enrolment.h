/*
 * enrolment.h - pictures of a request become samples of a person: the paths below /v1/collections
 * and /add_identity do the same, and say it in their own words.
 */
#ifndef MIEN_SERVER_APIS_ENROLMENT_H
#define MIEN_SERVER_APIS_ENROLMENT_H

#include "recognition/enrol.h"
#include "recognition/identify.h"
#include "server/apis/collection.h"
#include "server/uploads.h"

/* How our own paths have it. */
#define ENROLMENT_FORCE "force=1"

/* Whose, and how. */
struct enrolment_want {
    const char *collection;
    const char *person; /* a name, of somebody who is made where there is nobody; or an id, of one
                           who is there */
    const char *external_id, *metadata; /* of the samples; NULL: none */
    int is_name;                        /* person is a name even where it looks like an id */
    int force, aligned;
    float threshold;  /* least score of a face; 0: the server's */
    unsigned allowed; /* what the gate refuses elsewhere: bits 1 << GATE_SEVERAL_FACES, ... */
    const char *how_to_force; /* said with what it refuses; NULL: nothing */
};

/* What became of a picture. */
struct enrolment_result {
    int status; /* of what kept it from being looked at, an HTTP status; 0: nothing */
    const char *code;
    struct enrolled done; /* the sentence in its why; else all of it */
};

/* 0 where this server can enrol; -1 after replying. */
int enrolment_check(struct request *r);
/* Analyses pictures and enrols them, a change each, so that one that fails does not fail the
 * others. Returns [in->n], for free(), or NULL after replying. */
struct enrolment_result *enrolment_run(struct request *r, const struct uploads *in,
                                       const struct enrolment_want *want);
/* The person in a call's collection; may_miss: 0 where nobody is called so. -1 after replying. */
int enrolment_find_person(struct collection_call *call, const char *text, int may_miss,
                          int64_t *person);
/* 0 where the quota of the call's collection has room for n more samples; -1 after replying 409. */
int enrolment_check_quota(struct collection_call *call, int n);
/* Finds, or makes, the contract of the server's embedder. A code of the gallery's. */
int enrolment_contract(struct collection_call *call, int make, int64_t *contract);
/* Sets the contract and the limits of what is searched for, and those of the second embedder where
 * the server has two, as identify_both(); also: NULL for the first alone. A code of the gallery's.
 */
int enrolment_identifying(struct collection_call *call, const double *same, struct identifying *in,
                          struct identifying *also);

#endif
