/*
 * log.h - events, and what each of them changed, field by field.
 *
 * Every change of a person or a sample goes through log_change(), which writes down what the field
 * was and is beside making it so. Undoing an event therefore needs to know nothing of its kind: it
 * sets fields back to what they were, as an event of its own.
 */
#ifndef MIEN_GALLERY_LOG_H
#define MIEN_GALLERY_LOG_H

#include "gallery/gallery.h"

/* Stored in the tables: numbers stay. */
enum log_field {
    LOG_PERSON_NAME = 1,
    LOG_PERSON_STATE, /* LOG_THERE, LOG_NOT_THERE, or the person it was merged into */
    LOG_SAMPLE_STATE, /* LOG_THERE or LOG_NOT_THERE */
    LOG_SAMPLE_PERSON,
    LOG_NOT_PERSON, /* of a sample, a person it is not; 0: none. One an event */
    LOG_PERSON_EXTERNAL,
    LOG_PERSON_METADATA,
    LOG_EMBEDDING,          /* of a sample, a contract it has a further embedding under; 0: none */
    LOG_COLLECTION_CONTRACT /* that a collection goes by; 0: none */
};

enum { LOG_THERE = 0, LOG_NOT_THERE = -1 };

struct log_value {
    int64_t number;
    const char *text; /* of names, and what programs keep with a person */
};

/* 1 where the field is a text. */
static inline int log_is_text(enum log_field field) {
    return field == LOG_PERSON_NAME || field == LOG_PERSON_EXTERNAL || field == LOG_PERSON_METADATA;
}

/* Appends an event; *event becomes its id. */
int log_event(mien_gallery *g, enum mien_gallery_event_kind kind, int64_t person, int64_t other,
              int64_t undoes, int64_t *event);
/* Notes how many samples the event changed. */
int log_event_samples(mien_gallery *g, int64_t event, int64_t samples);
/* Sets a field of a person or sample to a value, and notes that the event did it. */
int log_change(mien_gallery *g, int64_t event, enum log_field field, int64_t subject,
               struct log_value to);
/* Notes that the event made a person or sample, which is there already. */
int log_made(mien_gallery *g, int64_t event, enum log_field state, int64_t subject);
/* Notes that a further embedding of a sample has come under a contract, or gone: 0 for none. */
int log_embedding(mien_gallery *g, int64_t event, int64_t sample, int64_t was, int64_t now);
/* Whether an event holds: it was not undone, or that was undone again. */
int log_holds(mien_gallery *g, int64_t event, int *holds);
/* That no sample is with a person that is not there, or that it is not. person: of whom something
 * changed. */
int log_check_person(mien_gallery *g, int64_t person);

#endif
