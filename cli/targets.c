#include "targets.h"

#include "common/ascii.h"
#include "say.h"

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

static void keep(void *name) {
    (void)name;
}

/* folder/tail with another extension, and -2, -3, ... before that from the second use of a name on.
 * used: a tsearch tree of the names given away so far. */
static char *name_in_folder(const char *folder, const char *tail, const char *extension,
                            void **used) {
    const char *old = extension_of(tail);
    int stem = old ? (int)(old - tail) : (int)strlen(tail);
    size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] == '/' ? "" : "/";

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

static const char *tail_of(const struct input *input) {
    return input->is_stdin ? "stdin" : input->tail;
}

static int compare_identity(const void *a, const void *b) {
    const struct input *x = a, *y = b;

    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    if (x->inode != y->inode) return x->inode < y->inode ? -1 : 1;
    return 0;
}

/* Says which target is one of the inputs, by file identity: links and odd spellings count. sorted:
 * the inputs, by identity. */
static int check_overwrite(const struct options *opt, const char *option, const char *path,
                           const struct input *sorted, size_t n) {
    struct stat st;
    struct input key = {0};

    if (!path || stat(path, &st)) return EXIT_OK;
    key.device = st.st_dev;
    key.inode = st.st_ino;
    if (!bsearch(&key, sorted, n, sizeof *sorted, compare_identity)) return EXIT_OK;
    return say_usage(opt->command_name, "%s: %s is one of the pictures to be read", option, path);
}

static int check_all(const struct options *opt, const struct inputs *inputs,
                     const struct target *targets) {
    size_t n = (size_t)inputs->count;
    struct input *sorted = malloc(n * sizeof *sorted + 1);
    int status = EXIT_OK;

    if (!sorted) return say_no_memory();
    memcpy(sorted, inputs->items, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_identity);
    for (size_t i = 0; i < n && status == EXIT_OK; i++) {
        status = check_overwrite(opt, "--draw", targets[i].drawn, sorted, n);
        if (status == EXIT_OK)
            status = check_overwrite(opt, "--output", targets[i].json, sorted, n);
    }
    free(sorted);
    return status;
}

static int name_drawn(const struct options *opt, const struct inputs *inputs,
                      struct target *targets) {
    const char *to = opt->draw;
    int many = inputs->folders > 0 || inputs->count > 1, status = EXIT_OK;
    void *used = NULL;

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
    for (int i = 0; i < inputs->count && status == EXIT_OK; i++) {
        const char *tail = tail_of(&inputs->items[i]), *extension = extension_of(tail);
        if (inputs->items[i].error) continue;
        if (!can_be_written(extension)) extension = ".png";
        if (many || is_folder(to))
            targets[i].drawn = name_in_folder(to, tail, extension, &used);
        else
            targets[i].drawn = strdup(to);
        if (!targets[i].drawn) status = say_no_memory();
    }
    tdestroy(used, keep);
    return status;
}

static int name_json(const struct options *opt, const struct inputs *inputs,
                     struct target *targets) {
    const char *to = opt->output, *extension = extension_of(to);
    int status = EXIT_OK;
    void *used = NULL;

    if (!is_folder(to) && extension && ascii_same(extension, ".json"))
        return say_usage(opt->command_name,
                         "--output: %s is the name of a file, give a folder (a new one whose name "
                         "has a dot ends in /)",
                         to);
    for (int i = 0; i < inputs->count && status == EXIT_OK; i++) {
        if (inputs->items[i].error) continue;
        targets[i].json = name_in_folder(to, tail_of(&inputs->items[i]), ".json", &used);
        if (!targets[i].json) status = say_no_memory();
    }
    tdestroy(used, keep);
    return status;
}

int targets_make(const struct options *opt, const struct inputs *inputs, struct target **targets) {
    struct target *made = calloc((size_t)inputs->count + 1, sizeof *made);
    int status = made ? EXIT_OK : say_no_memory();

    *targets = NULL;
    if (status == EXIT_OK && opt->draw) status = name_drawn(opt, inputs, made);
    if (status == EXIT_OK && opt->output) status = name_json(opt, inputs, made);
    if (status == EXIT_OK) status = check_all(opt, inputs, made);
    if (status == EXIT_OK)
        *targets = made;
    else
        targets_free(made, inputs->count);
    return status;
}

void targets_free(struct target *targets, int n) {
    for (int i = 0; targets && i < n; i++) {
        free(targets[i].drawn);
        free(targets[i].json);
    }
    free(targets);
}
