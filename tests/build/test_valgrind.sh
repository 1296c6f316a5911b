#!/usr/bin/env bash
# `mien analyze` of three pictures leaks nothing and reads nothing it did not write.
set -euo pipefail

weights=${MIEN_WEIGHTS:-${XDG_DATA_HOME:-$HOME/.local/share}/mien}

skip() {
    echo "skipped: $*"
    exit 77
}

command -v valgrind >/dev/null || skip "no valgrind here"
pictures=()
for picture in "$weights"/photos/sample*.jpg; do
    [ -e "$picture" ] && [ ${#pictures[@]} -lt 3 ] && pictures+=("$picture")
done
[ ${#pictures[@]} -eq 3 ] || skip "no sample photos in $weights"

# OpenBLAS picks kernels by CPU. Valgrind knows no AVX-512 and emulates FMA a lane at a time, so the
# products of OpenBLAS for a CPU that has neither are eight times faster here than any other.
if "$MIEN_TOOL" detect --backend blas "${pictures[0]}" >/dev/null 2>&1; then
    export OPENBLAS_CORETYPE=Nehalem MIEN_CPU=blas
fi
valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect,possible \
    --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=9 \
    "$MIEN_TOOL" analyze --size 320 --threads 1 --embeddings "${pictures[@]}" >/dev/null
