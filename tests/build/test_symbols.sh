#!/usr/bin/env bash
# Only mien_* symbols leave the shared and the static libraries, and every function that the header
# of a library declares is in both of it.
set -euo pipefail

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

for library in "$MIEN_BUILD_DIR"/libmien{,-gallery}.{so,a}; do
    header=include/mien.h
    case $library in *gallery*) header=include/mien_gallery.h ;; esac
    declared=$(awk '/^MIEN_API/ { on = 1 } on { print } /;/ { on = 0 }' $header | tr '\n' ' ' |
        grep -o 'mien_[a-z0-9_]* *(' | tr -d ' (' | sort -u)
    [ "$(wc -w <<<"$declared")" -gt 20 ] || fail "found only a few declarations in $header"
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
readelf -d "$MIEN_BUILD_DIR/libmien.so" | grep -q 'NEEDED.*sqlite' &&
    fail "libmien.so is linked with a database"

readelf -d "$MIEN_BUILD_DIR/libmien.so" | grep -q 'NEEDED.*blas' &&
    fail "libmien.so is linked with a BLAS, whose threads would start in every program"
true
