#!/usr/bin/env bash
# Trains again what models/data holds, by the recipe of training/README.md: features once, networks
# that differ by their seed, one taught by their mean, and the blobs. What is done already is not
# done again: WORK keeps it.
# usage: tools/train.sh
# DATA: folder of the training crops and their labels.csv; VALIDATION: of FairFace's validation set;
# WORK: some 3 GB; OUT: where the blobs go.
. "$(dirname "$0")/common.sh"

DATA=${DATA:-../shared/data/fairface_train}
VALIDATION=${VALIDATION:-../shared/data/fairface}
WORK=${WORK:-$BUILD/training}
OUT=${OUT:-models/data}
[ -e "$DATA/labels.csv" ] || die "train.sh: $DATA/labels.csv is missing: DATA=FOLDER says where it is"

tools/setup.sh build train
step "Building"
tools/build.sh -DMIEN_TESTS=ON -- --target mien_cli runnet
mkdir -p "$WORK" "$OUT"

train() {
    "$PYTHON" training/train.py "$@" --threads "$JOBS"
}

manifest=$DATA/labels.csv
features=(--features "$WORK/features")
step "Features"
train features "$manifest" "${features[@]}" --values conv_45,conv_6_dw --variants plain,flip \
    --runner "$BUILD/tests/runnet"
