/* Forms as clients write them: each is read whole, in two pieces cut at every place, and a byte at
 * a time, and has the same parts every time. Expectations are RFC 2046's and RFC 7578's. */
#include "server/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 1 << 16 };

/* What a form was read as: "name=content" of a field, "name@content" of a file, each ended by a
 * '|'. */
struct seen {
    char text[ROOM];
    size_t n;
    int stop_after; /* bytes of content; 0: never */
};

static void add(struct seen *s, const void *bytes, size_t n) {
    assert_true(s->n + n < ROOM);
    memcpy(s->text + s->n, bytes, n);
    s->n += n;
    s->text[s->n] = '\0';
}

static int begin(void *context, const char *name, int is_file) {
    if (((struct seen *)context)->n > 0) add(context, "|", 1);
    add(context, name, strlen(name));
    add(context, is_file ? "@" : "=", 1);
    return 0;
}

static int content(void *context, const uint8_t *bytes, size_t n) {
    struct seen *s = context;

    assert_true(n > 0);
    add(s, bytes, n);
    return s->stop_after && s->n >= (size_t)s->stop_after ? 77 : 0;
}

/* Reads a form in pieces: up to cut, and the rest by `step` bytes. */
static int read_in(const char *type, const char *body, size_t n, size_t cut, size_t step,
                   struct seen *s, char why[WHY_SIZE]) {
    const struct multipart_sink sink = {begin, content, s};
    struct multipart *m;
    int rc = multipart_new(type, &sink, &m, why);

    if (rc) return rc;
    rc = multipart_feed(m, body, cut, why);
    for (size_t at = cut; at < n && rc == 0; at += step)
        rc = multipart_feed(m, body + at, n - at < step ? n - at : step, why);
    if (rc == 0) rc = multipart_end(m, why);
    multipart_free(m);
    return rc;
}

static struct seen read_bytes(const char *type, const char *body, size_t n, int wanted_rc,
                              char why[WHY_SIZE]) {
    struct seen first = {.n = 0}, other;

    why[0] = '\0';
    if (read_in(type, body, n, 0, n + 1, &first, why) != wanted_rc)
        fail_msg("%s: %s: '%s'", type, body, why);
    for (size_t cut = 0; cut <= n + 1; cut++) {
        char other_why[WHY_SIZE] = "";
        size_t step = cut <= n ? n + 1 : 1; /* last of all, a byte at a time */
        other = (struct seen){.n = 0};
        assert_int_equal(read_in(type, body, n, cut <= n ? cut : 0, step, &other, other_why),
                         wanted_rc);
        assert_string_equal(other_why, why);
        if (wanted_rc) continue;
        assert_int_equal(other.n, first.n);
        assert_memory_equal(other.text, first.text, first.n);
    }
    return first;
}

static void expect_of(const char *type, const char *body, const char *wanted) {
    char why[WHY_SIZE];
    struct seen s = read_bytes(type, body, strlen(body), 0, why);

    assert_string_equal(s.text, wanted);
}

static void expect(const char *body, const char *wanted) {
    expect_of("multipart/form-data; boundary=B", body, wanted);
}

static void refuse_of(const char *type, const char *body, const char *sentence) {
    char why[WHY_SIZE];

    read_bytes(type, body, strlen(body), 400, why);
    if (!strstr(why, sentence)) fail_msg("%s: '%s', wanted '%s'", body, why, sentence);
}

static void refuse(const char *body, const char *sentence) {
    refuse_of("multipart/form-data; boundary=B", body, sentence);
}

#define DISPOSITION               "Content-Disposition: form-data; "
#define PART(parameters, content) "--B\r\n" DISPOSITION parameters "\r\n\r\n" content "\r\n"
#define END                       "--B--\r\n"

