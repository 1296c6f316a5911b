/*
 * enrol.h - a face of a picture becomes a sample of a person, or why it does not: the rules of the
 * tool's enroll and of the server's.
 */
#ifndef MIEN_RECOGNITION_ENROL_H
#define MIEN_RECOGNITION_ENROL_H

#include "analysis/gate.h"
#include "recognition/person.h"

enum enrol_outcome {
    ENROL_DONE,
    ENROL_KNOWN,  /* the picture was enrolled before, for the same person */
    ENROL_REFUSED /* for the reason in the result */
};
/* "enrolled", "known", "refused". Static storage. */
extern const char *const ENROL_OUTCOMES[];

/* What is to become of a picture. */
struct enrolment {
    int64_t collection, contract;
    const char *person;  /* a name, of somebody who is made where there is nobody; or an id */
    int is_name;         /* it is a name even where it looks like an id */
    const char *source;  /* NULL: not known */
    const uint8_t *hash; /* [MIEN_GALLERY_HASH_SIZE] of the picture's bytes; NULL: not known */
    const char *external_id, *metadata; /* of the sample; NULL: none */
    int force;                          /* what the gate refuses is enrolled */
    unsigned allowed;                   /* bits 1 << GATE_SEVERAL_FACES, ...: so is this */
    int keep_crop;                      /* the aligned face is kept with the sample */
    const char *how_to_force; /* said where that would help: "--force"; NULL: there is none */
    const char *who;          /* for the log; NULL: who opened the gallery */
};

struct enrolled {
    enum enrol_outcome outcome;
    char name[PERSON_NAME]; /* of whom it is; "" where it is refused for what the picture shows */
    int64_t person, sample; /* 0 then */
    float quality;          /* below 0: not known */
    const char *reason;     /* of a refusal, the first: "no_face", "other_person"; else NULL */
    unsigned reasons;       /* all of the gate's: bits 1 << GATE_BLURRED, ... */
    char
        forced[GATE_SENTENCE]; /* why it would have been refused; "" where it would not have been */
    char why[PERSON_WHY];      /* the sentence about a refusal or failure */
};

/* Whether the picture of that hash was enrolled before: then *out says it is known or refused, else
 * *is_known is 0. Returns the gallery's code, with the sentence in out->why, as below. */
int enrol_known(mien_gallery *gallery, const struct enrolment *e, struct enrolled *out,
                int *is_known);
/* Enrols the face of an analysed picture, which was measured and embedded: MIEN_OK with *out, on
 * the disk; a refusal is MIEN_OK, too. */
int enrol_face(mien_gallery *gallery, const struct enrolment *e, const struct analysis *a,
               struct enrolled *out);
/* ["blurred", ...]: why it was refused, or would have been. failed: as result_json.h. */
json_t *enrolled_reasons(const struct enrolled *done, int *failed);

#endif
