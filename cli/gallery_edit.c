/* The commands that change people: gallery rename, merge, split, move, not-this-person, undo,
 * delete. */
#include "commands.h"
#include "common/json_values.h"
#include "files.h"
#include "output.h"
#include "recognition/gallery_json.h"
#include "say.h"
#include "shelf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was done: a line with how to undo it, or JSON. other: a person that came of it, 0: none. */
static int tell(const struct shelf *shelf, int64_t event, int64_t other, const char *sentence) {
    char id[MIEN_GALLERY_ID_SIZE];
    json_t *object;
    int failed = 0;

    if (shelf->as_lines) {
        printf("%s", sentence);
        if (other) printf(", as %s", mien_gallery_id_text(other, id));
        printf(" (event %lld: 'mien gallery undo %lld')\n", (long long)event, (long long)event);
        output_flush();
        return EXIT_OK;
    }
    object = json_object();
    json_value_set(object, "event", json_integer(event), &failed);
    json_value_set(object, "person", gallery_json_id(other), &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
    return EXIT_OK;
}

int cmd_gallery_rename(const struct options *opt) {
    struct shelf shelf;
    int64_t person = 0, event = 0;
    int status = shelf_open(opt, SHELF_WRITE, &shelf);

    if (status == EXIT_OK) status = shelf_person(&shelf, opt->args[0], 0, &person);
    if (status == EXIT_OK && mien_gallery_rename(shelf.gallery, person, opt->args[1], &event))
        status = shelf_say_error();
    if (status == EXIT_OK) status = tell(&shelf, event, 0, "renamed");
    shelf_close(&shelf);
    return status;
}

int cmd_gallery_merge(const struct options *opt) {
    struct shelf shelf;
    int64_t from = 0, into = 0, event = 0;
    int status = shelf_open(opt, SHELF_WRITE, &shelf);

    if (status == EXIT_OK) status = shelf_person(&shelf, opt->args[0], 0, &from);
    if (status == EXIT_OK) status = shelf_person(&shelf, opt->args[1], 0, &into);
    if (status == EXIT_OK && mien_gallery_merge(shelf.gallery, from, into, &event))
        status = shelf_say_error();
    if (status == EXIT_OK) status = tell(&shelf, event, 0, "merged");
    shelf_close(&shelf);
    return status;
}

int cmd_gallery_split(const struct options *opt) {
    struct shelf shelf;
    int64_t *samples = NULL, person = 0, event = 0;
    int n = opt->nargs - 1, status = shelf_open(opt, SHELF_WRITE, &shelf);

    if (status == EXIT_OK) status = shelf_samples(opt->args + 1, n, &samples);
    if (status == EXIT_OK &&
        mien_gallery_split(shelf.gallery, samples, n, opt->args[0], &person, &event))
        status = shelf_say_error();
    if (status == EXIT_OK) status = tell(&shelf, event, person, "split");
    free(samples);
    shelf_close(&shelf);
    return status;
}

int cmd_gallery_move(const struct options *opt) {
    struct shelf shelf;
    int64_t *samples = NULL, person = 0, event = 0;
    int n = opt->nargs - 1, status = shelf_open(opt, SHELF_WRITE, &shelf);

    if (status == EXIT_OK) status = shelf_person(&shelf, opt->args[0], 0, &person);
    if (status == EXIT_OK) status = shelf_samples(opt->args + 1, n, &samples);
    if (status == EXIT_OK && mien_gallery_move(shelf.gallery, samples, n, person, &event))
        status = shelf_say_error();
    if (status == EXIT_OK) status = tell(&shelf, event, 0, "moved");
    free(samples);
    shelf_close(&shelf);
    return status;
}

int cmd_gallery_not(const struct options *opt) {
    struct shelf shelf;
    int64_t *sample = NULL, person = 0, other = 0, event = 0;
    int status = shelf_open(opt, SHELF_WRITE, &shelf);

    if (status == EXIT_OK) status = shelf_person(&shelf, opt->args[0], 0, &person);
    if (status == EXIT_OK) status = shelf_samples(opt->args + 1, 1, &sample);
    if (status == EXIT_OK &&
        mien_gallery_not_this_person(shelf.gallery, *sample, person, &other, &event))
        status = shelf_say_error();
    if (status == EXIT_OK) status = tell(&shelf, event, other, "not this person");
    free(sample);
    shelf_close(&shelf);
    return status;
}

int cmd_gallery_undo(const struct options *opt) {
    struct shelf shelf;
    char *end;
    long long undone = strtoll(opt->args[0], &end, 10);
    int64_t event = 0;
    int status;

    if (*end || undone < 1)
        return say_usage(opt->command_name, "'%s' is no event: 'mien gallery history' lists them",
                         opt->args[0]);
    status = shelf_open(opt, SHELF_WRITE, &shelf);
    if (status == EXIT_OK && mien_gallery_undo(shelf.gallery, undone, &event))
        status = shelf_say_error();
    if (status == EXIT_OK) status = tell(&shelf, event, 0, "undone");
    shelf_close(&shelf);
    return status;
}

static int write_text(const void *text, FILE *out) {
    fputs(text, out);
    return 0;
}

static int tell_deletion(const struct shelf *shelf, const struct options *opt,
                         const mien_gallery_deletion *d) {
    int failed = 0, status = EXIT_OK;
    json_t *object;

    if (opt->receipt) status = files_write(opt->receipt, write_text, d->receipt);
    if (!d->complete)
        say("what was deleted is not out of all files: others are reading the gallery, then 'mien "
            "gallery check' empties its journal when they have ended; or it is in PostgreSQL, "
            "whose "
            "files are the server's to empty");
    if (shelf->as_lines) {
        printf("deleted, with %lld sample%s (event %lld)\n", (long long)d->samples,
               d->samples == 1 ? "" : "s", (long long)d->event);
        return status;
    }
    object = gallery_json_deletion(d, &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
    return status;
}

static int ignore_sample(void *context, const mien_gallery_sample *sample) {
    (void)context;
    (void)sample;
    return 0;
}

/* A person by id or name, or samples by their ids. */
static int delete_named(const struct shelf *shelf, const struct options *opt,
                        mien_gallery_deletion *deletion) {
    int64_t *samples = NULL, person = 0, first = 0;
    int rc = MIEN_OK, status = EXIT_OK;

    if (mien_gallery_id_read(opt->args[0], &first) == MIEN_OK &&
        mien_gallery_sample_get(shelf->gallery, first, ignore_sample, NULL) == MIEN_OK) {
        status = shelf_samples(opt->args, opt->nargs, &samples);
        if (status == EXIT_OK)
            rc = mien_gallery_samples_delete(shelf->gallery, samples, opt->nargs, deletion);
    } else if (opt->nargs > 1) {
        return say_usage(opt->command_name, "give one person, or samples");
    } else {
        status = shelf_person(shelf, opt->args[0], 0, &person);
        if (status == EXIT_OK) rc = mien_gallery_person_delete(shelf->gallery, person, deletion);
    }
    free(samples);
    return rc ? shelf_say_error() : status;
}

int cmd_gallery_delete(const struct options *opt) {
    mien_gallery_deletion deletion = {.struct_size = sizeof deletion};
    struct shelf shelf;
    int status = shelf_open(opt, SHELF_WRITE, &shelf);

    if (status == EXIT_OK) status = delete_named(&shelf, opt, &deletion);
    if (status == EXIT_OK) status = tell_deletion(&shelf, opt, &deletion);
    free(deletion.receipt);
    shelf_close(&shelf);
    return status;
}
