#include "walk.h"

#include "common/ascii.h"
#include "listing.h"
#include "mien.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXTENSION_MAX = 16 };

/* Whether one of the words, with blanks between them, is this. A folder's names all come by here.
 */
static int has_word(const char *words, const char *word, size_t length) {
    for (size_t n; *words; words += n + (words[n] == ' ')) {
        size_t i = 0;
        n = strcspn(words, " ");
        while (n == length && i < n && ascii_upper(words[i]) == ascii_upper(word[i])) i++;
        if (n == length && i == n) return 1;
    }
    return 0;
}

static int is_extension(const char *dot) {
    mien_format format = {.struct_size = sizeof format};
    size_t length = strlen(dot);

    for (int i = 0; mien_format_at(i, &format) == MIEN_OK; i++)
        if (has_word(format.extensions, dot, length)) return 1;
    return 0;
}

int walk_is_picture_name(const char *name, size_t *stem) {
    const char *dot = strrchr(name, '.');

    if (!dot || !is_extension(dot)) return 0;
    if (stem) *stem = (size_t)(dot - name);
    return 1;
}

static int is_mixed_case(const char *extension) {
    int lower = 0, upper = 0;

    for (; *extension; extension++) {
        lower |= *extension >= 'a' && *extension <= 'z';
        upper |= *extension >= 'A' && *extension <= 'Z';
    }
    return lower && upper;
}

/* Whether a walk gives it: a file, or a link to nothing. */
static int is_file(const char *folder, const char *name, size_t n) {
    struct stat st;
    char *path;
    int is;

    if (asprintf(&path, "%s%.*s", folder, (int)n, name) < 0) return 0;
    is = stat(path, &st) ? lstat(path, &st) == 0 : S_ISREG(st.st_mode);
    free(path);
    return is;
}

/* "a.jpg.png" beside "a.jpg". */
static int has_picture_for_stem(const char *folder, const char *name, size_t stem) {
    char *copy = strndup(name, stem);
    int has = copy && walk_is_picture_name(copy, NULL) && is_file(folder, copy, stem);

    free(copy);
    return has;
}

/* Whether there is a picture of this stem and extension, before this name. */
static int has_other(const char *folder, const char *name, size_t stem, const char *extension) {
    char *other;
    int has;

    if (asprintf(&other, "%.*s%s", (int)stem, name, extension) < 0) return 0;
    has = strcmp(other, name) < 0 && is_file(folder, other, strlen(other));
    free(other);
    return has;
}

int walk_shares_stem(const char *folder, const char *name) {
    mien_format format = {.struct_size = sizeof format};
    size_t stem;

    if (!walk_is_picture_name(name, &stem)) return 0;
    if (is_mixed_case(name + stem) || has_picture_for_stem(folder, name, stem)) return 1;
    for (int i = 0; mien_format_at(i, &format) == MIEN_OK; i++) {
        const char *words = format.extensions;
        for (size_t n; *words; words += n + (words[n] == ' ')) {
            char lower[EXTENSION_MAX], upper[EXTENSION_MAX];
            n = strcspn(words, " ");
            snprintf(lower, sizeof lower, "%.*s", (int)n, words);
            for (size_t k = 0; k < sizeof upper; k++) upper[k] = ascii_upper(lower[k]);
            if (has_other(folder, name, stem, lower) || has_other(folder, name, stem, upper))
                return 1;
        }
    }
    return 0;
}

/* A folder that is being walked, and those around it. */
struct level {
    struct level *outer;
    char *path;
    struct stat st;
    struct listing names;
    /* The stems of pictures before, innermost last, that the next name may begin with: in sorted
     * order all that share a stem lie between the first of them and the first name that does not
     * begin with it. */
    char **stems;
    int nstems, room;
};

struct walk {
    struct level *level; /* the innermost */
    char *root;
    size_t root_length;                   /* bytes of paths before what an input's tail is */
    struct stat skipped[INPUTS_SKIP_MAX]; /* folders not to walk into */
    int nskipped, given, ended;
};

static void look_at_skipped(const char *const skip[INPUTS_SKIP_MAX],
                            struct stat out[INPUTS_SKIP_MAX], int *n) {
    *n = 0;
    for (int i = 0; skip && i < INPUTS_SKIP_MAX; i++)
        if (skip[i] && stat(skip[i], &out[*n]) == 0) ++*n;
}

