#include "draw.h"

#include "analysis/describe.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Makes the folders path lies in. Returns 0 or an errno. */
static int make_folders(const char *path) {
    char *copy = strdup(path);
    int error = copy ? 0 : ENOMEM;

    for (char *slash = copy; !error && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (*copy && mkdir(copy, 0777) && errno != EEXIST) error = errno;
        *slash = '/';
    }
    free(copy);
    return error;
}

/* Labels are ASCII; a class name may not be. */
static void to_ascii(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80) *text = '?';
}

static int draw_faces(const struct picture *picture) {
    const struct analysis *a = picture->analysis;
    char label[64];

    /* The best face last: it lies on top. */
    for (int i = a->nfaces - 1; i >= 0; i--) {
        if (!*describe_face(a, i, label, sizeof label))
            snprintf(label, sizeof label, "%.2f", (double)a->faces[i].score);
        to_ascii(label);
        if (mien_draw_face(picture->image, &a->faces[i], label, i)) return -1;
    }
    return 0;
}

static int draw_classes(const struct picture *picture) {
    enum { LINES = 3, NAME_MAX_SHOWN = 32 };
    const struct item *classes = analysis_item(picture->analysis, MIEN_RESULT_CLASSES);
    char text[LINES * 64] = "";
    size_t n = 0;

    for (int i = 0; classes && i < classes->top && i < LINES; i++) {
        const mien_class *c = &classes->classes[i];
        char index[16];
        snprintf(index, sizeof index, "class %d", c->index);
        n +=
            (size_t)snprintf(text + n, sizeof text - n, "%s%4.1f%%  %.*s", i ? "\n" : "",
                             100.0 * (double)c->score, NAME_MAX_SHOWN, c->label ? c->label : index);
    }
    to_ascii(text);
    return classes ? mien_draw_caption(picture->image, text) : 0;
}

int draw_picture(struct picture *picture, const char *path) {
    int error;

    /* Faces over the panel of classes, wherever they meet. */
    if (draw_classes(picture) || draw_faces(picture)) {
        say("%s", mien_error());
        return EXIT_FAILED;
    }
    error = make_folders(path);
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
