#include "environment.h"

#include "near.h"
#include "options.h"
#include "say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "MIEN_"

/* What the library reads besides. */
static const char *const OTHERS[] = {"MIEN_CPU",     "MIEN_CUDA_TUNE",   "MIEN_DECODER",
                                     "MIEN_LIBCUDA", "MIEN_LIBCUBLASLT", "MIEN_LIBCUDNN",
                                     "MIEN_LIBHEIF", "MIEN_LIBTIFF"};

/* The variable that is nearest; names are compared without what they all begin with. *known: 1
 * where it is one of ours. */
static void find(const char *name, size_t length, char best[64], int *known) {
    char names[64];
    struct near near;
    int before;

    near_begin(&near, name + strlen(PREFIX), length - strlen(PREFIX));
    best[0] = '\0';
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        before = near.distance;
        near_offer(&near, OTHERS[i] + strlen(PREFIX));
        if (near.distance < before) snprintf(best, 64, "%s", OTHERS[i]);
    }
    for (const struct option_def *def = option_defs(); def->name; def++) {
        before = near.distance;
        near_offer(&near, option_env_name(def, names) + strlen(PREFIX));
        if (near.distance < before) snprintf(best, 64, "%s", names);
    }
    *known = near.distance == 0;
}

void environment_check(void) {
    char best[64];
    int known;

    for (char **entry = environ; entry && *entry; entry++) {
        int length = (int)strcspn(*entry, "=");
        if (strncmp(*entry, PREFIX, strlen(PREFIX)) != 0) continue;
        find(*entry, (size_t)length, best, &known);
        if (!known && *best)
            say("unknown environment variable %.*s, perhaps %s is meant", length, *entry, best);
    }
}
