/*
 * roster.h - whose the samples of a search are, and which a person has; of whom that has changed is
 * kept until somebody asks.
 */
#ifndef MIEN_GALLERY_ROSTER_H
#define MIEN_GALLERY_ROSTER_H

#include "gallery/id_map.h"
#include "gallery/ids.h"

struct roster_person {
    int64_t id;
    int64_t template_row; /* of its template in their index, gallery/templates.h; 0: none */
    uint32_t first;       /* of its samples, a slot and 1; 0: it has none */
    uint32_t samples;
    int changed; /* it is among those of roster_changed() */
};

struct roster {
    struct roster_sample {
        int64_t id;
        uint32_t person;       /* a slot */
        uint32_t before, next; /* of this person, or next of those that are free: slots and 1 */
    } * samples;
    uint32_t n_samples, room_samples, free; /* free: a slot and 1 */
    struct roster_person *persons;          /* those who have no sample any more among them */
    uint32_t n_persons, room_persons;
    int64_t used, with_samples; /* how many there are: samples, and persons who have some */
    struct ids changed;
    struct id_map by_sample, by_person;
};

/* It may not be moved. */
void roster_open(struct roster *r);
void roster_close(struct roster *r);
/* Says whose a sample is, which may have been another's. */
int roster_put(struct roster *r, int64_t sample, int64_t person);
/* Of a sample that is there. */
int roster_remove(struct roster *r, int64_t sample);
int roster_has(const struct roster *r, int64_t sample);
/* Whose a sample is that is there. */
const struct roster_person *roster_person_of(const struct roster *r, int64_t sample);
/* A person that there was once. */
struct roster_person *roster_person(const struct roster *r, int64_t person);
/* A person's samples by rising id, in the place of what ids had. */
int roster_samples(const struct roster *r, const struct roster_person *person, struct ids *ids);
/* Those whose samples have changed since roster_settle(), each once. */
const struct ids *roster_changed(const struct roster *r);
void roster_settle(struct roster *r);

#endif
