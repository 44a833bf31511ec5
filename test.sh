#!/usr/bin/env bash
# All checks: ruff, mypy, pytest.  Arguments go to pytest: ./test.sh -k stepper
#
# --exactness=all compares every program of tests/programs with QEMU on every architecture, not some of them: that is what
# .ci/run does.  While writing code `pytest tests/unit`, which needs no QEMU, takes a minute.
# The first run downloads Debian's busybox-static for other architectures and a kernel into build/ (.ci/foreign; 70 MB of
# lists, and 27 MB of kernel, 110 MB on disk).
#
# Installs what is missing: Debian's qemu-user, qemu-system-* and U-Boot for it, gdb-multiarch, gdbserver, clang and cross
# compilers (as root or with sudo; 0.8 GB to download, 2.9 GB on disk), QEMU 10.0 in build/ (60 MB to download, 350 MB on
# disk), and a Python environment in .venv.  PYTHON names the Python to use (3.11 or newer); python3 by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. .ci/setup.sh

# The tests start some thousand processes of Python; each would compile all of gdbtrace for itself.
unset PYTHONDONTWRITEBYTECODE

say "gdbtrace tests: ruff, mypy, pytest (first installs what is missing: QEMU, gdb, cross compilers, .venv)"
need_packages "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
need_qemu_10_0
need_venv test

failed=()
times=()

# Run one check, whatever became of those before it.
stage() {
    local name=$1 began=$EPOCHREALTIME
    shift
    say "$name"
    "$@" || failed+=("$name")
    times+=("$(awk -v from="$began" -v to="$EPOCHREALTIME" 'BEGIN { printf "%8.1f s", to - from }')  $name")
}

stage "ruff check" ruff check
stage "ruff format" ruff format --check
stage "mypy" mypy
stage "pytest" pytest -n "$(nproc)" --dist worksteal "$@"

say "times"
printf '%s\n' "${times[@]}"
if [[ ${#failed[@]} -gt 0 ]]; then
    say "FAILED: $(printf '%s, ' "${failed[@]}" | sed 's/, $//')"
    exit 1
fi
say "all passed"
