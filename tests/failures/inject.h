/*
 * inject.h - makes one call of the system fail: linked into a test, or preloaded into a program.
 *
 * Preloaded, INJECT=KIND:N fails the N-th call of a kind that the process makes, as in
 * LD_PRELOAD=libinject.so INJECT=malloc:17 mien detect a.jpg; INJECT_SERVE makes it a program that
 * is started again and again, each time with another call that fails (fork_server.c). The kinds are
 * named as below, in lower case. Only beside glibc's malloc.
 */
#ifndef MIEN_TESTS_INJECT_H
#define MIEN_TESTS_INJECT_H

enum inject_kind {
    INJECT_MALLOC, /* and its relatives; C++ gets its memory there, too */
    INJECT_READ,   /* of files and sockets, by stdio, too; no eventfd's, which do not fail */
    INJECT_WRITE,  /* likewise; and what flushes a file, or makes room in it */
    INJECT_OPEN,   /* whatever gives a descriptor: of files, pipes, sockets, connections */
    INJECT_MMAP,
    INJECT_RENAME, /* and what else changes a folder */
    INJECT_THREAD, /* the start of one, or of a program */
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

const char *inject_name(enum inject_kind kind);
/* N of a text "KIND:N"; 0 where it is none. */
long inject_parse(const char *text, enum inject_kind *kind);
/* Counts in memory that processes forked from now on share; -1 where there is none. */
int inject_share(void);
/* Counts from 0 again, allocations too. */
void inject_rewind(void);

/* Counts a call that is about to be made, and says whether it is to fail. */
int inject_fails(enum inject_kind kind);

#endif
