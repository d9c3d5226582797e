#!/bin/sh
# Installs what is missing: from Debian runc, nftables and iproute2, and a virtual environment with pinned dependencies.
# Does nothing when nothing is missing. `make demo`, `make test`, `make bench` and .ci/run all come through here.
#
# `./setup.sh prometheus` also brings Prometheus and Alertmanager, which the storms about alerts run as pods of the
# embedded cluster. They are unpacked into .venv/bin and not installed: no daemon, no account, no unit of this machine
# is made or touched, whatever Prometheus it may run itself.
set -eu
cd "$(dirname "$0")"

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 69; }

# /usr/sbin holds nft and is not on every user's PATH.
PATH="$PATH:/usr/sbin:/sbin"

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }

apt_install() {
    say "installing from Debian: $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=120 update >&2
    apt-get -qq -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@" >&2
}

find_python() {
    for candidate in python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# The embedded cluster's tools. Without root or off Linux the rest still works against any kubeconfig context.
missing=
for pair in runc:runc nft:nftables ip:iproute2; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
if [ -n "$missing" ]; then
    if can_apt; then
        # shellcheck disable=SC2086  # a list of package names
        apt_install $missing
    else
        say "not here:$missing (the embedded cluster needs them, and root on Linux; --context works without)"
    fi
fi

python=$(find_python) || { can_apt && apt_install python3 && python=$(find_python); } ||
    fail "no Python 3.11 or newer found; install one (Debian 12, Ubuntu 24.04 and newer have it as python3)"

wanted="$(cksum < requirements.lock) $("$python" -c 'import sys; print(sys.base_prefix, sys.version)')"
if [ "$(cat .venv/seawall-stamp 2>/dev/null || true)" != "$wanted" ]; then
    "$python" -c 'import ensurepip' 2>/dev/null || { can_apt && apt_install python3-venv; } ||
        fail "Python's venv module is not whole; install python3-venv"
    say "making .venv with the pinned dependencies (about a minute)"
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock >&2
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . >&2
    printf '%s\n' "$wanted" > .venv/seawall-stamp
fi

unpack_prometheus() {
    command -v dpkg-deb >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 ||
        { say "no Prometheus: its packages are Debian's, and this is another system (--context works without)"; return 0; }
    say "unpacking Prometheus and Alertmanager from Debian's packages into .venv/bin"
    box=$(mktemp -d)
    trap 'rm -rf "$box"' EXIT
    { [ "$(id -u)" = 0 ] && apt-get -qq -o DPkg::Lock::Timeout=120 update >&2; } || true
    if ! (cd "$box" && apt-get -qq -o APT::Sandbox::User=root download prometheus prometheus-alertmanager >&2); then
        say "no Prometheus: its packages could not be fetched; the storms about alerts will say that its image is missing"
        return 0
    fi
    for package in "$box"/*.deb; do dpkg-deb --extract "$package" "$box/unpacked"; done
    # Without its templates Alertmanager does not start; the public image has them inside the program.
    mkdir -p ".venv/$templates"
    install -m 644 "$box/unpacked/usr/$templates"/*.tmpl ".venv/$templates/"
    for program in $prometheus; do install -m 755 "$box/unpacked/usr/bin/$program" .venv/bin/; done
}

prometheus="prometheus promtool prometheus-alertmanager amtool"
templates=share/prometheus/alertmanager
if [ "${1:-}" = prometheus ]; then
    for program in $prometheus; do
        [ -x ".venv/bin/$program" ] || command -v "$program" >/dev/null 2>&1 || { unpack_prometheus; break; }
    done
fi
