/* Every public function with NULL for each of its pointers, and options out of range: refused with
 * a sentence, never a crash. */
#include "mien.h"
#include "tests/tasks/toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static mien_ctx *ctx;
static mien_net *net;
static mien_image *image;

static int set_up(void **state) {
    static const char *const meta[] = {"task", "detect", "name", "toy", NULL};
    mien_options opt = {.struct_size = sizeof opt, .threads = 1, .no_pack_cache = 1};
    (void)state;
    const char *path = toy_file("scrfd", 0, meta);
    int rc = mien_open(&opt, &ctx);
    if (!rc) rc = mien_net_load(ctx, path, &net);
    if (!rc) rc = mien_image_new(64, 64, &image);
    unlink(path);
    return rc;
}

static int tear_down(void **state) {
    (void)state;
    mien_image_free(image);
    mien_net_free(net);
    mien_close(ctx);
    return 0;
}

#define REFUSED(call)                                                                              \
    do {                                                                                           \
        assert_int_equal(call, MIEN_EINVAL);                                                       \
        assert_true(mien_error()[0] != '\0');                                                      \
    } while (0)

static void test_contexts(void **state) {
    (void)state;
    mien_net *n = (mien_net *)&n;
    char *path = (char *)&path, **names = (char **)&names;
    REFUSED(mien_open(NULL, NULL));
    REFUSED(mien_net_load(NULL, "x", &n));
    assert_null(n);
    REFUSED(mien_net_load(ctx, NULL, &n));
    REFUSED(mien_net_load(ctx, "x", NULL));
    REFUSED(mien_net_list(NULL, &names));
    assert_null(names);
    REFUSED(mien_net_list(ctx, NULL));
    REFUSED(mien_net_path(NULL, "x", &path));
    assert_null(path);
    REFUSED(mien_net_path(ctx, NULL, &path));
    REFUSED(mien_net_path(ctx, "x", NULL));
    REFUSED(mien_task_info_get(1, NULL));
    REFUSED(mien_image_upload(NULL, image));
    REFUSED(mien_image_upload(ctx, NULL));
    assert_null(mien_weights_dir(NULL));
    assert_null(mien_backend_name(NULL));
    assert_int_equal(mien_memory_used(NULL), 0);
    mien_options_default(NULL, sizeof(mien_options));
    mien_detect_options_default(NULL, sizeof(mien_detect_options));
    mien_close(NULL);
    mien_net_free(NULL);
    mien_image_free(NULL);
    mien_image_forget(NULL);
    mien_blob_close(NULL);
}

static void test_networks(void **state) {
    (void)state;
    mien_net_info info = {.struct_size = sizeof info};
    mien_times times = {.struct_size = sizeof times};
    mien_tensor t = {.n = 1, .h = 64, .w = 64, .c = 3};
    mien_attribute attribute = {.struct_size = sizeof attribute, .count = 2};
    char *text = (char *)&text;
    double seconds = 1;
    float value = 0;
    REFUSED(mien_net_info_get(NULL, &info));
    REFUSED(mien_net_info_get(net, NULL));
    REFUSED(mien_net_times(NULL, &times));
    REFUSED(mien_net_times(net, NULL));
    REFUSED(mien_net_plan(NULL, 1, 64, 64, NULL));
    REFUSED(mien_net_plan_text(NULL, 1, 64, 64, &text));
    assert_null(text);
    REFUSED(mien_net_plan_text(net, 1, 64, 64, NULL));
    REFUSED(mien_net_device_time(NULL, 1, 64, 64, 1, &seconds));
    assert_true(seconds == 0);
    REFUSED(mien_net_device_time(net, 1, 64, 64, 1, NULL));
    REFUSED(mien_net_output_shape(NULL, 0, 1, 64, 64, &t));
    REFUSED(mien_net_output_shape(net, 0, 1, 64, 64, NULL));
    REFUSED(mien_run(NULL, &t, NULL, 0));
    REFUSED(mien_run(net, NULL, NULL, 0));
    REFUSED(mien_run(net, &t, NULL, 0)); /* without data */
    REFUSED(mien_run(net, &t, NULL, 1));
    REFUSED(mien_calibrate_begin(NULL));
    REFUSED(mien_calibrate_save(NULL, "/tmp/x"));
    REFUSED(mien_calibrate_save(net, NULL));
    REFUSED(mien_attribute_at(NULL, 0, &attribute));
    REFUSED(mien_attribute_at(net, 0, NULL));
    REFUSED(mien_attribute_best(NULL, &value));
    REFUSED(mien_attribute_best(&attribute, NULL));
    assert_int_equal(mien_net_outputs(NULL), 0);
    assert_null(mien_net_output_name(NULL, 0));
    assert_null(mien_class_label(NULL, 0));
    assert_null(mien_class_wnid(NULL, 0));
}

