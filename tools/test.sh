#!/usr/bin/env bash
# The whole suite: installs what it needs, builds, fetches the default weights, runs ctest. The
# sanitizer build, the fuzzers and the install test are ctests of their own (tests/build/), so
# ctest's summary at the end is the whole truth. Arguments go to ctest (-R vision, -L unit ...).
. "$(dirname "$0")/common.sh"

tools/setup.sh build weights test
step "Building"
tools/build.sh -DMIEN_TESTS=ON
step "Default weights"
tools/weights.sh ||
    echo "The default weights could not be had: the tests that need them will be skipped."
if [ -x tests/reference/setup.sh ]; then
    step "Reference runtimes"
    tests/reference/setup.sh ||
        echo "A reference runtime could not be had: the tests that need it will be skipped."
fi
step "Tests"
ctest --test-dir "$BUILD" -j "$JOBS" --output-on-failure "$@" </dev/null
