"""All architectures, by name, and which one a program is for."""

from __future__ import annotations

from collections.abc import Mapping

from gdbtrace.arch.aarch64 import AARCH64, AARCH64_BE, AARCH64_MACHINE
from gdbtrace.arch.alpha import ALPHA
from gdbtrace.arch.arm import ARM, ARM_M, ARM_MACHINE, ARMEB
from gdbtrace.arch.avr import AVR, AVR6
from gdbtrace.arch.hexagon import HEXAGON
from gdbtrace.arch.hppa import HPPA
from gdbtrace.arch.m68k import COLDFIRE, M68K
from gdbtrace.arch.mips import MIPS, MIPS64, MIPS64EL, MIPSEL
from gdbtrace.arch.mips_machine import MIPS_MACHINES
from gdbtrace.arch.model import Arch
from gdbtrace.arch.ppc import PPC, PPC64, PPC64_MACHINE, PPC64LE, PPC_MACHINE
from gdbtrace.arch.riscv import RISCV32, RISCV64
from gdbtrace.arch.s390x import S390X, S390X_SYSTEM
from gdbtrace.arch.sh4 import SH4, SH4_MACHINE
from gdbtrace.arch.sparc import SPARC, SPARC32PLUS, SPARC64, SPARC64_MACHINE, SPARC_MACHINE
from gdbtrace.arch.tricore import TRICORE
from gdbtrace.arch.x86 import I386, I386_MACHINE, I386_PROCESSOR, X86_64, X86_64_MACHINE, X86_64_PROCESSOR
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


MACHINES: Mapping[str, Arch] = {
    arch.name: arch
    for arch in (
        *(each for each in ARCHITECTURES.values() if each.system is not None),
        ARM_MACHINE,
        ARM_M,
        AARCH64_MACHINE,
        I386_MACHINE,
        X86_64_MACHINE,
        SPARC64_MACHINE,
        SPARC_MACHINE,
        TRICORE,
        AVR,
        AVR6,
        COLDFIRE,
        SH4_MACHINE,
        S390X_SYSTEM,
        PPC64_MACHINE,
        PPC_MACHINE,
        *MIPS_MACHINES,
    )
}
"""The same as firmware sees them, and those that only firmware is for."""


PROCESSORS: Mapping[str, Arch] = {**ARCHITECTURES, **{arch.name: arch for arch in (I386_PROCESSOR, X86_64_PROCESSOR)}}
"""Architectures as a processor runs a program, where what is known of QEMU does not hold."""


def architecture_named(name: str, *, is_machine: bool = False) -> Arch:
    """The architecture of that name, for programs or for firmware.

    :raise UsageError: there is none.
    """
    known = MACHINES if is_machine else ARCHITECTURES
    if name not in known:
        raise UsageError(f"no architecture {name!r}{nearest(name, known)}; `gdbtrace archs` lists them")
    return known[name]


def architecture_of(machine: str, bits: int, byte_order: str, among: Mapping[str, Arch] = ARCHITECTURES) -> Arch | None:
    """The architecture that an ELF header is for, or None.

    :param machine: ``e_machine`` as pyelftools names it.
    """
    for arch in among.values():
        identity = arch.elf
        if (identity.machine, identity.bits, identity.byte_order) == (machine, bits, byte_order):
            return arch
    return None
