/*
 * Fuzzes mien_image_decode(): no input may crash it, read out of bounds, leak, take more memory
 * than max_pixels allows, or end without either a picture or a sentence.
 */
#include "engine/err.h"
#include "mien.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    /* The last byte picks the options, so that files from the seeds stay what they are. */
    uint8_t pick = size ? bytes[size - 1] : 0;
    mien_decode_options opt = {.struct_size = sizeof opt,
                               .min_side = pick & 1 ? 8 : 0,
                               .max_pixels = 1 << 16,
                               .keep_orientation = pick >> 1 & 1,
                               .shrink_to_limit = pick >> 2 & 1,
                               .salvage = pick >> 3 & 1};
    mien_image *img;
    int code = mien_image_decode(NULL, bytes, size, &opt, &img);
    if (code != MIEN_OK) {
        if (img || !*err_text()) abort();
        return 0;
    }
    uint64_t full = (uint64_t)img->full_width * (uint64_t)img->full_height;
    uint64_t decoded = (uint64_t)img->width * (uint64_t)img->height;
    if ((opt.shrink_to_limit ? decoded : full) > opt.max_pixels || img->width < 1 ||
        img->height < 1)
        abort();
    /* Reads every pixel, so that the memory sanitizer sees any that was never written. */
    unsigned sum = 0;
    for (int y = 0; y < img->height; y++)
        for (int x = 0; x < 3 * img->width; x++) sum += img->pixels[y * img->pitch + x];
    if (sum > 255u * 3u << 16) abort();
    mien_image_free(img);
    return 0;
}
