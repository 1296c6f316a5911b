/*
 * sized.h - public structs that begin with their size.
 *
 * A program compiled against an older or a newer mien.h has structs of another length than the
 * library. What both know is copied; what the program does not know stays out, what the library
 * does not know must be zero, so that nothing a program asked for is ignored in silence.
 */
#ifndef MIEN_ENGINE_SIZED_H
#define MIEN_ENGINE_SIZED_H

#include <stddef.h>

/* Copies the caller's struct `given` (NULL: leaves *own alone) to own, [size] bytes; both begin
 * with a struct_size. type: its name, for sentences. MIEN_EINVAL. */
int sized_read(void *own, size_t size, const void *given, const char *type);
/* Copies own, [size] bytes, to the caller's struct, whose struct_size is set and stays.
 * MIEN_EINVAL. */
int sized_write(void *out, const void *own, size_t size, const char *type);

#endif
