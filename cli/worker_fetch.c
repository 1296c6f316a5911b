#include "worker_fetch.h"

#include "server/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_url(const struct job *job) {
    return !job->bytes &&
           (strncmp(job->file, "http://", 7) == 0 || strncmp(job->file, "https://", 8) == 0);
}

static int refuse(struct inputs *inputs) {
    for (int i = 0; i < inputs->count; i++) {
        struct input *input = &inputs->items[i];
        if (input->bytes || input->error || !strstr(input->path, "://")) continue;
        if (asprintf(&input->error, "%s: this worker fetches no URLs (--allow-urls)", input->path) <
            0) {
            input->error = NULL;
            return -1;
        }
    }
    return 0;
}

/* Until all transfers have ended. */
static void run(CURLM *multi, int under_way) {
    const CURLMsg *message;
    int running, left;

    while (under_way > 0) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) break;
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            if (message->msg != CURLMSG_DONE) continue;
            fetch_end(multi, message);
            under_way--;
        }
        if (under_way > 0) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
}

/* What became of one. */
static int take(struct fetch_one *one, struct job *job, struct input *input) {
    if (one->status == 0 && one->result.bytes) {
        job->bytes = input->bytes = one->result.bytes;
        job->n = input->nbytes = one->result.size;
        return 0;
    }
    if (asprintf(&input->error, "%s: %s", input->path, one->why) >= 0) return 0;
    input->error = NULL;
    return -1;
}

static int fetch(const struct serve_config *c, struct job *jobs, struct inputs *inputs) {
    const struct fetch_limits limits = {.max_bytes = c->max_bytes,
                                        .connect_ms = (long)(1000 * c->url_timeout),
                                        .total_ms = (long)(1000 * c->url_timeout),
                                        .max_redirects = 3,
                                        .allow_private = c->allow_private_urls};
    struct fetch_one *all = calloc((size_t)inputs->count, sizeof *all);
    CURLM *multi = curl_multi_init();
    int rc = all && multi ? 0 : -1, begun = 0;

    for (int i = 0; i < inputs->count && rc == 0; i++) {
        if (!is_url(&jobs[i]) || inputs->items[i].error) continue;
        all[i].url = jobs[i].file;
        begun += fetch_begin(multi, &limits, limits.total_ms, &all[i], NULL);
    }
    if (rc == 0) run(multi, begun);
    for (int i = 0; i < inputs->count && rc == 0; i++)
        if (all[i].url) rc = take(&all[i], &jobs[i], &inputs->items[i]);
    if (multi) curl_multi_cleanup(multi);
    free(all);
    return rc;
}

int worker_fetch(const struct serve_config *c, struct job *jobs, struct inputs *inputs) {
    int urls = 0;

    for (int i = 0; i < inputs->count; i++) urls += is_url(&jobs[i]);
    if (urls == 0) return 0;
    return c->allow_urls ? fetch(c, jobs, inputs) : refuse(inputs);
}
