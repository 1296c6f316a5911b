#include "output.h"

#include "common/json_values.h"
#include "say.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_WIDTH = 100, INDENT = 2 };

/* Why standard output takes no more: 0, or an errno. */
static int broken;

/* Flushes, and notes in `broken` why that fails. stdio remembers that an earlier write failed but
 * not why: then only a pipe whose reader has gone can still be told from other causes. */
static void flush(void) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    errno = 0;
    if (broken || (fflush(stdout) == 0 && !ferror(stdout))) return;
    broken = errno;
    if (!broken)
        broken = poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) ? EPIPE : EIO;
}

/* failed: something was left out, since jansson takes memory to write, too. */
struct printer {
    FILE *out;
    int colour, failed;
};

static const char *colour_of(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_STRING: return "\033[32m";
    case JSON_INTEGER:
    case JSON_REAL: return "\033[36m";
    default: return "\033[35m";
    }
}

static void print_coloured(struct printer *p, const char *colour, const json_t *value) {
    if (p->colour) fputs(colour, p->out);
    if (json_dumpf(value, p->out, JSON_VALUES_DUMP)) p->failed = 1;
    if (p->colour) fputs("\033[0m", p->out);
}

static void print_key(struct printer *p, const char *key) {
    json_t *text = json_string_nocheck(key);

    if (text)
        print_coloured(p, "\033[1;34m", text);
    else
        p->failed = 1;
    json_decref(text);
    fputs(": ", p->out);
}

static int is_container(const json_t *value) {
    return json_is_object(value) || json_is_array(value);
}

/* Columns the value takes on one line; a very large number where it is a large value. */
static size_t inline_width(struct printer *p, const json_t *value) {
    size_t width = json_dumpb(value, NULL, 0, JSON_VALUES_DUMP);

    if (width == 0) p->failed = 1;
    return width;
}

static void print_inline(struct printer *p, json_t *value) {
    const char *key, *comma = "";
    json_t *item;
    size_t i;

    if (json_is_object(value)) {
        fputc('{', p->out);
        json_object_foreach(value, key, item) {
            fputs(comma, p->out);
            print_key(p, key);
            print_inline(p, item);
            comma = ", ";
        }
        fputc('}', p->out);
    } else if (json_is_array(value)) {
        fputc('[', p->out);
        json_array_foreach(value, i, item) {
            fputs(comma, p->out);
            print_inline(p, item);
            comma = ", ";
        }
        fputc(']', p->out);
    } else {
        print_coloured(p, colour_of(value), value);
    }
}

/* Long arrays of numbers (embeddings) are filled like a paragraph. */
static void print_filled(struct printer *p, const json_t *array, int indent) {
    size_t column = LINE_WIDTH, i;
    json_t *item;

    fputc('[', p->out);
    json_array_foreach(array, i, item) {
        size_t width = inline_width(p, item) + 2;
        if (i) fputc(',', p->out);
        if (column + width > LINE_WIDTH) {
            fprintf(p->out, "\n%*s", indent + INDENT, "");
            column = (size_t)indent + INDENT;
        } else {
            fputc(' ', p->out);
        }
        print_inline(p, item);
        column += width;
    }
    fprintf(p->out, "\n%*s]", indent, "");
}

static void print_value(struct printer *p, json_t *value, int indent, int column) {
    const char *key, *comma = "";
    json_t *item;
    size_t i;

    if (!is_container(value) || (size_t)column + inline_width(p, value) < LINE_WIDTH) {
        print_inline(p, value);
    } else if (json_is_object(value)) {
        fputc('{', p->out);
        json_object_foreach(value, key, item) {
            fprintf(p->out, "%s\n%*s", comma, indent + INDENT, "");
            print_key(p, key);
            print_value(p, item, indent + INDENT, indent + INDENT + (int)strlen(key) + 4);
            comma = ",";
        }
        fprintf(p->out, "\n%*s}", indent, "");
    } else if (!is_container(json_array_get(value, 0))) {
        print_filled(p, value, indent);
    } else {
        fputc('[', p->out);
        json_array_foreach(value, i, item) {
            fprintf(p->out, "%s\n%*s", comma, indent + INDENT, "");
            print_value(p, item, indent + INDENT, indent + INDENT);
            comma = ",";
        }
        fprintf(p->out, "\n%*s]", indent, "");
    }
}

static int wants_colour(void) {
    const char *no_colour = getenv("NO_COLOR"); /* no-color.org */
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
}

/* Returns 0, or -1 where memory ran out; of what is for programs nothing is printed then. */
static int print(json_t *value, int pretty, int colour, FILE *out) {
    struct printer p = {.out = out, .colour = colour};
    char *text;

    if (pretty) {
        print_value(&p, value, 0, 0);
    } else {
        text = json_value_dump(value, JSON_VALUES_DUMP | JSON_COMPACT, NULL);
        if (!text) return -1;
        fputs(text, out);
        free(text);
    }
    fputc('\n', out);
    return p.failed ? -1 : 0;
}

int output_print(json_t *value, int pretty, FILE *out) {
    return print(value, pretty, 0, out);
}

int output_json(json_t *value, int pretty) {
    if (!value) {
        if (!broken) broken = ENOMEM;
        return -1;
    }
    if (!broken) {
        int failed = print(value, pretty, pretty && wants_colour(), stdout);
        flush();
        if (failed && !broken) broken = ENOMEM;
    }
    json_decref(value);
    return broken ? -1 : 0;
}

void output_flush(void) {
    flush();
}

int output_broken(void) {
    return broken != 0;
}

int output_close(int status) {
    flush();
    if (!broken || broken == EPIPE) return status;
    say("standard output: %s", strerror(broken));
    return EXIT_FAILED;
}
