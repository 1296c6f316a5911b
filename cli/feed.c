#include "feed.h"

#include <stdlib.h>
#include <string.h>

void feed_open(struct feed *f, char *const *args, int nargs,
               const char *const skip[INPUTS_SKIP_MAX]) {
    memset(f, 0, sizeof *f);
    f->args = args;
    f->nargs = nargs;
    f->skip = skip;
}

void feed_of(struct feed *f, struct input *list, int count) {
    memset(f, 0, sizeof *f);
    f->list = list;
    f->total = count;
}

void feed_close(struct feed *f) {
    walk_close(f->walk);
    f->walk = NULL;
    f->ended = 1;
}

static int is_folder(const char *path) {
    struct stat st;

    return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void feed_count(struct feed *f, long long *skipped,
                void (*see)(void *context, const char *folder, const char *name), void *context) {
    struct walk_counts counts = {0};

    for (int i = 0; i < f->nargs; i++) {
        long long before = counts.pictures;
        if (is_folder(f->args[i]))
            walk_count(f->args[i], f->skip, &counts, see, context);
        else if (see)
            see(context, "", f->args[i]);
        if (counts.pictures == before) counts.pictures++; /* itself, or that there is none in it */
    }
    f->total = counts.pictures;
    *skipped = counts.skipped;
}

/* A file that was named. Returns -1 where memory ran out. */
static int name_file(const char *path, struct input *out) {
    struct stat st;

    if (input_init(out, path)) return -1;
    if (strcmp(path, "-") == 0)
        out->is_stdin = 1;
    else if (stat(path, &st) == 0)
        input_look(out, &st);
    return 0;
}

/* The next of the arguments, whether it is wanted or not: as walk_next(). */
static int next_of_args(struct feed *f, struct input *out) {
    while (f->walk || f->at < f->nargs) {
        if (!f->walk && is_folder(f->args[f->at])) {
            f->folders++;
            f->walk = walk_open(f->args[f->at], f->skip);
            if (!f->walk) return -1;
        }
        int status = f->walk ? walk_next(f->walk, out) : name_file(f->args[f->at], out);
        out->arg = f->at;
        if (f->walk && status == 1) return 1;
        f->at++;
        if (!f->walk) return status ? -1 : 1;
        walk_close(f->walk);
        f->walk = NULL;
        if (status < 0) return -1;
    }
    return 0;
}

/* A new input, or that of the list. */
static int next(struct feed *f, struct input **out) {
    int status;

    if (f->list) {
        if (f->at >= f->total) return 0;
        *out = &f->list[f->at++];
        return 1;
    }
    *out = calloc(1, sizeof **out);
    if (!*out) return -1;
    status = next_of_args(f, *out);
    if (status == 1) return 1;
    feed_done(f, *out);
    *out = NULL;
    return status < 0 ? -1 : 0;
}

struct input *feed_next(struct feed *f) {
    struct input *input;

    while (!f->ended) {
        int status = next(f, &input), wanted;
        if (status < 0) f->no_memory = 1;
        if (status <= 0) break;
        wanted = f->want ? f->want(f->context, input) : 1;
        if (wanted == 1) return input;
        feed_done(f, input);
        f->no_memory = wanted == -2;
        if (wanted < 0) break;
        atomic_fetch_add(&f->past, 1);
    }
    f->ended = 1;
    return NULL;
}

void feed_done(const struct feed *f, struct input *input) {
    if (!input || f->list) return;
    input_free(input);
    free(input);
}
