#!/usr/bin/env bash
# Times the default networks on this machine, on one thread and on all; arguments go to `mien bench`.
. "$(dirname "$0")/common.sh"

tools/setup.sh build weights
tools/build.sh
tools/weights.sh
networks=(resnet50-imagenet retinaface-mnet025-v2 mobilefacenet-192 age-gender-faceapi)
for threads in 1 0; do
    step "mien bench --threads $threads ${networks[*]}"
    "$BUILD/mien" bench --threads "$threads" "$@" "${networks[@]}"
done

# Beside ONNX Runtime, where the test suite has already brought torch and node to this machine.
if [ $# -eq 0 ] && "$PYTHON" -c 'import torch' 2>/dev/null && command -v node >/dev/null; then
    step "mien and ONNX Runtime, interleaved"
    MIEN_TOOL="$BUILD/mien" "$PYTHON" bench/compare.py --rounds 3
fi
