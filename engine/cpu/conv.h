/*
 * conv.h - the inner work of convolutions and fully connected layers, an algorithm after the other.
 */
#ifndef MIEN_ENGINE_CPU_CONV_H
#define MIEN_ENGINE_CPU_CONV_H

#include "engine/cpu/task.h"

/* The task's part of its step's output, without the halo. */
void cpu_conv(const struct cpu_task *t);
/* Rows y0..y1-1 of what the step's fused depthwise convolution hands over, in scratch. */
struct cpu_rows cpu_fused_rows(const struct cpu_task *t, int y0, int y1);

#endif
