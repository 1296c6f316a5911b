/* CompreFace's subjects and their examples: persons with a name, and their samples. */
#include "common/json_values.h"
#include "recognition/person.h"
#include "server/admit.h"
#include "server/apis/compreface.h"
#include "server/apis/uuid.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/scopes.h"
#include "server/server.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK = 4096, PAGE = 20, PAGE_MOST = 10000, PASSED_MOST = 1000000, DELETED_AT_ONCE = 1000 };

/* The person of a name: 0 with *person 0 where nobody has it and that may be; -1 after replying. */
static int find_subject(struct collection_call *call, const char *name, int may_miss,
                        int64_t *person) {
    char why[PERSON_WHY];
    int rc = MIEN_OK;

    *person = 0;
    if (call->collection)
        rc = person_find_name(call->gallery, call->collection, name, 1, person, why);
    if (rc)
        galleries_refuse(call->request, rc, why);
    else if (!*person && !may_miss)
        compreface_error(call->request, 404, COMPREFACE_NO_SUBJECT,
                         "there is no such subject in this collection");
    return rc || (!*person && !may_miss) ? -1 : 0;
}

static void reply_one(struct request *r, int status, const char *name, json_t *value) {
    json_t *object = json_object();
    int failed = 0;

    json_value_set(object, name, value, &failed);
    collection_reply(r, status, object, failed);
}

/* Subjects. */

struct subjects {
    json_t *names;
    int64_t *ids;
    size_t n, room;
    int failed;
};

static int see_subject(void *context, const mien_gallery_person *p) {
    struct subjects *all = context;

    if (!*p->name) return 0;
    if (all->n == all->room) {
        size_t room = all->room ? 2 * all->room : 256;
        int64_t *ids = realloc(all->ids, room * sizeof *ids);
        if (!ids) return MIEN_ENOMEM;
        all->ids = ids;
        all->room = room;
    }
    all->ids[all->n++] = p->id;
    json_value_append(all->names, json_value_text(p->name), &all->failed);
    return 0;
}

/* A code of the gallery's. *all is to be freed in any case. */
static int list_subjects(struct collection_call *call, struct subjects *all) {
    *all = (struct subjects){.names = json_array()};
    return call->collection
               ? mien_gallery_persons(call->gallery, call->collection, NULL, 0, 0, see_subject, all)
               : MIEN_OK;
}

static void handle_list_subjects(struct request *r) {
    struct collection_call call;
    struct subjects all;
    json_t *object;
    int rc;

    if (compreface_begin(r, GALLERY_READ, &call)) return;
    rc = list_subjects(&call, &all);
    collection_end(&call);
    free(all.ids);
    if (rc) {
        json_decref(all.names);
        galleries_failed(r, rc);
        return;
    }
    object = json_object();
    json_value_set(object, "subjects", all.names, &all.failed);
    collection_reply(r, 200, object, all.failed);
}

/* The subject of a JSON body; -1 after replying. */
static int read_subject(struct request *r, char room[PARAM_TEXT], const char **subject) {
    *subject = NULL;
    if (collection_read_body(r) || param_text(r, "subject", room, subject)) return -1;
    if (*subject) return 0;
    compreface_error(r, 400, COMPREFACE_VALIDATION, "subject must say whose face it is");
    return -1;
}

static void add_subject(struct collection_call *call, const char *name) {
    mien_gallery_person made = {
        .struct_size = sizeof made, .collection = call->collection, .name = name};
    int64_t person;

    if (find_subject(call, name, 1, &person)) return;
    if (person) {
        compreface_error(call->request, 400, COMPREFACE_SUBJECT_EXISTS,
                         "there is such a subject in this collection already");
        return;
    }
    if (collection_change(call)) return;
    if (collection_changed(call, mien_gallery_person_add(call->gallery, &made, &person)) == 0)
        reply_one(call->request, 201, "subject", json_value_text(name));
}

static void handle_add_subject(struct request *r) {
    struct collection_call call;
    char room[PARAM_TEXT];
    const char *subject;

    if (read_subject(r, room, &subject) || compreface_begin(r, GALLERY_WRITE, &call)) return;
    add_subject(&call, subject);
    collection_end(&call);
}

/* A name that somebody has makes one person of both. */
static void rename_subject(struct collection_call *call, const char *from, const char *to) {
    int64_t person, other;
    int rc;

    if (find_subject(call, from, 0, &person) || find_subject(call, to, 1, &other) ||
        collection_change(call))
        return;
    if (other && other != person)
        rc = mien_gallery_merge(call->gallery, person, other, NULL);
    else
        rc = mien_gallery_rename(call->gallery, person, to, NULL);
    if (collection_changed(call, rc) == 0) reply_one(call->request, 200, "updated", json_true());
}

