#include "analysis/describe.h"

#include "analysis/judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double describe_share(float share) {
    return floor(100 * (double)share) / 100;
}

/* Appends a part where it fits whole. */
static void append(char *out, size_t room, const char *part) {
    size_t n = strlen(out), comma = n > 0 ? 2 : 0;

    if (n + comma + strlen(part) < room) snprintf(out + n, room - n, "%s%s", n ? ", " : "", part);
}

static void append_attribute(const mien_attribute *t, const float *values, char *out, size_t room) {
    char part[96];
    int best;

    if (t->groups > 0) { /* "age 27 (21-34)" */
        const float *v = values + t->first;
        snprintf(part, sizeof part, "%s %.0f (%.0f-%.0f)", t->name, (double)v[0], (double)v[1],
                 (double)v[2]);
    } else if (t->kind == MIEN_VALUE) {
        snprintf(part, sizeof part, "%s %.0f", t->name, (double)values[t->first]);
    } else if (judge_unsure(t, values)) {
        snprintf(part, sizeof part, "%s unsure", t->name);
    } else {
        best = mien_attribute_best(t, values);
        snprintf(part, sizeof part, "%s %.2f", t->labels[best],
                 describe_share(values[t->first + best]));
    }
    append(out, room, part);
}

/* Appends what one network tells of face i in this form. */
static void append_network(const struct analysis *a, int k, int i, enum mien_attribute_kind kind,
                           char *out, size_t room) {
    const struct network *network = &a->networks->at[k];
    const float *values = a->item[k].values;

    if (!values || network->task.result != MIEN_RESULT_ATTRIBUTES ||
        network->task.item != MIEN_ITEM_FACE)
        return;
    values += (size_t)i * (size_t)item_width(network);
    for (int t = 0; t < network->info.attributes; t++) {
        mien_attribute one = {.struct_size = sizeof one};
        if (analysis_tells(a, k, t) && mien_attribute_at(network->net, t, &one) == MIEN_OK &&
            one.kind == kind)
            append_attribute(&one, values, out, room);
    }
}

char *describe_face(const struct analysis *a, int i, char *out, size_t room) {
    static const enum mien_attribute_kind kinds[] = {MIEN_DISTRIBUTION, MIEN_VALUE};

    out[0] = '\0';
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (int k = 0; k < a->networks->n; k++) append_network(a, k, i, kinds[kind], out, room);
    if (*out && judge_too_small(&a->faces[i])) snprintf(out, room, "too small to judge");
    return out;
}
