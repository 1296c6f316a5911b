/*
 * analysis.h - what is found in a picture, and the steps that find it.
 *
 * A step is a network: it needs the picture or the faces that another step has found in it, and
 * runs as soon as that is there. The tool and the server work through the same steps; how a run
 * comes about is their runner's business (runner.h).
 */
#ifndef MIEN_ANALYSIS_ANALYSIS_H
#define MIEN_ANALYSIS_ANALYSIS_H

#include "analysis/faces.h"
#include "analysis/measures.h"
#include "analysis/runner.h"
#include "analysis/stages.h"

/* A set of steps: bit i is that of networks.at[i]. */
typedef unsigned steps_t;

/* Faces that were found in the picture before: as they are in the analysis that found them. */
struct analysis_given {
    const mien_face *faces; /* [n] */
    int n, turned;          /* degrees */
};

struct analysis_options {
    steps_t steps; /* those without a network are left out */
    mien_detect_options detect;
    int top;             /* classes */
    enum face_pick pick; /* which faces are kept */
    enum networks_method method;
    struct networks_told told; /* attributes; a network of which none is does not run */
    int aligned;               /* the picture is an aligned face: nothing is looked for */
    int quality;               /* faces are measured: pose and quality */
    int keep_crop;             /* that of the face the gate means is kept, without the picture */
    int all_pixels; /* faces are looked for in all of them, even where nothing else is wanted */
    const struct analysis_given *given; /* NULL: faces are looked for; read by analysis_begin() */
};

struct analysis {
    const struct networks *networks;
    const struct analysis_options *options;
    const mien_image *image;
    int width, height;                              /* of the upright original */
    char warning[sizeof((mien_image *)0)->warning]; /* the image's */
    int nfaces;
    mien_face *faces;          /* [nfaces] by falling score */
    int turned;                /* degrees by which the picture was turned clockwise to find them */
    mien_image *upright;       /* the picture turned so, and */
    mien_face *upright_faces;  /* the faces in it, where networks look at them; else NULL */
    struct measures *measures; /* [nfaces], where options ask for them; else NULL */
    struct item measuring;     /* takes them */
    int measured;              /* it has run */
    struct item item[NETWORKS_MAX]; /* by position in networks.at */
    steps_t begun, done;            /* steps that were submitted; that gave their results */
    double seconds[NETWORKS_MAX];   /* a step's, or its part of a run with others */
    double aligning;                /* seconds of that which aligned faces */
    int rc;                         /* MIEN_OK, or why the first step that failed did */
    char why[512];
    int cropped;                    /* 1 + the face whose crop is kept; 0: none is */
    uint8_t crop[FACES_CROP_BYTES]; /* of it, or of an aligned picture */
};

/* The steps that give this, of a set of networks. */
steps_t analysis_steps(const struct networks *networks, enum mien_result result);
/* Adds the steps that those wanted need: faces have to be found before they are looked at. */
steps_t analysis_with_needs(const struct networks *networks, steps_t steps);
/* The smallest long side a picture may be decoded at for these options (mien_decode_options); 0: it
 * is wanted whole. */
int analysis_min_side(const struct networks *networks, const struct analysis_options *options);
/* How many networks will look at the picture. */
int analysis_looks(const struct networks *networks, const struct analysis_options *options);

/* Makes *a the analysis of a picture that is decoded, and submits what can be. image, networks and
 * options must stay until analysis_free(); free it in any case. */
void analysis_begin(struct analysis *a, const struct networks *networks,
                    const struct analysis_options *options, const mien_image *image,
                    struct runner *runner);
/* Waits for what was submitted and goes on until nothing is left of n analyses, all of one runner:
 * 0; -1 where the runner gave them up. */
int analysis_end(struct analysis *const *list, int n, struct runner *runner);
void analysis_free(struct analysis *a);

/* Is attribute t of the network at that position told? */
int analysis_tells(const struct analysis *a, int network, int t);
/* The results of a step that is done; NULL where it has none. */
const struct item *analysis_item(const struct analysis *a, enum mien_result result);
/* Those of one network among several that give the same; NULL where it has none. */
const struct item *analysis_item_of(const struct analysis *a, const struct network *network);
/* The embedding of face i, [item_width()]; NULL where there is none. */
const float *analysis_embedding(const struct analysis *a, int i);

#endif
