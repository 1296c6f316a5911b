/* Part of every unit test: the locale of the environment is in force, as in a program that calls
 * libmien and wants its dates in the user's language. C where the environment names none. */
#include <locale.h>

static __attribute__((constructor)) void use_locale(void) {
    setlocale(LC_ALL, "");
}
