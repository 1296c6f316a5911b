#include "targets.h"

#include "common/ascii.h"
#include "say.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int is_folder(const char *path) {
    struct stat st;
    size_t n = strlen(path);

    return (n && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* What mien_image_save writes. */
static int can_be_written(const char *extension) {
    static const char *const known[] = {".jpg", ".jpeg", ".png", ".webp", ".ppm"};

    for (size_t i = 0; extension && i < sizeof known / sizeof *known; i++)
        if (ascii_same(extension, known[i])) return 1;
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

int targets_make(const struct options *opt, const struct inputs *inputs, char ***targets) {
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
        targets_free(names, inputs->count);
    return status;
}

void targets_free(char **targets, int n) {
    for (int i = 0; targets && i < n; i++) free(targets[i]);
    free(targets);
}
