#!/usr/bin/env bash
# Builds the fuzzers with clang and runs each for MIEN_FUZZ_SECONDS (30) from its seeds. An input that
# breaks one stays in $MIEN_BUILD_DIR/fuzz/crashes.
set -euo pipefail

build=$MIEN_BUILD_DIR/fuzz
clang=${MIEN_CLANG:-clang}
seconds=${MIEN_FUZZ_SECONDS:-30}

skip() {
    echo "skipped: $*"
    exit 77
}

command -v "$clang" >/dev/null || skip "no clang here"
mkdir -p "$build/crashes"
echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return !p && n; }' >"$build/probe.c"
"$clang" -fsanitize=fuzzer,address "$build/probe.c" -o "$build/probe" 2>/dev/null ||
    skip "clang has no fuzzer runtime (Debian: apt-get install libclang-rt-dev)"

cmake -S . -B "$build" -DCMAKE_C_COMPILER="$clang" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DMIEN_FUZZ=ON -DMIEN_SANITIZE=address,undefined -DMIEN_TESTS=OFF >/dev/null
cmake --build "$build" -j "$(nproc)" --target fuzzers >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }

failed=
for source in tests/fuzz/*_fuzz.c; do
    name=$(basename "$source" .c)
    seeds=${source%_fuzz.c}_seeds.py
    corpus=$build/corpus/$name
    mkdir -p "$corpus"
    [ ! -e "$seeds" ] || "$MIEN_PYTHON" "$seeds" "$corpus"
    echo "== $name: $seconds seconds from $(find "$corpus" -type f | wc -l) inputs"
    "$build/tests/fuzz/$name" -max_total_time="$seconds" -timeout=300 -rss_limit_mb=2048 \
        -malloc_limit_mb=1024 -artifact_prefix="$build/crashes/" -print_final_stats=1 \
        "$corpus" >"$build/$name.log" 2>&1 || { failed="$failed $name"; tail -n 60 "$build/$name.log"; }
    grep -E 'stat::(number_of_executed_units|peak_rss_mb)|cov:' "$build/$name.log" | tail -n 3
done
[ -z "$failed" ] || { echo "FAILED:$failed, see $build/crashes"; exit 1; }
