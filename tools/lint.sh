#!/usr/bin/env bash
# Static checks over the whole tree. usage: tools/lint.sh [--format]
# --format rewrites the C files in the house style instead of checking anything.
. "$(dirname "$0")/common.sh"

tools/setup.sh build lint
# All C of the checkout, also files git does not know yet.
mapfile -t c_files < <(git ls-files -co --exclude-standard -- '*.c' '*.h' '*.cpp' '*.cu' '*.cuh' | sort)
mapfile -t scripts < <(git ls-files -co --exclude-standard -- '*.sh' .ci/run | sort)
mapfile -t folders < <(tools/check_layers.py --list)
mapfile -t python_files < <(git ls-files -co --exclude-standard -- '*.py' | sort)

if [ "${1:-}" = --format ]; then
    exec clang-format -i "${c_files[@]}"
fi

failed=()
# check NAME COMMAND...: runs it, remembers a failure, goes on: all complaints in one run.
check() {
    local name=$1
    shift
    step "$name"
    "$@" || failed+=("$name")
}

# warnings COMPILER: builds everything, tests and all, with every warning an error. Where there is no
# build yet, gcc's becomes that: the demo and the tests have nothing left to compile.
warnings() {
    local folder=$BUILD/lint-$1 images=()
    if [ "$1" = gcc ] && { [ ! -e "$BUILD/CMakeCache.txt" ] || [ -e "$BUILD/linted" ]; }; then
        mapfile -t images < <(cuda_images)
        tools/build.sh -DCMAKE_C_COMPILER=gcc -DMIEN_WERROR=ON -DMIEN_TESTS=ON "${images[@]}" &&
            touch "$BUILD/linted"
        return
    fi
    cmake -S . -B "$folder" -G Ninja -DCMAKE_C_COMPILER="$1" -DMIEN_WERROR=ON -DMIEN_TESTS=ON \
        -DMIEN_CUDA_IMAGES=OFF \
        >/dev/null
    cmake --build "$folder" -j "$JOBS"
}

# tidy: clang-tidy on each file the clang build compiles.
tidy() {
    git ls-files -co --exclude-standard -- '*.c' | sort |
        "$PYTHON" tools/compiled.py "$BUILD/lint-clang" |
        xargs -r -P "$JOBS" -n 4 clang-tidy --quiet -p "$BUILD/lint-clang" 2>/dev/null
}

# locale_free: no function that folds or classifies letters by the locale. In Turkish "FILE" and "file"
# are two words; common/ascii.h and engine/ascii.h know ASCII only.
locale_free() {
    local banned='\b(to(upper|lower)|is(alpha|alnum|digit|space|print|graph|xdigit|upper|lower|punct|cntrl|blank)'
    banned+='|str(case|ncase)(cmp|str)|strcasestr|strcoll)(_l)? *\(|<ctype\.h>'
    if printf '%s\n' "${c_files[@]}" | grep -v '^tests/' | xargs grep -nE "$banned"; then return 1; fi
}

python_lint() {
    pyflakes3 "${python_files[@]}"
}

check "clang-format" clang-format --dry-run -Werror "${c_files[@]}"
check "layer order" tools/check_layers.py
check "letters by locale" locale_free
check "gcc warnings" warnings gcc
check "clang warnings" warnings clang
check "clang-tidy" tidy
check "cppcheck" cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr \
    --enable=warning,portability --suppress=missingIncludeSystem \
    --suppress=duplicateAssignExpression -I . -I include -j "$JOBS" "${folders[@]}"
check "shellcheck" shellcheck -x "${scripts[@]}"
[ ${#python_files[@]} -eq 0 ] || check "pyflakes" python_lint

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nlint: failed: %s\n' "${failed[*]}"
    exit 1
fi
printf '\nlint: clean\n'
