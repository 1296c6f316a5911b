/* The second call with pictures of a known size allocates nothing. All of the process's allocations
 * are counted: this program's malloc is everybody's. Skipped without weights, and where a sanitizer
 * has a malloc of its own. */
#include "mien.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 0
#elif defined(__has_feature)
#define OWN_MALLOC (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define OWN_MALLOC 1
#endif

static atomic_int allocations;

#if OWN_MALLOC
/* glibc's, under the names it keeps for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t nmemb, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(nmemb, size);
}

void *realloc(void *ptr, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(ptr, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memptr, size_t alignment, size_t size) {
    atomic_fetch_add(&allocations, 1);
    *memptr = __libc_memalign(alignment, size);
    return *memptr ? 0 : ENOMEM;
}
#endif

enum { N = 5, CAPACITY = 64, CROP = 112 * 112 * 3, EMBEDDING = 192 };

static mien_ctx *ctx;
static mien_net *detector, *embedder, *classifier, *age_gender;
static mien_image *pictures[N];

/* Each of a size of its own, so that a detector needs a plan for each. */
static mien_image *picture(int seed) {
    mien_image *img;
    assert_int_equal(mien_image_new(200, 150 - 20 * (seed % 4), &img), 0);
    for (int y = 0; y < img->height; y++)
        for (int x = 0; x < 3 * img->width; x++)
            img->pixels[y * img->pitch + x] =
                (uint8_t)(128 + (x * 5 + y * 3 + seed * x * y / 97) % 113 - 56);
    return img;
}

static void detect(int n) {
    static mien_face faces[N][CAPACITY];
    int counts[N];
    mien_detect_options opt = {.struct_size = sizeof opt, .threshold = 1e-4f, .size = 160};
    assert_int_equal(
        mien_detect(detector, (const mien_image **)pictures, n, &opt, CAPACITY, faces[0], counts),
        0);
    assert_true(counts[0] > 16); /* a few are sorted without memory by any libc */
}

static void embed(int n) {
    static uint8_t crops[N * CROP];
    static float out[N * EMBEDDING];
    assert_int_equal(mien_embed(embedder, crops, n, out), 0);
}

static void classify(int n) {
    mien_class out[N][5];
    assert_int_equal(mien_classify(classifier, (const mien_image **)pictures, n, 5, out[0]), 0);
}

static void estimate(int n) {
    mien_face faces[N];
    float out[N][3]; /* age, and two probabilities of gender */
    for (int i = 0; i < n; i++)
        faces[i] = (mien_face){.box = {20, 20, 90.0f + (float)i, 110}, .score = 1};
    assert_int_equal(mien_attributes(age_gender, (const mien_image **)pictures, faces, n, out[0]),
                     0);
}

/* n: one item (all threads at it), a multiple of the threads, and one with a rest. */
static void count_calls(void (*call)(int n)) {
    static const int sizes[] = {1, 4, N};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int k = 0; k < 2; k++) call(sizes[i]);
        int before = atomic_load(&allocations);
        for (int k = 0; k < 5; k++) call(sizes[i]);
        assert_int_equal(atomic_load(&allocations) - before, 0);
    }
}

static void test_detect(void **state) {
    (void)state;
    count_calls(detect);
}

static void test_embed(void **state) {
    (void)state;
    count_calls(embed);
}

static void test_classify(void **state) {
    (void)state;
    count_calls(classify);
}

static void test_age_gender(void **state) {
    (void)state;
    count_calls(estimate);
}

/* Else the others would pass whatever happens. */
static void test_counting(void **state) {
    (void)state;
    int before = atomic_load(&allocations);
    mien_image_free(picture(1));
    assert_true(atomic_load(&allocations) > before);
}

static int close_all(int status) {
    for (int i = 0; i < N; i++) mien_image_free(pictures[i]);
    mien_net_free(detector);
    mien_net_free(embedder);
    mien_net_free(classifier);
    mien_net_free(age_gender);
    mien_close(ctx);
    return status;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting),   cmocka_unit_test(test_detect),
        cmocka_unit_test(test_embed),      cmocka_unit_test(test_classify),
        cmocka_unit_test(test_age_gender),
    };
    if (!OWN_MALLOC) {
        printf("skipped: a sanitizer counts allocations its own way\n");
        return 77;
    }
    if (mien_open(&(mien_options){.struct_size = sizeof(mien_options), .threads = 2}, &ctx))
        return 1;
    if (mien_net_load(ctx, "retinaface-mnet025-v2", &detector) ||
        mien_net_load(ctx, "mobilefacenet-192", &embedder) ||
        mien_net_load(ctx, "resnet50-imagenet", &classifier) ||
        mien_net_load(ctx, "age-gender-faceapi", &age_gender)) {
        printf("skipped: %s\n", mien_error());
        return close_all(77);
    }
    for (int i = 0; i < N; i++) pictures[i] = picture(i);
    return close_all(cmocka_run_group_tests(tests, NULL, NULL));
}
