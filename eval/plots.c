#include "eval/plots.h"

#include <stdio.h>

/* Figures of groups are shown where there are some. */
static int has_groups(const struct report *r) {
    for (int i = 0; i < r->nrows; i++)
        if (r->rows[i].nby) return 1;
    return 0;
}

int plots_count(const struct report *r) {
    return (r->ncurves > 0) + r->ncalibrations + r->nconfusions + (has_groups(r) ? r->ncolumns : 0);
}

int plots_draw(const struct report *r, int i, mien_image **out, char name[PLOT_NAME]) {
    struct canvas c = {NULL, MIEN_OK};

    if (r->ncurves > 0 && i-- == 0) {
        snprintf(name, PLOT_NAME, "%s-%s.png", r->curves[0].y, r->curves[0].x);
        if (r->curves[0].title)
            plot_det(&c, r);
        else
            plot_curves(&c, r);
    } else if (i < r->ncalibrations) {
        snprintf(name, PLOT_NAME, "calibration-%s.png", r->calibrations[i].subject);
        plot_calibration(&c, &r->calibrations[i]);
    } else if (i < r->ncalibrations + r->nconfusions) {
        i -= r->ncalibrations;
        snprintf(name, PLOT_NAME, "confusion-%s.png", r->confusions[i].subject);
        plot_confusion(&c, &r->confusions[i]);
    } else {
        i -= r->ncalibrations + r->nconfusions;
        snprintf(name, PLOT_NAME, "groups-%s-%s.png", r->columns[i].subject, r->columns[i].name);
        plot_groups(&c, r, i);
    }
    *out = c.image;
    if (c.rc == MIEN_OK) return MIEN_OK;
    mien_image_free(c.image);
    *out = NULL;
    return c.rc;
}
