/*
 * err.h - one sentence about what went wrong, kept per thread.
 *
 * Every layer above kernels/ reports failure as a negative MIEN_E* code plus one sentence that
 * names the file, tensor, picture or argument at fault. The sentence is thread-local so that
 * threads that share a context never see each other's errors. It is its own module because it is
 * the one piece of state all layers share.
 */
#ifndef MIEN_ENGINE_ERR_H
#define MIEN_ENGINE_ERR_H

/* Records the sentence (printf format, no newline, no full stop at the end) and returns code, so
 * that callers write `return err_set(MIEN_EFORMAT, "%s: not a picture", path);`. Truncated at 511
 * bytes. */
int err_set(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "prefix: " before the sentence already recorded; returns code. */
int err_prefix(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* rc, but MIEN_ENOMEM with a sentence where rc is `broken` and memory ran out since the caller set
 * errno to 0: libraries call broken what they had no memory to read, and malloc() says so there. */
int err_if_memory(int rc, int broken, const char *what);
/* MIEN_EINVAL: a pointer that a public function was given is NULL. */
int err_null(const char *function);
/* The sentence; "" where nothing failed in this thread. */
const char *err_text(void);

#endif
