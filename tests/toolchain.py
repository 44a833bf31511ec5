"""Building what the system tests run: guests with the cross compilers, the oracle plugin. Missing tools are errors."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).parent
GUESTS = TESTS.parent / "vm-images" / "user"

COMPILERS = {
    "sparc64": ["sparc64-linux-gnu-gcc"],
    "sparc32plus": ["sparc64-linux-gnu-gcc", "-m32"],
    "sparc": ["sparc64-linux-gnu-gcc", "-m32", "-mcpu=v8", "-mno-v8plus", "-Wa,-Av8"],
    "ppc": ["powerpc-linux-gnu-gcc"],
    "ppc64": ["powerpc64-linux-gnu-gcc"],
    "ppc64le": ["powerpc64le-linux-gnu-gcc"],
    "arm": ["arm-linux-gnueabihf-gcc"],
    "aarch64": ["aarch64-linux-gnu-gcc"],
    "x86_64": ["x86_64-linux-gnu-gcc"],
    "i386": ["i686-linux-gnu-gcc"],
    "mips": ["mips-linux-gnu-gcc"],
    "mipsel": ["mipsel-linux-gnu-gcc"],
    "mips64": ["mips64-linux-gnuabi64-gcc"],
    "mips64el": ["mips64el-linux-gnuabi64-gcc"],
    "riscv64": ["riscv64-linux-gnu-gcc"],
    "riscv32": ["riscv64-linux-gnu-gcc", "-march=rv32gc", "-mabi=ilp32d", "-nostdlib"],
    "s390x": ["s390x-linux-gnu-gcc"],
}
"""Each has a static glibc but riscv32 and plain v8 sparc, whose programs are libc-free (glibc for 32-bit SPARC is
v8plus)."""


class Workshop:
    """A directory that all test processes of a run share; each thing in it is built once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def program(self, arch: str, source: Path, *flags: str, name: str = "") -> Path:
        """A program built by the architecture's compiler of :data:`COMPILERS`."""
        command = [*COMPILERS[arch], "-O2", "-static", *flags, str(source)]
        return self._built(f"{name or source.stem}.{arch}", command)

    def oracle(self) -> Path:
        """The plugin for Debian 12's QEMU 7.2."""
        source = TESTS / "exactness" / "memtrace.c"
        return self._built("memtrace.so", ["gcc", "-O2", "-shared", "-fPIC", "-DPLUGIN_API=1", str(source)])

    def _built(self, name: str, command: Sequence[str]) -> Path:
        target = self._directory / name
        with (self._directory / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                partial = target.with_name(f"{name}.part")
                subprocess.run([*command, "-o", str(partial)], check=True)
                os.replace(partial, target)
        return target
