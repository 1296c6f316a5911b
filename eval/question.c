#include "eval/question.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_mark(struct subject *s, const char *name, enum report_unit unit) {
    s->mark[s->nmarks] = name;
    s->unit[s->nmarks++] = unit;
}

/* Numbers that are known: of years, groups have none. */
static int has_numbers(const struct question *q, int samples) {
    for (int i = 0; i < samples; i++)
        if (!isnan(q->truths.number[i])) return 1;
    return 0;
}

static void add_marks(struct question *q, int samples) {
    if (q->truths.kind != TRUTH_NUMBER) add_mark(&q->subject, "accuracy", UNIT_SHARE);
    if (q->truths.kind == TRUTH_YEARS) add_mark(&q->subject, "within_one", UNIT_SHARE);
    if (q->truths.kind == TRUTH_YEARS && has_numbers(q, samples))
        add_mark(&q->subject, "mean_error", UNIT_YEARS);
    if (q->truths.kind == TRUTH_NUMBER)
        add_mark(&q->subject, "mean_error",
                 q->attribute.kind == MIEN_ANGLES ? UNIT_DEGREES : UNIT_NUMBER);
}

int question_make(struct question **out, const char *name, const mien_attribute *attribute,
                  int part, const struct samples *samples, int column, char why[EVAL_WHY]) {
    struct question *q = *out = calloc(1, sizeof *q);
    int rc;

    if (!q) return eval_no_memory(why);
    q->attribute = *attribute;
    q->part = part;
    q->subject.name = name;
    rc = truths_read(&q->truths, attribute, samples, column, why);
    if (rc) {
        question_free(q);
        *out = NULL;
        return rc;
    }
    add_marks(q, samples->n);
    q->subject.nlabels = q->truths.nlabels;
    q->subject.labels = q->truths.labels;
    return MIEN_OK;
}

void question_free(struct question *q) {
    subject_free(&q->subject);
    truths_free(&q->truths);
    free(q);
}

/* The likeliest class; of equals the first. */
static void judge_label(const struct question *q, const float *values, struct outcome *o) {
    const mien_attribute *t = &q->attribute;
    double best = -1;

    for (int c = 0; c < q->subject.nlabels; c++) {
        double p = 0;
        for (int i = 0; i < t->count; i++)
            if (q->truths.member[c * t->count + i]) p += (double)values[t->first + i];
        if (!(p > best)) continue;
        best = p;
        o->answer = c;
    }
    if (o->answer >= 0) o->confidence = fmin(best, 1);
    o->marks[0] = o->answer == o->truth;
    o->badness = o->confidence;
}

static void judge_yes(const struct question *q, const float *values, struct outcome *o) {
    double p = (double)values[q->attribute.first];

    if (isnan(p)) return;
    o->answer = p >= 0.5;
    o->confidence = fmax(p, 1 - p);
    o->marks[0] = o->answer == o->truth;
    o->badness = o->confidence;
}

/* The probability that the years are in group k of the data, of a network that tells one a group of
 * its own: years are as likely everywhere in a group. */
static double group_share(const struct question *q, const float *shares, int k) {
    const mien_attribute *t = &q->attribute;
    double from = k > 0 ? q->truths.first[k] : -INFINITY, sum = 0;
    double to = k + 1 < q->subject.nlabels ? q->truths.first[k + 1] : INFINITY;

    for (int i = 0; i < t->groups; i++) {
        double low = t->group_edges[i], high = t->group_edges[i + 1];
        double shared = fmin(high, to) - fmax(low, from);
        if (shared > 0) sum += (double)shares[i] * shared / (high - low);
    }
    return sum;
}

/* The group that is answered, of a value and what is beside it (mien_attribute): the likeliest, or
 * that of the years, which begins with its first: 2.9 years are in 0-2. */
static void answer_group(const struct question *q, const float *values, struct outcome *o) {
    double years = (double)values[0], best = -1;

    if (q->attribute.groups == 0) {
        o->answer = q->subject.nlabels - 1;
        while (o->answer > 0 && years < q->truths.first[o->answer]) o->answer--;
        return;
    }
    for (int k = 0; k < q->subject.nlabels; k++) {
        double share = group_share(q, values + 3, k);
        if (!(share > best)) continue;
        best = share;
        o->answer = k;
    }
    if (best >= 0) o->confidence = fmin(best, 1);
}

static void judge_years(const struct question *q, int sample, const float *values,
                        struct outcome *o) {
    double years = (double)values[q->attribute.first];
    int apart;

    if (isnan(years)) return;
    answer_group(q, values + q->attribute.first, o);
    if (o->answer == NO_ANSWER) return;
    apart = abs(o->answer - o->truth);
    o->marks[0] = apart == 0;
    o->marks[1] = apart <= 1;
    o->marks[2] = fabs(years - q->truths.number[sample]);
    o->badness = isnan(o->marks[2]) ? apart : o->marks[2];
}

static void judge_number(const struct question *q, const float *values, struct outcome *o) {
    o->value = (double)values[q->attribute.first + q->part];
    o->marks[0] = fabs(o->value - o->true_value);
}

int question_judge(struct question *q, int sample, const float *values) {
    struct outcome o = {.sample = sample,
                        .truth = q->truths.label[sample],
                        .answer = NO_ANSWER,
                        .true_value = q->truths.number[sample],
                        .value = NAN,
                        .confidence = NAN};

    if (q->truths.kind == TRUTH_NUMBER ? isnan(o.true_value) : o.truth < 0) return MIEN_OK;
    /* No answer is a wrong one; how far off it is cannot be said. */
    for (int m = 0; m < MARKS_MAX; m++)
        o.marks[m] = m < q->subject.nmarks && q->subject.unit[m] == UNIT_SHARE ? 0 : NAN;
    if (values) {
        switch (q->truths.kind) {
        case TRUTH_LABEL: judge_label(q, values, &o); break;
        case TRUTH_YES: judge_yes(q, values, &o); break;
        case TRUTH_YEARS: judge_years(q, sample, values, &o); break;
        case TRUTH_NUMBER: judge_number(q, values, &o); break;
        }
    }
    return subject_add(&q->subject, &o);
}
