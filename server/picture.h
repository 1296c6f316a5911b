/*
 * picture.h - a picture of a request: its bytes decoded within the server's limits, its analysis
 * run by the batcher, and what to answer where either fails.
 */
#ifndef MIEN_SERVER_PICTURE_H
#define MIEN_SERVER_PICTURE_H

#include "analysis/analysis.h"
#include "server/batch.h"
#include "server/request.h"
#include "server/turns.h"

struct uploads;

struct picture {
    struct request *request;
    const struct analysis_options *options;
    mien_image *image;
    size_t budget;             /* bytes acquired of the server's memory for pictures */
    struct analysis *analysis; /* NULL where it was not begun */
    double seconds[STAGES_MAX];
    struct turn turn; /* while it is decoded */
    int has_turn;
    double asked;       /* then: when the request was last looked at */
    double passed;      /* and when others were last let go first */
    double begun, took; /* seconds; stages overlap, so that their sum may be more */

    /* Why it failed: an HTTP status, 0 where it did not. */
    int status;
    const char *code;
    char why[512];
    int is_over; /* given up: the request's deadline has come or its client has gone */
};

/* 0 where there are networks that give each of these (bits 1 << enum mien_result); -1 after
 * replying 404. */
int pictures_check(struct request *r, unsigned results);
/* The pictures of a request, and all that the batcher looks at while it runs their steps: that is
 * theirs, because the request may be answered before a run has ended. */
struct pictures {
    struct server *server;
    struct models *models; /* a share of its own */
    struct client *client; /* a hold of its own */
    struct analysis_options options;
    struct batch_group group;
    int n;
    struct picture at[]; /* [n] */
};

/* Analyses all uploads. Returns them where all are good, or keep_bad and those that are not say
 * why; NULL after replying. Free them with pictures_free(). */
struct pictures *pictures_run(struct request *r, const struct analysis_options *options,
                              const struct uploads *uploads, int keep_bad);
/* NULL: nothing. */
void pictures_free(struct pictures *pictures);

#endif
