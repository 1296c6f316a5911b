/*
 * `mien-decode`: decodes one picture for vision/isolate.c, whose header tells what goes in and out.
 * Nobody runs it by hand. It has no file but those it is given, and limits on what it may use.
 */
#include "vision/isolate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* What runs beside a sanitizer maps terabytes of which it uses none. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MAPS_FREELY = 1 };
#else
enum { MAPS_FREELY = 0 };
#endif

/* No picture has more, whatever is allowed: limits are numbers of 64 bits. */
static const uint64_t MOST_PIXELS = UINT64_C(1) << 40;

static void confine(uint64_t memory, uint64_t answer) {
    const struct rlimit none = {0, 0}, most = {memory, memory}, written = {answer, answer};
    close_range(STDERR_FILENO + 2, ~0U, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &written);
    if (!MAPS_FREELY) setrlimit(RLIMIT_AS, &most);
}

static int write_all(const void *from, size_t n) {
    const char *at = from;
    while (n) {
        ssize_t put = write(STDOUT_FILENO, at, n);
        if (put <= 0) return -1;
        at += put;
        n -= (size_t)put;
    }
    return 0;
}

static int answer(const struct isolate_request *r, const void *bytes) {
    const mien_decode_options opt = {.struct_size = sizeof opt,
                                     .max_pixels = r->max_pixels,
                                     .keep_orientation = r->keep_orientation};
    struct isolate_answer a = {.rc = MIEN_OK};
    mien_image *img = NULL;
    snprintf(a.version, sizeof a.version, "%s", mien_version());
    if (strcmp(r->version, a.version) == 0)
        a.rc = mien_image_decode(NULL, bytes, r->size, &opt, &img);
    if (a.rc != MIEN_OK) {
        snprintf(a.sentence, sizeof a.sentence, "%s", mien_error());
    } else if (img) {
        a.width = img->width;
        a.height = img->height;
        a.has_alpha = img->has_alpha;
    }
    int failed = write_all(&a, sizeof a);
    for (int y = 0; img && y < img->height && !failed; y++)
        failed = write_all(img->pixels + y * img->pitch, 3 * (size_t)img->width);
    mien_image_free(img);
    return failed;
}

int main(void) {
    struct isolate_request r;
    if (pread(STDIN_FILENO, &r, sizeof r, 0) != sizeof r) {
        dprintf(STDERR_FILENO,
                "mien-decode is run by mien, to decode a picture in a process of its own\n");
        return EXIT_FAILURE;
    }
    r.version[sizeof r.version - 1] = '\0';
    uint64_t pixels = r.max_pixels < MOST_PIXELS ? r.max_pixels : MOST_PIXELS;
    confine(ISOLATE_MEMORY(pixels) + r.size, sizeof(struct isolate_answer) + 3 * pixels);
    setenv("MIEN_DECODER", "none", 1);
    void *all = mmap(NULL, sizeof r + r.size, PROT_READ, MAP_SHARED, STDIN_FILENO, 0);
    if (all == MAP_FAILED) return EXIT_FAILURE;
    return answer(&r, (const char *)all + sizeof r) ? EXIT_FAILURE : EXIT_SUCCESS;
}
