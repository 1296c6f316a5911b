/* Networks from an op list: what one builds to, and for each way in which a list can lie, the
 * sentence that says so. That they compute the right thing is for tests/reference. */
#include "engine/err.h"
#include "engine/plan.h"
#include "mien.h"
#include "models/models.h"
#include "tests/engine/blobmaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The tensors of every test: c 4x3x3x3, d depthwise, p, a and b of 4 values, f 5x4. */
static struct blob *make_blob(struct blobmaker *m, const char *graph, const char *channels) {
    char meta[4096], quoted[3072], *at = quoted;
    for (const char *c = graph; *c; c++) {
        if (*c == '\'') *at++ = '\\';
        *at++ = *c == '\'' ? '"' : *c;
    }
    *at = '\0';
    snprintf(meta, sizeof meta,
             "\"arch\":\"graph\",\"graph\":\"%s\",\"bn_eps\":\"{\\\"\\\":1e-5}\"", quoted);
    blobmaker_open(m, 1);
    blobmaker_meta(m, meta);
    blobmaker_tensor(m, "c.weight", 0.5f, 1.5f, 4, 3, 3, 3);
    blobmaker_tensor(m, "d.weight", 0.5f, 1.5f, 4, 1, 3, 3);
    blobmaker_tensor(m, "p.weight", 0.5f, 1.5f, 4, 0, 0, 0);
    blobmaker_tensor(m, "a.weight", 0.5f, 1.5f, 4, 0, 0, 0);
    blobmaker_tensor(m, "f.weight", 0.5f, 1.5f, 5, 4, 0, 0);
    blobmaker_bn(m, "b", 4);
    char *order = strstr(m->header, "BGR"); /* of blobmaker's input */
    if (order) memcpy(order, channels, 3);
    return blobmaker_finish(m);
}

#define CONV "['conv',[0],{'name':'c','stride':1,'pad':1}]"
#define REST                                                                                       \
    "['conv',[1],{'name':'d','stride':2,'pad':[0,1,2,1]}],['prelu',[2],{'name':'p'}],"             \
    "['bn',[3],{'name':'b'}],['affine',[4],{'name':'a'}],['global_average',[5],{}],"               \
    "['fc',[6],{'name':'f','height':1,'width':1}],"
#define NODES(more) "'nodes':[['input',[],{}]," CONV "," REST more "]"
#define SIZES       "'size':'any','multiple_of':8"
#define OUTPUT      "'outputs':[['y',8],['x',1]]"

static int build(const char *graph, const char *channels, struct blobmaker *m, struct blob **blob,
                 struct net **net) {
    *blob = make_blob(m, graph, channels);
    return models_build(*blob, net);
}

static void test_a_whole_list(void **state) {
    (void)state;
    struct blobmaker m;
    struct blob *blob;
    struct net *net;
    int h, w, c;
    if (build("{" NODES("['softmax',[7],{}]") "," OUTPUT "," SIZES "}", "RGB", &m, &blob, &net))
        fail_msg("%s", err_text());
    assert_int_equal(net->noutputs, 2);
    assert_string_equal(net->outputs[0].name, "y");
    assert_int_equal(net_channels(net, net->outputs[0].value), 5);
    assert_int_equal(net->dynamic_size, 1);
    assert_int_equal(net->min_stride, 8);
    assert_int_equal(plan_output_shape(net, 1, 40, 33, &h, &w, &c), MIEN_OK);
    assert_true(h == 33 && w == 40 && c == 4);
    net_free(net);
    blob_close(blob);
    blobmaker_close(&m);
}

/* A part of two concatenations, of one twice, and an output besides, has a place for each. */
static void test_parts_that_are_read_again(void **state) {
    (void)state;
    struct blobmaker m;
    struct blob *blob;
    struct net *net;
    struct plan_graph *plan;
    if (build("{" NODES("['concat',[1,1],{}],['concat',[1,8],{}]") ",'outputs':[['y',7],['x',1],"
                                                                   "['z',9],['w',8]]," SIZES "}",
              "RGB", &m, &blob, &net))
        fail_msg("%s", err_text());
    if (plan_make(net, NULL, 1, 32, 32, &plan)) fail_msg("%s", err_text());
    int channels[] = {5, 4, 12, 8};
    for (int i = 0; i < 4; i++) assert_int_equal(plan->outputs[i].c, channels[i]);
    for (int i = 1; i < 4; i++) /* what an output is must not lie in another's way */
        for (int k = i + 1; k < 4; k++)
            assert_true(plan->outputs[i].offset != plan->outputs[k].offset);
    plan_free(plan);
    net_free(net);
    blob_close(blob);
    blobmaker_close(&m);
}