static void test_ordinary(void **state) {
    (void)state;
    expect(PART("name=\"a\"", "1") PART("name=\"f\"; filename=\"x.png\"", "\x89PNG\r\n\x1a\n") END,
           "a=1|f@\x89PNG\r\n\x1a\n");
    expect(PART("name=\"a\"", "") END, "a=");
    expect("--B\r\n" DISPOSITION "name=\"a\"\r\n\r\n--B--", "a="); /* RFC 2046: no body at all */
    expect(END, "");
    expect("--B\r\nContent-Type: image/png\r\nX-Other: y\r\n" DISPOSITION
           "name=f; filename=x\r\nContent-Length: 1\r\n\r\n.\r\n" END,
           "f@.");
}

static void test_parameters(void **state) {
    (void)state;
    expect(PART("name=f; filename=a.png; filename*=utf-8''a.png", "x") END, "f@x"); /* .NET */
    expect("--B\r\nContent-Disposition:form-data;name=\"f\";filename=\"a.png\"\r\n\r\nx\r\n" END,
           "f@x");
    expect(PART("name=f; filename*=UTF-8''%e2%82%ac.png", "x") END, "f@x");
    expect(PART("name*=utf-8''f%69le", "x") END, "file=x"); /* urllib3 1 */
    expect(PART("filename=a; name*=US-ASCII'en'a%2Fb", "x") END, "a/b@x");
    expect(PART("name*=utf-8''%E2%82%ac", "x") END, "\xe2\x82\xac=x");
    expect(PART("name=f; filename*0=a; filename*1=.png", "x") END, "f@x"); /* RFC 2231 */
    expect(PART("NAME = \"f\" ; FileName = \"a;b=c.png\" ;", "x") END, "f@x");
    expect(PART("name=f; filename=my picture.png", "x") END, "f@x");
    expect(PART("name=f; filename=\"C:\\dir\\a.png\"", "x") END, "f@x");
    expect(PART("name=f; filename=\"a \\\"b\\\".png\"", "x") END, "f@x");
    expect(PART("name=f; filename=\"\"", "") END, "f@");
    expect(PART("name=\"a\\\"b\\\\c\\d\"", "x") END, "a\"b\\c\\d=x");
    expect(PART("filename=n; name=f", "x") END, "f@x");
    expect("--B\r\ncontent-disposition : Form-Data; name=f\r\n\r\nx\r\n" END, "f=x");
    expect("--B\r\nContent-Disposition: form-data;\r\n\tname=f;\r\n filename=a\r\n\r\nx\r\n" END,
           "f@x");
}

static void test_boundaries(void **state) {
    static const char *const types[] = {
        "multipart/form-data; boundary=B",
        "multipart/form-data;boundary=B",
        "multipart/form-data; boundary=B; charset=utf-8",
        "multipart/form-data; charset=utf-8; boundary=B ",
        "multipart/form-data; Boundary=B",
        "Multipart/Form-Data ; BOUNDARY = \"B\" ;",
        "multipart/form-data; x=\"; boundary=C\"; boundary=B",
    };
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_true(multipart_is_form(types[i]));
        expect_of(types[i], PART("name=f", "x") END, "f=x");
    }
    expect_of("multipart/form-data; boundary=\"a b:c?\"",
              "--a b:c?\r\n" DISPOSITION "name=f\r\n\r\nx\r\n--a b:c?--", "f=x");
    expect_of("multipart/form-data; boundary=----=_Part_1",
              "------=_Part_1\r\n" DISPOSITION "name=f\r\n\r\nx\r\n------=_Part_1--", "f=x");
    expect_of("multipart/form-data; boundary=-", "---\r\n" DISPOSITION "name=f\r\n\r\nx\r\n-----",
              "f=x");
}

static void test_no_form(void **state) {
    (void)state;
    assert_false(multipart_is_form("multipart/mixed; boundary=B"));
    assert_false(multipart_is_form("multipart/form-dataset; boundary=B"));
    assert_false(multipart_is_form("image/png"));
    assert_false(multipart_is_form(""));
}

