/* Plans that keep depthwise convolutions apart: which step reads which, and that what the first
 * reads is still there for the second. */
#include "engine/err.h"
#include "engine/fold.h"
#include "engine/plan.h"
#include "tests/engine/graphs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int pairs, maxima;

/* Bytes first to last - 1 of the arena, with the halo. */
struct range {
    size_t first, last;
};

static struct range range_of(const struct plan_view *v, int batch) {
    size_t size = kern_type_size(v->type);
    size_t first = v->offset - (size_t)(v->top * v->row + v->left * v->px) * size;
    return (struct range){first, first + (size_t)(batch * v->image) * size};
}

/* Slices of one buffer lie in each other's gaps. */
static int are_slices(const struct plan_view *a, const struct plan_view *b) {
    if (a->px != b->px || a->row != b->row || a->image != b->image) return 0;
    const struct plan_view *low = a->offset < b->offset ? a : b, *high = low == a ? b : a;
    size_t size = kern_type_size(low->type), apart = high->offset - low->offset;
    return apart >= (size_t)low->c * size &&
           apart + (size_t)high->c * size <= (size_t)low->px * size;
}

static void check_apart(const struct plan_view *a, const struct plan_view *b, int batch) {
    struct range x = range_of(a, batch), y = range_of(b, batch);
    assert_true(x.last <= y.first || y.last <= x.first || are_slices(a, b));
}

static void check_pair(const struct plan_graph *g, int consumer) {
    const struct plan_step *s = &g->steps[consumer], *producer = &g->steps[s->producer];
    assert_true(s->producer < consumer);
    assert_int_equal(producer->consumer, consumer);
    assert_int_equal(producer->kind, PLAN_CONV);
    assert_int_equal(s->in.offset, producer->out.offset);
    check_apart(&s->out, &producer->in, g->batch);
    /* nothing in between writes over what the first reads */
    for (int i = s->producer + 1; i < consumer; i++)
        check_apart(&g->steps[i].out, &producer->in, g->batch);
    pairs++;
}

static struct plan_graph *plan(const struct net *net, const struct plan_rules *rules, int h,
                               int w) {
    struct plan_graph *g;
    if (plan_make(net, rules, 2, w, h, &g) != 0) fail_msg("%s", err_text());
    return g;
}

static void check_net(struct blobmaker *m, graphs_fn *fn, int h, int w, const char *what) {
    (void)what;
    const struct plan_rules rules = {.pixel_align = 16, .separate_depthwise = 1};
    struct blob *blob = blobmaker_finish(m);
    struct net *net = graphs_build(blob, fn);
    if (fold_net(net) != 0) fail_msg("%s", err_text());
    struct plan_graph *apart = plan(net, &rules, h, w), *fused = plan(net, NULL, h, w);
    int inside = 0, pooled = 0, before = pairs;
    for (int i = 0; i < fused->nsteps; i++) {
        inside += fused->steps[i].fused.node >= 0;
        pooled += fused->steps[i].fused.node >= 0 && fused->steps[i].kind == PLAN_POOL;
        assert_int_equal(fused->steps[i].producer, -1);
        assert_int_equal(fused->steps[i].consumer, -1);
    }
    for (int i = 0; i < apart->nsteps; i++) {
        assert_int_equal(apart->steps[i].fused.node, -1);
        if (apart->steps[i].producer >= 0) check_pair(apart, i);
    }
    assert_int_equal(pairs - before, inside - pooled); /* the same ones that a processor fuses */
    maxima += pooled;
    assert_int_equal(apart->nsteps, fused->nsteps + inside);
    assert_int_equal(apart->macs, fused->macs);
    plan_free(apart);
    plan_free(fused);
    net_free(net);
    blob_close(blob);
    blobmaker_close(m);
}

static void test_named(void **state) {
    (void)state;
    graphs_tensorflow(check_net);
    graphs_deep(check_net);
    graphs_wide(check_net);
    assert_true(pairs > 0);
}

/* What the first of a pair reads is read by nobody else: memory that invites the second's result.
 */
static void chain(struct net *net) {
    net_value x = net_relu(net, net_conv(net, net_input(net), "c", 1, 1));
    for (int i = 0; i < 4; i++) {
        x = net_relu(net, net_conv(net, x, "d", 1 + i % 2, 1));
        x = net_relu(net, net_conv(net, x, "p", 1, 0));
    }
    net_output(net, x, "y");
}

static void test_chain(void **state) {
    (void)state;
    struct blobmaker m;
    int before = pairs;
    blobmaker_open(&m, 1);
    blobmaker_meta(&m, "\"bn_eps\":\"{}\"");
    blobmaker_tensor(&m, "c.weight", -0.2f, 0.2f, 16, 3, 3, 3);
    blobmaker_tensor(&m, "d.weight", -0.2f, 0.2f, 16, 1, 3, 3);
    blobmaker_tensor(&m, "p.weight", -0.2f, 0.2f, 16, 16, 1, 1);
    check_net(&m, chain, 40, 24, "chain");
    assert_int_equal(pairs, before + 4);
}

/* Three of the pattern's maxima are taken up, those that others read, or that overlap, are not. */
static void test_pooled(void **state) {
    (void)state;
    graphs_pooled(check_net);
    assert_int_equal(maxima, 6 * 3);
}

static void test_random(void **state) {
    (void)state;
    graphs_random(300, check_net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_pooled),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
