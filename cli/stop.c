#include "stop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t asked;
static int ends[2] = {-1, -1}; /* a pipe: poll() wakes up, whenever the signal comes */

static void note(int signal) {
    (void)signal;
    asked = 1;
    (void)!write(ends[1], "", 1);
}

void stop_catch(void) {
    struct sigaction action;

    (void)!pipe2(ends, O_CLOEXEC | O_NONBLOCK); /* without it a signal is noted later */
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int stop_asked(void) {
    return asked != 0;
}

int stop_wait(int fd, int milliseconds) {
    struct pollfd wait[2] = {{.fd = fd, .events = POLLIN}, {.fd = ends[0], .events = POLLIN}};

    if (asked) return 0;
    return poll(wait, 2, milliseconds) > 0 && (wait[0].revents & POLLIN);
}
