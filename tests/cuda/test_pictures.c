/*
 * test_pictures.c - the two ends of a network on a GPU, or the emulated one that MIEN_LIBCUDA
 * names, against the CPU's code: pictures to inputs, and a detector's outputs to faces.
 *
 *     test_pictures [--seed N] [--count N]
 *
 * Pictures, boxes, filters, landmarks and outputs are random; the k-th case of a seed is always the
 * same. Pixels must be within 1e-3 of a grey level of the CPU's (in fp16, what those round to),
 * crops of faces equal, coordinates of faces within 1e-4 pixels, their order the same. Exit status
 * 77 where there is no device.
 */
#include "cuda/faces.h"
#include "cuda/pictures.h"
#include "cuda/shelf.h"
#include "engine/err.h"
#include "kernels/kern.h"
#include "tests/cuda/tensors.h"
#include "vision/align.h"
#include "vision/nms.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, MOST_BATCH = 4, MOST_SIDE = 160 };

static struct cuda_device device;
static struct kern kern;
static struct cuda_shelf shelf;

static void make_image(mien_image *img) {
    memset(img, 0, sizeof *img);
    img->width = draw(1, MOST_SIDE);
    img->height = draw(1, MOST_SIDE);
    img->pitch = 3 * img->width + (one_in(2) ? 0 : draw(1, 40));
    img->pixels = malloc((size_t)img->pitch * (size_t)img->height);
    for (ptrdiff_t i = 0; i < img->pitch * img->height; i++) img->pixels[i] = (uint8_t)draw(0, 255);
}

/* A box of the picture: parts of it, more than it, nothing of it, whole pixels. */
static struct rect_f make_box(const mien_image *img) {
    double w = img->width, h = img->height;
    struct rect_f b = {draw_real(-w, w), draw_real(-h, h), 0, 0};
    b.x1 = b.x0 + draw_real(0.5, 2 * w);
    b.y1 = b.y0 + draw_real(0.5, 2 * h);
    if (one_in(4)) b = (struct rect_f){0, 0, w, h};
    if (one_in(6)) b = (struct rect_f){w + 5, h + 7, w + 40, h + 30};
    return b;
}

/* Landmarks of a face of any size and place, turned. */
static mien_face make_face(const mien_image *img) {
    mien_face f = {0};
    double size = draw_real(0.1, 2) * img->width / 112, turn = draw_real(-3, 3);
    double cx = draw_real(-0.3, 1.3) * img->width, cy = draw_real(-0.3, 1.3) * img->height;
    if (one_in(8)) cx += 5 * img->width; /* nothing of it is there */
    for (int i = 0; i < 5; i++) {
        double x = size * (align_template[i][0] - 56), y = size * (align_template[i][1] - 56);
        f.landmarks[i][0] = (float)(cx + cos(turn) * x - sin(turn) * y + draw_real(-1, 1));
        f.landmarks[i][1] = (float)(cy + sin(turn) * x + cos(turn) * y + draw_real(-1, 1));
    }
    return f;
}

/* One image of a run, as the CPU makes it and as the device is told of it. */
struct item {
    mien_image img;
    struct resized cpu, gpu;
    int exact; /* bytes: floats that both say exactly */
};

static void prepare_scaled(struct item *it, int w, int h) {
    enum resize_filter filter = one_in(2) ? RESIZE_TRIANGLE : RESIZE_BILINEAR;
    if (one_in(3)) filter |= RESIZE_ZERO_OUTSIDE;
    struct rect_f box = make_box(&it->img);
    struct letterbox fit = letterbox_fit(it->img.width, it->img.height, w < h ? w : h);
    int whole = one_in(3);
    for (int k = 0; k < 2; k++) {
        struct resized *r = k ? &it->gpu : &it->cpu;
        int rc = whole ? resize_letterbox(r, &it->img, &fit, w, h, filter, 1)
                       : resize_picture(r, &it->img, &box, w, h, filter, 1);
        if (rc) test_fail("%s", err_text());
    }
    it->exact = it->cpu.copied;
}