static void handle_rename_subject(struct request *r) {
    struct collection_call call;
    char room[PARAM_TEXT];
    const char *subject;

    if (read_subject(r, room, &subject) || compreface_begin(r, GALLERY_WRITE, &call)) return;
    rename_subject(&call, r->param[0], subject);
    collection_end(&call);
}

static int erase_person(struct collection_call *call, int64_t person) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(call->request)};
    int rc = mien_gallery_person_delete(call->gallery, person, &d);

    free(d.receipt);
    return rc;
}

static void handle_delete_subject(struct request *r) {
    struct collection_call call;
    int64_t person;
    int rc;

    if (compreface_begin(r, GALLERY_WRITE, &call)) return;
    if (find_subject(&call, r->param[0], 0, &person) == 0) {
        rc = erase_person(&call, person);
        if (rc)
            galleries_failed(r, rc);
        else
            reply_one(r, 200, "subject", json_value_text(r->param[0]));
    }
    collection_end(&call);
}

/* Ends with the request: those that are left are the next one's. */
static void handle_delete_subjects(struct request *r) {
    struct collection_call call;
    struct subjects all;
    size_t n = 0;
    int rc;

    if (compreface_begin(r, GALLERY_WRITE, &call)) return;
    rc = list_subjects(&call, &all);
    while (rc == MIEN_OK && n < all.n && !(rc = request_is_over(r)))
        rc = erase_person(&call, all.ids[n++]);
    if (rc)
        galleries_failed(r, rc);
    else
        reply_one(r, 200, "deleted", json_integer((json_int_t)n));
    free(all.ids);
    json_decref(all.names);
    collection_end(&call);
}

/* Examples. */

/* A page of them, and how many there are. */
struct examples {
    struct request *request;    /* whose listing ends when it is over */
    int64_t *samples, *persons; /* [room] */
    int n, room;
    int64_t from, all;
};

static int see_example(void *context, const mien_gallery_sample *s) {
    struct examples *e = context;

    if (e->all >= e->from && e->n < e->room) {
        e->samples[e->n] = s->id;
        e->persons[e->n++] = s->person;
    }
    e->all++;
    return e->all % LOOK == 0 && request_is_over(e->request);
}

static int room_for(struct request *r, struct examples *e, int room) {
    e->request = r;
    e->room = room;
    e->samples = calloc((size_t)room + 1, sizeof *e->samples);
    e->persons = calloc((size_t)room + 1, sizeof *e->persons);
    if (e->samples && e->persons) return 0;
    reply_error(r, 500, "internal", "the server is out of memory");
    return -1;
}

static void examples_free(struct examples *e) {
    free(e->samples);
    free(e->persons);
}

/* Those of a person, or of 0: of all. A code of the gallery's. */
static int list_examples(struct collection_call *call, int64_t person, struct examples *e) {
    int64_t contract = 0;
    int rc = enrolment_contract(call, 0, &contract);

    if (rc || !call->collection) return rc;
    if (person) return mien_gallery_samples(call->gallery, person, 0, 0, see_example, e);
    return contract ? mien_gallery_samples_under(call->gallery, call->collection, contract, 0, 0,
                                                 see_example, e)
                    : MIEN_OK;
}

static json_t *example_json(struct collection_call *call, int64_t sample, int64_t person,
                            int *failed) {
    char id[UUID_SIZE], name[PERSON_NAME];
    json_t *object = json_object();

    person_has_name(call->gallery, person, name);
    json_value_set(object, "image_id", json_string(uuid_text(sample, id)), failed);
    json_value_set(object, "subject", json_value_text(name), failed);
    return object;
}

static void reply_page(struct collection_call *call, const struct examples *e, int page, int size) {
    json_t *object = json_object(), *list = json_array();
    int failed = 0;

    for (int i = 0; i < e->n; i++)
        json_value_append(list, example_json(call, e->samples[i], e->persons[i], &failed), &failed);
    json_value_set(object, "faces", list, &failed);
    json_value_set(object, "page_number", json_integer(page), &failed);
    json_value_set(object, "page_size", json_integer(size), &failed);
    json_value_set(object, "total_pages", json_integer((e->all + size - 1) / size), &failed);
    json_value_set(object, "total_elements", json_integer(e->all), &failed);
    collection_reply(call->request, 200, object, failed);
}

static void handle_list_examples(struct request *r) {
    struct collection_call call;
    struct examples e = {.n = 0};
    int page = 0, size = PAGE, rc;
    char room[PARAM_TEXT];
    const char *subject = NULL;
    int64_t person = 0;

    if (enrolment_check(r) || param_int(r, "page", 0, PASSED_MOST, &page) ||
        param_int(r, "size", 1, PAGE_MOST, &size) || param_text(r, "subject", room, &subject))
        return;
    e.from = (int64_t)page * size;
    if (room_for(r, &e, size) == 0 && compreface_begin(r, GALLERY_READ, &call) == 0) {
        if (!subject || find_subject(&call, subject, 0, &person) == 0) {
            rc = list_examples(&call, person, &e);
            if (rc)
                galleries_failed(r, rc);
            else
                reply_page(&call, &e, page, size);
        }
        collection_end(&call);
    }
    examples_free(&e);
}

