"""ColdFire's exceptions (ColdFire Family Programmer's Reference Manual, chapter 11; QEMU's ``cf_interrupt_all``).

An exception pushes two long words, format with vector and status register, and the return address, at an aligned
address.  No instruction that jumps moves the stack pointer in that way.
"""

from __future__ import annotations

from gdbtrace.arch.model import AddressKind, Registers, StateBefore, SystemLevel, Taken

_SUPERVISOR = 1 << 13
_FRAME_BYTES = 8
_TRACE = 9
_AUTOVECTORS, _FIRST_USER_VECTOR = range(24, 32), 64
"""Vectors of interrupts."""


def _taken(before: StateBefore, after: Registers) -> Taken | None:
    if after["pc"] == before["pc"] + len(before.instruction) or not after["ps"] & _SUPERVISOR:
        return None
    frame = after["sp"]
    if before["ps"] & _SUPERVISOR and frame != (before["sp"] & ~3) - _FRAME_BYTES & 0xFFFFFFFF:
        return None
    try:
        pushed = after.read_memory(frame, _FRAME_BYTES)
    except KeyError:
        return None
    number = int.from_bytes(pushed[:4], "big") >> 18 & 0xFF
    is_interrupt = number in _AUTOVECTORS or number >= _FIRST_USER_VECTOR
    return Taken(number, is_interrupt, returns_to=int.from_bytes(pushed[4:], "big"), is_executed=number == _TRACE)


def _physical(registers: Registers, address: int, kind: AddressKind) -> int | None:
    """None of QEMU's ColdFires has a memory management unit."""
    return address


COLDFIRE_SYSTEM = SystemLevel(taken=_taken, physical=_physical)


__all__ = ["COLDFIRE_SYSTEM"]
