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
for file in bin/mien bin/mien-weights libexec/mien/mien-decode include/mien.h lib/libmien.a lib/libmien.so lib/libmien.so.0 \
    include/mien_gallery.h lib/libmien-gallery.a lib/libmien-gallery.so.0 lib/pkgconfig/mien-gallery.pc \
    lib/pkgconfig/mien.pc lib/cmake/mien/mienConfig.cmake share/man/man1/mien.1 \
    share/man/man1/mien-weights.1 share/mien/weights_convert/__main__.py share/mien/networks/face-joint.safetensors \
    share/bash-completion/completions/mien share/zsh/site-functions/_mien \
    share/fish/vendor_completions.d/mien.fish lib/systemd/system/mien.service share/mien/examples/mien.conf share/mien/examples/nginx.conf; do
    [ -s "$prefix/$file" ] || fail "$file was not installed"
done
grep -q '^ExecStart=/opt/mien/bin/mien serve ' "$prefix/lib/systemd/system/mien.service" ||
    fail "mien.service does not name the installed tool"
[ -z "$(find "$prefix" -name '__pycache__' -o -name '*.pyc')" ] || fail "compiled Python was installed"
[ "$("$prefix/bin/mien" --version | grep -c "$(sed -n 's/^#define MIEN_VERSION  *"\(.*\)"/\1/p' \
    include/mien.h)")" -ge 1 ] || fail "mien --version does not say the header's version"
"$prefix/bin/mien-weights" --help >/dev/null || fail "mien-weights does not run"

ldd "$prefix/bin/mien" | grep -q libmien && fail "the tool needs libmien.so"
for file in bin/mien lib/libmien.so; do
    readelf -d "$prefix/$file" | grep -E 'RPATH|RUNPATH' && fail "$file looks for libraries in a build"
done

# run PROGRAM: its usage error, and where the default weights are here, what it says of a photo.
photo=
for photo in "$weights"/photos/sample*.jpg; do
    [ -e "$photo" ] || photo=
    break
done
run() {
    local status=0
    "$@" 2>"$work/usage" >/dev/null || status=$?
    [ $status -eq 2 ] && grep -q '^usage: ' "$work/usage" || fail "$* without arguments: $status"
    [ -n "$photo" ] || return 0
    case $* in
        *detect*) "$@" "$photo" | grep -E '^[0-9]+\.[0-9] .* [01]\.[0-9]{3}$' >/dev/null ||
            fail "$* $photo found no face" ;;
        *recognise*) [ "$("$@" "$photo" "$photo")" = "1.000: one person" ] ||
            fail "$*: a picture is not like itself" ;;
        *attributes*) "$@" "$photo" >"$work/told"
            head -1 "$work/told" | grep -qx 'face 0' &&
                grep -Eq '^  age: [0-9]+\.[0-9]{2} years$' "$work/told" &&
                grep -Eq '^  gender: (fe)?male \([0-9]+ %\)$' "$work/told" ||
                fail "$* $photo tells not of age and gender: $(cat "$work/told")" ;;
    esac
}

strict="-Wall -Wextra -Werror -pedantic"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export LD_LIBRARY_PATH=$prefix/lib
export XDG_DATA_DIRS=$prefix/share # where a program with the library in it finds what came with mien
# build SOURCE PROGRAM: by pkg-config, shared and static, and runs both.
build() {
    local compile="cc -std=c11"
    [ "${1##*.}" = c ] || compile="c++ -std=c++11"
    # shellcheck disable=SC2046  # lists of flags, here and below
    $compile $strict "$1" $(pkg-config --cflags --libs mien) -o "$work/$2"
    readelf -d "$work/$2" | grep -q 'NEEDED.*libmien.so.0' || fail "$2 is not linked shared"
    run "$work/$2"
    # shellcheck disable=SC2046
    $compile $strict "$1" $(pkg-config --cflags mien) \
        $(pkg-config --static --libs mien | sed 's/-lmien/-l:libmien.a/') -o "$work/${2}_static"
    readelf -d "$work/${2}_static" | grep -q libmien && fail "${2}_static needs libmien.so"
    run "$work/${2}_static"
}
for name in detect recognise attributes; do build examples/$name.c $name; done
build examples/detect.cpp detect_cpp
echo "pkg-config: shared and static work, in C and C++"

