/* Inputs that are floats already, for any backend. */
#include "engine/backend.h"

void backend_floats_rows(void *context, const struct backend_rows *want) {
    const struct backend_floats *f = context;
    const struct kern_epi store = {.dst_type = want->type};
    ptrdiff_t row = (ptrdiff_t)f->channels * f->width, size = (ptrdiff_t)kern_type_size(want->type);
    const float *src = f->data + ((ptrdiff_t)want->image * f->height + want->y0) * row;
    char *dst = want->dst;
    for (int y = want->y0; y < want->y1; y++, src += row, dst += want->row * size)
        want->kern->epilogue(1, (int)row, src, 0, &store, NULL, 0, 0, dst, 0); /* as one pixel */
}
