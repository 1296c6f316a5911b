/*
 * request_fuzz.c - whole requests to the whole server, in process: framing, keys and hosts, routes,
 * parameters, forms, JSON, KServe, other services' dialects, people, decoding, and networks of a
 * few channels with random weights.
 *
 * The first byte says in what pieces the body comes. Whatever the bytes are, the server answers
 * once, never with a fault of its own, and in JSON that is JSON (fake_http.c).
 */
#include "cli/commands.h"
#include "tests/fuzz/fake_http.h"
#include "tests/tasks/toy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A network of that arch in a file, until the server has loaded it. */
static char *make_network(const char *arch, const char *task, const char *attributes) {
    const char *meta[] = {"task",     task, "name", arch, attributes ? "preprocess" : NULL,
                          attributes, NULL};
    return strdup(toy_file(arch, 0, meta));
}

static char folder[] = "/tmp/mien-request-fuzz-XXXXXX"; /* of a gallery */

static void remove_folder(void) {
    static const char *const names[] = {"g.db", "g.db-wal", "g.db-shm", "g.db-journal"};
    char path[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void *serve(void *options) {
    exit(cmd_serve(options));
}

static int is_ready(void) {
    static const uint8_t ask[] = "GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    return fake_http_send(ask, sizeof ask - 1, 0) == 200;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static char line[640], *words[64];
    static struct options options;
    char *names[] = {
        make_network("scrfd", "detect", NULL),
        make_network("resnet", "classify", "{\"short_side\":32}"),
        make_network("faceapi_age_gender", "attributes", "{\"crop\":\"box\",\"margin\":0}")};
    pthread_t thread;
    int help, n = 0;
    (void)argc;
    (void)argv;
    if (!mkdtemp(folder) || atexit(remove_folder)) abort();
    snprintf(
        line, sizeof line,
        "--detector %s --classifier %s --age-gender %s --embedder none --no-cache --threads 1 "
        "--workers 1 --port 0 --log none --max-bytes 64K --max-body 128K --max-megapixels 0.01 "
        "--max-side 64 --max-pictures 4 --deadline 600 --cors-origin http://page.example "
        "--api all --gallery %s/g.db",
        names[0], names[1], names[2], folder);
    for (char *rest = line; rest;) words[n++] = strsep(&rest, " ");
    if (options_parse(CMD_SERVE, "serve", n, words, &options, &help)) abort();
    if (pthread_create(&thread, NULL, serve, &options)) abort();
    fake_http_wait();
    while (!is_ready()) usleep(10000);
    for (int i = 0; i < 3; i++) {
        unlink(names[i]);
        free(names[i]);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 0) fake_http_send(data + 1, size - 1, data[0]);
    return 0;
}
