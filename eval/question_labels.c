#include "eval/question_labels.h"

#include "eval/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Texts of a column that differ. */
enum { TEXTS_MAX = 1000 };

static int wrong(const struct samples *s, int sample, int column, char why[EVAL_WHY],
                 const char *what) {
    const char *field = s->at[sample].fields[column];

    if (s->at[sample].line == 0)
        return eval_fail(why, MIEN_EINVAL, "%s: %s '%.60s' %s", s->at[sample].file,
                         s->columns_at[column], field, what);
    return eval_fail(why, MIEN_EINVAL, "%s:%d: %s '%.60s' %s", s->name, s->at[sample].line,
                     s->columns_at[column], field, what);
}

/* "is none of male, female". */
static int unknown(const struct question *q, const struct samples *s, int sample, int column,
                   char why[EVAL_WHY]) {
    char what[400] = "is none of";
    size_t n = strlen(what);

    for (int i = 0; i < q->attribute.count && n + 40 < sizeof what; i++)
        n += (size_t)snprintf(what + n, sizeof what - n, "%s %.36s", i ? "," : "",
                              q->attribute.labels[i]);
    return wrong(s, sample, column, why, what);
}

/* The classes of a distribution as they are found. */
struct classes {
    int n, ntexts;
    unsigned char *member;       /* [n][count], room for TEXTS_MAX + count */
    const char **name;           /* [n] */
    const char *text[TEXTS_MAX]; /* what the column says */
    int of_text[TEXTS_MAX];      /* the class it means */
};

/* The class whose labels the candidate behind the last has, or else that one: n. -1: it shares some
 * of them with another. */
static int class_of_candidate(const struct classes *c, int count) {
    const unsigned char *candidate = c->member + (size_t)c->n * (size_t)count;

    for (int k = 0; k < c->n; k++) {
        const unsigned char *other = c->member + (size_t)k * (size_t)count;
        int shared = 0;
        if (memcmp(candidate, other, (size_t)count) == 0) return k;
        for (int i = 0; i < count; i++) shared += candidate[i] && other[i];
        if (shared) return -1;
    }
    return c->n;
}

/* The class that sample's text means; a new one where it is the first to have it. */
static int find_class(const struct question *q, struct classes *c, const struct samples *s,
                      int sample, int column, int *class, char why[EVAL_WHY]) {
    const char *field = s->at[sample].fields[column];
    int count = q->attribute.count;

    for (int i = 0; i < c->ntexts; i++) {
        if (strcmp(c->text[i], field) != 0) continue;
        *class = c->of_text[i];
        return MIEN_OK;
    }
    if (c->ntexts == TEXTS_MAX) return wrong(s, sample, column, why, "is one text too many");
    if (!words_labels(field, q->attribute.labels, count, c->member + (size_t)c->n * (size_t)count))
        return unknown(q, s, sample, column, why);
    *class = class_of_candidate(c, count);
    if (*class < 0)
        return wrong(s, sample, column, why, "is a part of another label of the column");
    if (*class == c->n) c->name[c->n++] = field;
    c->text[c->ntexts] = field;
    c->of_text[c->ntexts++] = *class;
    return MIEN_OK;
}

/* Adds a class for each label that is in none. */
static void add_the_others(const struct question *q, struct classes *c) {
    int count = q->attribute.count;

    for (int i = 0; i < count; i++) {
        int in = 0;
        for (int k = 0; k < c->n && !in; k++) in = c->member[k * count + i];
        if (in) continue;
        memset(c->member + (size_t)c->n * (size_t)count, 0, (size_t)count);
        c->member[c->n * count + i] = 1;
        c->name[c->n++] = q->attribute.labels[i];
    }
}

/* Classes in the order of the network's labels. */
static int order_classes(struct question *q, const struct classes *c, int samples,
                         char why[EVAL_WHY]) {
    int count = q->attribute.count, placed = 0;
    int *place = malloc(((size_t)c->n + 1) * sizeof *place);

    q->labels = calloc((size_t)c->n + 1, sizeof *q->labels);
    q->member = calloc((size_t)c->n + 1, (size_t)count);
    if (!place || !q->labels || !q->member) {
        free(place);
        return eval_no_memory(why);
    }
    for (int k = 0; k < c->n; k++) place[k] = -1;
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < c->n; k++) {
            if (!c->member[k * count + i] || place[k] >= 0) continue;
            q->labels[placed] = c->name[k];
            memcpy(q->member + (size_t)placed * (size_t)count,
                   c->member + (size_t)k * (size_t)count, (size_t)count);
            place[k] = placed++;
        }
    }
    for (int i = 0; i < samples; i++)
        if (q->truth[i] >= 0) q->truth[i] = place[q->truth[i]];
    q->subject.nlabels = placed;
    free(place);
    return MIEN_OK;
}

