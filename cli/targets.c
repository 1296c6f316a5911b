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

/* Whether a file is one of those that were named, by identity: links and odd spellings count. */
static int is_named(const struct targets *t, const char *path) {
    struct input key = {0};
    struct stat st;

    if (!path || t->named == 0 || stat(path, &st)) return 0;
    input_look(&key, &st);
    return bsearch(&key, t->sorted, t->named, sizeof *t->sorted, compare_identity) != NULL;
}

/* path inside folder; of "/" all are. */
static int is_below(const char *path, const char *folder) {
    size_t n = strlen(folder);

    if (n > 0 && folder[n - 1] == '/') n--;
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* Whether a file lies where the walk over one of the folders comes by. */
static int is_walked(const struct targets *t, const char *path) {
    struct stat st;
    char *real = lstat(path, &st) == 0 ? realpath(path, NULL) : NULL;
    int is = 0;

    for (int i = 0; real && i < t->opt->nargs; i++) {
        const char *root = t->at[i].root;
        int left_out = 0;
        if (!root || !is_below(real, root)) continue;
        for (int k = 0; k < INPUTS_SKIP_MAX; k++)
            left_out |=
                t->written[k] && is_below(t->written[k], root) && is_below(real, t->written[k]);
        is |= !left_out;
    }
    free(real);
    return is;
}

/* One of the arguments. Returns an exit status. */
static int name_file(struct targets *t, int i) {
    const struct options *opt = t->opt;
    struct input input = {0};
    const char *tail, *extension;
    int status = EXIT_OK, many = opt->nargs > 1 || t->folders > 0;

    if (input_init(&input, opt->args[i])) return say_no_memory();
    input.is_stdin = strcmp(opt->args[i], "-") == 0;
    tail = tail_of(&input);
    extension = extension_of(tail);
    if (!can_be_written(extension)) extension = ".png";
    if (opt->draw && (many || is_folder(opt->draw)))
        t->at[i].drawn = name_in_folder(opt->draw, tail, extension, &t->drawn);
    else if (opt->draw)
        t->at[i].drawn = strdup(opt->draw);
    if (opt->output) t->at[i].json = name_in_folder(opt->output, tail, ".json", &t->json);
    if ((opt->draw && !t->at[i].drawn) || (opt->output && !t->at[i].json)) status = say_no_memory();
    input_free(&input);
    return status;
}

/* What pictures of a folder are written below, where there are several: its own name, and -2, -3,
 * ... behind that where others are called so. */
static int name_root(struct targets *t, int i) {
    const char *root = t->at[i].root, *slash = root ? strrchr(root, '/') : NULL;
    const char *name = slash && slash[1] ? slash + 1 : "root";

    if (!root) return say_no_memory();
    for (int copy = 1;; copy++) {
        char number[16] = "";
        int is_used = 0;
        if (copy > 1) snprintf(number, sizeof number, "-%d", copy);
        if (asprintf(&t->at[i].within, "%s%s/", name, number) < 0) {
            t->at[i].within = NULL;
            return say_no_memory();
        }
        for (int k = 0; k < i; k++)
            is_used |= t->at[k].within && strcmp(t->at[k].within, t->at[i].within) == 0;
        if (!is_used) return EXIT_OK;
        free(t->at[i].within);
    }
}

static int is_walkable(const char *arg) {
    struct stat st;

    return strcmp(arg, "-") != 0 && stat(arg, &st) == 0 && S_ISDIR(st.st_mode);
}

static int look_at_arguments(struct targets *t) {
    const struct options *opt = t->opt;
    int status = EXIT_OK;

    for (int i = 0; i < opt->nargs; i++) t->folders += is_walkable(opt->args[i]);
    for (int i = 0; i < opt->nargs && status == EXIT_OK; i++) {
        struct input *input = &t->sorted[t->named];
        struct stat st;
        if (is_walkable(opt->args[i])) {
            t->at[i].root = realpath(opt->args[i], NULL);
            if (t->folders > 1) status = name_root(t, i);
            continue;
        }
        memset(input, 0, sizeof *input);
        if (strcmp(opt->args[i], "-") != 0 && stat(opt->args[i], &st) == 0) {
            input_look(input, &st);
            t->named++;
        }
        status = name_file(t, i);
    }
    if (t->named > 0) qsort(t->sorted, t->named, sizeof *t->sorted, compare_identity);
    return status;
}

static int check_names(const struct options *opt, int folders) {
    int many = opt->nargs > 1 || folders > 0;
    const char *extension = opt->output ? extension_of(opt->output) : NULL;

    if (opt->draw && !is_folder(opt->draw)) {
        if (many && can_be_written(extension_of(opt->draw)))
            return say_usage(opt->command_name,
                             "--draw: %s is the name of one picture, give a folder for many",
                             opt->draw);
        if (!many && !can_be_written(extension_of(opt->draw)))
            return say_usage(opt->command_name,
                             "--draw: %s ends in none of .jpg, .png, .webp, .ppm (a new folder "
                             "ends in /)",
                             opt->draw);
    }
    if (opt->output && !is_folder(opt->output) && extension && ascii_same(extension, ".json"))
        return say_usage(opt->command_name,
                         "--output: %s is the name of a file, give a folder (a new one whose name "
                         "has a dot ends in /)",
                         opt->output);
    return EXIT_OK;
}

static int check_overwriting(const struct targets *t) {
    const struct options *opt = t->opt;

    for (int i = 0; i < opt->nargs; i++) {
        const char *drawn = t->at[i].drawn, *json = t->at[i].json;
        if (is_named(t, drawn) || (drawn && is_walked(t, drawn)))
            return say_usage(opt->command_name, "--draw: %s is one of the pictures to be read",
                             drawn);
        if (is_named(t, json))
            return say_usage(opt->command_name, "--output: %s is one of the pictures to be read",
                             json);
        if (t->at[i].root && t->written[0] && strcmp(t->at[i].root, t->written[0]) == 0)
            return say_usage(opt->command_name,
                             "--draw: %s is to be read, give another folder: pictures would be "
                             "overwritten",
                             opt->draw);
    }
    return EXIT_OK;
}

int targets_open(struct targets *t, const struct options *opt) {
    size_t n = (size_t)opt->nargs + 1;
    int status;

    *t = (struct targets){.opt = opt};
    t->at = calloc(n, sizeof *t->at);
    t->sorted = calloc(n, sizeof *t->sorted);
    if (!t->at || !t->sorted) return say_no_memory();
    if (opt->draw) t->written[0] = realpath(opt->draw, NULL);
    if (opt->output) t->written[1] = realpath(opt->output, NULL);
    status = look_at_arguments(t);
    if (status == EXIT_OK) status = check_names(opt, t->folders);
    if (status == EXIT_OK) status = check_overwriting(t);
    return status;
}

static int is_used(void *const *used, const char *name) {
    return tfind(name, used, (int (*)(const void *, const void *))strcmp) != NULL;
}

/* folder/within/base, as much as length says, with that extension; not one of the names in use. */
static char *name_below(const char *folder, const char *within, const char *base, int length,
                        const char *extension, void *const *used) {
    size_t n = strlen(folder);
    const char *slash = n && folder[n - 1] == '/' ? "" : "/";

    for (int copy = 1;; copy++) {
        char *name, number[16] = "";
        if (copy > 1) snprintf(number, sizeof number, "-%d", copy);
        if (asprintf(&name, "%s%s%s%.*s%s%s", folder, slash, within, length, base, number,
                     extension) < 0)
            return NULL;
        if (!is_used(used, name)) return name;
        free(name);
    }
}

/* Whether there is a picture beside this one whose name is its own with another extension. */
static int has_sibling(const struct input *input, int length, const char *extension) {
    size_t before = (size_t)(input->tail - input->path);
    struct stat st;
    char *path;
    int has;

    if (asprintf(&path, "%.*s%s", (int)before + length, input->path, extension) < 0) return 0;
    has = lstat(path, &st) == 0;
    free(path);
    return has;
}

/* Of a picture that is drawn as it is called there can be but one; the others become PNG. */
static char *drawn_name(const struct targets *t, const struct input *input, const char *within) {
    const char *extension = extension_of(input->tail);
    int whole = (int)strlen(input->tail), stem = whole - (extension ? (int)strlen(extension) : 0);

    if (can_be_written(extension))
        return name_below(t->opt->draw, within, input->tail, stem, extension, &t->drawn);
    if (input->whole_name || has_sibling(input, stem, ".png"))
        return name_below(t->opt->draw, within, input->tail, whole,
                          has_sibling(input, whole, ".png") ? ".drawn.png" : ".png", &t->drawn);
    return name_below(t->opt->draw, within, input->tail, stem, ".png", &t->drawn);
}

static char *json_name(const struct targets *t, const struct input *input, const char *within) {
    const char *extension = extension_of(input->tail);
    int length = (int)strlen(input->tail);

    if (extension && !input->whole_name) length -= (int)strlen(extension);
    return name_below(t->opt->output, within, input->tail, length, ".json", &t->json);
}

static int name_walked(const struct targets *t, struct input *input) {
    const char *within = t->at[input->arg].within ? t->at[input->arg].within : "";

    if (t->opt->draw) input->drawn = drawn_name(t, input, within);
    if (t->opt->output) input->json = json_name(t, input, within);
    if ((t->opt->draw && !input->drawn) || (t->opt->output && !input->json)) return -1;
    if (!input->drawn || !(is_named(t, input->drawn) || is_walked(t, input->drawn))) return 0;
    if (asprintf(&input->error, "%s: %s, where it would be drawn, is a picture to be read",
                 input->path, input->drawn) < 0)
        return -1;
    return 0;
}

int targets_name(const struct targets *t, struct input *input) {
    const struct target *at = &t->at[input->arg];

    if (input->walked) return name_walked(t, input);
    if (input->error) return 0;
    if (at->drawn && !(input->drawn = strdup(at->drawn))) return -1;
    if (at->json && !(input->json = strdup(at->json))) return -1;
    return 0;
}

void targets_close(struct targets *t) {
    tdestroy(t->drawn, keep);
    tdestroy(t->json, keep);
    for (int i = 0; t->at && i < t->opt->nargs; i++) {
        free(t->at[i].drawn);
        free(t->at[i].json);
        free(t->at[i].root);
        free(t->at[i].within);
    }
    for (int k = 0; k < INPUTS_SKIP_MAX; k++) free(t->written[k]);
    free(t->at);
    free(t->sorted);
    memset(t, 0, sizeof *t);
}
