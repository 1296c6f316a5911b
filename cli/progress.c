#include "progress.h"

#include "common/clock.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FEWEST = 5, BAR_MAX = 30 };

double progress_since_start(void) {
    static double start;
    struct timespec before;

    if (start == 0) {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
        start = clock_seconds() - (double)before.tv_sec - 1e-9 * (double)before.tv_nsec;
    }
    return clock_seconds() - start;
}

void progress_start(struct progress *p, long long total) {
    memset(p, 0, sizeof *p);
    p->total = total;
    p->shown = total >= FEWEST && isatty(STDERR_FILENO);
    p->shares = isatty(STDOUT_FILENO);
    p->start = clock_seconds();
    progress_show(p, 0, 0, 0);
}

void progress_hide(const struct progress *p) {
    if (p->shown && p->shares) fputs("\r\033[K", stderr);
}

void progress_end(const struct progress *p) {
    if (p->shown) fputs("\r\033[K", stderr);
}

void progress_show(struct progress *p, long long done, long long past, int failed) {
    double now, elapsed;
    char bar[BAR_MAX + 1], text[128];
    int width, filled, n;

    if (!p->shown) return;
    now = clock_seconds();
    elapsed = now - p->start;
    if (done > 0 && now - p->last < 0.1 && !p->shares) return;
    p->last = now;
    if (done + past > p->total) p->total = done + past; /* more have come since they were counted */
    n = snprintf(text, sizeof text, " %lld/%lld", done + past, p->total);
    if (done > 0 && elapsed > 0) {
        double left = elapsed / (double)done * (double)(p->total - done - past) + 0.5;
        long long seconds = (long long)left;
        n += snprintf(text + n, sizeof text - (size_t)n, "  %.1f/s  %lld:%02d:%02d left",
                      (double)done / elapsed, seconds / 3600, (int)(seconds / 60 % 60),
                      (int)(seconds % 60));
    }
    if (failed > 0) n += snprintf(text + n, sizeof text - (size_t)n, "  %d failed", failed);
    width = terminal_columns(STDERR_FILENO) - n - 3;
    if (width > BAR_MAX) width = BAR_MAX;
    if (width < 0) width = 0;
    filled = p->total > 0 ? (int)(width * (done + past) / p->total) : 0;
    memset(bar, '-', sizeof bar);
    memset(bar, '#', (size_t)filled);
    bar[width] = '\0';
    fprintf(stderr, "\r[%s]%s\033[K", bar, text);
}
