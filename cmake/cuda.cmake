# The CUDA backend: cuda/*.c, which knows a GPU's driver only at run time, and cuda/kernels/*.cu,
# which nvcc compiles for several GPUs and which become bytes of the library. No GPU is needed to
# build, and none, nor a driver, to start what was built.
# Appends to library_sources; sets cuda_include_dir.

find_program(MIEN_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin
             DOC "NVIDIA's compiler, for the CUDA backend")
if(MIEN_NVCC)
    set(default_cuda ON)
else()
    set(default_cuda OFF)
endif()
option(MIEN_CUDA "Build the CUDA backend (needs nvcc, no GPU)" ${default_cuda})
# Builds of the tests' own, which run kernels over an emulator at most, need not wait for nvcc.
set(default_images ON)
if(MIEN_SANITIZE OR MIEN_FUZZ)
    set(default_images OFF)
endif()
option(MIEN_CUDA_IMAGES "Compile the kernels; without, the backend runs on no GPU" ${default_images})
if(NOT MIEN_CUDA)
    return()
endif()
if(NOT MIEN_NVCC)
    message(FATAL_ERROR "MIEN_CUDA needs NVIDIA's compiler nvcc; -DMIEN_NVCC=/path/to/nvcc names it")
endif()

get_filename_component(nvcc_dir ${MIEN_NVCC} REALPATH)
get_filename_component(nvcc_dir ${nvcc_dir} DIRECTORY)
find_path(cuda_include_dir cuda.h HINTS ${nvcc_dir}/../include
          ${nvcc_dir}/../targets/x86_64-linux/include REQUIRED)

# Machine code for sm_80 (also for 8.6 to 8.9) and sm_90, and PTX from which a driver makes what comes
# later. That is of 9.0: from there on launches overlap, and older PTX has no grid_wait().
set(nvcc_any -gencode=arch=compute_80,code=sm_80 -gencode=arch=compute_90,code=[sm_90,compute_90])
# Kernels of Hopper's own instructions run on nothing else.
set(nvcc_hopper -gencode=arch=compute_90a,code=sm_90a)

file(GLOB cuda_kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cuda/kernels/*.cu)
file(GLOB cuda_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cuda/kernels/*.cuh
     ${PROJECT_SOURCE_DIR}/cuda/kernels/*.h)
set(images "")
set(image_files "")
set(image_count 0)
if(NOT MIEN_CUDA_IMAGES)
    set(cuda_kernels "")
    set(rows "    {\"left out of this build\", \"\"},\n")
    set(image_count 1)
endif()
foreach(source IN LISTS cuda_kernels)
    get_filename_component(name ${source} NAME_WE)
    set(image ${PROJECT_BINARY_DIR}/cuda_${name}.fatbin)
    set(targets ${nvcc_any})
    if(name MATCHES "wgmma")
        set(targets ${nvcc_hopper})
    endif()
    # What the CPU does with pictures and faces, to the last bit where it can be.
    set(arithmetic "")
    if(name MATCHES "^(pictures|faces)$")
        set(arithmetic -fmad=false)
    endif()
    add_custom_command(
        OUTPUT ${image}
        COMMAND ${MIEN_NVCC} -std=c++17 -O3 --compress-mode=size -fatbin ${targets} ${arithmetic} -I${PROJECT_SOURCE_DIR} -o ${image}
                ${source}
        DEPENDS ${source} ${cuda_headers}
        VERBATIM
        COMMENT "Compiling ${name}.cu for GPUs")
    string(APPEND images "IMAGE(${image_count}, \"${name}\", \"${image}\")\n")
    string(APPEND rows "    ROW(${image_count}),\n")
    list(APPEND image_files ${image})
    math(EXPR image_count "${image_count} + 1")
endforeach()

set(cuda_images_source ${PROJECT_BINARY_DIR}/cuda_images.c)
file(CONFIGURE OUTPUT ${cuda_images_source} @ONLY CONTENT [=[
/* Made by cmake/cuda.cmake: the compiled files of cuda/kernels/. */
#include "cuda/device.h"

#define IMAGE(i, text, file)                                                                \
    __asm__(".section .rodata\n.balign 64\ncuda_image_" #i ":\n.incbin \"" file "\"\n.previous\n"); \
    extern const char cuda_image_##i[] __attribute__((visibility("hidden")));               \
    static const char cuda_name_##i[] = text;
#define ROW(i) {cuda_name_##i, cuda_image_##i}

@images@
const struct cuda_image cuda_images[] = {
@rows@};
const int cuda_image_count = @image_count@;
]=])
set_source_files_properties(${cuda_images_source} PROPERTIES OBJECT_DEPENDS "${image_files}")

file(GLOB cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cuda/*.c)

# The backend "cudnn" (cuda/vendor.h) wants headers of cuDNN 9 and cuBLASLt, and the libraries where
# somebody asks for it.
find_path(cudnn_include_dir cudnn_graph.h HINTS ${cuda_include_dir} ENV CUDNN_HOME
          PATH_SUFFIXES include)
find_path(cublas_include_dir cublasLt.h HINTS ${cuda_include_dir})
if(cudnn_include_dir AND cublas_include_dir)
    set(default_cudnn ON)
else()
    set(default_cudnn OFF)
endif()
option(MIEN_CUDNN "Build the backend cudnn (needs cuDNN 9's headers)" ${default_cudnn})
set(vendor_sources ${PROJECT_SOURCE_DIR}/cuda/vendor.c ${PROJECT_SOURCE_DIR}/cuda/cudnn.c
    ${PROJECT_SOURCE_DIR}/cuda/cudnn_graph.c
    ${PROJECT_SOURCE_DIR}/cuda/cublas.c)
if(MIEN_CUDNN)
    list(REMOVE_ITEM cuda_sources ${PROJECT_SOURCE_DIR}/cuda/vendor_none.c)
else()
    list(REMOVE_ITEM cuda_sources ${vendor_sources})
endif()
list(APPEND library_sources ${cuda_sources} ${cuda_images_source})