static int is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether it is not to be walked into: asked for, or a link to a folder around it. */
static int is_left_out(const struct stat *skipped, int n, const struct level *outer,
                       const struct stat *st) {
    for (int i = 0; i < n; i++)
        if (is_same(&skipped[i], st)) return 1;
    for (; outer; outer = outer->outer)
        if (is_same(&outer->st, st)) return 1;
    return 0;
}

static int is_type(const struct dirent *entry, int type) {
    return entry->d_type == type;
}

/* Of listing_next(): what a look at it may show to be a picture or a folder. */
static int keeps(const struct dirent *entry) {
    if (entry->d_name[0] == '.') return 0;
    return !is_type(entry, DT_REG) || walk_is_picture_name(entry->d_name, NULL);
}

/* Takes path over. */
static int push(struct walk *w, char *path, const struct stat *st) {
    struct level *level = path ? calloc(1, sizeof *level) : NULL;

    if (!level) {
        free(path);
        return -1;
    }
    level->outer = w->level;
    level->path = path;
    level->st = *st;
    w->level = level;
    return 0;
}

static void pop(struct walk *w) {
    struct level *level = w->level;

    w->level = level->outer;
    listing_free(&level->names);
    for (int i = 0; i < level->nstems; i++) free(level->stems[i]);
    free(level->stems);
    free(level->path);
    free(level);
}

struct walk *walk_open(const char *root, const char *const skip[INPUTS_SKIP_MAX]) {
    struct walk *w = calloc(1, sizeof *w);
    size_t length = strlen(root);
    struct stat st = {0};
    char *path = strdup(root);

    if (!w || !path || !(w->root = strdup(root))) {
        free(path);
        free(w);
        return NULL;
    }
    while (length > 1 && path[length - 1] == '/') path[--length] = '\0'; /* "a//" prints as "a" */
    w->root_length = length + (path[length - 1] != '/');
    look_at_skipped(skip, w->skipped, &w->nskipped);
    if (stat(root, &st)) memset(&st, 0, sizeof st);
    if (push(w, path, &st) == 0) return w;
    walk_close(w);
    return NULL;
}

void walk_close(struct walk *w) {
    if (!w) return;
    while (w->level) pop(w);
    free(w->root);
    free(w);
}

/* The path of a name in a folder, for free(). */
static char *path_in(const char *folder, const char *name) {
    size_t n = strlen(folder);
    char *path;

    return asprintf(&path, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name) < 0 ? NULL
                                                                                             : path;
}

static int give_error(struct walk *w, const char *path, const char *why, struct input *out) {
    w->given++;
    return input_init(out, path) || asprintf(&out->error, "%s: %s", path, why) < 0 ? -1 : 1;
}

/* Notes the stem of a picture, the next in order, and whether it shares it; -1: no memory. */
static int look_at_stem(struct level *level, const char *name, int *shares) {
    size_t stem, n;
    char **stems;

    *shares = 0;
    if (!walk_is_picture_name(name, &stem)) return 0;
    while (level->nstems > 0) {
        const char *top = level->stems[level->nstems - 1];
        n = strlen(top);
        if (strncmp(top, name, n) == 0 && name[n] == '.') break;
        free(level->stems[--level->nstems]);
    }
    *shares = is_mixed_case(name + stem);
    if (*shares) return 0;
    for (int i = 0; i < level->nstems; i++)
        if (strlen(level->stems[i]) == stem) *shares = 1;
    if (*shares) return 0;
    if (level->nstems == level->room) {
        stems = realloc(level->stems, (size_t)(level->room + 8) * sizeof *stems);
        if (!stems) return -1;
        level->stems = stems;
        level->room += 8;
    }
    level->stems[level->nstems] = strndup(name, stem);
    return level->stems[level->nstems++] ? 0 : -1;
}

