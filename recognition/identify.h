/*
 * identify.h - who the faces of a picture are among the people of a gallery, and how sure is sure
 * enough: the rules and the objects of the tool's identify and of the server's.
 */
#ifndef MIEN_RECOGNITION_IDENTIFY_H
#define MIEN_RECOGNITION_IDENTIFY_H

#include "analysis/analysis.h"
#include "analysis/judge.h"
#include "mien_gallery.h"

#include <jansson.h>

/* Among whom, and how sure. */
struct identifying {
    int64_t collection, contract; /* 0: there is none, so that everybody is unknown */
    enum mien_gallery_by by;
    const char *where; /* of mien_gallery_identify_options; NULL: everybody */
    int top;           /* persons a face */
    struct judge_limits limits;
    double fpir;              /* from which the limits follow, */
    int is_measured;          /* where this is 1 */
    const mien_net *embedder; /* of probabilities; NULL: it was not measured */
    int64_t compared;         /* with how many templates or samples a face is */
    /* While a collection is migrated: another, of the same collection, under whose contract each
     * face is searched for, too. Both are measured. NULL: there is none. */
    const struct identifying *also;
    const char *name;           /* of the embedder, where there are two */
    int (*stop)(void *context); /* asked between some faces and the next: not 0 gives up; or NULL */
    void *context;
};

/* The persons each of n faces is like: at least IDENTIFY_RIVALS where there are so many, because
 * how likely one is goes by the others, too. */
enum { IDENTIFY_RIVALS = 10 };
struct identified {
    int n, top;
    mien_gallery_match *matches; /* [n][top], best first */
    double *probabilities;       /* [n][top]; NULL: not known */
    int *counts;                 /* [n] */
    uint8_t *also;               /* [n][top], 1: found under in->also's contract; NULL: none is */
};

/* What is said of a face. */
struct identity {
    const mien_gallery_match *matches; /* [n] */
    const double *probabilities;       /* [n]; NULL: not known */
    const uint8_t *also;               /* [n], as of struct identified; NULL */
    const struct identifying *in;
    int n, shown;        /* shown: at most as many as were asked for */
    const char *verdict; /* "likely the same", "unsure", "unknown" */
    const char *reason;  /* why it is unknown, or unsure though it is alike; else NULL */
};

/* gallery may be NULL, here and below, where in->collection is 0. Sets the limits, where the rest
 * of *in is set: those of `same`, or where that is NULL of in->fpir and with how many a face is
 * compared, of an embedder that was not measured the similarity of one person. Returns the
 * gallery's code. */
int identify_limits(mien_gallery *gallery, const struct network *embedder, const double *same,
                    struct identifying *in);
/* Searches for n embeddings: [n][dims]. Free *out in any case. Returns the gallery's code,
 * MIEN_ENOMEM without a sentence of its, or what is above 0 where it was given up. */
int identify_faces(mien_gallery *gallery, const struct identifying *in, const float *embeddings,
                   int n, int dims, struct identified *out);
void identified_free(struct identified *found);
/* Sets what is searched for under two contracts, where *in is set but for its limits, and *also is
 * to be of the second embedder and its contract: the limits of both, so that together they take no
 * more strangers for somebody than in->fpir says. Without a second contract, an embedder that was
 * not measured, or with `same`, which is a similarity of the first embedder, it is
 * identify_limits(). */
int identify_both(mien_gallery *gallery, const struct network *embedder,
                  const struct network *second, int64_t second_contract, const double *same,
                  struct identifying *in, struct identifying *also);
/* Searches for all faces of an analysed picture, under both contracts where there are two. Returns
 * as identify_faces(). */
int identify_picture(mien_gallery *gallery, const struct identifying *in, const struct analysis *a,
                     struct identified *out);
/* What is said of face i. */
struct identity identify_judge(const struct identifying *in, const struct identified *found, int i);

/* Adds `verdict`, `reason` where there is one, and `matches` with names. failed: as
 * result_json.h. */
void identify_add_identity(json_t *object, mien_gallery *gallery, const struct identity *identity,
                           int *failed);
/* Adds `threshold`, and `fpir` where they follow from it, `prior` where there are
 * probabilities; `also`, the second embedder with its threshold, where there is one. */
void identify_add_limits(json_t *object, const struct identifying *in, int *failed);
/* Adds what is known of a picture: its size, the limits, `faces` with their identities. */
void identify_add_picture(json_t *object, mien_gallery *gallery, const struct identifying *in,
                          const struct analysis *a, const struct identified *found, int *failed);

#endif
