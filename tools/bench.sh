#!/usr/bin/env bash
# Times mien beside ONNX Runtime, torch and OpenBLAS, the installed networks and whole pictures; some
# ten minutes. Everything measured goes to $BUILD/bench.json. Arguments go to bench/compare.py:
# --update puts the tables into docs/speed.md, --help tells the rest.
. "$(dirname "$0")/common.sh"

tools/setup.sh build weights bench
step "Building"
tools/build.sh -DMIEN_CUDA_IMAGES=ON -DMIEN_TESTS=ON # runnet compares the outputs before anything is timed
step "Default weights"
tools/weights.sh
step "Measuring"
MIEN_TOOL="$BUILD/mien" MIEN_BUILD_DIR="$BUILD" "$PYTHON" bench/compare.py --cpu avx2 \
    --json "$BUILD/bench.json" "$@"
