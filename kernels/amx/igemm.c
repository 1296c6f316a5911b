/* Implicit GEMM on AMX. */
#include "kernels/amx/igemm.inc"
