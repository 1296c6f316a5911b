/* The command service: one part of an analysis, asked by others over gRPC (docs/services.md). */
#include "commands.h"
#include "common/redis.h"
#include "networks.h"
#include "say.h"
#include "server/serve.h"
#include "services/others.h"
#include "services/services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS = 64 };

/* [IP:]PORT; an IPv6 address is in brackets. */
static int read_listen(const char *text, struct serve_config *c, char room[ADDRESS]) {
    const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
    size_t n = colon ? (size_t)(colon - text) : 0;
    char *end;
    long number;

    errno = 0;
    number = strtol(port, &end, 10);
    if (*port < '0' || *port > '9' || *end || errno || number > 65535) return -1;
    c->grpc_port = (int)number;
    if (!colon) return 0;
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    } else if (memchr(text, ':', n)) {
        return -1;
    }
    if (n == 0 || n >= ADDRESS) return -1;
    memcpy(room, text, n);
    room[n] = '\0';
    c->address = room;
    return 0;
}

static int say_unknown(const char *command, const char *name) {
    char names[256] = "";

    for (const struct service *const *s = SERVICES; *s; s++) {
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", (*s)->name);
    }
    return say_usage(command, "there is no service %s: they are %s", name, names);
}

/* What its service wants, and what no parser of options knows to be wrong. */
static int check(const char *command, const struct serve_config *c) {
    const struct service *service = c->service.service;
    char why[REDIS_WHY];

    if (!c->tls_cert != !c->tls_key)
        return say_usage(command, "--tls-cert and --tls-key go together");
    if (service->wants & SERVICE_REDIS && redis_check_url(c->service.redis, why))
        return say_usage(command, "--redis: %s", why);
    if (service->wants & SERVICE_INPUT && !c->service.input)
        return say_usage(command, "%s needs --input, the folder of pictures", service->name);
    if (service->wants & SERVICE_OUTPUT && !c->service.output)
        return say_usage(command, "%s needs --output, the folder of results", service->name);
    if (service->wants & SERVICE_CALLS && others_check(c->service.also, why, sizeof why))
        return say_usage(command, "--also: %s", why);
    return EXIT_OK;
}

/* The networks of its results. */
static int choose_networks(const struct options *opt, struct serve_config *c) {
    struct networks tasks;
    int status = EXIT_OK;

    networks_init(&tasks, NULL);
    for (int i = 0; i < networks_tasks() && status == EXIT_OK; i++) {
        const mien_task_info *task = &tasks.at[i].task;
        int is_wanted = opt->network[i] && c->service.service->results >> task->result & 1;
        int is_none = is_wanted && strcmp(opt->network[i], "none") == 0;
        c->network[i] = is_wanted && !is_none ? opt->network[i] : NULL;
        if (is_wanted && is_none && task->default_network)
            status = say_usage(opt->command_name, "%s cannot do without --%s",
                               c->service.service->name, task->option);
    }
    return status;
}

int cmd_service(const struct options *opt) {
    struct serve_config c = opt->serve;
    char room[ADDRESS];
    int status;

    c.service.service = service_find(opt->args[0]);
    if (!c.service.service) return say_unknown(opt->command_name, opt->args[0]);
    c.gallery = "none";
    c.attributes = NULL;
    c.method = opt->method;
    c.address = "127.0.0.1";
    c.port = opt->metrics_port;
    c.grpc_port = c.service.service->port;
    if (opt->listen && read_listen(opt->listen, &c, room))
        return say_usage(opt->command_name, "--listen is [IP:]PORT, not %s", opt->listen);
    machine_options(opt, &c.machine);
    detect_options(opt, &c.detect);
    status = check(opt->command_name, &c);
    if (status == EXIT_OK) status = choose_networks(opt, &c);
    if (status) return status;
    if (opt->check && c.port < 0)
        return say_usage(opt->command_name, "--check asks at --metrics-port, which is not given");
    if (opt->check) return serve_check(&c) ? EXIT_FAILED : EXIT_OK;
    return serve_run(&c) ? EXIT_FAILED : EXIT_OK;
}
