#include "server/base64.h"

#include "common/ascii.h"

#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

/* What may stand before the comma of a data: URI (RFC 2397): a media type and its parameters. */
enum { MAX_PREFIX = 256 };

/* Moves *text behind "data:<type>;base64,", where it starts with "data:". */
static int skip_prefix(const char **text, size_t *length, char why[WHY_SIZE]) {
    static const char scheme[] = "data:", marker[] = ";base64";
    const size_t start = sizeof scheme - 1, tail = sizeof marker - 1;

    if (*length < start || !ascii_same_n(*text, scheme, start)) return 0;
    const char *comma = memchr(*text, ',', *length < MAX_PREFIX ? *length : MAX_PREFIX);
    if (!comma || (size_t)(comma - *text) < start + tail ||
        !ascii_same_n(comma - tail, marker, tail))
        return why_set(why, 400, "a data: URI must have ;base64, before its data");
    *length -= (size_t)(comma + 1 - *text);
    *text = comma + 1;
    return 0;
}

static int is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bytes that text decodes to, if it is base64. */
static size_t decoded_size(const char *text, size_t length) {
    size_t characters = 0;
    for (size_t i = 0; i < length; i++) characters += !is_blank(text[i]) && text[i] != '=';
    return characters / 4 * 3 + characters % 4 * 3 / 4;
}

static void start(struct base64_decode_ctx *ctx, const char *text, size_t length) {
    if (memchr(text, '-', length) || memchr(text, '_', length))
        base64url_decode_init(ctx);
    else
        base64_decode_init(ctx);
}

/* Says where decoding failed. */
static int say_where(const char *text, size_t length, char why[WHY_SIZE]) {
    struct base64_decode_ctx ctx;
    uint8_t byte;
    size_t i = 0;
    start(&ctx, text, length);
    while (i < length && base64_decode_single(&ctx, &byte, text[i]) >= 0) i++;
    return why_set(why, 400, "not base64: character %zu is wrong", i + 1);
}

/* The end of the text: all of the padding or nothing of it, and what is left of the last character
 * must be zeros. */
static int finish(struct base64_decode_ctx *ctx, char why[WHY_SIZE]) {
    size_t none;
    uint8_t nowhere[BASE64_DECODE_LENGTH(2)];
    /* 4 bits wait for two '=', 2 bits for one; 6 are a character too few, which nettle would let be
     * padded with three. */
    int whole = ctx->padding == 0 ? ctx->bits < 6 : ctx->padding < 3 && ctx->bits == 0;
    if (whole && base64_decode_update(ctx, &none, nowhere, ctx->bits / 2, "==") &&
        base64_decode_final(ctx))
        return 0;
    return why_set(why, 400, "not base64: the end of the data is missing or wrong");
}

int base64_to_bytes(const char *text, size_t length, size_t max, uint8_t **bytes, size_t *size,
                    char why[WHY_SIZE]) {
    struct base64_decode_ctx ctx;
    *bytes = NULL;
    *size = 0;
    int status = skip_prefix(&text, &length, why);
    if (status) return status;
    if (length / 4 * 3 > max && decoded_size(text, length) > max)
        return why_set(why, 413, "more than %zu bytes", max);

    uint8_t *out = malloc(BASE64_DECODE_LENGTH(length) + 1);
    if (!out) return why_set(why, 500, "out of memory");
    start(&ctx, text, length);
    if (!base64_decode_update(&ctx, size, out, length, text))
        status = say_where(text, length, why);
    else
        status = finish(&ctx, why);
    if (!status && *size > max) status = why_set(why, 413, "more than %zu bytes", max);
    if (status) {
        free(out);
        *size = 0;
        return status;
    }
    *bytes = out;
    return 0;
}
