#include "server/config.h"

#include <string.h>

int config_is_loopback(const struct serve_config *c) {
    return strncmp(c->address, "127.", 4) == 0 || strcmp(c->address, "::1") == 0;
}

int config_keeps_gallery(const struct serve_config *c) {
    if (c->gallery) return strcmp(c->gallery, "none") != 0;
    return c->keys || config_is_loopback(c);
}
