#!/usr/bin/env bash
# From a bare checkout to two described photos: packages, build, weights, photos, the tool's answers.
. "$(dirname "$0")/common.sh"

tools/setup.sh build weights
step "Building"
mapfile -t images < <(cuda_images)
tools/build.sh "${images[@]}" -- --target mien_cli
step "Default weights"
tools/weights.sh

step "Photos"
tools/photos.sh
mkdir -p demo/out

# show NAME COMMAND...: what a person would type, and what it prints.
show() {
    local name=$1
    shift
    step "mien $*"
    "$BUILD/mien" "$@"
    [ -s "demo/out/$name" ] || die "mien drew no picture"
}

show astronaut.jpg analyze --pretty --classifier none --draw demo/out/astronaut.jpg demo/photos/astronaut.png
show chelsea.jpg classify --pretty --top 3 --draw demo/out/chelsea.jpg demo/photos/chelsea.png
printf '\nThe photos with boxes, landmarks and labels are in %s/demo/out\n' "$PWD"
