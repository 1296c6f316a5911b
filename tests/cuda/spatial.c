#include "tests/cuda/spatial.h"

#include "tests/cuda/epilogues.h"

#include <math.h>
#include <stdlib.h>

/* Steps, blocks, edges and what lies between pixels; for each output, by its definition. */
void test_gather(void) {
    struct tensor in;
    struct epilogue x;
    struct cuda_launch l;
    int linear = one_in(3), block = !linear && one_in(2) ? 2 : 1, batch = draw(1, 3);
    int c = draw(1, 60), step = block > 1 || one_in(2) ? 1 : 2, in_h = draw(2, 9);
    int in_w = draw(2, 9), channels = c * block * block + draw(0, 5), from = draw(-1, 2);
    int first = channels - c * block * block, h = draw(1, 16), w = draw(1, 16);
    tensor_make(&in, random_type(), batch, in_h, in_w, linear ? c : channels,
                TENSOR_INPUT | (one_in(2) ? TENSOR_ALIGNED : 0), NULL);
    epilogue_make(&x, batch, h, w, c, 0, 1);
    struct places rows = {.kind = linear ? PLACES_LINEAR : PLACES_STEP,
                          .n = in_h,
                          .out = h,
                          .from = from,
                          .step = step,
                          .block = block,
                          .half = 0.5f,
                          .num = (float)in_h,
                          .den = (float)h};
    struct places columns = rows;
    columns.n = in_w, columns.out = w, columns.num = (float)in_w, columns.den = (float)w;
    struct cuda_gather p = {.in = in.v, .e = x.e, .rows = rows, .columns = columns};
    p.channels = (struct places_channels){.from = linear ? 0 : first,
                                          .axes = 1,
                                          .count = {c},
                                          .step = {linear ? 1 : block * block},
                                          .phase_row = block > 1 ? block : 0,
                                          .phase_column = block > 1};
    p.run = p.channels.step[0] == 1;
    describe(linear ? "between pixels" : "gather", &in, &x);
    double *sums = sums_for(&x), *to = sums;
    for (int i = 0; i < batch * h * w; i++)
        for (int j = 0; j < c; j++, to++) {
            int b = i / w / h, y = from + step * (i / w % h), col = from + step * (i % w);
            double sy = fmin(fmax((i / w % h + 0.5) * in_h / h - 0.5, 0), in_h - 1);
            double sx = fmin(fmax((i % w + 0.5) * in_w / w - 0.5, 0), in_w - 1);
            for (int row = 0; linear && row < in_h; row++)
                for (int column = 0; column < in_w; column++)
                    *to += fmax(0, 1 - fabs(row - sy)) * fmax(0, 1 - fabs(column - sx)) *
                           tensor_value(&in, b, row, column, j);
            if (linear || y < 0 || col < 0 || y >= in_h * block || col >= in_w * block) continue;
            *to = tensor_value(&in, b, y / block, col / block,
                               first + (j * block + y % block) * block + col % block);
        }
    struct cuda_machine m = random_machine();
    cuda_choose_gather(&plain, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    cuda_choose_gather(&m, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    free(sums);
    tensor_free(&in);
    epilogue_free(&x);
}

/* ONNX's Resize, cubic, half a pixel: what tap k of place `at` counts. */
static double cubic_share(double at, int k, double a) {
    double s = fabs(at - floor(at) + 1 - k);
    return s <= 1 ? ((a + 2) * s - (a + 3)) * s * s + 1 : ((a * s - 5 * a) * s + 8 * a) * s - 4 * a;
}

static double between_four(const struct tensor *in, int b, double y, double x, int c) {
    double sum = 0;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++) {
            double row = fmin(fmax(floor(y) - 1 + i, 0), in->v.h - 1);
            double column = fmin(fmax(floor(x) - 1 + k, 0), in->v.w - 1);
            sum += cubic_share(y, i, -0.75) * cubic_share(x, k, -0.75) *
                   tensor_value(in, b, (int)row, (int)column, c);
        }
    return sum;
}

/* Between four rows and columns, and all values as they lie in a map of another size. */
void test_reshape(void) {
    struct tensor in;
    struct epilogue x;
    struct cuda_launch l;
    int cubic = one_in(2), batch = draw(1, 3), in_h = draw(1, 9), in_w = draw(1, 9);
    int c = draw(1, 40), channels = cubic ? c : draw(1, 12), h = cubic ? draw(1, 16) : in_h;
    int w = cubic ? draw(1, 16) : c;
    if (!cubic) c = in_w * channels; /* the map's columns and channels, w times */
    tensor_make(&in, random_type(), batch, in_h, cubic ? in_w : in_w * w, channels,
                TENSOR_INPUT | (one_in(2) ? TENSOR_ALIGNED : 0), NULL);
    epilogue_make(&x, batch, h, w, c, 0, 1);
    struct places rows = {.kind = cubic ? PLACES_CUBIC : PLACES_FLAT,
                          .n = in_h,
                          .out = h,
                          .step = 1,
                          .block = 1,
                          .half = 0.5f,
                          .num = (float)in_h,
                          .den = (float)h,
                          .bend = -0.75f};
    struct places columns = rows;
    columns.n = in_w, columns.out = w, columns.num = (float)in_w, columns.den = (float)w;
    struct cuda_gather p = {.in = in.v, .e = x.e, .rows = rows, .columns = columns};
    describe(cubic ? "between four" : "reshape", &in, &x);
    double *sums = sums_for(&x), *to = sums;
    for (int i = 0; i < batch * h * w; i++)
        for (int j = 0; j < c; j++, to++) {
            int b = i / w / h, y = i / w % h, col = i % w, at = (y * w + col) * c + j;
            if (cubic)
                *to = between_four(&in, b, (y + 0.5) * in_h / h - 0.5, (col + 0.5) * in_w / w - 0.5,
                                   j);
            else
                *to = tensor_value(&in, b, at / channels / in.v.w, at / channels % in.v.w,
                                   at % channels);
        }
    struct cuda_machine m = random_machine();
    cuda_choose_gather(&plain, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    cuda_choose_gather(&m, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    free(sums);
    tensor_free(&in);
    epilogue_free(&x);
}

void test_norm(void) {
    struct tensor in;
    struct epilogue x;
    struct cuda_launch l;
    int batch = draw(1, 3), groups = draw(1, 6), width = draw(1, 20), h = draw(1, 12);
    int w = draw(1, 12), pixels = one_in(2), c = groups * width, area = pixels ? 1 : h * w;
    tensor_make(&in, random_type(), batch, h, w, c, TENSOR_INPUT, NULL);
    epilogue_make(&x, batch, h, w, c, 0, 1);
    struct cuda_norm p = {
        .in = in.v, .e = x.e, .groups = groups, .pixels = pixels, .epsilon = 0.1f};
    describe("normalisation", &in, &x);
    double *sums = sums_for(&x);
    for (int from = 0; from < batch * h * w; from += area)
        for (int g = 0; g < groups; g++) {
            double sum = 0, squares = 0;
            for (int i = 0; i < area * width; i++) {
                int at = from + i / width, j = g * width + i % width;
                double v = tensor_value(&in, at / w / h, at / w % h, at % w, j);
                sum += sums[at * c + j] = v;
            }
            double mean = sum / (area * width);
            for (int i = 0; i < area * width; i++)
                squares += pow(sums[(from + i / width) * c + g * width + i % width] - mean, 2);
            for (int i = 0; i < area * width; i++) {
                double *v = &sums[(from + i / width) * c + g * width + i % width];
                *v = (*v - mean) / sqrt(squares / (area * width) + (double)p.epsilon);
            }
        }
    cuda_choose_norm(&plain, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    free(sums);
    tensor_free(&in);
    epilogue_free(&x);
}