static void reply_added(struct request *r, const struct enrolment_result *result,
                        const char *subject) {
    const struct enrolled *done = &result->done;
    const unsigned several = 1U << GATE_SEVERAL_FACES;
    char id[UUID_SIZE];
    json_t *object;
    int failed = 0;

    if (result->status) {
        reply_error(r, result->status, result->code, "%s", done->why);
    } else if (done->outcome != ENROL_REFUSED) {
        object = json_object();
        json_value_set(object, "image_id", json_string(uuid_text(done->sample, id)), &failed);
        json_value_set(object, "subject", json_value_text(subject), &failed);
        collection_reply(r, 201, object, failed);
    } else if (done->reasons & 1U << GATE_NO_FACE) {
        compreface_error(r, 400, COMPREFACE_NO_FACE, "No face is found in the given image");
    } else if (done->reasons & several) {
        compreface_error(r, 400, COMPREFACE_MANY_FACES,
                         "Found more than one face in the given image");
    } else {
        compreface_error(r, 400, COMPREFACE_VALIDATION, done->why);
    }
}

static void handle_add_example(struct request *r) {
    static const struct body_key keys[] = {{"file", PICTURE_BYTES, BODY_ONE}, {.name = NULL}};
    static const char *const fields[] = {"file", NULL};
    static const struct uploads_want want = {.min = 1, .max = 1, .fields = fields, .keys = keys};
    char room[PARAM_TEXT], collection[SCOPES_SIZE];
    struct enrolment_want of = {.collection = scopes_collection(r->scopes, collection)};
    struct enrolment_result *result = NULL;
    double least = 0;
    struct uploads in;

    if (enrolment_check(r)) return;
    if (!scopes_allow(r->scopes, 1, collection)) {
        reply_error(r, 403, "forbidden", "this API key may not write in collection '%s'",
                    collection);
        return;
    }
    if (uploads_read(r, &want, &in)) return;
    if (param_text(r, "subject", room, &of.person) == 0 &&
        param_real(r, "det_prob_threshold", 0, 1, &least) == 0) {
        of.threshold = (float)least;
        of.is_name = 1;
        if (of.person)
            result = enrolment_run(r, &in, &of);
        else
            compreface_error(r, 400, COMPREFACE_VALIDATION, "subject must say whose face it is");
    }
    if (result) reply_added(r, result, of.person);
    free(result);
    uploads_free(&in);
}

static int erase_samples(struct collection_call *call, const int64_t *samples, int n) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(call->request)};
    int rc = mien_gallery_samples_delete(call->gallery, samples, n, &d);

    free(d.receipt);
    return rc;
}

/* Some at a time, while the request is not over: those that are left are the next one's. */
static void delete_examples(struct collection_call *call, int64_t person, struct examples *e) {
    int64_t n = 0, deleted = 0;
    int rc;

    do {
        e->n = 0;
        e->all = 0;
        rc = list_examples(call, person, e);
        if (rc == MIEN_OK)
            rc = collection_delete_samples(call, e->samples, e->persons, e->n, &deleted);
        n += deleted;
    } while (rc == MIEN_OK && e->all > e->n);
    if (rc)
        galleries_failed(call->request, rc);
    else
        reply_one(call->request, 200, "deleted", json_integer(n));
}

static void handle_delete_examples(struct request *r) {
    struct examples e = {.n = 0};
    struct collection_call call;
    char room[PARAM_TEXT];
    const char *subject = NULL;
    int64_t person = 0;

    if (enrolment_check(r) || param_text(r, "subject", room, &subject)) return;
    if (room_for(r, &e, DELETED_AT_ONCE) == 0 && compreface_begin(r, GALLERY_WRITE, &call) == 0) {
        if (!subject || find_subject(&call, subject, 0, &person) == 0)
            delete_examples(&call, person, &e);
        collection_end(&call);
    }
    examples_free(&e);
}

static void handle_delete_example(struct request *r) {
    struct collection_call call;
    int64_t sample, person;
    json_t *object;
    int failed = 0, rc;

    if (enrolment_check(r) || compreface_begin(r, GALLERY_WRITE, &call)) return;
    if (compreface_find_image(&call, r->param[0], &sample, NULL, &person) == 0) {
        object = example_json(&call, sample, person, &failed);
        rc = erase_samples(&call, &sample, 1);
        if (rc) {
            json_decref(object);
            galleries_failed(r, rc);
        } else {
            collection_reply(r, 200, object, failed);
        }
    }
    collection_end(&call);
}

