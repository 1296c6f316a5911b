/*
 * doctor.h - what is likely wrong with the people of a gallery, with the command that repairs it.
 */
#ifndef MIEN_RECOGNITION_DOCTOR_H
#define MIEN_RECOGNITION_DOCTOR_H

#include "analysis/networks.h"
#include "recognition/person.h"

#include <jansson.h>

/* The similarities it goes by: those of the enrolment gate (analysis/gate.h) for a collection of
 * that size, which is *samples. Returns the gallery's code. */
int doctor_options(mien_gallery *gallery, int64_t collection, int64_t contract,
                   const struct network *embedder, mien_gallery_doctor_options *out,
                   int64_t *samples);
/* The command that repairs a finding, for free(); NULL where there is no memory. place: of the
 * gallery, as --gallery has it; NULL: the default. */
char *doctor_repair(const mien_gallery_finding *f, const char *place);
/* A sentence for people, without the repair; for free(), NULL where there is no memory. */
char *doctor_sentence(mien_gallery *gallery, const mien_gallery_finding *f);
/* All of it as an object. failed: as result_json.h. */
json_t *doctor_json(mien_gallery *gallery, const mien_gallery_finding *f, const char *place,
                    int *failed);

#endif
