#!/usr/bin/env bash
# The C unit tests, the tests of the command line, the server and the CUDA backend once more, with the
# address and undefined-behaviour sanitizers. What lies around the server (pages, packages, nginx) is
# left out. Tests of words and numbers run in Turkish (tests/CMakeLists.txt, test_of_words).
set -euo pipefail

build=$MIEN_BUILD_DIR/sanitize
emulated=$MIEN_BUILD_DIR/tests/cuda/libcuda_emulated.so
[ -e "$emulated" ] || emulated=
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMIEN_SANITIZE=address,undefined \
    -DMIEN_TESTS=ON -DMIEN_PYTHON="$MIEN_PYTHON" \
    -DMIEN_CUDA_EMULATED="$emulated" >/dev/null
if [ -n "$emulated" ]; then
    mkdir -p "$build/tests/cuda"
    ln -sf "$emulated" "$build/tests/cuda/"
fi
cmake --build "$build" -j "$(nproc)" >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }

export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:detect_stack_use_after_return=1
export LSAN_OPTIONS=suppressions=$PWD/tests/build/leaks.txt:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1
export MIEN_TEST_SIZE=small MIEN_RANDOM_GRAPHS=15
# cli_calibrate: minutes of networks, whose kernels are not checked.
skipped='server_(assets|page|openapi|packaging|nginx|soak)|cuda_(emulator|kernels|hopper|analyze|cudnn)|cli_calibrate'
exec ctest --test-dir "$build" -L 'unit|cli|server|pictures|cuda' -LE '^hard$' -E "$skipped" -j "$(nproc)" \
    --output-on-failure </dev/null
