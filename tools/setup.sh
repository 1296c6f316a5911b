#!/usr/bin/env bash
# Installs the Debian packages a purpose needs and this machine lacks; does nothing where all are
# there. usage: tools/setup.sh build|grpc|weights|train|test|bench|bench-serve|lint ...
# An entry is a package, or command:package where any program of that name will do.
. "$(dirname "$0")/common.sh"

build_packages="gcc:gcc libc6-dev cmake:cmake ninja:ninja-build pkg-config:pkg-config libjpeg-dev
    libpng-dev libwebp-dev libgif-dev libjansson-dev libopenblas0-pthread libstb-dev
    libmicrohttpd-dev libcurl4-gnutls-dev nettle-dev libsqlite3-dev libhiredis-dev"
# The gRPC module, an option of a build: without these it is left out (docs/grpc.md).
grpc_packages="c++:g++ libgrpc++-dev protoc:protobuf-compiler grpc_cpp_plugin:protobuf-compiler-grpc"
weights_packages="python3 python3-numpy python3-onnx node:nodejs npm:npm ca-certificates"
train_packages="python3 python3-numpy python3-torch python3-pil"
test_packages="libcmocka-dev c++:g++ clang:clang libclang-rt-dev valgrind:valgrind libc6-dbg
    libheif1 libheif-examples libtiff-tools
    locales python3-pil python3-h5py python3-torch man:man-db curl:curl
    wrk:wrk yamllint:yamllint python3-yaml openssl:openssl chromedriver:chromium-driver
    python3-selenium python3-boto3 postgresql redis-server python3-redis python3-grpcio python3-protobuf
    $grpc_packages"
# bench takes weights' packages, too: node runs ONNX Runtime.
bench_packages="python3-torch"
# The rival of `make bench-serve` in Python, and the load.
bench_serve_packages="wrk:wrk python3-fastapi python3-uvicorn python3-uvloop python3-httptools
    python3-multipart python3-opencv python3-pil"
lint_packages="libcmocka-dev clang:clang clang-format:clang-format clang-tidy:clang-tidy
    cppcheck:cppcheck shellcheck:shellcheck pyflakes3:pyflakes3 man:man-db"

[ $# -gt 0 ] || die "usage: tools/setup.sh build|grpc|weights|train|test|bench|bench-serve|lint ..."

wanted=
for purpose in "$@"; do
    case $purpose in
        build) wanted="$wanted $build_packages" ;;
        grpc) wanted="$wanted $grpc_packages" ;;
        weights) wanted="$wanted $weights_packages" ;;
        train) wanted="$wanted $train_packages" ;;
        test) wanted="$wanted $test_packages" ;;
        bench) wanted="$wanted $bench_packages" ;;
        bench-serve) wanted="$wanted $bench_serve_packages" ;;
        lint) wanted="$wanted $lint_packages" ;;
        *) die "setup.sh: '$purpose' is none of build, grpc, weights, train, test, bench, bench-serve, lint" ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "This is not a Debian system; it must have what these Debian packages bring:" $wanted
    exit 0
fi

missing=
for entry in $wanted; do
    package=${entry#*:}
    if [ "$entry" != "$package" ] && command -v "${entry%%:*}" >/dev/null; then
        continue
    fi
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    die "These packages are missing and installing them needs root; run as root: apt-get install$missing"

step "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
install_missing() {
    as_root apt-get install -y --no-install-recommends $missing </dev/null
}
# The package lists of a fresh machine are empty or old: fetch them only when they are in the way.
install_missing || { as_root apt-get update </dev/null && install_missing; } ||
    die "apt-get could not install:$missing"
