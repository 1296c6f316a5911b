/* Finds the faces of a picture: box, score. usage: detect PICTURE
 * cc detect.c $(pkg-config --cflags --libs mien) -o detect */
#include <mien.h>
#include <stdio.h>

enum { MAX_FACES = 64 };

static int fail(void) {
    fprintf(stderr, "%s\n", mien_error());
    return 1;
}

static int detect(mien_net *detector, const mien_image *image) {
    mien_face faces[MAX_FACES];
    int n;
    if (mien_detect(detector, &image, 1, NULL, MAX_FACES, faces, &n)) return fail();
    for (int i = 0; i < n; i++)
        printf("%.1f %.1f %.1f %.1f  %.3f\n", faces[i].box[0], faces[i].box[1], faces[i].box[2],
               faces[i].box[3], faces[i].score);
    return 0;
}

int main(int argc, char **argv) {
    mien_ctx *ctx = NULL;
    mien_net *detector = NULL;
    mien_image *image = NULL;
    if (argc != 2) return fprintf(stderr, "usage: detect PICTURE\n"), 2;

    int status;
    if (mien_open(NULL, &ctx) || mien_net_load(ctx, "retinaface-mnet025-v2", &detector) ||
        mien_image_load(ctx, argv[1], NULL, &image))
        status = fail();
    else
        status = detect(detector, image);

    mien_image_free(image);
    mien_net_free(detector);
    mien_close(ctx);
    return status;
}
