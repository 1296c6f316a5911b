/*
 * `mien eval classify`: what a classifier says of pictures, against a folder a class or a CSV.
 */
#include "eval/outcomes.h"
#include "eval/task.h"
#include "eval/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Classes up to which each has its own figures by default. */
enum { FIRST = 5, SHOWN_CLASSES = 30 };

struct state {
    struct samples samples;
    struct groups groups;
    const char *by;
    int mistakes, column, nclasses;
    int *truth;            /* [samples] the class */
    const char **labels;   /* [nclasses] */
    char (*numbers)[24];   /* [nclasses] labels of those that have none */
    unsigned char *judged; /* [samples] */
    struct subject subject;
};

static void close_state(void *state) {
    struct state *s = state;

    groups_free(&s->groups);
    samples_free(&s->samples);
    subject_free(&s->subject);
    free(s->truth);
    free(s->labels);
    free(s->numbers);
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
    rc = samples_labelled(&s->samples, path, folder, o->pictures, o->where, &s->column, why);
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

/* The class a text means: a WordNet id, a label, or a number. -1: none. */
static int class_of(const struct state *s, const mien_net *net, const char *text) {
    double number;

    for (int k = 0; k < s->nclasses; k++) {
        const char *wnid = mien_class_wnid(net, k);
        if (wnid && strcmp(wnid, text) == 0) return k;
    }
    for (int k = 0; k < s->nclasses; k++) {
        const char *label = mien_class_label(net, k);
        if (label && words_same(label, text)) return k;
    }
    if (words_number(text, &number) || number < 0 || number >= s->nclasses) return -1;
    return number == floor(number) ? (int)number : -1;
}

static int read_truth(struct state *s, const mien_net *net, char why[EVAL_WHY]) {
    for (int i = 0; i < s->samples.n; i++) {
        const struct sample *sample = &s->samples.at[i];
        const char *text = sample->fields[s->column];
        int same = i > 0 && strcmp(text, s->samples.at[i - 1].fields[s->column]) == 0;
        s->truth[i] = same ? s->truth[i - 1] : *text ? class_of(s, net, text) : -1;
        if (s->truth[i] >= 0 || !*text) continue;
        return eval_fail(
            why, MIEN_EINVAL,
            "%s: '%.60s' is no class of the network: a WordNet id, a label or a number",
            sample->line ? s->samples.name : sample->file, text);
    }
    return MIEN_OK;
}

static int name_classes(struct state *s, const mien_net *net, char why[EVAL_WHY]) {
    size_t n = (size_t)s->nclasses + 1;

    s->labels = calloc(n, sizeof *s->labels);
    s->numbers = calloc(n, sizeof *s->numbers);
    if (!s->labels || !s->numbers) return eval_no_memory(why);
    for (int k = 0; k < s->nclasses; k++) {
        snprintf(s->numbers[k], sizeof s->numbers[k], "class %d", k);
        s->labels[k] = mien_class_label(net, k);
        if (!s->labels[k]) s->labels[k] = s->numbers[k];
    }
    s->subject = (struct subject){.name = "class",
                                  .nlabels = s->nclasses,
                                  .labels = s->labels,
                                  .nmarks = s->nclasses > FIRST ? 2 : 1,
                                  .mark = {"top_1", "top_5"},
                                  .unit = {UNIT_SHARE, UNIT_SHARE}};
    return MIEN_OK;
}

/* Classes that occur; `most` and more are not counted. */
static int count_classes(const struct state *s, int most) {
    int n = 0;

    for (int i = 0; i < s->samples.n && n < most; i++) {
        int seen = 0;
        for (int k = 0; k < i && !seen; k++) seen = s->truth[k] == s->truth[i];
        n += !seen;
    }
    return n;
}

static int begin(void *state, const struct networks *networks, char why[EVAL_WHY]) {
    struct state *s = state;
    const struct network *classifier = networks_giving(networks, MIEN_RESULT_CLASSES);
    const char *by = s->by;
    int rc;

    s->nclasses = classifier->info.classes;
    s->truth = calloc((size_t)s->samples.n + 1, sizeof *s->truth);
    s->judged = calloc((size_t)s->samples.n + 1, 1);
    rc = s->truth && s->judged ? name_classes(s, classifier->net, why) : eval_no_memory(why);
    if (rc == MIEN_OK) rc = read_truth(s, classifier->net, why);
    if (rc == MIEN_OK && !by && count_classes(s, SHOWN_CLASSES + 1) <= SHOWN_CLASSES)
        by = s->samples.columns_at[s->column];
    return rc ? rc : groups_make(&s->groups, &s->samples, by, why);
}

static int judge(void *state, int i, const struct analysis *a) {
    struct state *s = state;
    const struct item *item = analysis_item(a, MIEN_RESULT_CLASSES);
    struct outcome o = {.sample = i, .truth = s->truth[i], .value = NAN, .true_value = NAN};

    s->judged[i] = 1;
    if (o.truth < 0) return MIEN_OK;
    o.answer = item->classes[0].index;
    o.confidence = o.badness = (double)item->classes[0].score;
    o.marks[0] = o.answer == o.truth;
    for (int k = 0; k < item->top && k < FIRST; k++)
        o.marks[1] += item->classes[k].index == o.truth;
    return subject_add(&s->subject, &o);
}

static int report(void *state, struct report *r) {
    const struct state *s = state;
    const struct subject *subject = &s->subject;

    return outcomes_report(&subject, 1, &s->samples, &s->groups, s->judged, s->mistakes, r);
}

static void answers(const void *state, FILE *out) {
    const struct state *s = state;
    const struct subject *subject = &s->subject;

    outcomes_write(&subject, 1, &s->samples, out);
}

const struct eval_task eval_classify = {.name = "classify",
                                        .result = MIEN_RESULT_CLASSES,
                                        .classes = FIRST,
                                        .open = open_state,
                                        .close = close_state,
                                        .file = file,
                                        .keep = keep,
                                        .begin = begin,
                                        .judge = judge,
                                        .report = report,
                                        .answers = answers};
