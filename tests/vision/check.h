/* check.h - cmocka with what it needs included before it, in an order no formatter changes. */
#ifndef MIEN_TESTS_VISION_CHECK_H
#define MIEN_TESTS_VISION_CHECK_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
