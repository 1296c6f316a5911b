#include "server/apis/telling.h"

#include "common/json_values.h"
#include "server/reply.h"
#include "server/server.h"

#include <math.h>
#include <stdio.h>

int telling_ask(struct request *r, const char *const *names, struct analysis_options *o) {
    const struct networks *networks = &r->models->networks;
    char list[128] = "", why[512];
    size_t n = 0;

    o->method = (enum networks_method)r->server->config->method;
    for (; *names; names++) {
        struct networks_told told;
        if (n + 32 > sizeof list || networks_tell(networks, *names, &told, why, sizeof why))
            continue;
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? "," : "", *names);
    }
    if (n == 0) return 0;
    o->steps |= analysis_steps(networks, MIEN_RESULT_ATTRIBUTES);
    if (networks_tell(networks, list, &o->told, why, sizeof why) == 0) return 0;
    reply_error(r, 500, "internal", "%s", why);
    return -1;
}

void telling_add_sides(json_t *object, const struct analysis *a, const mien_face *face,
                       int *failed) {
    static const char *const names[4] = {"x_min", "y_min", "x_max", "y_max"};

    for (int i = 0; i < 4; i++) {
        float most = (float)(i % 2 ? a->height : a->width);
        long at = lrintf(fminf(most, fmaxf(0, face->box[i])));
        json_value_set(object, names[i], json_integer(at), failed);
    }
}
