#!/bin/sh
# Style and types. mypy sees the package as it is installed, since the folders are mapped to myofin.*.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
"$bin/ruff" check .
"$bin/ruff" format --check .
git ls-files '*.c' '*.h' | grep -v '^tests/data/' | xargs -r "$bin/clang-format" --dry-run --Werror

installed=out/typecheck
rm -rf "$installed"
"$bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target "$installed" .
MYPYPATH=$installed "$bin/mypy" --cache-dir out/mypy -p myofin
