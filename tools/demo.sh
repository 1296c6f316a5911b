#!/usr/bin/env bash
# From a bare checkout to a described photo: packages, build, weights, one run of `mien analyze`.
. "$(dirname "$0")/common.sh"

tools/setup.sh build weights
step "Building"
tools/build.sh -DMIEN_CUDA_IMAGES=ON -- --target mien_cli
step "Default weights"
tools/weights.sh

photo=$(weights_dir)/photos/sample6.jpg
[ -e "$photo" ] || die "no sample photo in $(weights_dir)/photos"
mkdir -p demo/out
picture=demo/out/$(basename "$photo")

step "mien analyze --pretty --draw $picture $photo"
"$BUILD/mien" analyze --pretty --draw "$picture" "$photo"
[ -s "$picture" ] || die "mien drew no picture"
printf '\nThe photo with boxes, landmarks and labels is %s/%s\n' "$PWD" "$picture"
