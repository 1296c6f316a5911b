#!/usr/bin/env bash
# Builds the fuzzers with clang and runs each, from its seeds, the kept corpus (tests/fuzz/corpus) and
# what earlier runs found, within limits on time and memory of every input. What breaks one stays in
# BUILD/fuzz/crashes.
# usage: tools/fuzz.sh [--runs N | --seconds N] [--jobs N] [--keep] [NAME ...]
#   --runs N      executions of each (default 100000); --seconds N: so long instead
#   --jobs N      processes of each at once (1)
#   --keep        afterwards put what reaches more code into tests/fuzz/corpus
#   NAME          picture, request ...: only these
set -euo pipefail
cd "$(dirname "$0")/.."

build=${MIEN_BUILD_DIR:-build}/fuzz
clang=${MIEN_CLANG:-clang}
python=${MIEN_PYTHON:-/usr/bin/python3}
limit=(-runs=100000)
jobs=1
keep=
names=()
while [ $# -gt 0 ]; do
    case $1 in
        --runs) limit=("-runs=$2"); shift ;;
        --seconds) limit=("-max_total_time=$2"); shift ;;
        --jobs) jobs=$2; shift ;;
        --keep) keep=1 ;;
        -*) sed -n '2,/^set/s/^# //p' "$0" >&2; exit 2 ;;
        *) names+=("$1") ;;
    esac
    shift
done
if [ ${#names[@]} -eq 0 ]; then
    for source in tests/fuzz/*_fuzz.c; do names+=("$(basename "$source" _fuzz.c)"); done
fi

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

# Seconds and MiB an input may take, the whole process and one allocation. Networks of arbitrary
# blobs and libraries of others need more. An input that is well within takes milliseconds.
limits() {
    case $1 in
        blob) echo -timeout=120 -rss_limit_mb=2048 -malloc_limit_mb=1024 ;;
        picture) echo -timeout=60 -rss_limit_mb=1024 -malloc_limit_mb=256 ;;
        request) echo -timeout=60 -rss_limit_mb=1024 -malloc_limit_mb=128 -close_fd_mask=1 ;;
        options) echo -timeout=60 -rss_limit_mb=512 -malloc_limit_mb=64 -close_fd_mask=3 ;;
        *) echo -timeout=60 -rss_limit_mb=512 -malloc_limit_mb=64 ;;
    esac
}

# Faults of libheif and its codecs are not mien's; MIEN_LIBHEIF= (empty) reads HEIC and AVIF, too.
export MIEN_LIBHEIF=${MIEN_LIBHEIF-none}
export MIEN_DECODER=none # what is fuzzed runs here

# Of the files that together reach all code that was reached, at most 64 of up to 2 KiB, 24 KB in all;
# which ones, their names say, which are hashes.
keep_corpus() {
    local merged=$build/merged/$1 kept=tests/fuzz/corpus/$1
    rm -rf "$merged"
    mkdir -p "$merged" "$kept"
    # shellcheck disable=SC2046
    "$build/tests/fuzz/${1}_fuzz" $(limits "$1") -merge=1 "$merged" "$kept" "$build/corpus/$1" \
        >"$build/$1.merge.log" 2>&1 || { tail -n 20 "$build/$1.merge.log"; return; }
    find "$kept" -type f -delete
    find "$merged" -type f -size -2049c -printf '%s %p\n' | sort -k 2 | head -n 64 |
        awk '(sum += $1) <= 24000 { print $2 }' |
        while read -r file; do cp "$file" "$kept/"; done
}

failed=
for name in "${names[@]}"; do
    corpus=$build/corpus/$name
    kept=tests/fuzz/corpus/$name
    mkdir -p "$corpus" "$build/seeds/$name"
    [ ! -e "tests/fuzz/${name}_seeds.py" ] || "$python" "tests/fuzz/${name}_seeds.py" "$build/seeds/$name"
    from=("$corpus" "$build/seeds/$name")
    [ ! -d "$kept" ] || from+=("$kept")
    echo "== $name: ${limit[*]} from $(find "${from[@]}" -type f | wc -l) inputs"
    pids=()
    for ((i = 0; i < jobs; i++)); do
        # shellcheck disable=SC2046
        "$build/tests/fuzz/${name}_fuzz" "${limit[@]}" $(limits "$name") -reload=1 \
            -artifact_prefix="$build/crashes/$name-" -print_final_stats=1 "${from[@]}" \
            >"$build/$name.$i.log" 2>&1 &
        pids+=($!)
    done
    for ((i = 0; i < jobs; i++)); do
        wait "${pids[i]}" || { failed="$failed $name"; tail -n 60 "$build/$name.$i.log"; }
        grep -aE 'stat::(number_of_executed_units|peak_rss_mb)' "$build/$name.$i.log" || true
        grep -a 'cov:' "$build/$name.$i.log" | tail -n 1 || true
    done
    [ -z "$keep" ] || keep_corpus "$name"
done
[ -z "$failed" ] || { echo "FAILED:$failed, see $build/crashes"; exit 1; }
