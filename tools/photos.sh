#!/usr/bin/env bash
# Puts the demo's photos into demo/photos: a portrait (NASA, public domain) and a cat (Stefan van der
# Walt, CC0). Both are sample data of scikit-image, taken out of Debian's package without installing
# it, because it would bring all of scipy. Does nothing where they are there.
. "$(dirname "$0")/common.sh"

folder=demo/photos
package=python3-skimage
photos="astronaut.png chelsea.png"

# missing: whether one of the photos is not there yet.
missing() {
    local photo
    for photo in $photos; do
        [ -s "$folder/$photo" ] || return 0
    done
    return 1
}

download() {
    (cd "$work" && apt-get -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$package")
}

missing || exit 0
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    die "This is not a Debian system: put $photos of scikit-image's sample data into $folder"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The package lists of a fresh machine are empty or old: fetch them only when they are in the way.
download || { as_root apt-get update </dev/null && download; } ||
    die "apt-get could not download $package, which has the demo's photos"
mkdir -p "$folder"
for photo in $photos; do
    dpkg-deb --fsys-tarfile "$work/$package"_*.deb |
        tar -x --to-stdout --wildcards "*/skimage/data/$photo" >"$work/$photo"
    mv "$work/$photo" "$folder/$photo"
done
missing && die "$package has not all of $photos"
exit 0
