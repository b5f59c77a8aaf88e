# Shared by the scripts: a virtual environment with the project and what it is tested with, made once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
VENV="${HARNESS_VENV:-.venv}"
PYTHON="$VENV/bin/python"
unset PYTHONDONTWRITEBYTECODE # each file that is used is compiled once, when it first is

# install EXTRA: make the environment; done again only when setup.py or constraints.txt changed.
install() {
    local stamp="$VENV/.installed${1:+-$1}" want
    want="$(cat setup.py constraints.txt | sha256sum)"
    if [ -x "$PYTHON" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then
        return
    fi
    local base="${HARNESS_PYTHON:-python3}"
    "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set HARNESS_PYTHON" >&2; exit 1; }
    echo "installing into $VENV (once; a few minutes)" >&2
    [ -x "$PYTHON" ] || "$base" -m venv "$VENV"
    "$PYTHON" -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt --editable ".${1:+[$1]}"
    # curvlinops, a gold of the tests, asks for torchvision, which must match the build of torch and which it never imports.
    [ "${1:-}" != test ] || "$PYTHON" -m pip install --quiet --no-compile --disable-pip-version-check --no-deps --constraint constraints.txt curvlinops-for-pytorch
    echo "$want" > "$stamp"
}
