/* Every family builds from a small blob with the outputs it should have, and says in a sentence
 * what is wrong with one in which a tensor is missing, is too large or has no place. That the
 * networks compute the right thing is for tests/reference and tests/golden. */
#include "engine/err.h"
#include "mien.h"
#include "models/models.h"
#include "tests/models/families.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 1 };

/* Builds the family's network, and where that works writes its outputs to text. */
static int build(const struct family *f, char *text, size_t size) {
    struct blobmaker m;
    struct blob *blob = family_blob(f, &m, SEED);
    struct net *net = NULL;
    int rc = models_build(blob, &net);
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; !rc && i < net->noutputs; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s %d", i ? ", " : "", net->outputs[i].name,
                              net_channels(net, net->outputs[i].value));
    if (rc) assert_null(net);
    net_free(net);
    blob_close(blob);
    blobmaker_close(&m);
    return rc;
}

static int ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A refusal is of the weights, and one sentence that begins with whose they are. */
static void check_sentence(int rc, const char *what) {
    const char *said = err_text();
    if (rc != MIEN_EWEIGHTS || strncmp(said, "test: ", 6) != 0 || strchr(said, '\n'))
        fail_msg("%s: %d '%s'", what, rc, said);
}

static void test_outputs(void **state) {
    (void)state;
    for (int i = 0; i < FAMILY_COUNT; i++) {
        struct family *f = family_list(i);
        char outputs[512];
        if (build(f, outputs, sizeof outputs))
            fail_msg("%s %s: %s", f->arch, f->variant, err_text());
        assert_string_equal(outputs, f->outputs);
    }
}

/* Biases and activations may be absent; whatever else is, is missed. */
static void test_a_missing_tensor(void **state) {
    (void)state;
    for (int i = 0; i < FAMILY_COUNT; i++) {
        int count = family_list(i)->count;
        for (int k = 0; k < count; k++) {
            struct family *f = family_list(i);
            char outputs[512];
            struct family_tensor gone = f->tensors[k];
            f->tensors[k] = f->tensors[--f->count];
            int rc = build(f, outputs, sizeof outputs);
            if (rc)
                check_sentence(rc, gone.name);
            else if (!ends_with(gone.name, ".bias") && !ends_with(gone.name, "prelu.weight"))
                fail_msg("%s was built without %s", f->arch, gone.name);
        }
    }
}

/* Channels that do not fit their neighbours'. How large a window is, is the weights' to say, and in
 * how many groups it goes over the channels. */
static void test_wrong_channels(void **state) {
    (void)state;
    for (int i = 0; i < FAMILY_COUNT; i++) {
        int count = family_list(i)->count;
        for (int k = 0; k < count; k++) {
            for (int d = 0; d < 2 && family_list(i)->tensors[k].dims[d]; d++) {
                struct family *f = family_list(i);
                char outputs[512];
                if (f->tensors[k].dims[1] == 1 && d == 1) continue;
                f->tensors[k].dims[d]++;
                int rc = build(f, outputs, sizeof outputs);
                if (rc)
                    check_sentence(rc, f->tensors[k].name);
                else
                    fail_msg("%s was built with %s larger", f->arch, f->tensors[k].name);
            }
        }
    }
}

static void test_a_tensor_without_a_place(void **state) {
    (void)state;
    for (int i = 0; i < FAMILY_COUNT; i++) {
        struct family *f = family_list(i);
        char outputs[512];
        f->tensors[f->count++] = (struct family_tensor){"stranger.weight", {3}};
        int rc = build(f, outputs, sizeof outputs);
        check_sentence(rc, f->arch);
        assert_non_null(strstr(err_text(), "stranger.weight"));
    }
}

static void test_wrong_metadata(void **state) {
    (void)state;
    static const char *const variants[] = {"", "[]", "{", "3"};
    char outputs[512];
    for (int i = 0; i < FAMILY_COUNT; i++) {
        for (size_t k = 0; k < sizeof variants / sizeof variants[0]; k++) {
            struct family f = *family_list(i);
            f.variant = variants[k];
            check_sentence(build(&f, outputs, sizeof outputs), variants[k]);
        }
        struct family f = *family_list(i);
        f.arch = "no_such_family";
        check_sentence(build(&f, outputs, sizeof outputs), f.arch);
        assert_non_null(strstr(err_text(), "no_such_family"));
    }
}

int main(void) {
    print_message("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs),        cmocka_unit_test(test_a_missing_tensor),
        cmocka_unit_test(test_wrong_channels), cmocka_unit_test(test_a_tensor_without_a_place),
        cmocka_unit_test(test_wrong_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
