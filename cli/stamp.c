#include "stamp.h"

#include "common/text_stream.h"
#include "mien_gallery.h"
#include "networks.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STAMP_VERSION = 1, HEAD = 1 << 16, PIECE = 1 << 10, PIECES = 64 };

uint64_t stamp_hash(const void *bytes, size_t n) {
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    uint64_t value = 0;

    mien_gallery_hash(bytes, n, hash);
    for (int i = 0; i < 8; i++) value = value << 8 | hash[i];
    return value;
}

/* Options that change what is found or how it is told; not which machine finds it. */
static int is_of_contract(const struct option_def *def) {
    static const char *const others[] = {"precision", "pretty", "format"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(def->name, others[i]) == 0) return 1;
    return strcmp(def->name, "weights") != 0 &&
           (def->group == GROUP_NETWORKS || def->group == GROUP_FACES ||
            def->group == GROUP_RESULTS);
}

static void print_option(FILE *out, const struct options *opt, const struct option_def *def) {
    const void *field = (const char *)opt + def->field;
    const int *ints = field;
    const char *text;

    fprintf(out, "%s=", def->name);
    switch (def->kind) {
    case KIND_FLAG:
    case KIND_INT:
    case KIND_CHOICE: fprintf(out, "%d\n", *ints); break;
    case KIND_REAL: fprintf(out, "%.17g\n", *(const double *)field); break;
    case KIND_BYTES: fprintf(out, "%zu\n", *(const size_t *)field); break;
    case KIND_SIZE:
    case KIND_DEVICE: fprintf(out, "%d,%d\n", ints[0], ints[1]); break;
    case KIND_TEXT:
        text = *(const char *const *)field;
        fprintf(out, "%s\n", text ? text : "");
        break;
    }
}

/* The header of a network's file, which describes all of it, and pieces of its weights: networks
 * that were trained differ in any of them. */
static void print_file(FILE *out, const char *path) {
    static uint8_t bytes[HEAD + PIECES * PIECE];
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;

    if (fd >= 0 && fstat(fd, &st) == 0) {
        ssize_t got = pread(fd, bytes, HEAD, 0);
        if (got > 0) n += (size_t)got;
        for (int i = 0; i < PIECES; i++) {
            got = pread(fd, bytes + n, PIECE, st.st_size / PIECES * i);
            if (got > 0) n += (size_t)got;
        }
    }
    if (fd >= 0) close(fd);
    fprintf(out, "%lld %016llx\n", (long long)st.st_size, (unsigned long long)stamp_hash(bytes, n));
}

static void print_networks(FILE *out, const struct pipeline *p, int task, const char *list) {
    char name[4096], *path;

    while (networks_next(&list, name, sizeof name) > 0) {
        if (mien_net_path(p->networks.ctx, name, &path)) continue; /* it was loaded: memory */
        fprintf(out, "%d %s ", task, name);
        print_file(out, path);
        free(path);
    }
}

int stamp_contract(const struct pipeline *p, uint64_t *contract) {
    const struct options *opt = p->opt;
    struct text_stream stream;
    FILE *out = text_stream_open(&stream);
    char *text;
    size_t n;

    if (!out) return say_no_memory();
    fprintf(out, "%d %s\n", STAMP_VERSION, opt->command_name);
    for (const struct option_def *def = option_defs(); def->name; def++)
        if ((def->commands & opt->command) && is_of_contract(def)) print_option(out, opt, def);
    for (int i = 0; i < networks_tasks(); i++) {
        const mien_task_info *task = &p->networks.at[i].task;
        if (!p->networks.at[i].net) continue;
        print_networks(out, p, i,
                       networks_named(task, opt->network[i], (enum networks_method)opt->method));
        print_networks(out, p, i, networks_asked(task, opt->network[i], opt->attributes));
    }
    text = text_stream_close(&stream, out, &n);
    if (!text) return say_no_memory();
    *contract = stamp_hash(text, n);
    free(text);
    return EXIT_OK;
}

uint64_t stamp_of(uint64_t contract, const struct input *input) {
    struct {
        uint64_t contract, name;
        int64_t size, seconds, nanoseconds;
    } all = {contract, stamp_hash(input->tail, strlen(input->tail)), (int64_t)input->size,
             (int64_t)input->changed.tv_sec, (int64_t)input->changed.tv_nsec};
    uint64_t stamp = stamp_hash(&all, sizeof all);

    return stamp ? stamp : 1;
}

static long nanoseconds(uint64_t stamp) {
    return (long)(stamp % 1000000000);
}

int stamp_is_on(const char *path, uint64_t stamp) {
    struct stat st;
    long want = nanoseconds(stamp), has;

    if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size == 0) return 0;
    has = st.st_mtim.tv_nsec;
    /* file systems of Windows count in 100 ns */
    return has == want || (has != 0 && has % 100 == 0 && has / 100 == want / 100);
}

static void stamp_times(uint64_t stamp, struct timespec times[2]) {
    times[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
    clock_gettime(CLOCK_REALTIME, &times[1]);
    times[1].tv_nsec = nanoseconds(stamp);
}

int stamp_put(int fd, uint64_t stamp) {
    struct timespec times[2];

    stamp_times(stamp, times);
    return futimens(fd, times) ? errno : 0;
}

int stamp_put_on(const char *path, uint64_t stamp) {
    struct timespec times[2];

    stamp_times(stamp, times);
    return utimensat(AT_FDCWD, path, times, 0) ? errno : 0;
}
