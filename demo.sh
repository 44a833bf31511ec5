#!/usr/bin/env bash
# Trace a small SPARC64 program, one instruction at a time, and show what the trace holds.
#
# Installs what is missing: Debian's qemu-user and gdb-multiarch (as root or with sudo), and a Python environment in
# .venv.  PYTHON names the Python to use (3.11 or newer); python3 by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. .ci/setup.sh

GUEST=vm-images/user/sparc64/guest

say "gdbtrace demo: trace a SPARC64 program under QEMU (first installs what is missing: qemu-user, gdb-multiarch, .venv)"
need_packages "${RUN_PACKAGES[@]}"
need_venv

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trace=$folder/guest.frames

say "gdbtrace run: $GUEST under qemu-sparc64, every instruction stepped"
gdbtrace run --arch sparc64 "$GUEST" -o "$trace"

say "gdbtrace info: what the trace holds"
gdbtrace info "$trace"

say "gdbtrace log: its first 15 lines"
gdbtrace log "$trace" >"$folder/log"
head -n 15 "$folder/log"

say "the same for a program of yours: .venv/bin/gdbtrace run PROGRAM"
