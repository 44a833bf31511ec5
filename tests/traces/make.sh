#!/usr/bin/env bash
# Makes the programs and traces of this directory anew: Debian 12's cross compilers and QEMU 7.2.
# tests/unit/test_cache.py says how *.cache.txt and *.qemu-cache-*.txt were made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

make_one() {
    local arch=$1
    shift
    "$@" -g -O1 -fno-inline -fno-builtin -nostdlib -static -ffreestanding -fno-stack-protector -fno-pic -no-pie \
        -Wl,--build-id=none -ffile-prefix-map="$PWD"=. -o "$arch.elf" program.c
    gdbtrace run --engine rsp --registers touched --reproducible --arch "$arch" -o "$arch.frames" "$arch.elf"
}

make_one sparc64 sparc64-linux-gnu-gcc
make_one aarch64 aarch64-linux-gnu-gcc
