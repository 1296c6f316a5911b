/* RFC 4180 by its own examples, and the sentence for each way to miss it. */
#include "eval/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(char **copy, const char *text, struct csv *out, char *why) {
    *copy = strdup(text);
    return csv_parse(*copy, strlen(text), "t.csv", out, why);
}

/* Rows one behind the other, fields with | between them and ; behind each row. */
static void check(const char *text, const char *expected) {
    struct csv csv;
    char why[EVAL_WHY] = "", *copy, got[256] = "";
    assert_int_equal(parse(&copy, text, &csv, why), MIEN_OK);
    for (int i = 0; i < csv.rows * csv.columns; i++) {
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%s%c", csv.fields[i], (i + 1) % csv.columns ? '|' : ';');
    }
    assert_string_equal(got, expected);
    csv_free(&csv);
    free(copy);
}

static void tables(void **state) {
    (void)state;
    check("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", "aaa|bbb|ccc;zzz|yyy|xxx;");
    check("aaa,bbb,ccc\nzzz,yyy,xxx", "aaa|bbb|ccc;zzz|yyy|xxx;");
    check("\"aaa\",\"b \r\nbb\",\"ccc\"\r\nzzz,yyy,xxx", "aaa|b \r\nbb|ccc;zzz|yyy|xxx;");
    check("\"aaa\",\"b\"\"bb\",\"c,c\"", "aaa|b\"bb|c,c;");
    check("\xef\xbb\xbf"
          "a,b\n,\n\"\",\n\n1, 2 \n",
          "a|b;|;|;1| 2 ;");
    check("a\nb", "a;b;");
}

static void lines(void **state) {
    (void)state;
    struct csv csv;
    char why[EVAL_WHY], *copy;
    assert_int_equal(parse(&copy, "a,b\n\n\"x\ny\",1\n2,3\n", &csv, why), MIEN_OK);
    const int expected[] = {1, 3, 5};
    assert_int_equal(csv.rows, 3);
    assert_memory_equal(csv.lines, expected, sizeof expected);
    csv_free(&csv);
    free(copy);
}

static void broken(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "t.csv is empty: its first row names the columns"},
        {"\n\n", "t.csv is empty: its first row names the columns"},
        {"a,b\n1,2\n1\n", "t.csv:3: 1 field, the first row has 2"},
        {"a,b\n1,2,3\n", "t.csv:2: 3 fields, the first row has 2"},
        {"a,b\n1,\"2\n3,4\n", "t.csv:2: a quote that does not end"},
        {"a,b\n1,\"2\"x\n", "t.csv:2: text behind a quote that has ended"},
        {"a,b\n1,2\"3\"\n", "t.csv:2: a quote within a field without quotes"},
        {"a,b\r1,2\r", "t.csv:1: a line that ends in a carriage return alone"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct csv csv;
        char why[EVAL_WHY] = "", *copy;
        assert_int_equal(parse(&copy, cases[i].text, &csv, why), MIEN_EFORMAT);
        assert_string_equal(why, cases[i].why);
        assert_null(csv.fields);
        free(copy);
    }
    struct csv csv;
    char why[EVAL_WHY], zero[] = "a,b\n1\0,2\n", many[3 * CSV_COLUMNS_MAX + 1];
    assert_int_equal(csv_parse(zero, sizeof zero - 1, "t.csv", &csv, why), MIEN_EFORMAT);
    assert_string_equal(why, "t.csv is no text: it holds a byte of zero");
    memset(many, ',', CSV_COLUMNS_MAX);
    many[CSV_COLUMNS_MAX] = '\0';
    assert_int_equal(csv_parse(many, CSV_COLUMNS_MAX, "t.csv", &csv, why), MIEN_EFORMAT);
    assert_string_equal(why, "t.csv:1: more fields than a table has");
}

/* What is written is read as it was. */
static void written(void **state) {
    (void)state;
    static const char *const fields[] = {"plain", "a,b", "say \"x\"", "two\nlines", "", "\r"};
    char *text, why[EVAL_WHY];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (int i = 0; i < 6; i++) {
        if (i) fputc(',', out);
        csv_write(fields[i], out);
    }
    fclose(out);
    struct csv csv;
    assert_int_equal(csv_parse(text, size, "t.csv", &csv, why), MIEN_OK);
    assert_int_equal(csv.columns, 6);
    for (int i = 0; i < 6; i++) assert_string_equal(csv.fields[i], fields[i]);
    csv_free(&csv);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables), cmocka_unit_test(lines),
                                       cmocka_unit_test(broken), cmocka_unit_test(written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
