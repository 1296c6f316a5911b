/*
 * conv.h - the inner work of convolutions and fully connected layers, an algorithm after the other.
 */
#ifndef MIEN_ENGINE_CPU_CONV_H
#define MIEN_ENGINE_CPU_CONV_H

#include "engine/cpu/task.h"

/* The task's part of its step's output, without the halo. */
void cpu_conv(const struct cpu_task *t);

#endif
