#include "tests/cuda/emulator/fiber.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <vector>

enum { STACK = 128 << 10, PAGE = 4096 };

size_t fiber_stack_size() {
    return STACK;
}

char *fiber_stack(size_t i) {
    static std::vector<char *> stacks;
    while (stacks.size() <= i) {
        void *p = mmap(NULL, STACK + PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED || mprotect(p, PAGE, PROT_NONE)) {
            perror("emulated CUDA: no memory for a thread's stack");
            abort();
        }
        stacks.push_back((char *)p + PAGE);
    }
    return stacks[i];
}

#if defined(__x86_64__) && !defined(EMULATOR_UCONTEXT)

/* What a function must keep is pushed, the stacks are exchanged, and the other's is popped. */
asm(R"(
    .text
    .p2align 4
    .hidden fiber_switch_stacks
    .globl fiber_switch_stacks
    .type fiber_switch_stacks, @function
fiber_switch_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size fiber_switch_stacks, .-fiber_switch_stacks
)");
extern "C" void fiber_switch_stacks(void **from, void *to);

void fiber_switch(void **from, void *to) {
    fiber_switch_stacks(from, to);
}

void *fiber_new(char *stack, void (*entry)()) {
    /* Six registers, the address to return to, and where entry() would return to: the stack is then
     * aligned as after a call. */
    uintptr_t *top = (uintptr_t *)(stack + STACK) - 10;
    for (int i = 0; i < 10; i++) top[i] = 0;
    top[6] = (uintptr_t)entry;
    return top;
}

#else

#include <ucontext.h>

void fiber_switch(void **from, void *to) {
    ucontext_t here;
    *from = &here;
    swapcontext(&here, (ucontext_t *)to);
}

/* The context lies at the top of its stack. */
void *fiber_new(char *stack, void (*entry)()) {
    size_t top = (STACK - sizeof(ucontext_t)) & ~(size_t)63;
    ucontext_t *c = (ucontext_t *)(stack + top);
    getcontext(c);
    c->uc_stack.ss_sp = stack;
    c->uc_stack.ss_size = top;
    c->uc_link = NULL;
    makecontext(c, entry, 0);
    return c;
}

#endif
