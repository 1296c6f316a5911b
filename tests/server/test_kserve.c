/* The Open Inference Protocol. Requests and answers are those of its documents
 * (specification/protocol/inference_rest.md, Triton's extension_binary_data.md) in the datatypes
 * taken here, and hand-made ones. */
#include "server/apis/kserve_codec.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_MEMORY = 48000, TOO_MANY = 1000 /* numbers */ };

/* 1.0, -2.5, 3.0, 0.15625 of FP32, little-endian (IEEE 754's encoding, by hand). */
#define FOUR_FLOATS "\x00\x00\x80\x3f\x00\x00\x20\xc0\x00\x00\x40\x40\x00\x00\x20\x3e"

static struct kserve_request read_json(const char *json) {
    struct kserve_request r;
    char why[WHY_SIZE] = "";
    if (kserve_read(json, strlen(json), -1, MAX_MEMORY, &r, why)) fail_msg("%s: %s", json, why);
    return r;
}

/* A body of JSON and `size` bytes behind it; the result is the caller's to free. */
static char *body_of(const char *json, const char *bytes, size_t size) {
    char *body = malloc(strlen(json) + size + 1);
    assert_non_null(body);
    memcpy(body, json, strlen(json));
    memcpy(body + strlen(json), bytes, size);
    return body;
}

static void refuse_binary(const char *json, const char *bytes, size_t size, long long header,
                          const char *sentence) {
    struct kserve_request r;
    char why[WHY_SIZE] = "", *body = body_of(json, bytes, size);
    int rc = kserve_read(body, strlen(json) + size, header, MAX_MEMORY, &r, why);
    if (rc != 400 || !strstr(why, sentence))
        fail_msg("%s: got %d '%s', expected 400 '%s'", json, rc, why, sentence);
    assert_int_equal(r.inputs_count, 0);
    assert_null(r.inputs[0].owned);
    free(body);
}

static void refuse(const char *json, const char *sentence) {
    refuse_binary(json, "", 0, -1, sentence);
}

/* A request whose one input has these further members. */
static void refuse_input(const char *members, const char *sentence) {
    char json[1000];
    snprintf(json, sizeof json, "{\"inputs\":[{\"name\":\"input0\",%s}]}", members);
    refuse(json, sentence);
}

static void test_example_of_the_protocol(void **state) {
    (void)state;
    struct kserve_request r =
        read_json("{ \"id\" : \"42\", \"inputs\" : ["
                  "{ \"name\" : \"input0\", \"shape\" : [ 2, 2 ], \"datatype\" : \"UINT8\","
                  "  \"data\" : [ 1, 2, 3, 4 ] },"
                  "{ \"name\" : \"input1\", \"shape\" : [ 3 ], \"datatype\" : \"FP32\","
                  "  \"data\" : [ 1.5, -2, 1e-3 ] } ],"
                  "\"outputs\" : [ { \"name\" : \"output0\" } ] }");
    assert_string_equal(r.id, "42");
    assert_int_equal(r.inputs_count, 2);
    const struct kserve_input *in = r.inputs;
    assert_string_equal(in[0].name, "input0");
    assert_int_equal(in[0].dims, 2);
    assert_int_equal(in[0].shape[0], 2);
    assert_int_equal(in[0].shape[1], 2);
    assert_int_equal(in[0].count, 4);
    assert_null(in[0].floats);
    assert_memory_equal(in[0].bytes, "\1\2\3\4", 4);
    assert_string_equal(in[1].name, "input1");
    assert_int_equal(in[1].dims, 1);
    assert_null(in[1].bytes);
    assert_true(in[1].floats[0] == 1.5F && in[1].floats[1] == -2.0F && in[1].floats[2] == 1e-3F);
    assert_int_equal(r.outputs_count, 1);
    assert_string_equal(r.outputs[0].name, "output0");
    assert_int_equal(r.outputs[0].binary, 0);
    kserve_request_free(&r);
}

