/*
 * stamp.h - whether what was written for a picture is up to date, by a look at the file's times.
 *
 * A stamp is a number of the picture (name, size, time of change), of the options that change what
 * is written, and of the networks. A file that was written for it carries it in the nanoseconds of
 * its time of change, which is else the time it was written. It comes into being with the file's
 * name in one step, needs no file or key beside, and no memory however many pictures there are;
 * what was copied without nanoseconds, or touched, is taken for out of date and done again. That of
 * a change nothing is noticed has a probability of 1e-9.
 */
#ifndef MIEN_CLI_STAMP_H
#define MIEN_CLI_STAMP_H

#include "input.h"
#include "pipeline.h"

/* What all stamps of a run have in common. Returns an exit status after saying what is wrong. */
int stamp_contract(const struct pipeline *p, uint64_t *contract);
/* Not 0. */
uint64_t stamp_of(uint64_t contract, const struct input *input);
/* 64 bits of a SHA-256. */
uint64_t stamp_hash(const void *bytes, size_t n);
/* Whether a file that is not empty carries it. */
int stamp_is_on(const char *path, uint64_t stamp);
/* Writes it to an open file, or one that is there: 0 or an errno. */
int stamp_put(int fd, uint64_t stamp);
int stamp_put_on(const char *path, uint64_t stamp);

#endif