static void prepare_crop(struct item *it, int w, int h) {
    if (it->img.width < w || it->img.height < h) {
        prepare_scaled(it, w, h);
        return;
    }
    struct rect_f box = {draw(0, it->img.width - w), draw(0, it->img.height - h), 0, 0};
    box.x1 = box.x0 + w;
    box.y1 = box.y0 + h;
    for (int k = 0; k < 2; k++)
        if (resize_picture(k ? &it->gpu : &it->cpu, &it->img, &box, w, h, RESIZE_TRIANGLE, 1))
            test_fail("%s", err_text());
    if (!it->cpu.copied) test_fail("a crop is not copied");
    it->exact = 1;
}

static void prepare_face(struct item *it) {
    mien_face face = make_face(&it->img);
    if (align_prepare(&it->cpu, &it->img, &face, 0) || align_prepare(&it->gpu, &it->img, &face, 1))
        test_fail("%s", err_text());
    it->exact = 1;
}

/* Two backends; 1 is the one that runs. */
static const struct backend *owner_of(int k) {
    static char owners[2];
    return (const struct backend *)(const void *)&owners[k];
}

/* The copy mien_image_upload() would make. */
struct fake_resident {
    void *ctx;
    struct backend_pixels pixels;
};

static void item_free(struct item *it) {
    struct mien_resident *r = it->img.resident;
    const struct backend_pixels *p = r ? &((struct fake_resident *)(void *)r)->pixels : NULL;
    if (p && p->owner == owner_of(1)) cuda_shelf_forget(&device, &shelf, p);
    free(r);
    free(it->img.pixels);
    resize_free(&it->cpu);
    resize_free(&it->gpu);
}

static void picture_of(void *context, int image, struct backend_picture *out) {
    resize_describe(&((struct item *)context)[image].gpu, out);
}

static void upload(struct item *it) {
    struct fake_resident *r = calloc(1, sizeof *r);
    it->img.resident = (struct mien_resident *)(void *)r;
    r->pixels = (struct backend_pixels){.owner = owner_of(0), .pitch = it->img.pitch};
    if (one_in(4)) return; /* another device's, which must not be read */
    if (cuda_shelf_upload(&device, &shelf, it->img.pixels, it->img.pitch, it->img.width,
                          it->img.height, &r->pixels))
        test_fail("%s", err_text());
    r->pixels.owner = owner_of(1);
}

static void compare_image(const struct item *it, const struct tensor *t, const unsigned char *now,
                          int b, const float *border) {
    const struct cuda_view *v = &t->v;
    float *rows = malloc((size_t)v->w * 3 * sizeof *rows);
    for (int y = -v->top; y < v->h + v->bottom; y++) {
        if (y >= 0 && y < v->h) resize_rows(&it->cpu, &kern, y, y + 1, KERN_F32, rows, 3 * v->w, 0);
        /* resize_rows writes as many rows as the input has, also below the picture */
        for (int x = -v->left; x < v->w + v->right; x++)
            for (int c = 0; c < v->px; c++) {
                int in = y >= 0 && y < v->h && x >= 0 && x < v->w;
                double want = c > 2 ? 0 : in ? rows[3 * x + c] : border[c];
                double got = tensor_read(t, now, tensor_at(t, b, y, x, c));
                double limit = it->exact ? 0 : 1e-3;
                if (v->type == CUDA_F16) limit += want / 2048;
                if (!(fabs(got - want) <= limit))
                    test_fail("image %d, pixel %d %d channel %d is %.9g, not %.9g", b, x, y, c, got,
                              want);
            }
    }
    free(rows);
}

static struct cuda_stage stage; /* kept over cases of any batch, as a plan keeps its own */
static int staged;

