/* What a blob may say of its outputs, what is refused, and every way of reading values, against
 * values computed by hand. */
#include "mien.h"
#include "tasks/attribute_list.h"
#include "tasks/net.h"
#include "tests/tasks/toy.h"

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

enum { CHANNELS = 12 }; /* of the only output, fc1 */

#define PREPROCESS "preprocess", "{\"crop\":\"box\",\"margin\":0}"
static const char *const old_metadata[] = {"task", "age_gender", PREPROCESS, NULL};

/* Describes a network whose blob has that text as `attributes`. */
static int describe(const char *text, struct toy **toy, struct mien_net *net) {
    const char *const meta[] = {"task", "attributes", PREPROCESS, "attributes", text, NULL};
    *toy = toy_open("insightface_genderage", CHANNELS, meta);
    *net = (struct mien_net){.blob = (*toy)->blob};
    return net_describe(net);
}

static void forget(struct toy *toy, struct mien_net *net) {
    net_forget(net);
    toy_close(toy);
}

/* That the text is refused, with a sentence that names the blob and says why. */
static void refused(const char *text, const char *why) {
    struct toy *toy;
    struct mien_net net;
    int rc = describe(text, &toy, &net);
    if (rc != MIEN_EWEIGHTS || !strstr(mien_error(), why) || !strstr(mien_error(), "test: "))
        fail_msg("%.200s: %d, %s", text, rc, mien_error());
    forget(toy, &net);
}

static void test_lists(void **state) {
    (void)state;
    static char many[65 * 100] = "[";
    static const char *const bad[] = {"", "[", "{}", "7", "[]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(bad[i], "list of 1 to 64");
    for (int i = 0; i < 65; i++)
        sprintf(many + strlen(many), "%s{\"name\":\"a%d\",\"kind\":\"value\",\"output\":\"fc1\"}",
                i ? "," : "", i);
    sprintf(many + strlen(many), "%s", "]");
    refused(many, "list of 1 to 64");
    /* 64 are possible. */
    sprintf(strstr(many, ",{\"name\":\"a64\""), "]");
    struct toy *toy;
    struct mien_net net;
    assert_int_equal(describe(many, &toy, &net), MIEN_OK);
    assert_int_equal(net.info.attributes, 64);
    assert_int_equal(net.info.attribute_values, 64);
    forget(toy, &net);
}

static void test_names(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "Age",
        "a-b",
        "sch\\u00f6n",
        "box",
        "score",
        "landmarks",
        "embedding",
        "quality",
        "age_range",
        "1234567890123456789012345678901234567890123456789012345678901234"};
    char text[256];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "[{\"name\":\"%s\",\"kind\":\"value\",\"output\":\"fc1\"}]",
                 bad[i]);
        refused(text, "attributes[0]: its name is none an attribute can have");
    }
    refused("[{\"kind\":\"value\",\"output\":\"fc1\"}]", "its name is none");
    refused("[7]", "its name is none");
    refused("[{\"name\":\"a\",\"kind\":\"value\",\"output\":\"fc1\"},"
            "{\"name\":\"b\",\"kind\":\"value\",\"output\":\"fc1\"},"
            "{\"name\":\"a\",\"kind\":\"value\",\"output\":\"fc1\"}]",
            "attributes[2]: another has its name");
}

#define GROUPS_OF "'kind':'value','decode':'groups','labels':['a','b'],'edges':"

