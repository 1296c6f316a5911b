#!/usr/bin/env bash
# Configures and builds the release build in $BUILD; arguments go to cmake (-DMIEN_WERROR=ON ...).
. "$(dirname "$0")/common.sh"

command -v cmake >/dev/null ||
    die "cmake is missing: tools/setup.sh build installs what a build needs"
generator=()
if command -v ninja >/dev/null && [ ! -e "$BUILD/CMakeCache.txt" ]; then
    generator=(-G Ninja)
fi
cmake -S . -B "$BUILD" "${generator[@]}" -DMIEN_PYTHON="$PYTHON" "$@"
cmake --build "$BUILD" -j "$JOBS"