static void test_nested_data(void **state) {
    (void)state;
    struct kserve_request r =
        read_json("{\"inputs\":[{\"name\":\"a\",\"shape\":[2,1,3],\"datatype\":\"UINT8\","
                  "\"data\":[[[0,1,2]],[[253,254,255]]]}]}");
    assert_memory_equal(r.inputs[0].bytes, "\x00\x01\x02\xfd\xfe\xff", 6);
    assert_int_equal(r.outputs_count, 0);
    assert_string_equal(r.id, "");
    kserve_request_free(&r);
}

static void test_example_of_the_extension(void **state) {
    (void)state;
    const char *json = "{ \"model_name\" : \"mymodel\", \"inputs\" : ["
                       "{ \"name\" : \"input0\", \"shape\" : [ 2, 2 ], \"datatype\" : \"FP32\","
                       "  \"parameters\" : { \"binary_data_size\" : 16 } },"
                       "{ \"name\" : \"input1\", \"shape\" : [ 3 ], \"datatype\" : \"UINT8\","
                       "  \"parameters\" : { \"binary_data_size\" : 3 } } ],"
                       "\"outputs\" : [ { \"name\" : \"output0\", \"parameters\" : { "
                       "\"binary_data\" : true } } ] }";
    char why[WHY_SIZE] = "", *body = body_of(json, FOUR_FLOATS "\1\0\1", 19);
    struct kserve_request r;
    size_t n = strlen(json);
    assert_int_equal(kserve_read(body, n + 19, (long long)n, MAX_MEMORY, &r, why), 0);
    const float *f = r.inputs[0].floats;
    assert_true(f[0] == 1.0F && f[1] == -2.5F && f[2] == 3.0F && f[3] == 0.15625F);
    assert_memory_equal(r.inputs[1].bytes, "\1\0\1", 3);
    assert_int_equal(r.outputs[0].binary, 1);
    kserve_request_free(&r);
    free(body);
}

/* Binary and JSON inputs in one request: only the binary ones take bytes. */
static void test_mixed_inputs(void **state) {
    (void)state;
    const char *json = "{\"inputs\":["
                       "{\"name\":\"a\",\"shape\":[1],\"datatype\":\"UINT8\",\"data\":[7]},"
                       "{\"name\":\"b\",\"shape\":[2],\"datatype\":\"UINT8\","
                       "\"parameters\":{\"binary_data_size\":2}}]}";
    char why[WHY_SIZE] = "", *body = body_of(json, "\x05\x06", 2);
    struct kserve_request r;
    size_t n = strlen(json);
    assert_int_equal(kserve_read(body, n + 2, (long long)n, MAX_MEMORY, &r, why), 0);
    assert_int_equal(r.inputs[0].bytes[0], 7);
    assert_memory_equal(r.inputs[1].bytes, "\x05\x06", 2);
    kserve_request_free(&r);
    free(body);
}

#define ONE "\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"datatype\":\"UINT8\",\"data\":[7]}]"

static void test_wanted_outputs(void **state) {
    (void)state;
    struct kserve_wanted own;
    struct kserve_request r = read_json("{" ONE "}");
    assert_int_equal(kserve_wants(&r, "x", &own)->binary, 0);
    kserve_request_free(&r);
    r = read_json("{" ONE ",\"parameters\":{\"binary_data_output\":true,\"other\":1}}");
    assert_int_equal(kserve_wants(&r, "x", &own)->binary, 1);
    kserve_request_free(&r);
    /* binary_data of an output overrides binary_data_output. */
    r = read_json("{" ONE ",\"parameters\":{\"binary_data_output\":true},\"outputs\":["
                  "{\"name\":\"x\"},{\"name\":\"y\",\"parameters\":{\"binary_data\":false}}]}");
    assert_int_equal(kserve_wants(&r, "x", &own)->binary, 1);
    assert_int_equal(kserve_wants(&r, "y", &own)->binary, 0);
    assert_null(kserve_wants(&r, "z", &own));
    kserve_request_free(&r);
    r = read_json("{" ONE ",\"id\":null,\"parameters\":null,\"outputs\":null}");
    assert_int_equal(kserve_wants(&r, "x", &own)->binary, 0);
    kserve_request_free(&r);
}

