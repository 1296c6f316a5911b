/* The cache of packed weights: what it keeps, and that nothing odd about a file gets through. */
#include "engine/backend.h"
#include "engine/cpu/load.h"
#include "engine/err.h"
#include "engine/fold.h"
#include "engine/pack_cache.h"
#include "tests/engine/blobmaker.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BYTES = 100032, NOBODY = 65534 };
static char folder[64], blob_path[96], packed_path[128];
static char weights[BYTES];

static void write_file(const char *path, const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static char *read_file(const char *path, size_t *n) {
    static char bytes[PACK_CACHE_HEADER + BYTES + 1];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    *n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return bytes;
}

/* A blob with a convolution and a fully connected layer; poison goes into the convolution. */
static void write_blob(const char *path, uint64_t seed, float poison) {
    struct blobmaker m;
    blobmaker_open(&m, seed);
    blobmaker_meta(&m, "\"bn_eps\":\"{\\\"\\\":1e-5}\"");
    blobmaker_tensor(&m, "conv.weight", -1, 1, 20, 3, 3, 3);
    m.data[7] = poison != 0 ? poison : m.data[7];
    blobmaker_bn(&m, "bn", 20);
    blobmaker_tensor(&m, "fc.weight", -1, 1, 5, 20, 0, 0);
    blob_close(blobmaker_finish(&m));
    write_file(path, m.bytes, m.size);
    blobmaker_close(&m);
}

static struct blob *open_blob(void) {
    struct blob *b;
    assert_int_equal(blob_open(blob_path, &b), 0);
    return b;
}

static struct pack_cache_key key_of(const struct blob *b) {
    return (struct pack_cache_key){.blob = b, .variant = "test", .layout = 42, .bytes = BYTES};
}

static int files_in(const char *path) {
    int n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2; /* . and .. */
}

static int holds(const struct pack_cache_key *key) {
    const void *p = pack_cache_read(key);
    if (!p) return 0;
    assert_memory_equal(p, weights, BYTES);
    assert_int_equal((uintptr_t)p % 64, 0);
    pack_cache_free(p, BYTES);
    return 1;
}

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/mien-pack-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(blob_path, sizeof blob_path, "%s/net.safetensors", folder);
    snprintf(packed_path, sizeof packed_path, "%s/net.test.packed", folder);
    for (int i = 0; i < BYTES; i++) weights[i] = (char)(i * 7 + i / 256 + 1);
    write_blob(blob_path, 1, 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void test_written_and_read(void **state) {
    (void)state;
    struct blob *b = open_blob();
    struct pack_cache_key key = key_of(b), other = key;
    assert_false(holds(&key));
    pack_cache_write(&key, weights);
    assert_int_equal(access(packed_path, F_OK), 0);
    assert_int_equal(files_in(folder), 2); /* nothing temporary is left */
    assert_true(holds(&key));
    other.layout++;
    assert_false(holds(&other));
    other = key;
    other.bytes -= 64;
    assert_false(holds(&other));
    other = key;
    other.variant = "other";
    assert_false(holds(&other));
    pack_cache_write(&key, weights); /* replaced, not added */
    assert_int_equal(files_in(folder), 2);
    blob_close(b);
}

static void test_another_blob(void **state) {
    (void)state;
    struct blob *b = open_blob();
    struct pack_cache_key key = key_of(b);
    pack_cache_write(&key, weights);
    blob_close(b);
    write_blob(blob_path, 2, 0); /* as long as the first */
    b = open_blob();
    key.blob = b;
    assert_false(holds(&key));
    blob_close(b);
    unlink(blob_path); /* the first one's bytes in another file */
    write_blob(blob_path, 1, 0);
    b = open_blob();
    key.blob = b;
    assert_true(holds(&key));
    blob_close(b);
}

static enum pack_cache_verdict check(const char *file, size_t size,
                                     const struct pack_cache_key *key,
                                     const struct blob_identity *blob, uint64_t *hash) {
    uint64_t of_weights = 0;
    if (size > PACK_CACHE_HEADER)
        assert_int_equal(
            pack_cache_hash(NULL, file + PACK_CACHE_HEADER, size - PACK_CACHE_HEADER, &of_weights),
            0);
    return pack_cache_check(file, size, of_weights, key, blob, hash);
}

/* Once the blob has not changed for some seconds, it is known by its identity alone. */
static void test_identity(void **state) {
    (void)state;
    struct blob *b = open_blob();
    struct pack_cache_key key = key_of(b);
    struct blob_identity id, other;
    uint64_t hash, of_blob;
    size_t n;
    assert_true(blob_identity(b, &id));
    pack_cache_write(&key, weights);
    char *file = read_file(packed_path, &n);
    assert_int_equal(check(file, n, &key, &id, &hash), PACK_CACHE_MOVED);
    assert_int_equal(blob_hash(b, &of_blob), 0);
    assert_true(hash == of_blob);
    sleep(4);
    assert_true(holds(&key)); /* reads the blob, and notes what it found */
    file = read_file(packed_path, &n);
    assert_int_equal(check(file, n, &key, &id, &hash), PACK_CACHE_GOOD);
    for (int field = 0; field < 5; field++) {
        other = id;
        other.device += field == 0;
        other.inode += field == 1;
        other.modified += field == 2;
        other.changed += field == 3;
        other.owner += field == 4;
        assert_int_equal(check(file, n, &key, &other, &hash), PACK_CACHE_MOVED);
    }
    other = id;
    other.size++;
    assert_int_equal(check(file, n, &key, &other, &hash), PACK_CACHE_USELESS);
    blob_close(b);
}

static void test_broken_files(void **state) {
    (void)state;
    struct blob *b = open_blob();
    struct pack_cache_key key = key_of(b);
    struct blob_identity id;
    uint64_t hash;
    size_t n;
    blob_identity(b, &id);
    pack_cache_write(&key, weights);
    char *file = read_file(packed_path, &n);
    assert_int_equal(n, PACK_CACHE_HEADER + BYTES);
    for (size_t i = 0; i < 104; i++) { /* the header's fields */
        file[i] ^= 0x10;
        assert_int_equal(check(file, n, &key, &id, &hash), PACK_CACHE_USELESS);
        file[i] ^= 0x10;
    }
    assert_int_not_equal(check(file, n, &key, &id, &hash), PACK_CACHE_USELESS);
    for (size_t size = 0; size < n; size += size < 5000 ? 1 : 997)
        assert_int_equal(check(file, size, &key, &id, &hash), PACK_CACHE_USELESS);
    /* blocks that never reached the disk */
    memset(file + PACK_CACHE_HEADER + BYTES - 4096, 0, 4096);
    assert_int_equal(check(file, n, &key, &id, &hash), PACK_CACHE_USELESS);
    memcpy(file + PACK_CACHE_HEADER + BYTES - 4096, weights + BYTES - 4096, 4096);
    memset(file + PACK_CACHE_HEADER + 40000, 0, 4096);
    assert_int_equal(check(file, n, &key, &id, &hash), PACK_CACHE_USELESS);
    memcpy(file + PACK_CACHE_HEADER + 40000, weights + 40000, 4096);
    for (int i = 0; i < BYTES; i += 61) { /* a bit anywhere */
        file[PACK_CACHE_HEADER + i] ^= 1;
        assert_int_equal(check(file, n, &key, &id, &hash), PACK_CACHE_USELESS);
        file[PACK_CACHE_HEADER + i] ^= 1;
    }
    file[PACK_CACHE_HEADER + 1000] ^= 1;
    /* the same through files, each of which the next write replaces */
    write_file(packed_path, file, n);
    assert_false(holds(&key));
    write_file(packed_path, "", 0);
    assert_false(holds(&key));
    unlink(packed_path);
    assert_int_equal(mkdir(packed_path, 0755), 0);
    assert_false(holds(&key));
    rmdir(packed_path);
    assert_int_equal(mkfifo(packed_path, 0644), 0);
    assert_false(holds(&key));
    pack_cache_write(&key, weights);
    assert_true(holds(&key));
    blob_close(b);
}

/* What is in use stays what it was, whatever happens to the file: it is a copy. */
static void test_a_file_in_use(void **state) {
    (void)state;
    struct blob *b = open_blob();
    struct pack_cache_key key = key_of(b);
    pack_cache_write(&key, weights);
    const void *p = pack_cache_read(&key);
    assert_non_null(p);
    int fd = open(packed_path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "rewritten in place", 18, PACK_CACHE_HEADER), 18);
    assert_memory_equal(p, weights, BYTES);
    assert_int_equal(ftruncate(fd, 100), 0); /* a mapping would end the process here */
    close(fd);
    assert_memory_equal(p, weights, BYTES);
    pack_cache_free(p, BYTES);
    assert_false(holds(&key));
    blob_close(b);
}

/* In the place of libc's, so that a file can be somebody else's without this being root's test. */
static ino_t strangers; /* inode of that file */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): as libc calls them */
int fstat(int fd, struct stat *st) {
    int rc = fstatat(fd, "", st, AT_EMPTY_PATH);
    if (rc == 0 && strangers && st->st_ino == strangers) st->st_uid = geteuid() + 1;
    return rc;
}

