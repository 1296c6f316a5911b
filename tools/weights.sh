#!/usr/bin/env bash
# Fetches and converts the default weights into the weights folder; quick where they are there.
. "$(dirname "$0")/common.sh"

exec "$PYTHON" -m weights_convert fetch </dev/null
