/*
 * options_fuzz.c - arbitrary command lines, and configuration files, to the tool's reader of them.
 *
 * The first byte picks the command; then come words, each ended by a NUL, and behind an empty word
 * the text of a file that --config names. What is taken is what the table allows, what is not has a
 * sentence (on standard error, which libFuzzer closes) and the exit status of a wrong command line.
 */
#include "cli/commands.h"
#include "cli/say.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_WORDS = 32 };

/* A file in memory by a name that can be opened. */
static int write_config(const char *text, size_t size, char name[64]) {
    int fd = memfd_create("config", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text, size) != (ssize_t)size) abort();
    snprintf(name, 64, "--config=/proc/self/fd/%d", fd);
    return fd;
}

/* Every number the command has is one the table allows. */
static void check(const struct options *opt) {
    for (const struct option_def *def = option_defs(); def->name; def++) {
        const char *field = (const char *)opt + def->field;
        int whole;
        double real;
        if (!(def->commands & opt->command) || !def->value) continue;
        if (def->kind == KIND_INT) {
            memcpy(&whole, field, sizeof whole);
            if (whole < def->min || whole > def->max) abort();
        } else if (def->kind == KIND_REAL) {
            memcpy(&real, field, sizeof real);
            if (!isfinite(real) || real < def->min || real > def->max) abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), *words[MOST_WORDS + 2], config[64];
    int n = 0, fd = -1, help, commands = 0;
    struct options opt;
    if (!text || size < 1) {
        free(text);
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    char *at = text + 1, *end = text + size;
    for (; at < end && *at && n < MOST_WORDS; at += strlen(at) + 1) words[n++] = at;
    if (at < end && !*at) {
        fd = write_config(at + 1, (size_t)(end - at - 1), config);
        words[n++] = config;
    }
    words[n] = NULL;
    while (COMMANDS[commands].name) commands++;
    const struct command *c = &COMMANDS[data[0] % commands];
    int status = options_parse(c->bit, c->name, n, words, &opt, &help);
    if (status != EXIT_OK && status != EXIT_USAGE) abort();
    if (status == EXIT_OK && !help) {
        check(&opt);
        for (int i = 0; i < opt.nargs; i++)
            if (opt.args[i] != config && strlen(opt.args[i]) > size) abort();
    }
    if (fd >= 0) close(fd);
    free(text);
    return 0;
}
