/*
 * cluster.h - unnamed faces as groups, each of which is one person.
 *
 * Two groups become one where the cosine of their faces' means is at least `join`, the most similar
 * groups first: the score that a template of several samples has. A chain of faces, each like the
 * next, is no group then, as it is where one similar pair is enough. The means follow from the
 * scores of each face's exact neighbours in an index (the `neighbours` best, from `least` on); a
 * pair that is not among them counts as `unknown`. So memory is bounded by faces times neighbours,
 * and the groups are the same for any number of threads and any order of the faces.
 *
 * Groups found before stay as they are, also where two of their faces were told apart since: a new
 * face joins one, makes one with other new faces, or waits, and two groups that were told apart
 * never become one.
 */
#ifndef MIEN_GALLERY_CLUSTER_H
#define MIEN_GALLERY_CLUSTER_H

#include "gallery/index.h"

struct cluster_options {
    float join, least, unknown; /* scores; 0, 0 and 0: those of cluster_usual */
    int neighbours;             /* 0: that of cluster_usual */
    /* As of mien_gallery_cluster_options. */
    int (*progress)(void *context, double share);
    void *context;
};
extern const struct cluster_options cluster_usual;

struct cluster_face {
    int64_t id;    /* of a row of the index; no two are the same */
    int64_t group; /* in: the group it is in, out: is in now. GROUP_NONE: none, it waits. A new
                    * group is called by the least id of its faces. */
};

/* Two faces that are two persons. */
struct cluster_apart {
    int64_t a, b;
};

/* faces: [n], in any order, sorted by id when it returns; other rows of the index do not count.
 * apart: [n_apart], pairs of ids. */
int cluster_run(struct index *x, const struct cluster_options *o, struct cluster_face *faces,
                size_t n, const struct cluster_apart *apart, size_t n_apart);

#endif
