#include "draw.h"

#include "analysis/describe.h"
#include "analysis/judge.h"
#include "common/folders.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Labels are ASCII; a class name may not be. */
static void to_ascii(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80) *text = '?';
}

/* The likeliest classes, a line each, and how many faces have no label of their own; empty where
 * there are none. */
static void write_caption(const struct picture *picture, int unlabelled, char *text, size_t room) {
    enum { LINES = 3, NAME_MAX_SHOWN = 32 };
    const struct item *classes = analysis_item(picture->analysis, MIEN_RESULT_CLASSES);
    size_t n = 0;

    text[0] = '\0';
    for (int i = 0; classes && i < classes->top && i < LINES; i++) {
        const mien_class *c = &classes->classes[i];
        char index[16];
        snprintf(index, sizeof index, "class %d", c->index);
        n +=
            (size_t)snprintf(text + n, room - n, "%s%4.1f%%  %.*s", i ? "\n" : "",
                             100.0 * (double)c->score, NAME_MAX_SHOWN, c->label ? c->label : index);
    }
    if (unlabelled)
        snprintf(text + n, room - n, "%s%d faces too small to judge", n ? "\n" : "", unlabelled);
    to_ascii(text);
}

struct labels {
    char (*text)[96];
    const char **at; /* NULL: only the face's number */
    int small, none; /* faces too small to judge; of these, those without a label */
};

/* A face about which nothing is known has its score. In a crowd the caption says at once what would
 * stand at every small face. */
static void write_labels(const struct analysis *a, struct labels *l) {
    enum { CROWD = 12 };

    for (int i = 0; i < a->nfaces; i++) {
        l->at[i] = l->text[i];
        if (!*describe_face(a, i, l->text[i], sizeof l->text[i]))
            snprintf(l->text[i], sizeof l->text[i], "%.2f", describe_share(a->faces[i].score));
        else
            l->small += judge_too_small(&a->faces[i]);
        to_ascii(l->text[i]);
    }
    if (l->small <= CROWD) return;
    l->none = l->small;
    for (int i = 0; i < a->nfaces; i++)
        if (judge_too_small(&a->faces[i])) l->at[i] = NULL;
}

/* Those that networks tell of each face, below everything else. */
static int draw_points(struct picture *picture) {
    const struct analysis *a = picture->analysis;
    mien_attribute one = {.struct_size = sizeof one};

    for (int k = 0; k < a->networks->n; k++) {
        const struct network *network = &a->networks->at[k];
        const float *values = a->item[k].values;
        if (!values || network->task.result != MIEN_RESULT_ATTRIBUTES ||
            network->task.item != MIEN_ITEM_FACE)
            continue;
        for (int t = 0; t < network->info.attributes; t++) {
            if (!analysis_tells(a, k, t) || mien_attribute_at(network->net, t, &one) ||
                one.kind != MIEN_POINTS)
                continue;
            for (int i = 0; i < a->nfaces; i++) {
                const float *v = values + i * item_width(network) + one.first;
                int rc = mien_draw_points(picture->image, &a->faces[i], v, one.count / one.dims,
                                          one.dims, i);
                if (rc) return rc;
            }
        }
    }
    return MIEN_OK;
}

static int draw_results(struct picture *picture) {
    const struct analysis *a = picture->analysis;
    size_t n = (size_t)a->nfaces + 1;
    struct labels labels = {.text = calloc(n, sizeof *labels.text),
                            .at = calloc(n, sizeof *labels.at)};
    char caption[256];
    int status = EXIT_OK;

    if (labels.text && labels.at) {
        write_labels(a, &labels);
        write_caption(picture, labels.none, caption, sizeof caption);
        if (draw_points(picture) ||
            mien_draw_faces(picture->image, a->faces, a->nfaces, labels.at, caption)) {
            say("%s", mien_error());
            status = EXIT_FAILED;
        }
    } else {
        status = say_no_memory();
    }
    free(labels.text);
    free(labels.at);
    return status;
}

int draw_picture(struct picture *picture, const char *path) {
    int error, status = draw_results(picture);

    if (status) return status;
    error = folders_make(path);
    if (error) {
        say("%s: %s", path, strerror(error));
        return EXIT_FAILED;
    }
    if (mien_image_save(picture->image, path)) {
        say("%s", mien_error());
        return EXIT_FAILED;
    }
    return EXIT_OK;
}
