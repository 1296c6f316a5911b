/*
 * fiber.h - a stack to run a function on, and the switch between two of them.
 *
 * A kernel's threads switch at every word a warp says together, tens of millions of times a
 * network: on x86-64 that is a dozen instructions, elsewhere swapcontext().
 */
#ifndef MIEN_TESTS_CUDA_FIBER_H
#define MIEN_TESTS_CUDA_FIBER_H

#include <stddef.h>

/* Stack `i` of the pool: memory of fiber_stack_size() bytes behind an unreadable page. */
char *fiber_stack(size_t i);
size_t fiber_stack_size();

/* A fiber that runs entry() on `stack`; entry never returns. */
void *fiber_new(char *stack, void (*entry)());
/* Goes on with `to`; *from is what goes on here, once. */
void fiber_switch(void **from, void *to);

#endif
