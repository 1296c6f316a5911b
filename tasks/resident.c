/* Copies of pictures in a device's memory. */
#include "engine/err.h"
#include "tasks/context.h"
#include "vision/image.h"

#include <stdlib.h>

struct mien_resident {
    mien_ctx *ctx;
    struct backend_pixels pixels;
};

int mien_image_upload(mien_ctx *ctx, mien_image *img) {
    if (!ctx) return err_null("mien_image_upload");
    int rc = image_check(img);
    if (rc) return rc;
    if (!ctx->ops->upload || img->resident) return MIEN_OK;
    struct mien_resident *r = calloc(1, sizeof *r);
    if (!r) return err_set(MIEN_ENOMEM, "out of memory");
    r->ctx = ctx;
    rc = ctx->ops->upload(ctx->backend, img->pixels, img->pitch, img->width, img->height,
                          &r->pixels);
    if (rc) {
        free(r);
        return rc;
    }
    context_acquire(ctx);
    img->resident = r;
    return MIEN_OK;
}

void mien_image_forget(mien_image *img) {
    struct mien_resident *r = img ? img->resident : NULL;
    if (!r) return;
    r->ctx->ops->forget(r->ctx->backend, &r->pixels);
    context_release(r->ctx);
    free(r);
    img->resident = NULL;
}

void image_resident(const mien_image *img, const uint8_t *pixels, struct backend_picture *out) {
    if (!img->resident) return;
    const struct backend_pixels *p = &img->resident->pixels;
    ptrdiff_t at = pixels - img->pixels;
    out->resident = p;
    out->resident_at = at / img->pitch * p->pitch + at % img->pitch;
}
