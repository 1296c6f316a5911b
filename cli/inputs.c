#include "inputs.h"

#include "common/ascii.h"
#include "mien.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Whether one of the words, with blanks between them, is this. */
static int has_word(const char *words, const char *word) {
    char one[16];

    for (size_t n; *words; words += n + (words[n] == ' ')) {
        n = strcspn(words, " ");
        snprintf(one, sizeof one, "%.*s", (int)n, words);
        if (ascii_same(one, word)) return 1;
    }
    return 0;
}

int inputs_is_picture(const char *path) {
    const char *dot = strrchr(base_name(path), '.');
    mien_format format = {.struct_size = sizeof format};

    for (int i = 0; dot && mien_format_at(i, &format) == MIEN_OK; i++)
        if (has_word(format.extensions, dot)) return 1;
    return 0;
}

/* Appends a copy of path. Returns NULL where memory ran out. */
static struct input *append(struct inputs *in, const char *path) {
    struct input *item;

    if (in->count == in->capacity) {
        int capacity = in->capacity ? 2 * in->capacity : 16;
        struct input *items = realloc(in->items, (size_t)capacity * sizeof *items);
        if (!items) return NULL;
        in->items = items;
        in->capacity = capacity;
    }
    item = &in->items[in->count];
    memset(item, 0, sizeof *item);
    item->path = strdup(path);
    if (!item->path) return NULL;
    item->tail = base_name(item->path);
    in->count++;
    return item;
}

static int append_error(struct inputs *in, const char *path, const char *why) {
    struct input *item = append(in, path);

    if (!item || asprintf(&item->error, "%s: %s", path, why) < 0) return -1;
    return 0;
}

static int append_file(struct inputs *in, const char *path, const struct stat *st) {
    struct input *item = append(in, path);

    if (!item) return -1;
    if (st) {
        item->device = st->st_dev;
        item->inode = st->st_ino;
    }
    return 0;
}

static int compare_names(const void *a, const void *b) {
    return strcmp((*(struct dirent *const *)a)->d_name, (*(struct dirent *const *)b)->d_name);
}

