#include "server/dialects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next word of a list with commas; 0 at its end. */
static int next_word(const char **at, const char **word, size_t *n) {
    if (!*at) return 0;
    *word = *at;
    *n = strcspn(*at, ",");
    *at = (*word)[*n] ? *word + *n + 1 : NULL;
    return 1;
}

static int is_word(const char *name, const char *word, size_t n) {
    return strlen(name) == n && memcmp(name, word, n) == 0;
}

static int has_word(const char *text, const char *name) {
    const char *word;
    size_t n;

    while (next_word(&text, &word, &n))
        if (is_word(name, word, n) || is_word("all", word, n)) return 1;
    return 0;
}

static int is_known(const char *word, size_t n) {
    if (is_word("all", word, n)) return 1;
    for (const struct api *const *api = APIS; *api; api++)
        if ((*api)->name && is_word((*api)->name, word, n)) return 1;
    return 0;
}

/* Several rows may have one name. */
static int is_named_before(const struct api *const *api) {
    for (const struct api *const *before = APIS; before < api; before++)
        if ((*before)->name && strcmp((*before)->name, (*api)->name) == 0) return 1;
    return 0;
}

static int refuse(const char *word, size_t n, char why[WHY_SIZE]) {
    char names[WHY_SIZE / 2] = "";
    size_t end = 0;

    for (const struct api *const *api = APIS; *api; api++)
        if ((*api)->name && !is_named_before(api) && end < sizeof names)
            end += (size_t)snprintf(names + end, sizeof names - end, "%s, ", (*api)->name);
    return why_set(why, -1, "there is no dialect '%.*s': they are %sand all", n < 64 ? (int)n : 64,
                   word, names);
}

int dialects_check(const char *text, char why[WHY_SIZE]) {
    const char *word;
    size_t n;

    while (next_word(&text, &word, &n))
        if (!is_known(word, n)) return refuse(word, n, why);
    return 0;
}

const struct api **dialects_choose(const char *text) {
    const struct api **chosen;
    size_t n = 0;

    while (APIS[n]) n++;
    chosen = calloc(n + 1, sizeof *chosen);
    if (!chosen) return NULL;
    n = 0;
    for (const struct api *const *api = APIS; *api; api++)
        if (!(*api)->name || has_word(text, (*api)->name)) chosen[n++] = *api;
    return chosen;
}
