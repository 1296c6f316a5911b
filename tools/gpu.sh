#!/usr/bin/env bash
# Tests and times mien on a machine with a GPU, where nothing need be installed.
#
#     tools/gpu.sh pack [-D...]   here: builds into build-gpu/ what travels, with its libraries;
#                                 arguments go to cmake
#     tools/gpu.sh [STAGE...]     there: runs stages, all by default; logs and JSON go to $OUT
#
# Stages: machine kernels hopper pictures run networks tuned cudnn memcheck racecheck synccheck initcheck bench
# A stage that fails is recorded and the rest goes on; SECONDS_LEFT (default 530) bounds the whole.
# BENCH holds arguments for bench/cuda.py. The last lines are a table; exit status 1: one failed.
#
# What has to be on that machine is this source tree with build-gpu/, which git ignores.
. "$(dirname "$0")/common.sh"

PACK=${PACK:-build-gpu}
OUT=${OUT:-$PACK/out}
# cuDNN's plans and torch.compile take half a minute and more a network and batch: they are for calls
# of their own, BENCH='--contenders "mien fp16" "mien fp16 cudnn" "torch max-autotune" --batches 32'
BENCH=${BENCH:---contenders "mien fp16" "mien int8" "mien fp32" "mien fp16 mma" \
"mien fp16 model" "torch eager" \
"torch graph"}
LIMIT=${SECONDS_LEFT:-530}
declare -a table=()
failed=0

