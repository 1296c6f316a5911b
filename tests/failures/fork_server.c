/* Preloaded with INJECT_SERVE, a socket's number, a program does not run when it is started but
 * each time a packet asks for it: as a child that is forked where main() begins, so that a run
 * costs what it does and not what loading it does. A packet is "KIND:N", the call that fails,
 * counted from there on, or "none". Answers are the child's process number, and when it has ended
 * its wait status, how many allocations it did not free, and its calls of each kind. */
#include "inject.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int main_function(int argc, char **argv, char **envp);
typedef int start_function(main_function *main, int argc, char **argv, void (*init)(void),
                           void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

static main_function *program;

/* Past inject_calls.c, which counts. */
static int receive(int fd, char *text, size_t room) {
    long n = syscall(SYS_recvfrom, fd, text, room - 1, 0, NULL, NULL);
    if (n <= 0) return -1;
    text[n] = '\0';
    return 0;
}

static void answer(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void answer(int fd, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (syscall(SYS_sendto, fd, text, (size_t)n, MSG_NOSIGNAL, NULL, 0) != n) _exit(EXIT_FAILURE);
}

static void tell(int fd, int status) {
    char calls[192] = "";
    for (int k = 0; k < INJECT_KINDS; k++) {
        size_t n = strlen(calls);
        snprintf(calls + n, sizeof calls - n, " %s=%ld", inject_name((enum inject_kind)k),
                 inject_calls((enum inject_kind)k));
    }
    answer(fd, "%d %ld%s", status, inject_live(), calls);
}

/* Forks a child that runs the program with its call failing; returns in it. */
static void serve(int fd) {
    char what[64];
    if (inject_share()) _exit(EXIT_FAILURE);
    while (receive(fd, what, sizeof what) == 0) {
        enum inject_kind kind = INJECT_MALLOC;
        long n = inject_parse(what, &kind);
        int status;
        inject_rewind();
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(fd);
            inject(kind, n);
            return;
        }
        answer(fd, "%d", (int)child);
        if (child < 0 || waitpid(child, &status, 0) != child) break;
        tell(fd, status);
    }
    _exit(EXIT_SUCCESS);
}

static int serve_or_run(int argc, char **argv, char **envp) {
    const char *fd = getenv("INJECT_SERVE");
    if (fd) serve((int)strtol(fd, NULL, 10));
    return program(argc, argv, envp);
}

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end) {
    start_function *start = (start_function *)dlsym(RTLD_NEXT, "__libc_start_main");
    program = main;
    return start(serve_or_run, argc, argv, init, fini, rtld_fini, stack_end);
}
