# What mien links: picture libraries, jansson and threads.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# The names of mien_static's dependencies are written into mien.pc and mienConfig.cmake as well.
set(mien_pkgconfig_modules libjpeg libpng libwebp libgif zlib jansson)
foreach(module IN LISTS mien_pkgconfig_modules)
    pkg_check_modules(${module} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endforeach()

find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb)
if(NOT STB_INCLUDE_DIR)
    message(FATAL_ERROR "stb_image.h is missing (Debian: apt-get install libstb-dev)")
endif()

# OpenBLAS is loaded where it is used (kernels/blas/), so nothing of it is needed to build or link.
# mien's workers call it side by side, which only its threaded builds allow: the serial one shares a
# buffer without a lock and then returns wrong products. This is where Debian keeps the threaded one.
option(MIEN_OPENBLAS "Can use OpenBLAS for large matrix products" ON)
set(mien_blas_dir /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-pthread)
