/* Which face of several is meant. */
#include "mien.h"

#include <math.h>

/* Size x centre x score, as mien.h says. */
static double weight(const mien_face *f, double width, double height) {
    double size = (double)(f->box[2] - f->box[0]) * (double)(f->box[3] - f->box[1]);
    double dx = ((double)f->box[0] + (double)f->box[2] - width) / 2;
    double dy = ((double)f->box[1] + (double)f->box[3] - height) / 2;
    double centre = 1 - hypot(dx, dy) / (hypot(width, height) / 2);
    return size / (width * height) * centre * (double)f->score;
}

int mien_main_face(const mien_face *faces, int n, int width, int height) {
    int best = faces && n > 0 ? 0 : -1;
    for (int i = 1; faces && i < n; i++)
        if (weight(&faces[i], width, height) > weight(&faces[best], width, height)) best = i;
    return best;
}
