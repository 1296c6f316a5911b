/* XXH64 against values of the reference implementation: the empty input and "abc" as in xxHash's
 * own tools, the long one from the README of python-xxhash. */
#include "engine/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_published_values(void **state) {
    (void)state;
    const char *text = "Nobody inspects the spammish repetition";
    assert_true(hash_bytes("", 0) == 0xEF46DB3751D8E999);
    assert_true(hash_bytes("abc", 3) == 0x44BC2CF5AD770999);
    assert_true(hash_bytes(text, strlen(text)) == 0xFBCEA83C8A378BF1);
}

/* However the bytes are cut up, they are the same bytes. */
static void test_pieces(void **state) {
    (void)state;
    uint8_t bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + i / 5);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        uint64_t whole = hash_bytes(bytes, n);
        for (size_t step = 1; step < 70; step += 3) {
            struct hash h;
            hash_start(&h);
            for (size_t at = 0; at < n; at += step)
                hash_add(&h, bytes + at, n - at < step ? n - at : step);
            assert_true(hash_end(&h) == whole);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
