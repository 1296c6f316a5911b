/*
 * search_worker.c - the gallery's index as a process that bench/search.py asks: rows of its own
 * making, so that ten million need no file, and searches whose time it tells.
 *
 * usage: search_worker DIMS ROWS THREADS [FILE]     FILE: rows are written there, as floats, and
 *                                                  the 64 that searches are for
 * Then a line "N" on the input is a search for the best ten of N rows, none of which is in the
 * index; the answer is its milliseconds, and the ids that were found for the first.
 */
#include "common/clock.h"
#include "engine/err.h"
#include "gallery/index.h"

#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_QUERIES = 64, HITS = 10 };

/* Row `id`: directions without any order (splitmix64, Steele, Lea and Flood 2014), in which no row
 * is much like another: the hardest case of leaving rows out. */
static void make_row(int dims, int64_t id, float *v) {
    uint64_t state = (uint64_t)id << 20;
    double sum = 0;
    for (int i = 0; i < dims; i++) {
        uint64_t x = state += 0x9E3779B97F4A7C15u;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
        x = (x ^ x >> 27) * 0x94D049BB133111EBu;
        x ^= x >> 31;
        /* The sum of four even parts is near enough to a Gaussian. */
        v[i] = (float)((x & 0xFFFF) + (x >> 16 & 0xFFFF) + (x >> 32 & 0xFFFF) + (x >> 48)) -
               2 * 65535.0f;
        sum += (double)v[i] * (double)v[i];
    }
    for (int i = 0; i < dims; i++) v[i] = (float)((double)v[i] / sqrt(sum));
}

/* Where floats come from: the file, or once more from where they came. */
struct source {
    int dims;
    const float *file; /* NULL: none */
};

static int fetch(void *context, int64_t id, float *v) {
    const struct source *s = context;
    if (s->file)
        memcpy(v, s->file + (size_t)id * (size_t)s->dims, (size_t)s->dims * sizeof *v);
    else
        make_row(s->dims, id, v);
    return 0;
}

static const float *map_file(const char *path, size_t bytes) {
    int file = open(path, O_RDONLY);
    void *p = file < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    return p == MAP_FAILED ? NULL : p;
}

static int fill(struct index *x, int dims, long rows, const char *path) {
    float *v = malloc((size_t)dims * sizeof *v);
    FILE *f = path ? fopen(path, "wb") : NULL;
    int rc = v && (f || !path) ? 0 : -1;
    for (long i = 0; i < rows + MOST_QUERIES && !rc; i++) {
        make_row(dims, i, v);
        rc = i < rows ? index_add(x, i, v) : 0;
        if (f && fwrite(v, sizeof *v, (size_t)dims, f) != (size_t)dims) rc = -1;
    }
    if (f && fclose(f) != 0) rc = -1;
    free(v);
    return rc;
}

static void answer(struct index *x, int dims, long rows, int n) {
    float *queries = malloc((size_t)n * (size_t)dims * sizeof *queries);
    struct index_hit hits[MOST_QUERIES * HITS];
    int counts[MOST_QUERIES];
    for (int i = 0; i < n; i++) make_row(dims, rows + i, queries + (ptrdiff_t)i * dims);
    double begin = clock_seconds();
    int rc = index_search(x, queries, n, HITS, NULL, hits, counts);
    printf("%.3f", 1e3 * (clock_seconds() - begin));
    for (int i = 0; i < counts[0] && !rc; i++) printf(" %lld", (long long)hits[i].id);
    puts(rc ? err_text() : "");
    fflush(stdout);
    free(queries);
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: search_worker DIMS ROWS THREADS [FILE]\n");
        return 2;
    }
    int dims = atoi(argv[1]);
    long rows = atol(argv[2]);
    struct source source = {.dims = dims};
    struct index_options o = {.threads = atoi(argv[3]), .fetch = fetch, .context = &source};
    struct index *x;
    if (index_open(dims, &o, &x) || fill(x, dims, rows, argv[4])) {
        fprintf(stderr, "search_worker: %s\n", err_text());
        return 1;
    }
    if (argv[4]) source.file = map_file(argv[4], (size_t)rows * (size_t)dims * sizeof(float));
    printf("%.2f\n", (double)index_memory(x) / (double)rows);
    fflush(stdout);
    char line[32];
    while (fgets(line, sizeof line, stdin)) {
        int n = atoi(line);
        if (n < 1 || n > MOST_QUERIES) break;
        answer(x, dims, rows, n);
    }
    index_close(x);
    return 0;
}
