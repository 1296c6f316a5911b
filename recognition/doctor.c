#include "recognition/doctor.h"

#include "analysis/gate.h"
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "recognition/gallery_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Above all pairs of pictures of one person of LFW, the most similar of which are of one event: two
 * such samples are one picture. */
#define SAME_PICTURE 0.98f

int doctor_options(mien_gallery *gallery, int64_t collection, int64_t contract,
                   const struct network *embedder, mien_gallery_doctor_options *out,
                   int64_t *samples) {
    const mien_gallery_identify_options by = {.struct_size = sizeof by,
                                              .by = MIEN_GALLERY_BY_SAMPLE};
    struct gate_limits limits;
    int rc = mien_gallery_comparisons(gallery, collection, contract, &by, samples);

    if (rc) return rc;
    limits = gate_limits(embedder->net, (double)embedder->info.same_person, *samples);
    *out = (mien_gallery_doctor_options){.struct_size = sizeof *out,
                                         .own = (float)limits.own,
                                         .another = (float)limits.another,
                                         .same = SAME_PICTURE};
    return MIEN_OK;
}

/* As a word for a shell. */
static void write_word(FILE *out, const char *text) {
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fputc(*text, out);
    }
    fputc('\'', out);
}

static void write_samples(FILE *out, const mien_gallery_finding *f) {
    char id[MIEN_GALLERY_ID_SIZE];

    for (int i = 0; i < f->n; i++) fprintf(out, " %s", mien_gallery_id_text(f->samples[i], id));
}

static void write_repair(FILE *out, const mien_gallery_finding *f, const char *place) {
    char person[MIEN_GALLERY_ID_SIZE], other[MIEN_GALLERY_ID_SIZE];

    mien_gallery_id_text(f->person, person);
    mien_gallery_id_text(f->other, other);
    switch (f->kind) {
    case MIEN_GALLERY_MISLABELLED: fprintf(out, "mien gallery move %s", other); break;
    case MIEN_GALLERY_UNLIKE:
        fputs(f->n == 1 ? "mien gallery not-this-person " : "mien gallery split NAME", out);
        if (f->n == 1) fputs(person, out);
        break;
    case MIEN_GALLERY_CONFUSABLE: fprintf(out, "mien gallery merge %s %s", other, person); break;
    case MIEN_GALLERY_DUPLICATE: fputs("mien gallery delete", out); break;
    }
    if (f->kind != MIEN_GALLERY_CONFUSABLE) write_samples(out, f);
    if (!place) return;
    fputs(" --gallery ", out);
    write_word(out, place);
}

static void write_sentence(FILE *out, mien_gallery *gallery, const mien_gallery_finding *f) {
    char name[PERSON_NAME], other[PERSON_NAME], like[MIEN_GALLERY_ID_SIZE];
    const char *are = f->n == 1 ? "is" : "are";

    person_name(gallery, f->person, name);
    person_name(gallery, f->other, other);
    mien_gallery_id_text(f->like, like);
    if (f->kind == MIEN_GALLERY_CONFUSABLE) {
        fprintf(out, "%s and %s may be one person: their samples", name, other);
        write_samples(out, f);
        fprintf(out, " and %s have a similarity of %.2f", like, (double)f->similarity);
        return;
    }
    fprintf(out, "%s:", name);
    write_samples(out, f);
    if (f->kind == MIEN_GALLERY_DUPLICATE)
        fprintf(out, " is nearly the same as %s (similarity %.3f)", like, (double)f->similarity);
    else
        fprintf(out, " %s not like the others (similarity %.2f)", are, (double)f->own);
    if (f->kind == MIEN_GALLERY_MISLABELLED)
        fprintf(out, ", but like %s (%.2f)", other, (double)f->similarity);
}

/* What one of the two writes, as a text. */
static char *written(mien_gallery *gallery, const mien_gallery_finding *f, const char *place,
                     int repair) {
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    int failed;

    if (!out) return NULL;
    if (repair)
        write_repair(out, f, place);
    else
        write_sentence(out, gallery, f);
    failed = ferror(out);
    if (fclose(out) == 0 && !failed) return text;
    free(text);
    return NULL;
}

char *doctor_repair(const mien_gallery_finding *f, const char *place) {
    return written(NULL, f, place, 1);
}

char *doctor_sentence(mien_gallery *gallery, const mien_gallery_finding *f) {
    return written(gallery, f, NULL, 0);
}

json_t *doctor_json(mien_gallery *gallery, const mien_gallery_finding *f, const char *place,
                    int *failed) {
    json_t *object = json_object(), *samples = json_array();
    char name[PERSON_NAME], *repair = doctor_repair(f, place);

    for (int i = 0; i < f->n; i++)
        json_value_append(samples, gallery_json_id(f->samples[i]), failed);
    json_value_set(object, "kind", json_string(mien_gallery_finding_name((int)f->kind)), failed);
    json_value_set(object, "person", gallery_json_id(f->person), failed);
    json_value_set(object, "name", json_value_text(person_name(gallery, f->person, name)), failed);
    json_value_set(object, "samples", samples, failed);
    if (f->own > -1) json_value_set(object, "own", result_score(f->own), failed);
    if (f->kind != MIEN_GALLERY_UNLIKE) {
        json_value_set(object, "similarity", result_score(f->similarity), failed);
        json_value_set(object, "like", gallery_json_id(f->like), failed);
        json_value_set(object, "other", gallery_json_id(f->other), failed);
        json_value_set(object, "other_name", json_value_text(person_name(gallery, f->other, name)),
                       failed);
    }
    json_value_set(object, "repair", repair ? json_value_text(repair) : NULL, failed);
    free(repair);
    return object;
}