/* What is said of an attribute called a, of output fc1, and breaks one rule. */
static const struct {
    const char *members, *why;
} rules[] = {
    {"", "its kind is none of"},
    {"'kind':'colour'", "its kind is none of"},
    {"'kind':3", "its kind is none of"},
    {"'kind':'distribution'", "2 labels and more"},
    {"'kind':'distribution','labels':'ab'", "2 labels and more"},
    {"'kind':'distribution','labels':['a']", "2 labels and more"},
    {"'kind':'distribution','labels':['a',7]", "2 labels and more"},
    {"'kind':'value','low':2,'high':1", "low and high are not in order"},
    {"'kind':'value','low':'x'", "low and high are not in order"},
    {"'kind':'angles','high':[]", "low and high are not in order"},
    {"'kind':'value','at':-1", "not within the output"},
    {"'kind':'value','at':0.5", "not within the output"},
    {"'kind':'value','at':'0'", "not within the output"},
    {"'kind':'value','at':12", "not within the output"},
    {"'kind':'value','at':1e300", "not within the output"},
    {"'kind':'value','count':0", "not within the output"},
    {"'kind':'value','decode':'pairs','count':2.5", "not within the output"},
    {"'kind':'angles','at':10", "not within the output"},
    {"'kind':'distribution','labels':['a','b'],'at':11", "not within the output"},
    {"'kind':'value','scale':'x'", "scale or shift is no number"},
    {"'kind':'value','scale':1e300", "scale or shift is no number"},
    {"'kind':'value','shift':[]", "scale or shift is no number"},
    {"'kind':'value','decode':'tanh'", "do not fit its kind"},
    {"'kind':'value','count':2", "do not fit its kind"},
    {"'kind':'value','decode':'pairs','count':3", "do not fit its kind"},
    {"'kind':'value','decode':'softmax'", "do not fit its kind"},
    {"'kind':'value','decode':'sigmoid'", "do not fit its kind"},
    {"'kind':'distribution','labels':['a','b','c'],'count':1", "do not fit its kind"},
    {"'kind':'distribution','labels':['a','b','c'],'count':4", "do not fit its kind"},
    {"'kind':'distribution','labels':['a','b','c'],'count':2,'decode':'softmax'",
     "do not fit its kind"},
    {"'kind':'distribution','labels':['a','b'],'decode':'sigmoid'", "do not fit its kind"},
    {"'kind':'distribution','labels':['a','b'],'decode':'pairs'", "do not fit its kind"},
    {"'kind':'probability','count':2", "do not fit its kind"},
    {"'kind':'probability','decode':'softmax'", "do not fit its kind"},
    {"'kind':'probability','count':2,'decode':'pairs'", "do not fit its kind"},
    {"'kind':'angles','count':2", "do not fit its kind"},
    {"'kind':'angles','decode':'sigmoid'", "do not fit its kind"},
    {"'kind':'points'", "not within the output"},
    {"'kind':'points','count':14", "not within the output"},
    {"'kind':'points','count':3", "do not fit its kind"},
    {"'kind':'points','dims':3,'count':4", "do not fit its kind"},
    {"'kind':'points','count':4,'decode':'sigmoid'", "do not fit its kind"},
    {"'kind':'points','dims':4,'count':4", "points have 2 or 3 dims"},
    {"'kind':'points','dims':'2','count':4", "points have 2 or 3 dims"},
    {"'kind':'angles','points':'a'", "no attribute before it has the points"},
    {"'kind':'angles','points':7", "no attribute before it has the points"},
    {"'kind':'distribution','labels':['a','b'],'temperature':0", "temperature is not above 0"},
    {"'kind':'distribution','labels':['a','b'],'temperature':'1'", "temperature is not above 0"},
    {"'kind':'distribution','labels':['a','b'],'temperatures':[1]", "one above 0 a label"},
    {"'kind':'distribution','labels':['a','b'],'temperatures':[1,-1]", "one above 0 a label"},
    {"'kind':'distribution','labels':['a','b'],'unsure_below':2", "unsure_below is not 0 to 1"},
    {"'kind':'value','default':1", "default is neither true nor false"},
    {"'kind':'value','measured':'well'", "measured is no object"},
    {"'kind':'value','decode':'groups'", "groups have a list of 2 to 256 labels"},
    {GROUPS_OF "[0,10]", "edges of groups are rising numbers"},
    {GROUPS_OF "[0,10,10]", "edges of groups are rising numbers"},
    {GROUPS_OF "[0,10,'x']", "edges of groups are rising numbers"},
    {GROUPS_OF "[0,10,20],'prior':[0,1]", "prior is no list"},
    {GROUPS_OF "[0,10,20],'prior':[1]", "prior is no list"},
    {GROUPS_OF "[0,10,20],'prior':[0.5,0.5],'prior_power':2", "prior is no list"},
    {GROUPS_OF "[0,10,20],'means':[1]", "means are not a number a group"},
    {GROUPS_OF "[0,10,20],'interval':1", "interval is not between 0 and 1"},
    {GROUPS_OF "[0,10,20],'count':3", "do not fit its kind"},
};

