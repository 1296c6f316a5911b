/*
 * Decodes a picture for tests that compare with other readers.
 *
 *     decode [-k] [-m MAX_PIXELS] [-s ASKED] FILE
 *
 * Writes it to standard output as PPM, then a line "alpha=0|1 asked=N" to standard error: how often
 * the decoder asked whether to stop. Where it fails the line is the sentence, and the status 1.
 * -k keeps the stored orientation, -s tells the decoder to stop when it asks for the ASKED-th time.
 */
#include "mien.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct asked {
    int n, stop_at;
};

static int on_stop(void *context) {
    struct asked *a = context;
    return ++a->n == a->stop_at;
}

int main(int argc, char **argv) {
    struct asked asked = {0};
    mien_decode_options opt = {.struct_size = sizeof opt, .stop = on_stop, .stop_context = &asked};
    mien_image *img;
    int c;
    while ((c = getopt(argc, argv, "km:s:")) != -1) {
        if (c == 'k') opt.keep_orientation = 1;
        if (c == 'm') opt.max_pixels = strtoull(optarg, NULL, 10);
        if (c == 's') asked.stop_at = atoi(optarg);
        if (c == '?') return 2;
    }
    if (optind + 1 != argc) return 2;
    if (mien_image_load(NULL, argv[optind], &opt, &img)) {
        fprintf(stderr, "%s\n", mien_error());
        return 1;
    }
    printf("P6\n%d %d\n255\n", img->width, img->height);
    for (int y = 0; y < img->height; y++)
        fwrite(img->pixels + y * img->pitch, 3, (size_t)img->width, stdout);
    fprintf(stderr, "alpha=%d asked=%d\n", img->has_alpha, asked.n);
    mien_image_free(img);
    return fflush(stdout) ? 1 : 0;
}
