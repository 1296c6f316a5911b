/* Figures of pairs worked out by hand, and draws against a loop over all thresholds; which pictures
 * pairs are of. */
#include "eval/pairs.h"
#include "eval/verification.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void make(struct verification *v, const struct verification_pair *pairs, int n) {
    assert_int_equal(verification_make(v, pairs, n), 0);
}

/* One person at .9, .8, .5, .3, two at .6, .4, .2, .1. */
static void test_by_hand(void **state) {
    (void)state;
    const struct verification_pair pairs[] = {{1, 0, .5}, {0, 0, .4}, {1, 0, .9}, {0, 0, .1},
                                              {1, 1, .8}, {0, 1, .2}, {1, 1, .3}, {0, 1, .6}};
    struct verification v;
    make(&v, pairs, 8);
    assert_true(v.nsame == 4 && v.nothers == 4 && v.folds == 2);
    assert_true(verification_threshold(&v, 0) == .6 && verification_threshold(&v, .25) == .4);
    assert_true(verification_threshold(&v, 1) < -1);
    assert_true(verification_tar(&v, .6).value == .5 && verification_tar(&v, .4).value == .75);
    assert_true(fabs(verification_best(&v, -1) - .7) < 1e-12); /* two of two; .45: three of four */
    assert_true(fabs(verification_best(&v, 1) - .45) < 1e-12);
    assert_true(fabs(verification_best(&v, 0) - .7) < 1e-12);
    /* of the first fold at .7 .9, .4 and .1 are right, of the second at .45 .8 and .2 */
    assert_true(verification_accuracy(&v).value == 5.0 / 8);
    assert_true(verification_eer(&v) == .25);
    verification_free(&v);
    make(&v, pairs, 4); /* a fold alone */
    assert_true(isnan(verification_accuracy(&v).value));
    assert_true(verification_eer(&v) == 0);
    verification_free(&v);
}

static int right_at(const struct verification_pair *pairs, int n, int left_out, double threshold) {
    int right = 0;
    for (int i = 0; i < n; i++)
        if (pairs[i].fold != left_out) right += (pairs[i].similarity >= threshold) == pairs[i].same;
    return right;
}

/* Many similarities are equal: no threshold lies between them. */
static void test_draws(void **state) {
    (void)state;
    enum { PAIRS = 60 };
    uint64_t seed = 5;
    for (int draw = 0; draw < 300; draw++) {
        struct verification_pair pairs[PAIRS];
        struct verification v;
        int n = 1 + random_below(&seed, PAIRS);
        for (int i = 0; i < n; i++) {
            pairs[i].same = random_below(&seed, 2);
            pairs[i].fold = random_below(&seed, 3);
            pairs[i].similarity = random_below(&seed, 12) / 12.0 + .2 * pairs[i].same;
        }
        make(&v, pairs, n);
        for (int fold = -1; fold < v.folds; fold++) {
            int best = right_at(pairs, n, fold, 3);
            for (int i = 0; i < n; i++) {
                int right = right_at(pairs, n, fold, pairs[i].similarity);
                best = right > best ? right : best;
            }
            assert_int_equal(right_at(pairs, n, fold, verification_best(&v, fold)), best);
        }
        double eer = verification_eer(&v);
        assert_true(isnan(eer) ? v.nsame == 0 || v.nothers == 0 : eer >= 0 && eer <= 1);
        verification_free(&v);
    }
}

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_pairs(void **state) {
    (void)state;
    char path[] = "/tmp/mien-pairs-XXXXXX", why[EVAL_WHY];
    struct pairs p;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_text(path, "2\t1\nAnn\t1\t12\nAnn 1 Bob 2\r\nBob 2 3\nAnn 12 Bob 3\n\n");
    assert_int_equal(pairs_read(&p, path, "lfw", why), 0);
    assert_true(p.n == 4 && p.npictures == 4);
    assert_string_equal(p.pictures[p.at[0].b], "lfw/Ann/Ann_0012.jpg");
    assert_string_equal(p.pictures[p.at[1].b], "lfw/Bob/Bob_0002.jpg");
    assert_true(p.at[0].a == p.at[1].a && p.at[0].b == p.at[3].a && p.at[1].b == p.at[2].a);
    assert_true(p.at[0].same && !p.at[1].same && p.at[1].fold == 0 && p.at[2].fold == 1);
    pairs_keep(&p, (const unsigned char[]){1, 1, 0, 1}); /* without Bob's second */
    assert_true(p.n == 2 && p.npictures == 3 && p.at[1].a == 1 && p.at[1].b == 2);
    pairs_free(&p);
    write_text(path, "same,b,a,fold\nyes,y.png,x.png,7\n0,z.png,x.png,9\n");
    assert_int_equal(pairs_read(&p, path, NULL, why), 0);
    assert_true(p.n == 2 && p.npictures == 3 && p.at[0].same && p.at[1].fold == 9);
    assert_string_equal(p.pictures[p.at[1].a], "/tmp/x.png");
    pairs_free(&p);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
