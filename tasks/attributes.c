/* The task attributes: a face to whatever its network tells of it (attribute_list.h). */
#include "engine/err.h"
#include "tasks/attribute_list.h"
#include "tasks/faces.h"
#include "tasks/net.h"
#include "tasks/run.h"
#include "vision/image.h"

static int open_attributes(struct mien_net *net) {
    struct face_crop *crop = net->state;
    int rc = face_crop_read(net, crop);
    if (!rc && crop->aligned) rc = face_crop_check_side(net);
    return rc ? rc : attribute_list_open(net, NULL);
}

static int fill_item(const struct task_call *c, int i, int workers, struct resized *image) {
    return face_crop_fill(c->net->state, c, i, workers, image);
}

static int take_attributes(const struct task_call *c, int i, struct workspace *w,
                           const float *const *outputs) {
    (void)w;
    attribute_list_take(c->net->attributes, outputs,
                        (float *)c->out + (size_t)c->net->info.attribute_values * (size_t)i);
    return MIEN_OK;
}

const struct task task_attributes = {
    .name = "attributes",
    .former_name = "age_gender",
    .verb = "tell attributes of faces",
    .item = MIEN_ITEM_FACE,
    .result = MIEN_RESULT_ATTRIBUTES,
    .option = "age-gender",
    .help = "estimates age and gender",
    .stage = "age_gender",
    .default_network = "age-gender-faceapi",
    .state_size = sizeof(struct face_crop),
    .open = open_attributes,
    .fill = fill_item,
    .take = take_attributes,
};

int mien_attributes(mien_net *net, const mien_image *const *images, const mien_face *faces, int n,
                    float *out) {
    if (!net) return err_null("mien_attributes");
    int rc = net_check_result(net, MIEN_RESULT_ATTRIBUTES, task_attributes.verb);
    if (rc) return rc;
    int takes_faces = net->task->item == MIEN_ITEM_FACE;
    if (n < 0 || (n > 0 && (!images || !out || !faces != !takes_faces)))
        return err_set(MIEN_EINVAL, "%d items; network '%s' looks at %s", n, net->info.name,
                       takes_faces ? "faces" : "whole images");
    for (int i = 0; i < n; i++)
        if ((rc = image_check(images[i]))) return rc;
    return task_run(
        &(struct task_call){.net = net, .n = n, .images = images, .faces = faces, .out = out});
}
