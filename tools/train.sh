#!/usr/bin/env bash
# Trains again what models/data holds, by the recipe of training/README.md: features once, networks
# that differ by their seed, and the blobs, of which the joint one is three of them as one. What is
# done already is not done again: WORK keeps it.
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
train features "$manifest" "${features[@]}" --values conv_45,conv_5,conv_6_dw --variants plain,flip \
    --runner "$BUILD/tests/runnet"

step "A head on the embedder's features"
train heads "$manifest" "${features[@]}" --data FairFace --out "$WORK/head"

step "The joint network: the mean of three from conv_45 up"
tune=(finetune "$manifest" "${features[@]}" --start "$WORK/head" --data FairFace)
joint=
for seed in 4 5 6; do
    train "${tune[@]}" --value conv_45 --seed "$seed" --out "$WORK/joint-$seed"
    joint+=${joint:+,}$WORK/joint-$seed
done

step "A network for each, from conv_5 up"
for name in age gender race; do
    train "${tune[@]}" --value conv_5 --attributes "$name" --out "$WORK/$name"
done

step "Masks, drawn on the first crops"
masks=(--description training/masks.json)
[ -e "$WORK/masked/labels.csv" ] ||
    train masked "$manifest" --out "$WORK/masked" --limit 10000
masked=("$WORK/masked/labels.csv" "${masks[@]}" --features "$WORK/masked-features")
train features "${masked[@]}" --variants plain,moved-1 --runner "$BUILD/tests/runnet"
train heads "${masked[@]}" --attributes mask --hidden 64 --data "FairFace with masks drawn" \
    --out "$WORK/mask"

# The final check is on pictures that nothing was chosen on, cut as mien cuts them.
check=() masked_check=()
if [ -e "$VALIDATION/fairface_label_val.csv" ]; then
    step "Crops of the validation pictures"
    if [ ! -e "$WORK/validation/labels.csv" ]; then
        sed '1s/,age,/,age_group,/' "$VALIDATION/fairface_label_val.csv" >"$WORK/validation.csv"
        train crops "$WORK/validation.csv" --pictures "$VALIDATION" --out "$WORK/validation" \
            --tool "$BUILD/mien"
    fi
    validation=$WORK/validation/labels.csv
    train features "$validation" --features "$WORK/validation-features" --variants plain \
        --values conv_45,conv_5,conv_6_dw --runner "$BUILD/tests/runnet"
    check=(--check "$validation" --check-features "$WORK/validation-features"
        --check-data "FairFace validation, pictures 1-2000")
    masked_validation=$WORK/masked-validation/labels.csv
    [ -e "$masked_validation" ] ||
        train masked "$validation" --out "$WORK/masked-validation" --unseen
    train features "$masked_validation" "${masks[@]}" --variants plain \
        --features "$WORK/masked-validation-features" --runner "$BUILD/tests/runnet"
    masked_check=(--check "$masked_validation" --check-features "$WORK/masked-validation-features"
        --check-data "FairFace validation, pictures 1-2000, masks of unseen styles drawn")
fi

step "Blobs and cards"
write() { # NAME, folder of its training, the manifest and options of the export
    local blob=$OUT/face-$1.safetensors
    train export "${@:3}" "$2" "$blob" --command-line "make train" \
        --license "CC BY 4.0, with attribution: made of FairFace (Karkkainen and Joo, WACV 2021)"
    "$PYTHON" training/train.py card "$blob" "docs/models/face-$1.md"
}
write joint "$joint" "$manifest" "${features[@]}" "${check[@]}"
for name in age gender race; do
    write "$name" "$WORK/$name" "$manifest" "${features[@]}" "${check[@]}"
done
write mask "$WORK/mask" "${masked[@]}" "${masked_check[@]}"
