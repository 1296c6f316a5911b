/*
 * search_views.h - the looks that a search gives its images: scales, parts of them and turned
 * copies, which run side by side, and what each is believed.
 */
#ifndef MIEN_TASKS_SEARCH_VIEWS_H
#define MIEN_TASKS_SEARCH_VIEWS_H

#include "tasks/detect.h"
#include "vision/nms.h"

enum {
    SCALES = 3,        /* of an image, at most */
    LOOKS_AT_ONCE = 64 /* results of so many are held */
};

/* One scale an image is looked at. */
struct scale {
    int side;        /* of the whole image */
    float most_face; /* pixels of the look */
    int in_parts;
};

/* One look of an image, of a part of it or of a turned copy. */
struct view {
    const mien_image *image;
    mien_image part;       /* of image; no pixels: all of it */
    int x, y;              /* where the part lies, pixels of image */
    int picture, quarters; /* whose it is, and by how many quarters it is turned clockwise */
    int side, w, h;        /* of the look; of its input */
    float scale;           /* pixels of the look in one of image */
    float most_face;       /* pixels of the look */
    int is_patch;          /* only the score of the best face that stands is wanted */
};

/* What is found in an image turned by 0 to 3 quarters, in pixels of the original turned so. */
struct picture {
    struct candidates found[4];
    int quarters;   /* which are its faces */
    int is_good;    /* it is known to stand upright */
    float patch[4]; /* the best score of a face that stands, of its patches turned so */
};

struct search {
    mien_net *net;
    const mien_detect_options *options;
    const mien_image *const *images;
    struct picture *pictures; /* [n] */
    int n, most;              /* faces of an image */
    struct look_want want;    /* of a look */
    struct view *views;       /* [nviews], room for capacity */
    int nviews, capacity;
    mien_face *faces; /* [LOOKS_AT_ONCE][want.row] */
};

/* What speaks for an image standing upright when it is turned so. */
struct evidence {
    float sum, best; /* of the scores of faces that stand */
};

/* How often, and how large, an image is looked at; returns how many scales there are. The first
 * finds all faces that are not small. */
int views_scales(const mien_net *net, const mien_detect_options *o, const mien_image *img,
                 struct scale out[SCALES]);
int views_add(struct search *s, const struct view *view);
/* Adds what a scale wants to see of image, that of a picture turned by so many quarters. */
int views_add_scale(struct search *s, int picture, const mien_image *image, int quarters,
                    const struct scale *scale);
/* Runs the views that were added, and has none then. */
int views_run(struct search *s);
/* One suppression for all looks of an image turned so. */
void views_settle(const struct search *s, int picture, int quarters);
struct evidence views_evidence(const struct candidates *found);

static inline int long_side(const mien_image *img) {
    return img->width > img->height ? img->width : img->height;
}

static inline int at_most(int v, int most) {
    return v < most ? v : most;
}

#endif
