/*
 * measured.h - what was measured of embedders on pictures, by the file a network was made of: what
 * the length of an embedding is worth (docs/quality.md), and how alike strangers and faces of one
 * person are (docs/thresholds.md); both say how.
 */
#ifndef MIEN_TASKS_MEASURED_H
#define MIEN_TASKS_MEASURED_H

#include "tasks/genuine.h"
#include "tasks/net.h"

struct measured {
    const char *source_sha256[2]; /* of the second where two work as one, in whichever order */
    float bad, good;              /* lengths; of two as one see those of the first */
    float same_person;            /* of two as one, which have no blob to say it; else 0 */
    float impostors[IMPOSTOR_POINTS];
    struct genuine genuine;
};

/* NULL: it was not measured. */
const struct measured *measured_of(const struct mien_net *net);

#endif
