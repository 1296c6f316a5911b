/*
 * `mien eval verify`: how often it is told rightly whether two pictures show one person, on LFW's
 * pairs or a CSV.
 */
#include "eval/pairs.h"
#include "eval/task.h"
#include "eval/verification.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is said of a pair one of whose pictures shows no face. */
#define NO_FACE (-1.0)

/* Shares of pairs of two persons who pass, and what the figure is called. */
static const struct rate {
    const char *name;
    double far;
} RATES[] = {{"tar_at_far_1", 0.01}, {"tar_at_far_0.1", 0.001}, {"tar_at_far_0.01", 0.0001}};
enum { NRATES = sizeof RATES / sizeof *RATES, COLUMNS = NRATES + 3 };

struct state {
    struct pairs pairs;
    const char *path;
    int mistakes, without_face, dims;
    float *embeddings;    /* [pictures][dims] */
    unsigned char *faces; /* [pictures] 1: there is one */
    struct verification_pair *judged;
    struct verification v;
    char **names; /* [pairs] of mistakes: both files */
};

static void close_state(void *state) {
    struct state *s = state;

    for (int i = 0; s->names && i < s->pairs.n; i++) free(s->names[i]);
    free(s->names);
    verification_free(&s->v);
    free(s->judged);
    free(s->embeddings);
    free(s->faces);
    pairs_free(&s->pairs);
    free(s);
}

static int open_state(const struct eval_options *o, const char *path,
                      const struct eval_folder *folder, void **state, char why[EVAL_WHY]) {
    struct state *s;
    int rc;

    *state = NULL;
    if (folder)
        return eval_fail(why, MIEN_EINVAL,
                         "%s is a folder: pairs are LFW's text file, or a table of a, b and same",
                         path);
    s = calloc(1, sizeof *s);
    if (!s) return eval_no_memory(why);
    s->path = path;
    s->mistakes = o->mistakes;
    rc = pairs_read(&s->pairs, path, o->pictures, why);
    if (rc)
        free(s);
    else
        *state = s;
    return rc;
}

static const char *file(const void *state, int i) {
    const struct state *s = state;

    return i < s->pairs.npictures ? s->pairs.pictures[i] : NULL;
}

static void keep(void *state, const unsigned char *chosen) {
    struct state *s = state;

    pairs_keep(&s->pairs, chosen);
}

static int begin(void *state, const struct networks *networks, char why[EVAL_WHY]) {
    struct state *s = state;
    size_t n = (size_t)s->pairs.npictures + 1;

    s->dims = item_width(networks_giving(networks, MIEN_RESULT_EMBEDDING));
    s->embeddings = calloc(n * (size_t)s->dims, sizeof *s->embeddings);
    s->faces = calloc(n, 1);
    s->judged = calloc((size_t)s->pairs.n + 1, sizeof *s->judged);
    s->names = calloc((size_t)s->pairs.n + 1, sizeof *s->names);
    if (!s->embeddings || !s->faces || !s->judged || !s->names) return eval_no_memory(why);
    if (s->pairs.n > 0) return MIEN_OK;
    return eval_fail(why, MIEN_EINVAL, "%s: of no pair both pictures are there", s->path);
}

static int judge(void *state, int i, const struct analysis *a) {
    struct state *s = state;
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);
    size_t dims = (size_t)s->dims;

    s->faces[i] = a->nfaces > 0;
    s->without_face += !s->faces[i];
    if (s->faces[i])
        memcpy(s->embeddings + (size_t)i * dims, item->values, dims * sizeof *s->embeddings);
    return MIEN_OK;
}