static void unquote(char *text) {
    for (; *text; text++)
        if (*text == '\'') *text = '"';
}

static void test_rules(void **state) {
    (void)state;
    char text[512];
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        snprintf(text, sizeof text, "[{'name':'a','output':'fc1'%s%s}]",
                 *rules[i].members ? "," : "", rules[i].members);
        unquote(text);
        refused(text, rules[i].why);
    }
    refused("[{\"name\":\"a\",\"kind\":\"value\"}]", "no such output");
    refused("[{\"name\":\"a\",\"kind\":\"value\",\"output\":\"age\"}]", "no such output");
}

static void test_too_many_labels(void **state) {
    (void)state;
    static char text[1 << 15];
    sprintf(text, "%s",
            "[{\"name\":\"a\",\"kind\":\"distribution\",\"output\":\"fc1\",\"labels\":[\"\"");
    for (int i = 0; i < 4096; i++) sprintf(text + strlen(text), "%s", ",\"\"");
    sprintf(text + strlen(text), "%s", "]}]");
    refused(text, "2 labels and more");
}

/* One output of twelve values, and what each attribute makes of them. */
#define LN3 1.0986123f
static const float outputs[CHANNELS] = {0, LN3, -1, 2.5f, 40, -200, 0.2f, 0.3f, 0.9f, 0.1f, NAN, 7};
static const struct {
    const char *members; /* its name is a<position> */
    enum mien_attribute_kind kind;
    const char *unit;
    float low, high;
    int count;
    float values[3];
} kinds[] = {
    {"'kind':'value','at':3,'unit':'years'", MIEN_VALUE, "years", -INFINITY, INFINITY, 1, {2.5f}},
    {"'kind':'value','at':3,'scale':2,'shift':1", MIEN_VALUE, "", -INFINITY, INFINITY, 1, {6}},
    {"'kind':'value','at':4,'scale':10,'low':0,'high':100", MIEN_VALUE, "", 0, 100, 1, {100}},
    {"'kind':'value','at':5,'low':0", MIEN_VALUE, "", 0, INFINITY, 1, {0}},
    {"'kind':'value','at':10,'low':0,'high':1", MIEN_VALUE, "", 0, 1, 1, {0}},
    /* 0 < ln 3 and -1 < 2.5, but not 40 < -200 */
    {"'kind':'value','count':6,'decode':'pairs'", MIEN_VALUE, "", -INFINITY, INFINITY, 1, {2}},
    {"'kind':'value','count':6,'decode':'pairs','scale':5,'shift':-1,'high':8",
     MIEN_VALUE,
     "",
     -INFINITY,
     8,
     1,
     {8}},
    /* e^0 : e^(ln 3) = 1 : 3 */
    {"'kind':'distribution','labels':['x','y'],'decode':'softmax','unit':'no','low':7",
     MIEN_DISTRIBUTION,
     "",
     0,
     1,
     2,
     {0.25f, 0.75f}},
    /* far beyond what expf holds, were it not for the largest being taken off */
    {"'kind':'distribution','labels':['x','y'],'at':4,'decode':'softmax'",
     MIEN_DISTRIBUTION,
     "",
     0,
     1,
     2,
     {1, 0}},
    {"'kind':'distribution','labels':['x','y'],'at':8",
     MIEN_DISTRIBUTION,
     "",
     0,
     1,
     2,
     {0.9f, 0.1f}},
    {"'kind':'distribution','labels':['x','y','z'],'at':6,'count':2",
     MIEN_DISTRIBUTION,
     "",
     0,
     1,
     3,
     {0.2f, 0.3f, 0.5f}},
    {"'kind':'probability','at':1,'decode':'sigmoid'", MIEN_PROBABILITY, "", 0, 1, 1, {0.75f}},
    {"'kind':'probability','at':6", MIEN_PROBABILITY, "", 0, 1, 1, {0.2f}},
    {"'kind':'probability','at':3", MIEN_PROBABILITY, "", 0, 1, 1, {1}},
    {"'kind':'probability','at':2", MIEN_PROBABILITY, "", 0, 1, 1, {0}},
    {"'kind':'angles','at':3,'scale':2,'low':-90,'high':90",
     MIEN_ANGLES,
     "",
     -90,
     90,
     3,
     {5, 80, -90}},
    {"'kind':'angles','at':6,'shift':-1",
     MIEN_ANGLES,
     "",
     -INFINITY,
     INFINITY,
     3,
     {-0.8f, -0.7f, -0.1f}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Two logits a temperature of which is told: 1 : 3 becomes 1 : sqrt 3, and with one a label that of
 * the likelier one counts. */
static void test_temperatures(void **state) {
    static const struct {
        const char *members;
        float share;
    } cases[] = {{"'temperature':2", 0.6339746f},
                 {"'temperatures':[9,2]", 0.6339746f},
                 {"'temperature':0.5", 0.9f},
                 {"'temperatures':[9,1]", 0.75f}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        struct toy *toy;
        struct mien_net net;
        float values[2];
        const float *const out[] = {outputs};
        snprintf(text, sizeof text,
                 "[{'name':'a','kind':'distribution','labels':['x','y'],'decode':'softmax',"
                 "'output':'fc1',%s}]",
                 cases[i].members);
        unquote(text);
        if (describe(text, &toy, &net)) fail_msg("%s", mien_error());
        attribute_list_take(net.attributes, out, values);
        assert_true(fabsf(values[1] - cases[i].share) < 1e-5f);
        assert_true(fabsf(values[0] + values[1] - 1) < 1e-6f);
        forget(toy, &net);
    }
}

/* Groups 0-10, 10-20 and 20-40 with shares 1 : 3 : 0: the mean is (5 + 3 * 15) / 4 = 12.5; a tenth
 * lies below 4, nine tenths below 10 + 10 * (0.9 - 0.25) / 0.75. */
static void test_groups(void **state) {
    static const struct {
        const char *members;
        float values[3];
    } cases[] = {{"'interval':0.8", {12.5f, 4, 18.6666667f}},
                 {"'interval':0.5", {12.5f, 10, 16.6666667f}},
                 /* 1 / 0.25 : 3 / 0.75 are alike */
                 {"'prior':[0.25,0.75,0.5]", {10, 2, 18}},
                 /* 1 / 0.5 : 3 / sqrt 0.75 */
                 {"'prior':[0.25,0.75,0.5],'prior_power':0.5", {11.339746f, 2.7320508f, 18.42265f}},
                 {"'means':[4,14,78]", {11.5f, 4, 18.6666667f}},
                 {"'high':15", {12.5f, 4, 15}}};
    static const float logits[CHANNELS] = {0, LN3, -90};
    const float *const out[] = {logits};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        struct toy *toy;
        struct mien_net net;
        float values[6];
        mien_attribute a = {.struct_size = sizeof a};
        snprintf(text, sizeof text,
                 "[{'name':'age','kind':'value','decode':'groups','labels':['x','y','z'],"
                 "'edges':[0,10,20,40],'output':'fc1','default':false,'unsure_below':0.7,"
                 "'measured':{'accuracy':0.6},%s}]",
                 cases[i].members);
        unquote(text);
        if (describe(text, &toy, &net)) fail_msg("%s", mien_error());
        assert_int_equal(net.info.attribute_values, 6);
        assert_int_equal(mien_attribute_at(&net, 0, &a), MIEN_OK);
        attribute_list_take(net.attributes, out, values);
        for (int k = 0; k < 3; k++)
            if (!(fabsf(values[k] - cases[i].values[k]) < 1e-4f))
                fail_msg("%s: value %d is %g", cases[i].members, k, (double)values[k]);
        assert_true(fabsf(values[3] - 0.25f) < 1e-6f && fabsf(values[4] - 0.75f) < 1e-6f);
        assert_true(a.kind == MIEN_VALUE && a.count == 1 && a.groups == 3 && !a.by_default);
        assert_true(a.group_edges[3] == 40 && a.unsure_below == 0.7f);
        assert_string_equal(a.group_labels[1], "y");
        assert_string_equal(a.measured, "{\"accuracy\":0.6}");
        assert_int_equal(mien_attribute_best(&a, values), 1);
        a.struct_size = 72; /* a program that knows no groups */
        assert_int_equal(mien_attribute_best(&a, values), 0);
        forget(toy, &net);
    }
}

static void describe_kinds(struct toy **toy, struct mien_net *net) {
    static char text[4096];
    sprintf(text, "[");
    for (int i = 0; i < KINDS; i++)
        sprintf(text + strlen(text), "%s{'name':'a%d','output':'fc1',%s}", i ? "," : "", i,
                kinds[i].members);
    sprintf(text + strlen(text), "%s", "]");
    unquote(text);
    int rc = describe(text, toy, net);
    if (rc) fail_msg("%s", mien_error());
}

static void test_kinds(void **state) {
    (void)state;
    struct toy *toy;
    struct mien_net net;
    const float *list[] = {outputs};
    float values[3 * KINDS];
    int first = 0;
    describe_kinds(&toy, &net);
    attribute_list_take(net.attributes, list, values);
    assert_int_equal(net.info.attributes, KINDS);
    for (int i = 0; i < KINDS; i++) {
        char name[16];
        mien_attribute a = {.struct_size = sizeof a};
        assert_int_equal(mien_attribute_at(&net, i, &a), MIEN_OK);
        snprintf(name, sizeof name, "a%d", i);
        assert_string_equal(a.name, name);
        assert_int_equal(a.kind, kinds[i].kind);
        assert_string_equal(a.unit, kinds[i].unit);
        assert_true(a.low == kinds[i].low && a.high == kinds[i].high);
        assert_int_equal(a.first, first);
        assert_int_equal(a.count, kinds[i].count);
        first += a.count;
        if (a.kind == MIEN_DISTRIBUTION) {
            assert_string_equal(a.labels[0], "x");
            assert_string_equal(a.labels[a.count - 1], a.count == 3 ? "z" : "y");
        } else {
            assert_null(a.labels);
        }
        for (int k = 0; k < a.count; k++)
            if (!(fabsf(values[a.first + k] - kinds[i].values[k]) < 1e-6f))
                fail_msg("%s: value %d is %g", kinds[i].members, k, (double)values[a.first + k]);
    }
    assert_int_equal(net.info.attribute_values, first);
    forget(toy, &net);
}

#define POINTS "{'name':'p','kind':'points','output':'fc1','count':12%s}"
#define POSE   ",{'name':'q','kind':'angles','points':'%s','pose_points':%s}]"

static void describe_points(const char *dims, const char *points, const char *six, char *text,
                            size_t room) {
    snprintf(text, room, "[" POINTS POSE, dims, points, six);
    unquote(text);
}

static void test_wrong_pose(void **state) {
    (void)state;
    static const char *const bad[] = {"7",
                                      "[0,1,2,3,4]",
                                      "[0,1,2,3,4,6]",
                                      "[0,1,2,3,4,-1]",
                                      "[0,1,2,3,4,5.5]",
                                      "[0,1,2,3,4,5,0]"};
    char text[512];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        describe_points("", "p", bad[i], text, sizeof text);
        refused(text, "attributes[1]: pose_points are not six of its points");
    }
    describe_points(",'dims':3", "p", "[0,1,2,3,4,5]", text, sizeof text);
    refused(text, "pose_points are not six"); /* there are four */
    describe_points("", "q", "[0,1,2,3,4,5]", text, sizeof text);
    refused(text, "no attribute before it has the points it names");
}

