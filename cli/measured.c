#include "measured.h"

#include "common/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GROUPS = 256, NAME_WIDTH = 28 };

/* {"age": {...}, ...}: what the metadata `attributes` says of each. */
json_t *measured_json(const mien_blob *blob) {
    const char *text = mien_blob_meta(blob, "attributes");
    json_t *list = NULL, *all, *one;
    size_t i;

    if (text && json_text_read(text, strlen(text), 0, &list, NULL)) return NULL;
    all = json_object();
    json_array_foreach(list, i, one) {
        const char *name = json_string_value(json_object_get(one, "name"));
        json_t *measured = json_object_get(one, "measured");
        if (name && json_is_object(measured) && json_object_set(all, name, measured)) {
            json_decref(all);
            all = NULL;
            break;
        }
    }
    json_decref(list);
    return all;
}

struct group {
    const char *name;
    double n, accuracy;
};

static int worst_first(const void *a, const void *b) {
    double x = ((const struct group *)a)->accuracy, y = ((const struct group *)b)->accuracy;

    return (x > y) - (x < y);
}

static void print_group(const struct group *g) {
    printf("      %-*s  %5.1f %%  of %.0f\n", NAME_WIDTH, g->name, g->accuracy, g->n);
}

static struct group group_of(const char *name, const json_t *figures) {
    return (struct group){name, json_number_value(json_object_get(figures, "n")),
                          json_number_value(json_object_get(figures, "accuracy"))};
}

static void print_one(const char *name, const json_t *measured) {
    const char *data = json_string_value(json_object_get(measured, "data"));
    json_t *groups = json_object_get(measured, "groups"), *figures;
    struct group all = group_of("all", measured), list[MOST_GROUPS];
    const char *key;
    int n = 0;

    printf("    %s is right, on %s:\n", name, data ? data : "data that is not named");
    print_group(&all);
    json_object_foreach(groups, key, figures) if (n < MOST_GROUPS) list[n++] =
        group_of(key, figures);
    if (n > 0) qsort(list, (size_t)n, sizeof *list, worst_first);
    for (int i = 0; i < n; i++) print_group(&list[i]);
}

int measured_print(const mien_blob *blob) {
    json_t *all = measured_json(blob), *measured;
    const char *name;

    if (!all) return -1;
    json_object_foreach(all, name, measured) {
        print_one(name, measured);
    }
    json_decref(all);
    return 0;
}
