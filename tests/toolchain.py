"""Building what the system tests run: guests with the cross compilers, the oracle plugin. Missing tools are errors."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from gdbtrace.arch.registry import ARCHITECTURES

TESTS = Path(__file__).parent
GUESTS = TESTS.parent / "vm-images" / "user"
QEMU_10_0 = TESTS.parent / "build" / "qemu-10.0"
"""Where .ci/setup.sh puts the emulators of QEMU 10.0."""

COMPILERS = {
    "sparc64": ["sparc64-linux-gnu-gcc"],
    "sparc32plus": ["sparc64-linux-gnu-gcc", "-m32"],
    "sparc": ["sparc64-linux-gnu-gcc", "-m32", "-mcpu=v8", "-mno-v8plus", "-Wa,-Av8"],
    "ppc": ["powerpc-linux-gnu-gcc"],
    "ppc64": ["powerpc64-linux-gnu-gcc"],
    "ppc64le": ["powerpc64le-linux-gnu-gcc"],
    "arm": ["arm-linux-gnueabihf-gcc"],
    "armeb": ["arm-linux-gnueabihf-gcc", "-mbig-endian"],
    "aarch64": ["aarch64-linux-gnu-gcc"],
    "aarch64_be": ["aarch64-linux-gnu-gcc", "-mbig-endian"],
    "x86_64": ["x86_64-linux-gnu-gcc"],
    "i386": ["i686-linux-gnu-gcc"],
    "mips": ["mips-linux-gnu-gcc"],
    "mipsel": ["mipsel-linux-gnu-gcc"],
    "mips64": ["mips64-linux-gnuabi64-gcc"],
    "mips64el": ["mips64el-linux-gnuabi64-gcc"],
    "riscv64": ["riscv64-linux-gnu-gcc"],
    "riscv32": ["riscv64-linux-gnu-gcc", "-march=rv32gc", "-mabi=ilp32d", "-nostdlib"],
    "s390x": ["s390x-linux-gnu-gcc"],
    "hexagon": ["clang", "--target=hexagon", "-mv67", "-fuse-ld=lld", "-nostdlib"],
    "alpha": ["alpha-linux-gnu-gcc"],
    "hppa": ["hppa-linux-gnu-gcc"],
    "m68k": ["m68k-linux-gnu-gcc"],
    "sh4": ["sh4-linux-gnu-gcc", "-nostdlib"],
}
"""Each has a static glibc but hexagon, riscv32, plain v8 sparc (glibc for 32-bit SPARC is v8plus), armeb and aarch64_be
(Debian has none), whose programs are libc-free. Alpha's crashes and sh4's hangs under QEMU
itself."""

DEBIAN = {
    "aarch64": "arm64",
    "arm": "armhf",
    "i386": "i386",
    "mipsel": "mipsel",
    "mips64el": "mips64el",
    "ppc64le": "ppc64el",
    "s390x": "s390x",
}
"""Debian's names of the architectures whose packages are traced."""


def qemu_10_0(arch: str) -> Path:
    """The user-mode emulator of QEMU 10.0, which is not the installed one.

    :raise FileNotFoundError: it is not there.
    """
    emulator = QEMU_10_0 / f"qemu-{arch}"
    if not emulator.exists():
        raise FileNotFoundError(f"{emulator}: not there; ./test.sh brings it")
    return emulator


def traced_with(arch: str) -> Path | None:
    """The emulator for those architectures that the installed one's stub cannot be traced with; None: it can."""
    return qemu_10_0(arch) if ARCHITECTURES[arch].least_qemu else None


class Workshop:
    """A directory that all test processes of a run share; each thing in it is built once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def program(self, arch: str, source: Path, *flags: str, name: str = "") -> Path:
        """A program built by the architecture's compiler of :data:`COMPILERS`."""
        command = [*COMPILERS[arch], "-O2", "-static", *flags, str(source)]
        return self._built(f"{name or source.stem}.{arch}", command)

    def movable_program(self, arch: str, source: Path, kind: str) -> Path:
        """A position-independent program.

        :param kind: ``-pie``, which needs its loader and libraries, or ``-static-pie``.
        """
        return self._built(f"{source.stem}{kind}.{arch}", [*COMPILERS[arch], "-O2", "-fPIE", kind, str(source)])

    def oracle(self) -> Path:
        """The plugin for Debian 12's QEMU 7.2."""
        return self.library(TESTS / "exactness" / "memtrace.c", "-DPLUGIN_API=1")

    def library(self, source: Path, *flags: str) -> Path:
        """A shared library for this machine."""
        return self._built(f"{source.stem}.so", ["gcc", "-O2", "-shared", "-fPIC", *flags, str(source)])

    def debian(self, package: str, arch: str) -> Path:
        """The directory that Debian's package for an architecture is unpacked in."""
        return self._unpacked(package, *DEBIAN.values()) / DEBIAN[arch]

    def kernel(self) -> Path:
        """Debian's Linux for x86-64 virtual machines."""
        [kernel] = (self._unpacked("linux-image-cloud-amd64", "amd64") / "amd64" / "boot").glob("vmlinuz-*")
        return kernel

    @staticmethod
    def _unpacked(package: str, *architectures: str) -> Path:
        subprocess.run([str(TESTS.parent / ".ci" / "foreign"), package, *architectures], check=True)
        return TESTS.parent / "build" / "foreign" / package

    def made(self, name: str, make: Callable[[Path], object]) -> Path:
        """A file that whoever asks first makes."""
        target = self._directory / name
        with (self._directory / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                partial = target.with_name(f"{name}.part")
                make(partial)
                os.replace(partial, target)
        return target

    def _built(self, name: str, command: Sequence[str]) -> Path:
        return self.made(name, lambda target: subprocess.run([*command, "-o", str(target)], check=True))
