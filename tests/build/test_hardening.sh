#!/usr/bin/env bash
# The tool and the shared library are built as hardened as compiler and linker can: what readelf says.
set -euo pipefail

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

command -v readelf >/dev/null || {
    echo "skipped: readelf is not installed"
    exit 77
}

# has FILE WHAT PATTERN COMMAND...: the command's output has a line with the pattern.
has() {
    local file=$1 what=$2 pattern=$3
    shift 3
    "$@" "$file" | grep -E "$pattern" >/dev/null || fail "$(basename "$file") has no $what"
}

for file in "$MIEN_TOOL" "$MIEN_BUILD_DIR"/mien-decode "$MIEN_BUILD_DIR"/libmien.so; do
    has "$file" "addresses of its own choice (PIE)" 'Type: +DYN' readelf -hW
    has "$file" "table that is read-only once relocated (RELRO)" GNU_RELRO readelf -lW
    has "$file" "table that is complete before it starts (BIND_NOW)" 'BIND_NOW|Flags:.* NOW' \
        readelf -dW
    has "$file" "stack protector" '__stack_chk_fail' readelf -sW
    has "$file" "checked functions (_FORTIFY_SOURCE)" '__(memcpy|snprintf|read|fprintf)_chk' readelf -sW
    if readelf -lW "$file" | grep GNU_STACK | grep RWE >/dev/null; then
        fail "$(basename "$file") has a stack that can be executed"
    fi
    if readelf -dW "$file" | grep TEXTREL >/dev/null; then
        fail "$(basename "$file") writes into its code when it is loaded"
    fi
    case $(uname -m) in
        x86_64) has "$file" "shadow stack (CET)" 'x86 feature:.*SHSTK' readelf -nW ;;
    esac
    echo "$(basename "$file"): PIE, RELRO, BIND_NOW, stack protector, FORTIFY, CET"
done
# Whether calls are checked, too, is up to the system's startup files; ours has what it takes.
case $(uname -m) in
    x86_64) has "$MIEN_BUILD_DIR"/libmien.a "landing pads (CET)" 'x86 feature:.*IBT' readelf -nW ;;
esac
has "$MIEN_TOOL" "flag of a program of any address" 'Flags:.* PIE' readelf -dW