static void test_input(void) {
    struct item items[MOST_BATCH];
    int batch = draw(1, MOST_BATCH), faces = one_in(3);
    int w = faces ? MIEN_CROP_SIDE : draw(1, 90), h = faces ? MIEN_CROP_SIDE : draw(1, 90);
    memset(items, 0, sizeof items);
    snprintf(test_case, sizeof test_case, "input of %d images %dx%d%s", batch, w, h,
             faces ? ", faces" : "");
    for (int b = 0; b < batch; b++) {
        make_image(&items[b].img);
        if (one_in(2)) upload(&items[b]);
        if (faces && !one_in(4))
            prepare_face(&items[b]);
        else if (one_in(4))
            prepare_crop(&items[b], w, h);
        else
            prepare_scaled(&items[b], w, h);
        /* what the input has beyond the picture is black */
        if (items[b].cpu.row < w) items[b].cpu.row = w;
    }
    struct tensor t;
    int type = one_in(2) ? CUDA_F32 : CUDA_F16;
    tensor_make(&t, type, batch, h, w, 3, 0, NULL);
    float border[3];
    for (int c = 0; c < 3; c++) border[c] = (float)draw(0, 255);
    struct net net = {.input_border = border};
    struct plan_graph g = {.net = &net,
                           .batch = batch,
                           .width = w,
                           .height = h,
                           .input = {.image = t.v.image,
                                     .row = t.v.row,
                                     .px = t.v.px,
                                     .type = type == CUDA_F32 ? KERN_F32 : KERN_F16,
                                     .h = h,
                                     .w = w,
                                     .c = 3,
                                     .top = t.v.top,
                                     .left = t.v.left,
                                     .bottom = t.v.bottom,
                                     .right = t.v.right}};
    struct cuda_run run = {.device = &device,
                           .machine = {.processors = 4, .capability = 80},
                           .graph = &g,
                           .stream = gpu_stream,
                           .arena = t.v.data};
    struct backend_input input = {.picture = picture_of, .context = items};
    if (staged && staged < batch) cuda_stage_free(&device, &stage);
    if (staged < batch) staged = batch;
    if (!stage.pictures) stage.pictures = calloc((size_t)staged, sizeof *stage.pictures);
    if (cuda_pictures_bring(&run, owner_of(1), &stage, &input)) test_fail("%s", err_text());
    test_check(gpu->stream_wait(gpu_stream), "wait");
    unsigned char *now = tensor_down(&t);
    for (int b = 0; b < batch; b++) compare_image(&items[b], &t, now, b, border);
    free(now);
    tensor_free(&t);
    for (int b = 0; b < batch; b++) item_free(&items[b]);
    arrays_free();
}

enum { LEVELS = 3, FIRST = 3 /* what the run's first image is called */ };

/* What was compared; most: candidates of an image that were not too many. */
static struct { int images, left, faces, most; } seen;

/* A detector's outputs, random, and what is asked of them. */
struct detector {
    struct anchor_spec spec;
    struct plan_view outputs[3 * LEVELS];
    struct net net;
    struct plan_graph g;
    float *values; /* as in cuda_run.output */
    struct faces_post want;
    struct faces_place places[MOST_BATCH];
    int landmarks;
};

static void place_of(void *context, int image, struct faces_place *out) {
    *out = ((struct detector *)context)->places[image - FIRST];
}

static void make_spec(struct anchor_spec *s) {
    *s = (struct anchor_spec){.kind = one_in(2) ? ANCHORS_OFFSETS : ANCHORS_DISTANCES,
                              .levels = draw(1, LEVELS),
                              .variance = {0.1f, 0.2f},
                              .landmark_variance = one_in(2) ? 0.1f : 1,
                              .plus_one = one_in(2),
                              .root = one_in(2)};
    for (int l = 0; l < s->levels; l++) {
        s->level[l].stride = 8 << l;
        s->level[l].anchors = draw(1, ANCHOR_PER_CELL);
        s->centre[l] = (float)draw(0, 15) / 2;
        for (int a = 0; a < ANCHOR_PER_CELL; a++) s->level[l].size[a] = (float)draw(8, 200);
    }
}

/* crowd: how many in 100 anchors are faces. Many scores are equal, some are NaN, and so is some
 * of the rest. */