static void test_someone_elses_file(void **state) {
    (void)state;
    struct blob *b = open_blob();
    struct pack_cache_key key = key_of(b);
    pack_cache_write(&key, weights);
    struct stat st;
    assert_int_equal(stat(packed_path, &st), 0);
    assert_true(holds(&key));
    strangers = st.st_ino;
    assert_false(holds(&key));
    pack_cache_write(&key, weights); /* another file takes its place */
    assert_true(holds(&key));
    strangers = 0;
    blob_close(b);
}

static void test_folder_that_cannot_be_written(void **state) {
    (void)state;
    char cache[96];
    snprintf(cache, sizeof cache, "%s/cache", folder);
    assert_int_equal(mkdir(cache, 0777) | chmod(cache, 0777), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", cache, 1), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    if (geteuid() == 0) assert_int_equal(seteuid(NOBODY), 0); /* root may write anywhere */
    struct blob *b = open_blob();
    struct pack_cache_key key = key_of(b);
    pack_cache_write(&key, weights);
    assert_int_not_equal(access(packed_path, F_OK), 0);
    assert_true(holds(&key));
    blob_close(b);
    if (getuid() == 0) assert_int_equal(seteuid(0), 0);
    char inner[128];
    snprintf(inner, sizeof inner, "%s/mien", cache);
    assert_int_equal(chmod(cache, 0777) | chmod(folder, 0755), 0);
    assert_int_equal(files_in(inner), 1);
    unsetenv("XDG_CACHE_HOME");
}

static void test_two_writers(void **state) {
    (void)state;
    struct blob *b = open_blob();
    struct pack_cache_key key = key_of(b);
    char temporary[140];
    snprintf(temporary, sizeof temporary, "%s.tmp", packed_path);
    int fd = open(temporary, O_RDWR | O_CREAT, 0644);
    assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0); /* the other one is at it */
    pack_cache_write(&key, weights);
    assert_false(holds(&key));
    close(fd); /* it was killed: what it left is in nobody's way */
    pack_cache_write(&key, weights);
    assert_true(holds(&key));
    assert_int_equal(files_in(folder), 2);
    blob_close(b);
}

