#include "photos.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

mien_image *photos_load(mien_ctx *ctx, const char *path, int side) {
    mien_image *img, *out;
    assert_int_equal(mien_image_load(ctx, path, NULL, &img), 0);
    int longer = img->width > img->height ? img->width : img->height;
    if (longer <= side) return img;
    assert_int_equal(mien_image_new(img->width * side / longer, img->height * side / longer, &out),
                     0);
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++)
            memcpy(out->pixels + y * out->pitch + 3 * (ptrdiff_t)x,
                   img->pixels + (int64_t)y * img->height / out->height * img->pitch +
                       3 * (ptrdiff_t)((int64_t)x * img->width / out->width),
                   3);
    mien_image_free(img);
    return out;
}