static double similarity_of(const struct state *s, const struct pair *pair) {
    const float *a = s->embeddings + (size_t)pair->a * (size_t)s->dims;
    const float *b = s->embeddings + (size_t)pair->b * (size_t)s->dims;
    double sum = 0;

    if (!s->faces[pair->a] || !s->faces[pair->b]) return NO_FACE;
    for (int i = 0; i < s->dims; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static int add_columns(struct report *r) {
    if (!report_add_column(r, "pairs", "accuracy", UNIT_SHARE)) return MIEN_ENOMEM;
    for (int i = 0; i < NRATES; i++)
        if (!report_add_column(r, "pairs", RATES[i].name, UNIT_SHARE)) return MIEN_ENOMEM;
    return report_add_column(r, "pairs", "eer", UNIT_SHARE) &&
                   report_add_column(r, "pairs", "threshold", UNIT_NUMBER)
               ? MIEN_OK
               : MIEN_ENOMEM;
}

/* A rate that not one of so few pairs of two persons is is not known. */
static int add_row(const struct verification *v, struct report *r) {
    struct report_row *row = report_add_row(r);

    if (!row) return MIEN_ENOMEM;
    row->n = v->n;
    row->figures[0] = verification_accuracy(v);
    for (int i = 0; i < NRATES; i++)
        row->figures[1 + i] = v->nothers * RATES[i].far >= 1
                                  ? verification_tar(v, verification_threshold(v, RATES[i].far))
                                  : metrics_share(0, 0);
    row->figures[COLUMNS - 2] = (struct figure){v->n, verification_eer(v), NAN, NAN};
    row->figures[COLUMNS - 1] = (struct figure){v->n, verification_best(v, -1), NAN, NAN};
    return MIEN_OK;
}

static double missed_at(const void *context, double far) {
    const struct verification *v = context;

    return 1 - verification_tar(v, verification_threshold(v, far)).value;
}

static int is_one(const struct state *s, int i, double threshold) {
    return s->judged[i].similarity >= threshold;
}

static const char *persons(int same) {
    return same ? "one person" : "two persons";
}

/* The pairs told wrongly by the threshold that is best for all, the farthest from it first. */
static int add_mistakes(struct state *s, struct report *r) {
    double threshold = verification_best(&s->v, -1);

    for (int i = 0; i < s->pairs.n; i++) {
        const struct pair *pair = &s->pairs.at[i];
        double similarity = s->judged[i].similarity;
        int told = is_one(s, i, threshold);
        if (told == pair->same) continue;
        if (asprintf(&s->names[i], "%s %s", s->pairs.pictures[pair->a],
                     s->pairs.pictures[pair->b]) < 0) {
            s->names[i] = NULL;
            return MIEN_ENOMEM;
        }
        const struct report_mistake mistake = {s->names[i],         "pairs",
                                               persons(pair->same), persons(told),
                                               similarity,          fabs(similarity - threshold)};
        if (report_add_mistake(r, &mistake, s->mistakes)) return MIEN_ENOMEM;
    }
    return MIEN_OK;
}

static int report(void *state, struct report *r) {
    struct state *s = state;
    int rc;

    for (int i = 0; i < s->pairs.n; i++) {
        const struct pair *pair = &s->pairs.at[i];
        s->judged[i] = (struct verification_pair){pair->same, pair->fold, similarity_of(s, pair)};
    }
    r->unanswered = "without a face";
    r->nunanswered = s->without_face;
    rc = verification_make(&s->v, s->judged, s->pairs.n);
    if (rc == MIEN_OK) rc = add_columns(r);
    if (rc == MIEN_OK) rc = add_row(&s->v, r);
    if (rc == MIEN_OK && s->v.nothers && s->v.nsame &&
        report_add_tradeoff(r, "far", "frr", "Pairs of one person missed, and of two taken for one",
                            s->v.nothers, missed_at, &s->v))
        rc = MIEN_ENOMEM;
    return rc ? rc : add_mistakes(s, r);
}

static void answers(const void *state, FILE *out) {
    const struct state *s = state;
    double threshold = verification_best(&s->v, -1);

    fputs("a,b,truth,answer,similarity,fold\n", out);
    for (int i = 0; i < s->pairs.n; i++) {
        const struct pair *pair = &s->pairs.at[i];
        csv_write(s->pairs.pictures[pair->a], out);
        fputc(',', out);
        csv_write(s->pairs.pictures[pair->b], out);
        fprintf(out, ",%s,%s,%.6f,%d\n", persons(pair->same), persons(is_one(s, i, threshold)),
                s->judged[i].similarity, pair->fold);
    }
}

const struct eval_task eval_verify = {.name = "verify",
                                      .result = MIEN_RESULT_EMBEDDING,
                                      .open = open_state,
                                      .close = close_state,
                                      .file = file,
                                      .keep = keep,
                                      .begin = begin,
                                      .judge = judge,
                                      .report = report,
                                      .answers = answers};
