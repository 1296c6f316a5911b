/*
 * picture.h - a picture of a request: its bytes decoded within the server's limits, its analysis
 * run by the batcher, and what to answer where either fails.
 */
#ifndef MIEN_SERVER_PICTURE_H
#define MIEN_SERVER_PICTURE_H

#include "analysis/analysis.h"
#include "server/request.h"

struct uploads;

struct picture {
    struct request *request;
    const struct analysis_options *options;
    mien_image *image;
    size_t budget;             /* bytes acquired of the server's memory for pictures */
    struct analysis *analysis; /* NULL where it was not begun */
    double seconds[STAGES_MAX];
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
/* Analyses all uploads, into at[uploads->n], whose elements need not be initialised. Returns 0
 * where all are good, or keep_bad and those that are not say why; -1 after replying. Free
 * them with pictures_free(), which lets all-zero ones through. options must stay until then. */
int pictures_run(struct request *r, const struct analysis_options *options,
                 const struct uploads *uploads, struct picture *at, int keep_bad);
void pictures_free(struct picture *at, int n);

#endif
