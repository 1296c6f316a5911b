/* Says how alike the main faces of two pictures are, -1 to 1, and whether that makes them one
 * person. usage: recognise PICTURE PICTURE
 * cc recognise.c $(pkg-config --cflags --libs mien) -o recognise */
#include <mien.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FACES = 64 };

/* Loads the network that the library takes for a task where nobody says another. */
static int load_default(mien_ctx *ctx, enum mien_task task, mien_net **net) {
    mien_task_info info = {.struct_size = sizeof info};
    int rc = mien_task_info_get(task, &info);
    return rc ? rc : mien_net_load(ctx, info.default_network, net);
}

/* Embeds the main face of a picture. out: [embedding_size]. Returns 0, or -1 after saying what
 * went wrong. */
static int embed_file(mien_net *detector, mien_net *embedder, const char *path, float *out) {
    mien_image *image = NULL;
    mien_face faces[MAX_FACES];
    int n = 0;
    int failed =
        mien_image_load(NULL, path, NULL, &image) ||
        mien_detect(detector, (const mien_image *const *)&image, 1, NULL, MAX_FACES, faces, &n);
    if (!failed && n > 0) {
        const mien_face *face = &faces[mien_main_face(faces, n, image->width, image->height)];
        failed = mien_embed_faces(embedder, (const mien_image *const *)&image, face, 1, out);
    }
    mien_image_free(image);
    if (failed)
        fprintf(stderr, "%s\n", mien_error());
    else if (n == 0)
        fprintf(stderr, "%s: no face found\n", path);
    return failed || n == 0 ? -1 : 0;
}

static int compare(mien_net *detector, mien_net *embedder, const char *path_a, const char *path_b) {
    mien_net_info info = {.struct_size = sizeof info};
    float *a = NULL;
    int status = -1;
    if (mien_net_info_get(embedder, &info))
        fprintf(stderr, "%s\n", mien_error());
    else if (!(a = malloc(2 * sizeof *a * (size_t)info.embedding_size)))
        fprintf(stderr, "out of memory\n");
    else if (!embed_file(detector, embedder, path_a, a) &&
             !embed_file(detector, embedder, path_b, a + info.embedding_size)) {
        float alike = mien_similarity(a, a + info.embedding_size, info.embedding_size);
        printf("%.3f: %s\n", alike, alike >= info.same_person ? "one person" : "two people");
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
    if (mien_open(NULL, &ctx) || load_default(ctx, MIEN_TASK_DETECT, &detector) ||
        load_default(ctx, MIEN_TASK_EMBED, &embedder))
        fprintf(stderr, "%s\n", mien_error());
    else
        status = compare(detector, embedder, argv[1], argv[2]);

    mien_net_free(embedder);
    mien_net_free(detector);
    mien_close(ctx);
    return status ? 1 : 0;
}
