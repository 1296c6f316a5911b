/*
 * `mien eval attributes`: what networks tell of faces, against a table of labels. A column belongs
 * to the attribute of its name; what its labels mean to the network is question.c's to say.
 */
#include "eval/question.h"
#include "eval/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUESTIONS_MAX = 64 };

struct state {
    struct samples samples;
    struct groups groups;
    const char *by;
    int mistakes, nquestions, unanswered;
    struct question *questions[QUESTIONS_MAX];
    unsigned char *judged; /* [samples] */
};

static void close_state(void *state) {
    struct state *s = state;

    for (int i = 0; i < s->nquestions; i++) question_free(s->questions[i]);
    groups_free(&s->groups);
    samples_free(&s->samples);
    free(s->judged);
    free(s);
}

static int open_state(const struct eval_options *o, const char *path,
                      const struct eval_folder *folder, void **state, char why[EVAL_WHY]) {
    struct state *s = *state = calloc(1, sizeof *s);
    int rc;

    if (!s) return eval_no_memory(why);
    s->mistakes = o->mistakes;
    s->by = o->by;
    rc = folder ? samples_utkface(&s->samples, folder, why)
                : samples_read(&s->samples, path, o->pictures, why);
    if (rc == MIEN_OK && o->where) rc = samples_where(&s->samples, o->where, why);
    if (rc == MIEN_OK) return MIEN_OK;
    close_state(s);
    *state = NULL;
    return rc;
}

static const char *file(const void *state, int i) {
    const struct state *s = state;

    return i < s->samples.n ? s->samples.at[i].file : NULL;
}

static void keep(void *state, const unsigned char *chosen) {
    struct state *s = state;

    samples_keep(&s->samples, chosen);
}

/* Adds the questions an attribute answers: one, or of angles one each. */
static int add_questions(struct state *s, int network, const mien_attribute *attribute,
                         char why[EVAL_WHY]) {
    static const char *const angles[] = {"pitch", "yaw", "roll"};
    int parts = attribute->kind == MIEN_ANGLES ? 3 : 1, rc = MIEN_OK;

    if (attribute->kind == MIEN_POINTS) return MIEN_OK;
    for (int k = 0; k < parts && rc == MIEN_OK; k++) {
        const char *name = parts > 1 ? angles[k] : attribute->name;
        int column = samples_column(&s->samples, name);
        if (column < 0 || s->nquestions == QUESTIONS_MAX) continue;
        rc = question_make(&s->questions[s->nquestions], name, attribute, k, &s->samples, column,
                           why);
        if (rc == MIEN_OK) s->questions[s->nquestions++]->network = network;
    }
    return rc;
}

static int begin(void *state, const struct networks *networks, char why[EVAL_WHY]) {
    struct state *s = state;
    mien_attribute attribute = {.struct_size = sizeof attribute};
    int rc = groups_make(&s->groups, &s->samples, s->by, why);

    s->judged = calloc((size_t)s->samples.n + 1, 1);
    if (!s->judged) return eval_no_memory(why);
    for (int k = 0; k < networks->n; k++) {
        const struct network *network = &networks->at[k];
        if (!network->net || network->task.result != MIEN_RESULT_ATTRIBUTES ||
            network->task.item != MIEN_ITEM_FACE)
            continue;
        for (int t = 0; rc == MIEN_OK && t < network->info.attributes; t++)
            if (mien_attribute_at(network->net, t, &attribute) == MIEN_OK)
                rc = add_questions(s, k, &attribute, why);
    }
    if (rc == MIEN_OK && s->nquestions == 0)
        rc = eval_fail(why, MIEN_EINVAL, "%s: no column is called as what the networks tell",
                       s->samples.name);
    return rc;
}

static int judge(void *state, int i, const struct analysis *a) {
    struct state *s = state;
    int rc = MIEN_OK;

    s->judged[i] = 1;
    s->unanswered += a->nfaces == 0;
    for (int q = 0; q < s->nquestions && rc == MIEN_OK; q++) {
        const struct question *question = s->questions[q];
        const float *values = a->nfaces > 0 ? a->item[question->network].values : NULL;
        rc = question_judge(s->questions[q], i, values);
    }
    return rc;
}

/* The questions' subjects. */
static int subjects_of(const struct state *s, const struct subject *subjects[QUESTIONS_MAX]) {
    for (int q = 0; q < s->nquestions; q++) subjects[q] = &s->questions[q]->subject;
    return s->nquestions;
}

static int report(void *state, struct report *r) {
    const struct state *s = state;
    const struct subject *subjects[QUESTIONS_MAX];
    int n = subjects_of(s, subjects);

    r->unanswered = "without a face";
    r->nunanswered = s->unanswered;
    return outcomes_report(subjects, n, &s->samples, &s->groups, s->judged, s->mistakes, r);
}

static void answers(const void *state, FILE *out) {
    const struct state *s = state;
    const struct subject *subjects[QUESTIONS_MAX];
    int n = subjects_of(s, subjects);

    outcomes_write(subjects, n, &s->samples, out);
}

const struct eval_task eval_attributes = {.name = "attributes",
                                          .result = MIEN_RESULT_ATTRIBUTES,
                                          .open = open_state,
                                          .close = close_state,
                                          .file = file,
                                          .keep = keep,
                                          .begin = begin,
                                          .judge = judge,
                                          .report = report,
                                          .answers = answers};