static int is_entry(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* A walk below a folder. Not by fts(3): glibc's ends the program, or forgets the order, where
 * memory runs out. */
struct walk {
    struct inputs *in;
    size_t root_length;                   /* bytes of paths before what an input's tail is */
    struct stat skipped[INPUTS_SKIP_MAX]; /* folders not to walk into */
    int nskipped;
};

/* A folder that is being walked, and those around it. */
struct level {
    const struct level *outer;
    const char *path;
    struct stat st;
};

static int is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether it is not to be walked into: asked for, or a link to a folder around it. */
static int is_left_out(const struct walk *w, const struct level *outer, const struct stat *st) {
    for (int i = 0; i < w->nskipped; i++)
        if (is_same(&w->skipped[i], st)) return 1;
    for (; outer; outer = outer->outer)
        if (is_same(&outer->st, st)) return 1;
    return 0;
}

static int walk_level(struct walk *w, const struct level *level);

/* An entry of a folder that is no hidden one. Returns -1 where memory ran out. */
static int walk_entry(struct walk *w, const struct level *level, const char *path) {
    struct level inner = {.outer = level, .path = path};
    int error = stat(path, &inner.st) ? errno : 0, is_file = error || S_ISREG(inner.st.st_mode);
    struct stat link;

    if (error && lstat(path, &link)) return append_error(w->in, path, strerror(error));
    if (!is_file) /* else sockets, devices */
        return S_ISDIR(inner.st.st_mode) && !is_left_out(w, level, &inner.st)
                   ? walk_level(w, &inner)
                   : 0;
    if (!inputs_is_picture(path)) {
        w->in->skipped++;
        return 0;
    }
    /* a dangling link: opening it will say so */
    if (append_file(w->in, path, error ? NULL : &inner.st)) return -1;
    w->in->items[w->in->count - 1].tail = w->in->items[w->in->count - 1].path + w->root_length;
    return 0;
}

static int walk_name(struct walk *w, const struct level *level, const char *name) {
    size_t n = strlen(level->path);
    struct stat st;
    char *path;
    int status = 0;

    if (asprintf(&path, "%s%s%s", level->path, level->path[n - 1] == '/' ? "" : "/", name) < 0)
        return -1;
    if (name[0] != '.')
        status = walk_entry(w, level, path);
    else
        w->in->skipped += inputs_is_picture(name) && stat(path, &st) == 0 && S_ISREG(st.st_mode);
    free(path);
    return status;
}

/* In the order of names. Returns -1 where memory ran out. */
static int walk_level(struct walk *w, const struct level *level) {
    struct dirent **entries;
    int status = 0, n = scandir(level->path, &entries, is_entry, NULL);

    if (n < 0) return errno == ENOMEM ? -1 : append_error(w->in, level->path, strerror(errno));
    if (n > 0) qsort(entries, (size_t)n, sizeof *entries, compare_names);
    for (int i = 0; i < n; i++) {
        if (status == 0) status = walk_name(w, level, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int walk_folder(struct walk *w, const char *root, const struct stat *st) {
    char *path = strdup(root);
    size_t length = strlen(root);
    int before = w->in->count, status;

    if (!path) return -1;
    while (length > 1 && path[length - 1] == '/') path[--length] = '\0'; /* "a//" prints as "a" */
    w->root_length = length + (path[length - 1] != '/');
    status = walk_level(w, &(struct level){.path = path, .st = *st});
    if (status == 0 && w->in->count == before)
        status = append_error(w->in, root, "no pictures in this folder");
    free(path);
    return status;
}

int inputs_expand(char *const *args, int nargs, const char *const skip[INPUTS_SKIP_MAX],
                  struct inputs *out) {
    struct walk walk = {.in = out};
    struct stat st;
    int status = 0;

    memset(out, 0, sizeof *out);
    for (int i = 0; skip && i < INPUTS_SKIP_MAX; i++)
        if (skip[i] && stat(skip[i], &walk.skipped[walk.nskipped]) == 0) walk.nskipped++;
    for (int i = 0; i < nargs && status == 0; i++) {
        if (strcmp(args[i], "-") == 0) {
            status = append_file(out, args[i], NULL);
            if (status == 0) out->items[out->count - 1].is_stdin = 1;
        } else if (stat(args[i], &st)) {
            status = append_file(out, args[i], NULL);
        } else if (S_ISDIR(st.st_mode)) {
            out->folders++;
            status = walk_folder(&walk, args[i], &st);
        } else {
            status = append_file(out, args[i], &st);
        }
    }
    if (status) inputs_free(out);
    return status;
}

int inputs_append(struct inputs *in, const char *path) {
    return append_file(in, path, NULL);
}

void inputs_free(struct inputs *in) {
    for (int i = 0; i < in->count; i++) {
        free(in->items[i].path);
        free(in->items[i].error);
    }
    free(in->items);
    memset(in, 0, sizeof *in);
}

int inputs_read_stdin(uint8_t **bytes, size_t *size, char **error) {
    size_t capacity = 1 << 16, n = 0;
    uint8_t *data = malloc(capacity), *grown;
    ssize_t got = 1;
    int written = -1;

    *bytes = NULL;
    *size = 0;
    *error = NULL;
    while (data && (got = read(STDIN_FILENO, data + n, capacity - n)) != 0) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        n += (size_t)got;
        if (n < capacity) continue;
        if (capacity >= INPUT_MAX) break;
        grown = realloc(data, 2 * capacity);
        if (!grown) free(data);
        data = grown;
        capacity *= 2;
    }
    if (data && got == 0) {
        *bytes = data;
        *size = n;
        return 0;
    }
    if (data)
        written = asprintf(error, "standard input: %s",
                           got < 0 ? strerror(errno) : "more than 1 GiB, too large for a picture");
    free(data);
    if (written >= 0) return got < 0 ? MIEN_EIO : MIEN_ETOOBIG;
    *error = NULL;
    return MIEN_ENOMEM;
}
