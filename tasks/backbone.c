#include "tasks/backbone.h"

#include "engine/err.h"
#include "engine/values.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct mien_net *backbone_of(struct mien_net *net) {
    return net->backbone ? net->backbone : net;
}

void backbone_add(struct mien_net *net) {
    mien_ctx *ctx = net->ctx;
    pthread_mutex_lock(&ctx->nets_lock);
    net->next = ctx->nets;
    ctx->nets = net;
    pthread_mutex_unlock(&ctx->nets_lock);
}

/* Is the file of that path still the one it was opened from? */
static int is_of(const struct mien_net *net, const char *path) {
    struct blob_identity identity;
    struct stat st;
    return strcmp(blob_label(net->blob), path) == 0 && stat(path, &st) == 0 &&
           blob_identity(net->blob, &identity) && identity.device == st.st_dev &&
           identity.inode == st.st_ino && blob_check(net->blob) == MIEN_OK;
}

struct mien_net *backbone_promote(mien_ctx *ctx, const char *path) {
    pthread_mutex_lock(&ctx->nets_lock);
    struct mien_net *net = ctx->nets;
    while (net && (net->by_program || !is_of(net, path))) net = net->next;
    if (net) {
        net->by_program = 1;
        net->holders++;
    }
    pthread_mutex_unlock(&ctx->nets_lock);
    return net;
}

int backbone_let_go(struct mien_net *net, int by_program) {
    mien_ctx *ctx = net->ctx;
    pthread_mutex_lock(&ctx->nets_lock);
    if (by_program) net->by_program = 0;
    int last = --net->holders == 0;
    struct mien_net **at = &ctx->nets;
    while (*at && *at != net) at = &(*at)->next;
    if (last && *at) *at = net->next;
    pthread_mutex_unlock(&ctx->nets_lock);
    return last;
}

/* What a head's blob says of its backbone. */
struct pin {
    char name[128];
    const char *value, *sha256;
};

static int read_pin(const struct mien_net *head, struct pin *pin) {
    const char *text = blob_meta(head->blob, "features_of"), *at = text ? strchr(text, '@') : NULL;
    pin->sha256 = blob_meta(head->blob, "features_sha256");
    if (!at || at == text || (size_t)(at - text) >= sizeof pin->name || !at[1] || !pin->sha256)
        return err_set(MIEN_EWEIGHTS,
                       "%s: metadata features_of is not NETWORK@VALUE with a features_sha256",
                       blob_label(head->blob));
    memcpy(pin->name, text, (size_t)(at - text));
    pin->name[at - text] = '\0';
    pin->value = at + 1;
    return MIEN_OK;
}

static int is_pinned(const struct mien_net *net, const struct pin *pin) {
    const char *sha256 = blob_meta(net->blob, "source_sha256");
    return sha256 && strcmp(sha256, pin->sha256) == 0;
}

/* One that is open already, held once more. */
static struct mien_net *find_open(mien_ctx *ctx, const struct pin *pin) {
    pthread_mutex_lock(&ctx->nets_lock);
    struct mien_net *net = ctx->nets;
    while (net &&
           (net->net->features || strcmp(net->info.name, pin->name) != 0 || !is_pinned(net, pin)))
        net = net->next;
    if (net) net->holders++;
    pthread_mutex_unlock(&ctx->nets_lock);
    return net;
}

static int open_backbone(const struct mien_net *head, const struct pin *pin,
                         struct mien_net **out) {
    *out = find_open(head->ctx, pin);
    if (*out) return MIEN_OK;
    int rc = net_load(head->ctx, pin->name, 0, out);
    return rc ? err_prefix(rc, "%s: reads features of a network that cannot be opened",
                           blob_label(head->blob))
              : MIEN_OK;
}

static int check_backbone(const struct mien_net *head, const struct pin *pin) {
    const struct mien_net *backbone = head->backbone;
    const char *label = blob_label(head->blob);
    if (backbone->task->item != MIEN_ITEM_FACE)
        return err_set(MIEN_EWEIGHTS, "%s: reads features of network '%s', which looks at no faces",
                       label, pin->name);
    if (!is_pinned(backbone, pin))
        return err_set(MIEN_EWEIGHTS,
                       "%s: reads features of another network '%s' than %s is: its source_sha256 "
                       "begins with %.8s",
                       label, pin->name, blob_label(backbone->blob), pin->sha256);
    return MIEN_OK;
}

/* The position of node `value` in what others want of a network; -1 where it has no room. */
static int keep_value(struct mien_net *net, int value) {
    mien_ctx *ctx = net->ctx;
    pthread_mutex_lock(&ctx->nets_lock);
    int i = 0;
    while (i < net->nkept && net->kept[i] != value) i++;
    if (i == net->nkept) {
        if (net->nkept == PLAN_MOST_VALUES)
            i = -1;
        else
            net->kept[net->nkept++] = value;
    }
    pthread_mutex_unlock(&ctx->nets_lock);
    return i;
}

/* The value, which has to be what the head's first layer takes. */
static int find_value(struct mien_net *head, const struct pin *pin) {
    struct mien_net *backbone = head->backbone;
    const struct net *net = head->net;
    int h, w, c, node = values_find(backbone->net, pin->value);
    if (node < 0)
        return err_set(MIEN_EWEIGHTS,
                       "%s: network '%s' has no value called '%s'; `mien info %s` lists them",
                       blob_label(head->blob), pin->name, pin->value, pin->name);
    int rc = plan_value_shape(backbone->net, node, backbone->info.width, backbone->info.height, &h,
                              &w, &c);
    if (rc) return rc;
    if (w != net->input_width || h != net->input_height || c != net->features)
        return err_set(MIEN_EWEIGHTS,
                       "%s: value '%s' of network '%s' is %dx%dx%d, and %dx%dx%d is read",
                       blob_label(head->blob), pin->value, pin->name, w, h, c, net->input_width,
                       net->input_height, net->features);
    head->value = keep_value(backbone, node);
    if (head->value >= 0) return MIEN_OK;
    return err_set(MIEN_EUNSUPPORTED, "%s: more than %d values of network '%s' are read",
                   blob_label(head->blob), PLAN_MOST_VALUES, pin->name);
}

int backbone_attach(struct mien_net *head) {
    struct pin pin;
    int rc = read_pin(head, &pin);
    if (!rc) rc = open_backbone(head, &pin, &head->backbone);
    if (!rc) rc = check_backbone(head, &pin);
    return rc ? rc : find_value(head, &pin);
}
