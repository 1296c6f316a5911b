/* JPEGs of a few kilobytes and hundreds of scans, kept beside the repository: what they may cost is
 * counted in rows of blocks. Skipped without them; test_broken.c has one made by hand. */
#include "check.h"
#include "engine/err.h"
#include "mien.h"

#include <stdio.h>
#include <string.h>

#define INPUTS "../shared/data/inputs/"

static const char *const FILES[] = {INPUTS "jpeg_progressive_495_scans_39mp.jpg",
                                    INPUTS "jpeg_arithmetic_499_scans_40mp.jpg"};

static int count(void *rows) {
    ++*(int *)rows;
    return 0;
}

/* A scan of 6,328 rows is at most 791 rows of blocks. */
static void costs_few_scans(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        int rows = 0;
        mien_image *got;
        mien_decode_options opt = {.struct_size = sizeof opt, .stop = count, .stop_context = &rows};
        assert_int_equal(mien_image_load(NULL, FILES[i], &opt, &got), MIEN_EFORMAT);
        assert_null(got);
        assert_non_null(strstr(err_text(), "scan"));
        assert_in_range(rows, 1, 33 * 800);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(costs_few_scans)};
    for (int i = 0; i < 2; i++) {
        FILE *f = fopen(FILES[i], "rb");
        if (!f) return 77;
        fclose(f);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