/* Six points of a square of 400 pixels at 10,20, which are those of a head that looks ahead: 0.5 is
 * the square's middle. Of three dims the depth is counted from 0. */
static void test_points(void **state) {
    (void)state;
    static const float frontal[CHANNELS] = {0,      0,      0,      0.33f, -0.225f, -0.17f,
                                            0.225f, -0.17f, -0.15f, 0.15f, 0.15f,   0.15f};
    const struct rect_f square = {10, 20, 410, 420};
    const float *list[] = {frontal};
    char text[512];
    for (int dims = 2; dims <= 3; dims++) {
        struct toy *toy;
        struct mien_net net;
        mien_attribute a = {.struct_size = sizeof a};
        float values[15];
        if (dims == 2)
            describe_points(",'scale':0.5,'shift':0.5", "p", "[0,1,2,3,4,5]", text, sizeof text);
        else
            snprintf(text, sizeof text, "[" POINTS "]", ",'dims':3,'scale':0.5,'shift':0.5");
        unquote(text);
        if (describe(text, &toy, &net)) fail_msg("%s", mien_error());
        assert_int_equal(mien_attribute_at(&net, 0, &a), MIEN_OK);
        assert_true(a.kind == MIEN_POINTS && a.dims == dims && a.count == 12 && a.first == 0);
        assert_true(attribute_list_has_points(net.attributes));
        attribute_list_take(net.attributes, list, values);
        attribute_list_place(net.attributes, &square, values);
        for (int i = 0; i < 12; i++) {
            static const float corner[] = {10, 20, -200};
            float want = corner[i % dims] + 200 + 200 * frontal[i];
            if (fabsf(values[i] - want) > 1e-3f) fail_msg("value %d: %g", i, (double)values[i]);
        }
        for (int i = 12; dims == 2 && i < 15; i++) assert_true(fabsf(values[i]) < 0.1f);
        forget(toy, &net);
    }
}