/* A file that is a picture by its name. st: NULL for a dangling link, opening it will say so. */
static int give_file(struct walk *w, const char *path, const struct stat *st, struct input *out) {
    const char *name = strrchr(path, '/');
    int shares;

    name = name ? name + 1 : path;
    if (look_at_stem(w->level, name, &shares)) return -1;
    if (input_init(out, path)) return -1;
    if (st) input_look(out, st);
    out->tail = out->path + w->root_length;
    out->walked = 1;
    if (!shares) {
        char *folder = strndup(path, (size_t)(name - path));
        size_t stem;
        shares =
            folder && walk_is_picture_name(name, &stem) && has_picture_for_stem(folder, name, stem);
        free(folder);
    }
    out->whole_name = shares;
    w->given++;
    return 1;
}

/* Takes path over. 0: it is nothing to be given. */
static int walk_entry(struct walk *w, char *path, struct input *out) {
    struct stat st, link;
    int error = stat(path, &st) ? errno : 0, status = 0;

    if (error && lstat(path, &link)) {
        if (errno != ENOENT) status = give_error(w, path, strerror(error), out); /* else it left */
    } else if (!error && S_ISDIR(st.st_mode)) {
        if (!is_left_out(w->skipped, w->nskipped, w->level, &st)) return push(w, path, &st);
    } else if ((error || S_ISREG(st.st_mode)) && walk_is_picture_name(path, NULL)) {
        status = give_file(w, path, error ? NULL : &st, out);
    } /* else sockets, devices */
    free(path);
    return status;
}

int walk_next(struct walk *w, struct input *out) {
    const char *name;
    int status;

    while (w->level) {
        struct level *level = w->level;
        char *path;
        status = listing_next(&level->names, level->path, keeps, &name);
        if (status < 0 && errno == ENOMEM) return -1;
        if (status <= 0) {
            int error = status < 0 ? errno : 0;
            char *folder = level->path;
            level->path = NULL;
            pop(w);
            status = error ? give_error(w, folder, strerror(error), out) : 0;
            free(folder);
            if (status) return status;
            continue;
        }
        path = path_in(level->path, name);
        if (!path) return -1;
        status = walk_entry(w, path, out);
        if (status) return status;
    }
    if (w->given || w->ended) return 0;
    w->ended = 1;
    return give_error(w, w->root, "no pictures in this folder", out);
}

struct counting {
    struct stat skipped[INPUTS_SKIP_MAX];
    int nskipped;
    struct walk_counts *counts;
    void (*see)(void *context, const char *folder, const char *name);
    void *context;
};

static void count_level(struct counting *c, struct level *level);

/* One that has to be looked at: a folder, a link, or on a file system that does not say. */
static void count_unknown(struct counting *c, struct level *level, const char *name) {
    struct level inner = {.outer = level, .path = path_in(level->path, name)};
    int is_picture = walk_is_picture_name(name, NULL), hidden = name[0] == '.';
    int error = !inner.path || stat(inner.path, &inner.st);

    if (!error && S_ISDIR(inner.st.st_mode)) {
        if (!hidden && !is_left_out(c->skipped, c->nskipped, level, &inner.st))
            count_level(c, &inner);
    } else if (error || S_ISREG(inner.st.st_mode)) {
        if (hidden ? is_picture && !error : !is_picture)
            c->counts->skipped++;
        else if (!hidden) {
            c->counts->pictures++;
            if (c->see) c->see(c->context, level->path, name);
        }
    }
    free(inner.path);
}

static void count_level(struct counting *c, struct level *level) {
    DIR *dir = opendir(level->path);
    const struct dirent *entry;

    if (!dir) {
        c->counts->pictures++; /* it is given with an error */
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (!is_type(entry, DT_REG)) {
            count_unknown(c, level, name);
        } else if (walk_is_picture_name(name, NULL) == (name[0] == '.')) {
            c->counts->skipped++;
        } else if (name[0] != '.') {
            c->counts->pictures++;
            if (c->see) c->see(c->context, level->path, name);
        }
    }
    closedir(dir);
}

void walk_count(const char *root, const char *const skip[INPUTS_SKIP_MAX], struct walk_counts *c,
                void (*see)(void *context, const char *folder, const char *name), void *context) {
    struct counting counting = {.counts = c, .see = see, .context = context};
    struct level level = {.path = (char *)root};

    look_at_skipped(skip, counting.skipped, &counting.nskipped);
    if (stat(root, &level.st) == 0) count_level(&counting, &level);
}
