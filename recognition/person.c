#include "recognition/person.h"

#include <stdio.h>
#include <string.h>

struct named {
    int n;
    int64_t id;
    char ids[256]; /* of all, for the sentence */
};

static int see_named(void *context, const mien_gallery_person *p) {
    struct named *named = context;
    size_t used = strlen(named->ids);
    char id[MIEN_GALLERY_ID_SIZE];

    named->id = p->id;
    snprintf(named->ids + used, sizeof named->ids - used, "%s%s", named->n++ ? ", " : "",
             mien_gallery_id_text(p->id, id));
    return 0;
}

static int see_any(void *context, const mien_gallery_person *p) {
    *(int64_t *)context = p->id;
    return 0;
}

static int failed(int rc, char why[PERSON_WHY]) {
    snprintf(why, PERSON_WHY, "%s", mien_gallery_error());
    return rc;
}

int person_find(mien_gallery *gallery, int64_t collection, const char *text, int may_miss,
                int64_t *person, char why[PERSON_WHY]) {
    int rc;

    if (mien_gallery_id_read(text, person))
        return person_find_name(gallery, collection, text, may_miss, person, why);
    rc = mien_gallery_person_get(gallery, *person, see_any, person);
    return rc ? failed(rc, why) : MIEN_OK;
}

int person_find_name(mien_gallery *gallery, int64_t collection, const char *text, int may_miss,
                     int64_t *person, char why[PERSON_WHY]) {
    struct named named = {0};
    int rc;

    *person = 0;
    rc = mien_gallery_persons(gallery, collection, text, 0, 0, see_named, &named);
    if (rc) return failed(rc, why);
    if (named.n > 1) {
        snprintf(why, PERSON_WHY, "%d persons are called %.1000s: give one's id: %s", named.n, text,
                 named.ids);
        return MIEN_GALLERY_ECONFLICT;
    }
    if (named.n == 0 && !may_miss) {
        snprintf(why, PERSON_WHY, "nobody is called %.1000s", text);
        return MIEN_GALLERY_ENOTFOUND;
    }
    *person = named.id;
    return MIEN_OK;
}

static int copy_name(void *context, const mien_gallery_person *p) {
    snprintf(context, PERSON_NAME, "%s", *p->name ? p->name : "(no name)");
    return 0;
}

static int copy_any_name(void *context, const mien_gallery_person *p) {
    snprintf(context, PERSON_NAME, "%s", p->name);
    return 0;
}

int person_has_name(mien_gallery *gallery, int64_t person, char out[PERSON_NAME]) {
    out[0] = '\0';
    return mien_gallery_person_get(gallery, person, copy_any_name, out) == MIEN_OK && out[0];
}

const char *person_name(mien_gallery *gallery, int64_t person, char out[PERSON_NAME]) {
    if (mien_gallery_person_get(gallery, person, copy_name, out)) mien_gallery_id_text(person, out);
    return out;
}
