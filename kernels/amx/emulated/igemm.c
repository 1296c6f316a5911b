/* Implicit GEMM on emulated tile registers. */
#include "kernels/amx/igemm.inc"
