#include "eval/outcomes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A matrix of more labels is not read by anybody. */
enum { CONFUSION_MAX = 64 };

int subject_add(struct subject *s, const struct outcome *outcome) {
    if (s->n == s->capacity) {
        int capacity = s->capacity ? 2 * s->capacity : 256;
        struct outcome *at = realloc(s->at, (size_t)capacity * sizeof *at);
        if (!at) return MIEN_ENOMEM;
        s->at = at;
        s->capacity = capacity;
    }
    s->at[s->n++] = *outcome;
    return MIEN_OK;
}

void subject_free(struct subject *s) {
    free(s->at);
    memset(s, 0, sizeof *s);
}

/* The mean of mark m over the members. */
static struct figure figure_of(const struct subject *s, int m, const unsigned char *member) {
    double sum = 0, squares = 0;
    int n = 0;

    for (int i = 0; i < s->n; i++) {
        double v = s->at[i].marks[m];
        if (!member[s->at[i].sample] || isnan(v)) continue;
        sum += v;
        squares += v * v;
        n++;
    }
    return s->unit[m] == UNIT_SHARE ? metrics_share((int)sum, n) : metrics_mean(sum, squares, n);
}

struct table {
    struct report *report;
    const struct subject *const *subjects;
    int nsubjects, samples;
    const unsigned char *judged;
};

static int add_group(void *context, int n, const char *const *by, const char *const *value,
                     const unsigned char *member) {
    const struct table *t = context;
    struct report_row *row = report_add_row(t->report);
    int column = 0;

    if (!row) return MIEN_ENOMEM;
    row->nby = n;
    for (int i = 0; i < n; i++) {
        row->by[i] = by[i];
        row->value[i] = value[i];
    }
    for (int i = 0; i < t->samples; i++) row->n += member[i] && t->judged[i];
    for (int s = 0; s < t->nsubjects; s++)
        for (int m = 0; m < t->subjects[s]->nmarks; m++)
            row->figures[column++] = figure_of(t->subjects[s], m, member);
    return MIEN_OK;
}

static int add_calibration(const struct subject *s, struct report *r) {
    struct report_calibration *c = NULL;

    for (int i = 0; i < s->n; i++) {
        if (isnan(s->at[i].confidence)) continue;
        if (!c) c = report_add_calibration(r, s->name);
        if (!c) return MIEN_ENOMEM;
        calibration_add(&c->bins, s->at[i].confidence, s->at[i].marks[0] > 0);
    }
    return MIEN_OK;
}

/* Which labels a matrix has: all, or of too many those that are true of some sample.
 * place[nlabels]: their positions in it, -1. Returns how many. */
static int confusion_labels(const struct subject *s, int *place, const char **labels) {
    int n = 0;

    for (int k = 0; k < s->nlabels; k++) place[k] = s->nlabels > CONFUSION_MAX ? -1 : 0;
    for (int i = 0; i < s->n; i++) place[s->at[i].truth] = 0;
    for (int k = 0; k < s->nlabels; k++) {
        if (place[k] < 0) continue;
        labels[n] = s->labels[k];
        place[k] = n++;
    }
    return n;
}

static int add_confusion(const struct subject *s, struct report *r) {
    int *place = calloc((size_t)s->nlabels + 1, sizeof *place), rc = MIEN_OK, n;
    const char **labels = calloc((size_t)s->nlabels + 1, sizeof *labels);
    struct report_confusion *c = NULL;

    if (place && labels) {
        n = confusion_labels(s, place, labels);
        if (n > 1 && n <= CONFUSION_MAX) {
            c = report_add_confusion(r, s->name, n, labels);
            if (!c) rc = MIEN_ENOMEM;
        }
    } else {
        rc = MIEN_ENOMEM;
    }
    for (int i = 0; c && i < s->n; i++) {
        const struct outcome *o = &s->at[i];
        int answer = o->answer < 0 ? -1 : place[o->answer];
        c->counts[place[o->truth] * (c->n + 1) + (answer < 0 ? c->n : answer)]++;
    }
    free(place);
    free(labels);
    return rc;
}

static int add_mistakes(const struct subject *s, const struct samples *samples, int most,
                        struct report *r) {
    for (int i = 0; i < s->n && s->nlabels > 0; i++) {
        const struct outcome *o = &s->at[i];
        if (!(o->marks[0] < 1) || o->answer < 0) continue;
        const struct report_mistake mistake = {
            samples->at[o->sample].file, s->name,       s->labels[o->truth],
            s->labels[o->answer],        o->confidence, o->badness};
        if (report_add_mistake(r, &mistake, most)) return MIEN_ENOMEM;
    }
    return MIEN_OK;
}

int outcomes_report(const struct subject *const *subjects, int n, const struct samples *samples,
                    const struct groups *groups, const unsigned char *judged, int mistakes,
                    struct report *r) {
    struct table t = {r, subjects, n, samples->n, judged};
    int rc = MIEN_OK;

    for (int s = 0; s < n; s++)
        for (int m = 0; m < subjects[s]->nmarks; m++)
            if (!report_add_column(r, subjects[s]->name, subjects[s]->mark[m],
                                   subjects[s]->unit[m]))
                return MIEN_ENOMEM;
    rc = groups_each(groups, samples->n, add_group, &t);
    for (int s = 0; s < n && rc == MIEN_OK; s++) {
        rc = add_calibration(subjects[s], r);
        if (rc == MIEN_OK) rc = add_confusion(subjects[s], r);
        if (rc == MIEN_OK) rc = add_mistakes(subjects[s], samples, mistakes, r);
    }
    return rc;
}

/* Truth and answer, as labels or as numbers. */
static void write_answer(const struct subject *s, const struct outcome *o, FILE *out) {
    if (s->nlabels > 0) {
        csv_write(s->labels[o->truth], out);
        fputc(',', out);
        if (o->answer >= 0) csv_write(s->labels[o->answer], out);
    } else {
        fprintf(out, "%.9g,", o->true_value);
        if (!isnan(o->value)) fprintf(out, "%.9g", o->value);
    }
    fputc(',', out);
    if (!isnan(o->confidence)) fprintf(out, "%.6f", o->confidence);
}

void outcomes_write(const struct subject *const *subjects, int n, const struct samples *samples,
                    FILE *out) {
    fputs("file,subject,truth,answer,confidence,figure,mark\n", out);
    for (int s = 0; s < n; s++) {
        for (int i = 0; i < subjects[s]->n * subjects[s]->nmarks; i++) {
            const struct outcome *o = &subjects[s]->at[i / subjects[s]->nmarks];
            int m = i % subjects[s]->nmarks;
            csv_write(samples->at[o->sample].file, out);
            fprintf(out, ",%s,", subjects[s]->name);
            write_answer(subjects[s], o, out);
            fprintf(out, ",%s,", subjects[s]->mark[m]);
            if (!isnan(o->marks[m])) fprintf(out, "%.9g", o->marks[m]);
            fputc('\n', out);
        }
    }
}
