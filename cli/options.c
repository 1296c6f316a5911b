#include "options.h"

#include "commands.h"
#include "common/ascii.h"
#include "config.h"
#include "near.h"
#include "say.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPECTED_MAX = 128 };

char *option_env_name(const struct option_def *def, char out[64]) {
    int n = snprintf(out, 64, "MIEN_%s", def->name);

    for (int i = 0; i < n && i < 63; i++) out[i] = out[i] == '-' ? '_' : ascii_upper(out[i]);
    return out;
}

/* A decimal integer that is the whole of text, up to `end`. */
static int parse_int(const char *text, char end, long min, long max, int *out, const char **rest) {
    char *stop;
    long v;

    /* strtol would take blanks and signs */
    if (!ascii_is_digit(text[*text == '-' && min < 0 ? 1 : 0])) return -1;
    errno = 0;
    v = strtol(text, &stop, 10);
    if (errno || stop == text || (*stop && *stop != end) || v < min || v > max) return -1;
    *out = (int)v;
    if (rest) *rest = stop;
    return 0;
}

static int parse_real(const char *text, double min, double max, double *out) {
    char *stop;
    double v;

    if (!ascii_is_digit(*text) && *text != '.') return -1;
    v = strtod(text, &stop);
    if (stop == text || *stop || !isfinite(v) || v < min || v > max) return -1;
    *out = v;
    return 0;
}

static int parse_flag(const char *text, int *out) {
    static const char *const words[] = {"0", "1", "no", "yes", "off", "on", "false", "true"};

    for (int i = 0; i < (int)(sizeof words / sizeof *words); i++) {
        if (ascii_same(text, words[i])) {
            *out = i & 1;
            return 0;
        }
    }
    return -1;
}

static const char *choice_at(const struct option_def *def, int i) {
    return def->choice ? def->choice(i) : def->choices[i];
}

static int parse_choice(const struct option_def *def, const char *text, int *out) {
    for (int i = 0; choice_at(def, i); i++) {
        if (strcmp(text, choice_at(def, i)) == 0) {
            *out = i;
            return 0;
        }
    }
    return -1;
}

/* "640x480" to two ints; "640" is a square; "0" stands for the network's default. */
static int parse_size(const char *text, int out[2]) {
    const char *rest;
    int w, h;

    if (parse_int(text, 'x', 0, 100000, &w, &rest)) return -1;
    h = w;
    if (*rest && (w == 0 || parse_int(rest + 1, '\0', 1, 100000, &h, NULL))) return -1;
    out[0] = w;
    out[1] = h;
    return 0;
}

/* A number of bytes with K, M or G (of 1024) behind it. */
static int parse_bytes(const char *text, double min, double max, size_t *out) {
    static const char units[] = "KMG";
    char *stop;
    double v;

    if (!ascii_is_digit(*text)) return -1;
    v = strtod(text, &stop);
    if (*stop && strchr(units, ascii_upper(*stop)))
        v *= (double)((size_t)1 << 10 * (strchr(units, ascii_upper(*stop++)) - units + 1));
    if (*stop || !isfinite(v) || v < min || v > max) return -1;
    *out = (size_t)v;
    return 0;
}

static int parse_device(const char *text, int out[2]) {
    int index = 0;

    if (strcmp(text, "cpu") == 0) {
        out[0] = MIEN_DEVICE_CPU;
    } else if (strncmp(text, "cuda", 4) == 0 && (text[4] == '\0' || text[4] == ':')) {
        if (text[4] && parse_int(text + 5, '\0', 0, 1023, &index, NULL)) return -1;
        out[0] = MIEN_DEVICE_CUDA;
    } else {
        return -1;
    }
    out[1] = index;
    return 0;
}