enum { SIDE = 32, OUTPUTS = 5 };

static struct net *build(const struct blob *b) {
    struct net *net;
    assert_int_equal(net_new(b, &net), 0);
    net_value x = net_relu(net, net_bn(net, net_conv(net, net_input(net), "conv", 1, 1), "bn"));
    x = net_fc(net, net_global_average(net, x), "fc", 1, 1);
    net_output(net, x, "out");
    if (net_finish(net) || fold_net(net)) fail_msg("%s", err_text());
    return net;
}

/* Loads the blob and runs it; returns whether weights came from the cache. */
static int run(int use_cache, float out[OUTPUTS]) {
    static float input[SIDE * SIDE * 3];
    struct backend_options opt = {.threads = 2, .use_cache = use_cache};
    struct backend *backend;
    struct backend_weights *w;
    struct plan_graph *graph;
    struct backend_plan *plan;
    struct blob *b = open_blob();
    struct net *net = build(b);
    for (int i = 0; i < SIDE * SIDE * 3; i++) input[i] = (float)(i * 37 % 256);
    assert_int_equal(cpu_backend.open(&opt, &backend), 0);
    if (cpu_backend.load(backend, net, &w)) fail_msg("%s", err_text());
    assert_int_equal(plan_make(net, NULL, 1, SIDE, SIDE, &graph), 0);
    assert_int_equal(cpu_backend.plan(backend, w, graph, &plan), 0);
    struct backend_floats floats = {input, SIDE, SIDE, 3};
    struct backend_input in = {.rows = backend_floats_rows, .context = &floats};
    assert_int_equal(cpu_backend.run(plan, &in, &out, NULL), 0);
    int kept = w->kept;
    cpu_backend.close(backend, w, plan);
    plan_free(graph);
    net_free(net);
    blob_close(b);
    return kept;
}

