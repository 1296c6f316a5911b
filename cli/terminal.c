#include "terminal.h"

#include <sys/ioctl.h>

int terminal_columns(int fd) {
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

int text_columns(const char *text, size_t bytes) {
    int n = 0;

    /* Bytes that do not continue a UTF-8 sequence. */
    for (size_t i = 0; i < bytes; i++) n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}
