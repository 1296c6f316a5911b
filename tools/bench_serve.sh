#!/usr/bin/env bash
# Loads `mien serve` and a Python service with requests, one after the other, and compares their
# answers; some twenty minutes. Everything measured goes to $BUILD/bench-serve.json. Arguments go to
# bench/serve.py: --readme puts the tables into README.md, --help tells the rest.
. "$(dirname "$0")/common.sh"

tools/setup.sh build weights bench bench-serve
step "Building"
tools/build.sh
step "Default weights"
tools/weights.sh
step "Measuring"
MIEN_TOOL="$BUILD/mien" MIEN_BUILD_DIR="$BUILD" "$PYTHON" bench/serve.py \
    --json "$BUILD/bench-serve.json" "$@"