static void test_wrong_requests(void **state) {
    (void)state;
    refuse("", "the JSON is cut off");
    refuse("[]", "not an object");
    refuse("{}", "no list of inputs");
    refuse("{\"inputs\":{}}", "no list of inputs");
    refuse("{\"inputs\":[]}", "has 0 inputs");
    refuse("{\"inputs\":[1]}", "input 1 is not an object");
    refuse("{\"inputs\":[{}]}", "input 1 has no name");
    refuse("{\"inputs\":[{\"name\":7}]}", "input 1 has no name");
    refuse("{\"inputs\":[{\"name\":\"\"}]}", "name of input 1 must have 1 to 127 bytes");
    refuse("{" ONE ",\"id\":42}", "the request has no id");
    refuse("{" ONE ",\"parameters\":[]}", "parameters of the request are not an object");
    refuse("{" ONE ",\"parameters\":{\"binary_data_output\":1}}", "binary_data_output of the");
    refuse("{" ONE ",\"outputs\":{}}", "the outputs are not a list");
    refuse("{" ONE ",\"outputs\":[{}]}", "output 1 has no name");
    refuse("{" ONE ",\"outputs\":[7]}", "output 1 is not an object");
    refuse("{" ONE ",\"outputs\":[{\"name\":\"x\"},{\"name\":\"x\"}]}", "output 2 has the name of");
    refuse("{" ONE ",\"outputs\":[{\"name\":\"x\",\"parameters\":{\"binary_data\":\"yes\"}}]}",
           "binary_data of output 1 is not a boolean");
    refuse("{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"datatype\":\"UINT8\",\"data\":[7]},"
           "{\"name\":\"a\",\"shape\":[1],\"datatype\":\"UINT8\",\"data\":[7]}]}",
           "input 2 has the name of another");
}

static void test_wrong_inputs(void **state) {
    (void)state;
    refuse_input("\"shape\":[1],\"data\":[1]", "input 1 has no datatype");
    refuse_input("\"shape\":[1],\"datatype\":\"FP16\",\"data\":[1]", "the datatype FP16; FP32 and");
    refuse_input("\"shape\":[1],\"datatype\":\"<b>\",\"data\":[1]", "the datatype ?b?;");
    refuse_input("\"datatype\":\"FP32\",\"data\":[1]", "input 1 has no shape");
    refuse_input("\"shape\":7,\"datatype\":\"FP32\",\"data\":[1]", "input 1 has no shape");
    refuse_input("\"shape\":[],\"datatype\":\"FP32\",\"data\":[1]", "has 0 dimensions");
    refuse_input("\"shape\":[1,1,1,1,1,1,1,1,1],\"datatype\":\"FP32\",\"data\":[1]",
                 "has 9 dimensions, not 1 to 8");
    refuse_input("\"shape\":[2,-2],\"datatype\":\"FP32\",\"data\":[1,2,3,4]",
                 "dimension 2 of input 1 is not a positive integer");
    refuse_input("\"shape\":[0],\"datatype\":\"FP32\",\"data\":[]", "dimension 1 of input 1");
    refuse_input("\"shape\":[1.0],\"datatype\":\"FP32\",\"data\":[1]", "dimension 1 of input 1");
    refuse_input("\"shape\":[4294967296,4294967296],\"datatype\":\"FP32\",\"data\":[1]",
                 "a shape of more values than the request holds");
    refuse_input("\"shape\":[9223372036854775807,3],\"datatype\":\"UINT8\",\"data\":[1]",
                 "a shape of more values than the request holds");
    refuse_input("\"shape\":[50,50],\"datatype\":\"UINT8\",\"data\":[1]",
                 "a shape of more values than the request holds");
    refuse_input("\"shape\":[2],\"datatype\":\"FP32\"", "input 1 has no data");
    refuse_input("\"shape\":[2],\"datatype\":\"FP32\",\"data\":\"AA\"", "input 1 has no data");
    refuse_input("\"shape\":[2],\"datatype\":\"FP32\",\"data\":[1]", "has 1 values, its shape 2");
    refuse_input("\"shape\":[2],\"datatype\":\"FP32\",\"data\":[1,2,3]", "has 3 values, its shape");
    refuse_input("\"shape\":[2],\"datatype\":\"FP32\",\"data\":[]", "has 0 values, its shape 2");
}

