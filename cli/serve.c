/* The command serve: options to the server's configuration. */
#include "server/serve.h"

#include "commands.h"
#include "networks.h"
#include "say.h"
#include "server/cors.h"

#include <string.h>

static const char *unless_none(const char *name) {
    return strcmp(name, "none") == 0 ? NULL : name;
}

static int check(const struct options *opt, const struct serve_config *c) {
    int networks = 0;

    char why[WHY_SIZE];

    if (!opt->tls_cert != !opt->tls_key)
        return say_usage(opt->command_name, "--tls-cert and --tls-key go together");
    if (c->cors_origin && cors_check(c->cors_origin, why))
        return say_usage(opt->command_name, "--cors-origin: %s", why);
    for (int i = 0; i < NETWORKS_MAX; i++) networks += c->network[i] != NULL;
    if (networks == 0)
        return say_usage(opt->command_name, "all networks are 'none': nothing to serve");
    return EXIT_OK;
}

int cmd_serve(const struct options *opt) {
    struct serve_config c = {
        .address = opt->address,
        .port = opt->port,
        .tls_cert = opt->tls_cert,
        .tls_key = opt->tls_key,
        .keys = opt->keys,
        .open_metrics = opt->open_metrics,
        .cors_origin = opt->cors_origin,
        .log = (enum serve_log)opt->log,
        .top = opt->top,
        .same_person = opt->same_person,
        .max_batch = opt->max_batch,
        .max_wait_us = opt->max_wait_us,
        .workers = opt->workers,
        .queue = opt->queue,
        .connections = opt->connections,
        .max_pictures = opt->max_pictures,
        .max_bytes = opt->max_bytes,
        .max_body = opt->max_body,
        .body_memory = opt->body_memory,
        .picture_memory = opt->picture_memory,
        .max_pixels = 1e6 * opt->max_megapixels,
        .max_side = opt->max_side,
        .deadline = opt->deadline,
        .read_timeout = opt->read_timeout,
        .idle_timeout = opt->idle_timeout,
        .drain_timeout = opt->drain_timeout,
        .allow_urls = opt->allow_urls,
        .allow_private_urls = opt->allow_private_urls,
        .url_timeout = opt->url_timeout,
    };
    int status;

    for (int i = 0; i < networks_tasks(); i++) c.network[i] = unless_none(opt->network[i]);
    machine_options(opt, &c.machine);
    detect_options(opt, &c.detect);
    status = check(opt, &c);
    if (status) return status;
    if (opt->check) return serve_check(&c) ? EXIT_FAILED : EXIT_OK;
    return serve_run(&c) ? EXIT_FAILED : EXIT_OK;
}
