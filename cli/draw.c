#include "draw.h"

#include "analysis/describe.h"
#include "say.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- names ---- */

static int is_folder(const char *path) {
    struct stat st;
    size_t n = strlen(path);

    return (n && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* What mien_image_save writes. */
static int can_be_written(const char *extension) {
    static const char *const known[] = {".jpg", ".jpeg", ".png", ".webp", ".ppm"};

    for (size_t i = 0; extension && i < sizeof known / sizeof *known; i++)
        if (strcasecmp(extension, known[i]) == 0) return 1;
    return 0;
}

static const char *extension_of(const char *path) {
    const char *slash = strrchr(path, '/');

    return strrchr(slash ? slash : path, '.');
}

/* folder/tail, with -2, -3, ... before the extension from the second use of a name on, and .png for
 * a format that cannot be written. used: a tsearch tree of the names given away so far. */
static char *name_in_folder(const char *folder, const char *tail, void **used) {
    const char *extension = extension_of(tail);
    int stem = extension ? (int)(extension - tail) : (int)strlen(tail);
    size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] == '/' ? "" : "/";

    if (!can_be_written(extension)) extension = ".png";
    for (int copy = 1;; copy++) {
        char *name, number[16] = "";
        char *const *slot;
        if (copy > 1) snprintf(number, sizeof number, "-%d", copy);
        if (asprintf(&name, "%s%s%.*s%s%s", folder, slash, stem, tail, number, extension) < 0)
            return NULL;
        slot = tsearch(name, used, (int (*)(const void *, const void *))strcmp);
        if (slot && *slot == name) return name;
        free(name);
        if (!slot) return NULL;
    }
}

static int compare_identity(const void *a, const void *b) {
    const struct input *x = a, *y = b;

    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    if (x->inode != y->inode) return x->inode < y->inode ? -1 : 1;
    return 0;
}

/* Says which target is one of the inputs, by file identity: links and odd spellings count. */
static int check_overwrite(const struct options *opt, const struct inputs *inputs,
                           char *const *targets) {
    size_t n = (size_t)inputs->count;
    struct input *sorted = malloc(n * sizeof *sorted + 1), *hit = NULL;

    if (!sorted) return say_no_memory();
    memcpy(sorted, inputs->items, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_identity);
    for (size_t i = 0; i < n && !hit; i++) {
        struct stat st;
        struct input key = {0};
        if (!targets[i] || stat(targets[i], &st)) continue;
        key.device = st.st_dev;
        key.inode = st.st_ino;
        hit = bsearch(&key, sorted, n, sizeof *sorted, compare_identity);
        if (hit)
            say_usage(opt->command_name, "--draw: %s is one of the pictures to be read",
                      targets[i]);
    }
    free(sorted);
    return hit ? EXIT_USAGE : EXIT_OK;
}

static void keep(void *name) {
    (void)name;
}

int draw_targets(const struct options *opt, const struct inputs *inputs, char ***targets) {
    const char *to = opt->draw;
    int many = inputs->folders > 0 || inputs->count > 1, status = EXIT_OK;
    void *used = NULL;
    char **names;

    *targets = NULL;
    if (!is_folder(to)) {
        if (many && can_be_written(extension_of(to)))
            return say_usage(opt->command_name,
                             "--draw: %s is the name of one picture, give a folder for many", to);
        if (!many && !can_be_written(extension_of(to)))
            return say_usage(opt->command_name,
                             "--draw: %s ends in none of .jpg, .png, .webp, .ppm (a new folder "
                             "ends in /)",
                             to);
    }
    names = calloc((size_t)inputs->count + 1, sizeof *names);
    if (!names) return say_no_memory();
    for (int i = 0; i < inputs->count && status == EXIT_OK; i++) {
        const struct input *input = &inputs->items[i];
        if (input->error) continue;
        if (many || is_folder(to))
            names[i] = name_in_folder(to, input->is_stdin ? "stdin" : input->tail, &used);
        else
            names[i] = strdup(to);
        if (!names[i]) status = say_no_memory();
    }
    tdestroy(used, keep);
    if (status == EXIT_OK) status = check_overwrite(opt, inputs, names);
    if (status == EXIT_OK)
        *targets = names;
    else
        draw_free(names, inputs->count);
    return status;
}

void draw_free(char **targets, int n) {
    for (int i = 0; targets && i < n; i++) free(targets[i]);
    free(targets);
}

/* ---- drawing ---- */

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
