#include "eval/words.h"

#include "common/ascii.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes above ASCII are letters of other alphabets. */
static int counts(char c) {
    return ascii_is_digit(c) || ascii_is_letter(c) || (unsigned char)c >= 0x80;
}

int words_same(const char *a, const char *b) {
    for (;; a++, b++) {
        while (*a && !counts(*a)) a++;
        while (*b && !counts(*b)) b++;
        if (ascii_lower(*a) != ascii_lower(*b)) return 0;
        if (!*a) return 1;
    }
}

/* Pairs of what is written and what it means. */
struct name {
    const char *written, *meant;
};

static const struct name COLUMNS[] = {
    {"path", "file"},          {"filename", "file"}, {"filepath", "file"},  {"image", "file"},
    {"imagepath", "file"},     {"picture", "file"},  {"img", "file"},       {"sex", "gender"},
    {"age group", "age"},      {"years", "age"},     {"ethnicity", "race"}, {"class", "label"},
    {"category", "label"},     {"wnid", "label"},    {"index", "label"},    {"class name", "label"},
    {"expression", "emotion"},
};

/* Several rows of one name are several labels. */
static const struct name LABELS[] = {
    {"m", "male"},
    {"man", "male"},
    {"f", "female"},
    {"woman", "female"},
    {"caucasian", "white"},
    {"hispanic", "latino"},
    {"latino hispanic", "latino"},
    {"asian", "east asian"},
    {"asian", "southeast asian"},
    {"others", "latino"},
    {"others", "middle eastern"},
};

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

int words_column_is(const char *column, const char *what) {
    if (words_same(column, what)) return 1;
    for (int i = 0; i < COUNT(COLUMNS); i++)
        if (words_same(column, COLUMNS[i].written) && words_same(what, COLUMNS[i].meant)) return 1;
    return 0;
}

int words_labels(const char *text, const char *const *labels, int n, unsigned char *member) {
    int found = 0;

    for (int i = 0; i < n; i++) found += member[i] = (unsigned char)words_same(text, labels[i]);
    if (found) return found;
    /* A network may have the longer name, too: "Latino_Hispanic" of the data, "latino" of ours. */
    for (int k = 0; k < COUNT(LABELS); k++) {
        int written = words_same(text, LABELS[k].written);
        for (int i = 0; i < n; i++) {
            if (member[i]) continue;
            member[i] = written && words_same(labels[i], LABELS[k].meant);
            if (words_same(text, LABELS[k].meant) && words_same(labels[i], LABELS[k].written))
                member[i] = 1;
            found += member[i];
        }
    }
    return found;
}

int words_truth(const char *text) {
    static const char *const words[] = {"0", "1", "no", "yes", "false", "true", "off", "on"};

    for (int i = 0; i < COUNT(words); i++)
        if (ascii_same(text, words[i])) return i & 1;
    return -1;
}

int words_number(const char *text, double *v) {
    char *end;

    if (!ascii_is_digit(*text) && *text != '-' && *text != '.') return -1; /* no "nan", no "inf" */
    *v = strtod(text, &end);
    return end == text || *end || !isfinite(*v) ? -1 : 0;
}

/* The whole number text begins with; moves on. -1 where there is none. */
static int take_years(const char **text) {
    int years = 0, digits = 0;

    while (**text == ' ' || **text == '(') (*text)++;
    for (; ascii_is_digit(**text) && digits < 4; digits++) years = 10 * years + *(*text)++ - '0';
    while (**text == ' ' || **text == ')') (*text)++;
    return digits ? years : -1;
}

/* "more than 70", ">70", "over 70": FairFace's group of those of 70 and more. */
static const char *after_more(const char *text) {
    static const char *const words[] = {"more than ", "over ", ">= ", ">=", "> ", ">"};

    for (int i = 0; i < COUNT(words); i++)
        if (ascii_starts_with(text, words[i])) return text + strlen(words[i]);
    return NULL;
}

int words_years(const char *text, double *low, double *high) {
    const char *at = after_more(text);
    int first, last;

    if (words_number(text, low) == 0) {
        *high = *low;
        return *low < 0 ? -1 : 0;
    }
    if (at || text[strcspn(text, "+")] == '+') {
        if (!at) at = text;
        first = take_years(&at);
        *low = first;
        *high = INFINITY;
        return first < 0 || (*at && strcmp(at, "+") != 0) ? -1 : 0;
    }
    first = take_years(&text);
    if (first < 0 || (*text != '-' && *text != ',')) return -1;
    text++;
    last = take_years(&text);
    *low = first;
    *high = last + 1; /* the last year is one of them */
    return last < first || *text ? -1 : 0;
}
