/*
 * gather.h - copies of pixels and channels, and what lies between pixels (engine/gather.h).
 */
#ifndef MIEN_ENGINE_CPU_GATHER_H
#define MIEN_ENGINE_CPU_GATHER_H

#include "engine/cpu/task.h"

/* Output row y of the task's step. */
void cpu_gather_row(const struct cpu_task *t, int y);

#endif
