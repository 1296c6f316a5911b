#include "jobs_open.h"

#include "common/folders.h"
#include "recognition/place.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

char *jobs_place(const struct options *opt) {
    char *place = opt->queue ? strdup(opt->queue) : place_of("queue.db");
    int error = place && !strstr(place, "://") ? folders_make(place) : 0;

    if (!place) say_no_memory();
    if (!error) return place;
    say("%s: %s", place, strerror(error));
    free(place);
    return NULL;
}

int jobs_try(const struct options *opt, int must_exist, struct queue **out, char why[QUEUE_WHY]) {
    char *place = jobs_place(opt);
    struct queue_options options = {.place = place,
                                    .tries = opt->tries ? opt->tries : QUEUE_TRIES,
                                    .lease_ms =
                                        opt->lease > 0 ? (int)(1000 * opt->lease) : QUEUE_LEASE_MS,
                                    .room = opt->room ? opt->room : QUEUE_ROOM,
                                    .read_only = must_exist};
    int rc;

    *out = NULL;
    why[0] = '\0';
    if (!place) return QUEUE_EFAILED;
    rc = queue_open(&options, out, why);
    free(place);
    return rc;
}

int jobs_open(const struct options *opt, int must_exist, struct queue **out) {
    char why[QUEUE_WHY];

    if (jobs_try(opt, must_exist, out, why) == QUEUE_OK) return EXIT_OK;
    if (*why) say("%s", why);
    return EXIT_FAILED;
}

int jobs_say(const struct queue *q) {
    say("%s", queue_why(q));
    return EXIT_FAILED;
}