static void test_at_and_best(void **state) {
    (void)state;
    struct toy *toy;
    struct mien_net net;
    mien_attribute a = {.struct_size = sizeof a};
    describe_kinds(&toy, &net);
    assert_int_equal(mien_attribute_at(&net, -1, &a), MIEN_EINVAL);
    assert_int_equal(mien_attribute_at(&net, KINDS, &a), MIEN_EINVAL);
    assert_non_null(strstr(mien_error(), "has no attribute"));
    forget(toy, &net);
    /* A distribution of three whose values are an item's 2, 3 and 4. */
    a = (mien_attribute){.kind = MIEN_DISTRIBUTION, .first = 2, .count = 3};
    assert_int_equal(mien_attribute_best(&a, (const float[]){9, 8, 0.2f, 0.5f, 0.3f, 7}), 1);
    assert_int_equal(mien_attribute_best(&a, (const float[]){9, 8, 0.1f, 0.2f, 0.7f, 7}), 2);
    assert_int_equal(mien_attribute_best(&a, (const float[]){9, 8, 0.2f, 0.4f, 0.4f, 7}), 1);
    assert_int_equal(mien_attribute_best(&a, (const float[]){9, 8, 0, 0, 0, 7}), 0);
}

/* Blobs without the key: both families of age and gender are known. */
static void test_older_blobs(void **state) {
    (void)state;
    static const struct {
        const char *arch;
        int outputs;
        const char *first_label;
        float high;
    } families[] = {{"faceapi_age_gender", 0, "male", INFINITY},
                    {"insightface_genderage", 202, "female", 100}};
    for (int i = 0; i < 2; i++) {
        int outs = families[i].outputs;
        struct toy *toy = toy_open(families[i].arch, outs, old_metadata);
        struct mien_net net = {.blob = toy->blob};
        mien_attribute age = {.struct_size = sizeof age}, gender = age;
        assert_int_equal(net_describe(&net), MIEN_OK);
        assert_int_equal(net.info.task, MIEN_TASK_ATTRIBUTES);
        assert_int_equal(net.info.attributes, 2);
        assert_int_equal(net.info.attribute_values, 3);
        assert_int_equal(mien_attribute_at(&net, 0, &age), MIEN_OK);
        assert_int_equal(mien_attribute_at(&net, 1, &gender), MIEN_OK);
        assert_string_equal(age.name, "age");
        assert_string_equal(age.unit, "years");
        assert_true(age.low == 0 && age.high == families[i].high);
        assert_string_equal(gender.name, "gender");
        assert_string_equal(gender.labels[0], families[i].first_label);
        forget(toy, &net);
    }
    struct toy *toy = toy_open("insightface_genderage", 201, old_metadata);
    struct mien_net net = {.blob = toy->blob};
    assert_int_equal(net_describe(&net), MIEN_EWEIGHTS);
    forget(toy, &net);
    toy = toy_open("resnet", 0, old_metadata);
    net = (struct mien_net){.blob = toy->blob};
    assert_int_equal(net_describe(&net), MIEN_EWEIGHTS);
    assert_non_null(strstr(mien_error(), "list of 1 to 64"));
    forget(toy, &net);
}

