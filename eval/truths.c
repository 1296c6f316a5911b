#include "eval/truths.h"

#include "eval/groups.h"
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
static int unknown(const mien_attribute *attribute, const struct samples *s, int sample, int column,
                   char why[EVAL_WHY]) {
    char what[400] = "is none of";
    size_t n = strlen(what);

    for (int i = 0; i < attribute->count && n + 40 < sizeof what; i++)
        n += (size_t)snprintf(what + n, sizeof what - n, "%s %.36s", i ? "," : "",
                              attribute->labels[i]);
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
static int find_class(const mien_attribute *attribute, struct classes *c, const struct samples *s,
                      int sample, int column, int *class, char why[EVAL_WHY]) {
    const char *field = s->at[sample].fields[column];
    int count = attribute->count;

    for (int i = 0; i < c->ntexts; i++) {
        if (strcmp(c->text[i], field) != 0) continue;
        *class = c->of_text[i];
        return MIEN_OK;
    }
    if (c->ntexts == TEXTS_MAX) return wrong(s, sample, column, why, "is one text too many");
    if (!words_labels(field, attribute->labels, count, c->member + (size_t)c->n * (size_t)count))
        return unknown(attribute, s, sample, column, why);
    *class = class_of_candidate(c, count);
    if (*class < 0)
        return wrong(s, sample, column, why, "is a part of another label of the column");
    if (*class == c->n) c->name[c->n++] = field;
    c->text[c->ntexts] = field;
    c->of_text[c->ntexts++] = *class;
    return MIEN_OK;
}

/* Adds a class for each label that is in none. */
static void add_the_others(const mien_attribute *attribute, struct classes *c) {
    int count = attribute->count;

    for (int i = 0; i < count; i++) {
        int in = 0;
        for (int k = 0; k < c->n && !in; k++) in = c->member[k * count + i];
        if (in) continue;
        memset(c->member + (size_t)c->n * (size_t)count, 0, (size_t)count);
        c->member[c->n * count + i] = 1;
        c->name[c->n++] = attribute->labels[i];
    }
}

/* Classes in the order of the network's labels. */
static int order_classes(struct truths *t, const struct classes *c, int count, int samples,
                         char why[EVAL_WHY]) {
    int placed = 0;
    int *place = malloc(((size_t)c->n + 1) * sizeof *place);

    t->labels = calloc((size_t)c->n + 1, sizeof *t->labels);
    t->member = calloc((size_t)c->n + 1, (size_t)count);
    if (!place || !t->labels || !t->member) {
        free(place);
        return eval_no_memory(why);
    }
    for (int k = 0; k < c->n; k++) place[k] = -1;
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < c->n; k++) {
            if (!c->member[k * count + i] || place[k] >= 0) continue;
            t->labels[placed] = c->name[k];
            memcpy(t->member + (size_t)placed * (size_t)count,
                   c->member + (size_t)k * (size_t)count, (size_t)count);
            place[k] = placed++;
        }
    }
    for (int i = 0; i < samples; i++)
        if (t->label[i] >= 0) t->label[i] = place[t->label[i]];
    t->nlabels = placed;
    free(place);
    return MIEN_OK;
}

static int read_classes(struct truths *t, const mien_attribute *attribute, const struct samples *s,
                        int column, char why[EVAL_WHY]) {
    size_t count = (size_t)attribute->count, room = TEXTS_MAX + count + 1;
    struct classes *c = calloc(1, sizeof *c);
    int rc = MIEN_OK;

    if (c) {
        c->member = calloc(room, count);
        c->name = calloc(room, sizeof *c->name);
    }
    if (!c || !c->member || !c->name) rc = eval_no_memory(why);
    for (int i = 0; rc == MIEN_OK && i < s->n; i++)
        if (*s->at[i].fields[column])
            rc = find_class(attribute, c, s, i, column, &t->label[i], why);
    if (rc == MIEN_OK) add_the_others(attribute, c);
    if (rc == MIEN_OK) rc = order_classes(t, c, attribute->count, s->n, why);
    if (c) {
        free(c->member);
        free(c->name);
    }
    free(c);
    return rc;
}