static void test_runs(void **state) {
    (void)state;
    const mien_image *list[] = {image}, *none[] = {NULL};
    mien_face face;
    mien_class class;
    int count;
    float out[4];
    double ratio;
    REFUSED(mien_detect(NULL, list, 1, NULL, 1, &face, &count));
    REFUSED(mien_detect(net, NULL, 1, NULL, 1, &face, &count));
    REFUSED(mien_detect(net, none, 1, NULL, 1, &face, &count));
    REFUSED(mien_detect(net, list, 1, NULL, 1, NULL, &count));
    REFUSED(mien_detect(net, list, 1, NULL, 1, &face, NULL));
    assert_int_equal(mien_detect(net, NULL, 0, NULL, 1, NULL, NULL), MIEN_OK);
    REFUSED(mien_embed(NULL, NULL, 1, out));
    REFUSED(mien_embed_faces(NULL, list, &face, 1, out));
    REFUSED(mien_attributes(NULL, list, &face, 1, out));
    REFUSED(mien_classify(NULL, list, 1, 1, &class));
    REFUSED(mien_classify(net, NULL, 1, 1, &class));
    REFUSED(mien_impostor_similarity(NULL, 0.1, out));
    REFUSED(mien_impostor_similarity(net, 0.1, NULL));
    REFUSED(mien_log_likelihood_ratio(NULL, 0.5f, 1, &ratio));
    REFUSED(mien_log_likelihood_ratio(net, 0.5f, 1, NULL));
    REFUSED(mien_log_likelihood_ratio(net, -9, 1, &ratio));
    REFUSED(mien_log_likelihood_ratio(net, 0.5f, 0, &ratio));
    assert_true(mien_similarity(NULL, out, 4) == 0 && mien_similarity(out, NULL, 4) == 0);
}

static void test_images(void **state) {
    (void)state;
    mien_image *img = (mien_image *)&img;
    mien_face face;
    uint8_t crop[3];
    mien_crop_face(NULL);
    mien_crop_face(&face);
    REFUSED(mien_image_decode(NULL, NULL, 10, NULL, &img));
    assert_null(img);
    REFUSED(mien_image_decode(NULL, "P6", 2, NULL, NULL));
    REFUSED(mien_image_load(NULL, NULL, NULL, &img));
    REFUSED(mien_image_load(NULL, "x", NULL, NULL));
    REFUSED(mien_image_save(NULL, "/tmp/x.png"));
    REFUSED(mien_image_save(image, NULL));
    REFUSED(mien_image_new(1, 1, NULL));
    REFUSED(mien_image_from(NULL, MIEN_RGB, 1, 1, 0, &img));
    REFUSED(mien_image_from("abc", MIEN_RGB, 1, 1, 0, NULL));
    REFUSED(mien_image_from("abc", (enum mien_pixels)77, 1, 1, 0, &img));
    REFUSED(mien_align(NULL, &face, 1, crop));
    REFUSED(mien_align(image, NULL, 1, crop));
    REFUSED(mien_align(image, &face, 1, NULL));
    REFUSED(mien_draw_face(NULL, &face, NULL, 0));
    REFUSED(mien_draw_face(image, NULL, NULL, 0));
    REFUSED(mien_draw_caption(NULL, "x"));
    assert_int_equal(mien_draw_caption(image, NULL), MIEN_OK);
    assert_int_equal(mien_main_face(NULL, 3, 10, 10), -1);
}

static void test_blobs(void **state) {
    (void)state;
    mien_blob *blob = (mien_blob *)&blob;
    mien_net_info info = {.struct_size = sizeof info};
    mien_blob_tensor t = {.struct_size = sizeof t};
    REFUSED(mien_blob_open(NULL, &blob));
    assert_null(blob);
    REFUSED(mien_blob_open("x", NULL));
    REFUSED(mien_blob_info(NULL, &info));
    REFUSED(mien_blob_tensor_at(NULL, 0, &t));
    assert_null(mien_blob_meta(NULL, "x"));
    assert_int_equal(mien_blob_tensors(NULL), 0);
}

static void test_options(void **state) {
    (void)state;
    const mien_options bad[] = {
        {.precision = (enum mien_precision)77},
        {.precision = (enum mien_precision) - 1},
        {.device = (enum mien_device)2},
        {.threads = -1},
        {.threads = 100000},
        {.device_index = -1},
        {.device_index = 1},
        {.no_pack_cache = 2},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mien_options opt = bad[i];
        mien_ctx *other = (mien_ctx *)&other;
        opt.struct_size = sizeof opt;
        REFUSED(mien_open(&opt, &other));
        assert_null(other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts), cmocka_unit_test(test_networks),
        cmocka_unit_test(test_runs),     cmocka_unit_test(test_images),
        cmocka_unit_test(test_blobs),    cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