/* An image as large as the input, of which the face is all, is the input. */
static void test_attributes_are_of_the_outputs(void **state) {
    (void)state;
    enum { SIDE = 32 };
    const char *path = toy_file("faceapi_age_gender", 0, old_metadata);
    mien_ctx *ctx;
    mien_net *net;
    mien_image *img;
    mien_options opt = {.struct_size = sizeof opt, .threads = 1, .no_pack_cache = 1};
    assert_int_equal(mien_open(&opt, &ctx), MIEN_OK);
    assert_int_equal(mien_net_load(ctx, path, &net), MIEN_OK);
    unlink(path);
    assert_int_equal(mien_image_new(SIDE, SIDE, &img), MIEN_OK);
    float input[SIDE * SIDE * 3], age, gender[2], values[3];
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        img->pixels[i] = (uint8_t)(i * 7 % 251);
        input[i] = img->pixels[i];
    }
    mien_face face = {.box = {0, 0, SIDE, SIDE}, .score = 1};
    mien_tensor in = {.n = 1, .h = SIDE, .w = SIDE, .c = 3, .data = input};
    mien_tensor outs[] = {{"gender", 1, 1, 1, 2, gender}, {"age", 1, 1, 1, 1, &age}};
    const mien_image *list[] = {img};
    assert_int_equal(mien_run(net, &in, outs, 2), MIEN_OK);
    assert_int_equal(mien_attributes(net, list, &face, 1, values), MIEN_OK);
    assert_true(age > 0 && fabsf(values[0] - age) <= 1e-5f * age);
    assert_true(fabsf(values[1] - gender[0]) < 1e-6f && fabsf(values[2] - gender[1]) < 1e-6f);

    /* This network looks at faces, and there have to be some. */
    assert_int_equal(mien_attributes(net, list, NULL, 1, values), MIEN_EINVAL);
    assert_non_null(strstr(mien_error(), "looks at faces"));
    assert_int_equal(mien_attributes(net, NULL, &face, 1, values), MIEN_EINVAL);
    assert_int_equal(mien_attributes(net, list, &face, 1, NULL), MIEN_EINVAL);
    assert_int_equal(mien_attributes(net, list, &face, -1, values), MIEN_EINVAL);
    assert_int_equal(mien_attributes(net, NULL, NULL, 0, NULL), MIEN_OK);
    mien_image_free(img);
    mien_net_free(net);
    mien_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_temperatures), cmocka_unit_test(test_groups),
        cmocka_unit_test(test_lists),        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rules),        cmocka_unit_test(test_too_many_labels),
        cmocka_unit_test(test_kinds),        cmocka_unit_test(test_at_and_best),
        cmocka_unit_test(test_points),       cmocka_unit_test(test_wrong_pose),
        cmocka_unit_test(test_older_blobs),  cmocka_unit_test(test_attributes_are_of_the_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