/* Slices lie in what they are slices of; of two in a concatenation, and an output, copies do. */
static void test_slices(void **state) {
    (void)state;
    struct blobmaker m;
    struct blob *blob;
    struct net *net;
    struct plan_graph *plan;
    if (build(
            "{" NODES(
                "['channels',[1],{'from':1,'order':[[2,1]]}],['concat',[8,1],{}]") ",'outputs':[['"
                                                                                   "y',7],['s',8],["
                                                                                   "'z',9]]," SIZES
                                                                                   "}",
            "RGB", &m, &blob, &net))
        fail_msg("%s", err_text());
    if (plan_make(net, NULL, 1, 32, 32, &plan)) fail_msg("%s", err_text());
    assert_int_equal(plan->outputs[1].c, 2);
    assert_int_equal(plan->outputs[2].c, 6);
    int slices = 0;
    for (int i = 0; i < net->count; i++) slices += net->nodes[i].op == NET_SLICE;
    assert_int_equal(slices, 1);
    for (int i = 0; i < plan->nsteps; i++) assert_int_not_equal(plan->steps[i].kind, PLAN_GATHER);
    plan_free(plan);
    net_free(net);
    blob_close(blob);
    blobmaker_close(&m);
}

/* Lists that are none, and what is said of each. */
static const struct {
    const char *graph, *sentence, *channels;
} lies[] = {
    {"[]", "no JSON object", NULL},
    {"{", "no JSON object", NULL},
    {"{" SIZES "," OUTPUT "}", "nodes must be", NULL},
    {"{'nodes':[" CONV "," CONV "]," OUTPUT "," SIZES "}", "first of them input", NULL},
    {"{" NODES("['softmax',[7],{}]") "," SIZES "}", "outputs must be", NULL},
    {"{" NODES("['softmax',[7],{}]") "," OUTPUT "}", "size must be", NULL},
    {"{" NODES("['softmax',[7],{}]") "," OUTPUT ",'size':'any'}", "multiple_of", NULL},
    {"{" NODES("['softmax',[8],{}]") "," OUTPUT "," SIZES "}", "node 8 reads", NULL},
    {"{" NODES("['softmax',[-1],{}]") "," OUTPUT "," SIZES "}", "node 8 reads", NULL},
    {"{" NODES("['softmax',[1.5],{}]") "," OUTPUT "," SIZES "}", "node 8 reads", NULL},
    {"{" NODES("['softmax',['7'],{}]") "," OUTPUT "," SIZES "}", "node 8 reads", NULL},
    {"{" NODES("['softmax',[7]]") "," OUTPUT "," SIZES "}", "node 8 is not", NULL},
    {"{" NODES("['softmax',[1,1,1,1,1],{}]") "," OUTPUT "," SIZES "}", "node 8 is not", NULL},
    {"{" NODES("['softmax',[7,7],{}]") "," OUTPUT "," SIZES "}", "no operator softmax", NULL},
    {"{" NODES("['dream',[7],{}]") "," OUTPUT "," SIZES "}", "no operator dream", NULL},
    {"{" NODES("['add',[7,1],{}]") "," OUTPUT "," SIZES "}", "channels", NULL},
    {"{" NODES("['leaky',[7],{}]") "," OUTPUT "," SIZES "}", "alpha", NULL},
    {"{" NODES("['leaky',[7],{'alpha':1e300}]") "," OUTPUT "," SIZES "}", "alpha", NULL},
    {"{" NODES("['conv',[1],{'stride':1,'pad':0}]") "," OUTPUT "," SIZES "}", "name", NULL},
    {"{" NODES("['conv',[1],{'name':'c','stride':0,'pad':0}]") "," OUTPUT "," SIZES "}", "stride",
     NULL},
    {"{" NODES("['conv',[1],{'name':'d','stride':1,'pad':[1,1]}]") "," OUTPUT "," SIZES "}",
     "pad of conv", NULL},
    {"{" NODES("['conv',[1],{'name':'d','stride':1,'pad':33}]") "," OUTPUT "," SIZES "}",
     "pad of conv", NULL},
    {"{" NODES("['max_pool',[1],{'kernel':[2,2],'stride':1,'pad':2}]") "," OUTPUT "," SIZES "}",
     "less than its kernel", NULL},
    {"{" NODES("['max_pool',[1],{'kernel':[2,99],'stride':1,'pad':0}]") "," OUTPUT "," SIZES "}",
     "kernel of max_pool", NULL},
    {"{" NODES("['channels',[1],{'from':1,'order':[[4,1]]}]") "," OUTPUT "," SIZES "}",
     "beyond 4 channels", NULL},
    {"{" NODES("['channels',[1],{'from':0,'order':[[2,-1]]}]") "," OUTPUT "," SIZES "}",
     "beyond 4 channels", NULL},
    {"{" NODES("['channels',[1],{'from':0,'order':[]}]") "," OUTPUT "," SIZES "}", "1 to 4 pairs",
     NULL},
    {"{" NODES("['crop',[1],{'rows':[0,0,0],'columns':[0,0,1]}]") "," OUTPUT "," SIZES "}",
     "rows of crop", NULL},
    {"{" NODES("['pad',[1],{'pad':[1,1,1,1],'mode':'mirror'}]") "," OUTPUT "," SIZES "}",
     "mode of pad", NULL},
    {"{" NODES("['pad',[1],{'pad':[1,1],'mode':'zero'}]") "," OUTPUT "," SIZES "}",
     "pad of pad must be 4", NULL},
    {"{" NODES("['depth_to_space',[1],{'block':[3,1],'mode':'CRD','crop':[0,0,0,0]}]") "," OUTPUT
                                                                                       "," SIZES
                                                                                       "}",
     "of 4 channels", NULL},
    {"{" NODES("['resize',[1],{'mode':'linear','coordinates':'asymmetric'}]") "," OUTPUT "," SIZES
                                                                              "}",
     "neither a size nor a scale", NULL},
    {"{" NODES(
         "['resize',[1],{'mode':'cubic','coordinates':'asymmetric','scale':[2,2]}]") "," OUTPUT
                                                                                     "," SIZES "}",
     "coefficient of resize", NULL},
    {"{" NODES("['reshape',[1],{'channels':4,'size':[1,0]}]") "," OUTPUT "," SIZES "}",
     "size of reshape", NULL},
    {"{" NODES("['norm_map',[1],{'groups':3,'epsilon':0.1}]") "," OUTPUT "," SIZES "}",
     "4 channels in 3 groups", NULL},
    {"{" NODES("['norm_pixels',[1],{'groups':1,'epsilon':0}]") "," OUTPUT "," SIZES "}",
     "epsilon of norm_pixels", NULL},
    {"{" NODES("['bn',[1],{'name':'a'}]") "," OUTPUT "," SIZES "}", "a.running_var is missing",
     NULL},
    {"{" NODES("['softmax',[7],{}]") ",'outputs':[['y',9]]," SIZES "}", "output 0", NULL},
    {"{" NODES("['softmax',[7],{}]") ",'outputs':[['y',0]]," SIZES "}", "output 0", NULL},
    {"{" NODES("['softmax',[7],{}]") ",'outputs':[['y',8],['y',7]]," SIZES "}",
     "two outputs are called y", NULL},
    {"{" NODES("['relu',[0],{}]") "," OUTPUT "," SIZES "}", "by convolutions only", "BGR"},
};

static void test_lies(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct blobmaker m;
        struct blob *blob;
        struct net *net;
        int rc = build(lies[i].graph, lies[i].channels ? lies[i].channels : "RGB", &m, &blob, &net);
        const char *said = err_text();
        if (rc != MIEN_EWEIGHTS || !strstr(said, lies[i].sentence) || strchr(said, '\n'))
            fail_msg("%s: %d '%s'", lies[i].graph, rc, said);
        assert_null(net);
        blob_close(blob);
        blobmaker_close(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_list),
        cmocka_unit_test(test_parts_that_are_read_again),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