/* What an option's value has to be, for the sentence about one that is not. */
static void describe_expected(const struct option_def *def, char out[EXPECTED_MAX]) {
    size_t n;

    switch (def->kind) {
    case KIND_FLAG: snprintf(out, EXPECTED_MAX, "yes or no"); break;
    case KIND_TEXT: snprintf(out, EXPECTED_MAX, "%s", def->arg); break;
    case KIND_INT:
        snprintf(out, EXPECTED_MAX, "a whole number from %.0f to %.0f", def->min, def->max);
        break;
    case KIND_REAL:
        snprintf(out, EXPECTED_MAX, "a number from %g to %g", def->min, def->max);
        break;
    case KIND_BYTES:
        snprintf(out, EXPECTED_MAX, "a number of bytes such as 4096, 512K, 10M or 2G");
        break;
    case KIND_SIZE: snprintf(out, EXPECTED_MAX, "a size such as 640x480"); break;
    case KIND_DEVICE: snprintf(out, EXPECTED_MAX, "cpu, cuda or cuda:N"); break;
    case KIND_CHOICE:
        snprintf(out, EXPECTED_MAX, "one of %s", choice_at(def, 0));
        for (int i = 1; choice_at(def, i); i++) {
            n = strlen(out);
            snprintf(out + n, EXPECTED_MAX - n, ", %s", choice_at(def, i));
        }
        break;
    }
}

/* Parses text into the option's field. Returns -1 where it is not such a value. */
static int set_value(const struct option_def *def, const char *text, struct options *opt) {
    void *field = (char *)opt + def->field;

    switch (def->kind) {
    case KIND_FLAG: return parse_flag(text, field);
    case KIND_INT: return parse_int(text, '\0', (long)def->min, (long)def->max, field, NULL);
    case KIND_REAL: return parse_real(text, def->min, def->max, field);
    case KIND_CHOICE: return parse_choice(def, text, field);
    case KIND_BYTES: return parse_bytes(text, def->min, def->max, field);
    case KIND_SIZE: return parse_size(text, field);
    case KIND_DEVICE: return parse_device(text, field);
    case KIND_TEXT:
        if (!*text) return -1;
        *(const char **)field = text;
        return 0;
    }
    return -1;
}

/* origin is "--top" or "MIEN_TOP". */
static int set_or_say(const struct option_def *def, const char *origin, const char *text,
                      struct options *opt) {
    char expected[EXPECTED_MAX];

    if (set_value(def, text, opt) == 0) return EXIT_OK;
    describe_expected(def, expected);
    if (!*text) return say_usage(opt->command_name, "%s needs a value: %s", origin, expected);
    return say_usage(opt->command_name, "%s: '%s' is not %s", origin, text, expected);
}

/* The option of that command whose name is name[0..length-1]; NULL where there is none. */
static const struct option_def *find_option(unsigned command, const char *name, size_t length) {
    for (const struct option_def *def = option_defs(); def->name; def++) {
        if ((def->commands & command) && strlen(def->name) == length &&
            memcmp(def->name, name, length) == 0)
            return def;
    }
    return NULL;
}

/* The commands that take an option of this name, in a few words; empty: none does. */
static void commands_taking(const char *name, size_t length, char out[EXPECTED_MAX]) {
    size_t n = 0;

    out[0] = '\0';
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (!find_option(c->bit, name, length)) continue;
        snprintf(out + n, EXPECTED_MAX - n, "%s%s", n ? ", " : "", c->name);
        n = strlen(out);
    }
}

/* The option of the command that was meant. */
static struct near near_option(const struct options *opt, const char *name, size_t length) {
    struct near near;

    near_begin(&near, name, length);
    for (const struct option_def *def = option_defs(); def->name; def++)
        if (def->commands & opt->command) near_offer(&near, def->name);
    return near;
}

/* arg: with its dashes; the name begins behind them. */
static int say_unknown(const struct options *opt, const char *arg, size_t dashes,
                       size_t name_length) {
    char others[EXPECTED_MAX];
    struct near near = near_option(opt, arg + dashes, name_length);
    int shown = (int)(dashes + name_length);

    commands_taking(arg + dashes, name_length, others);
    if (near.best && (near.distance == 0 || !*others))
        return say_usage(opt->command_name, "unknown option %.*s, perhaps --%s is meant", shown,
                         arg, near.best);
    if (*others)
        return say_usage(opt->command_name, "unknown option %.*s: it is one of %s", shown, arg,
                         others);
    return say_usage(opt->command_name, "unknown option %.*s", shown, arg);
}

