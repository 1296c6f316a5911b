/* The task attributes: a face to whatever its network tells of it (attribute_list.h). */
#include "engine/err.h"
#include "tasks/face_attributes.h"
#include "tasks/net.h"
#include "tasks/run.h"
#include "tasks/shared.h"
#include "vision/image.h"

const struct task task_attributes = {
    .name = "attributes",
    .former_name = "age_gender",
    .verb = "tell attributes of faces",
    .item = MIEN_ITEM_FACE,
    .result = MIEN_RESULT_ATTRIBUTES,
    .option = "age-gender",
    .help = "estimates age and gender",
    .stage = "age_gender",
    .default_network = "face-joint",
    .state_size = sizeof(struct face_crop),
    .open = face_attributes_open,
    .fill = face_attributes_fill,
    .take = face_attributes_take,
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
    if (net->backbone)
        return shared_run(&(struct shared_part){.net = net, .out = out}, 1, images, faces, n);
    return task_run(
        &(struct task_call){.net = net, .n = n, .images = images, .faces = faces, .out = out});
}
