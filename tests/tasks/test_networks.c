/* Which tasks and networks there are: the table of tasks, what is in a folder, and paths. */
#include "mien.h"
#include "tests/tasks/toy.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_task_info(void **state) {
    (void)state;
    static const struct {
        const char *name, *default_network;
        enum mien_item item;
        enum mien_result result;
    } tasks[] = {
        {"detect", "retinaface-mnet025-v2", MIEN_ITEM_IMAGE, MIEN_RESULT_FACES},
        {"embed", "mobilefacenet-192", MIEN_ITEM_FACE, MIEN_RESULT_EMBEDDING},
        {"attributes", "face-joint", MIEN_ITEM_FACE, MIEN_RESULT_ATTRIBUTES},
        {"classify", "resnet50-imagenet", MIEN_ITEM_IMAGE, MIEN_RESULT_CLASSES},
        {"landmarks", NULL, MIEN_ITEM_FACE, MIEN_RESULT_ATTRIBUTES},
    };
    mien_task_info info = {.struct_size = sizeof info};
    for (int task = 1; task <= 5; task++) {
        assert_int_equal(mien_task_info_get(task, &info), MIEN_OK);
        assert_int_equal(info.task, task);
        assert_string_equal(info.name, tasks[task - 1].name);
        if (tasks[task - 1].default_network)
            assert_string_equal(info.default_network, tasks[task - 1].default_network);
        else
            assert_null(info.default_network);
        assert_int_equal(info.item, tasks[task - 1].item);
        assert_int_equal(info.result, tasks[task - 1].result);
        assert_true(*info.verb && *info.option && *info.help && *info.stage);
    }
    static const int none[] = {0, -1, 6, 1 << 30};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(mien_task_info_get(none[i], &info), MIEN_EINVAL);
        assert_non_null(strstr(mien_error(), "there is no task"));
        assert_int_equal(info.task, 5);
    }
}

static char folder[] = "/tmp/mien-networks-XXXXXX";

static void open_folder(const char *dir, mien_ctx **ctx) {
    mien_options opt = {
        .struct_size = sizeof opt, .threads = 1, .weights_dir = dir, .no_pack_cache = 1};
    assert_int_equal(mien_open(&opt, ctx), MIEN_OK);
    assert_string_equal(mien_weights_dir(*ctx), dir);
}

static void path_in_folder(const char *name, char path[128]) {
    snprintf(path, 128, "%s/%s", folder, name);
}

static const char *const files[] = {"b.safetensors", "a.safetensors",    "a-b.safetensors",
                                    "B.safetensors", "v1.5.safetensors", ".hidden.safetensors",
                                    ".safetensors",  "notes.txt",        "a.safetensors.packed",
                                    "safetensors",   "xsafetensors"};
enum { FILES = sizeof files / sizeof *files };

static int make_folder(void **state) {
    (void)state;
    char path[128];
    if (!mkdtemp(folder)) return -1;
    for (int i = 0; i < FILES; i++) {
        path_in_folder(files[i], path);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        if (fd < 0) return -1;
        close(fd);
    }
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    char path[128];
    for (int i = 0; i < FILES; i++) {
        path_in_folder(files[i], path);
        unlink(path);
    }
    return rmdir(folder);
}

/* Leaves out those that come with mien. */
static void drop_shipped(char **names) {
    int kept = 0;
    for (int i = 0; names[i]; i++)
        if (strncmp(names[i], "face-", 5) != 0) names[kept++] = names[i];
    names[kept] = NULL;
}

static void test_list(void **state) {
    (void)state;
    static const char *const want[] = {"B", "a", "a-b", "b", "v1.5"};
    mien_ctx *ctx;
    char **names;
    open_folder(folder, &ctx);
    assert_int_equal(mien_net_list(ctx, &names), MIEN_OK);
    drop_shipped(names);
    for (int i = 0; i < 5; i++) {
        assert_non_null(names[i]);
        assert_string_equal(names[i], want[i]);
    }
    assert_null(names[5]);
    free(names);
    mien_close(ctx);
}

static void test_list_of_nothing(void **state) {
    (void)state;
    mien_ctx *ctx;
    char **names, path[128];
    path_in_folder("missing", path);
    open_folder(path, &ctx);
    assert_int_equal(mien_net_list(ctx, &names), MIEN_OK);
    drop_shipped(names);
    assert_null(names[0]);
    free(names);
    mien_close(ctx);

    path_in_folder("notes.txt", path);
    open_folder(path, &ctx);
    names = (char **)path;
    assert_int_equal(mien_net_list(ctx, &names), MIEN_EIO);
    assert_null(names);
    assert_non_null(strstr(mien_error(), path));
    mien_close(ctx);
}