static void make_outputs(struct detector *d, int crowd, int broken) {
    size_t n = cuda_output_values(&d->g);
    d->values = malloc(n * sizeof *d->values);
    for (size_t i = 0; i < n; i++) d->values[i] = (float)draw_real(-1, 1);
    for (int i = 0; i < d->net.noutputs; i++) {
        const struct plan_view *v = &d->outputs[i];
        float *at = d->values + cuda_output_at(&d->g, i);
        int score = i % 3 == 0;
        for (int k = 0; k < d->g.batch * v->h * v->w * v->c; k++) {
            if (score) at[k] = draw(1, 100) <= crowd ? (float)draw(50, 100) / 100 : 0.3f;
            if (score && one_in(2)) at[k] = (float)draw_real(0, 1) * at[k];
            if (d->spec.kind == ANCHORS_DISTANCES && i % 3 == 1) at[k] = (float)draw_real(-0.2, 3);
            if (broken && one_in(50)) at[k] = one_in(2) ? NAN : INFINITY;
            if (broken && i % 3 == 1 && one_in(50)) at[k] = 1e3f; /* exp is infinite */
        }
    }
}

static void make_detector(struct detector *d, int batch, int side, int crowd, int broken) {
    memset(d, 0, sizeof *d);
    make_spec(&d->spec);
    d->landmarks = !one_in(4);
    d->net.noutputs = 3 * d->spec.levels;
    d->g = (struct plan_graph){
        .net = &d->net, .batch = batch, .outputs = d->outputs, .noutputs = d->net.noutputs};
    for (int l = 0; l < d->spec.levels; l++) {
        static const int channels[3] = {1, 4, 10};
        for (int k = 0; k < 3; k++)
            d->outputs[3 * l + k] = (struct plan_view){
                .h = side >> l, .w = (side >> l) + 1, .c = channels[k] * d->spec.level[l].anchors};
        d->want.head[l].score = 3 * l;
        d->want.head[l].box = 3 * l + 1;
        d->want.head[l].landmark = d->landmarks ? 3 * l + 2 : -1;
    }
    make_outputs(d, crowd, broken);
    d->want.anchors = &d->spec;
    d->want.threshold = (float)draw(2, 90) / 100;
    d->want.iou = (float)draw_real(0.05, 1);
    d->want.plus_one = one_in(2);
    d->want.place = place_of;
    d->want.context = d;
    d->want.most = one_in(2) ? draw(1, 20) : draw(500, 5000);
    d->want.row = d->want.most + draw(0, 3);
    d->want.counts = malloc((size_t)(FIRST + batch) * sizeof *d->want.counts);
    d->want.faces = malloc((size_t)((FIRST + batch) * d->want.row) * sizeof *d->want.faces);
    for (int b = 0; b < batch; b++)
        d->places[b] =
            (struct faces_place){{(float)draw_real(0.5, 9), (float)draw_real(0.5, 9)},
                                 {(float)draw(20, 8 * side * 6), (float)draw(20, 8 * side * 6)}};
}

static void detector_free(struct detector *d) {
    free(d->values);
    free(d->want.counts);
    free(d->want.faces);
}

/* What tasks/detect.c does with the outputs of image b. *all: candidates there were. */
static void faces_of(const struct detector *d, int b, struct candidates *c, int *all) {
    struct anchor_output out[ANCHOR_LEVELS];
    for (int l = 0; l < d->spec.levels; l++) {
        const float *at[3];
        for (int k = 0; k < 3; k++) {
            const struct plan_view *v = &d->outputs[3 * l + k];
            at[k] = d->values + cuda_output_at(&d->g, 3 * l + k) +
                    (size_t)b * (size_t)(v->h * v->w * v->c);
        }
        const struct plan_view *v = &d->outputs[3 * l];
        out[l] = (struct anchor_output){v->h, v->w, at[0], at[1], d->landmarks ? at[2] : NULL};
    }
    c->n = 0;
    if (anchors_decode(&d->spec, out, d->want.threshold, c)) test_fail("%s", err_text());
    *all = c->n;
    candidates_scale(c, d->places[b].scale[0], d->places[b].scale[1]);
    const struct nms_limit limit = {d->places[b].size[0], d->places[b].size[1], d->want.most};
    candidates_keep_best(c, CANDIDATES_BEST);
    candidates_sort(c);
    candidates_nms(c, d->want.iou, d->want.plus_one, &limit);
    candidates_clip(c, limit.width, limit.height);
}

