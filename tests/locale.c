/* Part of every unit test: the locale of the environment is in force. C where it names none. The
 * library's tests are programs that want all of it (LC_ALL), the tool's and the server's want what
 * the tool wants (LC_CTYPE). */
#include <locale.h>

static __attribute__((constructor)) void use_locale(void) {
    setlocale(TEST_LOCALE, "");
    setlocale(LC_MESSAGES, "C"); /* the C library's sentences are compared */
}
