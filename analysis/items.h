/*
 * items.h - one picture, or the faces of one, for one network; and runs of many of them.
 *
 * Items of several pictures run as one call of mien.h where they want the same, because networks
 * are faster that way; results do not depend on what an item runs with.
 */
#ifndef MIEN_ANALYSIS_ITEMS_H
#define MIEN_ANALYSIS_ITEMS_H

#include "analysis/networks.h"

enum { ITEM_ALSO = NETWORKS_MAX - 1 };

/* What is pointed to stays the owner's and must live until the item has run. */
struct item {
    const struct network *network; /* NULL: it brings its own work, `call` */
    /* Of its n, those from `from` on: alone in its run; returns a MIEN_E code. */
    int (*call)(void *context, int from, int n);
    void *context;
    const mien_image *image;           /* NULL where crops are given */
    const mien_face *faces;            /* of networks that look at faces: [n] */
    const uint8_t *crops;              /* embedders: instead of both, [n] aligned crops */
    int n;                             /* faces; 1 where it is the image that is looked at */
    const mien_detect_options *detect; /* detectors; items of different options do not mix */
    int top;                           /* classifiers: classes wanted */
    /* Further networks that look at the faces in the same run, of which that of the first is most
     * (mien_net_shares()). */
    const struct network *also[ITEM_ALSO];
    int nalso;

    /* Results, valid where rc is MIEN_OK; by malloc, the owner's to free. */
    mien_face *found; /* [nfound] */
    int nfound;
    int turned;          /* degrees by which the picture was turned clockwise to find them */
    mien_class *classes; /* [top] */
    float *values;       /* of embeddings or attributes: [n][item_width()] */
    float *also_values[ITEM_ALSO]; /* the same of the further networks */
    float *norms;    /* where one of them embeds: its embeddings' lengths before they were made 1 */
    int rc;          /* a MIEN_E code, MIEN_ENOMEM too */
    char why[512];   /* its sentence */
    double seconds;  /* the run took */
    double part;     /* this item's part of the run, 0..1 */
    double aligning; /* the part of the run that aligned faces, 0..1 */
    double also_part[ITEM_ALSO]; /* the part that was the further networks' alone, 0..1 */

    /* Of who runs it (runner.h). */
    struct item *next;
    void *group;
    int state;
    int ran; /* of n, where it runs in pieces */
    /* Asked before each look of a run it is the first of: other items may run meanwhile; other than
     * 0 gives the run up. NULL: nothing is asked. */
    int (*stop)(void *stop_context);
    void *stop_context;
    double arrived, submitted, waited; /* seconds */
};

/* Values an item of this network has for each of its n. */
int item_width(const struct network *network);
/* What an item is of a run's size: as many looks at a picture or face as it takes, more or less. */
int item_looks(const struct item *item);
/* 1 where b may run with a. */
int items_join(const struct item *a, const struct item *b);
/* Runs n items of one kind. Where that fails each runs alone, so that what is wrong with one is its
 * own. */
void items_run(struct item *const *items, int n);
/* Runs the next n of an item of many, alone: item->ran is how many have, and its results are there
 * when all have. They are what one run gives. */
void item_run_piece(struct item *item, int n);
/* Frees the results. */
void item_clear(struct item *item);

#endif
