/* The command serve: what it shares with other commands goes to the server's configuration. */
#include "server/serve.h"

#include "commands.h"
#include "mien_gallery.h"
#include "networks.h"
#include "say.h"
#include "server/cors.h"
#include "server/dialects.h"
#include "server/forwarded.h"
#include "server/guard.h"

#include <string.h>

static const char *unless_none(const char *name) {
    return strcmp(name, "none") == 0 ? NULL : name;
}

static int check(const char *command, const struct serve_config *c) {
    char why[WHY_SIZE];
    int networks = 0;

    if (!c->tls_cert != !c->tls_key)
        return say_usage(command, "--tls-cert and --tls-key go together");
    if (c->cors_origin && cors_check(c->cors_origin, why))
        return say_usage(command, "--cors-origin: %s", why);
    if (c->allowed_host && guard_check_hosts(c->allowed_host, why))
        return say_usage(command, "--allowed-host: %s", why);
    if (c->apis && dialects_check(c->apis, why)) return say_usage(command, "--api: %s", why);
    if (c->trusted_proxy && forwarded_check(c->trusted_proxy, why))
        return say_usage(command, "--trusted-proxy: %s", why);
    for (int i = 0; i < NETWORKS_MAX; i++) networks += c->network[i] != NULL;
    if (networks == 0) return say_usage(command, "all networks are 'none': nothing to serve");
    return EXIT_OK;
}

int cmd_serve(const struct options *opt) {
    struct serve_config c = opt->serve;
    uint8_t key[MIEN_GALLERY_KEY_SIZE];
    int status;

    c.top = opt->top;
    c.gallery = opt->gallery;
    if (opt->gallery_key && mien_gallery_key_read(opt->gallery_key, key)) {
        say("%s", mien_gallery_error());
        return EXIT_FAILED;
    }
    if (opt->gallery_key) c.gallery_key = key;
    c.keep_crops = opt->keep_crops;
    c.learn = opt->learn;
    c.index = opt->index;
    c.index_memory = opt->index_memory;
    c.attributes = opt->attributes;
    c.method = opt->method;
    for (int i = 0; i < networks_tasks(); i++) c.network[i] = unless_none(opt->network[i]);
    machine_options(opt, &c.machine);
    detect_options(opt, &c.detect);
    status = check(opt->command_name, &c);
    if (status) return status;
    if (opt->check) return serve_check(&c) ? EXIT_FAILED : EXIT_OK;
    return serve_run(&c) ? EXIT_FAILED : EXIT_OK;
}
