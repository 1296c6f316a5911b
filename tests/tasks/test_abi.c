/* What programs that are compiled already rely on: where the members of structs are, that structs
 * of another length work, and that nothing is written beyond them. */
#include "mien.h"
#include "tests/tasks/toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Structs of arrays never grow. */
_Static_assert(sizeof(mien_face) == 60 && offsetof(mien_face, score) == 16 &&
                   offsetof(mien_face, landmarks) == 20,
               "mien_face");
_Static_assert(sizeof(mien_class) == 24 && offsetof(mien_class, score) == 4 &&
                   offsetof(mien_class, label) == 8 && offsetof(mien_class, wnid) == 16,
               "mien_class");
_Static_assert(sizeof(mien_tensor) == 32 && offsetof(mien_tensor, n) == 8 &&
                   offsetof(mien_tensor, c) == 20 && offsetof(mien_tensor, data) == 24,
               "mien_tensor");
/* These may, at their end. */
_Static_assert(offsetof(mien_image, width) == 8 && offsetof(mien_image, height) == 12 &&
                   offsetof(mien_image, pitch) == 16 && offsetof(mien_image, borrowed) == 36,
               "mien_image");
_Static_assert(offsetof(mien_options, device) == 8 && offsetof(mien_options, no_pack_cache) == 40,
               "mien_options");
_Static_assert(offsetof(mien_detect_options, threshold) == 8 &&
                   offsetof(mien_detect_options, max_faces) == 20 &&
                   offsetof(mien_detect_options, search) == 24 &&
                   offsetof(mien_detect_options, turned) == 32 && MIEN_SEARCH_FAST == 0,
               "mien_detect_options");
_Static_assert(offsetof(mien_decode_options, max_pixels) == 16 &&
                   offsetof(mien_decode_options, keep_orientation) == 24,
               "mien_decode_options");
_Static_assert(offsetof(mien_attribute, name) == 8 && offsetof(mien_attribute, first) == 20 &&
                   offsetof(mien_attribute, labels) == 48 && offsetof(mien_attribute, dims) == 56,
               "mien_attribute");
/* Numbers of which programs in other languages have copies. */
_Static_assert(MIEN_EINVAL == -1 && MIEN_EIO == -3 && MIEN_EWEIGHTS == -5 && MIEN_ETOOBIG == -8,
               "codes");
_Static_assert(MIEN_RGB == 0 && MIEN_BGR == 1 && MIEN_RGBA == 2 && MIEN_BGRA == 3 && MIEN_GREY == 4,
               "formats of pixels");
_Static_assert(MIEN_TASK_DETECT == 1 && MIEN_TASK_CLASSIFY == 4 && MIEN_TASK_LANDMARKS == 5 &&
                   MIEN_CROP_SIDE == 112,
               "tasks");
_Static_assert(MIEN_FP32 == 0 && MIEN_BF16 == 1 && MIEN_INT8 == 2 && MIEN_FP16 == 3, "precisions");
_Static_assert(MIEN_VALUE == 0 && MIEN_DISTRIBUTION == 1 && MIEN_PROBABILITY == 2 &&
                   MIEN_ANGLES == 3 && MIEN_POINTS == 4,
               "kinds of attributes");

static mien_ctx *ctx;
static mien_net *attributes, *detector;
static mien_image *image;
static mien_blob *blob;

/* What a program gives. */

struct input {
    const char *type;
    size_t size;
    int (*use)(const void *given);
};

static int use_options(const void *given) {
    mien_ctx *other;
    int rc = mien_open(given, &other);
    mien_close(other);
    return rc;
}

static int use_decode_options(const void *given) {
    static const char ppm[] = "P6 1 1 255\nabc";
    mien_image *img;
    int rc = mien_image_decode(NULL, ppm, sizeof ppm - 1, given, &img);
    mien_image_free(img);
    return rc;
}

static int use_detect_options(const void *given) {
    const mien_image *list[] = {image};
    mien_face faces[4];
    int n;
    return mien_detect(detector, list, 1, given, 4, faces, &n);
}

static const struct input inputs[] = {
    {"mien_options", sizeof(mien_options), use_options},
    {"mien_decode_options", sizeof(mien_decode_options), use_decode_options},
    {"mien_detect_options", sizeof(mien_detect_options), use_detect_options},
};

