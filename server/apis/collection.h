/*
 * collection.h - what the paths below /v1/collections have in common: the collection a request is
 * about, persons and samples by the ids of its path, pages of a list, and these things as JSON.
 *
 * A person or sample is only found in the collection the path names, because keys may be for one
 * collection alone.
 */
#ifndef MIEN_SERVER_APIS_COLLECTION_H
#define MIEN_SERVER_APIS_COLLECTION_H

#include "server/galleries.h"

#include <jansson.h>

/* A request while it has its turn with the gallery. */
struct collection_call {
    struct request *request;
    enum gallery_use use;
    mien_gallery *gallery; /* NULL: there is none yet, and so no collection */
    int64_t collection;    /* 0: there is none yet, of those that are there always */
};

/* 0 where this server keeps a gallery; -1 after replying 404. */
int collection_check(struct request *r);
/* Waits for the turn and finds the collection. 0, and collection_end() it; -1 after replying. */
int collection_begin(struct request *r, enum gallery_use use, const char *collection,
                     struct collection_call *call);
void collection_end(struct collection_call *call);
/* Whose changes these are: the name of the key. */
const char *collection_who(const struct request *r);

/* A change, as that of whoever asks: between the two, calls of mien_gallery.h; rc: of the last.
 * Returns 0, or -1 after replying. */
int collection_change(struct collection_call *call);
int collection_changed(struct collection_call *call, int rc);

/* The person or sample of an id in the collection. person: of the sample; NULL is allowed. Return
 * 0, or -1 after replying. */
int collection_find_person(struct collection_call *call, const char *text, int64_t *person);
int collection_find_sample(struct collection_call *call, const char *text, int64_t *sample,
                           int64_t *person);
/* The samples of a list of ids in the JSON body, for free(). */
int collection_find_samples(struct collection_call *call, int64_t **samples, int *n);

/* Deletes n samples, persons[i] having samples[i], a person's at a time; *deleted of them before it
 * failed or the request was over. Returns a code of the gallery's, or above 0 where it is over. */
int collection_delete_samples(struct collection_call *call, int64_t *samples, int64_t *persons,
                              int n, int64_t *deleted);

/* The JSON object, or the form without files, that a request has for a body, for the functions of
 * params.h; none is an empty one. Returns 0, or -1 after replying. */
int collection_read_body(struct request *r);

/* A page of a list: what is asked for, and what it came to. */
struct collection_page {
    int limit;
    int64_t after;
    json_t *list;
    int64_t last; /* id of its last */
    int failed;
};
/* Reads limit and after: an id; or a number, of events. */
int collection_read_page(struct request *r, int is_number, struct collection_page *page);
/* Adds a thing and its id. Returns 0, for the functions that list. */
int collection_page_add(struct collection_page *page, json_t *thing, int64_t id);
/* Adds a person's name, where there is one: for mien_gallery_persons(), with a page. */
int collection_see_name(void *page, const mien_gallery_person *p);
/* Replies with the list under a name, and next. rc: of the listing. */
void collection_page_reply(struct collection_call *call, struct collection_page *page,
                           const char *name, int is_number, int rc);

/* 0 where the persons that so many faces are like can be told at once; -1 after replying 413. */
int collection_check_matches(struct request *r, int faces, int top);
/* Replies an object that was written; failed as result_json.h. Takes it over. */
void collection_reply(struct request *r, int status, json_t *object, int failed);
/* { "event": ... }, and the person that came of it where there is one. */
void collection_reply_event(struct request *r, int64_t event, int64_t person);
/* The JSON somebody gave; that which the tool or another program stored may be any text. */
json_t *collection_metadata_json(const char *text);
json_t *collection_person_json(const mien_gallery_person *p, int *failed);
/* What a person is now. Returns a code of the gallery's. */
int collection_get_person(struct collection_call *call, int64_t person, json_t **out);

#endif
