#!/usr/bin/env bash
# After `make install` into a folder the loader looks in, a program finds libmien.so without being
# told where; an installation elsewhere or below DESTDIR leaves the loader alone.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# install PREFIX: with an ldconfig that knows $work/known/lib and notes what it was asked for.
mkdir "$work/bin" "$work/known"
cat >"$work/bin/ldconfig" <<SCRIPT
#!/bin/sh
echo "ldconfig \$*" >>"$work/asked"
[ \$# -eq 0 ] || printf '%s\n' "/lib: (from <builtin>:0)" "	libz.so.1 -> libz.so.1.2" \
    "$work/known/lib: (from /etc/ld.so.conf:1)"
[ ! -e "$work/refuse" ] || [ \$# -gt 0 ] || exit 1
SCRIPT
chmod +x "$work/bin/ldconfig"
install() {
    rm -f "$work/asked"
    PATH=$work/bin:$PATH cmake --install "$MIEN_BUILD_DIR" --prefix "$1" >"$work/log"
}

install "$work/known"
grep -qx 'ldconfig ' "$work/asked" || fail "ldconfig was not run for a folder of the loader's"
grep -q 'does not look\|as root' "$work/log" && fail "a warning without need"
touch "$work/refuse"
install "$work/known"
grep -q 'finds libmien.so once ldconfig was run as root' "$work/log" || fail "a failure in silence"
install "$work/other"
grep -qx 'ldconfig ' "$work/asked" && fail "ldconfig was run for a folder that is not the loader's"
grep -q "LD_LIBRARY_PATH=$work/other/lib" "$work/log" || fail "nobody says how libmien.so is found"
DESTDIR=$work/destdir install "$work/known"
[ ! -e "$work/asked" ] || fail "ldconfig was asked below DESTDIR"
echo "ldconfig is run where it helps, and only there"

# The real one, where a name space of our own keeps it from the machine's cache.
export PATH=$PATH:/sbin
tools=$(command -v cmake cc)
folders=$(ldconfig -v -N -X 2>/dev/null) || folders=
if ! unshare -rm true 2>/dev/null || grep -q '^/usr/local/' <<<"$tools" ||
    ! grep -q '^/usr/local/lib:' <<<"$folders"; then
    echo "the real loader is not tried: no name spaces, or /usr/local is not what it is on Debian"
    exit 0
fi
cat >"$work/user.c" <<'C'
#include <mien.h>
#include <stdio.h>
int main(void) {
    puts(mien_version());
}
C
mkdir "$work/local" "$work/etc"
cp -a /etc/. "$work/etc" 2>/dev/null || true # but what only root may read
version=$(sed -n 's/^#define MIEN_VERSION  *"\(.*\)"/\1/p' include/mien.h)
export work version
unshare -rm bash -euo pipefail <<'SCRIPT' || fail "a program does not find libmien.so in /usr/local"
mount --bind "$work/local" /usr/local
mount --bind "$work/etc" /etc
cmake --install "$MIEN_BUILD_DIR" --prefix /usr/local >/dev/null
cc "$work/user.c" -I/usr/local/include -L/usr/local/lib -lmien -o "$work/user"
unset LD_LIBRARY_PATH
[ "$("$work/user")" = "$version" ]
SCRIPT
echo "the loader finds libmien.so in /usr/local/lib"
