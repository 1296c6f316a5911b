#!/usr/bin/env bash
# Configures and builds the release build in $BUILD; arguments go to cmake (-DMIEN_WERROR=ON ...),
# those after `--` to its build (--target mien_cli ...).
. "$(dirname "$0")/common.sh"

command -v cmake >/dev/null ||
    die "cmake is missing: tools/setup.sh build installs what a build needs"
configure=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    configure+=("$1")
    shift
done
[ $# -eq 0 ] || shift
generator=()
if command -v ninja >/dev/null && [ ! -e "$BUILD/CMakeCache.txt" ]; then
    generator=(-G Ninja)
fi
cmake -S . -B "$BUILD" "${generator[@]}" -DMIEN_PYTHON="$PYTHON" "${configure[@]}"
cmake --build "$BUILD" -j "$JOBS" "$@"
