/*
 * inject.h - makes one call of the system fail: linked into a test, or preloaded into a program.
 *
 * Preloaded, INJECT=KIND:N fails the N-th call of a kind that the process makes; without a
 * number none fails. INJECT_COUNTS names a file that is told at the end how many calls of each
 * kind there were. The kinds are named as below, in lower case. Only beside glibc's malloc.
 */
#ifndef MIEN_TESTS_INJECT_H
#define MIEN_TESTS_INJECT_H

enum inject_kind {
    INJECT_MALLOC, /* and its relatives; C++ gets its memory there, too */
    INJECT_READ,   /* and pread(); of these two not an eventfd's, which do not fail */
    INJECT_WRITE,
    INJECT_MMAP,
    INJECT_RENAME,
    INJECT_THREAD, /* the start of one */
    INJECT_KINDS
};

/* Fails the n-th call from now on, of any thread; 0: none. */
void inject(enum inject_kind kind, long n);
/* 1: of allocations, only those of the program itself count, not of the libraries it calls. */
void inject_own(int only);
/* How many there were. */
long inject_calls(enum inject_kind kind);
/* Allocations that have not been freed. */
long inject_live(void);

#endif
