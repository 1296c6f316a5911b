#include "failures.h"

#include "common/json_text.h"
#include "common/json_values.h"
#include "files.h"
#include "result.h"
#include "say.h"
#include "stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A path has 4 KiB at most, each byte of which is six in JSON, twice in a line. */
enum { LINE_MAX_BYTES = 1 << 16 };

/* A picture is known by its name as the file says it: two that differ only in what is no UTF-8 may
 * be tried once more than they need. */
static uint64_t hash_name(const char *name) {
    json_t *text = json_value_text(name);
    uint64_t hash = text ? stamp_hash(json_string_value(text), json_string_length(text)) : 0;

    json_decref(text);
    return hash ? hash : 1;
}

static struct failure *place(const struct failures *f, uint64_t name) {
    size_t i = (size_t)name & (f->room - 1);

    while (f->table[i].name && f->table[i].name != name) i = (i + 1) & (f->room - 1);
    return &f->table[i];
}

static int grow(struct failures *f) {
    struct failures bigger = *f;

    bigger.room = f->room ? 2 * f->room : 64;
    bigger.table = calloc(bigger.room, sizeof *bigger.table);
    if (!bigger.table) return ENOMEM;
    for (size_t i = 0; i < f->room; i++)
        if (f->table[i].name) *place(&bigger, f->table[i].name) = f->table[i];
    free(f->table);
    f->table = bigger.table;
    f->room = bigger.room;
    return 0;
}

static int note(struct failures *f, uint64_t name, uint64_t stamp, int seen) {
    struct failure *one;

    if (2 * (f->count + 1) > f->room && grow(f)) return ENOMEM;
    one = place(f, name);
    f->count += !one->name;
    *one = (struct failure){.name = name, .stamp = stamp, .seen = seen};
    return 0;
}

/* Reads a line. Returns 0 where it is none of ours, -1 where memory ran out. */
static int read_line(const char *line, size_t n, uint64_t *name, uint64_t *stamp) {
    json_t *object, *file;
    const char *text;

    if (json_text_read(line, n, JSON_ALLOW_NUL, &object, NULL)) return -1;
    file = json_object_get(object, "file");
    text = json_string_value(json_object_get(object, "stamp"));
    *stamp = text ? strtoull(text, NULL, 16) : 0;
    *name =
        json_is_string(file) ? stamp_hash(json_string_value(file), json_string_length(file)) : 0;
    json_decref(object);
    return *name != 0;
}

/* Opens what is to be read; NULL with errno, 0 where there is nothing. */
static FILE *open_lines(const char *path) {
    FILE *in = fopen(path, "re");
    struct stat st;

    if (!in) {
        if (errno == ENOENT) errno = 0;
        return NULL;
    }
    if (fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode)) return in;
    fclose(in);
    errno = 0;
    return NULL;
}

/* Calls take() for each line of the file; not 0 ends it, and is returned. Lines longer than any of
 * ours are passed over. */
static int each_line(const char *path,
                     int (*take)(void *context, const char *line, size_t n, uint64_t name,
                                 uint64_t stamp),
                     void *context) {
    FILE *in = open_lines(path);
    char *line = malloc(LINE_MAX_BYTES);
    int error = in ? 0 : errno, within = 0;

    if (!line) error = ENOMEM;
    while (!error && in && fgets(line, LINE_MAX_BYTES, in)) {
        size_t n = strlen(line);
        int ends = n > 0 && line[n - 1] == '\n', is_ours;
        uint64_t name, stamp;
        is_ours = ends && !within ? read_line(line, n, &name, &stamp) : 0;
        within = !ends;
        if (is_ours < 0) error = ENOMEM;
        if (is_ours > 0) error = take(context, line, n, name, stamp);
    }
    if (!error && in && ferror(in)) error = EIO;
    free(line);
    if (in) fclose(in);
    return error;
}

static int take_known(void *context, const char *line, size_t n, uint64_t name, uint64_t stamp) {
    (void)line;
    (void)n;
    return note(context, name, stamp, 0);
}

int failures_open(struct failures *f, const char *folder, int retry) {
    int error = 0;

    *f = (struct failures){.fd = -1};
    if (asprintf(&f->path, "%s%sfailed.jsonl", folder,
                 *folder && folder[strlen(folder) - 1] == '/' ? "" : "/") < 0) {
        f->path = NULL;
        return say_no_memory();
    }
    pthread_mutex_init(&f->lock, NULL);
    if (retry && unlink(f->path) && errno != ENOENT) error = errno;
    if (!error) error = grow(f);
    if (!error) error = each_line(f->path, take_known, f);
    if (!error) return EXIT_OK;
    say("%s: %s", f->path, strerror(error));
    failures_close(f);
    return EXIT_FAILED;
}