static void test_wrong_values(void **state) {
    (void)state;
    refuse_input("\"shape\":[1],\"datatype\":\"FP32\",\"data\":[NaN]", "not valid JSON");
    refuse_input("\"shape\":[1],\"datatype\":\"FP32\",\"data\":[Infinity]", "not valid JSON");
    refuse_input("\"shape\":[1],\"datatype\":\"FP32\",\"data\":[1e400]", "a number too large");
    refuse_input("\"shape\":[2],\"datatype\":\"FP32\",\"data\":[1,-1e39]",
                 "value 2 of input 1 is not a number of FP32");
    refuse_input("\"shape\":[1],\"datatype\":\"FP32\",\"data\":[\"1\"]", "value 1 of input 1");
    refuse_input("\"shape\":[1],\"datatype\":\"FP32\",\"data\":[true]", "value 1 of input 1");
    refuse_input("\"shape\":[1],\"datatype\":\"FP32\",\"data\":[null]", "value 1 of input 1");
    refuse_input("\"shape\":[2],\"datatype\":\"UINT8\",\"data\":[0,256]",
                 "value 2 of input 1 is not an integer of 0 to 255");
    refuse_input("\"shape\":[1],\"datatype\":\"UINT8\",\"data\":[-1]", "value 1 of input 1");
    refuse_input("\"shape\":[1],\"datatype\":\"UINT8\",\"data\":[1.0]", "value 1 of input 1");
    refuse_input("\"shape\":[2,2],\"datatype\":\"UINT8\",\"data\":[[1,2],[3]]",
                 "the lists of input 1 are not of its shape");
    refuse_input("\"shape\":[2,2],\"datatype\":\"UINT8\",\"data\":[[1,2],3]", "the lists of");
    refuse_input("\"shape\":[2,2],\"datatype\":\"UINT8\",\"data\":[[1,2,3,4]]", "the lists of");
    refuse_input("\"shape\":[2,2],\"datatype\":\"UINT8\",\"data\":[[1,2],[3,[4]]]", "value 4 of");
    refuse_input("\"shape\":[2,2],\"datatype\":\"UINT8\",\"data\":[1,2,3,[4]]", "value 4 of");
    refuse_input("\"shape\":[1],\"datatype\":\"UINT8\",\"data\":[[1]]", "value 1 of");
}

#define BINARY(type, shape, size)                                                                  \
    "{\"inputs\":[{\"name\":\"a\",\"datatype\":\"" type "\",\"shape\":" shape                      \
    ",\"parameters\":{\"binary_data_size\":" size "}}]}"

static void refuse_tail(const char *json, const char *bytes, size_t size, const char *sentence) {
    refuse_binary(json, bytes, size, (long long)strlen(json), sentence);
}

