#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void say(const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr); /* a progress bar may be in the line */
    fputs("mien: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

int say_usage(const char *command, const char *fmt, ...) {
    va_list ap;
    const char *space = command ? " " : "";

    if (!command) command = "";
    va_start(ap, fmt);
    fprintf(stderr, "mien%s%s: ", space, command);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nTry 'mien%s%s --help'.\n", space, command);
    va_end(ap);
    return EXIT_USAGE;
}

int say_no_memory(void) {
    say("out of memory");
    return EXIT_FAILED;
}
