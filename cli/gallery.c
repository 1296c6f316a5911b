/* The commands gallery list, show and history: what a gallery has, and what happened. */
#include "commands.h"
#include "common/json_values.h"
#include "output.h"
#include "recognition/gallery_json.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>

int cmd_gallery(const struct options *opt) {
    return say_usage(opt->command_name,
                     "say what to do: list, show, history, rename, merge, split, "
                     "move, not-this-person, undo, delete, prove-deleted, "
                     "export, import, backup, check, rekey, doctor, index or migrate");
}

static json_t *person_json(const mien_gallery_person *p, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "id", gallery_json_id(p->id), failed);
    json_value_set(object, "name", json_value_text(p->name), failed);
    json_value_set(object, "samples", json_integer(p->samples), failed);
    json_value_set(object, "external_id", json_value_text(p->external_id), failed);
    json_value_set(object, "metadata", json_value_text(p->metadata), failed);
    gallery_json_add_times(object, p->created, p->updated, failed);
    return object;
}

/* Prints an object, or says that there is no memory. */
static int print(json_t *object, int failed) {
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
    return output_broken();
}

static int list_person(void *context, const mien_gallery_person *p) {
    const struct shelf *shelf = context;
    char id[MIEN_GALLERY_ID_SIZE];
    json_t *object;
    int failed = 0;

    if (shelf->as_lines) {
        printf("%s  %7lld  %s\n", mien_gallery_id_text(p->id, id), (long long)p->samples,
               *p->name ? p->name : "(no name)");
        return output_broken();
    }
    object = person_json(p, &failed);
    return print(object, failed);
}

int cmd_gallery_list(const struct options *opt) {
    struct shelf shelf;
    int rc = 0, status = shelf_open(opt, SHELF_READ, &shelf);

    if (status == EXIT_OK && !shelf.collection) {
        say("there is no collection %s", opt->collection);
        status = EXIT_FAILED;
    }
    if (status == EXIT_OK && shelf.as_lines) printf("%-16s  %7s  %s\n", "ID", "SAMPLES", "NAME");
    if (status == EXIT_OK)
        rc = mien_gallery_persons(shelf.gallery, shelf.collection, NULL, 0, 0, list_person, &shelf);
    if (rc < 0) status = shelf_say_error();
    shelf_close(&shelf);
    return status;
}

static json_t *box_json(const float box[4], int *failed) {
    json_t *array = json_array();

    for (int i = 0; i < 4; i++)
        json_value_append(array, json_value_number((double)box[i], 3), failed);
    return array;
}

/* What is told of a sample; its embedding is in exports. */
static json_t *sample_json(const mien_gallery_sample *s, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "id", gallery_json_id(s->id), failed);
    json_value_set(object, "contract", gallery_json_id(s->contract), failed);
    json_value_set(object, "quality",
                   s->quality < 0 ? json_null() : json_value_number((double)s->quality, 4), failed);
    json_value_set(object, "box", s->box[2] > s->box[0] ? box_json(s->box, failed) : json_null(),
                   failed);
    json_value_set(object, "source", json_value_text(s->source), failed);
    json_value_set(object, "crop_bytes", json_integer((json_int_t)s->crop_bytes), failed);
    json_value_set(object, "external_id", json_value_text(s->external_id), failed);
    json_value_set(object, "metadata", json_value_text(s->metadata), failed);
    json_value_set(object, "forced", json_value_text(s->forced), failed);
    gallery_json_add_times(object, s->created, s->updated, failed);
    return object;
}

struct shown {
    const struct shelf *shelf;
    json_t *person, *samples;
    int failed;
};

static int keep_person(void *context, const mien_gallery_person *p) {
    struct shown *shown = context;

    shown->person = person_json(p, &shown->failed);
    if (shown->shelf->as_lines)
        printf("%s: %lld %s\n", *p->name ? p->name : "(no name)", (long long)p->samples,
               p->samples == 1 ? "sample" : "samples");
    return 0;
}

static int keep_sample(void *context, const mien_gallery_sample *s) {
    struct shown *shown = context;
    char id[MIEN_GALLERY_ID_SIZE], time[GALLERY_JSON_TIME];

    if (!shown->shelf->as_lines) {
        json_value_append(shown->samples, sample_json(s, &shown->failed), &shown->failed);
        return 0;
    }
    printf("%s  %s  ", mien_gallery_id_text(s->id, id), gallery_json_time(s->created, time));
    if (s->quality >= 0) printf("quality %.2f  ", (double)s->quality);
    printf("%s%s%s%s\n", s->source ? s->source : "", s->forced ? " (" : "",
           s->forced ? s->forced : "", s->forced ? ")" : "");
    return output_broken();
}

static int show(const struct shelf *shelf, int64_t person) {
    struct shown shown = {.shelf = shelf, .samples = json_array()};
    int rc = mien_gallery_person_get(shelf->gallery, person, keep_person, &shown);

    if (rc == MIEN_OK) rc = mien_gallery_samples(shelf->gallery, person, 0, 0, keep_sample, &shown);
    if (rc == MIEN_OK && !shelf->as_lines) {
        json_value_set(shown.person, "samples", shown.samples, &shown.failed);
        print(shown.person, shown.failed);
        return EXIT_OK;
    }
    json_decref(shown.person);
    json_decref(shown.samples);
    return rc < 0 ? shelf_say_error() : EXIT_OK;
}

int cmd_gallery_show(const struct options *opt) {
    struct shelf shelf;
    int64_t person = 0;
    int status = shelf_open(opt, SHELF_READ, &shelf);

    if (status == EXIT_OK) status = shelf_person(&shelf, opt->args[0], 0, &person);
    if (status == EXIT_OK) status = show(&shelf, person);
    shelf_close(&shelf);
    return status;
}

static void print_event(const mien_gallery_event *e) {
    char time[GALLERY_JSON_TIME], id[MIEN_GALLERY_ID_SIZE];

    printf("%6lld  %s  %s", (long long)e->id, gallery_json_time(e->time, time),
           mien_gallery_event_name(e->kind));
    if (e->undoes) printf(" event %lld", (long long)e->undoes);
    if (e->person) printf("  %s", mien_gallery_id_text(e->person, id));
    if (e->other)
        printf(" %s %s", e->kind == MIEN_GALLERY_MERGED ? "with" : "and",
               mien_gallery_id_text(e->other, id));
    if (e->was && e->is) printf("  %s, now %s", e->was, e->is);
    if (e->samples) printf("  %lld sample%s", (long long)e->samples, e->samples == 1 ? "" : "s");
    if (*e->who) printf("  by %s", e->who);
    printf("%s\n", e->undone ? "  (undone)" : "");
}

static int tell_event(void *context, const mien_gallery_event *e) {
    const struct shelf *shelf = context;
    json_t *object;
    int failed = 0;

    if (shelf->as_lines) {
        print_event(e);
        return output_broken();
    }
    object = gallery_json_event(e, &failed);
    return print(object, failed);
}

int cmd_gallery_history(const struct options *opt) {
    struct shelf shelf;
    int64_t person = 0;
    int rc = 0, status = shelf_open(opt, SHELF_READ, &shelf);

    if (status == EXIT_OK && opt->nargs && mien_gallery_id_read(opt->args[0], &person))
        status =
            shelf_person(&shelf, opt->args[0], 0, &person); /* an id may be of one that is gone */
    if (status == EXIT_OK)
        rc = mien_gallery_events(shelf.gallery, person, 0, 0, tell_event, &shelf);
    if (rc < 0) status = shelf_say_error();
    shelf_close(&shelf);
    return status;
}