static void test_wrong_binary_data(void **state) {
    (void)state;
    const char *four = BINARY("FP32", "[2,2]", "16");
    refuse_binary(four, FOUR_FLOATS, 16, -1, "not valid JSON");
    refuse(BINARY("UINT8", "[3]", "3"), "no Inference-Header-Content-Length");
    refuse_binary(four, FOUR_FLOATS, 16, 1 << 20, "is more than the body's length");
    refuse_binary(four, FOUR_FLOATS, 16, 0, "the JSON is cut off");
    refuse_binary(four, FOUR_FLOATS, 16, 5, "the JSON is cut off");
    refuse_tail(four, FOUR_FLOATS, 15, "ends before the binary data of input 1 does");
    refuse_tail(four, FOUR_FLOATS "xy", 18, "2 bytes behind the JSON belong to no input");
    refuse_tail("{" ONE "}", "x", 1, "1 bytes behind the JSON belong to no input");
    refuse_tail(BINARY("FP32", "[2,2]", "4"), FOUR_FLOATS, 16, "is not the 16 bytes of its shape");
    refuse_tail(BINARY("UINT8", "[16]", "-16"), FOUR_FLOATS, 16, "is not the 16 bytes");
    refuse_tail(BINARY("UINT8", "[16]", "\"16\""), FOUR_FLOATS, 16, "is not the 16 bytes");
    refuse_tail(BINARY("UINT8", "[4294967296,4294967296]", "0"), "", 0, "a shape of more values");
    refuse_tail(BINARY("FP32", "[1]", "4"), "\x00\x00\xc0\x7f", 4,
                "value 1 of input 1 is not a finite");
    refuse_tail(BINARY("FP32", "[2]", "8"), "\x00\x00\x80\x3f\x00\x00\x80\xff", 8,
                "value 2 of input 1 is not a finite");
    refuse_tail("{\"inputs\":[{\"name\":\"a\",\"datatype\":\"UINT8\",\"shape\":[1],\"data\":[1],"
                "\"parameters\":{\"binary_data_size\":1}}]}",
                "x", 1, "both data and binary_data_size");
}

static void test_too_many_values(void **state) {
    (void)state;
    char json[4 * TOO_MANY], why[WHY_SIZE];
    int n = snprintf(json, sizeof json, "{\"inputs\":[{\"data\":[0");
    for (int i = 0; i < TOO_MANY; i++) n += snprintf(json + n, sizeof json - (size_t)n, ",0");
    snprintf(json + n, sizeof json - (size_t)n, "]}]}");
    struct kserve_request r;
    assert_int_equal(kserve_read(json, strlen(json), -1, MAX_MEMORY, &r, why), 413);
}

static void test_answer_in_json(void **state) {
    (void)state;
    static const float values[] = {1.0F, 1.1F, 2.0F, 2.1F, 3.0F, 3.1F};
    static const int64_t shape[] = {3, 2};
    const struct kserve_output out = {.name = "output0", .dims = 2, .shape = shape, .data = values};
    struct kserve_answer a;
    char why[WHY_SIZE];
    assert_int_equal(kserve_write("mymodel", "a \"b\"\n", &out, 1, &a, why), 0);
    assert_int_equal(a.header_length, -1);
    json_t *root = json_loadb(a.bytes, a.size, 0, NULL);
    assert_non_null(root);
    const char *model, *id, *name, *type;
    int h, w;
    double v[6];
    assert_int_equal(json_unpack(root, "{s:s,s:s,s:[{s:s,s:s,s:[ii!],s:[FFFFFF!]!}]!}",
                                 "model_name", &model, "id", &id, "outputs", "name", &name,
                                 "datatype", &type, "shape", &h, &w, "data", &v[0], &v[1], &v[2],
                                 &v[3], &v[4], &v[5]),
                     0);
    assert_string_equal(model, "mymodel");
    assert_string_equal(id, "a \"b\"\n");
    assert_string_equal(name, "output0");
    assert_string_equal(type, "FP32");
    assert_int_equal(h, 3);
    assert_int_equal(w, 2);
    for (int i = 0; i < 6; i++) assert_true((float)v[i] == values[i]);
    json_decref(root);
    free(a.bytes);
}

