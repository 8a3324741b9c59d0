#!/bin/sh
# Everything `make demo` and `make test` need on a fresh Debian or Ubuntu: apt packages, then .venv.
# Usage: scripts/setup.sh [EXTRAS]      EXTRAS as pip takes them, default "train,cluster,sweep,monitor,dev"
# Exits 4 with the line to run when packages are missing and neither root nor sudo is there to install them.
set -eu
cd "$(dirname "$0")/.."
extras=${1:-train,cluster,sweep,monitor,dev}
python=${PYTHON:-python3}
venv=${VENV:-.venv}

# command-or-file that proves it : Debian package
needed="gcc:gcc arm-none-eabi-gcc:gcc-arm-none-eabi qemu-system-arm:qemu-system-arm"
# Only the tests of `myofin export`: CMake, C++, and a RISC-V to run exported code on (together about 250 MB).
needed="$needed cmake:cmake g++:g++ riscv64-linux-gnu-gcc:gcc-riscv64-linux-gnu qemu-riscv64:qemu-user"
# Only the tests of pages: a browser (about 350 MB).
command -v google-chrome >/dev/null 2>&1 || needed="$needed chromium:chromium"
missing=""
for pair in $needed; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
if ! arm-none-eabi-gcc -print-file-name=libc.a 2>/dev/null | grep -q /; then
    missing="$missing libnewlib-arm-none-eabi"
fi
[ -f /usr/riscv64-linux-gnu/lib/libc.a ] || missing="$missing libc6-dev-riscv64-cross"
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"

if [ -n "$missing" ]; then
    line="apt-get install -y --no-install-recommends$missing"
    if [ "$(id -u)" = 0 ]; then
        sudo=""
    elif sudo -n true 2>/dev/null; then
        sudo="sudo"
    else
        echo "setup: these packages are missing:$missing" >&2
        echo "setup: run this line, then try again:  sudo apt-get update && sudo $line" >&2
        exit 4
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: no apt-get here; install by your system's means:$missing" >&2
        exit 4
    fi
    echo "setup: installing$missing"
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo $line >/dev/null
fi

# The environment is made from pyproject.toml alone and made anew when that changes.
wanted="$("$python" -c 'import sys; print(sys.version)') [$extras] $(cat pyproject.toml scripts/setup.sh | cksum)"
if [ "$(cat "$venv/.myofin-setup" 2>/dev/null)" != "$wanted" ]; then
    echo "setup: making $venv with $("$python" --version) and extras [$extras]; TensorFlow is large, this takes minutes"
    "$python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24" 
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e ".[$extras]"
    printf '%s' "$wanted" >"$venv/.myofin-setup"
fi
