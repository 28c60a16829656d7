#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The virtual environment that the commands of a checkout share. Read by scripts that stand at its top.

# Makes .venv hold the extra $1 of pyproject.toml, of PYTHON (default python3). Nothing is done when it does already;
# it is made anew when the interpreter is another. Returns 1, the reason said on standard error.
venv_ready() {
    local extra=$1 python=${PYTHON:-python3} wanted stamp said name
    local identity='import sys; print(sys.version, sys.base_prefix)'
    wanted=$("$python" -c "$identity") || return 1
    stamp=$(printf '%s\n' "$wanted" | cat - pyproject.toml | sha256sum)
    # dev holds fleet.
    for name in "$extra" dev; do
        [ "$(cat ".venv/stamp-$name" 2>/dev/null)" != "$stamp" ] || return 0
    done
    printf '    .venv with %s\n' "$("$python" --version)"
    if [ "$(.venv/bin/python -c "$identity" 2>/dev/null)" != "$wanted" ]; then
        said=$("$python" -m venv --clear .venv 2>&1) || { printf '%s\n' "$said" >&2; return 1; }
    fi
    said=$(.venv/bin/pip install --quiet --disable-pip-version-check --editable ".[$extra]" 2>&1) ||
        { printf '%s\n' "$said" >&2; return 1; }
    printf '%s\n' "$stamp" >".venv/stamp-$extra"
}