/* Within 1e-4 pixels, or a few roundings of far larger coordinates. */
static void compare_faces(const mien_face *got, const mien_face *want, int i) {
    const float *a = got->box, *b = want->box; /* a face is 15 floats: cuda/faces.c */
    float values[2][15];
    memcpy(values[0], a, sizeof values[0]);
    memcpy(values[1], b, sizeof values[1]);
    for (int k = 0; k < 15; k++) {
        if (values[0][k] == values[1][k]) continue; /* an infinite score is one, too */
        float limit = k == 4 ? 0 : 1e-4f + 5e-7f * fabsf(values[1][k]);
        if (!(fabsf(values[0][k] - values[1][k]) <= limit))
            test_fail("face %d, value %d is %.9g, not %.9g", i, k, (double)values[0][k],
                      (double)values[1][k]);
    }
}

static void test_faces(int crowd) {
    struct detector d;
    struct cuda_finder finder = {0};
    struct candidates c = {0};
    int batch = draw(1, MOST_BATCH), side = crowd > 50 ? 44 : draw(4, 32), broken = one_in(2);
    make_detector(&d, batch, side, crowd, broken);
    snprintf(test_case, sizeof test_case, "faces of %d images, cells %d, %d in 100, most %d", batch,
             side, crowd, d.want.most);
    CUdeviceptr values = array_up(d.values, cuda_output_values(&d.g) * sizeof *d.values);
    struct cuda_run run = {.device = &device,
                           .machine = {.processors = 4, .capability = 80},
                           .graph = &d.g,
                           .stream = gpu_stream,
                           .output = (float *)(uintptr_t)values};
    if (!cuda_faces_possible(&d.g, &d.want)) test_fail("the device cannot do it");
    for (int again = 0; again < 2; again++) { /* atomics come in any order */
        memset(d.want.counts, 0x55, (size_t)(FIRST + batch) * sizeof *d.want.counts);
        if (cuda_faces_find(&run, &finder, &d.want, FIRST)) test_fail("%s", err_text());
        test_check(gpu->stream_wait(gpu_stream), "wait");
        int left = cuda_faces_read(&run, &finder, &d.want, FIRST), expected_left = 0;
        for (int b = 0; b < batch; b++) {
            int all;
            faces_of(&d, b, &c, &all);
            int expected = all > CUDA_CANDIDATES ? -1 : c.n;
            if (expected < 0) expected_left = 1;
            seen.images++;
            seen.left += expected < 0;
            seen.faces += expected > 0 ? expected : 0;
            if (all <= CUDA_CANDIDATES && all > seen.most) seen.most = all;
            if (d.want.counts[FIRST + b] != expected)
                test_fail("image %d: %d faces of %d candidates, not %d", b,
                          d.want.counts[FIRST + b], all, expected);
            for (int i = 0; i < expected; i++)
                compare_faces(&d.want.faces[(FIRST + b) * d.want.row + i], &c.at[i].face, i);
        }
        if (left != expected_left) test_fail("%d are left, not %d", left, expected_left);
    }
    candidates_free(&c);
    cuda_finder_free(&device, &finder);
    detector_free(&d);
    arrays_free();
}

int main(int argc, char **argv) {
    static const int crowds[] = {0, 1, 5, 30, 100};
    long seed = 1, count = 100;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0) seed = atol(argv[i + 1]);
        if (strcmp(argv[i], "--count") == 0) count = atol(argv[i + 1]);
    }
    if (!gpu_open() || cuda_device_open(&device, 0)) {
        printf("skipped: %s\n", err_text());
        return SKIPPED;
    }
    test_check(gpu->context_push(device.context), "context");
    kern_init(&kern, "c");
    cuda_shelf_open(&shelf);
    printf("seed %ld\n", seed);
    for (long i = 0; i < count; i++) {
        test_seed((uint64_t)(seed * 100000 + i));
        test_input();
        if (i % 2 == 0) test_faces(crowds[i / 2 % 5]);
    }
    cuda_stage_free(&device, &stage);
    cuda_shelf_close(&device, &shelf);
    CUcontext context;
    test_check(gpu->context_pop(&context), "context");
    cuda_device_close(&device);
    printf("%ld cases agree: %d faces of %d images, up to %d candidates each; %d images had too "
           "many\n",
           count, seen.faces, seen.images, seen.most, seen.left);
    return 0;
}
