/* What services tell each other: there and back to the last bit, and what strangers may write. */
#include "common/json_values.h"
#include "services/output.h"
#include "services/results.h"
#include "services/services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const mien_face faces[2] = {
    {.box = {99.63281f, 150.2f, 200.4f, 249.5f},
     .score = 0.91999996f,
     .landmarks = {{1.1f, 2.2f}, {3.3f, 4.4f}, {5.5f, 6.6f}, {7.7f, 8.8f}, {9.9f, 1e-3f}}},
    {.box = {0, 0, 1, 1}, .score = 1},
};

static char *landmarks_text(int n, int turned) {
    struct networks none = {.n = 0};
    struct analysis *a = calloc(1, sizeof *a);
    int failed = 0;
    a->networks = &none;
    a->faces = (mien_face *)(uintptr_t)faces;
    a->nfaces = n;
    a->turned = turned;
    json_t *value = results_landmarks(a, &failed);
    assert_int_equal(failed, 0);
    char *text = json_dumps(value, JSON_REAL_PRECISION(16));
    json_decref(value);
    free(a);
    return text;
}

static void test_there_and_back(void **state) {
    (void)state;
    struct analysis_given given;
    char *text = landmarks_text(2, 270);
    assert_int_equal(results_read_landmarks(text, strlen(text), &given), 0);
    assert_int_equal(given.n, 2);
    assert_int_equal(given.turned, 270);
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(given.faces[i].box, faces[i].box, sizeof faces[i].box);
        assert_memory_equal(given.faces[i].landmarks, faces[i].landmarks,
                            sizeof faces[i].landmarks);
        assert_memory_equal(&given.faces[i].score, &faces[i].score, sizeof(float));
    }
    free((mien_face *)(uintptr_t)given.faces);
    free(text);
    text = landmarks_text(0, 0);
    assert_int_equal(results_read_landmarks(text, strlen(text), &given), 0);
    assert_int_equal(given.n, 0);
    free((mien_face *)(uintptr_t)given.faces);
    free(text);
}

static void test_strangers(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"landmarks\": {}}",
        "{\"landmarks\": [1]}",
        "{\"landmarks\": [], \"turned\": 45}",
        "{\"landmarks\": [], \"turned\": -90}",
        "{\"landmarks\": [{\"box\": [0, 0, 1], \"score\": 1, \"points\": []}]}",
        "{\"landmarks\": [{\"box\": [0, 0, 1, 1], \"score\": 2, \"points\": "
        "[[0,0],[0,0],[0,0],[0,0],[0,0]]}]}",
        "{\"landmarks\": [{\"box\": [1, 0, 0, 1], \"score\": 1, \"points\": "
        "[[0,0],[0,0],[0,0],[0,0],[0,0]]}]}",
        "{\"landmarks\": [{\"box\": [0, 0, 1e300, 1], \"score\": 1, \"points\": "
        "[[0,0],[0,0],[0,0],[0,0],[0,0]]}]}",
        "{\"landmarks\": [{\"box\": [0, 0, 1, 1], \"score\": 1, \"points\": "
        "[[0,0],[0,0],[0,0],[0,0],[\"0\",0]]}]}",
    };
    struct analysis_given given;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(results_read_landmarks(bad[i], strlen(bad[i]), &given), -1);
        assert_null(given.faces);
    }
}

static json_t *join(const char *landmarks, const char *told, const char *more) {
    struct results_field fields[3] = {{"smile", more, more ? strlen(more) : 0},
                                      {"landmarks", landmarks, strlen(landmarks)},
                                      {"age_gender", told, told ? strlen(told) : 0}};
    int failed = 0;
    int n = more ? 3 : told ? 2 : 1;
    json_t *value = results_join("a.jpg", more ? fields : fields + 1, n,
                                 (struct timespec){.tv_sec = 0}, &failed);
    assert_int_equal(failed, 0);
    return value;
}

static void test_join(void **state) {
    (void)state;
    char *landmarks = landmarks_text(1, 0);
    const char *told = "{\"faces\": [{\"age\": \"20-29\", \"age_confidence\": 0.5, \"gender\": "
                       "\"Male\", \"gender_confidence\": 1}]}";
    json_t *value = join(landmarks, told, "{\"faces\": [{\"smile\": 0.25, \"age\": \"none\"}]}");
    char *text = json_dumps(value, JSON_VALUES_DUMP);
    assert_string_equal(text,
                        "{\"image_id\": \"a.jpg\", \"faces\": [{\"bbox\": [100, 150, 200, 250], "
                        "\"confidence\": 0.92, \"age\": \"20-29\", \"age_confidence\": 0.5, "
                        "\"gender\": \"Male\", \"gender_confidence\": 1, \"smile\": 0.25}], "
                        "\"processing_time\": \"1970-01-01T00:00:00.000000\"}");
    free(text);
    json_decref(value);
    assert_null(join(landmarks, NULL, NULL));              /* not all is there */
    assert_null(join(landmarks, "{\"faces\": []}", NULL)); /* of another number of faces */
    assert_null(join(landmarks, "nonsense", NULL));
    assert_null(join(landmarks, told, "{\"faces\": [1]}"));
    assert_null(join("{\"landmarks\": [{\"bbox\": [0]}]}", told, NULL));
    free(landmarks);
}

