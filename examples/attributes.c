/* Prints what a network tells of each face of a picture, or of the picture where it looks at whole
 * ones: whatever that is, this program knows no attribute by name. Some, as race, are only for who
 * asks for them: they are printed where the network is named.
 *
 * usage: attributes PICTURE [NETWORK]
 *
 * cc attributes.c $(pkg-config --cflags --libs mien) -o attributes */
#include <mien.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FACES = 64 };

static void print_attribute(const mien_attribute *a, const float *values) {
    printf("  %s:", a->name);
    if (a->kind == MIEN_DISTRIBUTION) {
        int best = mien_attribute_best(a, values);
        printf(" %s (%.0f %%)", a->labels[best], 100 * values[a->first + best]);
    } else {
        for (int i = 0; i < a->count; i++) printf(" %.2f", values[a->first + i]);
        if (*a->unit) printf(" %s", a->unit);
    }
    printf("\n");
}

/* values: [info->attribute_values]; asked: also what is not told by default */
static int print_all(const mien_net *net, const mien_net_info *info, int asked,
                     const float *values) {
    int rc = 0;
    for (int i = 0; i < info->attributes && !rc; i++) {
        mien_attribute a = {.struct_size = sizeof a};
        rc = mien_attribute_at(net, i, &a);
        if (!rc && (a.by_default || asked)) print_attribute(&a, values);
    }
    return rc;
}

static int describe(mien_net *detector, mien_net *net, int asked, const mien_image *image) {
    mien_task_info task = {.struct_size = sizeof task};
    mien_net_info info = {.struct_size = sizeof info};
    mien_face faces[MAX_FACES];
    int n = 1, rc = mien_net_info_get(net, &info);
    if (!rc) rc = mien_task_info_get(info.task, &task);
    int of_faces = !rc && task.item == MIEN_ITEM_FACE;
    if (of_faces) rc = mien_detect(detector, &image, 1, NULL, MAX_FACES, faces, &n);
    float *values = rc ? NULL : malloc(sizeof *values * (size_t)(info.attribute_values + 1));
    for (int i = 0; i < n && values && !rc; i++) {
        rc = mien_attributes(net, &image, of_faces ? &faces[i] : NULL, 1, values);
        if (rc) break;
        printf("%s %d\n", of_faces ? "face" : "picture", i);
        rc = print_all(net, &info, asked, values);
    }
    free(values);
    return rc;
}

/* Loads a network, or where name is NULL the one that the library takes for the task. */
static int load(mien_ctx *ctx, const char *name, enum mien_task task, mien_net **net) {
    mien_task_info info = {.struct_size = sizeof info};
    int rc = mien_task_info_get(task, &info);
    return rc ? rc : mien_net_load(ctx, name ? name : info.default_network, net);
}

int main(int argc, char **argv) {
    mien_ctx *ctx = NULL;
    mien_net *detector = NULL, *net = NULL;
    mien_image *image = NULL;
    if (argc < 2 || argc > 3) return fprintf(stderr, "usage: attributes PICTURE [NETWORK]\n"), 2;

    int rc = mien_open(NULL, &ctx);
    if (!rc) rc = load(ctx, NULL, MIEN_TASK_DETECT, &detector);
    if (!rc) rc = load(ctx, argc > 2 ? argv[2] : NULL, MIEN_TASK_ATTRIBUTES, &net);
    if (!rc) rc = mien_image_load(ctx, argv[1], NULL, &image);
    if (!rc) rc = describe(detector, net, argc > 2, image);
    if (rc) fprintf(stderr, "%s\n", mien_error());

    mien_image_free(image);
    mien_net_free(net);
    mien_net_free(detector);
    mien_close(ctx);
    return rc ? 1 : 0;
}
