#include "inputs.h"

#include "common/ascii.h"
#include "mien.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than any picture the library takes. */
#define STDIN_MAX ((size_t)1 << 30)

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

static int has_picture_extension(const char *path) {
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

static int compare_names(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Folders not to walk into. */
struct skipped {
    struct stat at[INPUTS_SKIP_MAX];
    int n;
};

static int is_skipped(const struct skipped *skip, const struct stat *st) {
    for (int i = 0; i < skip->n; i++)
        if (skip->at[i].st_dev == st->st_dev && skip->at[i].st_ino == st->st_ino) return 1;
    return 0;
}

/* One entry of a walk below root. Returns -1 where memory ran out. */
static int take_entry(struct inputs *in, FTS *walk, FTSENT *entry, size_t root_length,
                      const struct skipped *skip) {
    int inside = entry->fts_level > 0;

    if (entry->fts_info == FTS_DP) return 0; /* a folder on the way back */
    if (inside && entry->fts_name[0] == '.') {
        if (entry->fts_info == FTS_D) fts_set(walk, entry, FTS_SKIP);
        in->skipped += entry->fts_info == FTS_F && has_picture_extension(entry->fts_name);
        return 0;
    }
    switch (entry->fts_info) {
    case FTS_D:
        if (inside && is_skipped(skip, entry->fts_statp)) fts_set(walk, entry, FTS_SKIP);
        return 0;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS: return append_error(in, entry->fts_path, strerror(entry->fts_errno));
    case FTS_F:
    case FTS_SLNONE: /* a dangling link: opening it will say so */
        if (!has_picture_extension(entry->fts_name)) {
            in->skipped++;
            return 0;
        }
        if (append_file(in, entry->fts_path, entry->fts_info == FTS_F ? entry->fts_statp : NULL))
            return -1;
        in->items[in->count - 1].tail = in->items[in->count - 1].path + root_length;
        return 0;
    default: return 0; /* FTS_DC: a loop of links; sockets, devices */
    }
}

/* Walks a folder; FTS_LOGICAL follows links and reports a loop instead of going round in it. */
static int walk_folder(struct inputs *in, const char *root, const struct skipped *skip) {
    char *path = strdup(root), *roots[2] = {path, NULL};
    size_t length = strlen(root);
    int before = in->count, status = -1;
    FTS *walk = NULL;
    FTSENT *entry;

    if (!path) return -1;
    while (length > 1 && path[length - 1] == '/') path[--length] = '\0'; /* "a//" prints as "a" */
    walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, compare_names);
    if (!walk) goto done;
    status = 0;
    errno = 0;
    while (status == 0 && (entry = fts_read(walk)))
        status = take_entry(in, walk, entry, length + (path[length - 1] != '/'), skip);
    if (status == 0 && errno == ENOMEM) status = -1;
    if (status == 0 && in->count == before)
        status = append_error(in, root, "no pictures in this folder");
done:
    if (walk) fts_close(walk);
    free(path);
    return status;
}

int inputs_expand(char *const *args, int nargs, const char *const skip[INPUTS_SKIP_MAX],
                  struct inputs *out) {
    struct skipped skipped = {.n = 0};
    struct stat st;
    int status = 0;

    memset(out, 0, sizeof *out);
    for (int i = 0; skip && i < INPUTS_SKIP_MAX; i++)
        if (skip[i] && stat(skip[i], &skipped.at[skipped.n]) == 0) skipped.n++;
    for (int i = 0; i < nargs && status == 0; i++) {
        if (strcmp(args[i], "-") == 0) {
            status = append_file(out, args[i], NULL);
            if (status == 0) out->items[out->count - 1].is_stdin = 1;
        } else if (stat(args[i], &st)) {
            status = append_file(out, args[i], NULL);
        } else if (S_ISDIR(st.st_mode)) {
            out->folders++;
            status = walk_folder(out, args[i], &skipped);
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
        if (capacity >= STDIN_MAX) break;
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
