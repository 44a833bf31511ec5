"""SPARC as firmware sees it: traps and the memory management units of V8 (its manual's appendix H) and UltraSPARC.

A trap's number is its ``tt``.  V8 keeps where the trap came from in two registers of the new window; V9 in registers
that QEMU shows nobody, but its trap level, which rises by every trap, can be seen.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gdbtrace.arch.model import AddressKind, MonitorCommand, Registers, StateBefore, SystemLevel, Taken
from gdbtrace.arch.system.translation import gva2gpa

# --- V8 ---------------------------------------------------------------------------------------------------------------

_ENABLE_TRAPS = 1 << 5
"""PSR.ET: every trap clears it."""
_V8_INTERRUPTS = range(0x11, 0x20)

_PROBES = (0x5A38_0000, 0xA5B0_0000)
"""Two addresses that boot mode takes for the same one of the boot PROM, which has 512 KiB, and nobody else does."""


def _taken_v8(before: StateBefore, after: Registers) -> Taken | None:
    """A trap: traps are off now, and two locals of the new window say where it came from (V8 manual, 7.5)."""
    if after["psr"] & _ENABLE_TRAPS or not before["psr"] & _ENABLE_TRAPS:
        return None
    came_from = after["l1"]
    if after["pc"] != after["tbr"] or (came_from, after["l2"]) not in (
        (before["pc"], before["npc"]),
        (before["npc"], before["npc"] + 4),  # what waited for the interrupt is done
    ):
        return None
    number = after["tbr"] >> 4 & 0xFF
    return Taken(number, number in _V8_INTERRUPTS, came_from)


def _translate_v8(monitor: MonitorCommand, registers: Registers, address: int, kind: AddressKind) -> int | None:
    """QEMU's own translation, which asks how code is fetched from there before it asks what data is.

    That makes a difference only in boot mode, in which code comes from the boot PROM and data from where it says
    (``get_physical_address`` of QEMU's target/sparc/mmu_helper.c).  The registers that say so are nowhere to be seen.
    It sets the accessed bit of the page's entry, as the access is about to do.
    """
    physical = gva2gpa(monitor, registers, address, kind)
    if physical is None or kind is AddressKind.CODE:
        return physical
    first, second = (gva2gpa(monitor, registers, probe, kind) for probe in _PROBES)
    return address if first == second is not None else physical


V8_SYSTEM = SystemLevel(
    taken=_taken_v8,
    physical=lambda registers, address, kind: None,
    translate=_translate_v8,
    address_space="context",
)
"""``context`` is the number that was written to the MMU's context register, which cannot be read without side
effects."""

# --- V9 ---------------------------------------------------------------------------------------------------------------

_STATE_PSTATE_SHIFT = 8
_PRIVILEGED, _RED = 1 << 2, 1 << 5
_V9_INTERRUPTS = frozenset({*range(0x41, 0x50), 0x60})
_PHYSICAL_MASK = (1 << 41) - 1
_TABLE_MASK = (1 << 15) - 1
"""The trap table: 512 entries of 32 bytes, and again for traps above trap level 0."""

_CONTEXTS = re.compile(r"Primary: (\d+), Secondary: (\d+)")
_ENTRY = re.compile(
    r"^\[\d+\] VA: ([0-9a-f]+), PA: ([0-9a-f]+), +(8k|64k|512k|4M), (user|priv), .*ctx (\d+) (global|local)",
    re.MULTILINE,
)
_PAGE_BYTES = {"8k": 1 << 13, "64k": 1 << 16, "512k": 1 << 19, "4M": 1 << 22}


def _taken_v9(before: StateBefore, after: Registers) -> Taken | None:
    """A trap: not what comes next, but an entry of the trap table, and the trap level has risen (V9 manual, 7.6)."""
    pc = after["pc"]
    if pc == before["npc"] or pc & 31 or after["npc"] != pc + 4 or (pc ^ after["tbr"]) & ~_TABLE_MASK:
        return None
    if after.anew("tl") <= before["tl"]:
        return None
    number = pc >> 5 & 0x1FF
    return Taken(number, is_interrupt=number in _V9_INTERRUPTS)


class _Entry(NamedTuple):
    """Of a translation buffer."""

    start: int
    physical: int
    size: int
    is_privileged: bool
    context: int | None
    """None: every one."""


class _Buffers(NamedTuple):
    """What ``info tlb`` prints (``dump_mmu`` of QEMU's target/sparc/mmu_helper.c)."""

    primary: int
    secondary: int
    data: list[_Entry] | None
    """None: switched off."""
    code: list[_Entry] | None

    @staticmethod
    def parse(listing: str) -> _Buffers:
        """:raise ValueError: it is something else."""
        found = _CONTEXTS.search(listing)
        if found is None:
            raise ValueError(listing)
        data, _, code = listing[found.end() :].partition("\nIMMU ")
        return _Buffers(
            int(found[1]),
            int(found[2]),
            _entries(data) if "\nDMMU dump" in data else None,
            _entries(code) if code.startswith("dump") else None,
        )


def _entries(listing: str) -> list[_Entry]:
    return [
        _Entry(
            int(start, 16) & -_PAGE_BYTES[size],
            int(physical, 16),
            _PAGE_BYTES[size],
            privilege == "priv",
            None if reach == "global" else int(context),
        )
        for start, physical, size, privilege, context, reach in _ENTRY.findall(listing)
    ]


def _translate_v9(monitor: MonitorCommand, registers: Registers, address: int, kind: AddressKind) -> int | None:
    """What the translation buffers say: were QEMU asked to translate, an address without an entry would change the
    MMU's registers, which the guest sees.

    As QEMU does it (``cpu_mmu_index``, ``get_asi``), but for the secondary context above trap level 0, which QEMU takes
    for the nucleus unless the ASI is one of an as-if-user access.
    """
    buffers = _Buffers.parse(monitor("info tlb"))
    pstate = registers["state"] >> _STATE_PSTATE_SHIFT
    is_code = kind is AddressKind.CODE
    entries = buffers.code if is_code else buffers.data
    if (entries is None and kind in (AddressKind.CODE, AddressKind.DATA)) or (is_code and pstate & _RED):
        return address & _PHYSICAL_MASK
    context = buffers.primary
    if kind is AddressKind.SECONDARY:
        context = buffers.secondary
    elif kind is AddressKind.NUCLEUS or (kind is not AddressKind.PRIMARY and registers["tl"]):
        context = 0
    for entry in entries or ():
        if entry.start <= address < entry.start + entry.size and entry.context in (None, context):
            if entry.is_privileged and not pstate & _PRIVILEGED:
                return None
            return (entry.physical & -entry.size) + address - entry.start
    return None


V9_SYSTEM = SystemLevel(
    taken=_taken_v9,
    physical=lambda registers, address, kind: None,
    translate=_translate_v9,
    address_space="context",
    monitored={
        "context": r"^MMU contexts: Primary: (?P<decimal>\d+)",
        "tl": r" tl: (?P<decimal>\d+)",
        "tbr": r"^tbr: ([0-9a-f]+)",
    },
    printed_by={"context": "info tlb"},
    noted=("tl",),
)
"""``context`` is the MMU's primary context."""

__all__ = ["V8_SYSTEM", "V9_SYSTEM"]
