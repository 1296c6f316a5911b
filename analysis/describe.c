#include "analysis/describe.h"

#include <stdio.h>
#include <string.h>

/* Appends a word where it fits whole. */
static void append(char *out, size_t room, const char *word) {
    size_t n = strlen(out), space = n > 0;

    if (n + space + strlen(word) < room) snprintf(out + n, room - n, "%s%s", n ? " " : "", word);
}

static void append_attribute(const mien_attribute *t, const float *values, char *out, size_t room) {
    char number[32];

    if (t->kind == MIEN_DISTRIBUTION) {
        append(out, room, t->labels[mien_attribute_best(t, values)]);
    } else if (t->kind == MIEN_VALUE) {
        snprintf(number, sizeof number, "%.0f", (double)values[t->first]);
        append(out, room, number);
    }
}

char *describe_face(const struct analysis *a, int i, char *out, size_t room) {
    static const enum mien_attribute_kind kinds[] = {MIEN_DISTRIBUTION, MIEN_VALUE};

    out[0] = '\0';
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        for (int k = 0; k < a->networks->n; k++) {
            const struct network *network = &a->networks->at[k];
            const float *values = a->item[k].values;
            if (!values || network->task.result != MIEN_RESULT_ATTRIBUTES ||
                network->task.item != MIEN_ITEM_FACE)
                continue;
            values += (size_t)i * (size_t)item_width(network);
            for (int t = 0; t < network->info.attributes; t++) {
                mien_attribute one = {.struct_size = sizeof one};
                if (mien_attribute_at(network->net, t, &one) == MIEN_OK && one.kind == kinds[kind])
                    append_attribute(&one, values, out, room);
            }
        }
    }
    return out;
}
