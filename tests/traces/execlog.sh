#!/usr/bin/env bash
# Makes the .execlog files anew: what QEMU's own execlog plugin prints of the programs whose traces are here, and, of a
# CISC guest and of firmware, of the instructions that its filters let through.  The plugin is contrib/plugins/execlog.c of
# Debian 12's `apt-get source qemu` (7.2), built with libglib2.0-dev:
#   gcc -O2 -shared -fPIC -I include/qemu contrib/plugins/execlog.c $(pkg-config --cflags --libs glib-2.0) -o PLUGIN
# usage: execlog.sh PLUGIN
set -euo pipefail
plugin=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"

# execlog ARCH PROGRAM FILTERS: with the arguments and the environment that gdbtrace gives a guest.
execlog() {
    (
        cd "$(dirname "$2")"
        env -i "qemu-$1" -seed 1 -plugin "$plugin$3" -d plugin -D "$OLDPWD/$1.execlog" "$(basename "$2")" >/dev/null
    ) || true
}

execlog sparc64 sparc64.elf ""
execlog aarch64 aarch64.elf ""
execlog x86_64 ../../vm-images/user/x86_64/guest ,ifilter=call,ifilter=push,afilter=0x401900

# Firmware: what its first processor loads and stores before the first interrupt, which comes when it likes.
firmware=../../vm-images/firmware/aarch64/virt-aarch64.elf
qemu-system-aarch64 -machine virt -cpu cortex-a57 -smp 2 -kernel "$firmware" -display none -serial null \
    -plugin "$plugin,ifilter=ldr,ifilter=ldp,ifilter=str,ifilter=stp" -d plugin -D virt-aarch64.execlog
sed -i -n '/^0, /p;500q' virt-aarch64.execlog
