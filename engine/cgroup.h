/*
 * cgroup.h - the limits Linux's control groups set this process: a container's.
 *
 * A limit holds for all groups below the one it is set on, so our own and all above are looked at.
 */
#ifndef MIEN_ENGINE_CGROUP_H
#define MIEN_ENGINE_CGROUP_H

#include <stddef.h>

/* Reads a small file whole; text, [size] bytes, is "" where there is none. */
void cgroup_read(const char *path, char *text, size_t size);
/* Version 2: calls fn with the text of the file `name` ("cpu.max") of our group and of each above
 * it. Within a container our group is the root of what it sees. */
void cgroup_each(const char *name, void (*fn)(void *context, const char *text), void *context);

/* Bytes this process may use: the machine's memory, or less where a control group has less; at
 * least 1. */
size_t cgroup_memory(void);
/* Bytes that the text of a group's memory.max stands for; 0 where it sets no limit. */
size_t cgroup_memory_limit(const char *memory_max);

#endif