# Programs look for libraries beside themselves: another system's are older or not there.
pack() {
    local build=$PACK-cmake name # apart from what travels, and stays for the next time
    step "Building"
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMIEN_CUDA=ON \
        "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags,-rpath,'\$ORIGIN/lib'" \
        "-DCMAKE_SHARED_LINKER_FLAGS=-Wl,--disable-new-dtags,-rpath,'\$ORIGIN/lib'" \
        -DCMAKE_SKIP_BUILD_RPATH=ON "${@}"
    ninja -C "$build" -j "$JOBS" mien_cli libmien.so runnet test_cuda_kernels test_cuda_hopper \
        test_cuda_pictures test_cuda_networks test_cuda_run test_cudnn
    step "Packing"
    rm -rf "${PACK:?}/bin" "${PACK:?}/weights"
    mkdir -p "$PACK/bin/lib" "$PACK/weights/photos"
    for name in mien libmien.so tests/runnet tests/cuda/test_cuda_{kernels,hopper,pictures,networks,run} \
        tests/cuda/test_cudnn; do
        cp -L "$build/$name" "$PACK/bin/"
    done
    strip --strip-unneeded "$PACK"/bin/* 2>/dev/null || true
    # everything but the C library, which is newer there
    ldd "$PACK"/bin/{mien,libmien.so,test_*} | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
        grep -vE '/(libc|libm|libdl|libpthread|librt|libresolv)\.so' |
        xargs -I{} cp -L {} "$PACK/bin/lib/"
    for name in mobilefacenet-192 age-gender-faceapi retinaface-mnet025-v2; do
        cp "$(weights_dir)/$name.safetensors" "$PACK/weights/"
    done
    cp "$(weights_dir)/photos/sample1.jpg" "$PACK/weights/photos/"
    du -sh "$PACK"
}

left() {
    echo $((LIMIT - SECONDS))
}

# stage NAME SECONDS COMMAND...: runs it with its log in $OUT/logs.txt, and notes how it ended.
stage() {
    local name=$1 most=$2 status=0 begin=$SECONDS result
    shift 2
    if [ "$(left)" -lt 10 ]; then
        table+=("$(printf '%-10s no time left' "$name")")
        failed=1
        return
    fi
    [ "$most" -gt "$(left)" ] && most=$(left)
    printf '\n== %s: %s\n' "$name" "$*" >>"$OUT/logs.txt"
    timeout -k 5 "$most" "$@" >"$OUT/stage.txt" 2>&1 || status=$?
    cat "$OUT/stage.txt" >>"$OUT/logs.txt"
    case $status in
    0) result=ok ;;
    77) result="skipped: $(tail -1 "$OUT/stage.txt" | sed 's/^skipped: //')" ;;
    124 | 137) result="FAILED: not done after $most s" failed=1 ;;
    *) result="FAILED ($status): $(tail -1 "$OUT/stage.txt")" failed=1 ;;
    esac
    table+=("$(printf '%-10s %4d s  %s' "$name" $((SECONDS - begin)) "$result")")
    printf '%s\n' "${table[-1]}"
}

# Where torch's wheels keep NVIDIA's libraries, as a search path.
nvidia_libraries() {
    "$PYTHON" - <<'PYTHON_END' || true
import os
try:
    import nvidia
    folders = {top for root in nvidia.__path__ for top, _, names in os.walk(root)
               if any(n.startswith(("libcudnn", "libcublasLt", "libnvrtc")) for n in names)}
    print(":".join(sorted(folders)))
except ImportError:
    pass
PYTHON_END
}

machine() {
    nvidia-smi
    nvcc --version | tail -2
    "$PYTHON" -c 'import torch; print(torch.__version__, torch.backends.cudnn.version())'
    echo "libraries: $LD_LIBRARY_PATH"
    if ldd "$PACK"/bin/{mien,test_cuda_networks} | grep "not found"; then return 1; fi
    "$PACK/bin/mien" bench mobilefacenet-192 --device cuda --precision fp16 --seconds 0.2
    "$PACK/bin/mien" info mobilefacenet-192 --plan --device cuda --precision fp16 --backend cudnn
}

sanitized() {
    stage "$1" 75 compute-sanitizer --tool "$1" --error-exitcode 9 --target-processes all \
        "$PACK/bin/test_cuda_kernels" --count 12
}

run_stage() {
    local bin=$PACK/bin
    case $1 in
    machine) stage machine 60 bash "$0" machine_now ;;
    kernels) stage kernels 60 "$bin/test_cuda_kernels" --count 300 ;;
    hopper) stage hopper 60 "$bin/test_cuda_hopper" ;;
    pictures) stage pictures 60 "$bin/test_cuda_pictures" ;;
    run) stage run 60 env MIEN_CUDA_TUNE=0 "$bin/test_cuda_run" ;;
    networks) stage networks 120 env MIEN_CUDA_TUNE=0 "$bin/test_cuda_networks" ;;
    tuned) stage tuned 120 "$bin/test_cuda_networks" ;; # what measuring leaves out is not tested
    cudnn) stage cudnn 90 "$bin/test_cudnn" -v ;;
    memcheck | racecheck | synccheck | initcheck) sanitized "$1" ;;
    bench)
        # shellcheck disable=SC2086 # several arguments
        eval "stage bench $(left) $PYTHON bench/cuda.py --budget $(($(left) - 25)) \
            --json $OUT/cuda.json $BENCH"
        grep -E '^(\||[A-Z]| )' "$OUT/stage.txt" | tail -60 || true
        ;;
    *) die "no stage is called $1" ;;
    esac
}

there() {
    [ -d "$PACK/bin" ] || die "$PACK is not here: tools/gpu.sh pack makes it, on the machine that builds"
    PYTHON=python3
    mkdir -p "$OUT"
    : >"$OUT/logs.txt"
    LD_LIBRARY_PATH="$(nvidia_libraries)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    PACK=$(cd "$PACK" && pwd)
    export LD_LIBRARY_PATH PACK PYTHON PYTHONUNBUFFERED=1
    export MIEN_WEIGHTS=$PACK/weights MIEN_PHOTO=$PACK/weights/photos/sample1.jpg
    export MIEN_LIB=$PACK/bin/libmien.so MIEN_TOOL=$PACK/bin/mien MIEN_BUILD_DIR=$PACK/bin
    export MIEN_REF_CACHE=${MIEN_REF_CACHE:-/tmp/mien-bench}
    unset MIEN_LIBCUDA MIEN_LIBCUDNN MIEN_LIBCUBLASLT
    local name
    for name in "$@"; do run_stage "$name"; done
    rm -f "$OUT/stage.txt"
    printf '%s\n' "${table[@]}" | tee "$OUT/table.txt"
    exit "$failed"
}

case ${1:-} in
pack)
    shift
    pack "$@"
    ;;
machine_now) machine ;;
"")
    there machine kernels hopper pictures run networks tuned cudnn memcheck racecheck synccheck \
        initcheck bench
    ;;
*) there "$@" ;;
esac
