#include "gallery/receipt.h"

#include "engine/err.h"
#include "gallery/sha256.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    DISTINCT_LEAST = 8, /* bytes of a piece, else it may well be somewhere by chance */
    MARK_TEXT = 4 + 1 + 2 * RECEIPT_MARK + 1,
    HEAD_TEXT = 256,
    KEPT = RECEIPT_PIECE - 1
};

#define FIRST_LINE "mien-gallery receipt 1\n"

/* A polynomial over the bytes of a piece, modulo 2^32; of its sum the upper half is used. */
static const uint32_t BASE = 0x01000193;

static uint32_t sum_of(const uint8_t *piece) {
    uint32_t sum = 0;

    for (int i = 0; i < RECEIPT_PIECE; i++) sum = sum * BASE + piece[i] + 1;
    return sum;
}

static void hash_of(const struct receipt *r, const uint8_t *piece, uint8_t out[RECEIPT_MARK]) {
    struct sha256 h;
    uint8_t whole[32];

    sha256_start(&h);
    sha256_add(&h, r->salt, sizeof r->salt);
    sha256_add(&h, piece, RECEIPT_PIECE);
    sha256_end(&h, whole);
    memcpy(out, whole, RECEIPT_MARK);
}

static int says_something(const uint8_t *piece) {
    uint8_t seen[256] = {0};
    int distinct = 0;

    for (int i = 0; i < RECEIPT_PIECE; i++) distinct += !seen[piece[i]]++;
    return distinct >= DISTINCT_LEAST;
}

int receipt_begin(struct receipt *r) {
    *r = (struct receipt){0};
    if (getrandom(r->salt, sizeof r->salt, 0) == (ssize_t)sizeof r->salt) return MIEN_OK;
    return err_set(MIEN_EIO, "a receipt's salt: %s", strerror(errno));
}

void receipt_free(struct receipt *r) {
    free(r->marks);
    *r = (struct receipt){0};
}

static struct receipt_mark *new_mark(struct receipt *r) {
    if (r->n == r->room) {
        size_t room = r->room ? 2 * r->room : 256;
        struct receipt_mark *more = realloc(r->marks, room * sizeof *more);
        if (!more) return NULL;
        r->marks = more;
        r->room = room;
    }
    return &r->marks[r->n++];
}

int receipt_add(struct receipt *r, const void *bytes, size_t n, size_t skip) {
    const uint8_t *p = bytes;

    for (size_t at = skip; at + RECEIPT_PIECE + (skip ? RECEIPT_PIECE : 0) <= n;
         at += RECEIPT_PIECE) {
        struct receipt_mark *mark;
        if (!says_something(p + at)) continue;
        mark = new_mark(r);
        if (!mark) return err_set(MIEN_ENOMEM, "a receipt: out of memory");
        mark->sum = (uint16_t)(sum_of(p + at) >> 16);
        hash_of(r, p + at, mark->hash);
    }
    return MIEN_OK;
}

static char *put_hex(char *out, const uint8_t *bytes, int n) {
    for (int i = 0; i < n; i++) out += sprintf(out, "%02x", bytes[i]);
    return out;
}

char *receipt_text(const struct receipt *r, int64_t event, int64_t samples) {
    char *text = malloc(HEAD_TEXT + r->n * MARK_TEXT + 1), *end = text;

    if (!text) return NULL;
    end += sprintf(end, FIRST_LINE "event %" PRId64 "\nsamples %" PRId64 "\npieces %zu\nsalt ",
                   event, samples, r->n);
    end = put_hex(end, r->salt, RECEIPT_SALT);
    *end++ = '\n';
    for (size_t i = 0; i < r->n; i++) {
        end += sprintf(end, "%04x ", r->marks[i].sum);
        end = put_hex(end, r->marks[i].hash, RECEIPT_MARK);
        *end++ = '\n';
    }
    *end = '\0';
    return text;
}

/* Reads n bytes; NULL where they are none, else what is behind them. */
static const char *get_hex(const char *text, uint8_t *out, int n) {
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 2 * n; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit) return NULL;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] << 4 | (digit - digits) : digit - digits);
    }
    return text + 2 * n;
}

static const char *read_mark(const char *text, struct receipt_mark *mark) {
    uint8_t sum[2];

    text = get_hex(text, sum, 2);
    if (!text || *text != ' ') return NULL;
    mark->sum = (uint16_t)(sum[0] << 8 | sum[1]);
    text = get_hex(text + 1, mark->hash, RECEIPT_MARK);
    return text && *text == '\n' ? text + 1 : NULL;
}

