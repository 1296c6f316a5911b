#!/usr/bin/env bash
# Loads `mien serve` and a Python service with requests, one after the other, and compares their
# answers; some half an hour. Everything measured goes to $BUILD/bench-serve.json, of --soak to
# $BUILD/soak.json. Arguments go to bench/serve.py: --update puts the tables into docs/speed.md, --help
# tells the rest.
. "$(dirname "$0")/common.sh"

tools/setup.sh build weights bench bench-serve
step "Building"
tools/build.sh -DMIEN_CUDA_IMAGES=ON
step "Default weights"
tools/weights.sh
step "Measuring"
case " $* " in
    *" --soak "*) results=$BUILD/soak.json ;;
    *) results=$BUILD/bench-serve.json ;;
esac
MIEN_TOOL="$BUILD/mien" MIEN_BUILD_DIR="$BUILD" "$PYTHON" bench/serve.py \
    --json "$results" "$@"