/* A list of image ids; those that are not there are left out, as there. */
static void delete_listed(struct collection_call *call, const json_t *ids) {
    json_t *list = json_array();
    int failed = 0, rc = MIEN_OK;

    for (size_t i = 0; i < json_array_size(ids) && rc == MIEN_OK; i++) {
        const char *text = json_string_value(json_array_get(ids, i));
        int64_t sample, person;
        json_t *one;
        if (compreface_find_image(call, text ? text : "", &sample, NULL, &person)) continue;
        one = example_json(call, sample, person, &failed);
        rc = erase_samples(call, &sample, 1);
        if (rc == MIEN_OK)
            json_value_append(list, one, &failed);
        else
            json_decref(one);
    }
    if (rc) {
        json_decref(list);
        galleries_failed(call->request, rc);
    } else {
        reply_json(call->request, 200, failed ? NULL : list);
    }
}

static void handle_delete_listed(struct request *r) {
    struct collection_call call;
    json_error_t error;
    json_t *ids;

    if (enrolment_check(r)) return;
    ids = json_loadb((const char *)r->body.at, r->body.n, 0, &error);
    if (!json_is_array(ids) || json_array_size(ids) > DELETED_AT_ONCE) {
        compreface_error(r, 400, COMPREFACE_VALIDATION,
                         "the body must be a list of at most 1000 image ids");
    } else if (compreface_begin(r, GALLERY_WRITE, &call) == 0) {
        delete_listed(&call, ids);
        collection_end(&call);
    }
    json_decref(ids);
}

/* The face of an example, as it was kept. */
struct crop {
    uint8_t *bytes;
    size_t size;
};

static int see_crop(void *context, const mien_gallery_sample *s) {
    struct crop *crop = context;

    crop->bytes = malloc(s->crop_bytes + 1);
    if (!crop->bytes) return MIEN_ENOMEM;
    if (s->crop_bytes) memcpy(crop->bytes, s->crop, s->crop_bytes);
    crop->size = s->crop_bytes;
    return 0;
}

static void reply_image(struct request *r, const char *image) {
    struct crop crop = {.bytes = NULL};
    struct collection_call call;
    int64_t sample;
    int rc = MIEN_OK;

    if (enrolment_check(r) || compreface_begin(r, GALLERY_READ, &call)) return;
    if (compreface_find_image(&call, image, &sample, NULL, NULL) == 0) {
        rc = mien_gallery_sample_get(call.gallery, sample, see_crop, &crop);
        if (rc)
            galleries_failed(r, rc);
        else
            reply_bytes(r, 200, "image/png", crop.bytes, crop.size);
    }
    collection_end(&call);
}

static void handle_image(struct request *r) {
    reply_image(r, r->param[0]);
}

/* The path has the key, as an <img> can send no header. */
static void handle_static(struct request *r) {
    if (admit_key(r, r->param[0]) == 0)
        reply_image(r, r->param[1]);
    else if (r->reply.status == 400) /* it would be a missing header */
        compreface_error(r, 404, COMPREFACE_WRONG_KEY, "this API key is not known");
}

/* Their keys say which collection, so that scopes are looked at there: compreface_begin(). */
enum { WORK = ROUTE_WORK | ROUTE_LINKED };

static const struct route ROUTES[] = {
    {"GET", "/api/v1/recognition/subjects", WORK, handle_list_subjects},
    {"POST", "/api/v1/recognition/subjects", WORK, handle_add_subject},
    {"DELETE", "/api/v1/recognition/subjects", WORK, handle_delete_subjects},
    {"PUT", "/api/v1/recognition/subjects/{}", WORK, handle_rename_subject},
    {"DELETE", "/api/v1/recognition/subjects/{}", WORK, handle_delete_subject},
    {"GET", "/api/v1/recognition/faces", WORK, handle_list_examples},
    {"POST", "/api/v1/recognition/faces", WORK, handle_add_example},
    {"DELETE", "/api/v1/recognition/faces", WORK, handle_delete_examples},
    {"POST", "/api/v1/recognition/faces/delete", WORK, handle_delete_listed},
    {"DELETE", "/api/v1/recognition/faces/{}", WORK, handle_delete_example},
    {"GET", "/api/v1/recognition/faces/{}/img", WORK, handle_image},
    {"GET", "/api/v1/static/{}/images/{}", WORK | ROUTE_LATE_KEY, handle_static},
    {.path = NULL},
};

const struct api api_compreface_people = {.name = "compreface",
                                          .prefix = "/api/v1",
                                          .routes = ROUTES,
                                          .write_error = compreface_write_error};