cmake -S examples -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 &&
    cmake --build "$work/cmake" >>"$work/log" 2>&1 || { cat "$work/log"; fail "CMake package"; }
for name in {detect,recognise,attributes,detect_cpp}{,_static}; do
    [ -x "$work/cmake/$name" ] || fail "CMake built no $name"
    run "$work/cmake/$name"
done
echo "CMake: shared and static work, in C and C++"

# Python: a file, and the same pixels as raw bytes.
run "$MIEN_PYTHON" examples/detect.py
if [ -n "$photo" ]; then
    read -r width height < <("$MIEN_PYTHON" - "$photo" "$work/photo.ppm" <<'PYTHON'
import ctypes, sys
mien, image = ctypes.CDLL("libmien.so.0"), ctypes.c_void_p()
assert mien.mien_image_load(None, sys.argv[1].encode(), None, ctypes.byref(image)) == 0
assert mien.mien_image_save(image, sys.argv[2].encode()) == 0
with open(sys.argv[2], "rb") as file:
    magic, size, most, pixels = file.read().split(b"\n", 3)
open(sys.argv[2] + ".raw", "wb").write(pixels)
print(size.decode())
PYTHON
    )
    "$MIEN_PYTHON" examples/detect.py "$photo" >"$work/of_file"
    "$MIEN_PYTHON" examples/detect.py "$work/photo.ppm.raw" "$width" "$height" >"$work/of_pixels"
    cmp "$work/of_file" "$work/of_pixels" || fail "detect.py: raw pixels are not the file's"
    "$work/detect" "$photo" | cmp - "$work/of_file" || fail "detect.py and detect.c differ"
fi
echo "Python works"

for language in c99 c11 c17 c++11 c++14 c++17 c++20; do
    compiler=cc
    [ "${language#c++}" = "$language" ] || compiler=c++
    "$compiler" -x "$([ $compiler = cc ] && echo c || echo c++)" -std=$language $strict \
        -fsyntax-only "$prefix/include/mien_gallery.h" || # which includes mien.h
        fail "a header does not compile as $language"
    [ $compiler = cc ] || c++ -std=$language $strict -fsyntax-only -I "$prefix/include" \
        examples/detect.cpp || fail "detect.cpp does not compile as $language"
done

# What mien.h and the README show is what a user pastes.
mkdir -p "$work/paste/demo/photos"
ln -s "$PWD/examples" "$work/paste/examples"
cd "$work/paste"
{
    printf '#include <mien.h>\n#include <stdio.h>\nint main(void) {\n'
    sed -n '/^ \* The whole of a program/,/^ \*\//s/^ \*     //p' "$prefix/include/mien.h"
    printf 'return 0;\n}\n'
} >shown.c
grep -q mien_detect shown.c || fail "mien.h shows no program"
# shellcheck disable=SC2046
cc -std=c11 $strict shown.c $(pkg-config --cflags --libs mien) -o shown ||
    fail "the program that mien.h shows does not compile"
sed -n '/^## The library/,/^## /s/^    //p' "$MIEN_SOURCE_DIR/README.md" >shown.sh
grep -q '^cc ' shown.sh && grep -q '^demo/' shown.sh || fail "the README shows no program"
if [ -n "$photo" ]; then
    cp "$photo" photo.jpg
    ./shown | cmp - "$work/of_file" || fail "the program that mien.h shows finds other faces"
    cp "$photo" demo/photos/astronaut.png # formats are told by content
    bash -e shown.sh | cmp - "$work/of_file" || fail "what the README shows finds other faces"
else
    bash -e <(grep -v '^demo/' shown.sh) || fail "what the README shows does not compile"
fi
echo "mien.h and README show programs that work"
