#include "eval/open_set.h"

#include "mien.h"

#include <math.h>
#include <stdlib.h>

/* Half of those who have a face, by selection sampling: enrolled[people] is 1 for them. */
static void draw_people(const struct open_set *o, uint64_t *seed, unsigned char *enrolled) {
    int left = 0, wanted;

    for (int i = 0; i < o->people; i++) enrolled[i] = 0;
    for (int i = 0; i < o->n; i++)
        if (o->person[i] >= 0) enrolled[o->person[i]] = 1;
    for (int i = 0; i < o->people; i++) left += enrolled[i];
    wanted = (left + 1) / 2;
    for (int i = 0; i < o->people; i++) {
        if (!enrolled[i]) continue;
        enrolled[i] = (unsigned char)(random_below(seed, left--) < wanted);
        wanted -= enrolled[i];
    }
}

/* Which faces are what; counts: [people], zeros, with how many faces each has left. */
static void give_roles(struct open_set *o, int samples, uint64_t *seed,
                       const unsigned char *enrolled, int *faces, int *wanted) {
    for (int i = 0; i < o->n; i++)
        if (o->person[i] >= 0) faces[o->person[i]]++;
    for (int i = 0; i < o->people; i++) wanted[i] = faces[i] < samples ? faces[i] : samples;
    for (int i = 0; i < o->n; i++) {
        int p = o->person[i];
        if (p < 0) continue;
        if (!enrolled[p]) {
            o->at[i].role = OPEN_SET_STRANGER;
            o->nstrangers++;
        } else if (random_below(seed, faces[p]--) < wanted[p]) {
            o->at[i].role = OPEN_SET_ENROLLED;
            wanted[p]--;
        } else {
            o->at[i].role = OPEN_SET_KNOWN;
            o->nknown++;
        }
    }
}

/* templates: [people][dims], zeros. */
static void make_templates(const struct open_set *o, double *templates) {
    size_t dims = (size_t)o->dims;

    for (int i = 0; i < o->n; i++) {
        if (o->at[i].role != OPEN_SET_ENROLLED) continue;
        for (size_t j = 0; j < dims; j++)
            templates[(size_t)o->person[i] * dims + j] +=
                (double)o->embeddings[(size_t)i * dims + j];
    }
    for (int p = 0; p < o->people; p++) {
        double length = 0, *t = templates + (size_t)p * dims;
        for (size_t j = 0; j < dims; j++) length += t[j] * t[j];
        for (size_t j = 0; j < dims && length > 0; j++) t[j] /= sqrt(length);
    }
}

/* similarities: [people], of those enrolled. */
static void compare(struct open_set *o, int i, const double *templates,
                    const unsigned char *enrolled, double *similarities) {
    const float *v = o->embeddings + (size_t)i * (size_t)o->dims;
    struct open_set_face *f = &o->at[i];

    f->best = -1;
    for (int p = 0; p < o->people; p++) {
        const double *t = templates + (size_t)p * (size_t)o->dims;
        if (!enrolled[p]) continue;
        similarities[p] = 0;
        for (int j = 0; j < o->dims; j++) similarities[p] += t[j] * (double)v[j];
        if (f->best < 0 || similarities[p] > similarities[f->best]) f->best = p;
    }
    f->similarity = f->best < 0 ? -1 : similarities[f->best];
    for (int p = 0; p < o->people && f->role == OPEN_SET_KNOWN; p++)
        f->rank += enrolled[p] && similarities[p] > similarities[o->person[i]];
}

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

static void compare_all(struct open_set *o, const double *templates, const unsigned char *enrolled,
                        double *similarities) {
    int n = 0;

    for (int i = 0; i < o->n; i++) {
        if (o->at[i].role != OPEN_SET_KNOWN && o->at[i].role != OPEN_SET_STRANGER) continue;
        compare(o, i, templates, enrolled, similarities);
        if (o->at[i].role == OPEN_SET_STRANGER) o->strangers[n++] = o->at[i].similarity;
    }
    if (n > 1) qsort(o->strangers, (size_t)n, sizeof *o->strangers, falling);
}

int open_set_run(struct open_set *o, int samples, uint64_t seed) {
    size_t people = (size_t)o->people + 1;
    unsigned char *enrolled = calloc(people, 1);
    int *counts = calloc(2 * people, sizeof *counts), rc = MIEN_ENOMEM;
    double *templates = calloc(people * ((size_t)o->dims + 1), sizeof *templates);
    double *similarities = calloc(people, sizeof *similarities);

    o->at = calloc((size_t)o->n + 1, sizeof *o->at);
    o->strangers = calloc((size_t)o->n + 1, sizeof *o->strangers);
    if (enrolled && counts && templates && similarities && o->at && o->strangers) {
        draw_people(o, &seed, enrolled);
        give_roles(o, samples, &seed, enrolled, counts, counts + people);
        make_templates(o, templates);
        compare_all(o, templates, enrolled, similarities);
        rc = MIEN_OK;
    }
    free(enrolled);
    free(counts);
    free(templates);
    free(similarities);
    return rc;
}

void open_set_free(struct open_set *o) {
    free(o->at);
    free(o->strangers);
    o->at = NULL;
    o->strangers = NULL;
}

double open_set_threshold(const struct open_set *o, double fpir) {
    int passing = (int)(fpir * o->nstrangers + 1e-9);

    return passing < o->nstrangers ? o->strangers[passing] : -2;
}

static int is_found(const struct open_set *o, int i, double threshold) {
    const struct open_set_face *f = &o->at[i];

    return f->role == OPEN_SET_KNOWN && f->best == o->person[i] && f->similarity > threshold;
}

struct figure open_set_fnir(const struct open_set *o, double threshold) {
    int found = 0;

    for (int i = 0; i < o->n; i++) found += is_found(o, i, threshold);
    return metrics_share(o->nknown - found, o->nknown);
}

struct figure open_set_precision(const struct open_set *o, double threshold) {
    int found = 0, named = 0;

    for (int i = 0; i < o->n; i++) {
        const struct open_set_face *f = &o->at[i];
        int is_probe = f->role == OPEN_SET_KNOWN || f->role == OPEN_SET_STRANGER;
        found += is_found(o, i, threshold);
        named += is_probe && f->similarity > threshold;
    }
    return metrics_share(found, named);
}

struct figure open_set_top(const struct open_set *o, int rank) {
    int n = 0;

    for (int i = 0; i < o->n; i++) n += o->at[i].role == OPEN_SET_KNOWN && o->at[i].rank < rank;
    return metrics_share(n, o->nknown);
}