static void test_what_looks_like_a_boundary(void **state) {
    (void)state;
    expect(PART("name=f", "\r\n--BX\r\n--\r\n-\r--B\n--B\r\n--B-x\r\n--B \r") END,
           "f=\r\n--BX\r\n--\r\n-\r--B\n--B\r\n--B-x\r\n--B \r");
    expect(PART("name=f", "\r\r\r") END, "f=\r\r\r");
    expect(PART("name=f", "a\r\n") END, "f=a\r\n");
    expect(PART("name=f", "--BX") END, "f=--BX");
    refuse(PART("name=f", "--B") "\r\n" END,
           "no name"); /* content may be empty: this is a boundary */
}

static void test_around(void **state) {
    (void)state;
    expect("a preamble\r\n--BB\r\n\r\n" PART("name=f", "x") END, "f=x");
    expect("\r\n" PART("name=f", "x") END, "f=x");
    expect("\n\n" PART("name=f", "x") END, "f=x");
    expect(PART("name=f", "x") "--B--", "f=x");
    expect(PART("name=f", "x") "--B--\r\nbehind the last\r\n--B\r\n", "f=x");
    expect(PART("name=f", "x") "--B--\0", "f=x");
    expect("--B \t\r\n" DISPOSITION "name=f\r\n\r\nx\r\n--B  \r\n" DISPOSITION
           "name=g\r\n\r\ny\r\n--B--",
           "f=x|g=y");
}

static void test_lines_of_lf(void **state) {
    (void)state;
    expect("--B\n" DISPOSITION "name=f\n\nx\r\n--B\n" DISPOSITION "name=g\n\ny\n\n--B--\n",
           "f=x\r|g=y\n");
}

static void test_bytes(void **state) {
    static const char body[] = PART("name=f; filename=x", "\0\xff\0") END;
    char why[WHY_SIZE];
    struct seen s;

    (void)state;
    s = read_bytes("multipart/form-data; boundary=B", body, sizeof body - 1, 0, why);
    assert_int_equal(s.n, 5);
    assert_memory_equal(s.text, "f@\0\xff\0", 5);
}

static void test_refused_types(void **state) {
    char type[400] = "multipart/form-data; boundary=";

    (void)state;
    refuse_of("multipart/form-data", END, "no boundary");
    refuse_of("multipart/form-data; charset=utf-8", END, "no boundary");
    refuse_of("multipart/form-data; boundary=", END, "boundary that is none");
    refuse_of("multipart/form-data; boundary=\"\"", END, "boundary that is none");
    refuse_of("multipart/form-data; boundary=\"B \"", END, "boundary that is none");
    refuse_of("multipart/form-data; boundary=\xc3\xa4", END, "boundary that is none");
    refuse_of("multipart/form-data; boundary=B; boundary=C", END, "two boundaries");
    refuse_of("multipart/form-data; boundary=\"B", END, "broken");
    refuse_of("multipart/form-data; boundary", END, "broken");
    memset(type + strlen(type), 'b', 300);
    refuse_of(type, END, "boundary that is none");
}