/* Handles argv[*i] (which starts with "--") and the value that may follow it; advances *i. */
static int parse_long(int argc, char **argv, int *i, struct options *opt) {
    const char *arg = argv[*i], *equals = strchr(arg, '='), *value;
    size_t length = equals ? (size_t)(equals - arg) - 2 : strlen(arg) - 2;
    const struct option_def *def = find_option(opt->command, arg + 2, length);
    char origin[64];

    if (!def) return say_unknown(opt, arg, 2, length);
    snprintf(origin, sizeof origin, "--%s", def->name);
    if (equals) {
        value = equals + 1;
    } else if (def->kind == KIND_FLAG) {
        value = "1";
    } else if (*i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0) {
        value = argv[++*i];
    } else {
        value = "";
    }
    return set_or_say(def, origin, value, opt);
}

/* Sets one option of the command by its name, as from a file. */
static int set_named(void *context, const char *origin, const char *name, const char *text) {
    struct options *opt = context;
    const struct option_def *def = find_option(opt->command, name, strlen(name));

    if (!def) {
        struct near near = near_option(opt, name, strlen(name));
        return say_usage(opt->command_name, "%s: there is no option %s%s%s%s", origin, name,
                         near.best ? ", perhaps " : "", near.best ? near.best : "",
                         near.best ? " is meant" : "");
    }
    if (def->field == offsetof(struct options, config))
        return say_usage(opt->command_name, "%s: a file cannot name another", origin);
    return set_or_say(def, origin, text, opt);
}

/* An empty variable counts as unset. */
static int set_from_environment(const struct option_def *def, struct options *opt) {
    char name[64];
    const char *text = getenv(option_env_name(def, name));

    return text && *text ? set_or_say(def, name, text, opt) : EXIT_OK;
}

/* The value of --config on the command line or in the environment: it is read before all others. */
static int find_config(int argc, char **argv, struct options *opt) {
    const struct option_def *def = find_option(opt->command, "config", 6);
    int status = EXIT_OK;

    if (!def) return EXIT_OK;
    status = set_from_environment(def, opt);
    for (int i = 0; i < argc && status == EXIT_OK && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--config") == 0 || strncmp(argv[i], "--config=", 9) == 0)
            status = parse_long(argc, argv, &i, opt);
    return status;
}

/* Defaults first, then the file, then the environment. */
static int set_before_line(int argc, char **argv, struct options *opt) {
    int status;

    opt->side = -1;
    opt->serve.same_person = SAME_PERSON_MEASURED;
    for (const struct option_def *def = option_defs(); def->name; def++)
        if (def->commands & opt->command && def->value) set_value(def, def->value, opt);
    status = find_config(argc, argv, opt);
    if (status == EXIT_OK && opt->config)
        status = config_read(opt->command_name, opt->config, set_named, opt);
    for (const struct option_def *def = option_defs(); def->name && status == EXIT_OK; def++)
        if (def->commands & opt->command) status = set_from_environment(def, opt);
    return status;
}

int options_parse(unsigned command, const char *command_name, int argc, char **argv,
                  struct options *opt, int *help) {
    int status, only_args = 0;

    memset(opt, 0, sizeof *opt);
    opt->command = command;
    opt->command_name = command_name;
    opt->args = argv;
    *help = 0;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *help = 1;
            return EXIT_OK;
        }
    }
    status = set_before_line(argc, argv, opt);
    for (int i = 0; i < argc && status == EXIT_OK; i++) {
        char *arg = argv[i];
        if (only_args || arg[0] != '-' || arg[1] == '\0') {
            opt->args[opt->nargs++] = arg;
        } else if (strcmp(arg, "--") == 0) {
            only_args = 1;
        } else if (arg[1] == '-') {
            status = parse_long(argc, argv, &i, opt);
        } else {
            status = say_unknown(opt, arg, 1, strcspn(arg + 1, "="));
        }
    }
    if (opt->precision == PRECISION_AUTO)
        opt->precision = opt->device == MIEN_DEVICE_CUDA ? MIEN_FP16 : MIEN_FP32;
    return status;
}
