"""QEMU's log of exceptions (``-d int``), whose lines are different on every architecture."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from gdbtrace.trace import ExceptionFrame, Frame, StdFrame


class Taken(NamedTuple):
    """An exception or interrupt, as far as the log tells of it."""

    number: int
    address: int | None
    """Where it was taken; None: the log says something else, or nothing."""


class _Format(NamedTuple):
    pattern: str
    """A multi-line regular expression of one entry, with the group ``number`` and perhaps ``address``."""
    number_of: Callable[[re.Match[str]], int] = lambda match: int(match["number"], 16)
    """gdbtrace's number of an entry."""
    log_number: Callable[[int], int] = lambda number: number
    """What of gdbtrace's number the log knows."""
    unlogged: frozenset[int] = frozenset()
    """gdbtrace's numbers of what it leaves out."""


def _renumbered(numbers: Mapping[int, int]) -> Callable[[re.Match[str]], int]:
    return lambda match: numbers.get(int(match["number"]), int(match["number"]))


_A_PROFILE = {5: 6, 6: 7, 7: 3}
"""QEMU's numbers (target/arm/cpu.h) -> vectors, where they differ: IRQ, FIQ, BKPT."""
_BOOKE = {96: 6}
"""HV_EMU becomes a program exception where there is no hypervisor."""
_S390X = {-1: 0x130, 1: 0x130, 2: 0x140, 3: 0x150, 4: 0x120, 7: 0x170, 8: 0x160}
"""EXCP_EXT, SVC, PGM, RESTART, IO, MCHK of target/s390x/cpu.h -> where the old PSW is kept. -1: an interrupt, of which
our guests have external ones alone."""


def _of_aarch64(match: re.Match[str]) -> int:
    """Offset of the vector, and ESR's class of a synchronous exception."""
    offset = int(match["vector"], 16) & 0x7FF
    return offset | (0 if offset & 0x180 else int(match["number"] or "0", 16))


# The log has the bit of an interrupt apart.
_RISCV = _Format(
    r"async:[01], cause:(?P<number>[0-9a-f]+), epc:0x(?P<address>[0-9a-f]+)", log_number=lambda number: number & 0xFF
)
_SPARC = _Format(r"^ *\d+: .*\(v=(?P<number>[0-9a-f]+)\)\npc: (?P<address>[0-9a-f]+)")
_X86 = _Format(r"^ *\d+: v=(?P<number>[0-9a-f]+) .* pc=(?P<address>[0-9a-f]+)")
_PPC = _Format(r"Raise exception at (?P<address>[0-9a-f]+) => \w+ \((?P<number>\d+)\)", _renumbered(_BOOKE))
_MIPS = _Format(
    r"do_interrupt: PC .* cause (?P<number>\d+)", lambda match: int(match["number"]), unlogged=frozenset({0})
)
"""Not interrupts."""
FORMATS: Mapping[str, _Format] = {
    "riscv32": _RISCV,
    "riscv64": _RISCV,
    "sparc": _SPARC,
    "sparc64": _SPARC,
    "i386": _X86,
    "x86_64": _X86,
    "ppc": _PPC,
    "mips": _MIPS,
    "mipsel": _MIPS,
    "arm": _Format(
        r"Taking exception (?P<number>\d+) \[.*\n(?:\.\.\.(?:from|with) .*\n)*+(?!\.\.\.handled)",
        _renumbered(_A_PROFILE),
    ),
    "arm-m": _Format(r"taking pending \w+ exception (?P<number>\d+)", lambda match: int(match["number"])),
    "aarch64": _Format(
        r"Taking exception .*\n\.\.\.from .*\n(?:\.\.\.with ESR 0x(?P<number>[0-9a-f]+)/.*\n)?(?:\.\.\.with .*\n)*"
        r"\.\.\.to EL\d PC 0x(?P<vector>[0-9a-f]+)",
        _of_aarch64,
    ),
    "s390x": _Format(
        r"s390_cpu_do_interrupt: (?P<number>-?\d) at psw=\w+:(?P<address>[0-9a-f]+)",
        lambda match: _S390X[int(match["number"])],
        lambda number: number >> 16,
    ),
    "sh4": _Format(r"(?:exception|interrupt) 0x(?P<number>[0-9a-f]+) \[.*\npc=0x(?P<address>[0-9a-f]+)"),
    "coldfire": _Format(r"INT +\d+: .*\(0x(?P<number>[0-9a-f]+)\) pc=", lambda match: int(match["number"], 16) // 4),
}
"""QEMU's TriCore and AVR log nothing."""


def logged(arch: str, log: str) -> list[Taken]:
    """What the log has."""
    found = []
    for match in re.finditer(FORMATS[arch].pattern, log, re.MULTILINE):
        address = match.groupdict().get("address")
        found.append(Taken(FORMATS[arch].number_of(match), None if address is None else int(address, 16)))
    return found


def traced(arch: str, frames: Iterable[Frame]) -> list[Taken]:
    """What the log should have of a trace's exceptions."""
    has_address = "(?P<address>" in FORMATS[arch].pattern
    found = []
    mode: str | None = None
    for frame in frames:
        if isinstance(frame, StdFrame):
            mode = frame.mode
        elif (
            isinstance(frame, ExceptionFrame)
            and mode not in _UNLOGGED_MODES
            and frame.exception_number not in FORMATS[arch].unlogged
        ):
            number = FORMATS[arch].log_number(frame.exception_number)
            found.append(Taken(number, frame.from_addr if has_address else None))
    return found


_UNLOGGED_MODES = {"x86:16"}
"""Real mode (``do_interrupt_all`` of QEMU's target/i386/tcg/seg_helper.c)."""