static void test_path(void **state) {
    (void)state;
    static const struct {
        const char *name, *path;
    } rules[] = {
        {"a", "/w/a.safetensors"},
        {"a.b", "/w/a.b.safetensors"},
        {"a.safetensors.packed", "/w/a.safetensors.packed.safetensors"},
        {"", "/w/.safetensors"},
        {".safetensors", "/w/.safetensors.safetensors"},
        {"a.safetensors", "a.safetensors"},
        {"./a", "./a"},
        {"/x/a", "/x/a"},
        {"x/a.safetensors", "x/a.safetensors"},
    };
    mien_ctx *ctx;
    char *path;
    open_folder("/w", &ctx);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        assert_int_equal(mien_net_path(ctx, rules[i].name, &path), MIEN_OK);
        assert_string_equal(path, rules[i].path);
        free(path);
    }
    mien_close(ctx);
}

/* By a name, by a path; and what is said where there is none. */
static void test_load(void **state) {
    (void)state;
    static const char *const meta[] = {
        "task", "classify", "name", "toy", "preprocess", "{\"short_side\":32}", NULL};
    const char *made = toy_file("resnet", 0, meta);
    char path[128];
    mien_ctx *ctx;
    mien_net *net;
    path_in_folder("b.safetensors", path);
    assert_int_equal(rename(made, path), 0);
    open_folder(folder, &ctx);
    assert_int_equal(mien_net_load(ctx, "b", &net), MIEN_OK);
    mien_net_free(net);
    assert_int_equal(mien_net_load(ctx, path, &net), MIEN_OK);
    mien_net_free(net);
    assert_int_equal(mien_net_load(ctx, "c", &net), MIEN_EIO);
    assert_null(net);
    assert_non_null(strstr(mien_error(), "no network called 'c'"));
    assert_non_null(strstr(mien_error(), folder));
    assert_int_equal(mien_net_load(ctx, "./c.safetensors", &net), MIEN_EIO);
    assert_int_equal(mien_net_load(ctx, "a", &net), MIEN_EWEIGHTS); /* an empty file */
    assert_non_null(strstr(mien_error(), "a.safetensors"));
    mien_close(ctx);
}

/* The probabilities of one image of 32x32 pixels; returns how many. */
static int run_toy(mien_net *net, float prob[64]) {
    static float input[32 * 32 * 3];
    for (size_t i = 0; i < sizeof input / sizeof *input; i++) input[i] = (float)(i % 251);
    mien_tensor in = {.n = 1, .h = 32, .w = 32, .c = 3, .data = input}, out = {.data = prob};
    assert_int_equal(mien_net_output_shape(net, 0, 1, 32, 32, &out), MIEN_OK);
    assert_in_range(out.c, 2, 64);
    assert_int_equal(mien_run(net, &in, &out, 1), MIEN_OK);
    return out.c;
}

/* A closed context stays for its networks: it is the last of them that frees it, whichever it is.
 */
static void test_closed_before_its_networks(void **state) {
    (void)state;
    static const char *const meta[] = {
        "task", "classify", "name", "toy", "preprocess", "{\"short_side\":32}", NULL};
    float before[64], after[64];
    mien_ctx *ctx;
    mien_net *first, *last;
    open_folder(folder, &ctx);
    const char *made = toy_file("resnet", 0, meta);
    assert_int_equal(mien_net_load(ctx, made, &first), MIEN_OK);
    assert_int_equal(mien_net_load(ctx, made, &last), MIEN_OK);
    unlink(made);
    int n = run_toy(first, before);
    mien_close(ctx);
    mien_net_free(first);
    assert_int_equal(run_toy(last, after), n);
    assert_memory_equal(before, after, sizeof(float) * (size_t)n);
    mien_net_free(last);
}

/* What the blob of an embedder says of itself by one more key of metadata. */
static int describe(const char *key, const char *text, mien_net_info *info, char license[16]) {
    const char *const meta[] = {"task", "embed", key, text, NULL};
    const char *path = toy_file("mobilefacenet", 0, meta);
    mien_blob *blob;
    assert_int_equal(mien_blob_open(path, &blob), MIEN_OK);
    unlink(path);
    *info = (mien_net_info){.struct_size = sizeof *info};
    int rc = mien_blob_info(blob, info);
    if (!rc) snprintf(license, 16, "%s", info->license);
    mien_blob_close(blob);
    return rc;
}

static void test_metadata(void **state) {
    (void)state;
    static const char *const bad[] = {"", "x", "0.3x", "1", "-1", "nan"};
    mien_net_info info;
    char license[16];
    assert_int_equal(describe("license", "MIT", &info, license), MIEN_OK);
    assert_true(info.same_person == 0.4f && info.embedding_size == 6);
    assert_string_equal(license, "MIT");
    assert_int_equal(describe("licence", "BSD", &info, license), MIEN_OK); /* older blobs' */
    assert_string_equal(license, "BSD");
    assert_int_equal(describe("same_person", "0.25", &info, license), MIEN_OK);
    assert_true(info.same_person == 0.25f);
    assert_string_equal(license, "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(describe("same_person", bad[i], &info, license), MIEN_EWEIGHTS);
        assert_non_null(strstr(mien_error(), "same_person is not a similarity"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_info),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_of_nothing),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_closed_before_its_networks),
        cmocka_unit_test(test_metadata),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
