/* Says how alike the largest faces of two pictures are, -1 to 1: the cosine of their embeddings.
 * usage: recognise PICTURE PICTURE
 * cc recognise.c $(pkg-config --cflags --libs mien) -o recognise */
#include <mien.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FACES = 64, CROP = 112 };

static float area(const mien_face *face) {
    return (face->box[2] - face->box[0]) * (face->box[3] - face->box[1]);
}

/* Embeds the largest face of a picture. out: [embedding_size]. Returns 0, or -1 after saying what
 * went wrong. */
static int embed_file(mien_net *detector, mien_net *embedder, const char *path, float *out) {
    mien_image *picture = NULL;
    mien_face faces[MAX_FACES];
    uint8_t crop[CROP * CROP * 3];
    int n = 0, largest = 0;
    int failed =
        mien_image_load(NULL, path, NULL, &picture) ||
        mien_detect(detector, (const mien_image *const *)&picture, 1, NULL, MAX_FACES, faces, &n);
    for (int i = 1; i < n; i++)
        if (area(&faces[i]) > area(&faces[largest])) largest = i;
    if (!failed && n > 0)
        failed =
            mien_align(picture, &faces[largest], 1, crop) || mien_embed(embedder, crop, 1, out);
    mien_image_free(picture);
    if (failed)
        fprintf(stderr, "%s\n", mien_error());
    else if (n == 0)
        fprintf(stderr, "%s: no face found\n", path);
    return failed || n == 0 ? -1 : 0;
}

static int compare(mien_net *detector, mien_net *embedder, const char *path_a, const char *path_b) {
    mien_net_info info = {.struct_size = sizeof info};
    if (mien_net_info_get(embedder, &info)) return -1;
    float *a = malloc(2 * sizeof *a * (size_t)info.embedding_size);
    if (!a) return -1;
    float *b = a + info.embedding_size;
    int status = -1;
    if (!embed_file(detector, embedder, path_a, a) && !embed_file(detector, embedder, path_b, b)) {
        printf("%.3f\n", mien_similarity(a, b, info.embedding_size));
        status = 0;
    }
    free(a);
    return status;
}

int main(int argc, char **argv) {
    mien_ctx *ctx = NULL;
    mien_net *detector = NULL, *embedder = NULL;
    if (argc != 3) return fprintf(stderr, "usage: recognise PICTURE PICTURE\n"), 2;

    int status = -1;
    if (mien_open(NULL, &ctx) || mien_net_load(ctx, "retinaface-mnet025-v2", &detector) ||
        mien_net_load(ctx, "mobilefacenet-192", &embedder))
        fprintf(stderr, "%s\n", mien_error());
    else
        status = compare(detector, embedder, argv[1], argv[2]);

    mien_net_free(embedder);
    mien_net_free(detector);
    mien_close(ctx);
    return status ? 1 : 0;
}
