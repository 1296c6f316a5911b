/*
 * matmul.h - products of two values that are matrices (PLAN_MATMUL), as attention has them.
 */
#ifndef MIEN_ENGINE_CPU_MATMUL_H
#define MIEN_ENGINE_CPU_MATMUL_H

#include "engine/cpu/task.h"

/* The task's part of its step's output, without the halo. */
void cpu_matmul(const struct cpu_task *t);

#endif