static const char *read_head(const char *text, struct receipt *r, size_t *pieces) {
    const char *line =
        strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) ? NULL : strstr(text, "\npieces ");
    char *end;

    if (!line) return NULL;
    *pieces = (size_t)strtoull(line + 8, &end, 10);
    if (strncmp(end, "\nsalt ", 6) != 0) return NULL;
    text = get_hex(end + 6, r->salt, RECEIPT_SALT);
    return text && *text == '\n' ? text + 1 : NULL;
}

static int by_sum(const void *a, const void *b) {
    const struct receipt_mark *x = a, *y = b;

    return (x->sum > y->sum) - (x->sum < y->sum);
}

int receipt_read(const char *text, struct receipt *r) {
    size_t pieces = 0;

    *r = (struct receipt){0};
    text = read_head(text, r, &pieces);
    while (text && *text) {
        struct receipt_mark *mark = new_mark(r);
        if (!mark) {
            receipt_free(r);
            return err_set(MIEN_ENOMEM, "a receipt: out of memory");
        }
        text = read_mark(text, mark);
    }
    if (r->n) qsort(r->marks, r->n, sizeof *r->marks, by_sum);
    if (text && r->n == pieces) return MIEN_OK;
    receipt_free(r);
    return err_set(MIEN_EFORMAT, "this is no receipt of a deletion, or not all of one");
}

/* A search through files, one after the other. */
struct receipt_search {
    const struct receipt *r;
    mien_gallery_problem *problem;
    void *context;
    int *found;
    uint8_t sums[65536 / 8]; /* which there are */
    size_t kept;             /* of the end of the piece before, where one of ours may begin */
    uint8_t bytes[KEPT + STORE_PIECE];
};

/* The first mark of a sum. */
static size_t first_of(const struct receipt *r, uint16_t sum) {
    size_t low = 0, high = r->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->marks[middle].sum < sum)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int check_piece(struct receipt_search *s, const char *file, const uint8_t *piece,
                       uint16_t sum, size_t at) {
    const struct receipt *r = s->r;
    uint8_t hash[RECEIPT_MARK];
    char sentence[512];

    hash_of(r, piece, hash);
    for (size_t i = first_of(r, sum); i < r->n && r->marks[i].sum == sum; i++) {
        if (memcmp(r->marks[i].hash, hash, sizeof hash) != 0) continue;
        ++*s->found;
        snprintf(sentence, sizeof sentence, "%s: 32 bytes of what was deleted are at byte %zu",
                 file, at);
        return s->problem(s->context, sentence);
    }
    return MIEN_OK;
}

/* Every place of n bytes at which a piece can begin; they lie `before` bytes into the file. */
static int search_bytes(struct receipt_search *s, const char *file, const uint8_t *p, size_t n,
                        size_t before) {
    uint32_t leaving = 1, sum;
    int rc = MIEN_OK;

    if (n < RECEIPT_PIECE) return MIEN_OK;
    for (int i = 0; i < RECEIPT_PIECE; i++) leaving *= BASE;
    sum = sum_of(p);
    for (size_t at = 0; rc == MIEN_OK; at++) {
        uint16_t mark = (uint16_t)(sum >> 16);
        if (s->sums[mark / 8] >> mark % 8 & 1) rc = check_piece(s, file, p + at, mark, before + at);
        if (at + RECEIPT_PIECE >= n) break;
        sum = sum * BASE + p[at + RECEIPT_PIECE] + 1 - leaving * (p[at] + 1U);
    }
    return rc;
}

struct receipt_search *receipt_search_begin(const struct receipt *r, mien_gallery_problem *problem,
                                            void *context, int *found) {
    struct receipt_search *s = calloc(1, sizeof *s);

    if (!s) return NULL;
    s->r = r;
    s->problem = problem;
    s->context = context;
    s->found = found;
    for (size_t i = 0; i < r->n; i++)
        s->sums[r->marks[i].sum / 8] |= (uint8_t)(1U << r->marks[i].sum % 8);
    return s;
}

int receipt_search_piece(void *search, const char *file, size_t at, const uint8_t *bytes,
                         size_t n) {
    struct receipt_search *s = search;
    size_t all, kept;
    int rc;

    if (at == 0) s->kept = 0;
    memcpy(s->bytes + s->kept, bytes, n);
    all = s->kept + n;
    rc = search_bytes(s, file, s->bytes, all, at - s->kept);
    kept = all < KEPT ? all : KEPT;
    memmove(s->bytes, s->bytes + all - kept, kept);
    s->kept = kept;
    return rc;
}
