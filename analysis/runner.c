#include "analysis/runner.h"

#include <stdlib.h>

static void submit(struct runner *runner, struct item *item) {
    struct direct_runner *r = (struct direct_runner *)runner;

    item->next = NULL;
    *r->last = item;
    r->last = &item->next;
}

/* Takes what joins the first item off the list: into joined, [n], where there is room. Returns how
 * many. */
static int collect(struct direct_runner *r, struct item **joined, int room) {
    const struct item *head = r->first;
    struct item **at = &r->first;
    int n = 0;

    while (*at && n < room) {
        if (items_join(head, *at)) {
            joined[n++] = *at;
            *at = (*at)->next;
        } else {
            at = &(*at)->next;
        }
    }
    return n;
}

static int wait_for_all(struct runner *runner) {
    struct direct_runner *r = (struct direct_runner *)runner;
    struct item **joined, *one;
    int count = 0;

    for (const struct item *i = r->first; i; i = i->next) count++;
    joined = calloc((size_t)count + 1, sizeof *joined);
    while (r->first) {
        int n = joined ? collect(r, joined, count) : collect(r, &one, 1); /* no memory: singly */
        items_run(joined ? joined : &one, n);
    }
    r->last = &r->first;
    free(joined);
    return 0;
}

void direct_runner_init(struct direct_runner *r) {
    r->runner.submit = submit;
    r->runner.wait = wait_for_all;
    r->first = NULL;
    r->last = &r->first;
}
