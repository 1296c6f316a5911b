/* halo.cu - the halo alone, of a tensor whose inside somebody else has written (cuda/vendor.h). */
#include "cuda/kernels/epilogue.cuh"

KERNEL(halo_plain, cuda_halo, 256, 1) {
    grid_wait();
    store_halo(p.out, p.batch, grid_thread(), grid_threads());
}
