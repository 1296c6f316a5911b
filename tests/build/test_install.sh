#!/usr/bin/env bash
# The installed package serves a user: everything is there, and the examples build against it by
# pkg-config and by CMake, shared and static, and run.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/destdir/opt/mien # installed with DESTDIR, used where it lies: nothing may be absolute
weights=${MIEN_WEIGHTS:-${XDG_DATA_HOME:-$HOME/.local/share}/mien}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

DESTDIR=$work/destdir cmake --install "$MIEN_BUILD_DIR" --prefix /opt/mien >/dev/null
for file in bin/mien bin/mien-weights include/mien.h lib/libmien.a lib/libmien.so lib/libmien.so.0 \
    lib/pkgconfig/mien.pc lib/cmake/mien/mienConfig.cmake share/man/man1/mien.1 \
    share/man/man1/mien-weights.1 share/mien/weights_convert/__main__.py \
    lib/systemd/system/mien.service share/mien/examples/mien.conf share/mien/examples/nginx.conf; do
    [ -s "$prefix/$file" ] || fail "$file was not installed"
done
grep -q '^ExecStart=/opt/mien/bin/mien serve ' "$prefix/lib/systemd/system/mien.service" ||
    fail "mien.service does not name the installed tool"
[ -z "$(find "$prefix" -name '__pycache__' -o -name '*.pyc')" ] || fail "compiled Python was installed"
[ "$("$prefix/bin/mien" --version | grep -c "$(sed -n 's/^#define MIEN_VERSION  *"\(.*\)"/\1/p' \
    include/mien.h)")" -ge 1 ] || fail "mien --version does not say the header's version"
"$prefix/bin/mien-weights" --help >/dev/null || fail "mien-weights does not run"

# run PROGRAM: its usage error, and where the default weights are here, faces in a photo.
run() {
    local status=0
    "$@" 2>"$work/usage" >/dev/null || status=$?
    [ $status -eq 2 ] && grep -q '^usage: ' "$work/usage" || fail "$1 without arguments: $status"
    for photo in "$weights"/photos/sample*.jpg; do
        [ -e "$photo" ] || return 0
        case $1 in
            *detect*) "$1" "$photo" | grep -Eq '^[0-9]+\.[0-9] .* [01]\.[0-9]{3}$' ||
                fail "$1 $photo found no face" ;;
            *) [ "$("$1" "$photo" "$photo")" = 1.000 ] ||
                fail "$1: a picture is not like itself" ;;
        esac
        return 0
    done
}

strict="-std=c11 -Wall -Wextra -Werror -pedantic"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export LD_LIBRARY_PATH=$prefix/lib
for name in detect recognise; do
    # shellcheck disable=SC2046  # lists of flags, here and below
    cc $strict "examples/$name.c" $(pkg-config --cflags --libs mien) -o "$work/$name"
    readelf -d "$work/$name" | grep -q 'NEEDED.*libmien.so.0' || fail "$name is not linked shared"
    run "$work/$name"
    # shellcheck disable=SC2046
    cc $strict "examples/$name.c" $(pkg-config --cflags mien) \
        $(pkg-config --static --libs mien | sed 's/-lmien/-l:libmien.a/') -o "$work/${name}_static"
    readelf -d "$work/${name}_static" | grep -q libmien && fail "${name}_static needs libmien.so"
    run "$work/${name}_static"
done
echo "pkg-config: shared and static work"

cmake -S examples -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 &&
    cmake --build "$work/cmake" >>"$work/log" 2>&1 || { cat "$work/log"; fail "CMake package"; }
for name in detect recognise detect_static recognise_static; do
    [ -x "$work/cmake/$name" ] || fail "CMake built no $name"
    run "$work/cmake/$name"
done
echo "CMake: shared and static work"

for language in "c -std=c99" "c++ -std=c++11"; do
    compiler=cc
    [ "${language%% *}" = c ] || compiler=c++
    command -v "$compiler" >/dev/null || continue
    "$compiler" -x $language -Wall -Wextra -Werror -pedantic -fsyntax-only \
        "$prefix/include/mien.h" || fail "mien.h does not compile as $language"
done
