#include "server/memory.h"

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

struct memory_shares memory_share(const struct serve_config *c) {
    size_t all = c->memory ? c->memory : mien_memory() / 2;
    size_t bodies = least(c->body_memory, all / 4), pictures = least(c->picture_memory, all / 4);

    return (struct memory_shares){all, bodies, pictures, all - bodies - pictures};
}
