/* samples_where(): conditions on columns, which leave a part of the samples. */
#include "eval/samples.h"
#include "eval/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum relation { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, NOT_EQUAL, EQUAL };

struct condition {
    int column;
    enum relation relation;
    const char *value;
};

/* Those of two letters first. */
static const struct {
    const char *text;
    enum relation relation;
} RELATIONS[] = {{"<=", LESS_EQUAL}, {">=", GREATER_EQUAL}, {"!=", NOT_EQUAL},
                 {"<", LESS},        {">", GREATER},        {"=", EQUAL}};

/* Parses "age>=10"; text is changed, and the condition's value is in it. */
static int parse(const struct samples *s, char *text, struct condition *c, char why[EVAL_WHY]) {
    char *at = text + strcspn(text, "<>=!");
    size_t length = 0;

    for (size_t i = 0; i < sizeof RELATIONS / sizeof *RELATIONS && !length; i++) {
        if (strncmp(at, RELATIONS[i].text, strlen(RELATIONS[i].text)) != 0) continue;
        length = strlen(RELATIONS[i].text);
        c->relation = RELATIONS[i].relation;
    }
    if (!length) return eval_fail(why, MIEN_EINVAL, "'%s' is no condition such as age>=10", text);
    c->value = at + length;
    *at = '\0';
    c->column = samples_column(s, text);
    if (c->column < 0)
        return eval_fail(why, MIEN_EINVAL, "%s has no column '%s' for a condition", s->name, text);
    return MIEN_OK;
}

static int holds(const struct condition *c, const char *field) {
    double a, b, high;
    int order;

    if (words_years(field, &a, &high) == 0 && words_number(c->value, &b) == 0)
        order = a < b ? -1 : a > b;
    else if (words_same(field, c->value))
        order = 0;
    else
        order = strcmp(field, c->value) < 0 ? -1 : 1;
    switch (c->relation) {
    case LESS: return order < 0;
    case LESS_EQUAL: return order <= 0;
    case GREATER: return order > 0;
    case GREATER_EQUAL: return order >= 0;
    case NOT_EQUAL: return order != 0;
    case EQUAL: break;
    }
    return order == 0;
}

int samples_where(struct samples *s, const char *conditions, char why[EVAL_WHY]) {
    char *copy = strdup(conditions), *rest = copy, *text;
    unsigned char *keep = malloc((size_t)s->n + 1);
    struct condition c = {0};
    int rc = copy && keep ? MIEN_OK : eval_no_memory(why);

    while (rc == MIEN_OK && (text = strsep(&rest, ","))) {
        rc = parse(s, text, &c, why);
        for (int i = 0; rc == MIEN_OK && i < s->n; i++)
            keep[i] =
                (unsigned char)(*s->at[i].fields[c.column] && holds(&c, s->at[i].fields[c.column]));
        if (rc == MIEN_OK) samples_keep(s, keep);
    }
    if (rc == MIEN_OK && s->n == 0)
        rc = eval_fail(why, MIEN_EINVAL, "%s: no picture is left by '%s'", s->name, conditions);
    free(copy);
    free(keep);
    return rc;
}
