/* Tables and folders of labels, conditions, choice and groups. */
#include "eval/groups.h"
#include "eval/samples.h"
#include "eval/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char TABLE[] = "file,age,gender,race\n"
                            "a.jpg,20-29,Male,White\n"
                            "/b.jpg,3-9,Female,Black\n"
                            "c.jpg,more than 70,Female,White\n"
                            "d.jpg,,Male,Black\n";

/* Writes a table to a file of its own; unlink and free the name. */
static char *write_table(const char *text) {
    char *name = strdup("/tmp/mien-samples-XXXXXX");
    int fd = mkstemp(name);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return name;
}

static int read_table(const char *text, const char *pictures, struct samples *s, char *why) {
    static char last[64];
    char *name = write_table(text), shorter[EVAL_WHY];
    int rc = samples_read(s, name, pictures, why);
    const char *at = rc ? strstr(why, name) : NULL;
    if (at) { /* names of temporary files differ from run to run */
        snprintf(shorter, sizeof shorter, "T%s", at + strlen(name));
        snprintf(why, EVAL_WHY, "%s", shorter);
    }
    unlink(name);
    snprintf(last, sizeof last, "%s", name);
    s->name = last;
    free(name);
    return rc;
}

static void table(void **state) {
    (void)state;
    struct samples s;
    char why[EVAL_WHY];
    assert_int_equal(read_table(TABLE, NULL, &s, why), MIEN_OK);
    assert_int_equal(s.n, 4);
    assert_string_equal(s.at[0].file, "/tmp/a.jpg"); /* beside the table */
    assert_string_equal(s.at[1].file, "/b.jpg");
    assert_string_equal(s.at[2].fields[samples_column(&s, "age")], "more than 70");
    assert_int_equal(s.at[2].line, 4);
    assert_int_equal(samples_column(&s, "mask"), -1);
    samples_free(&s);
    assert_int_equal(read_table(TABLE, "x/", &s, why), MIEN_OK);
    assert_string_equal(s.at[0].file, "x/a.jpg");
    samples_free(&s);
}

static void broken(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {{"name,age\nx,3\n", "T: the first row names no column 'file'"},
                 {"file,age\n,3\n", "T:2: no file is named"},
                 {"file,age\n", "T: no row follows the names of the columns"},
                 {"file,age\nx\n", "T:2: 1 field, the first row has 2"}};
    struct samples s;
    char why[EVAL_WHY];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_table(cases[i].text, NULL, &s, why), MIEN_EFORMAT);
        assert_string_equal(why, cases[i].why);
    }
    assert_int_equal(samples_read(&s, "/nowhere/x.csv", NULL, why), MIEN_EIO);
    assert_string_equal(why, "/nowhere/x.csv: No such file or directory");
    assert_int_equal(samples_read(&s, "/tmp", NULL, why), MIEN_EIO);
    assert_string_equal(why, "/tmp: Is a directory");
}

static void folders(void **state) {
    (void)state;
    static const char *const files[] = {"u/26_1_2_2017.jpg", "u/x/3_0_4_2.jpg.chip.jpg",
                                        "u/61_1_20170109.jpg", "u/1_2_3_4.jpg"};
    static const char *const tails[] = {"26_1_2_2017.jpg", "x/3_0_4_2.jpg.chip.jpg",
                                        "61_1_20170109.jpg", "1_2_3_4.jpg"};
    struct eval_folder folder = {"u", files, tails, 4};
    struct samples s;
    char why[EVAL_WHY];
    assert_int_equal(samples_utkface(&s, &folder, why), MIEN_OK);
    assert_int_equal(s.n, 4);
    assert_string_equal(s.at[0].fields[0], "26");
    assert_string_equal(s.at[0].fields[1], "female");
    assert_string_equal(s.at[0].fields[2], "Asian");
    assert_string_equal(s.at[1].fields[2], "Others");
    assert_string_equal(s.at[2].fields[0], ""); /* some of UTKFace's lack a part */
    assert_string_equal(s.at[3].fields[1], "");
    samples_free(&s);
    folder.n = 2;
    assert_int_equal(samples_classes(&s, &folder, why), MIEN_EFORMAT);
    assert_string_equal(why, "u/26_1_2_2017.jpg is in no folder of its class: give a folder a "
                             "class, or a CSV");
    folder.files++;
    folder.tails++;
    folder.n = 1;
    assert_int_equal(samples_classes(&s, &folder, why), MIEN_OK);
    assert_string_equal(s.at[0].fields[0], "x");
    samples_free(&s);
}

static void conditions(void **state) {
    (void)state;
    static const struct {
        const char *where;
        int left;
    } cases[] = {{"gender=female", 2},
                 {"gender!=Female", 2},
                 {"age>=10", 2},
                 {"age<20", 1},
                 {"age>=10,race=white", 2},
                 {"age=20", 1},
                 {"race=White,age>50", 1},
                 {"gender=Male,race=Black", 1}};
    static const struct {
        const char *where, *why;
    } wrong[] = {{"age", "'age' is no condition such as age>=10"},
                 {"colour=red", "T has no column 'colour' for a condition"},
                 {"age>100", "T: no picture is left by 'age>100'"},
                 {"", "'' is no condition such as age>=10"}};
    struct samples s;
    char why[EVAL_WHY];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_table(TABLE, NULL, &s, why), MIEN_OK);
        assert_int_equal(samples_where(&s, cases[i].where, why), MIEN_OK);
        assert_int_equal(s.n, cases[i].left);
        samples_free(&s);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(read_table(TABLE, NULL, &s, why), MIEN_OK);
        s.name = "T";
        assert_int_equal(samples_where(&s, wrong[i].where, why), MIEN_EINVAL);
        assert_string_equal(why, wrong[i].why);
        samples_free(&s);
    }
}