static int read_classes(struct question *q, const struct samples *s, int column,
                        char why[EVAL_WHY]) {
    size_t count = (size_t)q->attribute.count, room = TEXTS_MAX + count + 1;
    struct classes *c = calloc(1, sizeof *c);
    int rc = MIEN_OK;

    if (c) {
        c->member = calloc(room, count);
        c->name = calloc(room, sizeof *c->name);
    }
    if (!c || !c->member || !c->name) rc = eval_no_memory(why);
    for (int i = 0; rc == MIEN_OK && i < s->n; i++)
        if (*s->at[i].fields[column]) rc = find_class(q, c, s, i, column, &q->truth[i], why);
    if (rc == MIEN_OK) add_the_others(q, c);
    if (rc == MIEN_OK) rc = order_classes(q, c, s->n, why);
    if (c) {
        free(c->member);
        free(c->name);
    }
    free(c);
    return rc;
}

static int read_truths(struct question *q, const struct samples *s, int column,
                       char why[EVAL_WHY]) {
    q->labels = calloc(2, sizeof *q->labels);
    if (!q->labels) return eval_no_memory(why);
    q->labels[0] = "no";
    q->labels[1] = "yes";
    q->subject.nlabels = 2;
    for (int i = 0; i < s->n; i++) {
        if (!*s->at[i].fields[column]) continue;
        q->truth[i] = words_truth(s->at[i].fields[column]);
        if (q->truth[i] < 0) return wrong(s, i, column, why, "is neither yes nor no");
    }
    return MIEN_OK;
}

static int read_numbers(struct question *q, const struct samples *s, int column,
                        char why[EVAL_WHY]) {
    for (int i = 0; i < s->n; i++)
        if (*s->at[i].fields[column] && words_number(s->at[i].fields[column], &q->number[i]))
            return wrong(s, i, column, why, "is no number");
    return MIEN_OK;
}

/* A group of years that the data have. */
struct range {
    double low, high;
    const char *text;
};

static int compare_ranges(const void *a, const void *b) {
    double x = ((const struct range *)a)->low, y = ((const struct range *)b)->low;

    return x < y ? -1 : x > y;
}

/* Adds the range of a sample unless it is there. */
static int add_range(struct range *ranges, int *n, const struct range *range) {
    for (int k = 0; k < *n; k++)
        if (ranges[k].low == range->low && ranges[k].high == range->high) return 0;
    if (*n == TEXTS_MAX) return -1;
    ranges[(*n)++] = *range;
    return 0;
}

/* Groups of these ranges; none: FairFace's. */
static int set_groups(struct question *q, const struct range *ranges, int n, char why[EVAL_WHY]) {
    int groups = n ? n : AGE_GROUPS;

    q->labels = calloc((size_t)groups, sizeof *q->labels);
    q->first = calloc((size_t)groups, sizeof *q->first);
    if (!q->labels || !q->first) return eval_no_memory(why);
    for (int k = 0; k < groups; k++) {
        q->labels[k] = n ? ranges[k].text : AGE_GROUP_NAMES[k];
        q->first[k] = n ? ranges[k].low : AGE_GROUP_FIRST[k];
    }
    q->subject.nlabels = groups;
    return MIEN_OK;
}

static int collect_ranges(struct question *q, const struct samples *s, int column,
                          struct range *ranges, int *n, char why[EVAL_WHY]) {
    int numbers = 0;

    for (int i = 0; i < s->n; i++) {
        struct range range = {.text = s->at[i].fields[column]};
        if (!*range.text) continue;
        if (words_years(range.text, &range.low, &range.high))
            return wrong(s, i, column, why, "is neither an age nor a range such as 20-29");
        if (range.high > range.low) {
            if (add_range(ranges, n, &range))
                return wrong(s, i, column, why, "is one range too many");
        } else {
            q->number[i] = range.low;
            numbers++;
        }
        if (numbers && *n)
            return wrong(s, i, column, why, "stands in a column of both ages and ranges");
    }
    return MIEN_OK;
}

static int read_years(struct question *q, const struct samples *s, int column, char why[EVAL_WHY]) {
    struct range *ranges = calloc(TEXTS_MAX, sizeof *ranges);
    int n = 0, rc = ranges ? collect_ranges(q, s, column, ranges, &n, why) : eval_no_memory(why);

    if (rc == MIEN_OK) qsort(ranges, (size_t)n, sizeof *ranges, compare_ranges);
    for (int k = 1; rc == MIEN_OK && k < n; k++)
        if (ranges[k].low < ranges[k - 1].high)
            rc = eval_fail(why, MIEN_EINVAL, "%s: the ranges '%.20s' and '%.20s' of %s overlap",
                           s->name, ranges[k - 1].text, ranges[k].text, s->columns_at[column]);
    if (rc == MIEN_OK) rc = set_groups(q, ranges, n, why);
    free(ranges);
    for (int i = 0; rc == MIEN_OK && i < s->n; i++) {
        double low, high;
        if (words_years(s->at[i].fields[column], &low, &high)) continue;
        int k = q->subject.nlabels - 1;
        while (k > 0 && low < q->first[k]) k--;
        q->truth[i] = k;
    }
    return rc;
}

int question_read_labels(struct question *q, const struct samples *samples, int column,
                         char why[EVAL_WHY]) {
    switch (q->kind) {
    case QUESTION_LABEL: return read_classes(q, samples, column, why);
    case QUESTION_TRUTH: return read_truths(q, samples, column, why);
    case QUESTION_YEARS: return read_years(q, samples, column, why);
    case QUESTION_NUMBER: break;
    }
    return read_numbers(q, samples, column, why);
}
