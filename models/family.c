#include "models/family.h"

#include "engine/err.h"
#include "engine/fold.h"
#include "engine/json_text.h"
#include "mien.h"
#include "models/models.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *arch;
    void (*build)(struct net *net, json_t *variant);
} families[] = {
#define ENTRY(arch) {#arch, build_##arch},
    FAMILIES(ENTRY)
#undef ENTRY
};

int models_shape(const struct blob *blob, struct net **out) {
    *out = NULL;
    const char *arch = blob_meta(blob, "arch"), *text = blob_meta(blob, "variant");
    size_t f = 0, count = sizeof families / sizeof families[0];
    while (f < count && (!arch || strcmp(arch, families[f].arch) != 0)) f++;
    if (f == count)
        return err_set(MIEN_EWEIGHTS, "%s: no network family called '%s'", blob_label(blob),
                       arch ? arch : "");
    json_t *variant = json_text(text ? text : "{}", NULL);
    if (!json_is_object(variant)) {
        json_decref(variant);
        return err_set(MIEN_EWEIGHTS, "%s: metadata variant is not a JSON object",
                       blob_label(blob));
    }
    struct net *net;
    int rc = net_new(blob, &net);
    if (!rc) {
        families[f].build(net, variant);
        rc = net_finish(net);
    }
    json_decref(variant);
    if (rc) {
        net_free(net);
        return rc;
    }
    *out = net;
    return MIEN_OK;
}

int models_build(const struct blob *blob, struct net **out) {
    struct net *net;
    *out = NULL;
    int rc = models_shape(blob, &net);
    if (!rc) rc = fold_net(net);
    if (rc) {
        net_free(net);
        return rc;
    }
    *out = net;
    return MIEN_OK;
}

struct family_name family_name(const char *fmt, ...) {
    struct family_name n;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(n.text, sizeof n.text, fmt, ap);
    va_end(ap);
    return n;
}

int family_choice(struct net *net, json_t *variant, const char *key, const char *first,
                  const char *second) {
    const char *v = json_string_value(json_object_get(variant, key));
    if (v && strcmp(v, first) == 0) return 0;
    if (v && strcmp(v, second) == 0) return 1;
    net_fail(net, "metadata variant.%s must be %s or %s", key, first, second);
    return 0;
}

net_value family_conv_bn(struct net *net, net_value x, const char *conv, const char *bn, int stride,
                         int pad) {
    return net_bn(net, net_conv(net, x, conv, stride, pad), bn);
}
