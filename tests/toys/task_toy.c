/* A task of the tests' own: attributes of whole images, by any network whose blob names some. With
 * its row in the table it is all that a new task takes; test_toys.py runs the tool with it. */
#include "tasks/attribute_list.h"
#include "tasks/net.h"
#include "tasks/task.h"

static int open_toy(struct mien_net *net) {
    return attribute_list_open(net, NULL);
}

static int fill_image(const struct task_call *c, int i, int workers, struct resized *image) {
    const mien_image *img = c->images[i];
    struct rect_f whole = {0, 0, img->width, img->height};
    return resize_picture(image, img, &whole, c->net->info.width, c->net->info.height,
                          RESIZE_TRIANGLE, workers);
}

static int take_toy(const struct task_call *c, int i, struct workspace *w,
                    const float *const *outputs) {
    (void)w;
    attribute_list_take(c->net->attributes, outputs,
                        (float *)c->out + (size_t)c->net->info.attribute_values * (size_t)i);
    return MIEN_OK;
}

const struct task task_toy = {
    .name = "toy",
    .verb = "look at toys",
    .item = MIEN_ITEM_IMAGE,
    .result = MIEN_RESULT_ATTRIBUTES,
    .option = "toy",
    .help = "looks at toys",
    .stage = "toy",
    .open = open_toy,
    .fill = fill_image,
    .take = take_toy,
};
