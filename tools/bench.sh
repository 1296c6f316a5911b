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
