#!/usr/bin/env bash
# The tool starts without the libraries that only `mien serve` and galleries use, and says what is missing.
set -euo pipefail

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

if readelf -d "$MIEN_TOOL" | grep -E 'NEEDED.*(microhttpd|curl|gnutls|sqlite)'; then
    fail "every start of the tool loads what only the server or galleries need"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for library in $(strings "$MIEN_TOOL" | grep -E '^lib(microhttpd|curl|sqlite3)[^ ]*\.so\.[0-9]+$'); do
    echo "no library" >"$work/$library"
done
[ "$(find "$work" -type f | wc -l)" = 3 ] || fail "the names of the libraries were not found"
# missing NAME PACKAGE ARGUMENTS...: what `mien` says where that library is none.
missing() {
    local name=$1 package=$2 said
    shift 2
    said=$(LD_LIBRARY_PATH=$work "$MIEN_TOOL" "$@" 2>&1 >/dev/null) && fail "mien $1 runs without $name"
    grep -q "^mien: $name.*, which this needs, cannot be used: .* (Debian: apt-get install $package)$" \
        <<<"$said" || fail "without $name, mien $1 says: $said"
}
missing libmicrohttpd libmicrohttpd12 serve --port=0
missing libcurl libcurl3-gnutls serve --check
missing libsqlite3 libsqlite3-0 gallery import nothing "--gallery=$work/gallery.db"
LD_LIBRARY_PATH=$work "$MIEN_TOOL" --version >/dev/null || fail "mien --version needs them"