enum { EXTRA = 16, MOST = 512 };

static void set_size(void *bytes, size_t size) {
    memcpy(bytes, &size, sizeof size);
}

static void test_inputs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        const struct input *in = &inputs[i];
        _Alignas(max_align_t) unsigned char bytes[MOST] = {0};
        char said[128];
        assert_int_equal(in->use(NULL), MIEN_OK);
        assert_int_equal(in->use(bytes), MIEN_EINVAL);
        snprintf(said, sizeof said, "struct_size of %s is 0: it must be sizeof(%s)", in->type,
                 in->type);
        assert_string_equal(mien_error(), said);
        set_size(bytes, sizeof(size_t) - 1);
        assert_int_equal(in->use(bytes), MIEN_EINVAL);
        /* An older program's struct ends before what would be refused, were it read. */
        memset(bytes, 0xff, sizeof bytes);
        set_size(bytes, in->size);
        assert_int_not_equal(in->use(bytes), MIEN_OK);
        for (size_t n = sizeof(size_t); n <= in->size; n += 4) {
            memset(bytes, 0xff, sizeof bytes);
            memset(bytes, 0, n);
            set_size(bytes, n);
            assert_int_equal(in->use(bytes), MIEN_OK);
        }
        /* A newer one's has more, which must be 0. */
        memset(bytes, 0, sizeof bytes);
        set_size(bytes, in->size + EXTRA);
        assert_int_equal(in->use(bytes), MIEN_OK);
        for (size_t k = in->size; k < in->size + EXTRA; k++) {
            bytes[k] = 1;
            assert_int_equal(in->use(bytes), MIEN_EINVAL);
            assert_non_null(strstr(mien_error(), "uses members this version does not know"));
            assert_non_null(strstr(mien_error(), in->type));
            bytes[k] = 0;
        }
        bytes[in->size + EXTRA] = 1; /* behind its end */
        assert_int_equal(in->use(bytes), MIEN_OK);
    }
}

/* What the library fills. */

struct member {
    size_t at, size;
};
#define M(type, name)                                                                              \
    { offsetof(type, name), sizeof(((type *)0)->name) }

struct output {
    const char *type;
    size_t size;
    int (*fill)(void *out);
    struct member members[20];
};

static int fill_task_info(void *out) {
    return mien_task_info_get(MIEN_TASK_EMBED, out);
}

static int fill_net_info(void *out) {
    return mien_net_info_get(attributes, out);
}

static int fill_blob_info(void *out) {
    return mien_blob_info(blob, out);
}

static int fill_times(void *out) {
    return mien_net_times(attributes, out);
}

static int fill_plan_info(void *out) {
    return mien_net_plan(attributes, 1, 32, 32, out);
}

static int fill_blob_tensor(void *out) {
    return mien_blob_tensor_at(blob, 0, out);
}

static int fill_format(void *out) {
    return mien_format_at(1, out);
}

static int fill_value(void *out) {
    return mien_blob_value_at(blob, 0, out);
}

static int fill_attribute(void *out) {
    return mien_attribute_at(attributes, 1, out);
}

#define NET_INFO                                                                                   \
    {                                                                                              \
        M(mien_net_info, name), M(mien_net_info, arch), M(mien_net_info, task),                    \
            M(mien_net_info, width), M(mien_net_info, height), M(mien_net_info, dynamic_size),     \
            M(mien_net_info, embedding_size), M(mien_net_info, classes),                           \
            M(mien_net_info, attributes), M(mien_net_info, attribute_values),                      \
            M(mien_net_info, same_person), M(mien_net_info, license), M(mien_net_info, source),    \
            M(mien_net_info, accuracy), M(mien_net_info, calibrated),                              \
            M(mien_net_info, parameters), M(mien_net_info, file_bytes),                            \
            M(mien_net_info, features_of), M(mien_net_info, channels)                              \
    }

