#include "server/metrics.h"

#include "common/text_stream.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BOUNDS = 16, SIZES = 8, STATUSES = 600 };

static const char *const REJECT_NAMES[REJECTS] = {
    "queue_full",  "memory",    "not_ready",    "draining",    "deadline",
    "client_gone", "too_large", "unauthorized", "slow_client", "connections"};

/* Upper bounds in seconds: a picture takes from under a millisecond to a few seconds. */
static const double TIME_BOUNDS[BOUNDS] = {.0005, .001, .0025, .005, .01, .025, .05, .1,
                                           .25,   .5,   1,     2.5,  5,   10,   30,  60};
static const double SIZE_BOUNDS[SIZES] = {1, 2, 4, 8, 16, 32, 64, 128};

struct histogram {
    atomic_ullong bucket[BOUNDS + 1]; /* the last: above all bounds */
    atomic_ullong micros;             /* the sum, in millionths */
};

struct route_counts {
    atomic_ullong status[STATUSES];
    struct histogram seconds;
};

struct metrics {
    const char *const *routes;
    int nroutes;
    struct route_counts *route; /* [nroutes + 1], the last for none of them */
    struct histogram stage[STAGES_MAX], batch[NETWORKS_MAX];
    atomic_ullong rejected[REJECTS], faces, in, out, reloads[2], log_dropped, grpc;
};

struct metrics *metrics_new(const char *const *routes, int nroutes) {
    struct metrics *m = calloc(1, sizeof *m);

    if (!m) return NULL;
    m->routes = routes;
    m->nroutes = nroutes;
    m->route = calloc((size_t)nroutes + 1, sizeof *m->route);
    if (m->route) return m;
    free(m);
    return NULL;
}

void metrics_free(struct metrics *m) {
    if (!m) return;
    free(m->route);
    free(m);
}

