#!/usr/bin/env bash
# The tests: installs what they need, builds, fetches the default weights, runs ctest.
# usage: tools/test.sh [--hard] [ctest's arguments]
# Without arguments everything a change should pass at once; --hard is the rest: builds with
# sanitizers, fuzzers, valgrind, and what else takes long. Both fail where tests are missing
# (tests/floor). With arguments (-R vision, -L unit ...) it is those tests of both.
. "$(dirname "$0")/common.sh"

run="test"
which=(-LE '^hard$')
if [ "${1:-}" = --hard ]; then
    run=test-hard
    which=(-L '^hard$')
    shift
fi
floor=(tests/floor "$run")
if [ $# -gt 0 ]; then
    which=("$@")
    floor=()
fi

tools/setup.sh build weights test
step "Building"
# A tree that is there already stays as it is.
images=()
[ -e "$BUILD/CMakeCache.txt" ] || mapfile -t images < <(cuda_images)
tools/build.sh -DMIEN_TESTS=ON "${images[@]}"
step "Default weights"
tools/weights.sh ||
    echo "The default weights could not be had: the tests that need them will be skipped."
step "Reference runtimes"
tests/reference/setup.sh ||
    echo "A reference runtime could not be had: the tests that need it will be skipped."
tests/server/setup.sh ||
    echo "nginx could not be had: the test of its configuration will be skipped."

step "Tests"
failed=0
# One more than cores: many tests wait, for time-outs they are about or for a browser.
ctest --test-dir "$BUILD" -j "$((JOBS + 1))" --output-on-failure --no-tests=error \
    --output-junit tests-results.xml "${which[@]}" </dev/null || failed=1
ctest --test-dir "$BUILD" --show-only=json-v1 >"$BUILD/tests-known.json"
"$PYTHON" tools/tally.py "$BUILD/tests-results.xml" "$BUILD/tests-known.json" "${floor[@]}" || failed=1
exit $failed
