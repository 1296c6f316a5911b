/* The task landmarks: a face to points of it, and by them to how its head is turned. */
#include "tasks/face_attributes.h"

const struct task task_landmarks = {
    .name = "landmarks",
    .verb = "find landmarks of faces",
    .item = MIEN_ITEM_FACE,
    .result = MIEN_RESULT_ATTRIBUTES,
    .option = "landmarks",
    .help = "finds landmarks and how heads are turned",
    .stage = "landmarks",
    .state_size = sizeof(struct face_crop),
    .open = face_attributes_open,
    .fill = face_attributes_fill,
    .take = face_attributes_take,
};
