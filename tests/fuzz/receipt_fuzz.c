/*
 * receipt_fuzz.c - arbitrary bytes as a receipt of a deletion, and as what was deleted: the first
 * byte says which.
 *
 * A receipt that is taken is the same when it is written and read again. What was deleted is found
 * in a file wherever a look at every 32 bytes of it finds one of its pieces, and nowhere else.
 */
#include "gallery/receipt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEARCHED_MOST = 512 }; /* a hash of every 32 bytes of them takes long enough */

static void read_text(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), *again;
    struct receipt r, same;

    if (!text) abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (receipt_read(text, &r) == MIEN_OK) {
        again = receipt_text(&r, 1, 2);
        if (!again || receipt_read(again, &same) || same.n != r.n) abort();
        if (r.n && memcmp(r.marks, same.marks, r.n * sizeof *r.marks) != 0) abort();
        if (memcmp(r.salt, same.salt, sizeof r.salt) != 0) abort();
        receipt_free(&same);
        free(again);
        receipt_free(&r);
    } else if (r.marks) {
        abort();
    }
    free(text);
}

static int count(void *context, const char *sentence) {
    *(int *)context += strstr(sentence, "32 bytes of what was deleted") != NULL;
    return 0;
}

static int is_piece(const struct receipt *r, const uint8_t *at) {
    struct receipt one = {0};
    int is = 0;

    memcpy(one.salt, r->salt, sizeof one.salt);
    if (receipt_add(&one, at, RECEIPT_PIECE, 0)) abort();
    for (size_t i = 0; i < r->n && one.n && !is; i++)
        is = memcmp(r->marks[i].hash, one.marks[0].hash, RECEIPT_MARK) == 0;
    receipt_free(&one);
    return is;
}

/* The first `n` bytes were deleted; the file has all, and comes in pieces that break there. */
static void search(const uint8_t *data, size_t size, size_t n) {
    int found = 0, told = 0, expected = 0;
    struct receipt_search *search;
    struct receipt made, r;
    char *text;

    if (receipt_begin(&made) || receipt_add(&made, data, n, 0)) abort();
    text = receipt_text(&made, 1, 1);
    if (!text || receipt_read(text, &r) || r.n != made.n) abort();
    search = receipt_search_begin(&r, count, &told, &found);
    if (!search || receipt_search_piece(search, "other", 0, data, n)) abort();
    found = told = 0;
    if (receipt_search_piece(search, "file", 0, data, n / 2)) abort();
    if (receipt_search_piece(search, "file", n / 2, data + n / 2, size - n / 2)) abort();
    for (size_t at = 0; at + RECEIPT_PIECE <= size; at++) expected += is_piece(&r, data + at);
    if (found != expected || told != found || (size_t)found < made.n) abort();
    free(search);
    receipt_free(&made);
    receipt_free(&r);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    if (!(data[0] & 1)) {
        read_text(data + 1, size - 1);
        return 0;
    }
    size = size - 2 < SEARCHED_MOST ? size - 2 : SEARCHED_MOST;
    search(data + 2, size, data[1] < size ? data[1] : size);
    return 0;
}
