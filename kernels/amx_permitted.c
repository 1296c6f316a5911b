/* Whether AMX may be used: apart from its kernels, since this runs on every processor. */
#include "kernels/kern.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Bits of CPUID's leaf 7 (edx) and leaf 1 (ecx), and of the extended control register 0: the
 * operating system saves the shapes and the contents of tiles. Intel SDM, volume 1, 13.3 and 18. */
static const unsigned TILE_BITS = 1u << 22 | 1u << 24 | 1u << 25; /* bf16, tiles, int8 */
static const unsigned OSXSAVE = 1u << 27;
static const unsigned STATE_BITS = 1u << 17 | 1u << 18;

static unsigned control_register(void) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* Linux hands out the 8 KB of a thread's tiles only to processes that asked for them, once for all
 * their threads; asking again is harmless. Documentation/x86/xstate.rst. */
int kern_amx_permitted(void) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE)) return 0;
    if ((control_register() & STATE_BITS) != STATE_BITS) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & TILE_BITS) != TILE_BITS) return 0;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#else
int kern_amx_permitted(void) {
    return 0;
}
#endif
