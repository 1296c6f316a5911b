#include "cuda/driver.h"

#include "engine/err.h"
#include "mien.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_OF_(symbol) #symbol
#define NAME_OF(symbol)  NAME_OF_(symbol) /* cuda.h has some under versioned names */

static struct cuda_driver driver;
static int state = MIEN_EDEVICE; /* MIEN_OK: open */
static char reason[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int fail(const char *format, const char *what) {
    snprintf(reason, sizeof reason, format, what);
    return MIEN_EDEVICE;
}

static int find_functions(void *library) {
    static const struct {
        const char *name;
        size_t at;
    } functions[] = {
#define FUNCTION(field, symbol) {NAME_OF(symbol), offsetof(struct cuda_driver, field)},
        CUDA_DRIVER_FUNCTIONS(FUNCTION)
#undef FUNCTION
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *found = dlsym(library, functions[i].name);
        if (!found)
            return fail("the NVIDIA driver here is too old: it has no %s", functions[i].name);
        memcpy((char *)&driver + functions[i].at, &found, sizeof found);
    }
    return MIEN_OK;
}

static int start(void) {
    const char *name = getenv("MIEN_LIBCUDA");
    void *library = dlopen(name && *name ? name : "libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return fail("no NVIDIA driver: %s", dlerror());
    if (find_functions(library)) return MIEN_EDEVICE;
    CUresult r = driver.init(0);
    const char *text = NULL;
    if (r == CUDA_ERROR_NO_DEVICE) return fail("%s", "the NVIDIA driver finds no GPU");
    if (r != CUDA_SUCCESS) {
        driver.error_string(r, &text);
        return fail("the NVIDIA driver does not start: %s", text ? text : "unknown error");
    }
    driver.driver_version(&driver.version);
    return MIEN_OK;
}

static void start_once(void) {
    state = start();
}

int cuda_driver_get(const struct cuda_driver **out) {
    pthread_once(&once, start_once);
    *out = state == MIEN_OK ? &driver : NULL;
    return state == MIEN_OK ? MIEN_OK : err_set(state, "%s", reason);
}

int cuda_check(CUresult r, const char *what) {
    if (r == CUDA_SUCCESS) return MIEN_OK;
    const char *text = NULL;
    driver.error_string(r, &text);
    return err_set(r == CUDA_ERROR_OUT_OF_MEMORY ? MIEN_ENOMEM : MIEN_EDEVICE, "CUDA: %s: %s", what,
                   text ? text : "unknown error");
}
