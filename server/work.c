#include "server/work.h"

#include "common/clock.h"
#include "server/apis/api.h"
#include "server/log.h"
#include "server/refusals.h"
#include "server/repeats.h"
#include "server/reply.h"
#include "server/route.h"
#include "server/server.h"
#include "server/uploads.h"
#include "server/workers.h"

/* Its pictures are here: back to a worker. */
static void resume_work(struct request *r) {
    r->queued = clock_seconds();
    workers_return(r->server->workers, r);
}

void work_on(struct request *r) {
    struct server *s = r->server;

    request_spent(r, STAGE_QUEUE, clock_seconds() - r->queued);
    if (!r->models) r->models = models_acquire(s->models);
    turns_enter(&s->decoding, r->client);
    if (request_is_over(r))
        reply_given_up(r);
    else if (!s->repeats || !(r->route->flags & ROUTE_WRITES) || !repeats_begin(s->repeats, r))
        r->route->handle(r);
    turns_leave(&s->decoding, r->client);
    if (!r->reply.status && uploads_are_due(r)) {
        if (workers_lend(s->workers, r->client) == 0) {
            uploads_fetch(r, resume_work);
            return;
        }
        refuse_queue(r);
    }
    if (!r->reply.status) reply_error(r, 500, "internal", "the request was not answered");
    if (s->repeats) repeats_end(s->repeats, r);
    r->transport->answer(r);
}

/* It waited for a worker, and others who have fewer waiting have come. */
static void displace(struct request *r) {
    refuse_queue(r);
    r->transport->answer(r);
}

int work_begin(struct request *r) {
    struct server *s = r->server;
    struct request *displaced;

    if (!r->reply.status && r->route->flags & ROUTE_WORK && !atomic_load(&r->is_worked_on)) {
        if (workers_reserve(s->workers, r->client, &displaced)) {
            refuse_queue(r);
        } else {
            if (displaced) displace(displaced);
            atomic_store(&r->is_worked_on, 1);
            r->queued = clock_seconds();
            r->transport->wait(r);
            workers_push(s->workers, r);
            return 1;
        }
    }
    if (!r->reply.status) r->route->handle(r);
    return 0;
}

void work_end(struct request *r) {
    struct server *s = r->server;
    double seconds = clock_seconds() - r->arrived;

    if (s->repeats) repeats_end(s->repeats, r);  /* given up before it was answered */
    if (!r->reply.status) r->reply.status = 499; /* ended by the client, as nginx's logs call it */
    metrics_request(s->metrics, route_index(s->apis, r->route), r->reply.status, seconds);
    metrics_bytes(s->metrics, r->received, r->reply.size);
    log_request(s->log, r, seconds);
    uploads_forget(r);
    request_free(r);
    atomic_fetch_sub(&s->active, 1);
}
