#!/usr/bin/env bash
# Each fuzzer for MIEN_FUZZ_SECONDS (30) from its seeds and the kept corpus (tools/fuzz.sh).
exec tools/fuzz.sh --seconds "${MIEN_FUZZ_SECONDS:-30}"
