# libmien. Three targets share one set of objects:
#   mien_private  every symbol, for the unit tests, checkkern and the fuzzers; never installed
#   mien          libmien.so, exports mien_* only
#   mien_static   libmien.a: one relocatable object whose hidden symbols were made local, so a
#                 program that links it meets no name of ours but mien_*

# A layer's sources are those of its folder. The kernels of an instruction set and the CUDA backend
# are built otherwise, below.
set(library_globs kernels/*.c kernels/c/*.c engine/cpu/*.c)
foreach(layer IN LISTS mien_library_layers)
    if(NOT layer STREQUAL cuda)
        list(APPEND library_globs ${layer}/*.c)
    endif()
endforeach()
file(GLOB library_sources CONFIGURE_DEPENDS ${library_globs})
if(MIEN_OPENBLAS)
    file(GLOB blas_sources CONFIGURE_DEPENDS kernels/blas/*.c)
    list(APPEND library_sources ${blas_sources})
endif()

# Kernels for one instruction set live in kernels/<isa>/ and are the only files built with its flags,
# which kernels/tables.def lists; kernels/dispatch.c chooses among them at run time.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS kernels/tables.def)
file(STRINGS kernels/tables.def kernel_rows REGEX "^KERN_TABLE")
# Sanitizers leave the kernels of an instruction set alone: their unrolled tiles would cost the compiler
# minutes with checks in place and the tests minutes with checks as calls. Plain C kernels, which do the
# same sums, are checked; reads and writes beyond an array meet checkkern's untouchable pages.
if(MIEN_SANITIZE)
    set(isa_sanitize -fno-sanitize=undefined,address,thread)
endif()
foreach(row IN LISTS kernel_rows)
    if(NOT row MATCHES "^KERN_TABLE\\([a-z0-9_]+, ([a-z0-9_]+), \"(-[^\"]*)\"")
        continue()
    endif()
    set(isa ${CMAKE_MATCH_1})
    separate_arguments(isa_flags UNIX_COMMAND "${CMAKE_MATCH_2}")
    file(GLOB isa_sources CONFIGURE_DEPENDS kernels/${isa}/*.c)
    if(isa_sources AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        set_source_files_properties(${isa_sources} PROPERTIES
                                    COMPILE_OPTIONS "${isa_flags};${isa_sanitize}")
        list(APPEND isa_macros MIEN_HAVE_${isa}=1)
        list(APPEND library_sources ${isa_sources})
    else()
        list(APPEND isa_macros MIEN_HAVE_${isa}=0)
    endif()
endforeach()
if(MIEN_OPENBLAS)
    list(APPEND isa_macros MIEN_HAVE_blas=1)
else()
    list(APPEND isa_macros MIEN_HAVE_blas=0)
endif()

include(cmake/cuda.cmake)

if(NOT library_sources)
    message(FATAL_ERROR "No library sources: is this a whole checkout?")
endif()

add_library(mien_objects OBJECT ${library_sources})
target_compile_definitions(mien_objects PRIVATE MIEN_BUILDING ${isa_macros})
target_include_directories(mien_objects PUBLIC ${PROJECT_SOURCE_DIR}
                                               ${PROJECT_SOURCE_DIR}/include)
target_include_directories(mien_objects SYSTEM PRIVATE ${STB_INCLUDE_DIR})
if(MIEN_CUDA)
    target_compile_definitions(mien_objects PRIVATE MIEN_HAVE_CUDA=1)
    target_include_directories(mien_objects SYSTEM PRIVATE ${cuda_include_dir})
    if(MIEN_CUDNN)
        target_include_directories(mien_objects SYSTEM PRIVATE ${cudnn_include_dir}
                                                               ${cublas_include_dir})
    endif()
endif()

# Everything the objects need at link time, also for whoever links mien_static.
add_library(mien_needs INTERFACE)
foreach(module IN LISTS mien_pkgconfig_modules)
    target_link_libraries(mien_needs INTERFACE PkgConfig::${module})
endforeach()
target_link_libraries(mien_needs INTERFACE Threads::Threads m ${CMAKE_DL_LIBS})
if(MIEN_OPENBLAS)
    target_compile_definitions(mien_objects PRIVATE MIEN_OPENBLAS_DIR="${mien_blas_dir}")
endif()
target_link_libraries(mien_objects PRIVATE mien_flags mien_needs)

# AMX's kernels once more, over tiles emulated in plain C: the table "amx-emulated" of a
# dispatch.c that only tests have.
add_library(mien_emulated OBJECT EXCLUDE_FROM_ALL kernels/dispatch.c kernels/amx/emulated/igemm.c
                                                  kernels/amx/emulated/tiles.c)
target_compile_definitions(mien_emulated PRIVATE MIEN_AMX_EMULATED MIEN_BUILDING ${isa_macros})
target_link_libraries(mien_emulated PRIVATE mien_flags)
target_include_directories(mien_emulated PRIVATE ${PROJECT_SOURCE_DIR})
add_library(mien_private STATIC
            $<FILTER:$<TARGET_OBJECTS:mien_objects>,EXCLUDE,/kernels/dispatch\\.c>
            $<TARGET_OBJECTS:mien_emulated>)
target_include_directories(mien_private PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(mien_private PUBLIC mien_needs)

add_library(mien SHARED $<TARGET_OBJECTS:mien_objects>)
set_target_properties(mien PROPERTIES VERSION ${PROJECT_VERSION}
                                      SOVERSION ${PROJECT_VERSION_MAJOR})
target_link_libraries(mien PRIVATE $<BUILD_INTERFACE:mien_needs>)
target_include_directories(mien INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)

# Sanitizers keep tables of globals that do not survive localising, so their build stays plain.
if(MIEN_SANITIZE OR MIEN_FUZZ)
    add_library(mien_static STATIC $<TARGET_OBJECTS:mien_objects>)
else()
    set(whole_object ${PROJECT_BINARY_DIR}/mien_whole.o)
    add_custom_command(
        OUTPUT ${whole_object}
        COMMAND ${CMAKE_LINKER} -r -o ${whole_object} $<TARGET_OBJECTS:mien_objects>
        COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${whole_object}
        DEPENDS $<TARGET_OBJECTS:mien_objects>
        COMMAND_EXPAND_LISTS VERBATIM
        COMMENT "Making every symbol but mien_* local")
    add_library(mien_static STATIC ${whole_object})
    set_source_files_properties(${whole_object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
endif()
set_target_properties(mien_static PROPERTIES OUTPUT_NAME mien LINKER_LANGUAGE C)
target_link_libraries(mien_static PRIVATE $<BUILD_INTERFACE:mien_needs>)
target_include_directories(mien_static INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
