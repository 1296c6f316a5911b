/*
 * layer.h - a node's weights as the kernels read them, and the algorithm they are for.
 */
#ifndef MIEN_ENGINE_CPU_LAYER_H
#define MIEN_ENGINE_CPU_LAYER_H

#include "engine/net.h"
#include "kernels/kern.h"

enum cpu_algorithm {
    CPU_NONE,
    CPU_IGEMM,     /* tiles read the tensor in place: no matrix is built; of a layer with groups, a
                      panel reads the groups its channels lie in, with zeros for weights between
                      one's outputs and another's inputs */
    CPU_WINOGRAD,  /* 3x3 stride 1 on maps of some size: F(4x4, 3x3) */
    CPU_GEMM,      /* 1x1, stride 1: the tensor is the matrix */
    CPU_IM2COL,    /* windows copied into rows, then gemm */
    CPU_DEPTHWISE, /* one input channel an output channel */
    CPU_GROUPED,   /* anything else with groups, where there is no tile for it */
    CPU_GEMV       /* fully connected */
};

/* A node's weights, packed. */
struct cpu_layer {
    enum cpu_algorithm algorithm;
    enum kern_type type; /* of the weights: KERN_U8 stands for int8_t with a scale a channel */
    void *weights;       /* IGEMM: panels of igemm->nr channels, as kern_tile_fn says;
                            WINOGRAD: [ceil(cout/nr)][36][cin][nr], zeros beyond cout;
                            GEMM, IM2COL: [kh*kw*cin][cout]; DEPTHWISE: [kh*kw][c];
                            GROUPED: [kh*kw][cin/groups][cout]; GEMV: [cout][kh*kw*cin] */
    float *bias;         /* [bias_classes][cout] */
    int bias_classes;
    float *acc_scale;     /* [cout] where the products are integers, else NULL */
    float *inverse;       /* [c], 1 / scale of a value stored as bytes, else NULL */
    float *scale, *shift; /* AFFINE: [c] */
    float *slope;         /* PReLU of this ACT node: [c] */
    int kh, kw, stride, groups, cin, cout;
    int dilation, reach;            /* pixels from tap to tap; rows a window spans */
    const struct kern_igemm *igemm; /* IGEMM, WINOGRAD: the tile, owned by the backend's table */
    int nr;                         /* channels a panel */
    int depth;                      /* IGEMM: input channels a panel reads */
    int joined; /* IGEMM: the weights take a window's row, kw pixels, as one run of elements */
};

enum { CPU_ALIGN = 64 /* bytes, of each of a layer's arrays */ };

/* Whatever changes the packed bytes of a layer of the same algorithm and geometry changes this
 * number, or old cache files would be taken for new ones. */
enum { CPU_PACK_LAYOUT = 1 };

/* The three steps of loading a layer: its algorithm and geometry; its arrays, laid out from base on
 * (NULL: only their size counts), which returns the bytes they take; what is in them. pixels: of
 * the node's value at the network's default size. */
void cpu_shape_layer(const struct kern *k, const struct net *net, const struct net_node *n,
                     int pixels, struct cpu_layer *l);
size_t cpu_place_layer(const struct net *net, const struct net_node *n, struct cpu_layer *l,
                       char *base);
int cpu_pack_layer(const struct net *net, const struct net_node *n, const struct cpu_layer *l);

/* IGEMM: the first input channel that the panel of output channel c reads. */
int cpu_panel_input(const struct cpu_layer *l, int c);

#endif