static const struct output outputs[] = {
    {"mien_format",
     sizeof(mien_format),
     fill_format,
     {M(mien_format, name), M(mien_format, extensions), M(mien_format, media_types)}},
    {"mien_task_info",
     sizeof(mien_task_info),
     fill_task_info,
     {M(mien_task_info, task), M(mien_task_info, item), M(mien_task_info, result),
      M(mien_task_info, name), M(mien_task_info, verb), M(mien_task_info, option),
      M(mien_task_info, help), M(mien_task_info, stage), M(mien_task_info, default_network)}},
    {"mien_net_info", sizeof(mien_net_info), fill_net_info, NET_INFO},
    {"mien_net_info", sizeof(mien_net_info), fill_blob_info, NET_INFO},
    {"mien_times",
     sizeof(mien_times),
     fill_times,
     {M(mien_times, input), M(mien_times, network), M(mien_times, results), M(mien_times, align),
      M(mien_times, pixels)}},
    {"mien_plan_info",
     sizeof(mien_plan_info),
     fill_plan_info,
     {M(mien_plan_info, batch), M(mien_plan_info, width), M(mien_plan_info, height),
      M(mien_plan_info, steps), M(mien_plan_info, macs), M(mien_plan_info, weight_bytes),
      M(mien_plan_info, arena_bytes), M(mien_plan_info, no_reuse_bytes),
      M(mien_plan_info, scratch_bytes)}},
    {"mien_blob_tensor",
     sizeof(mien_blob_tensor),
     fill_blob_tensor,
     {M(mien_blob_tensor, name), M(mien_blob_tensor, dtype), M(mien_blob_tensor, dims),
      M(mien_blob_tensor, shape)}},
    {"mien_value",
     sizeof(mien_value),
     fill_value,
     {M(mien_value, name), M(mien_value, width), M(mien_value, height), M(mien_value, channels)}},
    {"mien_attribute",
     sizeof(mien_attribute),
     fill_attribute,
     {M(mien_attribute, name), M(mien_attribute, kind), M(mien_attribute, first),
      M(mien_attribute, count), M(mien_attribute, unit), M(mien_attribute, low),
      M(mien_attribute, high), M(mien_attribute, labels), M(mien_attribute, dims),
      M(mien_attribute, groups), M(mien_attribute, interval), M(mien_attribute, group_labels),
      M(mien_attribute, group_edges), M(mien_attribute, unsure_below),
      M(mien_attribute, by_default), M(mien_attribute, measured)}},
};

enum { GUARD = 0xa5 };

static void all_are(const unsigned char *bytes, size_t n, int value) {
    for (size_t i = 0; i < n; i++) assert_int_equal(bytes[i], value);
}

static void has_size(const void *bytes, size_t size) {
    size_t got;
    memcpy(&got, bytes, sizeof got);
    assert_int_equal(got, size);
}

/* Asks for a struct that ends behind members 0 .. k, as a program compiled before the next one came
 * would; full: the whole. */
static void fill_shorter(const struct output *o, int k, const unsigned char *full) {
    _Alignas(max_align_t) unsigned char bytes[MOST];
    size_t end = o->members[k].at + o->members[k].size;
    memset(bytes, GUARD, sizeof bytes);
    set_size(bytes, end);
    assert_int_equal(o->fill(bytes), MIEN_OK);
    has_size(bytes, end);
    for (int m = 0; m <= k; m++)
        assert_memory_equal(bytes + o->members[m].at, full + o->members[m].at, o->members[m].size);
    all_are(bytes + end, sizeof bytes - end, GUARD);
}

