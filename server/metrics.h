/*
 * metrics.h - what the server counts, and its text for Prometheus.
 *
 * Everything is a number in one struct that is added to without locks, so that counting costs a few
 * nanoseconds and a scrape disturbs nobody. The text is the exposition format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats).
 */
#ifndef MIEN_SERVER_METRICS_H
#define MIEN_SERVER_METRICS_H

#include "analysis/stages.h"

#include <stddef.h>
#include <stdint.h>

enum metrics_reject {
    REJECT_QUEUE_FULL,
    REJECT_MEMORY, /* bodies or tensors of all requests over their limit */
    REJECT_NOT_READY,
    REJECT_DRAINING,
    REJECT_DEADLINE,
    REJECT_GONE,      /* the client went away before the answer */
    REJECT_TOO_LARGE, /* body, picture or pixels over a limit */
    REJECT_UNAUTHORIZED,
    REJECT_SLOW,        /* connections cut because a request or answer took too long to pass */
    REJECT_CONNECTIONS, /* connections cut because their client, or all, had too many */
    REJECTS
};

struct metrics;

/* routes: labels of the requests counter; it must stay valid. NULL where memory ran out. */
struct metrics *metrics_new(const char *const *routes, int nroutes);
void metrics_free(struct metrics *m);

/* A request was answered. route: position in the labels, -1 for none of them. */
void metrics_request(struct metrics *m, int route, int status, double seconds);
void metrics_stage(struct metrics *m, int stage, double seconds);
/* A run of a network over n pictures or faces; task: a position in networks.at. */
void metrics_batch(struct metrics *m, int task, int n);
void metrics_faces(struct metrics *m, int n);
void metrics_rejected(struct metrics *m, enum metrics_reject why);
void metrics_bytes(struct metrics *m, uint64_t in, uint64_t out);
void metrics_reloaded(struct metrics *m, int failed);
/* A request that came as a call of gRPC. */
void metrics_grpc(struct metrics *m);
/* n lines of the log were not written. */
void metrics_log_dropped(struct metrics *m, int n);

/* What is now rather than counted. */
struct metrics_gauges {
    int ready, connections, active, queued, fetching, batch_queued;
    double batch_running; /* seconds */
    size_t memory_limit, body_bytes, picture_bytes, plan_bytes;
};
/* The text; malloc, NULL where memory ran out. */
char *metrics_text(struct metrics *m, const struct metrics_gauges *g, size_t *size);

#endif
