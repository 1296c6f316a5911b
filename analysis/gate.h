/*
 * gate.h - whether a face is good enough to be enrolled, and why not: what its picture, its
 * embedding and the faces that are enrolled already say against it.
 *
 * A bad sample costs more than a bad query: whoever is compared with it later is compared with a
 * blur. So every reason has a name, the tool and the server give the same ones, and who enrols
 * against them leaves them with the sample (docs/gallery.md). What is enrolled is looked up by who
 * has the gallery; here are the rules.
 */
#ifndef MIEN_ANALYSIS_GATE_H
#define MIEN_ANALYSIS_GATE_H

#include "analysis/analysis.h"

#include <jansson.h>

enum gate_reason {
    GATE_NO_FACE,
    GATE_SEVERAL_FACES,
    GATE_TOO_SMALL,
    GATE_BLURRED,
    GATE_NOISY,
    GATE_DARK,
    GATE_BRIGHT,
    GATE_FLAT,
    GATE_EXTREME_POSE,
    GATE_CUT_OFF,
    GATE_WEAK_FEATURES,   /* the embedder finds little of a face in it */
    GATE_NOT_LIKE_OTHERS, /* samples of the person */
    GATE_LIKE_ANOTHER,    /* person, very */
    GATE_REASONS
};
/* What programs call a reason: "blurred"; NULL past the last. Static. */
const char *gate_reason_name(int reason);

/* From which similarity on one of the other persons of a collection is meant, and below which that
 * person is not. */
struct gate_limits {
    double another; /* above 1: it is not known, and not asked */
    double own;
};

enum { GATE_NAME = 128, GATE_SENTENCE = 1024 };
#define GATE_NONE (-2.0) /* no similarity */

struct gate {
    unsigned reasons; /* bits 1 << GATE_NO_FACE, ... */
    int nfaces,
        face;      /* of the picture; the one that is meant, the largest: -1 where there is none */
    float quality; /* mien_quality.score of it; -1: not known */
    /* Where GATE_NOT_LIKE_OTHERS, GATE_LIKE_ANOTHER were asked for: */
    float own, another;   /* similarities */
    char name[GATE_NAME]; /* of the other person */
};

/* Looks at an analysis, of a picture whose faces were all kept, measured and embedded. */
void gate_look(struct gate *g, const struct analysis *a);
/* The limits of an embedder for a collection of so many samples; same_person: the similarity from
 * which two faces are called one person. */
struct gate_limits gate_limits(const mien_net *embedder, double same_person, int64_t samples);
/* Adds what the face's similarities say: own, to the most similar sample of the person it is to be
 * one of, another, to that of all other persons, who is called `name`; each may be GATE_NONE. */
void gate_compare(struct gate *g, const struct gate_limits *limits, double own, double another,
                  const char *name);
/* What is to be said of the reasons: "the face is blurred; ..."; where it was enrolled against
 * them, which of several faces it is. out: [GATE_SENTENCE]. */
char *gate_sentence(const struct gate *g, int forced, char *out);
/* ["blurred", ...] */
json_t *gate_reasons_json(unsigned reasons, int *failed);

#endif
