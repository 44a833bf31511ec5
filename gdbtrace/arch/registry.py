"""All architectures, by name, and which one a program is for."""

from __future__ import annotations

from collections.abc import Mapping

from gdbtrace.arch.aarch64 import AARCH64, AARCH64_BE
from gdbtrace.arch.alpha import ALPHA
from gdbtrace.arch.arm import ARM, ARMEB
from gdbtrace.arch.hexagon import HEXAGON
from gdbtrace.arch.hppa import HPPA
from gdbtrace.arch.m68k import M68K
from gdbtrace.arch.mips import MIPS, MIPS64, MIPS64EL, MIPSEL
from gdbtrace.arch.model import Arch
from gdbtrace.arch.ppc import PPC, PPC64, PPC64LE
from gdbtrace.arch.riscv import RISCV32, RISCV64
from gdbtrace.arch.s390x import S390X
from gdbtrace.arch.sh4 import SH4
from gdbtrace.arch.sparc import SPARC, SPARC32PLUS, SPARC64
from gdbtrace.arch.x86 import I386, X86_64
from gdbtrace.errors import UsageError, nearest

ARCHITECTURES: Mapping[str, Arch] = {
    arch.name: arch
    for arch in (
        SPARC64,
        SPARC32PLUS,
        SPARC,
        PPC,
        PPC64,
        PPC64LE,
        ARM,
        ARMEB,
        AARCH64,
        AARCH64_BE,
        X86_64,
        I386,
        MIPS,
        MIPSEL,
        MIPS64,
        MIPS64EL,
        RISCV64,
        RISCV32,
        S390X,
        HEXAGON,
        ALPHA,
        HPPA,
        M68K,
        SH4,
    )
}


def architecture_named(name: str) -> Arch:
    """The architecture of that name.

    :raise UsageError: there is none.
    """
    if name not in ARCHITECTURES:
        raise UsageError(f"no architecture {name!r}{nearest(name, ARCHITECTURES)}; `gdbtrace archs` lists them")
    return ARCHITECTURES[name]


def architecture_of(machine: str, bits: int, byte_order: str) -> Arch | None:
    """The architecture that an ELF header is for, or None.

    :param machine: ``e_machine`` as pyelftools names it.
    """
    for arch in ARCHITECTURES.values():
        identity = arch.elf
        if (identity.machine, identity.bits, identity.byte_order) == (machine, bits, byte_order):
            return arch
    return None