static const char *engine_file(char path[400]) {
    DIR *d = opendir(folder);
    struct dirent *e;
    path[0] = 0;
    while ((e = readdir(d)))
        if (strstr(e->d_name, ".packed")) snprintf(path, 400, "%s/%s", folder, e->d_name);
    closedir(d);
    return path[0] ? path : NULL;
}

static void test_same_results(void **state) {
    (void)state;
    float packed[OUTPUTS], again[OUTPUTS];
    char path[400];
    assert_false(run(0, packed));
    assert_null(engine_file(path));
    assert_false(run(1, again));
    assert_memory_equal(packed, again, sizeof packed);
    assert_non_null(engine_file(path));
    for (int i = 0; i < 2; i++) {
        memset(again, 0, sizeof again);
        assert_true(run(1, again));
        assert_memory_equal(packed, again, sizeof packed);
    }
    assert_false(run(0, again));
}

/* A file that says it is right and holds what an older version of a layout was. */
static void test_probe(void **state) {
    (void)state;
    float packed[OUTPUTS], again[OUTPUTS];
    char path[400];
    run(1, packed);
    assert_non_null(engine_file(path));
    int fd = open(path, O_RDWR);
    float was, wrong = 0.125f;
    off_t at = PACK_CACHE_HEADER + 64 + 4; /* the second weight of the first line not sampled */
    int good = pread(fd, &was, sizeof was, at) == 4 && pwrite(fd, &wrong, sizeof wrong, at) == 4;
    close(fd);
    assert_true(good && was != wrong);
    assert_false(run(1, again)); /* packed again, and kept */
    assert_memory_equal(packed, again, sizeof packed);
    assert_true(run(1, again));
}

static void test_broken_weights_are_not_kept(void **state) {
    (void)state;
    char path[400];
    write_blob(blob_path, 1, NAN);
    struct backend_options opt = {.threads = 2, .use_cache = 1};
    struct backend *backend;
    struct backend_weights *w;
    struct blob *b = open_blob();
    struct net *net = build(b);
    assert_int_equal(cpu_backend.open(&opt, &backend), 0);
    assert_int_equal(cpu_backend.load(backend, net, &w), MIEN_EWEIGHTS);
    assert_null(w);
    assert_non_null(strstr(err_text(), "tensor conv.weight holds a value that is not a finite"));
    assert_null(engine_file(path));
    cpu_backend.close(backend, NULL, NULL);
    net_free(net);
    blob_close(b);
}

int main(void) {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_written_and_read),
        TEST(test_another_blob),
        TEST(test_identity),
        TEST(test_broken_files),
        TEST(test_a_file_in_use),
        TEST(test_someone_elses_file),
        TEST(test_folder_that_cannot_be_written),
        TEST(test_two_writers),
        TEST(test_same_results),
        TEST(test_probe),
        TEST(test_broken_weights_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
