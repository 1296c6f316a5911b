# Sourced by the other scripts of this folder: where things are, and how to say what happens.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BUILD=${BUILD:-build}
PYTHON=${PYTHON:-/usr/bin/python3}
JOBS=${JOBS:-$(nproc)}

# step TEXT: a heading between the outputs of the steps.
step() {
    printf '\n== %s\n' "$*"
}

# die TEXT: one sentence, and the end.
die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# weights_dir: where mien and weights_convert look for blobs (the rule is in include/mien.h).
weights_dir() {
    if [ -n "${MIEN_WEIGHTS:-}" ]; then
        echo "$MIEN_WEIGHTS"
    else
        echo "${XDG_DATA_HOME:-$HOME/.local/share}/mien"
    fi
}

# as_root COMMAND...: runs it as root, through sudo where that is needed; fails where neither is to be had.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null && sudo --preserve-env=DEBIAN_FRONTEND "$@"
    fi
}

# cuda_images: cmake's option for a build that is run here, if any. Kernels for GPUs take nvcc
# minutes, and without a GPU nothing runs them; `make install` builds them anyhow.
cuda_images() {
    compgen -G '/dev/nvidia[0-9]*' >/dev/null || echo -DMIEN_CUDA_IMAGES=OFF
}
