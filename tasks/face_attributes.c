#include "tasks/face_attributes.h"

#include "engine/err.h"
#include "tasks/attribute_list.h"
#include "tasks/net.h"
#include "vision/align.h"

int face_attributes_open(struct mien_net *net) {
    struct face_crop *crop = net->state;
    int rc = face_crop_read(net, crop);
    if (!rc && crop->kind == CROP_ALIGNED && !net->net->features) rc = face_crop_check_side(net);
    if (!rc && crop->kind != CROP_ALIGNED && net->net->features)
        rc = err_set(MIEN_EWEIGHTS, "%s: features are those of a crop of kind aligned",
                     blob_label(net->blob));
    if (!rc) rc = attribute_list_open(net, NULL);
    if (!rc && crop->kind != CROP_SQUARE && attribute_list_has_points(net->attributes))
        rc = err_set(MIEN_EWEIGHTS, "%s: points need a crop of kind box, and square",
                     blob_label(net->blob));
    return rc;
}

int face_attributes_fill(const struct task_call *c, int i, int workers, struct resized *image) {
    return face_crop_fill(c->net->state, c, i, workers, image);
}

int face_attributes_take(const struct task_call *c, int i, struct workspace *w,
                         const float *const *outputs) {
    const struct face_crop *crop = c->net->state;
    const struct rect_f square = face_crop_rect(crop, c->images[i], &c->faces[i]);
    float *values = (float *)c->out + (size_t)c->net->info.attribute_values * (size_t)i;
    (void)w;
    attribute_list_take(c->net->attributes, outputs, values);
    attribute_list_place(c->net->attributes, &square, values);
    return MIEN_OK;
}
