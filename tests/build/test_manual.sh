#!/usr/bin/env bash
# The manual pages are well formed, and mien(1) describes exactly the options the tool has.
set -euo pipefail

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

for page in "$MIEN_BUILD_DIR/mien.1" docs/mien-weights.1; do
    if command -v man >/dev/null; then
        # Debian's minimal images replace man by a note; theirs prints nothing to standard error.
        warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 \
            "$page" 2>&1 >/dev/null)
        [ -z "$warnings" ] || fail "$page: $warnings"
    fi
done

offered=$(for command in analyze detect classify embed bench info models; do
    "$MIEN_TOOL" "$command" --help
done | grep -o -e '--[a-z][a-z-]*' | sort -u)
described=$(sed 's/\\-/-/g' "$MIEN_BUILD_DIR/mien.1" | grep -o -e '--[a-z][a-z-]*' | sort -u)
undescribed=$(comm -23 <(echo "$offered") <(echo "$described"))
gone=$(comm -13 <(echo "$offered") <(echo "$described") | grep -v -x -e --version || true)
[ -z "$undescribed" ] || fail "mien(1) does not describe" $undescribed
[ -z "$gone" ] || fail "mien(1) describes options the tool has not:" $gone