static void test_keys(void **state) {
    (void)state;
    char key[RESULTS_KEY];
    /* FIPS 180-2, appendix B.1 */
    results_key("abc", 3, key);
    assert_string_equal(key,
                        "face:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(results_is_key(key));
    key[10] = 'G';
    assert_false(results_is_key(key));
    assert_false(results_is_key("face:"));
    assert_false(results_is_key("session:1"));
}

static void test_image_ids(void **state) {
    (void)state;
    static const char *const good[] = {"a.jpg", "550e8400-e29b-41d4-a716-446655440000", "x/y z.png",
                                       "\xc3\xa4.jpg", "a..b"};
    static const char *const bad[] = {"",     "/a",   "a/",   "../a", "a/../b", ".a",
                                      "a//b", "a/.b", "a\nb", "\xff", "a\x7f"};
    char why[128], most[IMAGE_ID + 1];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(image_id_check(good[i], why, sizeof why), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(image_id_check(bad[i], why, sizeof why), -1);
    memset(most, 'a', IMAGE_ID);
    most[IMAGE_ID] = '\0';
    assert_int_equal(image_id_check(most, why, sizeof why), -1);
    assert_int_equal(image_id_check(most + 1, why, sizeof why), 0);
}

static char *read_all(const char *path) {
    static char text[256];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void put(const char *folder, const char *id, const char *text, struct timespec when,
                const char *want) {
    char *path, why[OUTPUT_WHY], expected[256];
    assert_int_equal(output_write(folder, id, text, strlen(text), when, &path, why), 0);
    snprintf(expected, sizeof expected, "%s/%s", folder, want);
    assert_string_equal(path, expected);
    assert_string_equal(read_all(path), text);
    free(path);
}

/* Of pictures of one base name the second goes by its whole name, and each keeps its own. */
static void test_output(void **state) {
    (void)state;
    char folder[] = "/tmp/mien-output-XXXXXX", remove[64], *path, why[OUTPUT_WHY];
    const struct timespec when = {.tv_sec = 2000000000, .tv_nsec = 5};
    struct stat picture = {.st_mtim = {.tv_sec = 1999999999}, .st_ctim = {.tv_sec = 1999999999}};
    assert_non_null(mkdtemp(folder));
    put(folder, "a.jpg", "{\"image_id\": \"a.jpg\"}", when, "a.json");
    put(folder, "a.png", "{\"image_id\": \"a.png\"}", when, "a.png.json");
    put(folder, "a.jpg", "{\"image_id\": \"a.jpg\", \"x\": 1}", when, "a.json");
    put(folder, "a.png", "{\"image_id\": \"a.png\", \"x\": 1}", when, "a.png.json");
    put(folder, "new/er/b.c.jpg", "{\"image_id\": \"new/er/b.c.jpg\"}", when, "new/er/b.c.json");
    put(folder, "550e-84", "{}", when, "550e-84.json");
    assert_true(output_is_current(folder, "a.png", &picture));
    assert_true(output_is_current(folder, "new/er/b.c.jpg", &picture));
    assert_false(output_is_current(folder, "a.gif", &picture));
    assert_false(output_is_current(folder, "other.jpg", &picture));
    picture.st_ctim.tv_sec = 2000000000; /* moved in behind the result */
    picture.st_ctim.tv_nsec = 6;
    assert_false(output_is_current(folder, "a.png", &picture));
    assert_int_not_equal(output_write("/proc/none", "a.jpg", "{}", 2, when, &path, why), 0);
    assert_null(path);
    assert_int_not_equal(why[0], 0);
    output_tidy(folder); /* has nothing to remove */
    assert_true(output_is_current(folder, "a.jpg", &(struct stat){0}));
    snprintf(remove, sizeof remove, "rm -rf '%s'", folder);
    assert_int_equal(system(remove), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_join),           cmocka_unit_test(test_keys),
        cmocka_unit_test(test_image_ids),      cmocka_unit_test(test_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