static void add(atomic_ullong *counter, uint64_t n) {
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static unsigned long long get(atomic_ullong *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe(struct histogram *h, const double *bounds, int n, double v) {
    int i = 0;

    while (i < n && v > bounds[i]) i++;
    add(&h->bucket[i], 1);
    add(&h->micros, (uint64_t)(1e6 * v + 0.5));
}

void metrics_request(struct metrics *m, int route, int status, double seconds) {
    struct route_counts *r = &m->route[route < 0 ? m->nroutes : route];

    add(&r->status[status > 0 && status < STATUSES ? status : 0], 1);
    observe(&r->seconds, TIME_BOUNDS, BOUNDS, seconds);
}

void metrics_stage(struct metrics *m, int stage, double seconds) {
    observe(&m->stage[stage], TIME_BOUNDS, BOUNDS, seconds);
}

void metrics_batch(struct metrics *m, int task, int n) {
    observe(&m->batch[task], SIZE_BOUNDS, SIZES, n);
}

void metrics_faces(struct metrics *m, int n) {
    add(&m->faces, (uint64_t)n);
}

void metrics_rejected(struct metrics *m, enum metrics_reject why) {
    add(&m->rejected[why], 1);
}

void metrics_bytes(struct metrics *m, uint64_t in, uint64_t out) {
    add(&m->in, in);
    add(&m->out, out);
}

void metrics_reloaded(struct metrics *m, int failed) {
    add(&m->reloads[failed != 0], 1);
}

void metrics_grpc(struct metrics *m) {
    add(&m->grpc, 1);
}

void metrics_log_dropped(struct metrics *m, int n) {
    add(&m->log_dropped, (uint64_t)n);
}

static void head(FILE *f, const char *name, const char *type, const char *help) {
    fprintf(f, "# HELP mien_%s %s\n# TYPE mien_%s %s\n", name, help, name, type);
}

/* label: `route="/predict"`. */
static void print_histogram(FILE *f, const char *name, const char *label, struct histogram *h,
                            const double *bounds, int n) {
    unsigned long long sum = 0;

    for (int i = 0; i <= n; i++) {
        sum += get(&h->bucket[i]);
        fprintf(f, "mien_%s_bucket{%s,le=\"", name, label);
        if (i < n)
            fprintf(f, "%g\"} %llu\n", bounds[i], sum);
        else
            fprintf(f, "+Inf\"} %llu\n", sum);
    }
    fprintf(f, "mien_%s_sum{%s} %.6f\nmien_%s_count{%s} %llu\n", name, label,
            1e-6 * (double)get(&h->micros), name, label, sum);
}

static void gauge(FILE *f, const char *name, const char *help, double v) {
    head(f, name, "gauge", help);
    fprintf(f, "mien_%s %.0f\n", name, v);
}

/* Bytes of the process in memory; 0 where the system does not say. */
static double resident_bytes(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    long total = 0, resident = 0;

    if (!f) return 0;
    if (fscanf(f, "%ld %ld", &total, &resident) != 2) resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static const char *route_label(const struct metrics *m, int i, char out[128]) {
    snprintf(out, 128, "route=\"%s\"", i < m->nroutes ? m->routes[i] : "none");
    return out;
}

static void print_requests(FILE *f, struct metrics *m) {
    char label[128];

    head(f, "requests_total", "counter", "Requests answered, by route and HTTP status.");
    for (int i = 0; i <= m->nroutes; i++)
        for (int s = 0; s < STATUSES; s++)
            if (get(&m->route[i].status[s]))
                fprintf(f, "mien_requests_total{%s,status=\"%d\"} %llu\n", route_label(m, i, label),
                        s, get(&m->route[i].status[s]));
    head(f, "request_seconds", "histogram", "From a request's headers to the end of its answer.");
    for (int i = 0; i <= m->nroutes; i++) {
        int asked = 0;
        for (int s = 0; s < STATUSES && !asked; s++) asked = get(&m->route[i].status[s]) > 0;
        if (asked)
            print_histogram(f, "request_seconds", route_label(m, i, label), &m->route[i].seconds,
                            TIME_BOUNDS, BOUNDS);
    }
}

static void print_counts(FILE *f, struct metrics *m) {
    char label[128];

    head(f, "stage_seconds", "histogram", "Time a request spent in a stage.");
    for (int i = 0; i < stages_count(); i++) {
        int stage = stages_at(i);
        if (stage == STAGE_START) continue; /* of the program, not of a request */
        snprintf(label, sizeof label, "stage=\"%s\"", stage_name(stage));
        print_histogram(f, "stage_seconds", label, &m->stage[stage], TIME_BOUNDS, BOUNDS);
    }
    head(f, "batch_size", "histogram", "Pictures or faces a run of a network took.");
    for (int i = 0; i < networks_tasks(); i++) {
        snprintf(label, sizeof label, "task=\"%s\"", stage_name(STAGE_TASK + i));
        print_histogram(f, "batch_size", label, &m->batch[i], SIZE_BOUNDS, SIZES);
    }
    head(f, "rejected_total", "counter", "Requests that were not served, by reason.");
    for (int i = 0; i < REJECTS; i++)
        fprintf(f, "mien_rejected_total{reason=\"%s\"} %llu\n", REJECT_NAMES[i],
                get(&m->rejected[i]));
    head(f, "faces_total", "counter", "Faces found.");
    fprintf(f, "mien_faces_total %llu\n", get(&m->faces));
    head(f, "received_bytes_total", "counter", "Bytes of request bodies.");
    fprintf(f, "mien_received_bytes_total %llu\n", get(&m->in));
    head(f, "sent_bytes_total", "counter", "Bytes of answers.");
    fprintf(f, "mien_sent_bytes_total %llu\n", get(&m->out));
    head(f, "reloads_total", "counter", "Reloads of keys and weights, by result.");
    fprintf(
        f, "mien_reloads_total{result=\"good\"} %llu\nmien_reloads_total{result=\"failed\"} %llu\n",
        get(&m->reloads[0]), get(&m->reloads[1]));
    head(f, "grpc_requests_total", "counter", "Requests that came as calls of gRPC.");
    fprintf(f, "mien_grpc_requests_total %llu\n", get(&m->grpc));
    head(f, "log_dropped_total", "counter", "Lines of the log that were not written.");
    fprintf(f, "mien_log_dropped_total %llu\n", get(&m->log_dropped));
}

char *metrics_text(struct metrics *m, const struct metrics_gauges *g, size_t *size) {
    struct text_stream text;
    FILE *f = text_stream_open(&text);

    if (!f) return NULL;
    head(f, "info", "gauge", "The version that runs.");
    fprintf(f, "mien_info{version=\"%s\"} 1\n", mien_version());
    gauge(f, "ready", "1 when the networks are loaded and requests are taken.", g->ready);
    gauge(f, "connections", "Open connections.", g->connections);
    gauge(f, "requests_active", "Requests that have begun and not ended.", g->active);
    gauge(f, "queue_depth", "Requests that wait for a worker.", g->queued);
    gauge(f, "requests_fetching", "Requests whose URLs are being fetched.", g->fetching);
    gauge(f, "batch_queue_depth", "Pictures and faces that wait for a batch.", g->batch_queued);
    gauge(f, "batch_running_seconds", "How long the run that is under way has taken.",
          g->batch_running);
    gauge(f, "memory_limit_bytes", "What bodies, pictures and plans may take together.",
          (double)g->memory_limit);
    gauge(f, "memory_used_bytes", "What they take.",
          (double)(g->body_bytes + g->picture_bytes + g->plan_bytes));
    gauge(f, "body_bytes", "Memory of request bodies.", (double)g->body_bytes);
    gauge(f, "picture_bytes", "Memory of decoded pictures and tensors.", (double)g->picture_bytes);
    gauge(f, "plan_bytes", "Memory of the networks' plans.", (double)g->plan_bytes);
    gauge(f, "resident_memory_bytes", "Memory of the process.", resident_bytes());
    print_requests(f, m);
    print_counts(f, m);
    return text_stream_close(&text, f, size);
}
