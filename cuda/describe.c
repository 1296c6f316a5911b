#include "cuda/describe.h"

/* value: the node whose scales those of a tensor of bytes are; -1 where it has none. */
struct cuda_view cuda_describe_view(const struct cuda_run *run, const struct plan_view *v,
                                    int value) {
    return (struct cuda_view){
        .data = run->arena + v->offset,
        .scale = value >= 0 && v->type == KERN_U8 ? run->layers->layers[value].stored : NULL,
        .image = v->image,
        .row = (int32_t)v->row,
        .px = (int32_t)v->px,
        .h = v->h,
        .w = v->w,
        .c = v->c,
        .top = v->top,
        .left = v->left,
        .bottom = v->bottom,
        .right = v->right,
        .type = (int32_t)v->type,
        .zero = v->zero,
    };
}

struct cuda_epilogue cuda_describe_epilogue(const struct cuda_run *run, const struct plan_step *s) {
    const struct plan_graph *g = run->graph;
    struct cuda_epilogue e = {
        .out = cuda_describe_view(run, &s->out, s->out_value),
        .slope = cuda_slope(run->layers, g->net, s->slope),
        .alpha = s->alpha,
        .beta = s->beta,
        .bias_classes = 1,
        .act = (int32_t)s->act,
        .has_res = s->has_res,
        .res_after = s->res_after,
        .res_mul = s->res_mul,
        .res_shift = s->res_shift,
        .batch = g->batch,
    };
    if (s->out.type == KERN_U8) e.inverse = run->layers->layers[s->out_value].inverse;
    if (s->has_res) e.res = cuda_describe_view(run, &s->res, s->res_value);
    return e;
}

static struct cuda_epilogue conv_epilogue(const struct cuda_run *run, const struct plan_step *s) {
    const struct cuda_layer *layer = &run->layers->layers[s->node];
    struct cuda_epilogue e = cuda_describe_epilogue(run, s);
    e.bias = layer->bias;
    e.bias_classes = layer->bias_classes;
    e.acc_scale = layer->acc_scale;
    return e;
}

/* A convolution of one group, before anybody is chosen for it. */
struct cuda_conv cuda_describe_conv(const struct cuda_run *run, const struct plan_step *s) {
    const struct cuda_layer *layer = &run->layers->layers[s->node];
    return (struct cuda_conv){.in = cuda_describe_view(run, &s->in, s->in_value),
                              .e = conv_epilogue(run, s),
                              .weights = layer->weights,
                              .taps = layer->taps,
                              .across = layer->across,
                              .depth = layer->depth,
                              .depth_pad = layer->depth_pad,
                              .k_pad = layer->k_pad,
                              .stride = layer->stride,
                              .pad_top = s->pad_top,
                              .pad_left = s->pad_left,
                              .gap = layer->dilation - 1,
                              .splits = 1};
}

/* Any other. */
struct cuda_gconv cuda_describe_gconv(const struct cuda_run *run, const struct plan_step *s) {
    const struct cuda_layer *layer = &run->layers->layers[s->node];
    return (struct cuda_gconv){.in = cuda_describe_view(run, &s->in, s->in_value),
                               .e = conv_epilogue(run, s),
                               .weights = (const float *)(void *)layer->weights,
                               .kh = layer->kh,
                               .kw = layer->kw,
                               .stride = layer->stride,
                               .pad_top = s->pad_top,
                               .pad_left = s->pad_left,
                               .gap = layer->dilation - 1,
                               .groups = layer->groups};
}

/* A 1x1 together with the depthwise convolution in front of it. */
struct cuda_separable cuda_describe_separable(const struct cuda_run *run,
                                              const struct plan_step *s) {
    return (struct cuda_separable){.depthwise =
                                       cuda_describe_gconv(run, &run->graph->steps[s->producer]),
                                   .pointwise = cuda_describe_conv(run, s)};
}
