#!/bin/sh
# Make .venv anew: the lock files named as arguments, then this checkout. The first lock file must
# install; what of the others does not is said, and is an error only with CI=true.
set -eu

PYTHON=${PYTHON:-python3}
UV=${UV:-uv}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

oldest=$(sed -n 's/^requires-python = ">=\([0-9.]*\)"$/\1/p' pyproject.toml)
found=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
    fail "There is no '$PYTHON' that runs. TinyTorch needs Python $oldest or newer." \
        "Name another one: make PYTHON=python3.12 setup"
"$PYTHON" -c 'import sys; old, new = [[int(n) for n in v.split(".")] for v in sys.argv[1:]]; sys.exit(new < old)' \
    "$oldest" "$found" ||
    fail "'$PYTHON' is Python $found; TinyTorch needs $oldest or newer." \
        "Name another one: make PYTHON=python3.12 setup"

if command -v "$UV" >/dev/null 2>&1; then
    "$UV" venv --quiet --clear --seed --no-python-downloads --python "$(command -v "$PYTHON")" .venv
    install() { "$UV" pip install --quiet --python .venv/bin/python "$@"; }
else
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "'$PYTHON' cannot make an environment: its module venv or ensurepip is missing." \
            "On Debian and Ubuntu: apt-get install python3-venv"
    "$PYTHON" -m venv --clear .venv
    install() { .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check "$@"; }
fi

install --require-hashes -r "$1"
install --no-deps --no-build-isolation -e .
shift
for lock in "$@"; do
    echo "installing $lock"
    install --require-hashes -r "$lock" || {
        [ "${CI:-}" != true ] || fail "$lock could not be installed."
        echo "! $lock could not be installed: what needs it does not run here." >&2
    }
done

# pip and not uv: only pip looks everywhere this machine has been told to look.
[ "${CI:-}" != true ] || .venv/bin/python -m pip install --quiet --quiet -r requirements/not-locked.in
