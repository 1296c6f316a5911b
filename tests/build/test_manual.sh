#!/usr/bin/env bash
# The manual pages are well formed, and describe exactly the options the programs have.
set -euo pipefail

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# lint PAGE: no warning of the formatter.
lint() {
    command -v man >/dev/null || return 0
    local warnings
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z \
        "$1" 2>&1 >/dev/null) || true
    [ -z "$warnings" ] || fail "$1: $warnings"
}

options() {
    grep -o -e '--[a-z][a-z-]*' | sort -u
}

# compare PAGE < HELP: the options in both are the same.
compare() {
    local offered described undescribed gone
    offered=$(options)
    described=$(sed 's/\\-/-/g' "$1" | options)
    undescribed=$(comm -23 <(echo "$offered") <(echo "$described") | grep -v -x -e --help || true)
    gone=$(comm -13 <(echo "$offered") <(echo "$described") | grep -v -x -e --version -e --help || true)
    [ -z "$undescribed" ] || fail "$1 does not describe" $undescribed
    [ -z "$gone" ] || fail "$1 describes options that are not there:" $gone
}

lint "$MIEN_BUILD_DIR/mien.1"
lint docs/mien-weights.1
for command in analyze detect classify embed compare enroll identify recognize cluster gallery "gallery delete" "gallery doctor" "gallery index" "gallery migrate" bench "bench analyze" calibrate eval \
    "eval attributes" "eval detect" "eval classify" "eval identify" "eval verify" info models serve service submit worker jobs completion; do
    "$MIEN_TOOL" $command --help
done | compare "$MIEN_BUILD_DIR/mien.1"
for command in fetch convert add; do
    COLUMNS=200 "$MIEN_PYTHON" -m weights_convert "$command" --help
done | compare docs/mien-weights.1