static int read_yes(struct truths *t, const struct samples *s, int column, char why[EVAL_WHY]) {
    t->labels = calloc(2, sizeof *t->labels);
    if (!t->labels) return eval_no_memory(why);
    t->labels[0] = "no";
    t->labels[1] = "yes";
    t->nlabels = 2;
    for (int i = 0; i < s->n; i++) {
        if (!*s->at[i].fields[column]) continue;
        t->label[i] = words_truth(s->at[i].fields[column]);
        if (t->label[i] < 0) return wrong(s, i, column, why, "is neither yes nor no");
    }
    return MIEN_OK;
}

static int read_numbers(struct truths *t, const struct samples *s, int column, char why[EVAL_WHY]) {
    for (int i = 0; i < s->n; i++)
        if (*s->at[i].fields[column] && words_number(s->at[i].fields[column], &t->number[i]))
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
static int set_groups(struct truths *t, const struct range *ranges, int n, char why[EVAL_WHY]) {
    int groups = n ? n : AGE_GROUPS;

    t->labels = calloc((size_t)groups, sizeof *t->labels);
    t->first = calloc((size_t)groups, sizeof *t->first);
    if (!t->labels || !t->first) return eval_no_memory(why);
    for (int k = 0; k < groups; k++) {
        t->labels[k] = n ? ranges[k].text : AGE_GROUP_NAMES[k];
        t->first[k] = n ? ranges[k].low : AGE_GROUP_FIRST[k];
    }
    t->nlabels = groups;
    return MIEN_OK;
}

static int collect_ranges(struct truths *t, const struct samples *s, int column,
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
            t->number[i] = range.low;
            numbers++;
        }
        if (numbers && *n)
            return wrong(s, i, column, why, "stands in a column of both ages and ranges");
    }
    return MIEN_OK;
}

static int read_years(struct truths *t, const struct samples *s, int column, char why[EVAL_WHY]) {
    struct range *ranges = calloc(TEXTS_MAX, sizeof *ranges);
    int n = 0, rc = ranges ? collect_ranges(t, s, column, ranges, &n, why) : eval_no_memory(why);

    if (rc == MIEN_OK) qsort(ranges, (size_t)n, sizeof *ranges, compare_ranges);
    for (int k = 1; rc == MIEN_OK && k < n; k++)
        if (ranges[k].low < ranges[k - 1].high)
            rc = eval_fail(why, MIEN_EINVAL, "%s: the ranges '%.20s' and '%.20s' of %s overlap",
                           s->name, ranges[k - 1].text, ranges[k].text, s->columns_at[column]);
    if (rc == MIEN_OK) rc = set_groups(t, ranges, n, why);
    free(ranges);
    for (int i = 0; rc == MIEN_OK && i < s->n; i++) {
        double low, high;
        if (words_years(s->at[i].fields[column], &low, &high)) continue;
        int k = t->nlabels - 1;
        while (k > 0 && low < t->first[k]) k--;
        t->label[i] = k;
    }
    return rc;
}

static enum truth_kind kind_of(const mien_attribute *attribute) {
    switch (attribute->kind) {
    case MIEN_DISTRIBUTION: return TRUTH_LABEL;
    case MIEN_PROBABILITY: return TRUTH_YES;
    case MIEN_VALUE: return strcmp(attribute->unit, "years") == 0 ? TRUTH_YEARS : TRUTH_NUMBER;
    case MIEN_ANGLES:
    case MIEN_POINTS: break;
    }
    return TRUTH_NUMBER;
}

int truths_read(struct truths *t, const mien_attribute *attribute, const struct samples *samples,
                int column, char why[EVAL_WHY]) {
    memset(t, 0, sizeof *t);
    t->kind = kind_of(attribute);
    t->label = malloc(((size_t)samples->n + 1) * sizeof *t->label);
    t->number = malloc(((size_t)samples->n + 1) * sizeof *t->number);
    if (!t->label || !t->number) return eval_no_memory(why);
    for (int i = 0; i < samples->n; i++) {
        t->label[i] = -1;
        t->number[i] = NAN;
    }
    switch (t->kind) {
    case TRUTH_LABEL: return read_classes(t, attribute, samples, column, why);
    case TRUTH_YES: return read_yes(t, samples, column, why);
    case TRUTH_YEARS: return read_years(t, samples, column, why);
    case TRUTH_NUMBER: break;
    }
    return read_numbers(t, samples, column, why);
}

void truths_free(struct truths *t) {
    free(t->label);
    free(t->number);
    free(t->labels);
    free(t->member);
    free(t->first);
}
