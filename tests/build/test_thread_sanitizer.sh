#!/usr/bin/env bash
# The server and the gallery's index once more with the thread sanitizer: whether their threads agree
# on who may touch what.
# Its libraries are not instrumented, but their locks are seen, and nothing of theirs needed to be
# suppressed so far. A report of a server is a failure of the test that ran it: exit status 66.
set -euo pipefail

build=$MIEN_BUILD_DIR/sanitize-threads
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMIEN_SANITIZE=thread -DMIEN_TESTS=ON \
    -DMIEN_PYTHON="$MIEN_PYTHON" >/dev/null
cmake --build "$build" --target mien_cli test_gallery_index_threads -j "$(nproc)" >"$build/log" 2>&1 ||
    { cat "$build/log"; exit 1; }

export MIEN_TOOL=$build/mien MIEN_TEST_SIZE=small
# A run of a network that outlasts the server is left behind on purpose (server/batch.c).
export TSAN_OPTIONS=report_thread_leaks=0:exitcode=66:second_deadlock_stack=1:detect_deadlocks=1
for test in load lifecycle endpoints; do
    echo "test_$test.py"
    "$MIEN_PYTHON" "tests/server/test_$test.py"
done
echo "an index that is searched while it changes"
"$build/tests/test_gallery_index_threads"
