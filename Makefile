# What a person does with a checkout. Each target is one script or one cmake call; the build itself
# is CMakeLists.txt. BUILD, PREFIX, DESTDIR, PYTHON and MIEN_WEIGHTS may be set on the command line.
BUILD  ?= build
PREFIX ?= /usr/local
# Debian's Python: it is the one that sees Debian's numpy, whatever comes first on PATH.
PYTHON ?= /usr/bin/python3
export BUILD PREFIX PYTHON

.PHONY: help demo test test-hard train accuracy bench bench-serve lint format install

help:
	@echo "make demo         install what is missing, build, fetch the weights, describe two photos"
	@echo "make test         the tests, with what they need installed and built first; some minutes"
	@echo "make test-hard    sanitizers, fuzzers, valgrind and other long tests; half an hour"
	@echo "make bench        time mien and its rivals on this machine, and update docs/speed.md"
	@echo "make bench-serve  load mien serve and a Python service, and update docs/speed.md"
	@echo "make accuracy     mien eval on labelled pictures, and update docs/accuracy.md"
	@echo "make lint         formatting, static analysis, layer order, warnings with gcc and clang"
	@echo "make format       reformat the C sources"
	@echo "make install      into PREFIX ($(PREFIX)) below DESTDIR"

demo:
	@tools/demo.sh

test:
	@tools/test.sh

test-hard:
	@tools/test.sh --hard

train:
	@tools/train.sh

accuracy:
	@$(PYTHON) tools/accuracy.py

bench:
	@tools/bench.sh --update

bench-serve:
	@tools/bench_serve.sh --update

lint:
	@tools/lint.sh

format:
	@tools/lint.sh --format

install:
	@tools/build.sh -DMIEN_CUDA_IMAGES=ON
	cmake --install "$(BUILD)" --prefix "$(PREFIX)"
