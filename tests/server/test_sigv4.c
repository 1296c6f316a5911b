/* AWS's published example: "get-vanilla" and others of its test suite for signature version 4
 * (access key AKIDEXAMPLE, 2015-08-30), and what was changed in them. */
#include "server/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define NOW    1440938160.0 /* 2015-08-30T12:36:00Z */
#define SCOPE  "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"

static const char *headers[8][2];

static const char *header(void *context, const char *name) {
    (void)context;
    for (int i = 0; i < 8 && headers[i][0]; i++)
        if (strcmp(headers[i][0], name) == 0) return headers[i][1];
    return NULL;
}

static struct sigv4_request vanilla(const char *method, const char *authorization) {
    memset(headers, 0, sizeof headers);
    headers[0][0] = "host";
    headers[0][1] = "example.amazonaws.com";
    headers[1][0] = "x-amz-date";
    headers[1][1] = "20150830T123600Z";
    return (struct sigv4_request){.method = method,
                                  .path = "/",
                                  .query = "",
                                  .authorization = authorization,
                                  .header = header,
                                  .body = (const uint8_t *)"",
                                  .now = NOW};
}

static const char GET_VANILLA[] =
    "AWS4-HMAC-SHA256 " SCOPE ", SignedHeaders=host;x-amz-date, "
    "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
static const char POST_VANILLA[] =
    "AWS4-HMAC-SHA256 " SCOPE ", SignedHeaders=host;x-amz-date, "
    "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";

static void test_published(void **state) {
    struct sigv4_request r = vanilla("GET", GET_VANILLA);
    char name[SIGV4_NAME];
    (void)state;

    assert_int_equal(sigv4_name(&r, name), SIGV4_GOOD);
    assert_string_equal(name, "AKIDEXAMPLE");
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_GOOD);
    r = vanilla("POST", POST_VANILLA);
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_GOOD);
    /* get-header-value-trim */
    r = vanilla("GET",
                "AWS4-HMAC-SHA256 " SCOPE ", SignedHeaders=host;my-header1;my-header2;x-amz-date, "
                "Signature=acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
    headers[2][0] = "my-header1";
    headers[2][1] = " value1";
    headers[3][0] = "my-header2";
    headers[3][1] = " \"a   b   c\"";
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_GOOD);
}

static void test_changed(void **state) {
    struct sigv4_request r = vanilla("GET", GET_VANILLA);
    char other[sizeof GET_VANILLA];
    (void)state;

    assert_int_equal(sigv4_check(&r, SECRET "x"), SIGV4_WRONG);
    r.method = "POST";
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_WRONG);
    r = vanilla("GET", GET_VANILLA);
    r.path = "/x";
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_WRONG);
    r = vanilla("GET", GET_VANILLA);
    r.body_size = 1;
    r.body = (const uint8_t *)"x";
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_WRONG);
    r = vanilla("GET", GET_VANILLA);
    headers[0][1] = "other.amazonaws.com";
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_WRONG);
    headers[0][0] = NULL;
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_INCOMPLETE);
    memcpy(other, GET_VANILLA, sizeof other);
    other[sizeof other - 2] ^= 1;
    r = vanilla("GET", other);
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_WRONG);
    r = vanilla("GET", GET_VANILLA);
    headers[2][0] = "x-amz-content-sha256";
    headers[2][1] = "00";
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_WRONG);
}

static void test_time(void **state) {
    struct sigv4_request r = vanilla("GET", GET_VANILLA);
    (void)state;

    r.now = NOW + SIGV4_SKEW;
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_GOOD);
    r.now = NOW + SIGV4_SKEW + 1;
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_EXPIRED);
    r.now = NOW - SIGV4_SKEW - 1;
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_EXPIRED);
}

static void test_broken(void **state) {
    static const char *const texts[] = {
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=A/20150830/r/s/aws4_request",
        "AWS4-HMAC-SHA256 Credential=/20150830/r/s/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=A/20150830/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=A/20150831/r/s/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=A/20150830/r/s/aws4_request, SignedHeaders=hos, Signature=0",
        NULL};
    struct sigv4_request r;
    char name[SIGV4_NAME];
    (void)state;

    for (int i = 0; texts[i]; i++) {
        r = vanilla("GET", texts[i]);
        if (sigv4_check(&r, SECRET) != SIGV4_INCOMPLETE) fail_msg("%s", texts[i]);
    }
    r = vanilla("GET", "Bearer x");
    assert_int_equal(sigv4_name(&r, name), SIGV4_MISSING);
    r = vanilla("GET", NULL);
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_MISSING);
    r = vanilla("GET", GET_VANILLA);
    headers[1][1] = "2015-08-30";
    assert_int_equal(sigv4_check(&r, SECRET), SIGV4_INCOMPLETE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