/* Groups as "race=White,gender=Male:1 ". */
static int write_group(void *context, int n, const char *const *by, const char *const *value,
                       const unsigned char *member) {
    char *at = (char *)context + strlen(context);
    int members = 0;
    for (int i = 0; i < 4; i++) members += member[i];
    for (int i = 0; i < n; i++) at += sprintf(at, "%s%s=%s", i ? "," : "", by[i], value[i]);
    sprintf(at, ":%d ", members);
    return MIEN_OK;
}

static void grouped(void **state) {
    (void)state;
    struct samples s;
    struct groups g;
    char why[EVAL_WHY], text[1024] = "";
    assert_int_equal(read_table(TABLE, NULL, &s, why), MIEN_OK);
    assert_int_equal(groups_make(&g, &s, "gender,race", why), MIEN_OK);
    assert_int_equal(groups_each(&g, s.n, write_group, text), MIEN_OK);
    assert_string_equal(text, ":4 gender=Female:2 gender=Male:2 race=Black:2 race=White:2 "
                              "gender=Female,race=Black:1 gender=Female,race=White:1 "
                              "gender=Male,race=Black:1 gender=Male,race=White:1 ");
    groups_free(&g);
    text[0] = '\0';
    assert_int_equal(groups_make(&g, &s, "age", why), MIEN_OK); /* in the order of years */
    assert_int_equal(groups_each(&g, s.n, write_group, text), MIEN_OK);
    assert_string_equal(text, ":4 age=3-9:1 age=20-29:1 age=more than 70:1 ");
    groups_free(&g);
    assert_int_equal(groups_make(&g, &s, NULL, why), MIEN_OK);
    assert_int_equal(g.n, 3);
    groups_free(&g);
    s.name = "T";
    assert_int_equal(groups_make(&g, &s, "gender,colour", why), MIEN_EINVAL);
    assert_string_equal(why, "T has no column 'colour' to make groups by");
    assert_int_equal(groups_make(&g, &s, "age,gender,race,file", why), MIEN_EINVAL);
    assert_string_equal(why, "groups are made by at most 3 columns");
    samples_free(&s);
}

static void years_become_groups(void **state) {
    (void)state;
    struct samples s;
    struct groups g;
    char why[EVAL_WHY], text[1024] = "";
    assert_int_equal(read_table("file,age\na,2\nb,3\nc,75.5\nd,1\n", NULL, &s, why), MIEN_OK);
    assert_int_equal(groups_make(&g, &s, NULL, why), MIEN_OK);
    assert_int_equal(groups_each(&g, s.n, write_group, text), MIEN_OK);
    assert_string_equal(text, ":4 age=0-2:2 age=3-9:1 age=70+:1 ");
    groups_free(&g);
    samples_free(&s);
}

static void too_many_groups(void **state) {
    (void)state;
    struct samples s;
    struct groups g;
    char why[EVAL_WHY], *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fputs("file,x\n", out);
    for (int i = 0; i <= GROUP_VALUES_MAX; i++) fprintf(out, "f,%d\n", i);
    fclose(out);
    assert_int_equal(read_table(text, NULL, &s, why), MIEN_OK);
    assert_int_equal(groups_make(&g, &s, "x", why), MIEN_EINVAL);
    assert_string_equal(why, "column x has more than 1000 values: no groups");
    samples_free(&s);
    free(text);
}

static void choice(void **state) {
    (void)state;
    void *labels;
    char why[EVAL_WHY],
        *name = write_table(
            "file,label\n/no/x,0\n/no/x,1\n/no/x,2\n/no/x,3\n/no/x,4\n/no/x,5\n/no/x,6\n");
    const struct eval_options options = {.mistakes = 1};
    const struct eval_task *task = eval_task_named("classify");
    unsigned char keep[7], again[7], other[7];
    int missing = 0, kept = 0;
    assert_int_equal(task->open(&options, name, NULL, &labels, why), MIEN_OK);
    assert_int_equal(eval_choose(task, labels, 7, 0, 1, NULL, keep), 7);
    assert_int_equal(eval_choose(task, labels, 7, 3, 1, NULL, keep), 3);
    assert_int_equal(eval_choose(task, labels, 7, 3, 1, NULL, again), 3);
    assert_memory_equal(keep, again, sizeof keep);
    for (int i = 0; i < 7; i++) kept += keep[i];
    assert_int_equal(kept, 3);
    assert_int_equal(eval_choose(task, labels, 7, 3, 2, NULL, other), 3);
    assert_memory_not_equal(keep, other, sizeof keep);
    assert_int_equal(eval_choose(task, labels, 7, 3, 1, &missing, keep), 0);
    assert_int_equal(missing, 7);
    task->close(labels);
    assert_null(eval_task_named("guess"));
    unlink(name);
    free(name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),           cmocka_unit_test(broken),
        cmocka_unit_test(folders),         cmocka_unit_test(conditions),
        cmocka_unit_test(grouped),         cmocka_unit_test(years_become_groups),
        cmocka_unit_test(too_many_groups), cmocka_unit_test(choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
