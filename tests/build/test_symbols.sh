#!/usr/bin/env bash
# Only mien_* symbols leave the shared and the static library, and every function mien.h declares is
# in both.
set -euo pipefail

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

declared=$(sed -n '/^MIEN_API/,/;/p' include/mien.h | tr '\n' ' ' |
    grep -o 'mien_[a-z0-9_]* *(' | tr -d ' (' | sort -u)
[ "$(wc -w <<<"$declared")" -gt 30 ] || fail "found only a few declarations in include/mien.h"

for library in "$MIEN_BUILD_DIR"/libmien.so "$MIEN_BUILD_DIR"/libmien.a; do
    case $library in
        *.so) exported=$(nm -D --defined-only "$library") ;;
        *) exported=$(nm --defined-only --extern-only "$library" | grep -v '^$\|:$') ;;
    esac
    exported=$(awk '{ print $3 }' <<<"$exported" | sort -u)
    strangers=$(grep -v '^mien_' <<<"$exported" || true)
    [ -z "$strangers" ] || fail "$(basename "$library") exports" $strangers
    absent=$(comm -23 <(echo "$declared") <(echo "$exported"))
    [ -z "$absent" ] || fail "$(basename "$library") lacks" $absent
    undeclared=$(comm -13 <(echo "$declared") <(echo "$exported"))
    [ -z "$undeclared" ] || fail "$(basename "$library") exports undeclared" $undeclared
    echo "$(basename "$library"): $(wc -w <<<"$exported") symbols, all mien_*, all declared"
done

readelf -d "$MIEN_BUILD_DIR/libmien.so" | grep -q 'soname: \[libmien.so.0\]' ||
    fail "libmien.so has no SONAME libmien.so.0"

readelf -d "$MIEN_BUILD_DIR/libmien.so" | grep -q 'NEEDED.*blas' &&
    fail "libmien.so is linked with a BLAS, whose threads would start in every program"
true