static void test_refused_parts(void **state) {
    char body[10000] = "--B\r\nX: ";

    (void)state;
    refuse("", "boundary its Content-Type says");
    refuse("--C\r\n" DISPOSITION "name=f\r\n\r\nx\r\n--C--\r\n", "boundary its Content-Type says");
    refuse("--B\r\n\r\nx\r\n" END, "no name");
    refuse(PART("filename=x", "x") END, "no name");
    refuse(PART("name=f; name*=utf-8''f", "x") END, "two names");
    refuse(PART("name*=f", "x") END, "name*");
    refuse(PART("name*=utf-8'f", "x") END, "name*");
    refuse(PART("name*=iso-8859-1''%e4", "x") END, "name*");
    refuse(PART("name*=utf-8''%00", "x") END, "name*");
    refuse(PART("name*=utf-8''%4", "x") END, "name*");
    refuse(PART("name*=utf-8''%4g", "x") END, "name*");
    refuse(PART("name", "x") END, "Content-Disposition of a part of the form is broken");
    refuse(PART("name=\"f", "x") END, "Content-Disposition of a part of the form is broken");
    refuse(PART("name=f\"", "x") END, "Content-Disposition of a part of the form is broken");
    refuse(PART("name=f; name=g", "x") END, "two names");
    refuse(PART("name=f; filename=a; filename=b", "x") END, "two file names");
    refuse(PART("name=f\r\nContent-Disposition: form-data; name=g", "x") END, "two headers");
    refuse("--B\r\nContent-Disposition: attachment; name=f\r\n\r\nx\r\n" END, "not form-data");
    refuse(PART("name=f\r\nno colon", "x") END, "header of a part of the form is broken");
    refuse("--B\r\n name: f\r\n\r\nx\r\n" END, "header of a part of the form is broken");
    refuse(PART("name=f\r\nContent-Transfer-Encoding: base64", "x") END, "is not decoded");
    refuse(PART("name=f\r\nContent-Type: multipart/mixed; boundary=C", "x") END, "a form itself");
    refuse(PART("name=0123456789012345678901234567890123456789012345678901234567890123", "x") END,
           "name of more than 63 bytes");
    memset(body + strlen(body), 'x', 9000);
    refuse(body, "over 8192 bytes");
}

static void test_cut_off(void **state) {
    static const char body[] = PART("name=f", "content") "--B--";
    char why[WHY_SIZE];

    (void)state;
    for (size_t n = 0; n < sizeof body - 1; n++)
        read_bytes("multipart/form-data; boundary=B", body, n, 400, why);
}

static void test_nul_in_a_header(void **state) {
    static const char body[] = PART("name=\"f\"; filename=\"x\0y\"", "x") END;
    char why[WHY_SIZE];

    (void)state;
    read_bytes("multipart/form-data; boundary=B", body, sizeof body - 1, 400, why);
    assert_non_null(strstr(why, "byte 0"));
}

static void test_the_sink_ends_it(void **state) {
    struct seen s = {.stop_after = 3};
    char why[WHY_SIZE] = "";

    (void)state;
    assert_int_equal(read_in("multipart/form-data; boundary=B", PART("name=f", "xyz") END,
                             strlen(PART("name=f", "xyz") END), 0, 1, &s, why),
                     77);
    assert_string_equal(s.text, "f=x");
}

/* Forms of real clients, where the folder of shared inputs is beside the repository. */
static void test_shared_inputs(void **state) {
    static const char *const names[] = {"ordinary", "dotnet_unquoted", "no_space_after_semicolon",
                                        "dotnet_unquoted_threshold"};
    static char bytes[ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256], why[WHY_SIZE];
        struct seen s;
        FILE *f;
        size_t n;
        snprintf(path, sizeof path, "../shared/data/inputs/form_%s.bin", names[i]);
        f = fopen(path, "rb");
        if (!f) skip();
        n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        s = read_bytes("multipart/form-data; boundary=XbX; charset=UTF-8", bytes, n, 0, why);
        if (i == 3) {
            assert_memory_equal(s.text, "threshold=nonsense|file@\x89PNG", 28);
        } else {
            assert_memory_equal(s.text, "file@\x89PNG", 9);
        }
        assert_memory_equal(s.text + s.n - 8, "IEND\xae\x42\x60\x82", 8);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_no_form),
        cmocka_unit_test(test_what_looks_like_a_boundary),
        cmocka_unit_test(test_around),
        cmocka_unit_test(test_lines_of_lf),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_refused_types),
        cmocka_unit_test(test_refused_parts),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_nul_in_a_header),
        cmocka_unit_test(test_the_sink_ends_it),
        cmocka_unit_test(test_shared_inputs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
