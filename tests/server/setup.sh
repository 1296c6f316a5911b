#!/usr/bin/env bash
# Puts Debian's nginx into the build folder, for test_nginx.py. It is unpacked, not installed: the
# package would start a web server on this machine. Does nothing where there is an nginx.
. "$(dirname "$0")/../../tools/common.sh"

nginx=$(realpath -m "$BUILD/nginx")
if [ -x "$nginx/usr/sbin/nginx" ] || PATH="$PATH:/usr/sbin" command -v nginx >/dev/null; then
    exit 0
fi
step "Unpacking nginx"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
download() {
    apt-get -o APT::Sandbox::User=root download nginx # apt's own user may not write here
}
download || { as_root apt-get update </dev/null && download; } ||
    die "apt-get could not download nginx"
dpkg-deb --extract nginx_*.deb unpacked
rm -rf "$nginx"
mv unpacked "$nginx"