int failures_have(struct failures *f, const struct input *input) {
    struct failure *one;
    int have;

    pthread_mutex_lock(&f->lock);
    one = place(f, hash_name(input->path));
    have = one->name && !one->gone && one->stamp == input->stamp;
    if (have) one->seen = 1;
    pthread_mutex_unlock(&f->lock);
    return have;
}

/* What was cut off by a kill is ended, and dropped when the file is tidied. */
static int open_file(struct failures *f) {
    char last = '\n';
    off_t size;

    f->fd = open(f->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (f->fd < 0) return errno;
    size = lseek(f->fd, 0, SEEK_END);
    if (size > 0 && pread(f->fd, &last, 1, size - 1) == 1 && last != '\n') {
        f->stale = 1;
        if (write(f->fd, "\n", 1) != 1) return errno;
    }
    return 0;
}

/* What is wrong with the machine may be right the next time. */
static int is_of_picture(int rc) {
    return rc != MIEN_ENOMEM && rc != MIEN_EDEVICE && rc != MIEN_EIO;
}

static char *line_of(const struct picture *picture, uint64_t stamp, size_t *n) {
    json_t *object = result_json(picture);
    char hex[24], *text;
    int failed = !object;

    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)stamp);
    if (object && stamp) json_value_set(object, "stamp", json_string(hex), &failed);
    text = failed ? NULL : json_value_dump(object, JSON_VALUES_DUMP | JSON_COMPACT, n);
    json_decref(object);
    if (text) text[(*n)++] = '\n'; /* in the place of its end */
    return text;
}

int failures_add(struct failures *f, const struct picture *picture) {
    uint64_t stamp = is_of_picture(picture->rc) ? picture->input->stamp : 0;
    size_t n = 0;
    char *text = line_of(picture, stamp, &n);
    int error = text ? 0 : ENOMEM;

    pthread_mutex_lock(&f->lock);
    if (!error) {
        struct failure *before = place(f, hash_name(picture->input->path));
        if (before->name) f->stale = 1; /* its line is another's now */
        error = note(f, hash_name(picture->input->path), stamp, 1);
    }
    if (!error && f->fd < 0) error = open_file(f);
    if (!error && write(f->fd, text, n) != (ssize_t)n) error = errno ? errno : EIO;
    pthread_mutex_unlock(&f->lock);
    free(text);
    return error;
}

void failures_mend(struct failures *f, const struct input *input) {
    struct failure *one;

    pthread_mutex_lock(&f->lock);
    one = place(f, hash_name(input->path));
    if (one->name && !one->gone) one->gone = f->stale = 1;
    pthread_mutex_unlock(&f->lock);
}

struct tidying {
    struct failures *f;
    FILE *out;
    int all, kept;
};

static int take_kept(void *context, const char *line, size_t n, uint64_t name, uint64_t stamp) {
    struct tidying *t = context;
    struct failure *one = place(t->f, name);

    if (!one->name || one->gone || one->stamp != stamp || (t->all && !one->seen)) return 0;
    t->kept++;
    if (t->out) fwrite(line, 1, n, t->out);
    return 0;
}

static int write_kept(const void *context, FILE *out) {
    struct tidying t = *(const struct tidying *)context;

    t.out = out;
    return each_line(t.f->path, take_kept, &t) ? -1 : 0;
}

static void drop_unseen(struct failures *f) {
    for (size_t i = 0; i < f->room; i++)
        if (f->table[i].name && !f->table[i].seen) f->table[i].gone = f->stale = 1;
}

int failures_tidy(struct failures *f, int all) {
    struct tidying t = {.f = f};
    int error = 0;

    pthread_mutex_lock(&f->lock);
    if (all) drop_unseen(f);
    if (f->stale) error = each_line(f->path, take_kept, &t);
    if (f->stale && !error) {
        if (f->fd >= 0) close(f->fd);
        f->fd = -1;
        if (t.kept == 0)
            error = unlink(f->path) && errno != ENOENT ? errno : 0;
        else
            error = files_put(f->path, write_kept, &t, 0);
        f->stale = error != 0;
    }
    pthread_mutex_unlock(&f->lock);
    return error;
}

void failures_close(struct failures *f) {
    if (!f->path) return;
    if (f->fd >= 0) close(f->fd);
    pthread_mutex_destroy(&f->lock);
    free(f->table);
    free(f->path);
    memset(f, 0, sizeof *f);
}
