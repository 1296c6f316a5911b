/*
 * cluster_worker.c - the gallery's grouping of faces as a process that bench/cluster.py starts.
 *
 * usage: cluster_worker FILE DIMS THREADS JOIN LEAST UNKNOWN NEIGHBOURS
 *
 * FILE holds rows of DIMS floats, each of length 1. Prints a line a row, its group or -1, and then
 * the seconds it took and the most memory there was in MB, the mapped file's not among it.
 */
#include "common/clock.h"
#include "engine/err.h"
#include "gallery/cluster.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct rows {
    size_t n, dims;
    const float *at; /* [n][dims] */
};

static int fetch(void *context, int64_t id, float *v) {
    const struct rows *r = context;
    memcpy(v, r->at + (size_t)id * r->dims, r->dims * sizeof *v);
    return 0;
}

static struct rows map_rows(const char *path, size_t dims) {
    struct stat s = {0};
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &s) != 0) return (struct rows){0};
    void *p = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (p == MAP_FAILED) return (struct rows){0};
    return (struct rows){(size_t)s.st_size / (dims * sizeof(float)), dims, p};
}

/* Of the process itself, in MB: the most there was, less what is left of the mapped file. */
static double peak_memory(void) {
    char line[128];
    double kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "VmHWM:", 6) == 0) kb += strtod(line + 6, NULL);
        if (strncmp(line, "RssFile:", 8) == 0) kb -= strtod(line + 8, NULL);
    }
    if (f) fclose(f);
    return kb / 1024;
}

int main(int argc, char **argv) {
    if (argc != 8) {
        fprintf(stderr, "usage: cluster_worker FILE DIMS THREADS JOIN LEAST UNKNOWN NEIGHBOURS\n");
        return 2;
    }
    struct rows r = map_rows(argv[1], (size_t)atoi(argv[2]));
    struct index_options io = {.threads = atoi(argv[3]), .fetch = fetch, .context = &r};
    struct cluster_options o = {.join = strtof(argv[4], NULL),
                                .least = strtof(argv[5], NULL),
                                .unknown = strtof(argv[6], NULL),
                                .neighbours = atoi(argv[7])};
    struct index *x = NULL;
    struct cluster_face *faces = calloc(r.n + 1, sizeof *faces);
    int rc = faces && r.at ? index_open((int)r.dims, &io, &x) : -1;
    double begin = clock_seconds();
    for (size_t i = 0; i < r.n && !rc; i++) {
        faces[i] = (struct cluster_face){(int64_t)i, GROUP_NONE};
        rc = index_add(x, (int64_t)i, r.at + i * r.dims);
    }
    if (!rc) rc = cluster_run(x, &o, faces, r.n, NULL, 0);
    double seconds = clock_seconds() - begin;
    if (rc) fprintf(stderr, "cluster_worker: %s\n", err_text());
    for (size_t i = 0; i < r.n && !rc; i++)
        printf("%lld\n", faces[i].group == GROUP_NONE ? -1LL : (long long)faces[i].group);
    if (!rc) printf("%.2f s %.0f MB\n", seconds, peak_memory());
    index_close(x);
    free(faces);
    return rc ? 1 : 0;
}
