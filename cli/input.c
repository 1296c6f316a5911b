#include "input.h"

#include <stdlib.h>
#include <string.h>

int input_init(struct input *in, const char *path) {
    const char *slash;

    memset(in, 0, sizeof *in);
    in->path = strdup(path);
    if (!in->path) return -1;
    slash = strrchr(in->path, '/');
    in->tail = slash ? slash + 1 : in->path;
    return 0;
}

void input_look(struct input *in, const struct stat *st) {
    in->device = st->st_dev;
    in->inode = st->st_ino;
    in->size = st->st_size;
    in->changed = st->st_mtim;
}

void input_free(struct input *in) {
    free(in->path);
    free(in->error);
    free(in->drawn);
    free(in->json);
    memset(in, 0, sizeof *in);
}
