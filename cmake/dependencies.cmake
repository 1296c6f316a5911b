# What mien links: picture libraries, jansson, threads, and OpenBLAS where there is one.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# The names of mien_static's dependencies are written into mien.pc and mienConfig.cmake as well.
set(mien_pkgconfig_modules libjpeg libpng libwebp jansson)
foreach(module IN LISTS mien_pkgconfig_modules)
    pkg_check_modules(${module} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endforeach()

find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb)
if(NOT STB_INCLUDE_DIR)
    message(FATAL_ERROR "stb_image.h is missing (Debian: apt-get install libstb-dev)")
endif()

# mien's workers call OpenBLAS side by side, which only its threaded builds allow: the serial one
# shares a buffer without a lock and then returns wrong products. (The threads the library starts of
# its own sleep: kern_init_blas sets them to 1.) Debian switches libopenblas.so.0 between variants
# through alternatives, whose choice is the administrator's, so the pthread folder is looked in first,
# and the run path names it (mien_blas_dir) to have the same variant at run time.
find_library(OPENBLAS_LIBRARY openblas
             PATH_SUFFIXES openblas-pthread
             HINTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-pthread)
find_path(OPENBLAS_INCLUDE_DIR cblas.h
          HINTS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-pthread
          PATH_SUFFIXES openblas-pthread openblas)
set(found_openblas OFF)
if(OPENBLAS_LIBRARY AND OPENBLAS_INCLUDE_DIR)
    set(found_openblas ON)
endif()
option(MIEN_OPENBLAS "Use OpenBLAS for large matrix products" ${found_openblas})
if(MIEN_OPENBLAS)
    if(NOT found_openblas)
        message(FATAL_ERROR "OpenBLAS is missing (Debian: apt-get install libopenblas-pthread-dev)")
    endif()
    get_filename_component(mien_blas_dir "${OPENBLAS_LIBRARY}" DIRECTORY)
    if(mien_blas_dir IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
        set(mien_blas_dir "")
    endif()
    message(STATUS "OpenBLAS: ${OPENBLAS_LIBRARY}")
else()
    message(STATUS "OpenBLAS: not used")
endif()