/* Every float comes back as it was. */
static void test_digits(void **state) {
    (void)state;
    static const float values[] = {0.1F,           1.0F / 3,        1000.00006F,
                                   1000.00012F,    1.17549435e-38F, 1.4e-45F,
                                   3.40282347e38F, -0.0F,           123456.789F};
    static const int64_t shape[] = {9};
    const struct kserve_output out = {.name = "x", .dims = 1, .shape = shape, .data = values};
    struct kserve_answer a;
    char why[WHY_SIZE];
    assert_int_equal(kserve_write("m", "", &out, 1, &a, why), 0);
    json_t *root = json_loadb(a.bytes, a.size, 0, NULL);
    assert_null(json_object_get(root, "id"));
    json_t *data = json_object_get(json_array_get(json_object_get(root, "outputs"), 0), "data");
    assert_int_equal(json_array_size(data), 9);
    for (size_t i = 0; i < 9; i++)
        assert_true((float)json_number_value(json_array_get(data, i)) == values[i]);
    json_decref(root);
    free(a.bytes);
}

static void test_answer_in_binary(void **state) {
    (void)state;
    static const float values[] = {1.0F, -2.5F, 3.0F, 0.15625F};
    static const int64_t shape[] = {4}, one[] = {1};
    const struct kserve_output outs[] = {
        {.name = "a", .dims = 1, .shape = shape, .data = values, .binary = 1},
        {.name = "b", .dims = 1, .shape = one, .data = values + 1},
        {.name = "c", .dims = 1, .shape = one, .data = values + 2, .binary = 1}};
    struct kserve_answer a;
    char why[WHY_SIZE];
    assert_int_equal(kserve_write("m", "", outs, 3, &a, why), 0);
    assert_true(a.header_length > 0);
    assert_int_equal(a.size, (size_t)a.header_length + 20);
    assert_memory_equal(a.bytes + a.header_length, FOUR_FLOATS "\x00\x00\x40\x40", 20);
    json_t *root = json_loadb(a.bytes, (size_t)a.header_length, 0, NULL);
    int bytes0, bytes2;
    double b;
    assert_int_equal(json_unpack(root, "{s:[{s:{s:i!}},{s:[F!]},{s:{s:i!}}]}", "outputs",
                                 "parameters", "binary_data_size", &bytes0, "data", &b,
                                 "parameters", "binary_data_size", &bytes2),
                     0);
    assert_int_equal(bytes0, 16);
    assert_int_equal(bytes2, 4);
    assert_true(b == -2.5);
    assert_null(json_object_get(json_array_get(json_object_get(root, "outputs"), 0), "data"));
    json_decref(root);
    free(a.bytes);
}

static void test_what_json_cannot_hold(void **state) {
    (void)state;
    const float values[] = {1, NAN};
    static const int64_t shape[] = {2};
    struct kserve_output out = {.name = "x", .dims = 1, .shape = shape, .data = values};
    struct kserve_answer a;
    char why[WHY_SIZE];
    assert_int_equal(kserve_write("m", "", &out, 1, &a, why), 500);
    assert_non_null(strstr(why, "value 2 of output x is not a finite number"));
    assert_null(a.bytes);
    out.binary = 1;
    assert_int_equal(kserve_write("m", "", &out, 1, &a, why), 0);
    free(a.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_example_of_the_protocol),
                                       cmocka_unit_test(test_nested_data),
                                       cmocka_unit_test(test_example_of_the_extension),
                                       cmocka_unit_test(test_mixed_inputs),
                                       cmocka_unit_test(test_wanted_outputs),
                                       cmocka_unit_test(test_wrong_requests),
                                       cmocka_unit_test(test_wrong_inputs),
                                       cmocka_unit_test(test_wrong_values),
                                       cmocka_unit_test(test_wrong_binary_data),
                                       cmocka_unit_test(test_too_many_values),
                                       cmocka_unit_test(test_answer_in_json),
                                       cmocka_unit_test(test_digits),
                                       cmocka_unit_test(test_answer_in_binary),
                                       cmocka_unit_test(test_what_json_cannot_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
