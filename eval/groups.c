#include "eval/groups.h"

#include "eval/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All that columns make together. */
enum { GROUPS_MAX = 10000 };

const char *const AGE_GROUP_NAMES[AGE_GROUPS] = {"0-2",   "3-9",   "10-19", "20-29", "30-39",
                                                 "40-49", "50-59", "60-69", "70+"};
const double AGE_GROUP_FIRST[AGE_GROUPS] = {0, 3, 10, 20, 30, 40, 50, 60, 70};

static int position(const struct group_column *c, const char *text) {
    for (int i = 0; i < c->nvalues; i++)
        if (strcmp(c->values[i], text) == 0) return i;
    return -1;
}

/* Years that are no group become one. */
static const char *group_text(const char *field) {
    double low, high;
    int k = AGE_GROUPS - 1;

    if (words_years(field, &low, &high) != 0 || high > low) return field;
    while (k > 0 && low < AGE_GROUP_FIRST[k]) k--;
    return AGE_GROUP_NAMES[k];
}

/* Ranges of years by their first, other texts as words. */
static int compare(const void *a, const void *b) {
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    double low[2], high;

    if (words_years(x, &low[0], &high) == 0 && words_years(y, &low[1], &high) == 0 &&
        low[0] != low[1])
        return low[0] < low[1] ? -1 : 1;
    return strcmp(x, y);
}

static int add_column(struct groups *g, const struct samples *samples, int column,
                      char why[EVAL_WHY]) {
    struct group_column *c = &g->at[g->n++];
    int is_age = words_column_is(samples->columns_at[column], "age");

    c->name = samples->columns_at[column];
    c->value = calloc((size_t)samples->n + 1, sizeof *c->value);
    if (!c->value) return eval_no_memory(why);
    for (int i = 0; i < samples->n; i++) {
        const char *field = samples->at[i].fields[column];
        if (is_age) field = group_text(field);
        if (!*field || position(c, field) >= 0) continue;
        if (c->nvalues == GROUP_VALUES_MAX)
            return eval_fail(why, MIEN_EINVAL, "column %s has more than %d values: no groups",
                             c->name, GROUP_VALUES_MAX);
        c->values[c->nvalues++] = field;
    }
    if (c->nvalues > 0) qsort(c->values, (size_t)c->nvalues, sizeof *c->values, compare);
    for (int i = 0; i < samples->n; i++) {
        const char *field = samples->at[i].fields[column];
        c->value[i] = position(c, is_age ? group_text(field) : field);
    }
    return MIEN_OK;
}

static int add_named(struct groups *g, const struct samples *samples, const char *by,
                     char why[EVAL_WHY]) {
    char *copy = strdup(by), *rest = copy, *name;
    int rc = copy ? MIEN_OK : eval_no_memory(why);

    while (rc == MIEN_OK && (name = strsep(&rest, ","))) {
        int column = samples_column(samples, name);
        if (column < 0)
            rc = eval_fail(why, MIEN_EINVAL, "%s has no column '%s' to make groups by",
                           samples->name, name);
        else if (g->n == BY_MAX)
            rc = eval_fail(why, MIEN_EINVAL, "groups are made by at most %d columns", BY_MAX);
        else
            rc = add_column(g, samples, column, why);
    }
    free(copy);
    return rc;
}

static int check_count(const struct groups *g, const struct samples *samples, char why[EVAL_WHY]) {
    double groups = 1;

    for (int i = 0; i < g->n; i++) groups *= g->at[i].nvalues + 1;
    if (groups <= GROUPS_MAX) return MIEN_OK;
    return eval_fail(why, MIEN_EINVAL, "%s: columns make %.0f groups, at most %d are told",
                     samples->name, groups, GROUPS_MAX);
}

int groups_make(struct groups *g, const struct samples *samples, const char *by,
                char why[EVAL_WHY]) {
    static const char *const usual[BY_MAX] = {"race", "gender", "age"};
    int rc = MIEN_OK;

    g->n = 0;
    g->at = calloc(BY_MAX, sizeof *g->at);
    if (!g->at) return eval_no_memory(why);
    if (by) rc = add_named(g, samples, by, why);
    for (int i = 0; !by && rc == MIEN_OK && i < BY_MAX; i++) {
        int column = samples_column(samples, usual[i]);
        if (column >= 0) rc = add_column(g, samples, column, why);
    }
    if (rc == MIEN_OK) rc = check_count(g, samples, why);
    if (rc) groups_free(g);
    return rc;
}

void groups_free(struct groups *g) {
    for (int i = 0; i < g->n; i++) free(g->at[i].value);
    free(g->at);
    memset(g, 0, sizeof *g);
}

struct walk {
    const struct groups *groups;
    int samples;
    int (*visit)(void *context, int n, const char *const *by, const char *const *value,
                 const unsigned char *member);
    void *context;
    unsigned char *member;
};

/* Combinations of these columns' values, from column k on; chosen: a value each. */
static int visit_values(const struct walk *w, const int *columns, int n, int k, int *chosen) {
    const char *by[BY_MAX], *value[BY_MAX];
    int rc = MIEN_OK, members = 0;

    if (k < n) {
        int values = w->groups->at[columns[k]].nvalues;
        for (chosen[k] = 0; rc == MIEN_OK && chosen[k] < values; chosen[k]++)
            rc = visit_values(w, columns, n, k + 1, chosen);
        return rc;
    }
    for (int i = 0; i < w->samples; i++) {
        int in = 1;
        for (int j = 0; j < n && in; j++) in = w->groups->at[columns[j]].value[i] == chosen[j];
        w->member[i] = (unsigned char)in;
        members += in;
    }
    for (int j = 0; j < n; j++) {
        by[j] = w->groups->at[columns[j]].name;
        value[j] = w->groups->at[columns[j]].values[chosen[j]];
    }
    return members ? w->visit(w->context, n, by, value, w->member) : MIEN_OK;
}

int groups_each(const struct groups *g, int samples,
                int (*visit)(void *context, int n, const char *const *by, const char *const *value,
                             const unsigned char *member),
                void *context) {
    struct walk w = {g, samples, visit, context, calloc((size_t)samples + 1, 1)};
    int rc = w.member ? MIEN_OK : MIEN_ENOMEM;

    /* Sets of columns, as bits: those of fewer before those of more. */
    for (int size = 0; rc == MIEN_OK && size <= g->n; size++) {
        for (int set = 0; rc == MIEN_OK && set < 1 << g->n; set++) {
            int columns[BY_MAX], n = 0, chosen[BY_MAX];
            for (int c = 0; c < g->n && n < BY_MAX; c++)
                if (set >> c & 1) columns[n++] = c;
            if (n == size) rc = visit_values(&w, columns, n, 0, chosen);
        }
    }
    free(w.member);
    return rc;
}
