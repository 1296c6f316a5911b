/*
 * steps.h - running one task of any step.
 */
#ifndef MIEN_ENGINE_CPU_STEPS_H
#define MIEN_ENGINE_CPU_STEPS_H

#include "engine/cpu/task.h"

void cpu_run_task(const struct cpu_task *t);

#endif
