/* The weights' side of Winograd's F(4x4, 3x3): done once, when a network is loaded. */
#include "kernels/kern.h"

void kern_winograd_weights(const float *w, float *out, ptrdiff_t plane) {
    /* G: row of point p is (1, p, p^2) / product of (p - q) over the other points q; see
     * winograd.inc */
    const double a = 0.70710678118654752440, b = 1.41421356237309504880;
    const double g[6][3] = {
        {1, 0, 0},
        {1 / -1.5, a / -1.5, 0.5 / -1.5},
        {1 / -1.5, -a / -1.5, 0.5 / -1.5},
        {1 / 6.0, b / 6.0, 2 / 6.0},
        {1 / 6.0, -b / 6.0, 2 / 6.0},
        {0, 0, 1},
    };
    double half[6][3]; /* G w */
    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 3; x++)
            half[y][x] = g[y][0] * w[x] + g[y][1] * w[3 + x] + g[y][2] * w[6 + x];
    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 6; x++)
            out[(y * 6 + x) * plane] =
                (float)(half[y][0] * g[x][0] + half[y][1] * g[x][1] + half[y][2] * g[x][2]);
}
