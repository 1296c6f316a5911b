/*
 * norm.h - normalisation by what the step sees (PLAN_NORM): groups of channels of each pixel, or of
 * the whole map.
 */
#ifndef MIEN_ENGINE_CPU_NORM_H
#define MIEN_ENGINE_CPU_NORM_H

#include "engine/cpu/task.h"

/* The task's part of its step's output, without the halo. */
void cpu_norm(const struct cpu_task *t);

#endif