static void test_outputs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        const struct output *o = &outputs[i];
        _Alignas(max_align_t) unsigned char full[MOST], bytes[MOST];
        memset(full, GUARD, sizeof full);
        set_size(full, o->size);
        assert_int_equal(o->fill(full), MIEN_OK);
        has_size(full, o->size);
        all_are(full + o->size, sizeof full - o->size, GUARD);
        int count = 0;
        for (; o->members[count].size; count++) fill_shorter(o, count, full);
        /* All members are in the list above: what follows the last is padding. */
        size_t end = o->members[count - 1].at + o->members[count - 1].size;
        assert_true(o->size - end < _Alignof(max_align_t) / 2);

        /* A newer program's: what this library does not know is 0. */
        memset(bytes, GUARD, sizeof bytes);
        set_size(bytes, o->size + EXTRA);
        assert_int_equal(o->fill(bytes), MIEN_OK);
        has_size(bytes, o->size + EXTRA);
        for (int m = 0; m < count; m++)
            assert_memory_equal(bytes + o->members[m].at, full + o->members[m].at,
                                o->members[m].size);
        all_are(bytes + o->size, EXTRA, 0);
        all_are(bytes + o->size + EXTRA, sizeof bytes - o->size - EXTRA, GUARD);

        /* None set: nothing is written. */
        memset(bytes, GUARD, sizeof bytes);
        set_size(bytes, 0);
        char said[128];
        snprintf(said, sizeof said, "struct_size of %s is 0: it must be sizeof(%s)", o->type,
                 o->type);
        assert_int_equal(o->fill(bytes), MIEN_EINVAL);
        assert_string_equal(mien_error(), said);
        all_are(bytes + sizeof(size_t), sizeof bytes - sizeof(size_t), GUARD);
    }
}

/* Of a plan, info may be NULL; of nothing else. */
static void test_outputs_null(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        assert_int_equal(outputs[i].fill(NULL),
                         outputs[i].fill == fill_plan_info ? MIEN_OK : MIEN_EINVAL);
}

/* Defaults for a shorter and a longer struct. */
static void test_defaults(void **state) {
    (void)state;
    _Alignas(max_align_t) unsigned char bytes[MOST];
    mien_detect_options got = {.max_faces = 77};
    mien_detect_options_default(&got, sizeof got);
    assert_true(got.struct_size == sizeof got && got.threshold == 0.5f && got.nms == 0.4f &&
                got.size == -1 && got.max_faces == 750 && got.search == MIEN_SEARCH_FAST &&
                !got.turned);
    memset(bytes, GUARD, sizeof bytes);
    mien_detect_options_default((void *)bytes, offsetof(mien_detect_options, max_faces));
    has_size(bytes, offsetof(mien_detect_options, max_faces));
    assert_memory_equal(bytes + sizeof(size_t), &got.threshold,
                        offsetof(mien_detect_options, max_faces) - sizeof(size_t));
    all_are(bytes + offsetof(mien_detect_options, max_faces), 64, GUARD);
    mien_detect_options_default((void *)bytes, sizeof got + EXTRA);
    has_size(bytes, sizeof got + EXTRA);
    assert_memory_equal(bytes + sizeof(size_t), &got.threshold, sizeof got - sizeof(size_t));
    all_are(bytes + sizeof got, EXTRA, 0);
    all_are(bytes + sizeof got + EXTRA, 64, GUARD);

    for (size_t n = offsetof(mien_options, threads); n <= sizeof(mien_options) + EXTRA; n += 4) {
        memset(bytes, GUARD, sizeof bytes);
        mien_options_default((void *)bytes, n);
        has_size(bytes, n);
        all_are(bytes + sizeof(size_t), n - sizeof(size_t), 0);
        all_are(bytes + n, 64, GUARD);
    }
}

static int open_all(void **state) {
    (void)state;
    static const char *const of_attributes[] = {
        "task", "attributes", "name", "toy", "preprocess", "{\"crop\":\"box\",\"margin\":0}", NULL};
    static const char *const of_detector[] = {"task", "detect", "name", "toy", NULL};
    mien_options opt = {.struct_size = sizeof opt, .threads = 1, .no_pack_cache = 1};
    const char *path = toy_file("faceapi_age_gender", 0, of_attributes);
    int rc = mien_open(&opt, &ctx);
    if (!rc) rc = mien_net_load(ctx, path, &attributes);
    if (!rc) rc = mien_blob_open(path, &blob);
    unlink(path);
    path = toy_file("scrfd", 0, of_detector);
    if (!rc) rc = mien_net_load(ctx, path, &detector);
    unlink(path);
    if (!rc) rc = mien_image_new(32, 32, &image);
    if (rc) fprintf(stderr, "%s\n", mien_error());
    return rc;
}

static int close_all(void **state) {
    (void)state;
    mien_image_free(image);
    mien_blob_close(blob);
    mien_net_free(detector);
    mien_net_free(attributes);
    mien_close(ctx);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_outputs_null),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
