"""SH-4 as firmware sees it: exceptions, and the areas of its address space (SH-4 Software Manual, sections 3 and 5).

References for QEMU: ``target/sh4/helper.c`` and ``hw/sh4/sh7750.c``.  The registers of the memory management unit and
of exceptions are at physical addresses; QEMU's monitor reads them without any effect.  QEMU's own translation counts
MMUCR.URC, which chooses the entry that LDTLB replaces: so addresses are looked up in what the monitor shows of the
TLB.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gdbtrace.arch.model import AddressKind, MonitorCommand, Registers, StateBefore, SystemLevel, Taken

_PRIVILEGED, _BLOCKED = 1 << 30, 1 << 28
"""SR.MD, SR.BL."""
_TRANSLATING, _SINGLE_VIRTUAL = 1, 1 << 8
"""MMUCR.AT, MMUCR.SV."""
_GENERAL, _TLB_MISS, _INTERRUPT = 0x100, 0x400, 0x600
"""Offsets from VBR."""
_SLEEP = b"\x1b\x00"
_P1, _P3, _P4 = 0x80000000, 0xC0000000, 0xE0000000
"""Where areas begin: P1 and P2 show physical memory, P4 the processor's own registers."""
_EXTERNAL = 0x1FFFFFFF
_PHYSICAL = {"asid": 0x1F000000, "mmucr": 0x1F000010, "expevt": 0x1F000024, "intevt": 0x1F000028}
"""PTEH, of which the ASID is the lowest byte; what is above it comes and goes with TLB misses."""
_ENTRY = re.compile(
    r"tlb\d+:\s*asid=(?P<asid>\d+) vpn=(?P<vpn>[0-9a-f]+)\s+ppn=(?P<ppn>[0-9a-f]+)\s+"
    r"sz=\d+ size=(?P<size>\d+)\s+v=(?P<valid>\d) shared=(?P<shared>\d)"
)


def is_of_translation(address: int) -> bool:
    """Whether a store to a virtual address is to a register or an array of the memory management unit."""
    return 0xF2000000 <= address < 0xF8000000 or address & 0xFFFFFF00 in (0xFF000000, 0x1F000000)


def _taken(before: StateBefore, after: Registers) -> Taken | None:
    # Nothing else jumps and sets SR.BL. Where it is set already, only an interrupt that ends a sleep is taken.
    pc, come_from = after["pc"], before["pc"]
    if pc == come_from + len(before.instruction) or not after["sr"] & _BLOCKED:
        return None
    if before["sr"] & _BLOCKED and before.instruction != _SLEEP:
        return None
    offset = pc - after["vbr"] & 0xFFFFFFFF
    if offset == _INTERRUPT:
        return Taken(after.anew("intevt"), is_interrupt=True, returns_to=after["spc"])
    if offset in (_GENERAL, _TLB_MISS):
        return Taken(after.anew("expevt"))
    return None


def _physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
    if address >= _P4:
        return address
    if _P1 <= address < _P3 or not registers["mmucr"] & _TRANSLATING:
        return address & _EXTERNAL
    return None


class _TlbEntry(NamedTuple):
    """A valid one."""

    start: int
    size: int
    physical: int
    address_space: int
    is_shared: bool


def _entries_of(text: str) -> list[_TlbEntry]:
    found = []
    for row in _ENTRY.finditer(text):
        size = int(row["size"])
        if row["valid"] == "1" and size:
            start, physical = (int(row[name], 16) << 10 & -size for name in ("vpn", "ppn"))
            found.append(_TlbEntry(start, size, physical, int(row["asid"]), row["shared"] == "1"))
    return found


def _translate(monitor: MonitorCommand, registers: Registers, address: int, kind: AddressKind) -> int | None:
    fetched, loaded = monitor("info tlb").split("UTLB:")
    candidates = _entries_of(loaded)
    if kind is AddressKind.CODE:
        candidates = [*_entries_of(fetched), *candidates]
    any_space = registers["mmucr"] & _SINGLE_VIRTUAL and registers["sr"] & _PRIVILEGED
    space = registers["asid"]
    for entry in candidates:
        is_visible = any_space or entry.is_shared or entry.address_space == space
        if is_visible and 0 <= address - entry.start < entry.size:
            return entry.physical | address - entry.start
    return None


SH4_SYSTEM = SystemLevel(
    taken=_taken,
    physical=_physical,
    translate=_translate,
    address_space="asid",
    monitored={**dict.fromkeys(_PHYSICAL, r": 0x([0-9a-f]+)"), "asid": r": 0x[0-9a-f]{6}([0-9a-f]{2})"},
    printed_by={name: f"xp /1wx {address:#x}" for name, address in _PHYSICAL.items()},
    has_empty_steps=True,
)


__all__ = ["SH4_SYSTEM", "is_of_translation"]
