# Compiler flags of everything built here, as one interface target; none of them is exported.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_RELEASE "-O3 -g1")

add_library(mien_flags INTERFACE)
target_compile_definitions(mien_flags INTERFACE _GNU_SOURCE)
# No -march: one binary runs on every x86-64, faster kernels are chosen at run time. The two
# -fno-* flags change no value, they let loops with sqrtf and selections be vectorised.
target_compile_options(mien_flags INTERFACE
    -Wall -Wextra -Wshadow -Wpointer-arith -Wundef -Wvla -fno-math-errno -fno-trapping-math
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
if(MIEN_WERROR)
    target_compile_options(mien_flags INTERFACE -Werror)
endif()

# What makes a fault harder to use: addresses that are not known, a stack that notices, tables that
# cannot be written, calls and returns that the processor checks (CET). SPEED.md has the cost, and
# tests/build/test_hardening.sh reads what came of it. Sanitizers do more, and want none of it.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
if(NOT MIEN_SANITIZE)
    target_compile_options(mien_flags INTERFACE -fstack-protector-strong -fstack-clash-protection)
    target_compile_options(mien_flags INTERFACE
        $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE$<SEMICOLON>-D_FORTIFY_SOURCE=2>)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        target_compile_options(mien_flags INTERFACE -fcf-protection=full)
        # Said here, because Debian's crt1.o does not say it, though it does nothing a shadow stack
        # minds. That it has no landing pads (IBT) is true, so that is left to the linker.
        add_link_options(-Wl,-z,shstk)
    endif()
    add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

if(MIEN_SANITIZE)
    add_compile_options(-fsanitize=${MIEN_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${MIEN_SANITIZE})
endif()
if(MIEN_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "MIEN_FUZZ needs clang: cmake -DCMAKE_C_COMPILER=clang")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
